"""The vocabulary of ActivityStreams 1 and OStatus, as GNU social, StatusNet, diaspora and pump.io write it.

Verbs and object types are addresses (`http://activitystrea.ms/schema/1.0/share`) in Atom and mostly the last word alone in JSON;
both spellings are read as one.
"""

import re
from enum import StrEnum
from html import unescape

from bridge.text.plain import cut, one_line

SCHEMAS = ("http://activitystrea.ms/schema/1.0/", "http://ostatus.org/schema/1.0/", "http://activityschema.org/object/")
PUBLIC = frozenset({"http://activityschema.org/collection/public", "https://www.w3.org/ns/activitystreams#Public"})
"""How the collection of everybody is written."""
_NO_PROGRAM = frozenset({"", "unknown", "activity", "ostatus", "system", "api", "web"})
_PROGRAM_CAP = 80
_TAG = re.compile(r"<[^>]*>")


class Verb(StrEnum):
    """What an activity does. `like` is read as FAVORITE, an absent verb as POST."""

    POST = "post"
    UPDATE = "update"
    SHARE = "share"
    UNSHARE = "unshare"
    FAVORITE = "favorite"
    UNFAVORITE = "unfavorite"
    DELETE = "delete"
    FOLLOW = "follow"
    UNFOLLOW = "unfollow"
    JOIN = "join"
    LEAVE = "leave"
    TAG = "tag"
    UPDATE_PROFILE = "update-profile"
    OTHER = "other"
    """One that we don't know: never taken for a post."""


_SYNONYMS = {
    "like": Verb.FAVORITE,
    "unlike": Verb.UNFAVORITE,
    "create": Verb.POST,
    "note": Verb.POST,
    "stop-following": Verb.UNFOLLOW,
    "request-friend": Verb.FOLLOW,
    "make-friend": Verb.FOLLOW,
    "subscribe": Verb.FOLLOW,
    "unsubscribe": Verb.UNFOLLOW,
    "disfavor": Verb.UNFAVORITE,
}


def short(name: str | None) -> str:
    """A verb or object type without its schema, in lower case; empty for None."""
    name = (name or "").strip()
    for schema in SCHEMAS:
        if name.lower().startswith(schema):
            return name[len(schema) :].lower()
    return name.lower()


def verb_of(name: str | None) -> Verb:
    """In full or short spelling. None and the empty string are POST (Activity Streams Atom 1.0 §3.2)."""
    word = short(name)
    if not word:
        return Verb.POST
    if word in _SYNONYMS:
        return _SYNONYMS[word]
    try:
        return Verb(word)
    except ValueError:
        return Verb.OTHER


def is_public(address: str) -> bool:
    """Whether this addressee is everybody."""
    return address.strip() in PUBLIC


def program_of(source: str | None) -> str | None:
    """The program that a post was written with, of a notice's source; None where that says only by which door it came."""
    name = one_line(unescape(_TAG.sub("", (source or "")[:1000])))
    return cut(name, _PROGRAM_CAP) if name.lower() not in _NO_PROGRAM else None
