"""What was said in a room while nobody of us was there to hear it, and whether something of ours was."""

from datetime import datetime, timedelta
from xml.etree.ElementTree import Element

from adapters.xmpp.rooms.house import House
from adapters.xmpp.rooms.people import People
from adapters.xmpp.rooms.reading import Mark, Reading
from adapters.xmpp.wire.archive import Archive
from adapters.xmpp.wire.verdicts import Refusal
from bridge.contract.delivery import Delivery, Receipt
from bridge.contract.errors import Unavailable, Uncertain

SLACK = timedelta(minutes=10)
"""How far the archive's clock may differ from ours."""
MOST_PAGES = 100
"""Pages that are looked through for one message."""


class Past:
    """Of one room."""

    def __init__(self, room: str, house: House, people: People, reading: Reading) -> None:
        self._room, self._house, self._people, self._reading = room, house, people, reading
        self._archive = Archive(room, house.voices.me)
        self._known_since: datetime | None = None
        """Whatever of ours was said in the room since then, and until we left it, has its proof in `reading`."""

    def take(self, element: Element) -> bool:
        """Whether a message is an answer of the archive."""
        return self._archive.take(element)

    def begin(self) -> None:
        """We came in just now."""
        self._known_since = None

    async def catch_up(self, mark: Mark) -> bool:
        """Everything that the archive has since then, handed on; False where it failed us and must be asked again.

        Raises `Unavailable`.
        """
        reading = self._reading
        reading.behind = True
        try:
            try:
                await self._read(mark)
            except Refusal as refusal:
                if refusal.condition != "item-not-found" or not mark.id:
                    raise
                await self._read(Mark(mark.at))  # that message is older than all it keeps
        except (Refusal, TimeoutError) as error:
            self._house.tools.log.warning("the archive of %s can't be read, it is tried again: %s", self._room, error)
            self._house.tools.metrics.count("xmpp_archive_failures")
            return False
        reading.behind = False
        self._known_since = mark.at
        return True

    async def _read(self, mark: Mark) -> None:
        pages = self._archive.read(self._house.linked(), after=mark.id or None, start=None if mark.id else mark.at)
        async for page in pages:
            for kept in page:
                self._reading.take(kept.message, kept)

    async def find(self, delivery: Delivery) -> Receipt | None:
        """As `Reconciles.find`. Many at a time cost one look."""
        if (seen := self._reading.proof(delivery.id)) is not None:
            return seen
        if not self._people.facts.keeps:
            raise Uncertain("the room has no archive to look into")
        start = delivery.accepted_at - SLACK
        if self._known_since is None or self._known_since > start:
            await self._scan(start)
        return self._reading.proof(delivery.id)

    async def _scan(self, start: datetime) -> None:
        count = 0
        try:
            async for page in self._archive.read(self._house.linked(), start=start):
                for kept in page:
                    self._reading.recognize(kept)
                count += 1
                if count >= MOST_PAGES:
                    raise Uncertain("the room's archive is too long to look through")
        except (Refusal, TimeoutError) as error:
            raise Unavailable(f"the room's archive can't be read: {error}") from None
        self._known_since = start
