"""Copies are dropped unread, and nothing else is: however the bytes are cut, whatever stands in them."""

from itertools import pairwise
from xml.etree.ElementTree import Element, ParseError, XMLPullParser, tostring

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from adapters.xmpp.wire.markup import written
from adapters.xmpp.wire.skim import HELD, Skim

HEAD = b"<stream:stream xmlns='jabber:component:accept' xmlns:stream='http://etherx.jabber.org/streams'>"
COPY = "copy@x"


def is_copy(kind: str, to: str, sender: str, type: str) -> bool:
    return to == COPY and type == ("groupchat" if kind == "message" else "")


def heard(pieces: list[bytes], *, skimming: bool) -> list[bytes]:
    """The stanzas that a parser is given, as a stream reads them."""
    parser, skim, depth, found = XMLPullParser(("start", "end")), Skim(is_copy), 0, []
    for piece in (HEAD, *pieces):
        parser.feed(skim.copies_out(piece, between=depth == 1) if skimming else piece)
        for event, element in parser.read_events():
            assert isinstance(element, Element)
            depth += 1 if event == "start" else -1
            if event == "end" and depth == 1:
                found.append(tostring(element))
    return found


def wanted(stanza: bytes) -> bool:
    return b'to="copy@x"' not in stanza.partition(b">")[0]


_TEXT = st.text(st.sampled_from("ab<>'\"& /=]!-\n😀é"), max_size=12) | st.sampled_from(
    ["</message>", "<message to='copy@x' type='groupchat'>", " to='copy@x' ", "]]>", "<![CDATA[", "/>", "copy@x", "<presence/>"]
)


@st.composite
def stanzas(draw: st.DrawFn) -> str:
    kind = draw(st.sampled_from(["message", "presence", "iq"]))
    given_type = draw(st.sampled_from(["groupchat", "chat", "error", ""]))
    to = draw(st.sampled_from([COPY, "one@x", "copy@x/y"]))
    attributes = {"id": draw(_TEXT), "to": to, "from": draw(_TEXT) + "a", "type": given_type, "extra": draw(_TEXT)}
    order = draw(st.permutations(list(attributes)))
    stanza = Element(kind, {name: attributes[name] for name in order if attributes[name]})
    for name in draw(st.lists(st.sampled_from(["body", "{urn:x}message", "{urn:x}x", "{urn:x}presence"]), max_size=3)):
        child = Element(name, {"a": draw(_TEXT)})
        child.text = draw(_TEXT)
        stanza.append(child)
    text = written(stanza)
    return text.replace('"', "'") if draw(st.booleans()) and "'" not in text and "&apos;" not in text else text


@given(st.lists(stanzas(), max_size=12), st.lists(st.integers(0, 4000), max_size=8))
def test_what_is_left_is_what_a_parser_would_have_found_without_the_copies(texts: list[str], cuts: list[int]) -> None:
    data = "".join(texts).encode()
    places = sorted({min(cut, len(data)) for cut in cuts} | {0, len(data)})
    pieces = [data[start:end] for start, end in pairwise(places)]
    plain = heard(pieces, skimming=False)
    left = heard(pieces, skimming=True)
    # nothing but copies is missing, and what is there is in its order
    position = 0
    for stanza in plain:
        if position < len(left) and left[position] == stanza:
            position += 1
        else:
            assert not wanted(stanza), stanza
    assert position == len(left)


@given(st.lists(stanzas(), max_size=6), st.data())
def test_nothing_whole_waits_for_the_next_piece(texts: list[str], data: st.DataObject) -> None:
    stream = "".join(texts).encode()
    upto = stream[: data.draw(st.integers(0, len(stream)))]
    cut = data.draw(st.integers(0, len(upto)))
    pieces = [upto[:cut], upto[cut:]]
    there = [stanza for stanza in heard(pieces, skimming=False) if wanted(stanza)]
    assert [stanza for stanza in heard(pieces, skimming=True) if wanted(stanza)] == there


def test_copies_are_dropped_wherever_a_piece_ends() -> None:
    copy = f"<message to='{COPY}' from='r/n' type='groupchat'><body>é</body><x xmlns='urn:x'/></message>".encode()
    ping = b"<iq type='get' id='1' from='x' to='x'><ping xmlns='urn:xmpp:ping'/></iq>"
    stream = ping + copy + ping + copy
    for first in range(len(ping), len(stream)):
        for second in range(min(first + len(copy), len(stream)), len(stream)):
            pieces = [ping, stream[:first], stream[first:second], stream[second:]]
            assert len(heard(pieces, skimming=True)) == 3, (first, second)


def test_what_is_no_xml_does_not_wait() -> None:
    with pytest.raises(ParseError):
        heard([b"<iq/>", b"<message></presence>"], skimming=True)


def test_a_stanza_too_long_to_wait_for_is_heard_piece_by_piece() -> None:
    long = b"<iq/><message to='one@x' from='r/n'><body>" + b"x" * HELD + b"</body></message>"
    skim = Skim(is_copy)
    skim.clean = True
    assert skim.copies_out(long[:HELD], between=True) == b"<iq/>"
    assert skim.copies_out(long[HELD : HELD + 10], between=True) == long[5 : HELD + 10]
    assert skim.copies_out(long[HELD + 10 :], between=False) == long[HELD + 10 :]


def test_copies_in_one_piece_are_all_dropped() -> None:
    copy = f"<message to='{COPY}' from='r/n' type='groupchat'><body>hi</body><x xmlns='urn:x'/></message>"
    seen = f"<presence to='{COPY}' from='r/n'/>"
    other = "<message to='one@x' from='r/n' type='groupchat'><body>hi</body></message>"
    assert len(heard([other.encode(), (copy + seen + other + copy + copy + seen).encode()], skimming=True)) == 2


@pytest.mark.parametrize(
    "tricky",
    [
        "<message id=\" to='copy@x' type='groupchat' \" to='one@x' from='r/n'><body>x</body></message>",
        "<message to='one@x' from='r/n' id=\" to='copy@x' type='groupchat'\" type='groupchat'><body>x</body></message>",
        "<message to='&#99;opy@x' from='r/n' type='groupchat'><body>x</body></message>",
        f"<message to='{COPY}' from='r/n' type='error'><body>x</body></message>",
        f"<message to='{COPY}' from='r/n'><body><![CDATA[</message>]]></body></message>",
        f"<messages to='{COPY}' from='r/n' type='groupchat'/>",
    ],
)
def test_what_only_looks_like_a_copy_is_heard(tricky: str) -> None:
    end = "<message to='one@x' from='r/n' type='groupchat'><body>end</body></message>"
    assert heard([tricky.encode(), end.encode()], skimming=True) == heard([tricky.encode(), end.encode()], skimming=False)
    assert len(heard([end.encode(), (tricky + end).encode()], skimming=True)) == 3


@given(st.binary(max_size=200))
@example(b"<message to='copy@x' from='\xff' type='groupchat'></message>")
@example(b"<message to='copy@x' from='r' type='groupchat'>")
def test_no_bytes_trip_it(data: bytes) -> None:
    skim = Skim(is_copy)
    skim.clean = True
    left = skim.copies_out(data, between=True)
    assert len(left) <= len(data)
