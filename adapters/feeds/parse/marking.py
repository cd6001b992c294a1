"""Hashes by which an entry is known again: made in the parser process, as they read every word. Pure."""

import hashlib

from msgspec.structs import replace

from adapters.common.activity import Verb
from adapters.feeds.parse.entries import Marks, ParsedEntry

POST = "post"
"""The role of what stands in a timeline by itself: posts and shares."""


def role(entry: ParsedEntry) -> str:
    """Tells apart what may bear one id: GNU social gives the deletion of a post the post's own id, and every time that somebody
    takes a favourite back the same id."""
    if entry.verb in (Verb.POST, Verb.UPDATE, Verb.SHARE):
        return POST
    if entry.verb is Verb.DELETE or entry.published is None:
        return entry.verb.value
    return f"{entry.verb.value}@{int(entry.published.timestamp())}"


def marked(entry: ParsedEntry) -> ParsedEntry:
    plain = " ".join(entry.text.plain.split())
    title = " ".join((entry.title or "").split()).casefold() or plain[:200].casefold()
    pictures = sorted(one.source.partition("?")[0] for one in entry.attachments)
    kind = role(entry)
    found = Marks(
        id=id_mark(entry.ids[0], kind),
        alike=_hash(kind, entry.link, title) if entry.link and title else 0,
        titled=_hash(kind, title) if title else 0,
        said=_hash(entry.title or "", plain, entry.warning or "", *pictures),
    )
    return replace(entry, marks=found)


def id_mark(id: str, kind: str) -> int:
    return _hash(kind, id)


def _hash(*parts: str) -> int:
    return int.from_bytes(hashlib.blake2b("\0".join(parts).encode("utf-8", "replace"), digest_size=6).digest(), "big")
