"""What was never pushed is found in the rooms, however old what stands between, and whoever is killed meanwhile."""

import logging
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, cast

from bridge.matrix.api import Api
from bridge.matrix.convert.stamp import STAMP
from bridge.matrix.gaps import LookBack
from bridge.model.ids import EventKey
from tests.doubles.clock import START, FakeClock

ROOM, ALICE, PUPPET = "!r:localhost", "@alice:localhost", "@_jabber_bob:localhost"


class Pages:
    """Of one room, newest first, ten events each."""

    def __init__(self, timeline: Sequence[dict[str, Any]]) -> None:
        self.timeline = timeline[::-1]

    async def messages(self, room: str, *, start: str | None = None, limit: int = 100) -> tuple[list[dict[str, Any]], str | None]:
        at = int(start or 0)
        return list(self.timeline[at : at + 10]), str(at + 10) if at + 10 < len(self.timeline) else None


class Facts:
    def __init__(self) -> None:
        self.kept: dict[tuple[str, str], str] = {}

    async def fact(self, scope: str, name: str) -> str | None:
        return self.kept.get((scope, name))

    async def save_fact(self, scope: str, name: str, value: str | None) -> None:
        if value is None:
            self.kept.pop((scope, name), None)
        else:
            self.kept[scope, name] = value


async def unknown(key: EventKey) -> None:
    return None


async def is_chore(id: str) -> bool:
    return id.startswith("$said-to-the-bot")


def look_back(clock: FakeClock, facts: Facts, timeline: Sequence[dict[str, Any]] = ()) -> LookBack:
    return LookBack(cast(Api, Pages(timeline)), facts, unknown, is_chore, clock, logging.getLogger("test"))


def event(id: str, at: datetime, sender: str = ALICE) -> dict[str, Any]:
    stamp = {} if sender == ALICE else {STAMP: {"delivery": id, "sender": sender, "room": ROOM}}
    content = {"msgtype": "m.text", "body": id, **stamp}
    return {"event_id": id, "sender": sender, "content": content, "origin_server_ts": int(at.timestamp() * 1000)}


async def test_what_we_brought_of_older_times_does_not_end_the_look() -> None:
    clock, hour = FakeClock(), timedelta(hours=1)
    missed = [event("$missed", START + hour)]
    history = [event(f"$old{number}", START - 100 * hour, PUPPET) for number in range(25)]
    found = await look_back(clock, Facts(), [*missed, *history]).missed(ROOM, START)
    assert [one["event_id"] for one in found if one["sender"] == ALICE] == ["$missed"]


async def test_no_more_is_looked_through_than_is_needed() -> None:
    clock, hour = FakeClock(), timedelta(hours=1)
    timeline = [event("$lied", START + hour), *(event(f"${n}", START - hour) for n in range(25)), event("$new", START + hour)]
    found = await look_back(clock, Facts(), timeline).missed(ROOM, START)
    assert [one["event_id"] for one in found] == ["$new"]


async def test_who_is_killed_before_all_was_looked_through_looks_back_as_far_again() -> None:
    clock, facts = FakeClock(), Facts()
    await look_back(clock, facts).still_there()
    await clock.advance(3600)
    second = look_back(clock, facts)
    await second.still_there()
    assert await look_back(clock, facts).last_there() == START
    await second.looked()
    assert await look_back(clock, facts).last_there() == clock.now()


async def test_an_outage_of_the_homeserver_is_owed_over_our_own_death() -> None:
    clock, facts = FakeClock(), Facts()
    first = look_back(clock, facts)
    await first.still_there()
    first.again()
    await clock.advance(3600)
    await first.still_there()
    assert await look_back(clock, facts).last_there() == START


async def test_what_was_said_to_the_bot_is_not_heard_again() -> None:
    clock, hour = FakeClock(), timedelta(hours=1)
    timeline = [event("$said-to-the-bot", START + hour), event("$missed", START + hour)]
    assert [one["event_id"] for one in await look_back(clock, Facts(), timeline).missed(ROOM, START)] == ["$missed"]


async def test_what_was_said_before_a_room_was_linked_is_heard_though_it_was_said_to_the_bot() -> None:
    clock = FakeClock()
    looking = look_back(clock, Facts(), [event("$said-to-the-bot", START + timedelta(hours=1))])
    await looking.linked(ROOM, START)
    assert [one["event_id"] for one in await looking.first_look(ROOM)] == ["$said-to-the-bot"]
