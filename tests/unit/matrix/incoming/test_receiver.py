"""The receiver, seen from both ends: transactions in, events, chores, proofs and signals out."""

import asyncio
from contextlib import suppress
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.contract.errors import LedgerUnavailable
from bridge.contract.features import Evidence
from bridge.matrix.receiver import ANSWER, COMMAND, UNREADABLE
from bridge.matrix.transaction import NotJson
from bridge.model.events import Message, Reactions, Redaction
from bridge.model.signals import Availability, Presence, ReadMark, Typing
from tests.unit.matrix.incoming.surroundings import ALICE, BOT, PUPPET, ROOM, World, message, raw


def texts(world: World) -> list[str]:
    return [event.body.text.plain for event in world.events if isinstance(event.body, Message)]


async def test_a_transaction_is_one_commit() -> None:
    world = World()
    await world.push(*(message(str(number)) for number in range(100)))
    assert texts(world) == [str(number) for number in range(100)]
    assert world.commits == [(100, 0)]


async def test_nothing_to_keep_costs_no_commit() -> None:
    world = World()
    await world.push(
        message(room_id="!elsewhere", sender=PUPPET), raw("m.fancy", {}), raw("m.room.name", {"name": "x"}, room_id="!y")
    )
    assert world.commits == []


async def test_a_ledger_that_is_down_takes_nothing_and_the_retry_takes_all() -> None:
    world = World()
    world.down = True
    with pytest.raises(LedgerUnavailable):
        await world.push(message("a"), txn="7")
    assert world.events == []
    world.down = False
    await world.push(message("a"), txn="7")
    assert texts(world) == ["a"]


async def test_the_same_transaction_twice_at_once_is_done_once() -> None:
    world = World()
    await asyncio.gather(*(world.push(message("a"), message("b"), txn="7") for _ in range(3)))
    assert world.commits == [(2, 0)]


async def test_a_homeserver_that_counts_from_one_again_loses_nothing() -> None:
    world = World()
    await world.push(message("before its reset"), txn="1")
    await world.push(message("after"), txn="1")
    assert texts(world) == ["before its reset", "after"]


async def test_our_own_events_prove_deliveries_and_are_nothing_else() -> None:
    world = World()
    stamp = {"org.unabridged": {"delivery": "d" * 32, "origin": "local/1", "hops": [], "sender": PUPPET, "room": ROOM}}
    await world.push(message("echo", sender=PUPPET, event_id="$copy", content=stamp), message("unstamped", sender=BOT))
    assert world.commits == []
    assert [(delivery, receipt.evidence, receipt.ids) for delivery, receipt in world.proofs] == [
        ("d" * 32, Evidence.ASSIGNED, ("$copy",))
    ]


async def test_a_stranger_with_our_stamp_proves_nothing_and_is_heard() -> None:
    world = World()
    doubled = "@doubled:localhost"
    stamp, mine = ({"org.unabridged": {"delivery": "d" * 32, "sender": who, "room": ROOM}} for who in (ALICE, doubled))
    await world.push(message("forged", content=stamp), message("mine", sender=doubled, content=mine))
    assert texts(world) == ["forged"]
    assert len(world.proofs) == 1


@pytest.mark.parametrize("seal", [{"sender": PUPPET, "room": ROOM}, {"sender": "@doubled:localhost", "room": "!elsewhere"}, {}])
async def test_what_one_forwards_with_our_stamp_in_it_is_ones_own_words(seal: dict[str, str]) -> None:
    world = World()
    stamp = {"org.unabridged": {"delivery": "d" * 32, "origin": "local/1", "hops": ["mark"], **seal}}
    await world.push(message("forwarded", content=stamp), message("by a double", sender="@doubled:localhost", content=stamp))
    assert texts(world) == ["forwarded", "by a double"]
    assert [event.hops for event in world.events] == [(), ()] and world.proofs == []


@pytest.mark.parametrize(
    "poison",
    [
        None,
        5,
        "x",
        [],
        {},
        {"type": 5},
        message(sender=None),
        message(room_id=7),
        message(event_id=3),
        message(origin_server_ts="noon"),
        message(sender="@bug:localhost"),
        raw("m.room.message", [1]),
        raw("m.room.message", {"msgtype": 3, "body": {}}),
        raw("m.room.member", {"membership": "join"}, state_key=4),
        raw("m.reaction", {"m.relates_to": {"rel_type": "m.annotation", "key": 4, "event_id": "$e"}}),
    ],
)
async def test_one_poison_event_is_set_aside_alone(poison: Any) -> None:
    world = World()
    await world.push(message("before"), poison, message("after"))
    assert texts(world) == ["before", "after"]
    assert [chore.kind for chore in world.chores] == [UNREADABLE]
    assert world.metrics.counted["matrix_events_unreadable"] == 1


@pytest.mark.parametrize(
    "poison",
    [rb'{"type":"m.room.message","content":{"body":"\ud800"}}', b"[" * 9000 + b"]" * 9000, b'{"a":NaN}', b'{"a":"\xff"}', b"tru"],
)
async def test_one_event_that_is_no_json_does_not_make_the_homeserver_send_for_ever(poison: bytes) -> None:
    world = World()
    neighbours = [msgspec.json.encode(message(text, content={"formatted_body": ',]}"\\'})) for text in ("before", "after")]
    await world.receiver.take(
        "1", b' { "x" : [[1],{}] , "events" : [' + b" , ".join([neighbours[0], poison, neighbours[1]]) + b"] } "
    )
    assert texts(world) == ["before", "after"]
    assert [chore.kind for chore in world.chores] == [UNREADABLE]


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"null", b'{"events":[{}', b'{"events":[]}}', b'{"events":[}]', b"\xff\xfe"])
async def test_a_body_that_is_no_json_is_refused(body: bytes) -> None:
    with pytest.raises(NotJson):
        await World().receiver.take("1", body)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)
NAMES = ("msgtype", "body", "m.relates_to", "org.unabridged", "membership", "redacts", "m.mentions")
FIELDS = st.fixed_dictionaries(
    {},
    optional={
        "type": st.sampled_from(["m.room.message", "m.reaction", "m.room.redaction", "m.room.member", "m.sticker"]) | JSON,
        "room_id": st.just(ROOM) | JSON,
        "sender": st.sampled_from([ALICE, PUPPET, "@doubled:localhost"]) | JSON,
        "event_id": st.just("$e") | JSON,
        "state_key": st.sampled_from(["", BOT]) | JSON,
        "redacts": JSON,
        "origin_server_ts": st.just(1) | JSON,
        "content": JSON | st.fixed_dictionaries({}, optional=dict.fromkeys(NAMES, JSON)),
    },
)


@given(st.lists(FIELDS | JSON, max_size=4), JSON)
async def test_no_event_whatever_it_holds_costs_its_neighbour(hostile: list[Any], ephemeral: Any) -> None:
    world = World()
    edus = ephemeral if isinstance(ephemeral, list) else [ephemeral]
    await world.push(message("before", event_id="$1"), *hostile, message("after", event_id="$2"), more={"ephemeral": edus})
    assert {"before", "after"} <= set(texts(world))


@given(
    st.binary(max_size=60)
    | st.lists(st.sampled_from([b"{", b"}", b"[", b"]", b",", b'"events"', b":", b'"', b"\\", b"1"])).map(b"".join)
)
async def test_no_bytes_break_the_receiver(body: bytes) -> None:
    with suppress(NotJson):
        await World().receiver.take("1", body)


async def test_reactions_are_the_authors_whole_set_even_when_sent_again() -> None:
    world = World()

    def react(key: str, event_id: str, sender: str = ALICE) -> dict[str, Any]:
        relation = {"rel_type": "m.annotation", "event_id": "$target", "key": key}
        return raw("m.reaction", {"m.relates_to": relation}, event_id=event_id, sender=sender)

    redaction = raw("m.room.redaction", {"redacts": "$a"}, event_id="$r", redacts="$a")
    await world.push(react("👍", "$a"), react("🎉", "$b"), react("👍", "$c", "@carol:localhost"))
    await world.push(redaction)
    await world.push(react("👍", "$a"), txn="again")
    await world.push(react("❤", "$d"))
    bodies = [event.body for event in world.events]
    assert [body.keys for body in bodies if isinstance(body, Reactions)] == [("👍",), ("👍", "🎉"), ("👍",), ("🎉",), ("🎉", "❤")]


async def test_a_reaction_taken_back_after_a_restart_is_still_known() -> None:
    world = World()
    relation = {"rel_type": "m.annotation", "event_id": "$target", "key": "👍"}
    await world.push(raw("m.reaction", {"m.relates_to": relation}, event_id="$a"))
    again = World()
    again.kept = dict(world.kept)
    await again.push(raw("m.room.redaction", {}, event_id="$r", redacts="$a"))
    assert [event.body.keys for event in again.events if isinstance(event.body, Reactions)] == [()]


async def test_a_redaction_of_a_message_is_a_redaction() -> None:
    world = World()
    await world.push(message("a", event_id="$a"), raw("m.room.redaction", {"redacts": "$a"}, event_id="$r"))
    assert isinstance(world.events[1].body, Redaction)
    assert [key.id for key in world.revoked] == ["$a"]


@pytest.mark.parametrize(
    "event",
    [
        message("!link local/#chan"),
        message("!HELP"),
        message("unabridged: help"),
        message("@unabridged:localhost, status"),
        message("Bridge: x", content={"formatted_body": f'<a href="https://matrix.to/#/{BOT}">Bridge</a>: x'}),
        message("anything", room_id="!direct"),
    ],
)
async def test_words_to_the_bot_are_commands_and_never_carried(event: dict[str, Any]) -> None:
    world = World()
    await world.push(event)
    assert [(chore.kind, chore.id, chore.room) for chore in world.chores] == [(COMMAND, event["event_id"], event["room_id"])]
    assert world.events == []
    assert msgspec.json.decode(world.chores[0].payload) == event


async def test_an_answer_to_a_question_is_stored_without_its_words() -> None:
    world = World()
    world.asked = {ALICE}
    event = message("correct horse battery", room_id="!direct", event_id="$secret")
    await world.push(event)
    (chore,) = world.chores
    assert (chore.kind, chore.id, chore.room) == (ANSWER, "$secret", "!direct")
    assert b"horse" not in chore.payload
    assert world.held == {"$secret": "correct horse battery"}


async def test_in_a_portal_nothing_is_an_answer() -> None:
    world = World()
    world.asked = {ALICE}
    await world.push(message("!help"), message("said to all"))
    assert [chore.kind for chore in world.chores] == [COMMAND]
    assert len(world.events) == 1 and world.held == {}


@pytest.mark.parametrize(
    "event",
    [
        message("!weather in Rome"),
        message("!"),
        message("help"),
        message("the unabridged: edition"),
        message("!help", content={"msgtype": "m.notice"}),
    ],
)
async def test_words_to_others_are_carried(event: dict[str, Any]) -> None:
    world = World()
    await world.push(event)
    assert len(world.events) == 1 and world.chores == []


async def test_business_is_kept_as_chores_by_event_id() -> None:
    world = World()
    await world.push(
        raw("m.room.member", {"membership": "invite"}, state_key=BOT, room_id="!new", event_id="$1"),
        raw("m.room.power_levels", {"users": {}}, state_key="", event_id="$2"),
        raw("m.room.power_levels", {"users": {}}, state_key="", event_id="$3", room_id="!new"),
        raw("m.room.encrypted", {"algorithm": "m.megolm.v1.aes-sha2"}, event_id="$4", room_id="!new"),
        raw("m.room.tombstone", {"replacement_room": "!next"}, state_key="", event_id="$5"),
    )
    assert [(chore.kind, chore.id) for chore in world.chores] == [
        ("invite", "$1"),
        ("power", "$2"),
        ("encryption", "$4"),
        ("tombstone", "$5"),
    ]


@pytest.mark.parametrize("key", ["ephemeral", "de.sorunome.msc2409.ephemeral"])
async def test_typing_reading_and_presence_are_signals(key: str) -> None:
    world = World()

    def typing(*users: Any) -> dict[str, Any]:
        return {"type": "m.typing", "room_id": ROOM, "content": {"user_ids": users}}

    receipt = {"type": "m.receipt", "room_id": ROOM, "content": {"$e": {"m.read": {ALICE: {"ts": 1}, PUPPET: {}}}}}
    presence = {"type": "m.presence", "sender": ALICE, "content": {"presence": "unavailable", "status_msg": "tea"}}
    await world.push(more={key: [typing(ALICE, PUPPET, 5), typing(ALICE), typing(), receipt, presence]})
    assert [signal.active for signal in world.signals if isinstance(signal, Typing)] == [True, False]
    assert [(signal.who.id, signal.event.id) for signal in world.signals if isinstance(signal, ReadMark)] == [(ALICE, "$e")]
    assert [signal.availability for signal in world.signals if isinstance(signal, Presence)] == [Availability.AWAY]
    assert world.commits == []
