"""What `m.room.message`, `m.sticker` and polls say.

The rich text is sanitized and the plain text made from it, so that both always mean the same: a sender who writes one
thing for people with pictures and another for people without is heard the same by all.
"""

import re
from collections.abc import Callable, Mapping
from html import unescape
from urllib.parse import unquote

from bridge.matrix.convert.fields import (
    ConvertError,
    Raw,
    event_id,
    flag,
    items,
    maybe_count,
    maybe_text,
    mxc,
    obj,
    text,
    texts,
)
from bridge.model.events import (
    Attachment,
    Edit,
    Location,
    Media,
    Mention,
    Message,
    Poll,
    PollOption,
    Ref,
    Style,
    Text,
)
from bridge.model.ids import HUB, EventKey
from bridge.model.people import Identity
from bridge.text.html import html_to_plain, sanitize
from bridge.text.tags import is_dense

IdentityOf = Callable[[str], Identity]

_MEDIA = {"m.image": Media.IMAGE, "m.video": Media.VIDEO, "m.audio": Media.AUDIO, "m.file": Media.FILE}
_STYLES = {"m.emote": Style.EMOTE, "m.notice": Style.NOTICE}
_SILENT = frozenset({"m.key.verification.request"})
"""Between two devices, not between people."""

_PLAIN_FALLBACK = re.compile(r"> (?:\* )?<@[^>\n]{1,255}>[^\n]*\n(?:>[^\n]*\n)*\n?")
_PILL = re.compile(
    r"""<a\b[^>]{0,64}?\bhref=["']https://matrix\.to/#/(@|%40)([^"'?]{1,400})[^>]{0,200}>([^<]{1,200})</a>""", re.I
)
_SPOILER = re.compile(r"""\s*<span data-mx-spoiler=["']([^"'<>]{1,200})["']>((?:(?!</?span).)*)</span>\s*""", re.S)
_GEO = re.compile(r"geo:(-?\d{1,3}(?:\.\d{1,20})?),(-?\d{1,3}(?:\.\d{1,20})?)(?:,[-\d.]{1,20})?(?:;.{0,200})?", re.S)
_MOST_MENTIONS = 50
_MOST_OPTIONS = 20


def edit_or_message(content: Raw, identity_of: IdentityOf) -> Edit | Message | None:
    """MSC2676: a replacement carries the whole new content; the outer body is a fallback for those who cannot edit."""
    relation = obj(content, "m.relates_to")
    if maybe_text(relation, "rel_type") == "m.replace":
        target, new = event_id(relation, "event_id"), content.get("m.new_content")
        if not isinstance(new, dict):
            raise ConvertError("m.new_content is not an object")
        message = _message(new, {}, identity_of)
        return None if message is None else Edit(target=_ref(target), message=message)
    return _message(content, relation, identity_of)


def sticker(content: Raw) -> Message:
    reply_to, thread, follows = _relations(obj(content, "m.relates_to"))
    name = text(content, "body")
    picture = _attachment(content, Media.STICKER, name or "sticker", name or None)
    return Message(text=Text(plain=""), attachments=(picture,), reply_to=reply_to, thread=thread, follows=follows)


def poll(content: Raw, identity_of: IdentityOf) -> Message:
    """MSC3381, by its stable and its unstable names. Answers are not carried: no network could count them with ours."""
    start = obj(content, "m.poll.start") or obj(content, "m.poll") or obj(content, "org.matrix.msc3381.poll.start")
    question = _extensible(obj(start, "question"), "question")
    answers = items(start, "answers")[:_MOST_OPTIONS]
    if not answers or not all(isinstance(answer, dict) for answer in answers):
        raise ConvertError("answers is no list of objects")
    options = tuple(PollOption(text=_extensible(answer, "answer")) for answer in answers)
    reply_to, thread, follows = _relations(obj(content, "m.relates_to"))
    return Message(
        text=Text(plain=question),
        poll=Poll(question=question, options=options, multiple=(maybe_count(start, "max_selections") or 1) > 1),
        reply_to=reply_to,
        thread=thread,
        follows=follows,
        mentions=_mentions(content, question, "", identity_of),
    )


def _ref(native: str) -> Ref:
    return Ref(key=EventKey(HUB, native))


def _message(content: Raw, relation: Raw, identity_of: IdentityOf) -> Message | None:
    kind = text(content, "msgtype")
    if kind in _SILENT:
        return None
    reply_to, thread, follows = _relations(relation)
    body, html = text(content, "body"), _html(content)
    if reply_to is not None or thread is not None:
        body, html = _without_fallback(body, html)
    attachments: tuple[Attachment, ...] = ()
    warning = None
    if kind in _MEDIA:
        warning = _media_warning(content)
        attachments, captioned = _file(content, kind, body)
        if not captioned:
            body, html = "", None
    elif html is not None and (spoiler := _SPOILER.fullmatch(html)):
        warning, html = unescape(spoiler[1]), spoiler[2]
    mentions = _mentions(content, body, html or "", identity_of)
    if html is not None:
        html = sanitize(html)
        body = html_to_plain(html)
    return Message(
        text=Text(plain=body, html=html),
        style=_STYLES.get(kind, Style.SAY),
        attachments=attachments,
        reply_to=reply_to,
        thread=thread,
        follows=follows,
        mentions=tuple(mention for mention in mentions if mention.text in body) if mentions else (),
        warning=warning,
        location=_location(content) if kind == "m.location" else None,
    )


def _html(content: Raw) -> str | None:
    if maybe_text(content, "format") != "org.matrix.custom.html":
        return None
    html = maybe_text(content, "formatted_body") or None
    return None if html is not None and is_dense(html) else html


def answered(content: Raw) -> str | None:
    """The id of the event that a message answers; None where it answers none, or nobody can read which."""
    try:
        reply_to, _, _ = _relations(obj(content, "m.relates_to"))
    except ConvertError:
        return None
    return None if reply_to is None else reply_to.key.id


def _relations(relation: Raw) -> tuple[Ref | None, Ref | None, Ref | None]:
    """Reply, thread root, and what it follows: in a thread, an answer marked `is_falling_back` is for clients without threads."""
    reply_to = thread = follows = None
    if maybe_text(relation, "rel_type") == "m.thread":
        thread = _ref(event_id(relation, "event_id"))
    answered = obj(relation, "m.in_reply_to")
    if answered and thread is not None and flag(relation, "is_falling_back"):
        follows = _ref(event_id(answered, "event_id"))
    elif answered:
        reply_to = _ref(event_id(answered, "event_id"))
    return reply_to, thread, follows


def _without_fallback(body: str, html: str | None) -> tuple[str, str | None]:
    """Older clients quote what they answer in the text itself; MSC2781 took that out of the spec. Only what surely is such
    a quotation goes: somebody may well begin with a quotation of their own."""
    fallback = _PLAIN_FALLBACK.match(body)
    if fallback:
        body = body[fallback.end() :]
    if html is not None and html[:10].lower() == "<mx-reply>":
        end = html.lower().find("</mx-reply>")
        html = html[end + 11 :] if end >= 0 else None
    return body, html or None


def _file(content: Raw, kind: str, body: str) -> tuple[tuple[Attachment, ...], bool]:
    """The file and whether the body is a caption: MSC2530, it is where a file name stands beside it and differs."""
    filename = maybe_text(content, "filename")
    captioned = filename is not None and filename != body
    media = _MEDIA[kind]
    if media is Media.AUDIO and (content.get("org.matrix.msc3245.voice") is not None or content.get("m.voice") is not None):
        media = Media.VOICE
    return (_attachment(content, media, filename or body or "file", None),), captioned


def _attachment(content: Raw, media: Media, name: str, alt: str | None) -> Attachment:
    if content.get("url") is None and content.get("file") is not None:
        raise ConvertError("the attachment is encrypted")
    info = obj(content, "info")
    return Attachment(
        source=mxc(content, "url"),
        name=name,
        media=media,
        type=maybe_text(info, "mimetype") or "application/octet-stream",
        size=maybe_count(info, "size"),
        alt=alt,
        width=maybe_count(info, "w"),
        height=maybe_count(info, "h"),
        duration=maybe_count(info, "duration"),
    )


def _media_warning(content: Raw) -> str | None:
    """MSC4193."""
    for prefix in ("m.content_warning.spoiler", "page.codeberg.everypizza.msc4193.spoiler"):
        if content.get(prefix) is True:
            return maybe_text(content, f"{prefix}.reason") or "spoiler"
    return None


def _location(content: Raw) -> Location:
    position = obj(content, "m.location") or obj(content, "org.matrix.msc3488.location")
    match = _GEO.fullmatch(maybe_text(content, "geo_uri") or maybe_text(position, "uri") or "")
    if match is None:
        raise ConvertError("geo_uri is no geo address (RFC 5870)")
    latitude, longitude = float(match[1]), float(match[2])
    if not (-90 <= latitude <= 90 and -180 <= longitude <= 180):
        raise ConvertError("geo_uri is no place on earth")
    return Location(latitude=latitude, longitude=longitude, name=maybe_text(position, "description") or None)


def _extensible(content: Raw, name: str) -> str:
    """MSC1767 text, in the three spellings that are about."""
    for field in ("org.matrix.msc1767.text", "body"):
        if content.get(field) is not None:
            return text(content, field)
    parts = content.get("m.text")
    if isinstance(parts, list):
        for part in parts:
            if isinstance(part, dict) and part.get("mimetype", "text/plain") == "text/plain":
                return text(part, "body")
    raise ConvertError(f"{name} has no text")


def _mentions(content: Raw, body: str, html: str, identity_of: IdentityOf) -> tuple[Mention, ...]:
    """`m.mentions` says who is meant, the pills or the name in the text say how they are written there. Without
    `m.mentions` (older clients) the pills alone say who."""
    declared = content.get("m.mentions")
    if declared is None and not html:
        return ()
    pills: Mapping[str, str] = {}
    if "matrix.to/#/" in html:
        pills = {"@" + unquote(match[2]): unescape(match[3]) for match in _PILL.finditer(html)}
    users = list(pills) if declared is None else texts(items(obj(content, "m.mentions"), "user_ids"), "user_ids")
    found = []
    for user in dict.fromkeys(users[:_MOST_MENTIONS]):
        who = identity_of(user)
        spelling = pills.get(user) or next(
            (name for name in (who.name, user, user[1:].partition(":")[0]) if name and name in body), None
        )
        if spelling:
            found.append(Mention(who=who, text=spelling))
    return tuple(found)
