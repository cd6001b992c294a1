"""Reads Atom with activities in it: GNU social, StatusNet, diaspora, the old Mastodon, and blogs with threads or deletions. Pure.

feedparser mixes a nested `activity:object` into its entry (a repeat gets the original's author), so this reader knows the
namespaces and takes each thing from where it stands.
"""

from collections.abc import Iterator

from lxml import etree

from adapters.common import html
from adapters.common.activity import Verb, is_public, program_of, short, verb_of
from adapters.common.atom import (
    ACTIVITY,
    ATOM,
    GEORSS,
    MASTODON,
    MEDIA,
    OSTATUS,
    POCO,
    STATUSNET,
    THREAD,
    TOMBSTONES,
    XML,
    base_of,
    href,
    links,
    load,
    markup,
    text,
)
from adapters.common.dates import moment
from adapters.common.media import absolute, attachment, number
from adapters.feeds.parse.entries import ParsedAuthor, ParsedEntry, ParsedFeed, ParsedMention
from adapters.feeds.parse.pieces import ladder, name_of, plain_text, tags_of, title_for, title_from_html
from bridge.model.events import Attachment, Media, Text

_NESTING = 3
"""Objects in objects that are looked into."""
_UNTITLED = frozenset({"note", "comment", "activity", "status", "microblog"})
"""Object types whose title says only what the text does ("New note by alice")."""
_MRSS = "{http://search.yahoo.com/mrss/}"
_SCOPES = {"public": True, "unlisted": False, "private": False, "direct": False}
_CONVERSATION_LINK = "ostatus:conversation"
_SALMON = ("salmon", "http://salmon-protocol.org/ns/salmon-replies", "http://salmon-protocol.org/ns/salmon-mention")


def read_social(body: bytes, url: str) -> ParsedFeed | None:
    """None where the document is well formed but no Atom feed or entry. Raises `adapters.common.atom.Unreadable`."""
    root = load(body)
    if root.tag == f"{ATOM}entry":
        return ParsedFeed(url=url, kind="atom10", entries=(_entry(root, url, None),))
    if root.tag != f"{ATOM}feed":
        return None
    base = base_of(root, url)
    owner = _author(root.find(f"{ATOM}author"), base) or ParsedAuthor()
    subject = root.find(f"{ACTIVITY}subject")
    owner = _completed(owner, _author(subject, base)) if subject is not None else owner
    author = owner if owner != ParsedAuthor() else None
    title, is_html = markup(root.find(f"{ATOM}title"))
    hubs = (absolute(base, link.get("href")) for link in links(root, "hub"))
    return ParsedFeed(
        url=url,
        kind="atom10",
        title=title_from_html(title) if is_html else name_of(title),
        page=href(root, "alternate", base, "text/html"),
        self_url=href(root, "self", base),
        hubs=tuple(dict.fromkeys(hub for hub in hubs if hub)),
        next_url=href(root, "next", base),
        updated=moment(text(root, f"{ATOM}updated")),
        salmon=next((found for rel in _SALMON if (found := href(root, rel, base))), None),
        icon=absolute(base, text(root, f"{ATOM}icon")) or absolute(base, text(root, f"{ATOM}logo")),
        language=name_of(root.get(f"{XML}lang")),
        author=author,
        entries=tuple(_entries(root, url, author)),
    )


def _entries(root: etree._Element, url: str, author: ParsedAuthor | None) -> Iterator[ParsedEntry]:
    for element in root.iterchildren(f"{ATOM}entry", f"{TOMBSTONES}deleted-entry"):
        if element.tag == f"{ATOM}entry":
            yield _entry(element, url, author)
        elif ref := (element.get("ref") or "").strip():
            gone = ParsedEntry(ids=(ref,))
            yield ParsedEntry(ids=(ref,), verb=Verb.DELETE, updated=moment(element.get("when")), object=gone)


def _entry(element: etree._Element, url: str, owner: ParsedAuthor | None, level: int = 0) -> ParsedEntry:
    base = base_of(element, url)
    inner = element.find(f"{ACTIVITY}object")
    if inner is None:
        inner = element.find(f"{ACTIVITY}target")
    nested = _entry(inner, url, None, level + 1) if inner is not None and level < _NESTING else None
    verb = verb_of(_verb(element))
    kind = short(text(element, f"{ACTIVITY}object-type")) or (nested.kind if nested is not None and verb is Verb.POST else "")
    enclosures = tuple(_enclosures(element, base))
    page, warning = _content(element, base, kind, enclosures)
    said = page.text
    if not said.plain and nested is not None and (verb in (Verb.POST, Verb.UPDATE) or kind == "activity"):
        said = nested.text
    title = _title(element, kind, said) if verb in (Verb.POST, Verb.UPDATE) else None
    if not said.plain and title is not None and not enclosures and not page.attachments:
        said, title = Text(plain=title), None
    link = href(element, "alternate", base, "text/html")
    reply = element.find(f"{THREAD}in-reply-to")
    mentions, public = _addressed(element, base, dict(page.named))
    return ParsedEntry(
        ids=ladder(text(element, f"{ATOM}id"), link, title, said.plain),
        verb=verb,
        kind=kind,
        title=title,
        text=said,
        link=link,
        published=moment(text(element, f"{ATOM}published")),
        updated=moment(text(element, f"{ATOM}updated")),
        author=_whose(element, base, owner, nested if verb is Verb.POST or level else None),
        attachments=(*enclosures, *page.attachments),
        tags=tags_of(category.get("term") or category.get("label") for category in element.findall(f"{ATOM}category")),
        language=name_of(element.get(f"{XML}lang") or _lang(element)),
        warning=warning,
        reply_to=(reply.get("ref") or "").strip() or None if reply is not None else None,
        conversation=_conversation(element, base),
        mentions=mentions,
        public=public,
        via=_via(element),
        location=_point(text(element, f"{GEORSS}point")),
        object=nested if level == 0 and verb not in (Verb.POST, Verb.UPDATE) else None,
    )


def _verb(element: etree._Element) -> str | None:
    """The first verb that is known; an element may name several, the most general last."""
    found = [text(one, ".") or "" for one in element.findall(f"{ACTIVITY}verb")]
    return next((one for one in found if verb_of(one) is not Verb.OTHER), found[0] if found else None)


def _title(element: etree._Element, kind: str, said: Text) -> str | None:
    if kind in _UNTITLED:
        return None
    title, is_html = markup(element.find(f"{ATOM}title"))
    return title_for(title_from_html(title) if is_html else title, said.plain)


def _content(element: etree._Element, base: str, kind: str, enclosures: tuple[Attachment, ...]) -> tuple[html.Page, str | None]:
    """The text and, for short posts that have a summary too, the warning before it (as Mastodon wrote its own)."""
    shown = frozenset(one.source for one in enclosures)
    take = not any(one.media is Media.IMAGE for one in enclosures)
    pages = []
    for name in ("content", "summary"):
        found = element.find(f"{ATOM}{name}")
        written, is_html = markup(found)
        if not written.strip() or found is None:
            continue
        inside = base_of(found, base)
        page = (
            html.read(written, inside, shown=shown, take_images=take, take_links=True)
            if is_html
            else html.Page(text=plain_text(written))
        )
        pages.append((name, page))
    if not pages:
        return html.Page(text=Text(plain="")), None
    warning = name_of(pages[1][1].text.plain) if len(pages) == 2 and kind in _UNTITLED else None
    return pages[0][1], warning


def _enclosures(element: etree._Element, base: str) -> Iterator[Attachment]:
    """Files. What is a page for people (GNU social encloses every address it finds in a text) stays a link in the text."""
    seen = set()
    sensitive = any(one.get("term") == "nsfw" for one in element.findall(f"{ATOM}category"))
    for link in links(element, "enclosure"):
        found = attachment(
            link.get("href"),
            base=base,
            type=link.get("type"),
            size=number(link.get("length")),
            alt=link.get("title"),
            sensitive=sensitive,
        )
        if found is not None and found.type not in ("text/html", "application/xhtml+xml") and found.source not in seen:
            seen.add(found.source)
            yield found
    for media in element.iter(f"{_MRSS}content"):
        alt = text(media, f"{_MRSS}description") or text(media, f"{_MRSS}title")
        size = number(media.get("width")), number(media.get("height"))
        found = attachment(media.get("url"), base=base, type=media.get("type"), alt=alt, width=size[0], height=size[1])
        if found is not None and found.media is not Media.FILE and found.source not in seen:
            seen.add(found.source)
            yield found


def _whose(element: etree._Element, base: str, owner: ParsedAuthor | None, nested: ParsedEntry | None) -> ParsedAuthor | None:
    """The entry's author, else its source's, else the inner object's, else the feed's (RFC 4287 §4.2.1)."""
    for path in (f"{ATOM}author", f"{ACTIVITY}actor", f"{ATOM}source/{ATOM}author"):
        if (found := _author(element.find(path), base)) is not None:
            return _completed(found, owner) if owner is not None and found.uri == owner.uri else found
    return (nested.author if nested is not None else None) or owner


def _author(element: etree._Element | None, base: str) -> ParsedAuthor | None:
    if element is None:
        return None
    name = text(element, f"{POCO}displayName") or text(element, f"{ATOM}name") or text(element, f"{ATOM}title")
    uri = text(element, f"{ATOM}uri") or text(element, f"{ATOM}id")
    pictures = [(number(one.get(f"{MEDIA}width")) or 0, absolute(base, one.get("href"))) for one in links(element, "avatar")]
    best = max((one for one in pictures if one[1]), default=(0, None), key=lambda one: one[0])
    author = ParsedAuthor(
        name=name_of(name),
        nick=name_of(text(element, f"{POCO}preferredUsername")),
        uri=name_of(uri),
        page=href(element, "alternate", base, "text/html"),
        avatar=best[1] or absolute(base, text(element, f"{ATOM}logo")),
    )
    return author if author != ParsedAuthor() else None


def _completed(author: ParsedAuthor, other: ParsedAuthor | None) -> ParsedAuthor:
    """The same person from two places: what one leaves out, the other may tell."""
    if other is None:
        return author
    return ParsedAuthor(
        name=author.name or other.name,
        nick=author.nick or other.nick,
        uri=author.uri or other.uri,
        page=author.page or other.page,
        avatar=author.avatar or other.avatar,
    )


def _conversation(element: etree._Element, base: str) -> str | None:
    found = element.find(f"{OSTATUS}conversation")
    named = (found.get("ref") or text(found, ".")) if found is not None else None
    return name_of(named) or href(element, _CONVERSATION_LINK, base)


def _addressed(element: etree._Element, base: str, spelt: dict[str, str]) -> tuple[tuple[ParsedMention, ...], bool | None]:
    """Who is named, and whether everybody may read it."""
    people: dict[str, ParsedMention] = {}
    public = False
    found = [*links(element, "mentioned"), *links(element, "ostatus:attention")]
    for link in found:
        address = (link.get("href") or "").strip()
        if is_public(address):
            public = True
        elif address := absolute(base, address) or "":
            kind = short(link.get(f"{OSTATUS}object-type"))
            if kind != "collection":
                people[address] = ParsedMention(uri=address, group=kind == "group", text=spelt.get(address))
    scope = text(element, f"{MASTODON}scope")
    told = _SCOPES.get(scope, False) if scope else public if found else None
    return tuple(people.values()), told


def _via(element: etree._Element) -> str | None:
    info = element.find(f"{STATUSNET}notice_info")
    return program_of(info.get("source")) if info is not None else None


def _lang(element: etree._Element) -> str | None:
    """The content's own language. The feed's is that of the server's pages, not of what people write there."""
    content = element.find(f"{ATOM}content")
    return content.get(f"{XML}lang") if content is not None else None


def _point(words: str | None) -> tuple[float, float] | None:
    try:
        latitude, longitude = (float(part) for part in (words or "").replace(",", " ").split())
    except ValueError:
        return None
    return (latitude, longitude) if abs(latitude) <= 90 and abs(longitude) <= 180 else None
