"""What was taken for the same post is told apart by its event id, or by answering it; nobody parts what they can't see."""

from collections.abc import Sequence

import pytest
from msgspec.structs import replace

from bridge.commands.desk import Desk
from bridge.commands.parting import parting_words
from bridge.commands.watching import watching_words
from bridge.contract.words import Answer, Asker
from bridge.ledger.rows import Copy, Merger, Trace
from bridge.model.ids import HUB, ChannelId, EventKey, NetworkName
from tests.unit.commands.office import ADMIN, AT, LOCAL, OTHER, ROOM, SmallOffice, asker

ROOT, COPY, SECOND = EventKey(LOCAL, "root"), EventKey(NetworkName("feed"), "copy"), EventKey(NetworkName("feed"), "second")
SHOWN = EventKey(HUB, "$shown")


class SmallParting:
    def __init__(self) -> None:
        self.asked: list[EventKey] = []

    async def part(self, key: EventKey) -> Sequence[EventKey]:
        self.asked.append(key)
        return [COPY, SECOND] if key == ROOT else [key]


@pytest.fixture
def office() -> SmallOffice:
    office = SmallOffice()
    mergers = tuple(Merger(key=key, reason="it has the same page", at=AT, parted=False) for key in (COPY, SECOND))
    trace = Trace(
        key=ROOT,
        event=None,
        accepted_at=AT,
        note=None,
        sightings=(),
        entries=(),
        copies=(Copy(event=ROOT, channel=ChannelId(HUB, ROOM), id="$shown", at=AT, delivery="d" * 32),),
        mergers=mergers,
    )
    office.traces = dict.fromkeys((ROOT, COPY, SECOND, SHOWN), trace)
    return office


@pytest.fixture
def parting() -> SmallParting:
    return SmallParting()


async def say(office: SmallOffice, parting: SmallParting, line: str, who: Asker = ADMIN) -> Answer:
    word, *rest = line.split()
    return await Desk((*parting_words(office, parting), *watching_words(office, "1", "m"))).ask(who, word, rest)


async def test_a_merged_post_is_parted_alone_and_a_whole_one_from_all(office: SmallOffice, parting: SmallParting) -> None:
    answer = await say(office, parting, f"part {COPY}")
    assert answer.text == "1 post parted from local/root, and never taken for it again: feed/copy."
    assert (await say(office, parting, "part $shown")).data == ["feed/copy", "feed/second"]
    assert parting.asked == [COPY, ROOT]


async def test_in_a_room_the_answered_message_is_meant(office: SmallOffice, parting: SmallParting) -> None:
    assert not (await say(office, parting, "part", replace(asker(), answers="$shown"))).failed
    assert parting.asked == [ROOT]


async def test_without_any_post_it_says_how(office: SmallOffice, parting: SmallParting) -> None:
    answer = await say(office, parting, "part", asker())
    assert answer.failed and "Which post?" in answer.text


async def test_where_there_is_nothing_to_part_it_says_so(office: SmallOffice, parting: SmallParting) -> None:
    trace = office.traces[ROOT]
    office.traces[ROOT] = replace(trace, mergers=tuple(replace(one, parted=True) for one in trace.mergers))
    for line, words in ((f"part {ROOT}", "stands for itself alone"), ("part $unheard", "Nothing is known")):
        answer = await say(office, parting, line)
        assert answer.failed and words in answer.text
    assert parting.asked == []


async def test_nobody_parts_what_stands_in_rooms_of_others(office: SmallOffice, parting: SmallParting) -> None:
    stranger = replace(asker(room=OTHER), answers="$shown")
    answer = await say(office, parting, "part", stranger)
    assert answer.failed and "Nothing is known" in answer.text
    assert parting.asked == []


async def test_trace_tells_what_was_taken_for_it_and_why(office: SmallOffice, parting: SmallParting) -> None:
    answer = await say(office, parting, f"trace {ROOT}")
    assert ("feed", "merged", "", "copy", "2026-01-02 03:04:05 UTC", "it has the same page") in answer.rows
    assert answer.data["merged"][1] == {"event": "feed/second", "reason": "it has the same page", "parted": False, "at": AT}
