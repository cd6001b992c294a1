"""A roster is what its own server says, and a presence what the most important device says."""

from xml.etree.ElementTree import Element, SubElement

from hypothesis import given
from hypothesis import strategies as st

from adapters.xmpp.accounts.contacts import ROSTER, Contacts, Shown
from adapters.xmpp.stanza.here import Here, Kind
from bridge.model.signals import Availability
from bridge.text.escape import strip_controls


def query(*items: dict[str, str]) -> Element:
    found = Element(f"{{{ROSTER}}}query")
    for item in items:
        SubElement(found, f"{{{ROSTER}}}item", item)
    return found


def here(who: str, kind: Kind = Kind.AVAILABLE, show: str = "", status: str = "", priority: int = 0) -> Here:
    return Here(sender=who, kind=kind, show=show, status=status, priority=priority)


def test_a_removed_contact_is_one_no_more() -> None:
    contacts = Contacts()
    contacts.fill(query({"jid": "romeo@example.org", "name": "Romeo", "subscription": "both"}))
    assert contacts.name_of("romeo@example.org") == "Romeo"
    assert contacts.sees("romeo@example.org")
    contacts.push(query({"jid": "romeo@example.org", "subscription": "remove"}))
    assert contacts.get("romeo@example.org") is None


def test_a_renamed_contact_is_told_of() -> None:
    contacts = Contacts()
    contacts.fill(query({"jid": "romeo@example.org", "name": "Romeo"}))
    assert [one.name for one in contacts.push(query({"jid": "ROMEO@example.org", "name": "R."}))] == ["R."]
    assert contacts.push(query({"jid": "romeo@example.org", "name": "R."})) == []


@given(st.dictionaries(st.sampled_from(["jid", "name", "subscription", "ask"]), st.text(max_size=30)))
def test_no_roster_item_stumbles_us(attributes: dict[str, str]) -> None:
    contacts = Contacts()
    contacts.push(query(attributes))
    for contact in contacts.all():
        assert contact.name == " ".join(strip_controls(contact.name).split())
        assert contact.subscription in ("none", "to", "from", "both")


def test_the_device_that_gets_the_messages_is_the_one_that_is_shown() -> None:
    contacts = Contacts()
    assert contacts.meet(here("romeo@example.org/phone", show="away", priority=1)) == Shown(Availability.AWAY)
    assert contacts.meet(here("romeo@example.org/desk", status="working", priority=5)) == Shown(Availability.ONLINE, "working")
    assert contacts.meet(here("romeo@example.org/phone", Kind.UNAVAILABLE)) is None
    assert contacts.meet(here("romeo@example.org/desk", Kind.UNAVAILABLE)) == Shown(Availability.OFFLINE)


def test_a_flood_of_devices_takes_no_memory() -> None:
    contacts = Contacts()
    for number in range(1000):
        contacts.meet(here(f"romeo@example.org/{number}"))
    assert len(contacts._there["romeo@example.org"]) <= 16


def test_nobody_is_there_when_the_connection_is_gone() -> None:
    contacts = Contacts()
    contacts.meet(here("romeo@example.org/phone"))
    assert contacts.nobody() == ["romeo@example.org"]
    assert contacts.shown("romeo@example.org").availability is Availability.OFFLINE


def test_who_went_away_while_the_bridge_was_down_is_shown_as_gone() -> None:
    """What was shown of them by the run before stands on the hub until something else is said."""
    contacts, gone = Contacts(), here("romeo@example.org", Kind.UNAVAILABLE)
    contacts.fill(query({"jid": "romeo@example.org", "subscription": "both"}))
    assert contacts.meet(gone) == Shown(Availability.OFFLINE)
    assert contacts.meet(gone) is None
    contacts.nobody()
    assert contacts.meet(gone) == Shown(Availability.OFFLINE)
    assert contacts.meet(here("eve@example.org", Kind.UNAVAILABLE)) is None
