"""Showing, posting, repeating, deleting and liking one notice; files for it."""

import html
import re

from aiohttp import web

from adapters.gnusocial.demo import actions
from adapters.gnusocial.demo.api.call import TYPES, Call, Endpoint, answer, cached, page
from adapters.gnusocial.demo.api.commands import obey
from adapters.gnusocial.demo.render import activity, atom, twitter
from adapters.gnusocial.demo.render.xml import DECLARATION, Page
from adapters.gnusocial.demo.things import ApiError, File, Notice

_QUOTES = ("&quot;", "&#34;", "&#39;", "&#039;", "&apos;")
_ENTITY = re.compile(r"(&#?\w{1,32};)")
_ENTRY = 'application/atom+xml;type=entry;charset="utf-8"'


async def show(call: Call, id: str) -> web.Response:
    notice = call.site.notice(id or call.given.get("id", ""))
    match call.face:
        case "atom":
            made = page(call, atom.entry(call.site, notice, call.viewer), _ENTRY)
        case "as":
            made = page(call, twitter.encode(activity.item(call.site, notice, call.viewer)), TYPES["as"])
        case _:
            made = answer(call, twitter.status(call.site, notice, call.viewer), name="status")
    return cached(call, made, "ApiStatusesShow", notice.id, newest=notice.created, oldest=None)


async def update(call: Call, _: str) -> web.Response:
    me, site, text = call.me, call.site, call.given.get("status", "").strip()
    if not text:
        raise ApiError(400, "Client must provide a 'status' parameter with a value.")
    if await obey(call, text):
        # as Twitter did: a command is answered with one's latest notice, whether it worked or not
        last = next(site.by(me), None)
        if last is None:
            raise ApiError(404, "No such notice.")
        return _told(call, last)
    answered = call.given.get("in_reply_to_status_id")
    source, link = call.source or (call.given.get("source") or "api", None)
    made = actions.post(
        site,
        me,
        _decoded(text),
        reply_to=_answered(call, answered) if answered else None,
        attached=[actions.upload(site, one.data, one.type) for one in call.uploads],
        linked=_linked(call),
        source=source,
        source_link=link,
    )
    return _told(call, made)


async def destroy(call: Call, id: str) -> web.Response:
    me = call.me
    try:
        notice = call.site.notice(id or call.given.get("id", ""))
    except ApiError as error:
        raise ApiError(404, "No status found with that ID.") from error
    actions.delete(call.site, me, notice)
    return _told(call, notice)


async def retweet(call: Call, id: str) -> web.Response:
    notice = call.site.notice(id or call.given.get("id", ""))
    made = actions.repeat(call.site, call.me, notice, source=call.source[0] if call.source else "api")
    return answer(call, twitter.status(call.site, made, call.me, just_repeated=True), name="status")


async def favour(call: Call, id: str) -> web.Response:
    me, notice = call.me, call.site.notice(id or call.given.get("id", ""))
    actions.favourite(call.site, me, notice)
    return _told(call, notice)


async def unfavour(call: Call, id: str) -> web.Response:
    me, notice = call.me, call.site.notice(id or call.given.get("id", ""))
    actions.unfavourite(call.site, me, notice)
    return _told(call, notice)


async def upload(call: Call, _: str) -> web.Response:
    """JSON has an object, XML an `rsp`; without an ending it is XML."""
    _me, site = call.me, call.site
    if not call.uploads:
        raise ApiError(400, "There was no file in the upload.")
    file = actions.upload(site, call.uploads[0].data, call.uploads[0].type)
    if call.face == "json":
        data = {"media_id": file.id, "media_id_string": str(file.id), "media_url": file.page, "size": len(file.data)}
        if file.width is not None:
            data["image"] = {"w": file.width, "h": file.height, "image_type": file.type}
        return answer(call, data)
    return page(call, _rsp(file), TYPES["xml"])


GET: dict[str, Endpoint] = {r"statuses/show(?:/(\d+))?": show}
POST: dict[str, Endpoint] = {
    r"statuses/update": update,
    r"statuses/destroy(?:/(\d+))?": destroy,
    r"statuses/retweet(?:/(\d+))?": retweet,
    r"favorites/create(?:/(\d+))?": favour,
    r"favorites/destroy(?:/(\d+))?": unfavour,
    r"(?:statusnet/)?media/upload": upload,
}


def _decoded(text: str) -> str:
    """HTML entities mean what they mean in HTML, quotes apart."""
    return "".join(part if part in _QUOTES else html.unescape(part) for part in _ENTITY.split(text))


def _told(call: Call, notice: Notice) -> web.Response:
    if call.face == "atom":
        return page(call, atom.entry(call.site, notice, call.viewer), _ENTRY)
    return answer(call, twitter.status(call.site, notice, call.viewer), name="status")


def _answered(call: Call, id: str) -> Notice:
    try:
        return call.site.notice(id)
    except ApiError as error:
        raise ApiError(404, "Parent notice not found.") from error


def _linked(call: Call) -> list[File]:
    written = call.given.get("media_ids", "")
    found = [call.site.files.get(int(one)) for one in written.split(",") if one.strip().isascii() and one.strip().isdigit()]
    if None in found:
        raise ApiError(404, "No such media.")
    return [one for one in found if one is not None]


def _rsp(file: File) -> bytes:
    written = Page(declared=False)
    with written.inside("rsp", {"stat": "ok", "xmlns:atom": "http://www.w3.org/2005/Atom"}):
        written.leaf("mediaid", str(file.id))
        written.leaf("mediaurl", file.page)
        written.leaf("media_url", file.page)
        written.leaf("size", str(len(file.data)))
        written.leaf("atom:link", None, {"rel": "enclosure", "href": file.url, "type": file.type})
        written.leaf("media_id", str(file.id))
        written.leaf("media_id_string", str(file.id))
        if file.width is not None:
            written.leaf("image", None, {"w": str(file.width), "h": str(file.height), "image_type": file.type})
    return f"{DECLARATION}\n".encode() + written.done()
