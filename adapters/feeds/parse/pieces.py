"""What every format's reader needs: dates, identity, titles. Pure."""

import hashlib
from collections.abc import Iterable

from bridge.model.events import Text
from bridge.text.escape import strip_controls
from bridge.text.html import html_to_plain
from bridge.text.plain import one_line
from bridge.text.tags import SIZE_CAP

TITLE_CAP = 500
ID_CAP = 1000
"""Characters of an id; a longer one is known by its hash."""
TAGS_CAP = 50


class NoFeed(ValueError):
    """The document can't be read as a feed. The words say why, for people."""


def plain_text(written: str) -> Text:
    """Text that is no HTML, as it is."""
    return Text(plain=strip_controls(written).strip()[:SIZE_CAP])


def name_of(text: str | None) -> str | None:
    """A name or another short text for one line; None where nothing is left."""
    return one_line(text or "").strip()[:TITLE_CAP].strip() or None


def title_from_html(html: str | None) -> str | None:
    return name_of(html_to_plain((html or "")[: 20 * TITLE_CAP]))


def title_for(title: str | None, plain: str) -> str | None:
    """The title, where it says what the text doesn't begin with anyway (feeds of short posts repeat the text in it)."""
    title = name_of(title)
    if title is None:
        return None
    said = " ".join(plain.split()).casefold()
    shown = " ".join(title.rstrip("….").split()).casefold()
    starts = (shown, shown.partition(": ")[2])  # "alice: hello" over "hello"
    return None if any(start and said.startswith(start) for start in starts) else title


def ladder(id: str | None, link: str | None, title: str | None, plain: str) -> tuple[str, ...]:
    """The ids by which an entry may be known, best first: its own, its link, a hash of what it says."""
    said = hashlib.sha256(f"{title or ''}\0{' '.join(plain.split())}".encode("utf-8", "replace")).hexdigest()[:32]
    own = " ".join((id or "").split())
    if len(own) > ID_CAP:
        own = "hash:" + hashlib.sha256(own.encode("utf-8", "replace")).hexdigest()[:32]
    return tuple(dict.fromkeys(one for one in (own, link, f"hash:{said}") if one))


def tags_of(found: Iterable[str | None]) -> tuple[str, ...]:
    """Without `#`, each once, in order."""
    cleaned = (name_of(tag) for tag in found)
    return tuple(dict.fromkeys(tag.removeprefix("#") for tag in cleaned if tag and tag != "#"))[:TAGS_CAP]
