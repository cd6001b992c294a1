"""Which posts are one post, though they come by other names. Pure.

A post is known again by its global id, by where people read it, and, where both authors are one declared human, by its words.
None of these is believed alone: anybody can write any id and any link into a feed. A claim counts where both say the same words,
and the first one was nobody's copy; or where both authors have the same address and speak for themselves. So a hostile feed can
neither make another's post disappear behind its own, nor put its words into another's mouth: whatever is in doubt stands alone.
"""

import hashlib
import re
from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from functools import lru_cache
from unicodedata import category, normalize
from urllib.parse import urlsplit

import regex  # type: ignore[import-untyped]
from msgspec import Struct

from bridge.contract.plan import Lookup, Mark, MarkKind, Same
from bridge.model.events import Boost, Event, Message, PostFacts, Visibility
from bridge.model.ids import HUB, ChannelId, EventKey, IdentityId, NetworkName

WORDS_LEAST = 40
"""Weight of a text's beginning by which it is known: so many letters, a third of that in Chinese."""
_CONTAINED_LEAST = 12
"""Weight of a text that counts as the same where another contains it: less may stand anywhere."""
_TEXT_CAP = 4000
"""Code points of a text that are compared."""
_LINK_CAP = 2048
_REASONS = {
    MarkKind.URI: "it bears the same global id",
    MarkKind.LINK: "it has the same page",
    MarkKind.WORDS: "the same human said the same",
}

_URL = re.compile(r"https?://\S+", re.IGNORECASE)
_NOISE = regex.compile(r"[^\p{L}\p{M}\p{N}]+")
_ADDRESS = re.compile(r"[^\s@/#]+@(?P<host>[^\s@/#]+)")
_TAG_URI = re.compile(r"tag:(?:[^@,:/\s]+@)?(?P<host>[^@,:/\s]+)(?::\d+)?,")
_HAN = regex.compile(r"\p{Han}")
_SYLLABLE = regex.compile(r"[\p{Hiragana}\p{Katakana}\p{Hangul}]")


class Post(Struct, frozen=True, kw_only=True):
    """What is compared."""

    key: EventKey
    channel: ChannelId
    author: IdentityId | None
    told: bool
    """Somebody else passed it on: who wrote it is his word."""
    words: str
    at: datetime
    names: tuple[tuple[Mark, str], ...]
    """Marks with the hosts that their names belong to."""


class Recognised(Struct, frozen=True, kw_only=True):
    same: Same | None = None
    marks: tuple[Mark, ...] = ()


def recognise(event: Event, lookup: Lookup, window: timedelta, written: Iterable[NetworkName] = ()) -> Recognised:
    """What a new event is, if it was there before, and by what it is known from now on. Chats cost a look at a field.

    Within `window` two posts of one human with the same words are one. `written` are the networks on which posts are written from
    here: their global ids name what was written, before any post of theirs came back.
    """
    post = post_of(event)
    conversation = _conversation(event)
    if post is None:
        return Recognised(marks=conversation)
    person = None if post.author is None else lookup.person(post.author)
    marks = tuple(mark for mark, _ in post.names)
    known = words_mark(post, person) if person is not None and window else None
    marks += () if known is None else (known,)
    same = _found(post, marks, person, lookup, window) or _our_own(event, post, lookup, written)
    return Recognised(same=same, marks=marks + conversation)


def _our_own(event: Event, post: Post, lookup: Lookup, written: Iterable[NetworkName]) -> Same | None:
    """What somebody wrote here, which comes back by another way than it went."""
    if post.told or not isinstance(event.body, Message) or event.body.post is None or not event.body.post.uri:
        return None
    for network in written:
        root = None if network == event.key.network else lookup.root(EventKey(network, event.body.post.uri))
        known = None if root is None else lookup.event(root)
        if known is None or known.key.network != HUB or not isinstance(known.body, Message):
            continue
        if agree(post.words, normalised(known.body.text.plain)) and not lookup.parted(post.key, known.key):
            return Same(event=known.key, reason=_REASONS[MarkKind.URI])
    return None


def _found(post: Post, marks: tuple[Mark, ...], person: IdentityId | None, lookup: Lookup, window: timedelta) -> Same | None:
    for mark in marks:
        for key in lookup.marked(mark):
            event = None if key == post.key else lookup.event(key)
            other = None if event is None else post_of(event)
            if other is None or other.author is None:
                continue
            one_person = person is not None and person == lookup.person(other.author)
            if is_same(post, other, mark, one_person=one_person, window=window) and not lookup.parted(post.key, key):
                return Same(event=key, reason=_REASONS[mark.kind])
    return None


def is_same(new: Post, old: Post, mark: Mark, *, one_person: bool, window: timedelta) -> bool:
    """Whether a post that bears a mark of an older one is that one."""
    alike = agree(new.words, old.words)
    if mark.kind is MarkKind.WORDS:
        return one_person and alike and new.author != old.author and abs(new.at - old.at) <= window
    if mark.kind is MarkKind.LINK and new.channel == old.channel and not (new.told or old.told):
        return False  # a feed tells its own entries apart: many have one page, and the same few words every day
    if new.key.network != old.key.network and (one_person or same_address(new.author, old.author)):
        # what others say that somebody said is theirs to answer for: to the last word, or it is not believed
        return new.words == old.words if new.told or old.told else True
    return alike and (_speaks_for_itself(old, mark) or not _speaks_for_itself(new, mark))


def post_of(event: Event) -> Post | None:
    """None for what is no post, or not for everybody: that is never compared with anything."""
    body = event.body
    author: IdentityId | None = event.author.id
    if isinstance(body, Message):
        message, uri, told = body, event.key.id, False
    elif isinstance(body, Boost) and body.original is not None and body.comment is None:
        message, uri, told = body.original, body.target.key.id, True
        author = None if body.target.author is None else body.target.author.id
    else:
        return None
    facts = message.post
    if facts is None or facts.visibility is not Visibility.PUBLIC:
        return None
    names = tuple(_names(facts.uri or uri, facts))
    return Post(
        key=event.key,
        channel=event.channel,
        author=author,
        told=told,
        words=normalised(_said(message)),
        at=event.happened_at,
        names=names,
    )


def _names(uri: str, facts: PostFacts) -> Iterator[tuple[Mark, str]]:
    name = canonical_uri(uri)
    if name is not None:
        yield Mark(MarkKind.URI, _digest("name", name)), _host_of(name)
    page = None if facts.permalink is None else canonical_link(facts.permalink)
    if page is not None and page != name:
        yield Mark(MarkKind.LINK, _digest("name", page)), _host_of(page)


def words_mark(post: Post, person: IdentityId) -> Mark | None:
    """By how it begins, for one human; None for a text too short to tell posts apart."""
    weight = 0
    for at, char in enumerate(post.words):
        weight += _weight(char)
        if weight >= WORDS_LEAST:
            return Mark(MarkKind.WORDS, _digest("words", person.network, person.id, post.words[: at + 1]))
    return None


def conversation_mark(conversation: str) -> Mark:
    return Mark(MarkKind.CONVERSATION, _digest("conversation", conversation))


def boost_mark(*of: str) -> Mark:
    """What `boosts` keeps in mind of a post that was passed on."""
    return Mark(MarkKind.BOOSTED, _digest("boosted", *of))


def _conversation(event: Event) -> tuple[Mark, ...]:
    body = event.body
    if not isinstance(body, Message) or body.post is None or not body.post.conversation:
        return ()
    return (conversation_mark(body.post.conversation),)


def agree(one: str, other: str) -> bool:
    """Whether two normalised texts say the same: equal, or one stands in the other, from the start of a word."""
    if one == other:
        return bool(one)
    short, long = sorted((one, other), key=len)
    return f" {short}" in f" {long}" and sum(map(_weight, short)) >= _CONTAINED_LEAST


@lru_cache(maxsize=512)
def normalised(text: str) -> str:
    """Letters and digits alone, without case, addresses, punctuation or presentation forms."""
    text = normalize("NFKC", _URL.sub(" ", text[:_TEXT_CAP])).casefold()
    cleaned: str = _NOISE.sub(" ", text)
    return cleaned.strip()


def canonical_uri(uri: str) -> str | None:
    """A global id, so that an address is the same in either scheme; None for an id that means nothing elsewhere."""
    if uri.startswith(("http://", "https://")) and "#" not in uri:
        return canonical_link(uri)
    return uri if ":" in uri and not uri[0].isdigit() and len(uri) <= _LINK_CAP and _is_global(uri) else None


def canonical_link(url: str) -> str | None:
    """A page's address without what doesn't matter: scheme, `www.`, fragment, campaign marks, a slash at the end.

    None for what is no page of its own (the front of a site) or no address.
    """
    if len(url) > _LINK_CAP:
        return None
    try:
        parts = urlsplit(url.strip())
        host, port = parts.hostname, parts.port
    except ValueError:
        return None
    if parts.scheme not in ("http", "https") or not host:
        return None
    path = parts.path.rstrip("/")
    query = "&".join(field for field in parts.query.split("&") if field and not field.lower().startswith("utm_"))
    if not (path or query):
        return None
    place = host.removeprefix("www.") + ("" if port in (None, 80, 443) else f":{port}")
    return f"//{place}{path}" + (f"?{query}" if query else "")


def _is_global(uri: str) -> bool:
    return "://" in uri or uri.startswith(("tag:", "urn:", "at:"))


def _said(message: Message) -> str:
    title = (message.post.title if message.post is not None else None) or ""
    plain = message.text.plain
    return plain if title in plain else f"{title}\n{plain}"


def _weight(char: str) -> int:
    """How much of a word a character is."""
    if char.isascii():
        return int(char != " ")
    if _HAN.match(char):
        return 3
    if _SYLLABLE.match(char):
        return 2
    return int(not category(char).startswith("M"))


def same_address(one: IdentityId | None, other: IdentityId | None) -> bool:
    """`nick@host` means the same on every network that speaks of posts."""
    return one is not None and other is not None and one.id == other.id and _ADDRESS.fullmatch(one.id) is not None


def _speaks_for_itself(post: Post, mark: Mark) -> bool:
    """Whether its author is at home where its name belongs."""
    if post.told or post.author is None:
        return False
    home = _ADDRESS.fullmatch(post.author.id)
    host = home["host"] if home is not None else _host_of(post.author.id)
    host = host.lower().removeprefix("www.")
    return bool(host) and any(
        place == host or place.endswith(f".{host}") for known, place in post.names if known.value == mark.value
    )


def _host_of(name: str) -> str:
    """The host that a name belongs to; empty where it names none."""
    tag = _TAG_URI.match(name)
    if tag is not None:
        return tag["host"].lower()
    try:
        return (urlsplit(name).hostname or "").removeprefix("www.")
    except ValueError:
        return ""


def _digest(*parts: str) -> str:
    named = "\0".join(parts)
    return hashlib.blake2b(named.encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()
