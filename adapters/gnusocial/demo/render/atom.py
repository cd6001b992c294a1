"""Atom with the namespaces of OStatus: whole feeds, the feeds that a hub pushes, single entries, and the entries of slaps."""

from datetime import datetime

from msgspec import Struct

from adapters.gnusocial.demo.render.activity import SCHEMA, followed_no_more, info, notice_info, title_of
from adapters.gnusocial.demo.render.faces import ORIGINAL, face, faces
from adapters.gnusocial.demo.render.xml import Page
from adapters.gnusocial.demo.state import Site
from adapters.gnusocial.demo.things import Conversation, Group, Notice, Profile
from adapters.gnusocial.demo.timelines import undone

_ATOM = {"xmlns": "http://www.w3.org/2005/Atom", "xmlns:thr": "http://purl.org/syndication/thread/1.0"}
_ACTIVITY = {"xmlns:activity": "http://activitystrea.ms/spec/1.0/"}
_GEO = {"xmlns:georss": "http://www.georss.org/georss"}
_MEDIA = {"xmlns:media": "http://purl.org/syndication/atommedia"}
_POCO = {"xmlns:poco": "http://portablecontacts.net/spec/1.0"}
_OSTATUS = {"xmlns:ostatus": "http://ostatus.org/schema/1.0"}
_STATUSNET = {"xmlns:statusnet": "http://status.net/schema/api/1/"}
_FEED = {"xml:lang": "en-US", **_ATOM, **_GEO, **_ACTIVITY, **_MEDIA, **_POCO, **_OSTATUS, **_STATUSNET}
ENTRY = {**_ATOM, **_ACTIVITY, **_GEO, **_OSTATUS, **_POCO, **_MEDIA, **_STATUSNET}
HTML, ATOM, PUBLIC = "text/html", "application/atom+xml", "http://activityschema.org/collection/public"
SUP = "http://api.friendfeed.com/2008/03#sup"
_LICENSE = "https://creativecommons.org/licenses/by/3.0/"


class Head(Struct, frozen=True, kw_only=True):
    """What stands above a timeline's entries. `of`: whose feed it is, who then stands above and not in each entry."""

    id: str
    title: str
    subtitle: str
    page: str
    self: str
    logo: str | None = None
    of: Profile | None = None


def feed(site: Site, head: Head, notices: list[Notice], viewer: Profile | None) -> bytes:
    page = Page()
    with page.inside("feed", _FEED):
        page.leaf("generator", "GNU social", {"uri": "https://gnu.io/social", "version": site.settings.version})
        page.leaf("id", head.id)
        page.leaf("title", head.title)
        page.leaf("subtitle", head.subtitle)
        if head.logo is not None:
            page.leaf("logo", head.logo)
        page.leaf("updated", stamp(site.now()))
        if head.of is not None:
            with page.inside("author", flat=True):
                person(page, site, head.of, info(site, head.of, None))
        page.void("link", {"href": head.page, "rel": "alternate", "type": HTML})
        if head.of is not None:
            _places(page, site, head.of)
        page.void("link", {"href": head.self, "rel": "self", "type": ATOM})
        for notice in notices:
            if not undone(site, notice):
                with page.inside("entry", flat=True):
                    _entry(page, site, notice, viewer, signed=head.of is None)
    return page.done()


def user_head(site: Site, who: Profile, name: str | None = None) -> Head:
    """Of somebody's own feed; `name` as it stands in the address: the number, or the nick."""
    address = f"{site.base}/api/statuses/user_timeline/{name or who.id}.atom"
    return Head(
        id=address,
        title=f"{who.nick} timeline",
        subtitle=f"Updates from {who.nick} on {site.settings.name}!",
        logo=face(site, who, ORIGINAL),
        of=who,
        page=who.url,
        self=address,
    )


def entry(site: Site, notice: Notice, viewer: Profile | None) -> bytes:
    """One notice as a document."""
    page = Page()
    with page.inside("entry", ENTRY):
        _entry(page, site, notice, viewer, signed=True)
    return page.done()


def stamp(at: datetime) -> str:
    return f"{at:%Y-%m-%dT%H:%M:%S}+00:00"


def person(page: Page, site: Site, who: Profile, info: dict[str, str] | None, *, named: bool = True) -> None:
    """`named`: as an author; else as what an activity is about. `info` stands only with authors."""
    page.leaf("activity:object-type", f"{SCHEMA}person")
    page.leaf("uri" if named else "id", who.uri)
    page.leaf("name" if named else "title", who.nick if named else who.best_name)
    if named and who.bio:
        page.leaf("summary", who.bio)
    page.void("link", {"rel": "alternate", "type": HTML, "href": who.url})
    _pictures(page, site, who)
    _contact(page, who.nick, who.best_name, who.bio, who.location)
    if who.homepage:
        with page.inside("poco:urls"):
            page.leaf("poco:type", "homepage")
            page.leaf("poco:value", who.homepage)
            page.leaf("poco:primary", "true")
    if who.local:
        page.leaf("followers", None, {"url": f"{who.url}/subscribers"})
    if info is not None:
        page.leaf("statusnet:profile_info", None, info)


def note(page: Page, notice: Notice) -> None:
    """A post as a thing."""
    page.leaf("activity:object-type", f"{SCHEMA}{notice.type}")
    page.leaf("id", notice.uri)
    page.leaf("title", f"New {notice.type} by {notice.author.nick}")
    page.leaf("content", notice.html, {"type": "html"})
    page.void("link", {"rel": "alternate", "type": HTML, "href": notice.url})
    page.leaf("statusnet:notice_id", str(notice.id))


def said(page: Page, verb: str, at: datetime) -> None:
    page.leaf("activity:verb", f"{SCHEMA}{verb}")
    page.leaf("published", stamp(at))
    page.leaf("updated", stamp(at))


def _entry(page: Page, site: Site, notice: Notice, viewer: Profile | None, *, signed: bool) -> None:
    if notice.verb == "post":
        note(page, notice)
    else:
        page.leaf("id", notice.uri)
        page.leaf("title", title_of(site, notice))
        page.leaf("content", notice.html, {"type": "html"})
        page.void("link", {"rel": "alternate", "type": HTML, "href": notice.url})
    said(page, notice.verb, notice.created)
    if signed:
        with page.inside("author"):
            person(page, site, notice.author, info(site, notice.author, viewer))
    _object(page, site, notice, viewer)
    _context(page, site, notice)
    if signed:
        _source(page, site, notice.author)
    _selves(page, site, notice)
    page.leaf("statusnet:notice_info", None, notice_info(site, notice, viewer))


def _object(page: Page, site: Site, notice: Notice, viewer: Profile | None) -> None:
    if notice.verb == "post":
        return
    with page.inside("activity:object"):
        match notice.verb, notice.about:
            case "share", _:
                assert notice.repeat_of is not None
                _shared(page, site, notice.repeat_of, viewer)
            case "delete", _:
                _deleted(page, notice)
            case _, Notice() as liked:
                note(page, liked)
            case _, Profile() if followed_no_more(site, notice):
                _unfollowed(page, site, notice)
            case _, Profile() as whom:
                person(page, site, whom, None, named=False)
            case _, Group() as group:
                _group(page, site, group)


def _shared(page: Page, site: Site, original: Notice, viewer: Profile | None) -> None:
    """A repeat holds the whole activity that it repeats, the post within that."""
    page.leaf("activity:object-type", f"{SCHEMA}activity")
    page.leaf("id", original.uri)
    page.leaf("title")
    page.leaf("content", original.html, {"type": "html"})
    page.void("link", {"rel": "alternate", "type": HTML, "href": original.url})
    said(page, "post", original.created)
    with page.inside("author"):
        person(page, site, original.author, info(site, original.author, viewer))
    with page.inside("activity:object"):
        note(page, original)
    _context(page, site, original)
    _source(page, site, original.author)
    _selves(page, site, original)


def _unfollowed(page: Page, site: Site, notice: Notice) -> None:
    """Whom it was about is forgotten with the following."""
    page.leaf("activity:object-type", f"{SCHEMA}person")
    page.leaf("id", notice.uri)
    page.leaf("title", f"New person by {notice.author.nick}")
    page.leaf("content", notice.html, {"type": "html"})
    page.void("link", {"rel": "alternate", "type": HTML, "href": notice.url})
    page.void("link", {"rel": "self", "type": ATOM, "href": f"{site.base}/api/statuses/show/{notice.id}.atom"})
    page.leaf("statusnet:notice_id", str(notice.id))


def _deleted(page: Page, notice: Notice) -> None:
    page.leaf("activity:object-type", f"{SCHEMA}note")
    page.leaf("id", notice.uri)


def _context(page: Page, site: Site, notice: Notice) -> None:
    """What it belongs to: answer, conversation, who is meant, tags, files."""
    if notice.reply_to is not None:
        page.leaf("thr:in-reply-to", None, {"ref": notice.reply_to.uri, "href": notice.reply_to.url})
        page.void("link", {"rel": "related", "href": notice.reply_to.url})
    _conversation(page, site, notice.conversation)
    for kind, uri in (
        *(("person", one.uri) for one in notice.mentions),
        *(("group", one.uri) for one in notice.groups),
        ("collection", PUBLIC),
    ):
        page.void("link", {"rel": "mentioned", "ostatus:object-type": f"{SCHEMA}{kind}", "href": uri})
    if notice.verb == "delete":
        with page.inside("activity:target"):
            _deleted(page, notice)
    for tag in notice.tags:
        page.leaf("category", None, {"term": tag})
    for file in notice.files:
        page.void("link", {"rel": "enclosure", "href": file.url, "type": file.type, "length": str(len(file.data))})


def _conversation(page: Page, site: Site, conversation: Conversation) -> None:
    here = f"{site.base}/conversation/{conversation.id}"
    page.void("link", {"rel": "ostatus:conversation", "href": here})
    facts = {"href": here, "local_id": str(conversation.id), "ref": conversation.uri}
    page.leaf("ostatus:conversation", conversation.uri, facts)


def _source(page: Page, site: Site, who: Profile) -> None:
    with page.inside("source"):
        page.leaf("id", who.feed)
        page.leaf("title", who.best_name)
        page.void("link", {"rel": "alternate", "type": HTML, "href": who.url})
        page.void("link", {"rel": "self", "type": ATOM, "href": who.feed})
        if who.local:
            page.void("link", {"rel": "license", "href": _LICENSE})
        page.leaf("icon", face(site, who, ORIGINAL))
        last = next((one for one in site.by(who) if one.verb != "favorite"), None)
        page.leaf("updated", stamp(last.created if last is not None else who.created))


def _selves(page: Page, site: Site, notice: Notice) -> None:
    base, id = site.base, str(notice.id)
    if not notice.local:
        base, _, id = notice.url.rpartition("/notice/")
    address = f"{base}/api/statuses/show/{id}.atom"
    for rel in ("self", "edit") if notice.local else ("self",):
        page.void("link", {"rel": rel, "type": ATOM, "href": address})


def _places(page: Page, site: Site, who: Profile) -> None:
    """Where a feed's reader may turn to."""
    salmon = f"{site.base}/main/salmon/user/{who.id}"
    page.void("link", {"href": f"{site.base}/main/sup", "rel": SUP, "type": "application/json"})
    page.void("link", {"href": f"{site.base}/main/push/hub", "rel": "hub"})
    page.void("link", {"href": salmon, "rel": "salmon"})
    for kind in ("replies", "mention"):
        page.void("link", {"href": salmon, "rel": f"http://salmon-protocol.org/ns/salmon-{kind}"})


def _group(page: Page, site: Site, group: Group) -> None:
    page.leaf("activity:object-type", f"{SCHEMA}group")
    page.leaf("id", group.uri)
    page.leaf("title", group.fullname)
    page.void("link", {"rel": "alternate", "type": HTML, "href": group.uri})
    _pictures(page, site, None)
    _contact(page, group.nick, group.fullname, group.description, group.location)


def _pictures(page: Page, site: Site, who: Profile | None) -> None:
    for url, size in faces(site, who):
        kind = {"rel": "avatar", "type": "image/png", "media:width": str(size), "media:height": str(size)}
        page.void("link", {**kind, "href": url})


def _contact(page: Page, nick: str, name: str, note: str | None, location: str | None) -> None:
    page.leaf("poco:preferredUsername", nick)
    page.leaf("poco:displayName", name)
    if note:
        page.leaf("poco:note", note)
    if location:
        with page.inside("poco:address"):
            page.leaf("poco:formatted", location)
