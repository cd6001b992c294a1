"""Atom as the social web writes it (RFC 4287 with the namespaces of ActivityStreams 1, OStatus and threads), read safely. Pure.

Nothing is fetched, no entity is resolved, and how deep and how much there is gets counted before a parser sees it: 200,000 nested
elements or a bomb of entities are told by a look at the bytes.
"""

import re
from collections.abc import Iterator

from lxml import etree

from adapters.common.media import absolute

ATOM = "{http://www.w3.org/2005/Atom}"
ACTIVITY = "{http://activitystrea.ms/spec/1.0/}"
OSTATUS = "{http://ostatus.org/schema/1.0}"
THREAD = "{http://purl.org/syndication/thread/1.0}"
POCO = "{http://portablecontacts.net/spec/1.0}"
MEDIA = "{http://purl.org/syndication/atommedia}"
STATUSNET = "{http://status.net/schema/api/1/}"
GEORSS = "{http://www.georss.org/georss}"
MASTODON = "{http://mastodon.social/schema/1.0}"
TOMBSTONES = "{http://purl.org/atompub/tombstones/1.0}"
XHTML = "{http://www.w3.org/1999/xhtml}"
XML = "{http://www.w3.org/XML/1998/namespace}"

SOCIAL = tuple(name.strip("{}").encode() for name in (ACTIVITY, OSTATUS, THREAD, POCO, MEDIA, STATUSNET, MASTODON, TOMBSTONES))
"""Documents that name one of these are for this reader."""

DEPTH_CAP = 200
"""Levels of elements. Real feeds have about 10, with XHTML in them 50."""
ELEMENTS_CAP = 400_000

_START = re.compile(rb"<(?:(/?)([A-Za-z_:\x80-\xff][^\s/><]*)|(!--|!\[CDATA\[|\?))")
_ENDS = {b"!--": b"-->", b"![CDATA[": b"]]>", b"?": b"?>"}
_VOID = frozenset((b"br", b"hr", b"img", b"input", b"p", b"li", b"link", b"meta", b"td", b"tr", b"option"))
"""What sloppy writers leave open: it makes no level."""


class Unreadable(ValueError):
    """The words say why, for people."""


def check(body: bytes) -> None:
    """Raises `Unreadable` for a document that is nested too deep or has too many parts. Linear in its length.

    A closing tag ends all that was left open within it, so that ill-formed feeds are not taken for deep ones.
    """
    if body.count(b"<") <= DEPTH_CAP:
        return
    if body[:2] in (b"\xff\xfe", b"\xfe\xff"):
        body = body.decode("utf-16", "replace").encode()
    open_elements: list[bytes] = []
    counts: dict[bytes, int] = {}
    at = seen = 0
    while tag := _START.search(body, at):
        if tag[3]:
            at = body.find(_ENDS[tag[3]], tag.end())
            if at < 0:
                return
            continue
        at = body.find(b">", tag.end())
        if at < 0:
            return
        name = tag[2]
        if tag[1]:
            while counts.get(name):
                last = open_elements.pop()
                counts[last] -= 1
                if last == name:
                    break
            continue
        seen += 1
        if seen > ELEMENTS_CAP:
            raise Unreadable("it has too many elements")
        if body[at - 1 : at] != b"/" and name.lower() not in _VOID:
            open_elements.append(name)
            counts[name] = counts.get(name, 0) + 1
            if len(open_elements) > DEPTH_CAP:
                raise Unreadable("it is nested too deep")


def load(body: bytes) -> etree._Element:
    """The root of a well-formed document. Raises `Unreadable`."""
    check(body)
    if b"<!ENTITY" in body:
        raise Unreadable("it defines entities of its own")
    parser = etree.XMLParser(
        resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False, remove_comments=True, remove_pis=True
    )
    try:
        root = etree.fromstring(body, parser)
    except (etree.XMLSyntaxError, ValueError, LookupError):
        raise Unreadable("it is no well-formed XML") from None
    if root is None:
        raise Unreadable("it is empty")
    return root


def text(element: etree._Element | None, path: str) -> str | None:
    """What stands in the first such child, trimmed; None where there is none or nothing in it."""
    found = element.find(path) if element is not None else None
    return "".join(found.itertext()).strip() or None if found is not None else None


def base_of(element: etree._Element, outside: str) -> str:
    """The address that relative ones are seen from (XML Base), `outside` for the document's own."""
    bases = [one.get(f"{XML}base") for one in (element, *element.iterancestors())]
    address = outside
    for base in reversed([one for one in bases if one]):
        address = absolute(address, base) or address
    return address


def links(element: etree._Element, rel: str) -> Iterator[etree._Element]:
    """The element's own links of this relation; `alternate` is what a link without one is (RFC 4287 §4.2.7.2)."""
    for link in element.findall(f"{ATOM}link"):
        said = (link.get("rel") or "alternate").strip()
        if said == rel or said == f"http://www.iana.org/assignments/relation/{rel}":
            yield link


def href(element: etree._Element, rel: str, base: str, *types: str) -> str | None:
    """The address of the best link of this relation: of the first type given that there is, else the first of all."""
    found = [(link.get("type") or "", absolute(base, link.get("href"))) for link in links(element, rel)]
    usable = [(type, address) for type, address in found if address]
    for wanted in types:
        for type, address in usable:
            if type.startswith(wanted):
                return address
    return usable[0][1] if usable else None


def markup(element: etree._Element | None) -> tuple[str, bool]:
    """A text construct (RFC 4287 §3.1) and whether it is HTML: `xhtml` is written out, `text` is text."""
    if element is None:
        return "", False
    kind = (element.get("type") or "text").strip().lower()
    if kind in ("xhtml", "application/xhtml+xml"):
        inner = element.find(f"{XHTML}div")
        whole: str = etree.tostring(
            _bare(inner if inner is not None else element), encoding="unicode", method="html", with_tail=False
        )
        return whole.partition(">")[2].rpartition("<")[0], True
    return "".join(element.itertext()), kind in ("html", "text/html")


def _bare(element: etree._Element) -> etree._Element:
    """A copy whose names have no namespace, as HTML is written."""
    copy = etree.fromstring(etree.tostring(element, with_tail=False))
    for one in copy.iter(etree.Element):
        one.tag = etree.QName(one).localname
    etree.cleanup_namespaces(copy)
    return copy
