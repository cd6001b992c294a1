"""What a delivery points at goes by every name that it has at its destination."""

import msgspec
import pytest

from bridge.contract.delivery import Target
from bridge.delivery.targets import resolve
from bridge.ledger.rows import Copy
from bridge.model.events import Body, Message, Reactions, Redaction, Ref, Text
from bridge.model.ids import EventKey
from tests.doubles.clock import START
from tests.unit.delivery.stage import LANE, Stage, draft

POST = EventKey(LANE.network, "tag:post")
REF = Ref(key=POST)


def copy(id: str, part: int = 0, delivery: str | None = None) -> Copy:
    return Copy(event=POST, channel=LANE, id=id, at=START, part=part, delivery=delivery)


@pytest.mark.parametrize("body", [Reactions(target=REF, keys=("⭐",)), Redaction(target=REF)])
async def test_a_network_that_knows_a_post_by_a_number_only_is_given_it(body: Body) -> None:
    stage = Stage()
    stage.ledger.all_copies += [copy("tag:post"), copy("host:17")]
    delivery = msgspec.structs.replace(draft("1").delivery, body=body, target=Target(event=POST))
    found = await resolve(stage.ledger, delivery)
    assert not isinstance(found, str) and found.target is not None
    assert found.target.ids == ("tag:post", "host:17")


async def test_an_answer_is_to_every_name_and_the_first_part_comes_first() -> None:
    stage = Stage()
    stage.ledger.all_copies += [copy("a", 0, "d1"), copy("a-too", 0, "d1"), copy("b", 1, "d2")]
    delivery = msgspec.structs.replace(draft("1").delivery, body=Message(text=Text(plain="yes")), reply_to=Target(event=POST))
    found = await resolve(stage.ledger, delivery)
    assert not isinstance(found, str) and found.reply_to is not None
    assert (found.reply_to.ids, found.reply_to.ours) == (("a", "b", "a-too"), True)


async def test_a_reaction_is_on_the_first_part() -> None:
    stage = Stage()
    stage.ledger.all_copies += [copy("a"), copy("b", 1), copy("a-too")]
    delivery = msgspec.structs.replace(draft("1").delivery, body=Reactions(target=REF, keys=("⭐",)), target=Target(event=POST))
    found = await resolve(stage.ledger, delivery)
    assert not isinstance(found, str) and found.target is not None
    assert found.target.ids == ("a", "a-too")


@pytest.mark.parametrize(("part", "ids"), [(0, ("a", "b", "a-too")), (1, ("a", "b", "b-too")), (2, ("a", "b"))])
async def test_a_part_that_changes_goes_by_every_name_of_its_own_and_no_others(part: int, ids: tuple[str, ...]) -> None:
    stage = Stage()
    stage.ledger.all_copies += [copy("a", 0), copy("a-too", 0), copy("b", 1), copy("b-too", 1)]
    delivery = msgspec.structs.replace(
        draft("1").delivery, body=Redaction(target=REF), target=Target(event=POST), part=part, parts=3
    )
    found = await resolve(stage.ledger, delivery)
    assert not isinstance(found, str) and found.target is not None
    assert found.target.ids == ids


async def test_what_has_no_copy_there_is_moot() -> None:
    delivery = msgspec.structs.replace(draft("1").delivery, body=Redaction(target=REF), target=Target(event=POST))
    assert await resolve(Stage().ledger, delivery) == "no-copy"
