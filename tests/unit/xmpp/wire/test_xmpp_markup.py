"""Nothing that ends a stream is ever written, and what is written means what was meant."""

from xml.etree.ElementTree import Element, SubElement, XMLPullParser, fromstring

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.xmpp.wire.markup import written
from bridge.text.escape import strip_controls

HEAD = "<stream:stream xmlns='jabber:component:accept' xmlns:stream='http://etherx.jabber.org/streams'>"
CLIENT = "{jabber:client}"


def read(text: str) -> Element:
    """As a server reads it, within a stream."""
    parser = XMLPullParser(("end",))
    parser.feed(HEAD + text)
    elements = [element for _, element in parser.read_events() if isinstance(element, Element)]
    return elements[-1]


def message(**attributes: str) -> Element:
    return Element(f"{CLIENT}message", attributes)


@given(st.text(), st.text())
def test_any_text_stays_well_formed_and_legal_text_stays_itself(body: str, value: str) -> None:
    stanza = message(id=value)
    SubElement(stanza, f"{CLIENT}body").text = body
    back = read(written(stanza))
    assert back.tag == "{jabber:component:accept}message"
    if strip_controls(body) == body and "\x85" not in body:
        assert (back[0].text or "") == body
    if value.isprintable():
        assert back.get("id") == value


@pytest.mark.parametrize("char", ["\0", "\x02", "\x03", "\x1f", "\ud800", "\udfff", "\ufffe", "\uffff", "\x0b"])
def test_a_character_that_ends_streams_is_replaced(char: str) -> None:
    stanza = message(id=f"a{char}b")
    SubElement(stanza, "body").text = f"x{char}y"
    back = read(written(stanza))
    assert back.get("id") == "a\ufffdb"
    assert back[0].text == "x\ufffdy"


def test_line_ends_of_attributes_and_texts_survive() -> None:
    stanza = message()
    SubElement(stanza, "body").text = "one\r\ntwo"
    assert read(written(stanza))[0].text == "one\r\ntwo"


def test_a_stanza_of_either_kind_of_stream_is_in_this_one() -> None:
    for space in ("jabber:client", "jabber:component:accept", "jabber:server"):
        stanza = Element(f"{{{space}}}message")
        SubElement(stanza, f"{{{space}}}body").text = "hi"
        assert written(stanza) == "<message><body>hi</body></message>"
    assert written(Element("message")) == "<message/>"


def test_children_keep_their_namespaces_and_a_forwarded_stanza_its_own() -> None:
    stanza = message()
    forwarded = SubElement(stanza, "{urn:xmpp:forward:0}forwarded")
    SubElement(forwarded, "{urn:xmpp:delay}delay", {"stamp": "2026-01-01T00:00:00Z"})
    inner = SubElement(forwarded, f"{CLIENT}message", {"{http://www.w3.org/XML/1998/namespace}lang": "de"})
    SubElement(inner, f"{CLIENT}body").text = "hallo"
    SubElement(inner, "{urn:x}y").tail = "and more"
    back = read(written(stanza))
    assert back[0].tag == "{urn:xmpp:forward:0}forwarded"
    assert [child.tag for child in back[0]] == ["{urn:xmpp:delay}delay", f"{CLIENT}message"]
    assert back[0][1].get("{http://www.w3.org/XML/1998/namespace}lang") == "de"
    assert [child.tag for child in back[0][1]] == [f"{CLIENT}body", "{urn:x}y"]
    assert back[0][1][1].tail == "and more"


def test_what_is_nested_without_end_is_refused_and_not_recursed_into() -> None:
    stanza = top = Element("message")
    for _ in range(5000):
        top = SubElement(top, "x")
    with pytest.raises(ValueError, match="deep"):
        written(stanza)


def test_markup_in_texts_stays_text() -> None:
    stanza = message(to="a'b\"<c>&d")
    SubElement(stanza, "body").text = "</body></message></stream:stream>]]><!--"
    text = written(stanza)
    assert fromstring(text).get("to") == "a'b\"<c>&d"
    assert fromstring(text)[0].text == "</body></message></stream:stream>]]><!--"
