"""Posts as entries of a feed. Pure.

What everybody may read is in a feed, and nothing else: a post that its network called public, that answers nothing confined, and
whose author is somebody of a network. What a Matrix user posted stands under the account that posted it; who else is in the room,
and what is only said there, no feed tells.
"""

import re
import uuid
from collections.abc import Callable
from datetime import UTC, datetime
from html import escape
from urllib.parse import urlsplit

import msgspec
from msgspec import Struct

from bridge.model.events import Attachment, Boost, Edit, Event, Media, Message, PostFacts, Visibility, message_of
from bridge.model.ids import HUB, EventKey
from bridge.model.people import Identity
from bridge.text.escape import strip_controls
from bridge.text.html import plain_to_html
from bridge.text.plain import excerpt, one_line
from bridge.text.web import for_the_web

TITLE_GRAPHEMES = 80
_NAMESPACE = uuid.UUID("0c4d4c3e-6a0c-5d0e-9a53-6f1c8f1d7d11")
_IRI = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:[^\s<>\"{}|\\^`\x00-\x20]+")
_LONGEST_IRI = 2048

LinkFor = Callable[[Attachment, Event], str | None]
"""An address of an attachment that everybody can open."""


class Writer(Struct, frozen=True, kw_only=True):
    """Who is named as the author. `name` is never empty."""

    name: str
    url: str | None = None
    picture: str | None = None


class File(Struct, frozen=True, kw_only=True):
    url: str
    type: str
    name: str
    media: Media
    size: int | None = None
    alt: str | None = None
    seconds: float | None = None


class Answered(Struct, frozen=True, kw_only=True):
    """What an entry answers."""

    id: str
    link: str | None = None


class Item(Struct, frozen=True, kw_only=True):
    """One entry. Every text is free of what XML can't hold; `html` is safe, and holds no address of Matrix."""

    id: str
    title: str
    html: str
    writer: Writer
    published: datetime
    updated: datetime
    link: str | None = None
    titled: bool = False
    """The title is its author's, not ours."""
    warning: str | None = None
    sensitive: bool = False
    tags: tuple[str, ...] = ()
    language: str | None = None
    answers: Answered | None = None
    files: tuple[File, ...] = ()
    boosted: "Item | None" = None
    """The entry is somebody's passing on of this one."""


class Posted(Struct, frozen=True, kw_only=True):
    """What a room shows. `edit`: the newest change of it. `answered`: what it answers, where that is known."""

    event: Event
    edit: Event | None = None
    answered: Event | None = None
    account: Identity | None = None
    """Of what a Matrix user wrote: who posted it."""
    ids: tuple[str, ...] = ()
    """And what it is called there."""


def is_open(event: Event) -> bool:
    """Whether everybody may read it, as far as it says itself."""
    message = message_of(event.body)
    return message is not None and message.post is not None and message.post.visibility is Visibility.PUBLIC


def item_of(posted: Posted, link_for: LinkFor) -> Item | None:
    """None for what says nothing that a feed could tell."""
    event, body = posted.event, posted.event.body
    if isinstance(body, Boost):
        return _boost(event, body, link_for)
    if not isinstance(body, Message):
        return None
    carrier, message = event, body
    if posted.edit is not None and isinstance(posted.edit.body, Edit):
        carrier, message = posted.edit, posted.edit.body.message
    facts = message.post or body.post or PostFacts()
    author = posted.account or event.author
    id = _first_id(posted.ids) or _named(facts, event.key)
    updated = max(event.happened_at, carrier.happened_at)
    return _item(
        message, facts, id, author, (event.happened_at, updated), carrier, link_for, answers=_answers(posted), own_ids=posted.ids
    )


def _boost(event: Event, boost: Boost, link_for: LinkFor) -> Item | None:
    original, author = boost.original, boost.target.author
    if original is None or author is None or author.id.network == HUB or event.author.id.network == HUB:
        return None
    facts = original.post or PostFacts()
    at = facts.claimed_at or facts.written_at or event.happened_at
    inner = _item(original, facts, _named(facts, boost.target.key), author, (at, at), event, link_for)
    id = event.key.id if is_iri(event.key.id) else _made(event.key)
    comment = "" if boost.comment is None else for_the_web(boost.comment.html or plain_to_html(boost.comment.plain))
    who = _writer(event.author)
    name, whose = escape(who.name, quote=False), escape(inner.writer.name, quote=False)
    line = f'<a href="{escape(inner.link)}">{whose}</a>' if inner.link else whose
    return msgspec.structs.replace(
        inner,
        id=id,
        title=f"🔁 {who.name}: {inner.writer.name}: {inner.title}",
        titled=False,
        html=f"{comment}<p>🔁 {name}: {line}</p><blockquote>{inner.html}</blockquote>",
        writer=who,
        published=event.happened_at,
        updated=event.happened_at,
        boosted=inner,
    )


def _item(
    message: Message,
    facts: PostFacts,
    id: str,
    author: Identity,
    times: tuple[datetime, datetime],
    carrier: Event,
    link_for: LinkFor,
    *,
    answers: Answered | None = None,
    own_ids: tuple[str, ...] = (),
) -> Item:
    warning = one_line(message.warning)[:500] if message.warning else None
    html = for_the_web(message.text.html) if message.text.html is not None else plain_to_html(message.text.plain)
    title = one_line(facts.title) if facts.title else ""
    words = (
        warning or excerpt(message.text.plain, TITLE_GRAPHEMES) or (message.attachments[0].name if message.attachments else "")
    )
    return Item(
        id=id,
        title=title or one_line(words) or "…",
        titled=bool(title),
        html=html,
        writer=_writer(author),
        published=times[0],
        updated=times[1],
        link=web(facts.permalink) or next((one for one in own_ids if web(one)), None),
        warning=warning,
        sensitive=any(one.sensitive for one in message.attachments),
        tags=tuple(dict.fromkeys(tag for one in facts.tags if (tag := one_line(one).lstrip("#")[:200]))),
        language=facts.language
        if facts.language and re.fullmatch(r"[A-Za-z]{2,8}(-[A-Za-z0-9]{1,8}){0,3}", facts.language)
        else None,
        answers=answers,
        files=tuple(file for one in message.attachments if (file := _file(one, link_for(one, carrier))) is not None),
    )


def _answers(posted: Posted) -> Answered | None:
    body = posted.event.body
    if not isinstance(body, Message) or body.reply_to is None:
        return None
    answered = posted.answered
    if answered is not None and answered.key.network == HUB:
        return None
    facts = answered.body.post if answered is not None and isinstance(answered.body, Message) else None
    key = body.reply_to.key if answered is None else answered.key
    id = _named(facts or PostFacts(), key)
    return None if key.network == HUB else Answered(id=id, link=web(facts.permalink) if facts is not None else None)


def _writer(who: Identity) -> Writer:
    name = one_line(who.profile.name or "")[:200] or one_line(who.id.id)[:200]
    return Writer(name=name or "?", url=web(who.profile.url), picture=web(who.profile.avatar))


def _file(attachment: Attachment, url: str | None) -> File | None:
    where = web(url)
    if where is None:
        return None
    return File(
        url=where,
        type=attachment.type
        if re.fullmatch(r"[\w.+-]{1,100}/[\w.+-]{1,100}", attachment.type, re.A)
        else "application/octet-stream",
        name=one_line(attachment.name)[:200],
        media=attachment.media,
        size=attachment.size,
        alt=one_line(attachment.alt)[:2000] if attachment.alt else None,
        seconds=attachment.duration / 1000 if attachment.duration is not None else None,
    )


def _first_id(ids: tuple[str, ...]) -> str | None:
    return next((one for one in ids if is_iri(one)), None)


def _named(facts: PostFacts, key: EventKey) -> str:
    """What its origin calls it everywhere, else its permalink, else a name of ours that tells nothing and stays."""
    for known in (facts.uri, key.id, facts.permalink):
        if known and is_iri(known):
            return known
    return _made(key)


def _made(key: EventKey) -> str:
    return made_id(str(key))


def made_id(words: str) -> str:
    """The same for the same words, always."""
    return f"urn:uuid:{uuid.uuid5(_NAMESPACE, words.encode('utf-8', 'replace').decode())}"


def is_iri(text: str) -> bool:
    """Whether it may stand as an entry's id: absolute, without anything that has no place in one."""
    return len(text) <= _LONGEST_IRI and _IRI.fullmatch(text) is not None and strip_controls(text) == text


def web(address: str | None) -> str | None:
    """An http(s) address, or None."""
    if not address or not is_iri(address):
        return None
    try:
        parts = urlsplit(address)
        return address if parts.scheme in ("http", "https") and parts.hostname and not parts.username else None
    except ValueError:
        return None


def moment(time: datetime) -> str:
    """RFC 3339, in UTC, to the second."""
    return time.astimezone(UTC).replace(microsecond=0, tzinfo=None).isoformat() + "Z"
