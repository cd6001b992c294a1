"""Files to a server's upload service (XEP-0363), each sent once for a delivery however often it is tried."""

import asyncio
import hashlib
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import urlsplit
from xml.etree.ElementTree import Element

from msgspec import Struct
from msgspec.structs import replace

from adapters.xmpp.stanza import ns
from adapters.xmpp.stanza.clean import xml_text
from adapters.xmpp.wire.archive import FORM, Asks
from adapters.xmpp.wire.verdicts import Refusal
from bridge.contract.delivery import Delivery
from bridge.contract.errors import Rejected, Unavailable
from bridge.contract.toolbox import Toolbox
from bridge.model.events import Attachment, Message, Text, message_of, with_message
from bridge.text.html import below
from bridge.text.plain import one_line

UPLOAD = "urn:xmpp:http:upload:0"
LARGEST = 50 * 1024 * 1024
"""Bytes of one upload where the service names no limit; it is held in memory while it is sent."""
AT_ONCE = 2
TRIES = 5
"""How often a file that can't be read or sent is tried before its message is given up."""
_REMEMBERED = 500
_MOST_ITEMS = 20
_NAME_CAP = 200
_HEADERS = frozenset({"authorization", "cookie", "expires"})
"""What a service may have us say to its web server (XEP-0363 §5); of others it could make use against somebody else."""


class Offer(Struct, frozen=True):
    """A service; the largest file it takes, in bytes, where it says so."""

    service: str
    limit: int | None = None


async def offer_of(link: Asks, server: str) -> Offer | None:
    """Of a server, or of the service itself (XEP-0363 §4). Raises `Unavailable` where the connection ends meanwhile."""
    info = await described(link, server, ns.INFO)
    if info is not None and _uploads(info):
        return Offer(server, _limit(info))
    answer = await described(link, server, ns.ITEMS)
    found = [] if answer is None else [one.get("jid", "") for one in answer.iter(f"{{{ns.ITEMS}}}item")]
    for jid in found[:_MOST_ITEMS]:
        info = await described(link, jid, ns.INFO) if jid else None
        if info is not None and _uploads(info):
            return Offer(jid, _limit(info))
    return None


async def described(link: Asks, jid: str, space: str) -> Element | None:
    """What somebody says of themselves (XEP-0030); None where they say nothing. Raises `Unavailable`."""
    iq = Element(ns.qualified(ns.CLIENT, "iq"), {"type": "get", "to": jid})
    ns.add(iq, space, "query")
    try:
        return await link.ask(iq)
    except (Refusal, TimeoutError):
        return None


def _uploads(info: Element) -> bool:
    return any(one.get("var") == UPLOAD for one in info.iter(f"{{{ns.INFO}}}feature"))


def _limit(info: Element) -> int | None:
    for field in info.iter(f"{{{FORM}}}field"):
        value = field.findtext(f"{{{FORM}}}value") or ""
        if field.get("var") == "max-file-size" and value.isascii() and value.isdigit():
            return int(value[:15])
    return None


async def probe(link: Asks, offer: Offer) -> str | None:
    """Why the service takes nothing from who asks; None: it does. Raises `Unavailable`, `TimeoutError`."""
    try:
        slot_in(await link.ask(_request(offer.service, Attachment(source="", name="probe.txt", type="text/plain"), 1)))
    except Refusal as refusal:
        return None if refusal.kind == "wait" else f"{offer.service} refuses: {refusal.words}"
    except Rejected as error:
        return error.reason
    return None


def has_files(delivery: Delivery) -> bool:
    message = message_of(delivery.body)
    return message is not None and bool(message.attachments)


def _as_links(message: Message) -> Message:
    if any(one.instead is None for one in message.attachments):
        raise Rejected("the server takes no files any more; send it again, and it is shown as a link")
    return _with_lines(replace(message, attachments=()), message.attachments)


def _with_lines(message: Message, refused: Sequence[Attachment]) -> Message:
    """What stands for these is below the message's text."""
    lines = "\n".join(one.instead for one in refused if one.instead is not None)
    plain, html = below(message.text.plain, message.text.html, lines)
    return replace(message, text=Text(plain=plain, html=html))


class Slot(Struct, frozen=True):
    """Where a file is to be put, and where it can be had then."""

    put: str
    headers: Mapping[str, str]
    get: str


class Uploads:
    def __init__(self, tools: Toolbox) -> None:
        self._tools = tools
        self._turns = asyncio.Semaphore(AT_ONCE)
        self._sent: OrderedDict[tuple[str, str], str] = OrderedDict()
        self._failed: OrderedDict[str, int] = OrderedDict()
        self._said: str | None = None

    async def placed(self, link: Asks, service: str | None, limit: int | None, delivery: Delivery) -> Delivery:
        """The delivery with its files where its readers can get them; with links for them where no `service` takes any.

        Raises `Unavailable` or `Rejected`.
        """
        message = message_of(delivery.body)
        if message is None or not message.attachments:
            return delivery
        if service is None:
            message = _as_links(message)
        else:
            message = await self._message(link, service, limit, delivery, message)
        return replace(delivery, body=with_message(delivery.body, message))

    async def _message(self, link: Asks, service: str, limit: int | None, delivery: Delivery, message: Message) -> Message:
        files: list[Attachment] = []
        refused: list[Attachment] = []
        for one in message.attachments:
            try:
                files.append(await self._one(link, service, limit, delivery.id, one))
            except Rejected as refusal:
                if one.instead is None:
                    raise
                self._warn(refusal.reason)
                refused.append(one)
        return _with_lines(replace(message, attachments=tuple(files)), refused)

    def _warn(self, reason: str) -> None:
        """Once in a row."""
        self._tools.metrics.count("xmpp_files_refused")
        if reason != self._said:
            self._tools.log.warning("a file is sent as a link: %s", reason)
        self._said = reason

    async def _one(self, link: Asks, service: str, limit: int | None, delivery: str, attachment: Attachment) -> Attachment:
        key = (delivery, attachment.source)
        if key not in self._sent:
            async with self._turns:
                try:
                    attachment, self._sent[key] = await self._send(link, service, limit, attachment)
                except (OSError, Unavailable) as error:
                    raise self._tried(delivery, attachment, error) from error
            _shorten(self._sent)
        return replace(attachment, source=self._sent[key])

    async def _send(self, link: Asks, service: str, limit: int | None, attachment: Attachment) -> tuple[Attachment, str]:
        """Raises `OSError` where it may work later, `Unavailable` without a connection, `Rejected`."""
        data = await self._read(attachment, min(limit or LARGEST, LARGEST))
        try:
            slot = slot_in(await link.ask(_request(service, attachment, len(data))))
        except Refusal as refusal:
            if refusal.kind == "wait":
                raise OSError(refusal.words) from refusal
            raise Rejected(f"the server does not take {attachment.name}: {refusal.words}") from refusal
        headers = {**slot.headers, "Content-Type": _type(attachment)}
        answer = await self._tools.http.request("PUT", slot.put, headers=headers, body=data, limit=64 * 1024, redirects=0)
        if answer.status >= 500:
            raise OSError(f"the server answered {answer.status}")
        if answer.status not in (200, 201, 204):
            raise Rejected(f"the server does not take {attachment.name} ({answer.status})")
        known = attachment.sha256 or hashlib.sha256(data).hexdigest()
        return replace(attachment, size=len(data), sha256=known), slot.get

    async def _read(self, attachment: Attachment, cap: int) -> bytes:
        data = bytearray()
        if (attachment.size or 0) <= cap:
            async with self._tools.media.open(attachment) as stream:
                async for chunk in stream.chunks():
                    data += chunk
                    if len(data) > cap:
                        break
                else:
                    return bytes(data)
        raise Rejected(f"{attachment.name} is larger than the {cap} bytes that the server takes")

    def _tried(self, delivery: str, attachment: Attachment, error: Exception) -> Rejected | Unavailable:
        self._failed[delivery] = self._failed.get(delivery, 0) + (0 if isinstance(error, Unavailable) else 1)
        _shorten(self._failed)
        if self._failed[delivery] >= TRIES:
            return Rejected(f"{attachment.name} can't be sent: {error}")
        return Unavailable(f"{attachment.name} can't be sent now: {error}")


def slot_in(answer: Element) -> Slot:
    """Raises `Rejected` where the service names no place on the web."""
    slot = answer.find(f"{{{UPLOAD}}}slot")
    put = None if slot is None else slot.find(f"{{{UPLOAD}}}put")
    get = None if slot is None else slot.find(f"{{{UPLOAD}}}get")
    found = [one.get("url", "") for one in (put, get) if one is not None]
    if put is None or len(found) != 2 or not all(_is_web(url) for url in found):
        raise Rejected("the server names no place for the file")
    headers: dict[str, str] = {}
    for header in put.iter(f"{{{UPLOAD}}}header"):
        name, value = header.get("name", "").strip(), header.text or ""
        if name.lower() in _HEADERS and value.isprintable():
            headers[name] = value
    return Slot(found[0], headers, found[1])


def _is_web(url: str) -> bool:
    try:
        parts = urlsplit(url)
    except ValueError:
        return False
    return parts.scheme in ("https", "http") and bool(parts.hostname) and url.isprintable() and " " not in url


def _request(service: str, attachment: Attachment, size: int) -> Element:
    iq = Element(ns.qualified(ns.CLIENT, "iq"), {"type": "get", "to": service})
    name = xml_text(one_line(attachment.name).replace("/", "_"), _NAME_CAP) or attachment.media.value
    facts = {"filename": name, "size": str(size), "content-type": _type(attachment)}
    ns.add(iq, UPLOAD, "request").attrib.update(facts)
    return iq


def _type(attachment: Attachment) -> str:
    kind = xml_text(one_line(attachment.type), 100)
    return kind if "/" in kind and kind.isascii() and " " not in kind else "application/octet-stream"


def _shorten(kept: OrderedDict[Any, Any]) -> None:
    while len(kept) > _REMEMBERED:
        kept.popitem(last=False)
