"""Long text on IRC: nothing lost, nothing over the limit, formatting carried on."""

import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.irc.formatting import Run, from_html, to_html
from adapters.irc.outbound import State, line_for
from adapters.irc.split import REPEAT, SAFE_LIMIT, lines_of, split
from bridge.contract.features import Features, Limits, Unit, Voice, VoiceKind
from bridge.model.events import Message, Ref, Style, Text
from bridge.model.ids import HUB, EventKey
from tests.unit.irc.pure.deliveries import delivery
from tests.unit.irc.pure.strategies import LINES

CHARACTERS = st.text(string.ascii_letters + " \n\té漢🏳️‍🌈👩‍👩‍👧‍👦\x02\x0304\r\x00", max_size=400)
PREFIXES = st.sampled_from(["", "<alice> ", "<" + "名" * 40 + "> ", "* bob ", "<" + "👩‍👩‍👧‍👦" * 64 + "> "])
LIMITS = st.integers(64, 450)


def features(limit: int | None) -> Features:
    return Features(levels={}, limits=Limits(text=limit, unit=Unit.BYTES))


def said(parts: tuple[Message, ...]) -> str:
    return "".join("".join(part.text.plain.split()) for part in parts)


def voice(prefix: str) -> Voice:
    return Voice(kind=VoiceKind.PREFIX, name="alice", prefix=prefix)


def wire_text(part: Message, prefix: str, limit: int, *, repeat: bool = True) -> str:
    return line_for(delivery(part, voice=voice(prefix), repeat=repeat), State(limit=limit)).params[1]


@given(CHARACTERS, PREFIXES, LIMITS, st.sampled_from(Style))
def test_every_part_fits_to_the_byte_even_as_a_repeat_and_nothing_is_lost(
    text: str, prefix: str, limit: int, style: Style
) -> None:
    message = Message(text=Text(plain=text), style=style)
    parts = split(message, voice(prefix), features(limit))
    assert parts
    if text.strip(" \n\t\x02\x03\r\0"):
        for part in parts:
            wire = wire_text(part, prefix, limit)
            assert len(wire.encode()) <= limit
            assert REPEAT in wire and "…" not in wire.removeprefix(wire.partition(REPEAT)[0])
    kept = "".join(char for char in text if char not in "\x02\x03\r\0")
    assert "".join(char for char in said(parts) if char not in "\x02\x03\r\0") == "".join(kept.split())


@given(st.lists(LINES, min_size=1, max_size=4), PREFIXES, LIMITS, st.sampled_from(Style))
def test_formatted_parts_fit_to_the_byte_and_keep_the_style_of_every_character(
    lines: list[list[Run]], prefix: str, limit: int, style: Style
) -> None:
    html = "<br>".join(to_html([*line, *line, *line]) for line in lines)
    plain = "\n".join("".join(run.text for run in line) * 3 for line in lines)
    message = Message(text=Text(plain=plain, html=html), style=style)
    parts = split(message, voice(prefix), features(limit))
    written = [run for part in parts for line in lines_of(part.text) for run in line]
    wanted = [run for line in from_html(html) for run in line]

    def letters(runs: list[Run]) -> list[tuple[str, object]]:
        return [(char, run.style) for run in runs for char in run.text if not char.isspace()]

    assert letters(written) == letters(wanted)
    for part in parts:
        if part.text.plain.strip():
            wire = wire_text(part, prefix, limit)
            assert len(wire.encode()) <= limit
            assert not wire.endswith("…")


@pytest.mark.parametrize(
    ("plain", "limit", "parts"),
    [
        ("short", 200, ["short"]),
        ("one\ntwo\n\n\nthree", 200, ["one", "two", "three"]),
        ("alpha beta gamma delta", 64, ["alpha beta gamma delta"]),
        (
            "word " * 20,
            64,
            ["word word word word word word word word word", "word word word word word word word word word", "word word"],
        ),
        ("漢" * 30, 64, ["漢" * 15, "漢" * 15]),
        ("🏳️‍🌈" * 4, 64, ["🏳️‍🌈" * 3, "🏳️‍🌈"]),
        ("    indented", 200, ["    indented"]),
    ],
)
def test_plain_text_is_cut_where_a_reader_would(plain: str, limit: int, parts: list[str]) -> None:
    got = split(Message(text=Text(plain=plain)), voice(""), features(limit))
    assert [part.text.plain for part in got] == parts


def test_what_fits_is_passed_through_as_it_is() -> None:
    message = Message(text=Text(plain="hello", html="<b>hello</b>"))
    assert split(message, voice("<a> "), features(None)) == (message,)


def test_nothing_is_still_one_message() -> None:
    message = Message(text=Text(plain=" \n "))
    assert len(split(message, voice("<a> "), features(400))) == 1


def test_formatting_is_opened_again_after_the_cut() -> None:
    message = Message(text=Text(plain="x" * 80, html=f"<b>{'x' * 80}</b>"))
    parts = split(message, voice(""), features(64))
    assert len(parts) > 1
    assert all(wire_text(part, "", 64, repeat=False).startswith("\x02x") for part in parts)


def test_without_a_known_limit_the_safe_one_holds() -> None:
    parts = split(Message(text=Text(plain="y" * 1000)), voice(""), features(None))
    assert max(len(part.text.plain) for part in parts) <= SAFE_LIMIT


def test_html_too_long_to_read_falls_back_to_its_plain_text() -> None:
    message = Message(text=Text(plain="plain words", html="<b>" + "x" * 70_000 + "</b>"))
    assert [part.text.plain for part in split(message, voice(""), features(400))] == ["plain words"]


def test_only_the_first_part_carries_what_happens_once() -> None:
    message = Message(text=Text(plain="a\nb"), reply_to=Ref(key=EventKey(HUB, "$x")))
    first, second = split(message, voice(""), features(400))
    assert first.reply_to is not None and second.reply_to is None
