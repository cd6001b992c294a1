"""Bytes to lines and back: whatever a server sends is read or left out, whatever we write is one line."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.irc.wire.buffer import LineBuffer
from adapters.irc.wire.isupport import Isupport
from adapters.irc.wire.line import MAX_TAGS, Line, encode, encode_tags, parse, unescape_tag

words = st.text(st.characters(exclude_characters=" \r\n\0", exclude_categories=("Cs",)), min_size=1).filter(lambda w: w[0] != ":")
texts = st.text(st.characters(exclude_characters="\r\n\0", exclude_categories=("Cs",)))
values = st.text(st.characters(exclude_characters="\0", exclude_categories=("Cs",)))
keys = st.from_regex(r"\+?[a-z0-9./-]{1,20}", fullmatch=True)


@given(st.binary(max_size=600))
def test_no_bytes_make_the_parser_raise(raw: bytes) -> None:
    line = parse(raw)
    if line is not None:
        assert line.command == line.command.upper() and line.command.isalnum()
        assert not any(char in param for param in line.params for char in "\r\n\0")


@given(st.lists(words, max_size=8), texts, st.dictionaries(keys, values, max_size=6))
def test_what_is_written_is_read_back_the_same(middle: list[str], last: str, tags: dict[str, str]) -> None:
    raw = encode("PRIVMSG", (*middle, last), tags)
    assert raw.endswith(b"\r\n") and raw.count(b"\n") == 1 and raw.count(b"\r") == 1
    line = parse(raw[:-2])
    assert line == Line("PRIVMSG", (*middle, last), tags)


@given(st.text(), st.lists(st.text(), max_size=4), st.dictionaries(st.text(), st.text(), max_size=3))
def test_nothing_can_be_written_that_is_two_lines(command: str, params: list[str], tags: dict[str, str]) -> None:
    try:
        raw = encode(command, params, tags)
    except ValueError:
        return
    assert raw.endswith(b"\r\n") and b"\0" not in raw
    assert raw[:-2].count(b"\n") == raw[:-2].count(b"\r") == 0


@pytest.mark.parametrize("params", [("#c", "a\rQUIT"), ("#c", "a\nQUIT"), ("#c", "a\0"), ("#c d", "x"), ("", "x"), (":c", "x")])
def test_an_injection_is_refused(params: tuple[str, ...]) -> None:
    with pytest.raises(ValueError):
        encode("PRIVMSG", params)


@given(values)
def test_tag_values_survive_the_escape(value: str) -> None:
    assert unescape_tag(encode_tags({"k": value}).partition("=")[2]) == value


def test_odd_escapes_are_read_as_the_specification_says() -> None:
    assert unescape_tag("a\\bb\\") == "abb"
    line = parse(b"@a=\\:\\s;b;c=;=d;a=last :n!u@h CMD")
    assert line is not None and line.tags == {"a": "last", "b": "", "c": ""}


@pytest.mark.parametrize(
    ("raw", "text"),
    [
        (b"caf\xe9", "café"),
        ("naïve café".encode()[:-1], "naïve caf"),
        ("жжж".encode(), "жжж"),
        (b"x" * 450 + "ж".encode()[:1], "x" * 450),
    ],
)
def test_text_in_another_charset_is_read_and_a_cut_character_stays_utf8(raw: bytes, text: str) -> None:
    line = parse(b":a!b@c PRIVMSG #x :" + raw)
    assert line is not None and line.params == ("#x", text)


def test_a_prefix_is_taken_apart_whatever_it_lacks() -> None:
    for raw, expected in (
        (b":n!u@h X", ("n", "u", "h")),
        (b":n@h X", ("n", None, "h")),
        (b":n!u X", ("n", "u", None)),
        (b":srv.example X", ("srv.example", None, None)),
        (b": X", ("", None, None)),
        (b":a!b!c@d@e X", ("a", "b!c", "d@e")),
    ):
        line = parse(raw)
        assert line is not None and (line.nick, line.user, line.host) == expected


def test_a_tag_bomb_costs_no_more_than_a_few_tags() -> None:
    line = parse(b"@" + b";".join(b"k%d" % n for n in range(9000)) + b" X")
    assert line is not None and len(line.tags) == MAX_TAGS


@given(st.lists(st.binary(max_size=40).filter(lambda line: b"\n" not in line)), st.data())
def test_lines_do_not_depend_on_how_the_bytes_arrive(lines: list[bytes], data: st.DataObject) -> None:
    stream = b"".join(line + b"\n" for line in lines)
    buffer, out, at = LineBuffer(), [], 0
    while at < len(stream):
        size = data.draw(st.integers(1, 50))
        out += buffer.feed(stream[at : at + size])
        at += size
    assert out == lines and buffer.overlong == 0


@given(st.lists(st.integers(0, 60), min_size=1), st.integers(1, 70))
def test_a_line_without_end_is_left_out_alone_and_counted(sizes: list[int], chunk: int) -> None:
    lines = [b"x" * size for size in sizes]
    stream = b"".join(line + b"\n" for line in lines)
    buffer, out = LineBuffer(limit=30), []
    for at in range(0, len(stream), chunk):
        out += buffer.feed(stream[at : at + chunk])
    assert [line for line in out if line] == [line for line in lines if 0 < len(line) <= 30]
    assert buffer.overlong == sum(size > 30 for size in sizes)


@given(st.lists(st.text(max_size=40), max_size=20))
def test_no_token_breaks_isupport(tokens: list[str]) -> None:
    isupport = Isupport()
    isupport.load(["me", *tokens, "are supported"])
    assert isupport.linelen >= 512 and isinstance(isupport.prefix, dict)


def test_isupport_tells_what_a_server_can() -> None:
    isupport = Isupport()
    tokens = (
        "CASEMAPPING=ascii CHANTYPES=#+ PREFIX=(qaohv)~&@%+ CHANMODES=b,k,l,imn TARGMAX=JOIN:,PRIVMSG:4 STATUSMSG=@+ LINELEN=1024"
    )
    isupport.load(["me", *tokens.split(), "NETWORK=Two\\x20Words", "BOT=B", "MONITOR=30", "WHOX", "end"])
    assert isupport.casemapping == "ascii" and isupport.chantypes == "#+" and isupport.linelen == 1024
    assert isupport.prefix == {"~": "q", "&": "a", "@": "o", "%": "h", "+": "v"}
    assert isupport.targmax == {"JOIN": None, "PRIVMSG": 4} and isupport.network == "Two Words"
    assert isupport.bot == "B" and isupport.monitor == 30 and isupport.whox
    assert isupport.strip_status("@#x") == "#x" and isupport.strip_status("+x") == "+x" and isupport.is_channel("+x")
    isupport.load(["me", "-CASEMAPPING", "-LINELEN", "PREFIX=oops", "end"])
    assert isupport.casemapping == "rfc1459" and isupport.linelen == 512 and isupport.odd == 1
    assert isupport.prefix["~"] == "q"
