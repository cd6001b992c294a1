"""What comes for Matrix people one to one: messages to their addresses, made events of the chats they belong to."""

from collections.abc import Callable
from functools import partial
from xml.etree.ElementTree import Element

from msgspec.structs import replace

from adapters.xmpp.accounts.marks import Marks
from adapters.xmpp.gateway.housing import Arrival, Housing
from adapters.xmpp.gateway.refusing import UNKNOWN
from adapters.xmpp.gateway.replies import Replies
from adapters.xmpp.gateway.sending import Sending
from adapters.xmpp.ids import Kind, Place, conversation, identity_of, made_id, puppet_jid, sent_id
from adapters.xmpp.inbound import Bounced, Invited, Lately, Proof, Scene, events, notice
from adapters.xmpp.outbound import received
from adapters.xmpp.rooms.house import House
from adapters.xmpp.rooms.voices import RESOURCE
from adapters.xmpp.stanza.parts import Bad, Type
from adapters.xmpp.stanza.said import Said, read_message
from adapters.xmpp.stanza.wrapped import is_wrapped
from bridge.model.events import Event, ProfileChange
from bridge.model.ids import HUB, EventKey, IdentityId
from bridge.model.people import Identity, Profile
from bridge.model.signals import ReadMark, Typing

NOT_A_PERSON = "Only Matrix people can be written to one to one."


class Chats:
    """`known_as(place)`: what the other side of a chat is called and looks like, as far as it told."""

    def __init__(
        self, house: House, housing: Housing, sending: Sending, replies: Replies, known_as: Callable[[Place], Profile]
    ) -> None:
        self._house, self._housing, self._sending, self._replies = house, housing, sending, replies
        self._known_as = known_as
        self.marks = Marks()
        self._lately = Lately()

    def message(self, element: Element) -> None:
        """Of one to an address of ours that no room has taken."""
        said = read_message(element)
        if isinstance(said, Bad):
            self._house.odd(said.why)
            return
        if said.type is Type.GROUPCHAT or is_wrapped(element) or said.sender.rpartition("@")[2] == self._house.host:
            self._house.odd("astray")
            return
        place = self._place(said)
        if isinstance(place, str):
            self._replies.refuse(element, UNKNOWN, place)
        elif said.muc is not None and said.invite is None:
            self._replies.refuse(
                element, "not-acceptable", "Private messages in rooms don't reach Matrix: write to people themselves."
            )
        else:
            self._heard(element, said, place)

    def _place(self, said: Said) -> Place | str:
        """The chat that it belongs to; else in words why to none."""
        who = identity_of(said.to, self._house.host)
        sender = said.sender.partition("/")[0]
        if who is None or "@" not in sender:
            return "Nobody has that address."
        return Place(Kind.GATEWAY, sender, user=who.id) if who.network == HUB else NOT_A_PERSON

    def _heard(self, element: Element, said: Said, place: Place) -> None:
        me = puppet_jid(IdentityId(HUB, place.user), self._house.host)
        scene = Scene(
            network=self._house.network,
            place=place,
            me=me,
            now=self._house.tools.clock.now(),
            stanza_ids=False,
            name_of=lambda jid: self._known_as(place).name if jid == place.jid else None,
            made=self._house.made(),
            lately=self._lately.meant,
            dropped=self._house.odd,
        )
        found: list[Event] = []
        for one in events(said, scene):
            match one:
                case Event():
                    self._lately.note(one)
                    found.append(self._pictured(one, place))
                case Proof():
                    self._sending.proved(one, place)
                case Bounced():
                    if self._sending.bounced(one, place) and place.channel(self._house.network) in self._housing:
                        about = sent_id(conversation(me, place.jid), me, one.id)
                        self.say(place, f"Your message did not arrive: {one.words}.", f"bounced {one.id}", about=about)
                case Invited():
                    self.say(place, _invitation(one), f"invited {said.id or scene.made}")
                case Typing() | ReadMark() if place.channel(self._house.network) in self._housing:
                    self._house.inlet.signal(one)
        if found:
            self._take(element, said, place, found)

    def _pictured(self, event: Event, place: Place) -> Event:
        """With its author's face, where it is known."""
        face = self._known_as(place).avatar
        if face is None or event.author.id.id != place.jid:
            return event
        author = replace(event.author, profile=replace(event.author.profile, avatar=face))
        return replace(event, author=author)

    def _take(self, element: Element, said: Said, place: Place, found: list[Event]) -> None:
        self.marks.note(said, found)
        confirm = partial(self._confirm, said) if said.wants_receipt and said.id else _nothing
        arrival = Arrival(events=found, then=confirm, refuse=partial(self._replies.refuse, element))
        self._housing.put(place.channel(self._house.network), self.peer(place), arrival)

    def _confirm(self, said: Said) -> None:
        """XEP-0184: it is on disk."""
        self._replies.write(received(said.sender, said.id or "", sender=f"{said.to.partition('/')[0]}/{RESOURCE}"))

    def say(
        self, place: Place, words: str, what: str, refused: Callable[[], None] = lambda: None, *, about: str | None = None
    ) -> None:
        """A notice in the chat; `what` tells it from all others, so that it is said once. It answers the message `about`.

        `refused` is called where the chat can have no room.
        """
        me, who = puppet_jid(IdentityId(HUB, place.user), self._house.host), self.peer(place)
        event = Event(
            key=EventKey(self._house.network, made_id(conversation(me, place.jid), place.jid, what)),
            channel=place.channel(self._house.network),
            author=who,
            happened_at=self._house.tools.clock.now(),
            body=notice(words, self._house.network, about),
        )
        self._housing.put(event.channel, who, Arrival(events=(event,), then=_nothing, refuse=lambda condition, words: refused()))

    def shown_otherwise(self, place: Place) -> None:
        """The other's name or picture is another: the chat shows it, where there is one."""
        channel, who = place.channel(self._house.network), self.peer(place)
        if channel not in self._housing:
            return
        me, now = puppet_jid(IdentityId(HUB, place.user), self._house.host), self._house.tools.clock.now()
        what = f"shown {now.isoformat()} {who.profile.avatar} {who.name}"
        self._house.put(
            Event(
                key=EventKey(self._house.network, made_id(conversation(me, place.jid), place.jid, what)),
                channel=channel,
                author=who,
                happened_at=now,
                body=ProfileChange(who=who.id, profile=who.profile),
            )
        )

    def peer(self, place: Place) -> Identity:
        """Who is at the other end."""
        known = self._known_as(place)
        profile = Profile(name=known.name or place.jid.partition("@")[0], avatar=known.avatar)
        return Identity(id=IdentityId(self._house.network, place.jid), profile=profile)


def _invitation(invited: Invited) -> str:
    reason = f": {invited.invite.reason}" if invited.invite.reason else ""
    return f"You are invited to the room {invited.invite.room}{reason}"


def _nothing() -> None:
    return None
