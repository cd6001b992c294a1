"""Prints feeds: each room's newest posts as documents, printed anew when something changed, and once a day."""

import asyncio
import gzip
import hashlib
from collections.abc import Callable
from datetime import datetime
from enum import StrEnum
from typing import Any

import msgspec
from msgspec import Struct

from bridge.contract.toolbox import Clock
from bridge.model.events import Attachment, Event
from bridge.model.portals import Portal
from bridge.outfeeds import atom, jsonfeed
from bridge.outfeeds.atom import Head, write_atom
from bridge.outfeeds.items import Item, LinkFor, Posted, item_of, made_id
from bridge.outfeeds.opened import Opened
from bridge.outfeeds.window import RoomLedger, Window
from bridge.routing.accounts import Accounts

LARGEST = 2 * 1024 * 1024
"""Bytes of a document; the oldest posts are left out of a larger one."""
LOOK_AGAIN = 60.0
"""Seconds after which a room is looked at though nobody said that anything changed."""


class Kind(StrEnum):
    """The last part of a feed's address."""

    ATOM = "feed.atom"
    JSON = "feed.json"


_TYPES = {Kind.ATOM: atom.TYPE, Kind.JSON: jsonfeed.TYPE}


class Document(Struct, frozen=True, kw_only=True):
    kind: Kind
    type: str
    body: bytes
    packed: bytes
    """The same, by gzip."""
    version: str
    """The same as long as nothing changed that a reader could see."""
    etag: str
    updated: datetime
    self_url: str
    hub: str


class _Sheet(Struct, kw_only=True):
    """What is known of one room."""

    window: Window
    lock: asyncio.Lock = msgspec.field(default_factory=asyncio.Lock)
    dirty: bool = True
    looked_at: float = 0.0
    version: str = ""
    printed: dict[Kind, Document] = msgspec.field(default_factory=dict)


class Press:
    """`address`: under which strangers reach us. `title_of` names a room to them."""

    def __init__(
        self,
        ledger: RoomLedger,
        opened: Opened,
        clock: Clock,
        *,
        address: str,
        accounts: Callable[[], Accounts],
        link_for: LinkFor,
        title_of: Callable[[Portal], str],
    ) -> None:
        self._ledger = ledger
        self._opened = opened
        self._clock = clock
        self._address = address.rstrip("/")
        self._accounts = accounts
        self._link_for = link_for
        self._title_of = title_of
        self._sheets: dict[str, _Sheet] = {}
        self._began = clock.now()

    def base(self, portal: Portal) -> str:
        return f"{self._address}/feeds/{self._opened.token(portal)}"

    def url(self, portal: Portal, kind: Kind) -> str:
        return f"{self.base(portal)}/{kind}"

    def changed(self, room: str) -> None:
        """Something may have changed in a room."""
        if room in self._sheets:
            self._sheets[room].dirty = True

    def forget(self, portal: Portal) -> None:
        self._sheets.pop(portal.room, None)

    def waits(self, portal: Portal) -> bool:
        """Whether a post of the room is on its way out, so that its feed changes without a new event."""
        sheet = self._sheets.get(portal.room)
        return sheet is not None and sheet.window.waits

    async def document(self, portal: Portal, kind: Kind) -> Document:
        """As the room is now. Raises `LedgerUnavailable`."""
        sheet = self._sheets.setdefault(portal.room, _Sheet(window=Window(self._ledger, portal.room, self._accounts)))
        async with sheet.lock:
            now = self._clock.monotonic()
            if sheet.dirty or sheet.window.waits or now - sheet.looked_at >= LOOK_AGAIN:
                sheet.dirty = False  # before the look: what comes during it is looked at again
                try:
                    await sheet.window.refresh()
                except BaseException:
                    sheet.dirty = True
                    raise
                sheet.looked_at = now
                sheet.version = await asyncio.to_thread(self._version, portal, tuple(sheet.window.posts))
            known = sheet.printed.get(kind)
            etag = self._etag(portal, kind, sheet.version)
            if known is None or known.etag != etag:
                known = await asyncio.to_thread(self._print, portal, kind, sheet.version, etag, tuple(sheet.window.posts))
                sheet.printed[kind] = known
            return known

    def _version(self, portal: Portal, posts: tuple[Posted, ...]) -> str:
        items = [item_of(posted, _as_it_is) for posted in posts]
        files = [_sources(posted) for posted in posts]
        words = msgspec.json.encode((self._title_of(portal), items, files))
        return hashlib.sha256(words).hexdigest()[:24]

    def _etag(self, portal: Portal, kind: Kind, version: str) -> str:
        """New each day, because the links to media are: they expire."""
        words = f"{version} {kind} {self._clock.now():%Y-%m-%d} {self.base(portal)}"
        return hashlib.sha256(words.encode()).hexdigest()[:32]

    def _print(self, portal: Portal, kind: Kind, version: str, etag: str, posts: tuple[Posted, ...]) -> Document:
        found = [item for posted in posts if (item := item_of(posted, self._link_for)) is not None]
        items = _told_apart(found)
        head = Head(
            id=made_id(f"room {self.base(portal)}"),
            title=self._title_of(portal),
            self_url=self.url(portal, kind),
            hub=f"{self.base(portal)}/hub",
            updated=max((item.updated for item in items), default=self._began),
        )
        write = write_atom if kind is Kind.ATOM else jsonfeed.write_json
        body = write(head, items)
        while len(body) > LARGEST and items:
            items = items[: len(items) * 3 // 4]
            body = write(head, items)
        return Document(
            kind=kind,
            type=_TYPES[kind],
            body=body,
            packed=gzip.compress(body, 6, mtime=0),
            version=version,
            etag=etag,
            updated=head.updated,
            self_url=head.self_url,
            hub=head.hub,
        )


def _told_apart(items: list[Item]) -> list[Item]:
    """No id twice in one feed: the newest keeps it."""
    seen: set[str] = set()
    found = []
    for item in items:
        if item.id in seen:
            item = msgspec.structs.replace(
                item, id=made_id(f"{item.id} {item.published.isoformat()} {item.writer.name} {item.title}")
            )
            if item.id in seen:
                continue
        seen.add(item.id)
        found.append(item)
    return found


def _as_it_is(attachment: Attachment, event: Event) -> str | None:
    return attachment.source


def _sources(posted: Posted) -> Any:
    """Where its files are: those of the hub have an address outside only when printed."""
    bodies = [one.body for one in (posted.event, posted.edit) if one is not None]
    messages = [getattr(body, "message", None) or getattr(body, "original", None) or body for body in bodies]
    return [[one.source for one in getattr(message, "attachments", ())] for message in messages]
