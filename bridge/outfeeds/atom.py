"""A feed as Atom 1.0 (RFC 4287), with threads (RFC 4685) and the verbs of ActivityStreams 1.0. Pure."""

from collections.abc import Sequence
from datetime import datetime
from html import escape
from xml.etree import ElementTree

from msgspec import Struct

from bridge.outfeeds.items import File, Item, Writer, moment
from bridge.text.escape import strip_controls

TYPE = "application/atom+xml"
_SCHEMA = "http://activitystrea.ms/schema/1.0/"
_NAMESPACES = {
    "xmlns": "http://www.w3.org/2005/Atom",
    "xmlns:thr": "http://purl.org/syndication/thread/1.0",
    "xmlns:activity": "http://activitystrea.ms/spec/1.0/",
}


class Head(Struct, frozen=True, kw_only=True):
    """What a feed says of itself. `self_url` is its address, which is also the topic of its hub."""

    id: str
    title: str
    self_url: str
    hub: str
    updated: datetime


def write_atom(head: Head, items: Sequence[Item]) -> bytes:
    feed = ElementTree.Element("feed", _NAMESPACES)
    _text(feed, "id", head.id)
    _text(feed, "title", head.title)
    _text(feed, "updated", moment(head.updated))
    _text(feed, "generator", "Unabridged")
    _link(feed, "self", head.self_url, type=TYPE)
    _link(feed, "hub", head.hub)
    for item in items:
        _entry(ElementTree.SubElement(feed, "entry"), item)
    written: bytes = ElementTree.tostring(feed, encoding="utf-8", xml_declaration=True)
    return written


def _entry(entry: ElementTree.Element, item: Item) -> None:
    boosted = item.boosted
    _text(entry, "activity:verb", _SCHEMA + ("share" if boosted is not None else "post"))
    _text(entry, "activity:object-type", _kind(item))
    if item.language is not None:
        entry.set("xml:lang", item.language)
    _text(entry, "id", item.id)
    _text(entry, "title", item.title)
    _text(entry, "published", moment(item.published))
    _text(entry, "updated", moment(item.updated))
    _author(ElementTree.SubElement(entry, "author"), item.writer)
    if item.link is not None:
        _link(entry, "alternate", item.link, type="text/html")
    if item.warning is not None:
        _text(entry, "summary", item.warning)
    _text(entry, "content", shown_html(item), type="html")
    for tag in item.tags:
        ElementTree.SubElement(entry, "category", {"term": strip_controls(tag)})
    if item.sensitive:
        ElementTree.SubElement(entry, "category", {"term": "nsfw"})
    if item.answers is not None:
        where = {} if item.answers.link is None else {"href": item.answers.link}
        ElementTree.SubElement(entry, "thr:in-reply-to", {"ref": item.answers.id, **where})
    for file in item.files:
        _enclosure(entry, file)
    if boosted is not None:
        _entry(ElementTree.SubElement(entry, "activity:object"), boosted)


def shown_html(item: Item) -> str:
    """What a reader shows: behind its warning, where it has one."""
    if item.warning is None:
        return item.html
    return f"<details><summary>{escape(item.warning, quote=False)}</summary>{item.html}</details>"


def _kind(item: Item) -> str:
    if item.boosted is not None:
        return _SCHEMA + "activity"
    if item.titled:
        return _SCHEMA + "article"
    return _SCHEMA + ("comment" if item.answers is not None else "note")


def _author(author: ElementTree.Element, writer: Writer) -> None:
    _text(author, "name", writer.name)
    if writer.url is not None:
        _text(author, "uri", writer.url)
    if writer.picture is not None:
        _link(author, "avatar", writer.picture)


def _enclosure(entry: ElementTree.Element, file: File) -> None:
    more = {} if file.size is None else {"length": str(file.size)}
    title = file.alt or file.name
    _link(entry, "enclosure", file.url, type=file.type, **more, **({"title": title} if title else {}))


def _text(parent: ElementTree.Element, name: str, text: str, **attributes: str) -> None:
    ElementTree.SubElement(parent, name, attributes).text = strip_controls(text)


def _link(parent: ElementTree.Element, rel: str, address: str, **more: str) -> None:
    attributes = {"rel": rel, "href": address, **more}
    ElementTree.SubElement(parent, "link", {name: strip_controls(value) for name, value in attributes.items()})
