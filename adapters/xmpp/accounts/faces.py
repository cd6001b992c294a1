"""Pictures of contacts (XEP-0084, XEP-0153): each fetched once for its content, whoever shows it, and kept by the hub."""

import binascii
import hashlib
import re
from asyncio import Event as Bell
from base64 import b64decode
from collections.abc import AsyncIterator, Callable
from xml.etree.ElementTree import Element

from adapters.xmpp.accounts.services import LOST, request
from adapters.xmpp.stanza import fields, ns
from adapters.xmpp.wire.archive import Asks
from bridge.contract.adapter import Cursor, Inlet
from bridge.contract.errors import LedgerUnavailable
from bridge.contract.toolbox import Toolbox

PUBSUB_EVENT = "http://jabber.org/protocol/pubsub#event"
LARGEST = 1024 * 1024
"""Bytes of a picture; what servers let through in a stanza is less."""
_SHA_1 = re.compile("[0-9a-f]{40}")
_KINDS = ((b"\x89PNG\r\n\x1a\n", "image/png"), (b"\xff\xd8\xff", "image/jpeg"), (b"GIF8", "image/gif"), (b"RIFF", "image/webp"))
_MOST_WANTED = 20_000


class Faces:
    """`changed` is told of an address whose picture is another one now."""

    def __init__(self, inlet: Inlet, tools: Toolbox, changed: Callable[[str], None]) -> None:
        self._inlet, self._tools, self._changed = inlet, tools, changed
        self._known: dict[str, tuple[str, str]] = {}
        self._wanted: dict[str, tuple[str, bool]] = {}
        self._bell = Bell()

    def face(self, jid: str) -> str | None:
        """An mxc URI; empty where it is known that there is none."""
        known = self._known.get(jid)
        return None if known is None else known[1]

    def pictured(self, jid: str, digest: str) -> None:
        """A presence says which picture somebody has; empty: none."""
        self._want(jid, digest, published=False)

    def published(self, jid: str, items: Element) -> None:
        """Somebody's own server says which picture they have."""
        for item in fields.children(items):
            metadata = fields.child(item, ns.AVATAR_METADATA, "metadata")
            if metadata is None:
                continue
            info = [
                one
                for one in fields.children(metadata)
                if one.tag == ns.qualified(ns.AVATAR_METADATA, "info") and not one.get("url")
            ]
            digest = next((one.get("id", "") for one in info if (fields.number(one.get("bytes")) or 0) <= LARGEST), None)
            if digest is not None or not len(metadata):
                self._want(jid, digest or "", published=True)

    def _want(self, jid: str, digest: str, *, published: bool) -> None:
        if digest and not _SHA_1.fullmatch(digest):
            return
        if self._known.get(jid, ("?", ""))[0] == digest or self._wanted.get(jid, ("?", False))[0] == digest:
            return
        if not digest:
            self._wanted.pop(jid, None)
            self._know(jid, "", "")
        elif jid in self._wanted or len(self._wanted) < _MOST_WANTED:
            self._wanted[jid] = (digest, published)
            self._bell.set()

    def _know(self, jid: str, digest: str, source: str) -> None:
        before = self.face(jid)
        self._known[jid] = (digest, source)
        if source != (before or ""):
            self._changed(jid)

    async def run(self, client: Asks) -> None:
        """Until cancelled: one picture after the other."""
        while True:
            await self._bell.wait()
            self._bell.clear()
            while self._wanted:
                jid, (digest, published) = next(iter(self._wanted.items()))
                try:
                    source = await self._source(client, jid, digest, published=published)
                except (OSError, LedgerUnavailable, *LOST) as error:
                    self._tools.metrics.count("xmpp_pictures_failed")
                    self._tools.log.debug("no picture of %s: %s", jid, error)
                    source = None
                if self._wanted.get(jid) == (digest, published):
                    del self._wanted[jid]
                if source is not None:
                    self._know(jid, digest, source)

    async def _source(self, client: Asks, jid: str, digest: str, *, published: bool) -> str | None:
        """Raises what asking, uploading and storing raise. None where there is no such picture."""
        scope = f"picture/{digest}"
        kept = await self._inlet.cursor(scope)
        if kept is not None:
            return kept.value
        answer = await client.ask(_published(jid, digest) if published else _vcard(jid))
        picture = picture_in(answer, digest)
        if picture is None:
            self._tools.metrics.count("xmpp_pictures_refused")
            return None
        source = await self._tools.media.put(picture)
        await self._inlet.accept(cursor=Cursor(scope=scope, value=source))
        return source


class Picture:
    """A `MediaStream` of bytes that are there."""

    def __init__(self, data: bytes, kind: str) -> None:
        self._data = data
        self.name, self.type = "avatar", kind
        self.size: int | None = len(data)

    async def chunks(self) -> AsyncIterator[bytes]:
        yield self._data


def picture_in(answer: Element, digest: str) -> Picture | None:
    """The picture with this SHA-1; None where there is no such, or it is none that browsers show."""
    for element in answer.iter():
        if element.tag not in (ns.qualified(ns.AVATAR_DATA, "data"), ns.qualified(ns.VCARD, "BINVAL")):
            continue
        text = "".join((element.text or "")[: 2 * LARGEST].split())
        try:
            data = b64decode(text, validate=True)
        except (binascii.Error, ValueError):
            continue
        kind = next((kind for start, kind in _KINDS if data.startswith(start)), None)
        if kind and len(data) <= LARGEST and hashlib.sha1(data, usedforsecurity=False).hexdigest() == digest:
            return Picture(data, kind)
    return None


def _published(jid: str, digest: str) -> Element:
    iq = request("get", jid)
    items = ns.add(ns.add(iq, ns.PUBSUB, "pubsub"), ns.PUBSUB, "items", None, node=ns.AVATAR_DATA)
    ns.add(items, ns.PUBSUB, "item", None, id=digest)
    return iq


def _vcard(jid: str) -> Element:
    iq = request("get", jid)
    ns.add(iq, ns.VCARD, "vCard")
    return iq
