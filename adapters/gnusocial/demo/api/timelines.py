"""Every timeline in every face."""

from collections.abc import Iterable
from itertools import islice
from urllib.parse import unquote

from aiohttp import web
from msgspec import Struct

from adapters.gnusocial.demo import timelines
from adapters.gnusocial.demo.api.call import TYPES, Call, Endpoint, answer, cached, page
from adapters.gnusocial.demo.markup import canonical
from adapters.gnusocial.demo.render import activity, atom, rss, twitter
from adapters.gnusocial.demo.render.atom import Head
from adapters.gnusocial.demo.render.faces import ORIGINAL, face
from adapters.gnusocial.demo.things import ApiError, Direct, Notice, Profile


class Shown(Struct, frozen=True, kw_only=True):
    """A timeline to be shown. `action` and `parts` are what its ETag begins with; without an action it has none."""

    notices: Iterable[Notice]
    head: Head
    action: str = ""
    parts: tuple[object, ...] = ()
    bare: bool = False
    extra: tuple[tuple[str, str], ...] = ()


async def home(call: Call, id: str) -> web.Response:
    me = call.someone(id) if id else call.me
    head = _head(
        call,
        f"HomeTimeline:{me.id}",
        f"{me.nick} and friends",
        f"Updates from {me.nick} and friends on {call.site.settings.name}!",
        page=f"{me.url}/all",
        of=me,
    )
    return _show(call, Shown(notices=timelines.home(call.site, me), head=head, action="ApiTimelineHome", parts=(me.id,)))


async def mentions(call: Call, id: str) -> web.Response:
    me, name = call.someone(id) if id else call.me, call.site.settings.name
    head = _head(
        call,
        f"Mentions:{me.id}",
        f"{name} / Updates mentioning {me.nick}",
        f"{name} updates that reply to updates from {me.nick} / {me.best_name}.",
        page=f"{me.url}/replies",
        of=me,
    )
    shown = Shown(notices=timelines.mentions(call.site, me), head=head, action="ApiTimelineMentions", parts=(me.id,))
    return _show(call, shown)


async def public(call: Call, _: str) -> web.Response:
    name, base = call.site.settings.name, call.site.base
    head = _head(call, "PublicTimeline", f"{name} public timeline", f"{name} updates from everyone!", page=f"{base}/main/public")
    return _show(call, Shown(notices=timelines.public(call.site, call.viewer), head=head, action="ApiTimelinePublic"))


async def network_public(call: Call, _: str) -> web.Response:
    name, base = call.site.settings.name, call.site.base
    head = _head(
        call, "NetworkPublicTimeline", f"{name} network public timeline", f"Updates known to {name}", page=f"{base}/main/all"
    )
    notices = timelines.everywhere(call.site, call.viewer)
    return _show(call, Shown(notices=notices, head=head, action="ApiTimelineNetworkPublic"))


async def user(call: Call, id: str) -> web.Response:
    who = call.someone(id or (str(call.viewer.id) if call.viewer else None), words="No such user.", early=True)
    head = atom.user_head(call.site, who, id or None)
    shown = Shown(
        notices=timelines.of(call.site, who),
        head=head,
        action="ApiTimelineUser",
        parts=(who.id,),
        extra=(("X-SUP-ID", f"{call.site.base}/main/sup"),),
    )
    return _show(call, shown)


async def favourites(call: Call, id: str) -> web.Response:
    me, name = call.someone(id) if id else call.me, call.site.settings.name
    head = _head(
        call,
        f"Favorites:{me.id}",
        f"{name} / Favorites from {me.nick}",
        f"{name} updates favorited by {me.nick} / {me.best_name}.",
        page=f"{me.url}/favorites",
        of=me,
        self="favorites/list",
    )
    shown = Shown(notices=timelines.favourites(call.site, me), head=head, action="ApiTimelineFavorites", parts=(me.id,))
    return _show(call, shown)


async def group(call: Call, id: str) -> web.Response:
    wanted = unquote(id).lower()
    found = call.site.groups.get(wanted) or next((one for one in call.site.groups.values() if str(one.id) == wanted), None)
    if found is None:
        raise ApiError(404, "Group not found.")
    name = call.site.settings.name
    title, subtitle = f"{found.nick} timeline", f"Updates from {found.nick} on {name}!"
    head = _head(call, f"GroupTimeline:{found.id}", title, subtitle, page=found.url)
    return _show(call, Shown(notices=timelines.group(call.site, found), head=head))


async def tag(call: Call, id: str) -> web.Response:
    tag = canonical(unquote(id))
    name, base = call.site.settings.name, call.site.base
    head = _head(
        call,
        f"TagTimeline:{tag}",
        f"Notices tagged with {tag}",
        f"Updates tagged with {tag} on {name}!",
        page=f"{base}/tag/{tag}",
    )
    shown = Shown(notices=timelines.tagged(call.site, tag), head=head, action="ApiTimelineTag", parts=(tag,))
    return _show(call, shown)


async def conversation(call: Call, id: str) -> web.Response:
    here = f"{call.site.base}/api/statusnet/conversation/{id}.atom"
    found = timelines.conversation(call.site, int(id) if id.isascii() and id.isdigit() and len(id) < 12 else 0)
    first = next(found, None)
    if first is None:
        raise ApiError(404, "No such conversation.", early=True)
    head = Head(id=here, title="Conversation", subtitle="", page=f"{call.site.base}/conversation/{id}", self=here)
    return _show(call, Shown(notices=[first, *found], head=head, bare=True))


async def search(call: Call, _: str) -> web.Response:
    words = call.given.get("q", "").strip()
    if not words:
        raise ApiError(400, "Search term needed.")
    notices = _cut(call, timelines.search(call.site, words))
    return answer(call, [twitter.status(call.site, one, call.viewer) for one in notices])


async def repeats(call: Call, id: str) -> web.Response:
    found = islice(timelines.repeats(call.site, call.site.notice(id)), call.count)
    return answer(call, [twitter.status(call.site, one, call.viewer) for one in found], name="statuses")


async def direct(call: Call, _: str) -> web.Response:
    return _directs(call, timelines.inbox(call.site, call.me))


async def direct_sent(call: Call, _: str) -> web.Response:
    return _directs(call, timelines.sent(call.site, call.me))


GET: dict[str, Endpoint] = {
    r"statuses/(?:home_timeline|friends_timeline)(?:/([^/]+))?": home,
    r"statuses/(?:mentions|mentions_timeline|replies)(?:/([^/]+))?": mentions,
    r"statuses/public_timeline": public,
    r"statuses/networkpublic_timeline": network_public,
    r"statuses/user_timeline(?:/([^/]+))?": user,
    r"(?:favorites|favorites/list|statuses/favorites)(?:/([^/]+))?": favourites,
    r"statusnet/groups/timeline/([^/]+)": group,
    r"statusnet/tags/timeline/([^/]+)": tag,
    r"statusnet/conversation/(\d+)": conversation,
    r"search": search,
    r"statuses/retweets/(\d+)": repeats,
    r"direct_messages": direct,
    r"direct_messages/sent": direct_sent,
}


def _show(call: Call, shown: Shown) -> web.Response:
    site, viewer, notices = call.site, call.viewer, _cut(call, shown.notices)
    match call.face:
        case "as":
            data = activity.collection(site, shown.head.title, notices, viewer, shown.head.page)
            made = page(call, twitter.encode(data), TYPES["as"], bare=shown.bare)
        case "atom":
            made = page(call, atom.feed(site, shown.head, notices, viewer), TYPES["atom"], bare=shown.bare)
        case "rss":
            made = page(call, rss.channel(site, shown.head, notices), TYPES["rss"], bare=shown.bare)
        case _:
            statuses = [twitter.status(site, one, viewer) for one in notices]
            made = answer(call, statuses, name="statuses", bare=shown.bare)
    made.headers.update(shown.extra)
    if not shown.action or not notices:
        return made
    newest, oldest = notices[0].created, notices[-1].created
    return cached(call, made, shown.action, *shown.parts, newest=newest, oldest=oldest)


def _cut(call: Call, notices: Iterable[Notice]) -> list[Notice]:
    """One page: `max_id` itself belongs to it, `since_id` gives the newest.

    What counts twice is shown once, so that a page comes back short, and the second one by `page` leaves something out.
    """
    most, least = call.number("max_id"), call.number("since_id")
    within = (one for one in notices if (not most or one.id <= most) and one.id > least)
    start = (call.page - 1) * call.count
    counted = dict.fromkeys(islice(within, start + call.count))
    return [one for one in islice(counted, start, start + call.count) if not one.hidden]


def _directs(call: Call, messages: Iterable[Direct]) -> web.Response:
    most, least = call.number("max_id"), call.number("since_id")
    within = (one for one in messages if (not most or one.id <= most) and one.id > least)
    start = (call.page - 1) * call.count
    found = list(islice(within, start, start + call.count))
    made = answer(call, [twitter.direct(call.site, one, call.me) for one in found], name="direct_messages")
    if not found:
        return made
    return cached(call, made, "ApiDirectMessage", newest=found[0].created, oldest=found[-1].created)


def _head(
    call: Call, id: str, title: str, subtitle: str, *, page: str, of: Profile | None = None, self: str | None = None
) -> Head:
    site = call.site
    logo = f"{site.base}/theme/neo-gnu/logo.png" if of is None else face(site, of, ORIGINAL)
    here = f"{site.base}/api/{self or call.path}.atom"
    return Head(id=site.tag(id), title=title, subtitle=subtitle, page=page, self=here, logo=logo)
