"""How Matrix people appear to those who may see them: there or not, with name and picture."""

from functools import partial

from adapters.xmpp.gateway import answers
from adapters.xmpp.gateway.book import Book
from adapters.xmpp.gateway.errands import Errands
from adapters.xmpp.gateway.faces import Faces
from adapters.xmpp.gateway.replies import Replies
from adapters.xmpp.ids import Place
from adapters.xmpp.outbound import presence
from adapters.xmpp.stanza.caps import caps_of
from adapters.xmpp.stanza.here import Kind
from bridge.contract.errors import Unavailable
from bridge.model.ids import HUB, IdentityId
from bridge.model.signals import Availability

_SHOWS = {Availability.ONLINE: "", Availability.AWAY: "away"}


class Presences:
    def __init__(self, book: Book, faces: Faces, errands: Errands, replies: Replies) -> None:
        self._book, self._faces, self._errands, self._replies = book, faces, errands, replies
        self._there: dict[str, tuple[Availability, str | None]] = {}
        """Of those of whom something is known; all others are there."""

    def changed(self, user: str, availability: Availability, status: str | None) -> None:
        """A Matrix user came, went or said something of themselves."""
        if self._there.get(user) == (availability, status):
            return
        self._there[user] = (availability, status)
        for place, contact in self._book.all():
            if place.user == user and contact.sees:
                self.show(place)

    async def greet(self, place: Place) -> None:
        """A chat is looked after again: the other is told how our user is, and asked whether they are there."""
        contact = await self._book.contact(place)
        if contact.sees:
            self.show(place)
        if contact.seen and not contact.devices:
            self._replies.write(presence(place.jid, Kind.PROBE, sender=self._book.bare(place)))

    def show(self, place: Place) -> None:
        """Soon: the homeserver is asked for who it is."""
        self._errands.do(partial(self._show, place))

    async def _show(self, place: Place) -> None:
        try:
            profile = await self._faces.profile(IdentityId(HUB, place.user))
        except Unavailable:
            profile = None
        picture = await self._faces.picture(profile)
        there, status = self._there.get(place.user, (Availability.ONLINE, None))
        if there is Availability.OFFLINE:
            self._replies.write(presence(place.jid, Kind.UNAVAILABLE, sender=self._book.full(place), status=status))
            return
        here = presence(
            place.jid,
            sender=self._book.full(place),
            show=_SHOWS[there],
            status=status,
            nick=profile.name if profile is not None else None,
            photo=picture.sha1 if picture is not None else "" if profile is not None else None,
        )
        here.append(caps_of(answers.NODE, answers.VER))
        self._replies.write(here)

    def lost(self, *, told: bool) -> None:
        """The connection ends. `told`: those who see our people are, while it still stands."""
        for place, contact in self._book.all():
            if told and contact.sees:
                self._replies.write(presence(place.jid, Kind.UNAVAILABLE, sender=self._book.full(place)))
            if contact.devices:
                contact.devices.clear()
                self._book.signal(place, contact)
