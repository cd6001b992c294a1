"""What makes a message a post, as people see it: its title above the text, and below it a small line of facts.

Each fact stands there only where it says something: the permalink where neither title nor text leads to it, who may read it where
that is not everybody, the account that brought it where the room has several sources, and when it was written where the room's
own clock would not tell. The same facts, whole, are in the content for programs (`FACTS`).

A post of several messages has its title in the first and its facts in the last.
"""

import re
from datetime import datetime, timedelta
from html import escape
from typing import Any
from urllib.parse import urlsplit

from bridge.contract.delivery import Delivery
from bridge.matrix.convert.people_out import UserOf, anchor, called, web
from bridge.model.events import Message, Origin, PostFacts, Text, Visibility
from bridge.text.escape import strip_controls, strip_invisible
from bridge.text.html import plain_to_html
from bridge.text.plain import one_line
from bridge.text.split import split_text

FACTS = "org.unabridged.post"
_TITLE_BYTES = 1000
_MOST_TAGS = 30
_LONGEST_TAG = 100
_FIELD = 2048
"""Bytes of one fact: addresses and ids are no longer."""
_NO_MORE = r"/?(?![^\s\"'<>()\[\],.;:!?])"
"""Behind an address that ends here."""
_LATE = timedelta(days=1)
_LOCKS = {Visibility.FOLLOWERS: "🔒 followers only", Visibility.DIRECT: "🔒 direct"}
_BLOCK = r"(?:p|div|h[1-6]|ul|ol|pre|blockquote|table|hr|details)"
_BEGINS = re.compile(rf"\s*<{_BLOCK}\b")
_ENDS = re.compile(rf"(?:</{_BLOCK}>|<hr>|<br>)\s*\Z")


def own_words(message: Message, delivery: Delivery) -> Text:
    """The text; an empty one where the title above it, and where that leads, say as much."""
    post, text = message.post, message.text
    if post is None or delivery.parts > 1 or not (title := _title(message)):
        return text
    return Text(plain="") if _same(title, text.plain) or _is_link(text.plain, post.permalink) else text


def dressed(text: Text, message: Message, post: PostFacts, delivery: Delivery, user_of: UserOf) -> tuple[str, str]:
    """(plain, HTML) of a part's text with what belongs around it. The message is as it came, before anything hid its words."""
    title = _title(message) if delivery.part == 0 else ""
    plain, html = text.plain, text.html if text.html is not None else plain_to_html(text.plain)
    if delivery.part + 1 >= delivery.parts:
        seen = Text(plain="") if message.warning else Text(plain=plain, html=html)
        leads = (bool(title) and web(post.permalink) is not None) or _leads(seen, post.permalink)
        plain, html = _below(plain, html, _facts(seen, post, delivery, leads))
    if title:
        line = f"<strong>{anchor(post.permalink, escape(title, quote=False))}</strong>"
        plain, html = f"{title}\n{plain}".rstrip("\n"), _above(line, html)
    if delivery.part == 0 and post.boosted_by is not None:
        name, shown = called(post.boosted_by, user_of)
        plain, html = f"🔁 {name} boosted\n{plain}".rstrip("\n"), _above(f"<em>🔁 {shown} boosted</em>", html)
    return plain, html


def facts_of(post: PostFacts, delivery: Delivery) -> dict[str, Any]:
    """For programs. Only what is known and not too long to be true."""
    written = _written(post, delivery)
    known = {
        "uri": _short(post.uri),
        "permalink": web(post.permalink),
        "conversation": _short(post.conversation),
        "visibility": post.visibility.value,
        "tags": [strip_controls(tag) for tag in post.tags[:_MOST_TAGS] if len(tag) <= _LONGEST_TAG],
        "published": written and written.isoformat().replace("+00:00", "Z"),
        "title": _one_line(post.title or ""),
        "language": _short(post.language),
    }
    return {name: value for name, value in known.items() if value}


def is_quiet(message: Message, delivery: Delivery) -> bool:
    """Whether it is a post that was there before anybody looked: nobody's bell rings for it."""
    return message.post is not None and delivery.origin is Origin.HISTORY


def capped(text: str, most: int) -> str:
    """At most so many bytes, and "…" where something was left out."""
    return text if len(text) * 4 <= most or len(text.encode()) <= most else split_text(text, most, "bytes")[0] + "…"


def _one_line(title: str) -> str:
    return capped(one_line(strip_invisible(title[:_FIELD])), _TITLE_BYTES)


def _title(message: Message) -> str:
    """Empty where the text begins with it anyway, or is hidden and the title would tell it."""
    title = _one_line(message.post.title or "") if message.post is not None else ""
    said = message.text.plain
    if not title or (_same(title, said) and not message.warning):
        return title
    begins, told = _folded(title), _folded(said)
    bare = begins.rstrip("….").rstrip()
    if not told.startswith(bare):
        return title
    # the first words of the text, cut anywhere, or whole words of it
    return title if bare == begins and told[len(bare) : len(bare) + 1].isalnum() else ""


def _folded(text: str) -> str:
    return one_line(strip_invisible(text[:_FIELD])).casefold()


def _same(title: str, said: str) -> bool:
    return len(said) < _FIELD and _folded(title) == _folded(said)


def _is_link(said: str, permalink: str | None) -> bool:
    return bool(web(permalink)) and said.strip().rstrip("/") == (permalink or "").rstrip("/")


def _leads(text: Text, permalink: str | None) -> bool:
    """Whether the text has the permalink in it, and not only as the beginning of a longer address."""
    if web(permalink) is None or permalink is None:
        return False
    bare = permalink.rstrip("/")
    spellings = {(bare, text.plain), (escape(bare), text.html or ""), (escape(bare, quote=False), text.html or "")}
    return any(spelt in said and re.search(re.escape(spelt) + _NO_MORE, said) is not None for spelt, said in spellings)


def _facts(text: Text, post: PostFacts, delivery: Delivery, leads: bool) -> tuple[list[str], list[str]]:
    """The items of the line below, for plain text and as HTML. `leads`: the HTML has the permalink already."""
    plain: list[str] = []
    html: list[str] = []
    if (address := web(post.permalink)) is not None:
        if not _leads(Text(plain=text.plain), address):
            plain.append(address)
        if not leads:
            html.append(anchor(address, escape(_site(address), quote=False)))
    words = [_LOCKS[post.visibility]] if post.visibility in _LOCKS else []
    words += [f"via {capped(one_line(delivery.via), _LONGEST_TAG)}"] if delivery.via else []
    words += _times(post, delivery)
    return plain + words, html + [escape(word, quote=False) for word in words]


def _written(post: PostFacts, delivery: Delivery) -> datetime | None:
    """When; of what is passed on, its own time is not known."""
    return post.written_at or (None if post.boosted_by is not None else delivery.happened_at)


def _times(post: PostFacts, delivery: Delivery) -> list[str]:
    if post.claimed_at is not None:
        return [f"dated {_shown(post.claimed_at)}"]
    written = _written(post, delivery)
    return [_shown(written)] if written is not None and delivery.accepted_at - written > _LATE else []


def _shown(at: datetime) -> str:
    return f"{at.strftime('%Y-%m-%d %H:%M')} UTC"


def _site(address: str) -> str:
    """What a link to somewhere is called: its host, where that can be read without being fooled."""
    try:
        host = urlsplit(address).hostname or ""
    except ValueError:
        host = ""
    return host.removeprefix("www.") if host.isascii() and host else "link"


def _above(line: str, html: str) -> str:
    if not html:
        return line
    return f"<p>{line}</p>{html}" if _BEGINS.match(html) else f"{line}<br>{html}"


def _below(plain: str, html: str, facts: tuple[list[str], list[str]]) -> tuple[str, str]:
    words, marks = (" · ".join(items) for items in facts)
    if words:
        plain = f"{plain}\n— {words}" if plain else words
    if marks:
        line = f"<sub>{marks}</sub>"
        html = under(html, line)
    return plain, html


def under(html: str, line: str) -> str:
    """A line below what is there, and no empty one between them."""
    return html + line if not html or _ENDS.search(html[-30:]) else f"{html}<br>{line}"


def _short(fact: str | None) -> str | None:
    return strip_controls(fact) if fact and len(fact.encode(errors="replace")) <= _FIELD else None
