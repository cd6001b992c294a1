"""What is agreed in each chat, in memory and in the ledger; and the addresses under which it is."""

from collections.abc import Callable, Iterable

from adapters.xmpp.accounts.faces import Faces
from adapters.xmpp.gateway.contacts import Contact, restored
from adapters.xmpp.ids import Place, puppet_jid
from adapters.xmpp.rooms.house import House
from adapters.xmpp.rooms.voices import RESOURCE
from adapters.xmpp.stanza.here import Here
from bridge.contract.adapter import Cursor
from bridge.model.ids import HUB, IdentityId
from bridge.model.people import Profile
from bridge.model.signals import Presence


class Book:
    """`changed(place)` is told that the other side of a chat is called otherwise, or has another picture."""

    def __init__(self, house: House, changed: Callable[[Place], None]) -> None:
        self._house, self._changed = house, changed
        self.pictures = Faces(house.inlet, house.tools, self._pictured)
        self._contacts: dict[Place, Contact] = {}

    async def contact(self, place: Place) -> Contact:
        """As it is, or as the ledger has it. In memory only where something is agreed. Raises `LedgerUnavailable`."""
        contact = self._contacts.get(place)
        if contact is None:
            cursor = await self._house.inlet.cursor(_scope(place))
            contact = restored(cursor.value if cursor is not None else "")
            if contact.kept:
                contact = self._contacts.setdefault(place, contact)
        return contact

    def save(self, place: Place, contact: Contact) -> None:
        """Whatever was changed in what is agreed."""
        if contact.kept:
            self._contacts[place] = contact
        else:
            self._contacts.pop(place, None)
        self._house.put_cursor(Cursor(scope=_scope(place), value=contact.kept))

    def all(self) -> Iterable[tuple[Place, Contact]]:
        return [*self._contacts.items()]

    def known_as(self, place: Place) -> Profile:
        contact = self._contacts.get(place)
        return Profile(name=contact.nick if contact is not None else None, avatar=self.pictures.face(place.jid))

    def meet(self, place: Place, contact: Contact, here: Here) -> None:
        """Somebody whom our user may see came, went, or looks otherwise."""
        nick = contact.nick
        if here.photo is not None:
            self.pictures.pictured(place.jid, here.photo)
        if contact.meet(here):
            self.signal(place, contact)
        if contact.nick != nick:
            self._changed(place)

    def _pictured(self, jid: str) -> None:
        for place in self._contacts:
            if place.jid == jid:
                self._changed(place)

    def asking(self, user: str) -> list[str]:
        """Who waits for a Matrix user's answer."""
        return sorted(place.jid for place, contact in self._contacts.items() if place.user == user and contact.asked)

    def signal(self, place: Place, contact: Contact) -> None:
        """The other's presence goes to the room."""
        availability, status = contact.shown()
        who = IdentityId(self._house.network, place.jid)
        self._house.inlet.signal(Presence(who=who, availability=availability, status=status or None))

    def bare(self, place: Place) -> str:
        """The Matrix user's address."""
        return puppet_jid(IdentityId(HUB, place.user), self._house.host)

    def full(self, place: Place) -> str:
        return f"{self.bare(place)}/{RESOURCE}"


def _scope(place: Place) -> str:
    return f"contact {place.id}"
