"""Joining when behind: what may be joined, what comes of a retry, a restart, an edit of one line."""

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.contract.delivery import Receipt
from bridge.contract.errors import Unavailable
from bridge.contract.features import Evidence, VoiceKind
from bridge.delivery.joining import MOST_BYTES, MOST_LINES, amend, assemble, combine, joinable, leading
from bridge.ledger.rows import Entry, State
from bridge.model.events import Body, Edit, Message, Reactions, Redaction, Style, Text
from tests.unit.delivery.stage import ALICE, BOB, FakeOutlet, LookingOutlet, Stage, delivery, draft, ref, say, turns


def entry(number: int, body: Body | None = None, **kwargs: object) -> Entry:
    return Entry(seq=number, delivery=delivery(number, body, **kwargs))  # type: ignore[arg-type]


@pytest.fixture
def stage() -> Stage:
    return Stage()


class TestDeciding:
    def test_lines_of_one_author_join_up_to_the_next_author(self) -> None:
        assert leading([entry(1), entry(2), entry(3, author=BOB), entry(4)]) == 2

    def test_at_most_fifty_lines(self) -> None:
        assert leading([entry(n) for n in range(80)]) == MOST_LINES
        assert leading([entry(n, say("two\nlines")) for n in range(80)]) == MOST_LINES // 2

    def test_what_is_not_plain_speech_stands_alone(self) -> None:
        plain = say("x")
        for body in (
            Message(text=plain.text, style=Style.EMOTE),
            Message(text=plain.text, style=Style.NOTICE),
            Message(text=plain.text, reply_to=ref(1)),
            Message(text=plain.text, thread=ref(1)),
            Message(text=plain.text, warning="w"),
            Edit(target=ref(1), message=plain),
            Reactions(target=ref(1), keys=("a",)),
            Redaction(target=ref(1)),
        ):
            assert leading([entry(1, body), entry(2)]) == 1
            assert leading([entry(1), entry(2, body), entry(3)]) == 1

    def test_a_prefix_would_vanish_within_so_prefixed_lines_stand_alone(self) -> None:
        assert not joinable(entry(1, kind=VoiceKind.PREFIX))

    def test_nothing_of_nothing(self) -> None:
        assert leading([]) == 0

    @given(st.lists(st.text(max_size=4000), min_size=1, max_size=60))
    def test_no_batch_is_too_big_and_none_loses_or_reorders(self, texts: list[str]) -> None:
        entries = [entry(n, say(text)) for n, text in enumerate(texts)]
        count = leading(entries)
        assert 1 <= count <= MOST_LINES
        body = assemble("b", entries[:count]).body
        assert isinstance(body, Message)
        assert body.text.plain == "\n".join(texts[:count])
        assert count == 1 or len(body.text.plain.encode(errors="surrogatepass")) <= MOST_BYTES

    @given(st.lists(st.tuples(st.text(max_size=20), st.booleans()), min_size=1, max_size=10))
    def test_html_never_comes_from_plain_text(self, lines: list[tuple[str, bool]]) -> None:
        bodies = [Message(text=Text(plain=words, html="<b>fine</b>" if rich else None)) for words, rich in lines]
        whole = combine(bodies)
        assert whole is not None
        if any(rich for _, rich in lines):
            assert whole.text.html is not None
            rest = whole.text.html.replace("<b>fine</b>", "").replace("<br>", "")
            assert "<" not in rest
        else:
            assert whole.text.html is None

    @given(st.integers(0, 4), st.booleans())
    def test_changing_a_line_again_changes_nothing_more(self, line: int, redact: bool) -> None:
        lines: tuple[Body | None, ...] = tuple(say(f"{n}") for n in range(5))
        change: Body = Redaction(target=ref(1)) if redact else Edit(target=ref(1), message=say("new"))
        once = amend(lines, line, change)
        assert amend(once, line, change) == once
        assert [one for n, one in enumerate(once) if n != line] == [one for n, one in enumerate(lines) if n != line]


def behind(stage: Stage, *, looks: bool = False) -> FakeOutlet:
    outlet = LookingOutlet(joins=True) if looks else FakeOutlet(joins=True)
    outlet.gate = asyncio.Event()
    return outlet


def opened(outlet: FakeOutlet) -> None:
    assert outlet.gate is not None
    outlet.gate.set()


async def test_a_lane_that_is_behind_joins_and_each_line_keeps_its_copy(stage: Stage) -> None:
    outlet = behind(stage)
    async with stage.running(outlet):
        await stage.send(*(draft(n) for n in range(10)))
        opened(outlet)
        await turns()
    assert outlet.lines == ["line 0", "\n".join(f"line {n}" for n in range(1, 10))]
    copies = [copy for copy in stage.ledger.all_copies if copy.batch]
    assert [copy.line for copy in copies] == list(range(9))
    assert len({copy.id for copy in copies}) == 1
    assert {entry.state for entry in stage.ledger.entries.values()} == {State.DONE}


async def test_a_lane_that_is_not_behind_never_joins(stage: Stage) -> None:
    outlet = FakeOutlet(joins=True)
    async with stage.running(outlet):
        for n in range(5):
            await stage.send(draft(n))
    assert outlet.lines == [f"line {n}" for n in range(5)]
    assert stage.ledger.batches == {}


async def test_five_hundred_waiting_lines_are_a_dozen_messages_in_order(stage: Stage) -> None:
    outlet = behind(stage)
    async with stage.running(outlet):
        await stage.send(*(draft(n) for n in range(500)))
        opened(outlet)
        await turns(600)
    assert "\n".join(outlet.lines) == "\n".join(f"line {n}" for n in range(500))
    assert len(outlet.lines) <= 13


async def test_a_retried_batch_is_the_same_batch(stage: Stage) -> None:
    outlet = behind(stage)
    async with stage.running(outlet):
        await stage.send(*(draft(n) for n in range(4)))
        outlet.script[f"{0xA0000:032x}"] = [Unavailable("down")]
        opened(outlet)
        await turns()
        await stage.send(draft(4))
        await stage.clock.advance(10)
    assert outlet.lines == ["line 0", "line 1\nline 2\nline 3", "line 4"]
    assert outlet.tried[1].id == outlet.tried[2].id
    assert len(stage.ledger.batches) == 1


async def test_after_a_kill_a_batch_is_looked_for_as_one(stage: Stage) -> None:
    outlet = behind(stage)
    async with stage.running(outlet):
        await stage.send(*(draft(n) for n in range(4)))
        outlet.script[f"{0xA0000:032x}"] = [asyncio.get_running_loop().create_future()]
        opened(outlet)
        await turns()
    assert len(outlet.tried) == 2
    again = LookingOutlet(joins=True)
    again.there[outlet.tried[1].id] = Receipt(evidence=Evidence.ASSIGNED, ids=("was-there",))
    stage.courier = stage.new_courier()
    async with stage.running(again):
        await turns()
    assert again.looked == [outlet.tried[1].id]
    assert again.tried == []
    assert {entry.state for entry in stage.ledger.entries.values()} == {State.DONE}


async def test_after_a_kill_a_batch_that_nobody_can_look_for_is_repeated_whole_and_marked(stage: Stage) -> None:
    outlet = behind(stage)
    async with stage.running(outlet):
        await stage.send(*(draft(n) for n in range(4)))
        outlet.script[f"{0xA0000:032x}"] = [asyncio.get_running_loop().create_future()]
        opened(outlet)
        await turns()
    stage.ledger.put(draft(9))
    again = FakeOutlet(joins=True, evidence=Evidence.WRITTEN)
    stage.courier = stage.new_courier()
    async with stage.running(again):
        await turns()
    assert [(one.id, one.repeat) for one in again.tried] == [(outlet.tried[1].id, True), (delivery(9).id, False)]
    assert again.lines == ["line 1\nline 2\nline 3", "line 9"]


async def joined(stage: Stage) -> FakeOutlet:
    outlet = behind(stage)
    async with stage.running(outlet):
        await stage.send(*(draft(n) for n in range(4)))
        opened(outlet)
        await turns()
    return outlet


async def follow(stage: Stage, outlet: FakeOutlet, number: int, body: Body, target: int) -> Body:
    stage.courier = stage.new_courier()
    async with stage.running(outlet):
        await stage.send(draft(number, body, target=target, author=BOB))
    assert outlet.got[-1].target is not None
    assert outlet.got[-1].target.ids == (f"id-{0xA0000:x}",)
    return outlet.got[-1].body


async def test_editing_one_line_edits_the_whole_message_as_its_author(stage: Stage) -> None:
    outlet = await joined(stage)
    body = await follow(stage, outlet, 10, Edit(target=ref(2), message=say("better")), 2)
    assert isinstance(body, Edit)
    assert body.message.text.plain == "line 1\nbetter\nline 3"
    assert outlet.got[-1].author == ALICE


async def test_redacting_lines_leaves_the_others_and_at_last_nothing(stage: Stage) -> None:
    outlet = await joined(stage)
    body = await follow(stage, outlet, 10, Redaction(target=ref(1)), 1)
    assert isinstance(body, Edit)
    assert body.message.text.plain == "line 2\nline 3"
    await follow(stage, outlet, 11, Redaction(target=ref(3)), 3)
    last = await follow(stage, outlet, 12, Redaction(target=ref(2)), 2)
    assert isinstance(last, Redaction)


async def test_a_late_edit_does_not_bring_a_redacted_line_back(stage: Stage) -> None:
    outlet = await joined(stage)
    await follow(stage, outlet, 10, Redaction(target=ref(1)), 1)
    stage.courier = stage.new_courier()
    async with stage.running(outlet):
        await stage.send(draft(11, Edit(target=ref(1), message=say("back")), target=1))
    assert len(outlet.got) == 3
    assert stage.state(11) == "done"


async def test_a_reaction_to_a_line_goes_to_its_message(stage: Stage) -> None:
    outlet = await joined(stage)
    body = await follow(stage, outlet, 10, Reactions(target=ref(2), keys=("👍",)), 2)
    assert isinstance(body, Reactions)
