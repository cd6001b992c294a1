"""What nobody should send, to a whole bridge: each gets a clear answer, and no neighbour loses a message."""

import asyncio
import itertools
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.ledger.rows import State
from bridge.testing.doubles import until
from tests.doubles.homeserver import FakeHomeserver
from tests.plays.turns import LONGEST_TURN, Turns
from tests.unit.app.town import ALICE, Bridge, a_bridge, lobby, says, settled

_numbers = itertools.count()


class Place:
    """One bridge, its room with alice in it, and its channel."""

    def __init__(self, hs: FakeHomeserver, bridge: Bridge, room: str) -> None:
        self.hs, self.bridge, self.room = hs, bridge, room

    def said(self) -> list[str]:
        """What the channel's people read of the bridge's."""
        return [line.text for line in self.bridge.world.lines if line.author == "unabridged"]

    async def hears(self, *texts: str) -> None:
        for text in texts:
            await self.bridge.heard(text)

    async def goes_on(self) -> None:
        """A new line goes each way."""
        mark = f"mark{next(_numbers)}."
        self.hs.say(ALICE, self.room, mark)
        await self.hears(mark)
        self.bridge.world.say("#lobby", "bob", mark)
        await self.hs.wait_for(self.room, lambda event: says(mark)(event) and event["sender"] == "@_local_bob:localhost")

    async def counted(self, name: str) -> float:
        """A counter as `/metrics` shows it, over all its labels."""
        async with aiohttp.ClientSession() as session, session.get(f"{self.bridge.url}/metrics") as answer:
            lines = (await answer.text()).splitlines()
        return sum(float(line.rpartition(" ")[2]) for line in lines if name in line and not line.startswith("#"))

    async def put(self, body: bytes, *, transaction: str = "x", **how: Any) -> int:
        """A transaction as a stranger or a homeserver would send it; returns the answer's status."""
        how = how or {"headers": {"Authorization": f"Bearer {self.hs.push.hs_token}"}}
        url = f"{self.bridge.url}/_matrix/app/v1/transactions/{transaction}"
        async with aiohttp.ClientSession() as session, session.put(url, data=body, **how) as answer:
            return answer.status

    def event(self, body: str, **changes: Any) -> dict[str, Any]:
        number = next(_numbers)
        content = {"msgtype": "m.text", "body": body, **changes.pop("content", {})}
        envelope = {"type": "m.room.message", "room_id": self.room, "sender": ALICE, "event_id": f"$hostile{number}"}
        return {**envelope, "origin_server_ts": 1767268800000, "content": content, **changes}


@pytest.fixture
async def place(tmp_path: Path) -> AsyncIterator[Place]:
    async with FakeHomeserver() as hs, a_bridge(tmp_path, hs, portals=(lobby(),)) as bridge:
        await bridge.linked()
        room = await bridge.room()
        hs.join(ALICE, room)
        yield Place(hs, bridge, room)


# transactions


@pytest.mark.parametrize("megabytes", [2, 20])
async def test_a_large_transaction_is_taken_whole_and_in_order(place: Place, megabytes: int) -> None:
    lines = [f"line {number}." for number in range(megabytes * 1_000_000 // 60_000)]
    place.hs.push.batch = len(lines)
    place.hs.push.hold()
    for line in lines:
        place.hs.say(ALICE, place.room, {"msgtype": "m.text", "body": line, "org.example.junk": "x" * 60_000})
    place.hs.push.hold(False)
    await place.hears(lines[-1])
    assert [text for text in place.said() if text.startswith("line")] == lines
    await place.goes_on()


async def test_a_transaction_cut_in_the_middle_is_not_taken_and_comes_whole_later(place: Place) -> None:
    await place.hs.push.settled()
    host, port = place.bridge.url.removeprefix("http://").split(":")
    head = f"PUT /_matrix/app/v1/transactions/cut HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {place.hs.push.hs_token}\r\n"
    event = place.event("whole or not at all")
    body = b'{"events":[' + _json(event) + b"]}"
    _, writer = await asyncio.open_connection(host, int(port))
    writer.write(head.encode() + f"Content-Length: {len(body)}\r\n\r\n".encode() + body[: len(body) // 2])
    await writer.drain()
    writer.close()
    await writer.wait_closed()
    await place.goes_on()
    assert "whole or not at all" not in place.said()
    assert await place.put(body, transaction="cut") == 200
    await place.hears("whole or not at all")


async def test_events_doubled_reordered_and_sent_again_are_said_once(place: Place) -> None:
    events = [place.event(f"line {number}.") for number in range(20)]
    shuffled = [events[number * 7 % 20] for number in range(20)]
    for attempt, some in enumerate((shuffled[:10], shuffled[:10] * 2, shuffled[5:], shuffled, [*reversed(shuffled)])):
        assert await place.put(b'{"events":[' + b",".join(map(_json, some)) + b"]}", transaction=f"again{attempt}") == 200
    await settled(place.bridge)
    assert place.said() == [event["content"]["body"] for event in shuffled]


@pytest.mark.parametrize(
    ("how", "status"),
    [
        ({"headers": {"X": "x"}}, 401),
        ({"headers": {"Authorization": "Bearer wrong"}}, 403),
        ({"headers": {"Authorization": "Basic aHMtdG9rZW4="}}, 401),
        ({"headers": {"Authorization": "Bearer as-token"}}, 403),
        ({"headers": {"Authorization": "Bearer hs-toke\xff"}}, 403),
        ({"headers": {"Authorization": "Bearer " + "x" * 4000}}, 403),
        ({"headers": {"Authorization": "Bearer " + "x" * 400_000}}, 400),
        ({"params": {"access_token": "wrong"}}, 403),
        ({"params": {"access_token": "hs-token"}}, 200),
    ],
)
async def test_nothing_is_said_for_who_does_not_have_the_token(place: Place, how: dict[str, Any], status: int) -> None:
    assert await place.put(b'{"events":[' + _json(place.event("let me in")) + b"]}", **how) == status
    await place.goes_on()
    assert ("let me in" in place.said()) == (status == 200)


# events

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)
CONTENT = ("msgtype", "body", "format", "formatted_body", "m.relates_to", "m.new_content", "m.mentions", "url", "info", "file")
MORE = ("org.unabridged", "membership", "displayname", "avatar_url", "users", "name", "topic", "m.poll.start", "geo_uri")
KINDS = (
    *("m.room.message", "m.reaction", "m.room.redaction", "m.room.member", "m.sticker", "m.room.power_levels", "m.room.name"),
    *("m.room.topic", "m.room.avatar", "m.room.tombstone", "m.room.encrypted", "m.poll.start", "m.bridge", "m.typing"),
)
WRONG = st.fixed_dictionaries(
    {"type": st.sampled_from(KINDS), "sender": st.sampled_from([ALICE, "@_local_bob:localhost"]) | JSON},
    optional={
        "event_id": JSON,
        "state_key": st.sampled_from(["", ALICE]) | JSON,
        "redacts": JSON,
        "origin_server_ts": JSON,
        "unsigned": JSON,
        "content": JSON | st.fixed_dictionaries({}, optional=dict.fromkeys((*CONTENT, *MORE), JSON | st.just("m.text"))),
    },
)


@given(st.lists(WRONG | JSON, min_size=1, max_size=5))
async def test_fields_of_the_wrong_type_cost_no_neighbour_its_message(place: Place, wrong: list[Any]) -> None:
    before, after = (place.event(f"neighbour {next(_numbers)}.") for _ in range(2))
    hostile = [
        {"room_id": place.room, "event_id": f"$w{next(_numbers)}", **one} if isinstance(one, dict) else one for one in wrong
    ]
    place.hs.resend(before, *hostile, after)
    await place.hears(before["content"]["body"], after["content"]["body"])


@pytest.mark.parametrize("when", [0, 1, 4102444800000, 253402300799000])
async def test_a_wrong_clock_neither_loses_nor_ages_a_message(place: Place, when: int) -> None:
    place.hs.say(ALICE, place.room, "what year is it?", ts=when)
    await place.hears("what year is it?")
    await settled(place.bridge)
    assert (await place.bridge.ledger.counts()).get("dead", 0) == 0


@pytest.mark.parametrize(
    "url", ["mxc://127.0.0.1:22/../../etc/passwd", "mxc://a/b?c=d", "https://evil.example/x", "mxc://\r\nX: y/z", 7]
)
async def test_a_file_from_nowhere_is_no_file_and_no_danger(place: Place, url: Any) -> None:
    place.hs.say(ALICE, place.room, {"msgtype": "m.image", "body": "x.png", "url": url, "info": {"size": -1, "w": "wide"}})
    await place.goes_on()
    assert place.hs.calls["download"] == 0 and not any("evil" in text or "passwd" in text for text in place.said())


# forgeries


async def test_a_copy_of_a_bridged_message_is_somebodys_own_words(place: Place) -> None:
    """Clients forward a message with all that is in it, our mark too."""
    place.bridge.world.say("#lobby", "bob", "have you heard?")
    original = await place.hs.wait_for(place.room, says("have you heard?"))
    assert original["content"]["org.unabridged"]["hops"]
    place.hs.say(ALICE, place.room, dict(original["content"]))
    await place.hears("have you heard?")
    await until(lambda: place.said() == ["have you heard?"])


async def test_a_forged_mark_proves_no_delivery(place: Place) -> None:
    place.hs.faults.hang("send")
    place.bridge.world.say("#lobby", "bob", "on its way")
    await place.bridge.counts(leased=1)
    (lane,) = await place.bridge.ledger.lanes()
    (entry,) = await place.bridge.ledger.undone(lane, 0, 10)
    stamp = {"delivery": entry.delivery.id, "origin": str(entry.delivery.event), "hops": []}
    place.hs.say(ALICE, place.room, {"msgtype": "m.text", "body": "I am its echo", "org.unabridged": stamp})
    await place.hears("I am its echo")
    still = await place.bridge.ledger.entry(entry.delivery.id)
    assert still is not None and still.state is State.LEASED
    place.hs.faults.release()
    await place.hs.wait_for(place.room, says("on its way"))
    await settled(place.bridge)


@pytest.mark.parametrize("forger", ["@_local_bob:evil.example", "@unabridged:evil.example", "@_local_:localhost.evil.example"])
async def test_who_is_named_like_a_puppet_elsewhere_is_a_stranger_and_heard(place: Place, forger: str) -> None:
    place.hs.join(forger, place.room)
    place.hs.say(forger, place.room, "it is really me")
    await place.hears("it is really me")
    (line,) = [line for line in place.bridge.world.lines if line.text == "it is really me"]
    assert line.author == "unabridged"
    await place.goes_on()


# names

NAMES = (
    *(
        "Bob",
        "bob",
        "BOB",
        "é" * 90,
        "x" * 255,
        "🎉👩‍👩‍👧‍👦",
        "\u202ebob",
        "b\u200bob",
        "bob\u0000",
        " bob",
        "bob=62ob",
        "=",
        "_",
        "@bob:localhost",
    ),
    *("../../x", "bob/x", "<b>bob</b>", "alice", "İstanbul", "ſ", "s", "%62ob", "ADMIN", "\ud7ff"),
)


async def test_people_whose_names_are_nearly_the_same_are_never_one(place: Place) -> None:
    for number, name in enumerate(NAMES):
        place.bridge.world.say("#lobby", name, f"I am number {number}.")
    senders: dict[str, str] = {}
    for number, name in enumerate(NAMES):
        event = await place.hs.wait_for(place.room, says(f"I am number {number}."))
        senders[event["sender"]] = name
        assert len(event["sender"].encode()) <= 255 and event["sender"].startswith("@_local_")
    assert len(senders) == len(NAMES)
    shown = [str(place.hs.world.users[user].get("displayname")) for user in senders]
    assert all("(local)" in name for name in shown)
    assert not any(set(name) & set("\u202e\u200b\0") for name in shown)


# size


async def test_64_kilobytes_of_words_arrive_whole(place: Place) -> None:
    words = " ".join(f"word{number}" for number in range(6500))
    place.hs.say(ALICE, place.room, words)
    await place.hears("word6499")
    assert " ".join(place.said()).split() == words.split()
    await place.goes_on()


BOMBS = {
    "nested": "<b>" * 10_000 + "x",
    "nested and closed": "<i>" * 5000 + "x" + "</i>" * 5000,
    "quoted": "<blockquote>" * 20 + "a<br>" * 12_000,
    "misnested": "<b><i><u><s>" * 240 + "</b><p>x" * 4000,
    "attributes": "<a " + " ".join(f"a{number}=1" for number in range(7000)) + ">x</a>",
    "unclosed": '<a href="' * 6500,
    "items": "<li>" * 16_000,
    "angles": "<" * 65_000,
    "small": "<b>x</b>" * 8000,
}


@pytest.mark.parametrize("bomb", list(BOMBS.values()), ids=list(BOMBS))
async def test_no_html_holds_up_the_others(place: Place, bomb: str, monkeypatch: pytest.MonkeyPatch) -> None:
    await place.goes_on()
    turns = Turns(monkeypatch)
    content = {"msgtype": "m.text", "body": "!", "format": "org.matrix.custom.html", "formatted_body": bomb}
    place.hs.say(ALICE, place.room, content)
    await place.goes_on()
    assert turns.longest < LONGEST_TURN, turns.where


def _json(event: dict[str, Any]) -> bytes:
    return msgspec.json.encode(event)
