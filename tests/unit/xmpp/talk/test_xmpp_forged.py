"""What liars send, through the reader and the core's own rules: nobody changes, moves or takes away what another said."""

from xml.etree.ElementTree import fromstring

import pytest

from adapters.xmpp.ids import occupant, place_of
from adapters.xmpp.inbound import Heard, Occupant, Scene, events
from adapters.xmpp.stanza.said import Said, read_message
from bridge.contract.plan import Planned
from bridge.model.events import Edit, Event, Redaction
from bridge.model.ids import IdentityId, NetworkName
from bridge.model.people import Identity, Profile
from tests.unit.routing.scene import NOW, World, link

NET = NetworkName("rich")
ROOM = "den@muc.example"


class Den:
    """A room linked with Matrix and another channel; each call is a stanza that comes from it."""

    def __init__(self, *, ids: bool = True) -> None:
        self.world = World(link(1, f"rich/{ROOM}"), link(2, "plain/#a"))
        self.ids = ids
        self.count = 0
        self.dropped: list[str] = []

    def hear(
        self, inner: str, *, nick: str = "", who: str = "", id: str = "", type: str = "groupchat", sender: str = ""
    ) -> tuple[Heard, ...]:
        """`who`: the occupant id that the room puts on it."""
        self.count += 1
        own = f"<stanza-id xmlns='urn:xmpp:sid:0' by='{ROOM}' id='S{self.count}'/>"
        own += f"<occupant-id xmlns='urn:xmpp:occupant-id:0' id='{who or nick}'/>"
        sender = sender or (f"{ROOM}/{nick}" if nick else ROOM)
        said = read_message(
            fromstring(
                f"<message xmlns='jabber:client' type='{type}' from='{sender}' id='{id or self.count}'>"
                f"{inner}{own if self.ids and nick else ''}</message>"
            )
        )
        assert isinstance(said, Said)
        here = {nick: Occupant(who=self.person(nick, who or nick))} if nick else {}
        scene = Scene(
            network=NET,
            place=place_of(ROOM),
            me="m.example",
            now=NOW,
            stanza_ids=self.ids,
            occupant_ids=self.ids,
            occupant=here.get,
            dropped=self.dropped.append,
        )
        return events(said, scene)

    def person(self, nick: str, mark: str) -> Identity:
        who = occupant(ROOM, nick, occupant_id=mark if self.ids else None)
        return Identity(id=IdentityId(NET, who), profile=Profile(name=nick))

    def plan(self, inner: str, *, nick: str = "", who: str = "", id: str = "") -> Planned:
        (event,) = self.hear(inner, nick=nick, who=who, id=id)
        assert isinstance(event, Event)
        return self.world.plan(event)


def touches(planned: Planned) -> bool:
    """Whether anything that was there is changed."""
    return any(isinstance(draft.delivery.body, Edit | Redaction) for draft in planned.drafts)


REPLACE = "<body>I confess</body><replace xmlns='urn:xmpp:message-correct:0' id='{}'/>"
RETRACT = "<retract xmlns='urn:xmpp:message-retract:1' id='{}'/>"
MODERATED = "<retract xmlns='urn:xmpp:message-retract:1' id='{}'><moderated xmlns='urn:xmpp:message-moderate:1'/></retract>"


@pytest.mark.parametrize("ids", [True, False])
@pytest.mark.parametrize("change", [REPLACE, RETRACT])
def test_only_who_said_it_changes_it(change: str, ids: bool) -> None:
    den = Den(ids=ids)
    den.plan("<body>the truth</body>", nick="bob", id="b1")
    named = change.format("S1" if ids and change is RETRACT else "b1")
    assert not touches(den.plan(named, nick="eve"))
    assert touches(den.plan(named, nick="bob"))


@pytest.mark.parametrize("id", ["S1", "b1", "#bob/b1", "../bob/b1", "%2fbob%2fb1", "=bob/b1", f"{ROOM}!S1", f"{ROOM}/#bob/b1"])
def test_no_spelling_of_an_id_reaches_anothers_message(id: str) -> None:
    den = Den()
    den.plan("<body>the truth</body>", nick="bob", id="b1")
    for change in (REPLACE, RETRACT):
        assert not touches(den.plan(change.format(id), nick="eve"))


def test_who_took_a_nick_does_not_get_what_its_holder_said_before() -> None:
    den = Den()
    den.plan("<body>the truth</body>", nick="bob", who="first", id="b1")
    for change in (REPLACE.format("b1"), RETRACT.format("S1")):
        assert not touches(den.plan(change, nick="bob", who="second"))
    assert touches(den.plan(REPLACE.format("b1"), nick="robert", who="first"))


def test_the_room_alone_moderates() -> None:
    den = Den()
    den.plan("<body>spam</body>", nick="bob", id="b1")
    assert den.hear(MODERATED.format("S1"), nick="eve") == ()
    assert den.hear(MODERATED.format("S1"), nick="", sender=f"{ROOM}/eve") == ()
    assert den.hear(MODERATED.format("S1"), sender="other@muc.example") == ()
    assert den.dropped == ["forged moderation", "forged moderation", "stranger"]
    assert touches(den.plan(MODERATED.format("S1")))


def test_a_message_with_an_id_that_is_taken_does_not_take_the_first_ones_place() -> None:
    den = Den()
    den.plan("<body>the truth</body>", nick="bob", id="b1")
    assert den.plan("<body>me too</body>", nick="eve", id="b1").drafts
    assert touches(den.plan(REPLACE.format("b1"), nick="bob"))


def test_an_id_that_the_room_did_not_give_is_not_taken_for_its_own() -> None:
    den = Den(ids=False)
    (event,) = den.hear(f"<body>hi</body><stanza-id xmlns='urn:xmpp:sid:0' by='{ROOM}' id='S9'/>", nick="eve", id="e1")
    assert isinstance(event, Event) and "!" not in event.key.id
    assert not any("!" in alias for alias in event.aliases)


def test_an_occupant_id_is_believed_where_the_room_gives_them_alone() -> None:
    den = Den(ids=False)
    (event,) = den.hear("<body>hi</body><occupant-id xmlns='urn:xmpp:occupant-id:0' id='bob'/>", nick="eve")
    assert isinstance(event, Event) and event.author.id.id == f"{ROOM}/eve"


@pytest.mark.parametrize("type", ["chat", "normal", "headline"])
def test_what_is_not_said_to_all_is_not_shown_to_all(type: str) -> None:
    assert Den().hear("<body>psst</body>", nick="eve", type=type) == ()


def test_nobody_speaks_for_one_of_ours() -> None:
    """A nick of ours with a delivery's id, but said by somebody else: the room tells who it was."""
    den = Den()
    (event,) = den.hear("<body>hi</body>", nick="Alice", who="eve", id="a" * 32)
    assert isinstance(event, Event) and event.author.id.id == f"{ROOM}#eve"


def test_an_invitation_shouted_in_a_room_is_words() -> None:
    invite = "<body>come!</body><x xmlns='jabber:x:conference' jid='trap@muc.evil.example'/>"
    (event,) = Den().hear(invite, nick="eve")
    assert isinstance(event, Event)
