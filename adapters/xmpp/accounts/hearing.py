"""What an account's stream brings, made into events: what was said to it, and what its owner said with other devices."""

from collections.abc import Callable
from datetime import datetime
from xml.etree.ElementTree import Element

from msgspec import Struct
from msgspec.structs import replace

from adapters.xmpp.accounts.contacts import Contacts
from adapters.xmpp.accounts.intake import Item
from adapters.xmpp.ids import Kind, Place
from adapters.xmpp.inbound import Bounced, Invited, Lately, Proof, Scene, events
from adapters.xmpp.stanza.parts import Bad, Type
from adapters.xmpp.stanza.said import Said, read_message
from adapters.xmpp.stanza.wrapped import Archived, carbon, is_wrapped
from bridge.contract.toolbox import Toolbox
from bridge.model.events import Event, Origin
from bridge.model.ids import ChannelId, IdentityId, NetworkName
from bridge.model.people import Identity, Profile
from bridge.model.signals import ReadMark, Signal, Typing


class Words(Struct, frozen=True, kw_only=True):
    """A message as it was found. `direct`: it came to us ourselves, so who sent it may want an answer."""

    element: Element
    direct: bool = True
    archive_id: str | None = None
    at: datetime | None = None
    origin: Origin = Origin.LIVE


class Found(Struct, frozen=True, kw_only=True):
    """What it is. `item`: what is to be committed, without its ticket."""

    item: Item
    said: Said
    peer: str
    direct: bool
    signals: tuple[Signal, ...] = ()
    proofs: tuple[Proof, ...] = ()
    bounced: Bounced | None = None
    invited: Invited | None = None


class Hearing:
    """Pure but for the clock and counting. `me`: our bare address; `face`: the picture that is known of somebody;
    `shown`: where what was said is to be shown, if not in the chat with who said it.
    """

    def __init__(
        self,
        network: NetworkName,
        login: str,
        me: str,
        contacts: Contacts,
        tools: Toolbox,
        face: Callable[[str], str | None],
        shown: Callable[[Said, Item], Item],
    ) -> None:
        self._network, self._login, self._me = network, login, me
        self._contacts, self._tools, self._face, self._shown = contacts, tools, face, shown
        self.stanza_ids = False
        """Our server gives them, so they can be believed."""
        self._lately = Lately()
        self._made = 0
        self.connection = ""
        """Names the connection, for stanzas that have no name of their own."""

    def unwrap(self, element: Element) -> Words | None:
        """None for a carbon that is none: anybody can send what looks like one."""
        if not is_wrapped(element):
            return Words(element=element)
        copy = carbon(element, self._me)
        if copy is None:
            self.count("spoofed")
            return None
        return Words(element=copy.message, direct=False, at=copy.at)

    def archived(self, kept: Archived) -> Words:
        return Words(element=kept.message, direct=False, archive_id=kept.id, at=kept.at, origin=Origin.HISTORY)

    def understand(self, words: Words) -> Found | None:
        """None where it says nothing to us."""
        said = read_message(words.element)
        if isinstance(said, Bad):
            self.count(said.why)
            return None
        peer = self.peer_of(said)
        if peer is None:
            self.count("astray")
            return None
        if said.type is Type.GROUPCHAT:
            return None
        place = Place(Kind.DIRECT, peer, self._login)
        heard = events(said, self._scene(place, words))
        found = tuple(self._dressed(one) for one in heard if isinstance(one, Event))
        for event in found:
            self._lately.note(event)
        cursor = words.archive_id or (said.stanza_ids.get(self._me) if self.stanza_ids else None)
        channel = place.channel(self._network)
        return Found(
            item=self._shown(said, Item(channel=channel, peer=self.person(peer), events=found, cursor=cursor)),
            said=said,
            peer=peer,
            direct=words.direct,
            signals=tuple(one for one in heard if isinstance(one, Typing | ReadMark)),
            proofs=tuple(one for one in heard if isinstance(one, Proof)),
            bounced=next((one for one in heard if isinstance(one, Bounced)), None),
            invited=next((one for one in heard if isinstance(one, Invited)), None),
        )

    def peer_of(self, said: Said) -> str | None:
        """With whom it is: whoever of sender and addressee is not us."""
        sender, to = said.sender.partition("/")[0], said.to.partition("/")[0]
        if sender and sender != self._me:
            return sender if not to or to == self._me else None
        return to or self._me

    def person(self, jid: str) -> Identity:
        name = self._contacts.name_of(jid) or jid.partition("@")[0]
        return Identity(id=IdentityId(self._network, jid), profile=Profile(name=name, avatar=self._face(jid)))

    def channel(self, peer: str) -> ChannelId:
        return Place(Kind.DIRECT, peer, self._login).channel(self._network)

    def count(self, why: str) -> None:
        self._tools.metrics.count("xmpp_odd_stanzas", kind=why)

    def _scene(self, place: Place, words: Words) -> Scene:
        self._made += 1
        return Scene(
            network=self._network,
            place=place,
            me=self._me,
            now=self._tools.clock.now(),
            stanza_ids=self.stanza_ids,
            origin=words.origin,
            name_of=self._contacts.name_of,
            archive_id=words.archive_id,
            at=words.at,
            made=f"{self.connection}.{self._made}",
            lately=self._lately.meant,
            dropped=self.count,
        )

    def _dressed(self, event: Event) -> Event:
        """With its author's face, and under a name that is the same whichever way it came.

        What our owner wrote elsewhere comes back without its archive's id when it is a carbon, and with it out of the archive.
        """
        author = event.author
        if (face := self._face(author.id.id)) is not None:
            author = replace(author, profile=replace(author.profile, avatar=face))
        if author.id.id == self._me:
            own = next((name for name in event.aliases if "!" not in name and "//" not in name), None)
            if own is not None and "!" in event.key.id:
                rest = (event.key.id, *(name for name in event.aliases if name != own))
                return replace(event, author=author, key=replace(event.key, id=own), aliases=rest)
        return replace(event, author=author)
