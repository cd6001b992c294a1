"""What only a digest lists is done, can be brought back once, and says what it says now; what came into a room is found."""

from datetime import timedelta

from bridge.contract.plan import Planned
from bridge.ledger import Ledger
from bridge.ledger.digested import DIGESTED
from bridge.ledger.rows import Entry, Settled, State
from bridge.model.events import Message, Text
from tests.contract.ledger.conftest import Connect
from tests.contract.ledger.kit import IRC, ROOM, THEN, done, draft, say, to
from tests.doubles.clock import FakeClock


async def digested(ledger: Ledger, *ids: str) -> list[Entry]:
    entries = list((await ledger.accept(IRC, [say(id) for id in ids], to(ROOM))).entries)
    await ledger.settle([Settled(id=entry.delivery.id, state=State.DONE, reason=DIGESTED) for entry in entries])
    return entries


async def test_what_is_digested_is_done_and_says_why(connect: Connect) -> None:
    ledger = await connect()
    [entry] = await digested(ledger, "a")
    found = await ledger.entry(entry.delivery.id)
    assert found is not None and (found.state, found.reason) == (State.DONE, DIGESTED)
    assert await ledger.undone(ROOM, 0, 10) == [] and await ledger.dead() == []
    assert await ledger.replay(None) == []


async def test_it_is_brought_back_at_the_end_of_its_lane_and_only_once(connect: Connect, clock: FakeClock) -> None:
    ledger = await connect()
    first, second = await digested(ledger, "a", "b")
    [other] = (await ledger.accept(IRC, [say("c")], to(ROOM))).entries
    [back] = await ledger.recall([first.delivery.id, other.delivery.id, "0" * 32])
    assert (back.delivery, back.state) == (first.delivery, State.PENDING) and back.seq > other.seq
    assert await ledger.recall([first.delivery.id]) == [] == await ledger.recall([])
    assert [entry.delivery.id for entry in await ledger.undone(ROOM, 0, 10)] == [other.delivery.id, first.delivery.id]
    await ledger.settle([done(first.delivery.id, "$1")])
    assert [copy.id for copy in await ledger.copies(first.delivery.event, ROOM)] == ["$1"]
    await ledger.close()
    again = await connect()
    assert [entry.delivery.id for entry in await again.recall([first.delivery.id, second.delivery.id])] == [second.delivery.id]


async def test_all_parts_of_it_come_back_with_the_time_that_they_had(connect: Connect, clock: FakeClock) -> None:
    ledger = await connect()
    event = say("long")
    life = timedelta(hours=2)
    parts = tuple(draft(event, part=part, accepted_at=THEN, expires_at=THEN + life) for part in range(3))
    entries = (await ledger.accept(IRC, [event], lambda event, lookup: Planned(drafts=parts))).entries
    await ledger.settle([Settled(id=entry.delivery.id, state=State.DONE, reason=DIGESTED) for entry in entries])
    await clock.advance(3 * 3600)
    back = await ledger.recall([entries[0].delivery.id])
    assert [entry.delivery.part for entry in back] == [0, 1, 2]
    assert {entry.expires_at for entry in back} == {clock.now() + life}


async def test_what_was_changed_meanwhile_comes_back_as_it_is_now(connect: Connect) -> None:
    ledger = await connect()
    [entry] = await digested(ledger, "a")
    [other] = (await ledger.accept(IRC, [say("b")], to(ROOM))).entries
    better = Message(text=Text(plain="better"))
    for id in (entry.delivery.id, other.delivery.id, "0" * 32):
        await ledger.reword(id, better)
    [back] = await ledger.recall([entry.delivery.id])
    assert back.delivery.body == better
    untouched = await ledger.entry(other.delivery.id)
    assert untouched is not None and untouched.delivery.body == other.delivery.body


async def test_what_came_into_a_room_since_then_is_found_oldest_first(connect: Connect, clock: FakeClock) -> None:
    ledger = await connect()
    old, new = [(await ledger.accept(IRC, [say(id)], to(ROOM))).entries[0] for id in ("old", "new")]
    await ledger.settle([done(old.delivery.id, "$old")])
    await clock.advance(60)
    since = clock.now()
    await ledger.settle([done(new.delivery.id, "$new", "$new-too")])
    [hidden] = await digested(ledger, "hidden")
    await ledger.accept(IRC, [say("on its way")], to(ROOM))
    came = await ledger.came(ROOM, since)
    assert [(one.event.key.id, one.native, one.delivery) for one in came] == [
        ("new", "$new", new.delivery.id),
        ("hidden", "", hidden.delivery.id),
    ]
    assert [one.event.key.id for one in await ledger.came(ROOM, since - timedelta(hours=1), limit=2)] == ["new", "hidden"]
    assert [one.event.key.id for one in await ledger.came(ROOM, THEN)] == ["old", "new", "hidden"]
