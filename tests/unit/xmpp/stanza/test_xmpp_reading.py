"""Reading stanzas: nothing that anybody can send raises, is believed without a reason, or is kept without a bound."""

from datetime import UTC, datetime
from xml.etree.ElementTree import Comment, Element, fromstring

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.xmpp.ids import place_of
from adapters.xmpp.inbound import Scene, events
from adapters.xmpp.stanza import ns
from adapters.xmpp.stanza.clean import BODY_CAP
from adapters.xmpp.stanza.here import Here, read_presence
from adapters.xmpp.stanza.parts import Bad
from adapters.xmpp.stanza.said import Said, read_message
from adapters.xmpp.stanza.wrapped import archived, carbon, is_wrapped
from bridge.model.codec import encode_event
from bridge.model.events import Event, Origin
from bridge.model.ids import NetworkName
from tests.unit.xmpp.stanza.trees import elements, stanzas

NOW = datetime(2026, 1, 2, tzinfo=UTC)
PLACES = ["den@muc.example", "direct/bob@x.org@me", "gateway/bob@x.org/@a:x.org", "joined/den@muc.example@me"]


def message(inner: str, attributes: str = "from='bob@x.org/phone' to='me@home.example' type='chat'") -> Said:
    said = read_message(fromstring(f"<message xmlns='jabber:client' {attributes}>{inner}</message>"))
    assert isinstance(said, Said)
    return said


@given(stanzas("message"), st.sampled_from(PLACES), st.booleans(), st.sampled_from(Origin))
def test_no_message_whatever_is_in_it_raises_on_its_way_to_the_ledger(
    element: Element, place: str, ids: bool, origin: Origin
) -> None:
    said = read_message(element)
    if isinstance(said, Bad):
        return
    scene = Scene(
        network=NetworkName("jabber"),
        place=place_of(place),
        me="me@home.example",
        now=NOW,
        stanza_ids=ids,
        occupant_ids=ids,
        origin=origin,
    )
    for one in events(said, scene):
        if isinstance(one, Event):
            assert one.happened_at.tzinfo is UTC and one.key.id not in one.aliases
            try:
                encode_event(one)
            except UnicodeEncodeError:
                pytest.fail("a lone surrogate got through")


@given(stanzas("presence"))
def test_no_presence_whatever_is_in_it_raises(element: Element) -> None:
    assert isinstance(read_presence(element), Here | Bad)


@given(elements())
def test_what_is_no_stanza_is_none(element: Element) -> None:
    for read in (read_message, read_presence):
        read(element)
    assert carbon(element, "me@home.example") is None or element.tag.endswith("message")
    assert is_wrapped(element) in (True, False)
    archived(element, "me@home.example", "1")


def test_a_comment_among_the_elements_is_none_of_them() -> None:
    element = fromstring("<message xmlns='jabber:client'><body>hi</body></message>")
    element.insert(0, Comment("no"))
    said = read_message(element)
    assert isinstance(said, Said) and said.body == "hi"


def test_a_body_of_a_megabyte_is_cut_between_letters() -> None:
    said = message(f"<body>{'é' * 500_000}</body>")
    assert said.cut and said.body is not None
    assert len(said.body.encode()) <= BODY_CAP and set(said.body) == {"é"}


def test_ten_thousand_elements_of_a_kind_are_not_all_kept() -> None:
    many = "".join(
        f"<stanza-id xmlns='urn:xmpp:sid:0' by='r{n}@x' id='{n}'/><delay xmlns='urn:xmpp:delay' stamp='2026-01-01T00:00:00Z'/>"
        f"<x xmlns='jabber:x:oob'><url>https://x.org/{n}</url></x>"
        for n in range(10_000)
    )
    said = message(many)
    assert len(said.stanza_ids) <= 64 and len(said.delays) <= 16 and len(said.files) <= 16


def test_the_first_of_equal_elements_counts() -> None:
    said = message(
        "<replace xmlns='urn:xmpp:message-correct:0' id='first'/><replace xmlns='urn:xmpp:message-correct:0' id='second'/>"
        "<body>first</body><body>second</body><thread>1</thread><thread>2</thread>"
    )
    assert (said.replaces, said.body, said.thread) == ("first", "first", "1")


@pytest.mark.parametrize("id", ["", "a\tb", "x" * 256, "a\u202eb", "\u0007"])
def test_an_id_that_cannot_be_one_counts_as_none(id: str) -> None:
    element = Element(ns.qualified(ns.CLIENT, "message"), {"id": id, "from": "bob@x.org"})
    ns.add(element, ns.STANZA_IDS, "stanza-id", by="den@muc.example", id=id)
    ns.add(element, ns.CORRECT, "replace", id=id)
    said = read_message(element)
    assert isinstance(said, Said)
    assert (said.id, dict(said.stanza_ids), said.replaces) == (None, {}, None)


def test_an_address_that_is_none_makes_no_message() -> None:
    for address in ("a b@c", "@", "x@", "\ud800@x"):
        element = Element(ns.qualified(ns.CLIENT, "message"), {"from": address})
        assert read_message(element) == Bad("bad-address")
        assert read_presence(Element(ns.qualified(ns.CLIENT, "presence"), {"from": address})) == Bad("bad-address")


def test_addresses_are_compared_in_their_one_spelling() -> None:
    said = message(
        "<stanza-id xmlns='urn:xmpp:sid:0' by='Me@HOME.example' id='1'/>", "from='BOB@X.org/Phone' to='me@home.example'"
    )
    assert said.sender == "bob@x.org/Phone" and dict(said.stanza_ids) == {"me@home.example": "1"}


def formatted(inner: str) -> Said:
    html = f"<html xmlns='http://jabber.org/protocol/xhtml-im'><body xmlns='http://www.w3.org/1999/xhtml'>{inner}</body></html>"
    return message(f"<body>x</body>{html}")


def test_ten_thousand_nested_elements_are_no_trouble() -> None:
    assert formatted(f"<b>x</b>{'<span>' * 3000}deep{'</span>' * 3000}").html == "<b>x</b>"


def test_of_formatting_that_is_nothing_but_tags_the_plain_text_is_carried() -> None:
    assert formatted("<b>x</b>" * 2001).html is None


# wrapped


def wrapped(kind: str, sender: str, inner: str = "<body>hi</body>") -> Element:
    return fromstring(
        f"<message xmlns='jabber:client' from='{sender}' to='me@home.example/bridge'><{kind} xmlns='urn:xmpp:carbons:2'>"
        "<forwarded xmlns='urn:xmpp:forward:0'><message xmlns='jabber:client' from='me@home.example/phone' to='bob@x.org'>"
        f"{inner}</message></forwarded></{kind}></message>"
    )


@pytest.mark.parametrize("kind", ["sent", "received"])
def test_a_carbon_is_true_from_our_own_address_alone(kind: str) -> None:
    true = carbon(wrapped(kind, "me@home.example"), "me@home.example")
    assert true is not None and true.sent == (kind == "sent")
    for liar in ("eve@x.org", "me@home.example/phone", "home.example", "me@home.example.evil.org", "not an address"):
        assert is_wrapped(wrapped(kind, liar)) and carbon(wrapped(kind, liar), "me@home.example") is None


def test_a_carbon_of_two_messages_or_none_is_none() -> None:
    element = wrapped("sent", "me@home.example")
    forwarded = element[0][0]
    forwarded.append(forwarded[0])
    assert carbon(element, "me@home.example") is None
    for child in list(forwarded):
        forwarded.remove(child)
    assert carbon(element, "me@home.example") is None


def result(sender: str = "", query: str = "q1", id: str = "A1") -> Element:
    return fromstring(
        f"<message xmlns='jabber:client' to='me@home.example/bridge'{sender and f' from={sender!r}'}>"
        f"<result xmlns='urn:xmpp:mam:2' queryid='{query}' id='{id}'><forwarded xmlns='urn:xmpp:forward:0'>"
        "<delay xmlns='urn:xmpp:delay' stamp='2026-01-01T10:00:00+02:00'/><message xmlns='jabber:client' from='bob@x.org/p'>"
        "<body>hi</body></message></forwarded></result></message>"
    )


def test_an_archived_message_is_true_from_the_archive_that_was_asked_and_for_our_question() -> None:
    true = archived(result(), "me@home.example", "q1")
    assert true is not None and true.id == "A1" and true.at == datetime(2026, 1, 1, 8, tzinfo=UTC)
    assert archived(result("den@muc.example"), "den@muc.example", "q1") is not None
    assert archived(result("eve@x.org"), "me@home.example", "q1") is None
    assert archived(result("den@muc.example/bob"), "den@muc.example", "q1") is None
    assert archived(result(query="q2"), "me@home.example", "q1") is None
    assert archived(result(id=""), "me@home.example", "q1") is None
