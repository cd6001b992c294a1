"""HTML of foreign posts: links made absolute, media taken out of it, then brought within the Matrix subset. Pure.

Matrix shows no foreign image inside a text, so what a post shows becomes attachments, and what it embeds becomes links: nothing
is lost without a trace. Size and depth are capped before anything is parsed (`bridge.text.tags.fits`).
"""

import re
from collections.abc import Callable

from lxml import etree
from msgspec import Struct

from adapters.common.media import absolute, attachment, number
from bridge.model.events import Attachment, Media, Text
from bridge.text.escape import strip_controls
from bridge.text.html import html_to_plain, plain_to_html, sanitize
from bridge.text.plain import CUT_SHORT
from bridge.text.split import size_of
from bridge.text.tags import SIZE_CAP, fits

MEDIA_CAP = 20
"""Attachments that are taken out of one text; what comes after stays as links."""
_EMOJI_PIXELS = 36
_CARRIED = re.compile(r"data:[^\"'\s<>]{1000,}")
"""A file written into the page itself: it has no address to hand on, and would alone be over the cap. Small ones stand for
nothing: they keep the place of a picture that a script loads later."""
_CARRIED_HERE = "data:,"
_LIVELY = re.compile(r"<(?:a|img|video|audio|source|iframe|embed|object|picture|svg|noscript)\b", re.IGNORECASE)
_NAMING = frozenset({"mention", "u-url", "group", "hashtag", "tag"})
_EMOJI = frozenset({"emoji", "emojione", "wp-smiley", "custom-emoji", "emoticon"})
_OTHER_SCHEMES = ("mailto:", "magnet:", "ftp:", "tel:", "xmpp:", "irc:", "ircs:", "matrix:", "gemini:")


class Page(Struct, frozen=True, kw_only=True):
    """What a piece of HTML says, and shows."""

    text: Text
    attachments: tuple[Attachment, ...] = ()
    named: tuple[tuple[str, str], ...] = ()
    """(address, spelling in the plain text) of each person, group or tag that is linked."""


def text_of(html: str) -> Text:
    """Already sanitised HTML as a text; without `html` where the plain text alone says as much."""
    plain = html_to_plain(html).strip()
    return Text(plain=plain, html=html if plain and "<" in html and html != plain_to_html(plain) else None)


def read(
    html: str,
    base: str = "",
    *,
    shown: frozenset[str] = frozenset(),
    take_images: bool = True,
    take_links: bool = False,
) -> Page:
    """Never raises. `shown`: addresses of media that the post shows by itself, not to be shown twice.

    With `take_images` false an image in the text becomes a link instead of an attachment. With `take_links` links that say they
    are attachments (GNU social's) become ones.
    """
    html = _CARRIED.sub(_CARRIED_HERE, strip_controls(html))
    if size_of(html, "bytes") > SIZE_CAP:
        return Page(text=Text(plain=f"{html_to_plain(sanitize(html)).strip()[:SIZE_CAP]} {CUT_SHORT}"))
    if _LIVELY.search(html) is None or not fits(html):
        return Page(text=text_of(sanitize(html).strip()))
    body = _body(html)
    if body is None:
        return Page(text=text_of(sanitize(html).strip()))
    walk = _Walk(base, shown, take_images, take_links)
    walk.over(body)
    if walk.taken:
        _tidy(body, frozenset(one.source for one in walk.taken))
    clean = sanitize(_inner(body)).strip()
    if not walk.naming:
        return Page(text=text_of(clean), attachments=tuple(walk.taken))
    named = tuple((link.get("href") or "", _spelling(link)) for link in walk.naming)
    for link in walk.naming:
        link.attrib.pop("href", None)
    plain = html_to_plain(sanitize(_inner(body))).strip()
    return Page(text=Text(plain=plain, html=clean if plain else None), attachments=tuple(walk.taken), named=named)


def _body(html: str) -> etree._Element | None:
    parser = etree.HTMLParser(no_network=True, remove_comments=True, remove_pis=True, huge_tree=False, encoding="utf-8")
    try:
        root = etree.fromstring(f"<html><body>{html}".encode("utf-8", "replace"), parser)
    except (etree.XMLSyntaxError, ValueError):
        return None
    return None if root is None else root.find("body")


def _inner(body: etree._Element) -> str:
    written: str = etree.tostring(body, encoding="unicode", method="html", with_tail=False)
    return written.removeprefix("<body>").removesuffix("</body>")


def _spelling(link: etree._Element) -> str:
    text = "".join(link.itertext()).strip()
    before = _before(link)
    return before[-1] + text if before[-1:] in ("@", "#", "!") and not text.startswith(before[-1]) else text


def _before(element: etree._Element) -> str:
    """The text right before an element; a span that holds it alone is looked out of."""
    previous = element.getprevious()
    parent = element.getparent()
    text = (previous.tail if previous is not None else parent.text if parent is not None else "") or ""
    if not text and previous is None and parent is not None and parent.tag == "span":
        return _before(parent)
    return text


def _tidy(body: etree._Element, taken: frozenset[str]) -> None:
    """Takes out what held nothing but media. A link around a picture that leads elsewhere stays, once, and shows where."""
    told: set[str] = set()
    for element in reversed(list(body.iter("a", "p", "div", "figure", "span", "center", "li"))):
        if len(element) or (element.text or "").strip():
            continue
        href = (element.get("href") or "").strip() if element.tag == "a" else ""
        if not href or href in taken or href in told:
            _replace(element, None)
        else:
            told.add(href)
            element.text = strip_controls(href)


class _Walk:
    """One way through a document, changing it."""

    def __init__(self, base: str, shown: frozenset[str], take_images: bool, take_links: bool) -> None:
        self._base, self._shown, self._take_images, self._take_links = base, shown, take_images, take_links
        self.taken: list[Attachment] = []
        self.naming: list[etree._Element] = []
        self._steps: dict[str, Callable[[etree._Element], None]] = {
            "a": self._link,
            "img": self._image,
            "video": self._player,
            "audio": self._player,
            "iframe": self._embedded,
            "embed": self._embedded,
            "object": self._embedded,
        }

    def over(self, body: etree._Element) -> None:
        for element in list(body.iter(*self._steps)):
            if element.getparent() is not None:
                self._steps[element.tag](element)

    def _link(self, link: etree._Element) -> None:
        href = (link.get("href") or "").strip()
        if href and not href.lower().startswith(_OTHER_SCHEMES):
            found = absolute(self._base, href)
            if found is None:
                link.attrib.pop("href", None)
                return
            href = found
            link.set("href", found)
        kinds = frozenset((link.get("class") or "").lower().split())
        if "attachment" in kinds and (self._is_shown(href) or (self._take_links and self._take_link(link, href))):
            _replace(link, None)
        elif kinds & _NAMING or "tag" in (link.get("rel") or "").lower().split():
            self.naming.append(link)

    def _take_link(self, link: etree._Element, href: str) -> bool:
        found = attachment(href, type=link.get("type"))
        return found is not None and found.media is not Media.FILE and self._take(link, href, found.media, None, None, None)

    def _image(self, image: etree._Element) -> None:
        alt = (image.get("alt") or "").strip()
        width, height = number(image.get("width")), number(image.get("height"))
        source = absolute(self._base, image.get("src")) or absolute(self._base, image.get("data-src"))
        kinds = frozenset((image.get("class") or "").lower().split())
        tiny = width is not None and height is not None and max(width, height) <= _EMOJI_PIXELS
        if kinds & _EMOJI or (tiny and alt) or source is None:
            words = alt or (image.get("title") or "").strip()
            _replace(image, _plain(words or ("(picture)" if image.get("src") == _CARRIED_HERE else "")))
        elif (
            self._is_shown(source)
            or (tiny and max(width or 0, height or 0) < 4)  # counts readers
            or (self._take_images and self._take(image, source, Media.IMAGE, alt or image.get("title"), width, height))
        ):
            _replace(image, None)
        else:
            inside_link = any(True for _ in image.iterancestors("a"))
            _replace(image, _plain(alt or "image") if inside_link else _anchor(source, alt or source))

    def _player(self, player: etree._Element) -> None:
        kind = Media.VIDEO if player.tag == "video" else Media.AUDIO
        inner = player.find(".//source")
        source = absolute(self._base, player.get("src") or (inner.get("src") if inner is not None else None))
        if source is None:
            return
        size = number(player.get("width")), number(player.get("height"))
        if self._is_shown(source) or self._take(player, source, kind, player.get("aria-label") or player.get("title"), *size):
            _replace(player, None)
        else:
            _replace(player, _anchor(source, source))

    def _embedded(self, frame: etree._Element) -> None:
        source = absolute(self._base, frame.get("src") or frame.get("data"))
        _replace(frame, _anchor(source, (frame.get("title") or "").strip() or source) if source else None)

    def _is_shown(self, source: str) -> bool:
        return source in self._shown or any(source == one.source for one in self.taken)

    def _take(
        self, element: etree._Element, source: str, media: Media, alt: str | None, width: int | None, height: int | None
    ) -> bool:
        if len(self.taken) >= MEDIA_CAP:
            return False
        found = attachment(source, media=media, type=element.get("type"), alt=alt, width=width, height=height)
        if found is None:
            return False
        self.taken.append(found)
        return True


def _plain(text: str) -> etree._Element | None:
    if not text:
        return None
    span = etree.Element("span")
    span.text = strip_controls(text)
    return span


def _anchor(href: str, text: str) -> etree._Element:
    link = etree.Element("a", href=href)
    link.text = strip_controls(text)
    return link


def _replace(old: etree._Element, new: etree._Element | None) -> None:
    """Puts one element in the place of another, or nothing; the text after it stays."""
    parent = old.getparent()
    if new is not None:
        new.tail = old.tail
        parent.replace(old, new)
        return
    previous = old.getprevious()
    if previous is not None:
        previous.tail = (previous.tail or "") + (old.tail or "")
    else:
        parent.text = (parent.text or "") + (old.tail or "")
    parent.remove(old)
