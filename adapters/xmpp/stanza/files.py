"""Files and people that a message points at: XEP-0447 with 0446, 0385, 0066, and the mentions of 0372."""

import binascii
import re
from base64 import b64decode, b64encode
from urllib.parse import unquote, urlsplit
from xml.etree.ElementTree import Element

from adapters.xmpp.stanza import fields, ns
from adapters.xmpp.stanza.clean import xml_text
from adapters.xmpp.stanza.parts import File, Pointer
from bridge.model.events import Attachment, Media

_LONGEST_URL = 2048
_HEX = re.compile("[0-9a-fA-F]{64}")
_TYPE = re.compile(r"[a-z0-9!#$&^_.+-]{1,64}/[a-z0-9!#$&^_.+-]{1,64}")


def http_url(text: str | None) -> str:
    """An http(s) address as it was given; empty where it is none."""
    text = (text or "").strip()
    if not text or len(text) > _LONGEST_URL or not text.isprintable() or " " in text:
        return ""
    try:
        parts = urlsplit(text)
        return text if parts.scheme.lower() in ("http", "https") and parts.hostname else ""
    except ValueError:
        return ""


def sharing(element: Element) -> File | None:
    """XEP-0447: the first source that is a web address."""
    sources = fields.child(element, ns.SHARING, "sources")
    for one in () if sources is None else fields.children(sources):
        if one.tag == ns.qualified(ns.URL_DATA, "url-data") and (url := http_url(one.get("target"))):
            return _described(url, fields.child(element, ns.FILE, "file"), ns.FILE)
    return None


def sims(element: Element) -> File | None:
    """XEP-0385, a `<reference/>` of type data: the first source that is a web address."""
    shared = fields.child(element, ns.SIMS, "media-sharing")
    sources = fields.child(shared, ns.SIMS, "sources")
    for one in () if sources is None else fields.children(sources):
        if one.tag == ns.qualified(ns.REFERENCE, "reference") and (url := http_url(one.get("uri"))):
            return _described(url, fields.child(shared, ns.JINGLE_FILE, "file"), ns.JINGLE_FILE)
    return None


def oob(element: Element) -> File | None:
    """XEP-0066."""
    url = http_url(fields.text_of(fields.child(element, ns.OOB, "url"), _LONGEST_URL + 1))
    return File(url=url, about=fields.text_of(fields.child(element, ns.OOB, "desc"))) if url else None


def pointer(element: Element) -> Pointer | None:
    """A mention."""
    uri = element.get("uri", "")
    if not uri.startswith("xmpp:") or len(uri) > _LONGEST_URL:
        return None
    jid = fields.jid_of(unquote(uri[len("xmpp:") :].partition("?")[0], errors="replace"))
    begin, end = fields.number(element.get("begin")), fields.number(element.get("end"))
    if not jid:
        return None
    return Pointer(jid=jid) if begin is None or end is None or begin >= end else Pointer(jid=jid, begin=begin, end=end)


def _described(url: str, file: Element | None, space: str) -> File:
    if file is None:
        return File(url=url)
    words = {name: fields.text_of(fields.child(file, space, name)) for name in ("name", "media-type", "desc")}
    numbers = {name: fields.number(fields.text_of(fields.child(file, space, name))) for name in _NUMBERS}
    kind = words["media-type"].lower()
    return File(
        url=url,
        name=words["name"],
        type=kind if _TYPE.fullmatch(kind) else "",
        size=numbers["size"],
        width=numbers["width"],
        height=numbers["height"],
        duration=numbers["length"],
        sha256=_sha256(file),
        about=words["desc"],
    )


_NUMBERS = ("size", "width", "height", "length")


def _sha256(file: Element) -> str | None:
    for one in fields.children(file):
        if ns.split(one.tag) == (ns.HASHES, "hash") and one.get("algo") == "sha-256":
            try:
                digest = b64decode(fields.text_of(one, 64), validate=True)
            except (binascii.Error, ValueError):
                return None
            return digest.hex() if len(digest) == 32 else None
    return None


def share(element: Element, attachment: Attachment) -> None:
    """Adds a file to a message: as XEP-0447 for who knows it, as XEP-0066 for all others. The source is a web address."""
    url = xml_text(attachment.source)
    inline = attachment.media in (Media.IMAGE, Media.VIDEO, Media.STICKER)
    sharing = ns.add(element, ns.SHARING, "file-sharing", disposition="inline" if inline else "attachment")
    file = ns.add(sharing, ns.FILE, "file")
    facts = {
        "media-type": attachment.type,
        "name": attachment.name,
        "size": attachment.size,
        "width": attachment.width,
        "height": attachment.height,
        "length": attachment.duration,
        "desc": attachment.alt,
    }
    for name, value in facts.items():
        if value is not None and (text := xml_text(str(value), 1024)):
            ns.add(file, ns.FILE, name, text)
    if attachment.sha256 is not None and _HEX.fullmatch(attachment.sha256):
        ns.add(file, ns.HASHES, "hash", b64encode(bytes.fromhex(attachment.sha256)).decode(), algo="sha-256")
    ns.add(ns.add(sharing, ns.SHARING, "sources"), ns.URL_DATA, "url-data", target=url)
    ns.add(ns.add(element, ns.OOB, "x"), ns.OOB, "url", url)
