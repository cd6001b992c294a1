"""One message into as many wire messages as the destination's limits ask for."""

from msgspec.structs import replace

from bridge.contract.features import Features, Limits, Voice
from bridge.model.events import Attachment, Mention, Message, Text
from bridge.routing.fit.context import Fitting
from bridge.text.html import html_to_plain
from bridge.text.plain import CUT_SHORT
from bridge.text.split import size_of, split_text
from bridge.text.split_html import split_html

_LEAST = 16
"""Units of text that a part has at least, whatever the prefix: more than the longest character."""


def in_parts(message: Message, fitting: Fitting) -> tuple[tuple[Message, ...], str | None]:
    """The parts, never more than the limit allows, and words for the author where some of it could not be kept."""
    limits = fitting.features.limits
    if _is_small(message, fitting):
        return (message,), None
    message = _unmistakable(message, fitting)
    split = fitting.split or (split_for_room if fitting.leg.link is None else split_message)
    messages = split(message, fitting.voice, fitting.features)
    texts = tuple(one for one in messages if not one.attachments)
    if limits.parts is None or len(texts) <= limits.parts:
        return messages, None
    kept, sorry = shortened(texts, fitting, limits.parts)
    return kept + tuple(one for one in messages if one.attachments), sorry


def split_message(message: Message, voice: Voice, features: Features) -> tuple[Message, ...]:
    """The split for destinations that bring none: text by the limits, then every attachment in a message of its own.

    What belongs to the message as a whole stays with the first; HTML is kept only where nothing has to be cut.
    """
    texts = _texts(message.text.plain, voice, features.limits)
    bare = _whole(message, texts[0])
    attachments = [_more(message, Text(plain=""), attachment) for attachment in message.attachments]
    if not message.text.plain.strip() and attachments:
        return (replace(message, attachments=message.attachments[:1]), *attachments[1:])
    return (bare, *(_more(message, Text(plain=text)) for text in texts[1:]), *attachments)


def split_for_room(message: Message, voice: Voice, features: Features) -> tuple[Message, ...]:
    """The hub's split: formatting is carried over a cut; attachments stay with the last of the text, which may be their caption.

    What a post is, and that it is hidden, holds for every part of it; a name rings once.
    """
    texts = _rich_texts(message.text, voice, features.limits)
    if len(texts) == 1:
        return (message if texts[0] is message.text else replace(message, text=texts[0]),)
    first, *more = texts
    parts = [replace(message, text=first, attachments=(), mentions=_named_in(first, message.mentions))]
    for text in more:
        named = tuple(one for one in _named_in(text, message.mentions) if all(one not in part.mentions for part in parts))
        parts.append(replace(_more(message, text), mentions=named, warning=message.warning, post=message.post))
    parts[-1] = replace(parts[-1], attachments=message.attachments)
    return tuple(parts)


def _rich_texts(text: Text, voice: Voice, limits: Limits) -> tuple[Text, ...]:
    """HTML has half as much room again as the plain text beside it."""
    if limits.text is None:
        return (text,)
    most = limits.text * 3 // 2
    if text.html is None:
        return tuple(Text(plain=plain) for plain in _texts(text.plain, voice, limits))
    if size_of(text.plain, limits.unit) <= limits.text and size_of(text.html, limits.unit) <= most:
        return (text,)
    return tuple(Text(plain=plain, html=html) for plain, html in split_html(text.html, most, limits.text))


def _named_in(text: Text, mentions: tuple[Mention, ...]) -> tuple[Mention, ...]:
    return tuple(mention for mention in mentions if mention.text in text.plain)


def _is_small(message: Message, fitting: Fitting) -> bool:
    """Surely one part. An adapter's own split may leave room for marks that only it knows: it is asked for all but short ones."""
    plain, limits, voice = message.text.plain, fitting.features.limits, fitting.voice
    if limits.text is None or message.text.html is not None or message.attachments:
        return False
    if limits.lines is not None and "\n" in plain:
        return False
    length = len(plain) + len(voice.prefix)
    if length * 4 <= limits.text:
        return True
    return fitting.split is None and length <= limits.text and size_of(voice.prefix + plain, limits.unit) <= limits.text


def _unmistakable(message: Message, fitting: Fitting) -> Message:
    """Where one message holds many lines behind one prefix, no later line may look as if it began with a prefix of its own."""
    mark = fitting.voice.prefix[:1]
    if not mark or fitting.features.limits.lines == 1:
        return message
    text = message.text
    for said in (text.plain, text.plain if text.html is None else html_to_plain(text.html)):
        if f"\n{mark}" in said:
            return replace(message, text=Text(plain=said.replace(f"\n{mark}", f"\n· {mark}")))
    return message


def _whole(message: Message, text: str) -> Message:
    """The message with the first of its text, and its HTML only where that is all of it."""
    if text == message.text.plain:
        return replace(message, attachments=()) if message.attachments else message
    return replace(message, text=Text(plain=text), attachments=())


def _more(message: Message, text: Text, *attachments: Attachment) -> Message:
    return Message(text=text, style=message.style, thread=message.thread, attachments=attachments)


def _texts(plain: str, voice: Voice, limits: Limits) -> tuple[str, ...]:
    room = None if limits.text is None else max(_LEAST, limits.text - size_of(voice.prefix, limits.unit))
    lines = plain.split("\n")
    if limits.lines is None or len(lines) <= limits.lines:
        groups = [plain]
    else:
        lines = [line for line in lines if line.strip()]
        groups = ["\n".join(lines[at : at + limits.lines]) for at in range(0, len(lines), max(1, limits.lines))] or [""]
    if room is None:
        return tuple(groups)
    return tuple(
        piece
        for group in groups
        for piece in ((group,) if size_of(group, limits.unit) <= room else split_text(group, room, limits.unit))
    )


def shortened(messages: tuple[Message, ...], fitting: Fitting, most: int) -> tuple[tuple[Message, ...], str | None]:
    """At most so many, with a link to the whole; words for the author where there is no such link."""
    link = fitting.context.page_for(fitting.event)
    note = f"… (continued: {link})" if link else CUT_SHORT
    sorry = None if link else fitting.sorry("the end of so long a message")
    if most > 1:
        return (*messages[: most - 1], _more(messages[0], Text(plain=note))), sorry
    limits = fitting.features.limits
    plain = messages[0].text.plain
    if limits.text is not None:
        room = limits.text - size_of(f"{fitting.voice.prefix} {note}", limits.unit)
        plain = split_text(plain, max(_LEAST, room), limits.unit)[0]
    return (replace(messages[0], text=Text(plain=f"{plain} {note}")),), sorry
