"""Hashes by which an entry is known again: made in the parser process, as they read every word. Pure."""

import hashlib

from msgspec.structs import replace

from adapters.common.activity import Verb
from adapters.feeds.parse.entries import Marks, ParsedEntry


def role(verb: Verb) -> str:
    """Tells apart what may bear one id: GNU social gives the deletion of a post the post's own id."""
    return "post" if verb in (Verb.POST, Verb.UPDATE) else verb.value


def marked(entry: ParsedEntry) -> ParsedEntry:
    plain = " ".join(entry.text.plain.split())
    title = " ".join((entry.title or "").split()).casefold() or plain[:200].casefold()
    pictures = sorted(one.source.partition("?")[0] for one in entry.attachments)
    kind = role(entry.verb)
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
