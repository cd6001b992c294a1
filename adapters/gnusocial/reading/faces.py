"""A page of a timeline, both its faces read together. Pure.

The Twitter-compatible JSON alone has attachments and local numbers of what is answered; ActivityStreams (`.as`) alone has verbs,
the global name of what is answered, and the conversation's. Items are joined by local number. Either face may be missing as a
whole or an item of it, and any value may be of any type: what can't be read is left out and counted, its neighbours stay.
"""

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from msgspec import Struct

from adapters.common.activity import Verb, is_public, program_of, verb_of
from adapters.gnusocial.ids import number
from adapters.gnusocial.reading.marks import rank
from adapters.gnusocial.reading.values import files, line, moment, pages, place, rows, table, truth, words
from adapters.gnusocial.wire.statuses import identity_in
from bridge.model.events import Attachment, Location
from bridge.model.ids import NetworkName
from bridge.model.people import Identity

URI_CAP = 1000
"""Characters of a global name; what is longer is known by its number."""
TAGS_CAP = 50
PAGE_CAP = 1000
"""Items of one page that are looked at."""
_ACTIVITY = re.compile(r"tag:[^,\s]+,[^:\s]+:(fave|subscription|group_member):")
_ACTIVITIES = {"fave": Verb.FAVORITE, "subscription": Verb.FOLLOW, "group_member": Verb.JOIN}


class Server(Struct, frozen=True):
    """Whose pages they are. `host` as in aliases; `web`: where people read it, ending in a slash."""

    network: NetworkName
    host: str
    web: str


class Notice(Struct, frozen=True, kw_only=True):
    """One item as the server tells it, its values of the right types."""

    number: str
    uri: str | None = None
    """Its global name; of a deletion that of what is deleted."""
    verb: Verb = Verb.POST
    author: Identity | None = None
    published: datetime | None = None
    html: str | None = None
    plain: str = ""
    permalink: str | None = None
    conversation: str | None = None
    """Its global name."""
    thread: str | None = None
    """The conversation's number on this server."""
    reply_uri: str | None = None
    reply_number: str | None = None
    via: str | None = None
    attachments: tuple[Attachment, ...] = ()
    pages: tuple[str, ...] = ()
    """HTML pages among the attachments: one may hold the whole of a long post."""
    truncated: bool = False
    tags: tuple[str, ...] = ()
    public: bool = True
    language: str | None = None
    location: Location | None = None
    about: "Notice | None" = None
    """What is repeated; of a favourite or a deletion the other thing, as far as it is known."""


class Page(Struct, frozen=True):
    """In the server's order, newest first. `bad`: items that could not be read; `undone`: favourites that were taken back."""

    notices: tuple[Notice, ...]
    bad: int = 0
    undone: tuple[str, ...] = ()


def statuses_in(data: Any) -> list[Any] | None:
    """The items of a JSON timeline or search. None for what is none."""
    found = data.get("results", data.get("statuses")) if isinstance(data, dict) else data
    return found[:PAGE_CAP] if isinstance(found, list) else None


def read_page(data: Any, activities: Any, server: Server) -> Page:
    """`data`: the JSON; `activities`: the `.as` of the same page, None where there is none. Never raises."""
    statuses = statuses_in(data) or []
    items: dict[str, dict[str, Any]] = {}
    for item in rows(table(activities).get("items"))[:PAGE_CAP]:
        id = _local(item)
        if id is not None:
            items.setdefault(id, item)
    lowest = min((place for place in map(rank, items) if place is not None), default=None)
    found: dict[str, Notice] = {}
    undone: list[str] = []
    bad = 0
    for status in statuses:
        id = number(status.get("id")) if isinstance(status, dict) else None
        if id is None:
            bad += 1
        elif id not in found:
            notice = _notice(id, status, items.get(id, {}), server)
            # the server leaves a favourite that was taken back in the JSON, and can't tell it as an activity any more
            if notice.verb is Verb.FAVORITE and id not in items and lowest is not None and lowest < (rank(id) or 0):
                undone.append(id)
            else:
                found[id] = notice
    for id, item in items.items():
        if id not in found:
            found[id] = _notice(id, {}, item, server)
    return Page(tuple(found.values()), bad, tuple(undone))


def _local(item: Mapping[str, Any]) -> str | None:
    return number(table(table(item.get("status_net")).get("notice_info")).get("local_id"))


def _notice(id: str, status: Mapping[str, Any], item: Mapping[str, Any], server: Server) -> Notice:
    """Of either face, or both; the empty one is missing."""
    thing = table(item.get("object"))
    net = table(item.get("status_net"))
    uri = _uri(status.get("uri")) or _uri(item.get("id"))
    verb = _verb(status, item, uri)
    info = table(net.get("notice_info"))
    inner = thing if verb is Verb.POST else {}
    html = words(status.get("statusnet_html")) or words(inner.get("content")) or words(item.get("content"))
    return Notice(
        number=id,
        uri=uri,
        verb=verb,
        author=_author(status.get("user"), item.get("actor"), server),
        published=moment(status.get("created_at")) or moment(item.get("published")),
        html=html,
        plain=words(status.get("text")) or "",
        permalink=_permalink(id, status, item, uri, server),
        conversation=_uri(net.get("conversation")),
        thread=number(status.get("statusnet_conversation_id")),
        reply_uri=_uri(table(inner.get("inReplyTo")).get("id")),
        reply_number=number(status.get("in_reply_to_status_id")),
        via=program_of(words(status.get("source")) or words(info.get("source"))),
        attachments=tuple(files(status.get("attachments"))),
        pages=tuple(pages(status.get("attachments"))),
        truncated=truth(status.get("truncated")),
        tags=_tags(thing.get("tags")),
        public=_is_public(status, item),
        language=_language(status.get("lang")),
        location=place(status.get("geo"), item.get("location") or thing.get("location")),
        about=_about(verb, status, item, uri, server),
    )


def _verb(status: Mapping[str, Any], item: Mapping[str, Any], uri: str | None) -> Verb:
    """By verb or name, never by words, which are in the server's language."""
    if isinstance(status.get("retweeted_status"), dict):
        return Verb.SHARE
    verb = words(item.get("verb"))
    if verb is not None and verb_of(verb) is not Verb.POST:
        return verb_of(verb)
    named = _ACTIVITY.match(uri or "")
    if named is not None:
        return _ACTIVITIES[named[1]]
    # a post doesn't know its own name when it is written: text that quotes it is about it
    return Verb.DELETE if uri and f"{{{{{uri}}}}}" in (words(status.get("text")) or "") else Verb.POST


def _about(verb: Verb, status: Mapping[str, Any], item: Mapping[str, Any], uri: str | None, server: Server) -> Notice | None:
    thing = table(item.get("object"))
    if verb is Verb.SHARE:
        return _repeated(table(status.get("retweeted_status")), item, server)
    if verb in (Verb.FAVORITE, Verb.UNFAVORITE):
        other = number(status.get("in_reply_to_status_id"))
        named = _uri(thing.get("id"))
        return Notice(number=other or "", uri=named if named != uri else None)
    if verb in (Verb.DELETE, Verb.UNSHARE):
        return Notice(number="", uri=_uri(table(item.get("target")).get("id")) or _uri(thing.get("id")) or uri)
    return None


def _repeated(status: Mapping[str, Any], item: Mapping[str, Any], server: Server) -> Notice | None:
    """What a repeat passes on: the JSON has it whole, the activity its address."""
    info = table(table(item.get("status_net")).get("notice_info"))
    id = number(status.get("id")) or number(info.get("repeat_of"))
    thing = table(item.get("object"))
    uri = _uri(status.get("uri")) or _uri(thing.get("id"))
    if uri is None and id is None:
        return None
    inner = {"object": thing, "url": thing.get("url"), "id": thing.get("id"), "to": item.get("to"), "actor": thing.get("actor")}
    whole = {**inner, "status_net": {"conversation": table(item.get("status_net")).get("conversation")}} if thing else {}
    return _notice(id or "", {name: value for name, value in status.items() if name != "retweeted_status"}, whole, server)


def _author(user: object, actor: object, server: Server) -> Identity | None:
    said, acts = table(user), table(actor)
    portable = table(acts.get("portablecontacts_net"))
    pictures = rows(table(acts.get("status_net")).get("avatarLinks"))[:10]
    best = words(pictures[0].get("url")) if pictures else None
    avatar = best or words(table(acts.get("image")).get("url"))
    page = words(said.get("statusnet_profile_url")) or words(acts.get("url")) or words(acts.get("id"))
    told = {
        "screen_name": portable.get("preferredUsername"),
        "name": portable.get("displayName") or acts.get("displayName"),
        "profile_image_url_original": avatar,
    }
    given = {name: value for name, value in said.items() if value is not None}
    return identity_in(server.network, {**told, **given, "statusnet_profile_url": page}, server.host)


def _permalink(id: str, status: Mapping[str, Any], item: Mapping[str, Any], uri: str | None, server: Server) -> str | None:
    for found in (item.get("url"), status.get("external_url"), uri):
        if isinstance(found, str) and found.startswith(("http://", "https://")) and len(found) <= URI_CAP:
            return found
    return f"{server.web}notice/{id}" if id and server.web else None


def _is_public(status: Mapping[str, Any], item: Mapping[str, Any]) -> bool:
    if "to" in item:
        addressed = item["to"] if isinstance(item["to"], list) else [item["to"]]
        return any(is_public(words(table(one).get("id")) or "") for one in addressed)
    return not truth(table(status.get("user")).get("protected"))


def _uri(value: object) -> str | None:
    found = words(value)
    return found if found is not None and len(found) <= URI_CAP and found.isprintable() and found == found.strip() else None


def _tags(found: object) -> tuple[str, ...]:
    kinds = ("hashtag", "tag", "")
    named = (
        line(tag.get("displayName")) for tag in rows(found) if (words(tag.get("objectType")) or "").rpartition("/")[2] in kinds
    )
    return tuple(dict.fromkeys(tag.removeprefix("#") for tag in named if tag and tag != "#"))[:TAGS_CAP]


def _language(value: object) -> str | None:
    found = line(value)
    return found if found is not None and len(found) <= 35 and found.lower() not in ("und", "qme", "zxx") else None
