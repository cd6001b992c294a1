"""Lists of feeds: OPML 1 and 2, read as they are found and written as OPML 2. Pure."""

from collections.abc import Iterator, Sequence
from datetime import datetime
from email.utils import format_datetime

from lxml import etree
from msgspec import Struct

from adapters.common.atom import Unreadable, check
from adapters.common.media import absolute
from bridge.text.escape import strip_controls
from bridge.text.plain import one_line

FEEDS_CAP = 10_000
SIZE_CAP = 5 * 1024 * 1024
_TITLE_CAP = 300


class Outline(Struct, frozen=True, kw_only=True):
    """One feed of a list. `folders`: the names of the groups it stands in, outermost first."""

    url: str
    """An http(s) address, or `acct:user@host`."""
    title: str | None = None
    page: str | None = None
    folders: tuple[str, ...] = ()


def read_opml(body: bytes) -> tuple[Outline, ...]:
    """Every feed once, in order. Lists that are not well-formed are read as far as they can be.

    Raises `ValueError` in plain words for what is no list of feeds.
    """
    if len(body) > SIZE_CAP:
        raise ValueError("the list is too big")
    try:
        check(body)
    except Unreadable as error:
        raise ValueError(f"the list can't be read: {error}") from None
    parser = etree.XMLParser(
        recover=True,
        resolve_entities=False,
        no_network=True,
        load_dtd=False,
        huge_tree=False,
        remove_comments=True,
        remove_pis=True,
    )
    try:
        root = etree.fromstring(body.strip(), parser)
    except (etree.XMLSyntaxError, ValueError, LookupError):
        root = None
    if root is None or not (root.tag == "opml" or root.find(".//outline") is not None):
        raise ValueError("it is no list of feeds (OPML)")
    found: dict[str, Outline] = {}
    for outline in _feeds(root):
        found.setdefault(outline.url, outline)
        if len(found) > FEEDS_CAP:
            raise ValueError(f"the list has more than {FEEDS_CAP} feeds")
    return tuple(found.values())


def _feeds(root: etree._Element) -> Iterator[Outline]:
    for element in root.iter("outline"):
        facts = {str(name).lower(): value for name, value in element.attrib.items()}
        url = _address(facts.get("xmlurl")) or (
            _address(facts.get("url")) if facts.get("type", "").lower() in ("rss", "atom") else None
        )
        if url is None:
            continue
        above = list(element.iterancestors("outline"))
        folders = (_name(one.get("title") or one.get("text")) for one in reversed(above))
        yield Outline(
            url=url,
            title=_name(facts.get("title") or facts.get("text")),
            page=absolute("", facts.get("htmlurl")),
            folders=tuple(folder for folder in folders if folder),
        )


def _address(written: str | None) -> str | None:
    written = (written or "").strip()
    if written.lower().startswith("acct:") and "@" in written and written.isprintable() and " " not in written:
        return written
    if written.lower().startswith("feed://"):
        written = "http" + written[len("feed") :]
    return absolute("", written)


def _name(written: str | None) -> str | None:
    return one_line(written or "")[:_TITLE_CAP].strip() or None


def write_opml(title: str, outlines: Sequence[Outline], now: datetime) -> str:
    """A list that every reader takes, folders as groups."""
    root = etree.Element("opml", version="2.0")
    head, body = etree.SubElement(root, "head"), etree.SubElement(root, "body")
    etree.SubElement(head, "title").text = strip_controls(title)
    etree.SubElement(head, "dateCreated").text = format_datetime(now)
    groups: dict[tuple[str, ...], etree._Element] = {(): body}
    for outline in outlines:
        above = body
        for depth in range(1, len(outline.folders) + 1):
            path = outline.folders[:depth]
            if path not in groups:
                name = strip_controls(path[-1])
                groups[path] = etree.SubElement(above, "outline", text=name, title=name)
            above = groups[path]
        name = strip_controls(outline.title or outline.url)
        facts = {"type": "rss", "text": name, "title": name, "xmlUrl": outline.url}
        if outline.page:
            facts["htmlUrl"] = outline.page
        etree.SubElement(above, "outline", facts)
    written: str = etree.tostring(root, encoding="unicode", pretty_print=True)
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + written
