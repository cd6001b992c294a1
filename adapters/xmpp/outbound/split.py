"""Cuts one message into what servers take: a stanza over their limit ends the whole stream, so its escapes are counted.

Files go in messages of their own: clients show a picture only where a message is nothing else.
"""

from collections.abc import Iterator

from msgspec.structs import replace

from adapters.xmpp.stanza.clean import BODY_CAP, size_in_xml
from adapters.xmpp.stanza.styled import from_html
from bridge.contract.features import Features, Unit, Voice
from bridge.model.events import Attachment, Message, Text
from bridge.text.split import split_text
from bridge.text.split_html import split_html

SMALLEST = 256
"""Below this no limit is believed."""


def split(message: Message, voice: Voice, features: Features) -> tuple[Message, ...]:
    """`Limits.text` is in bytes of the stanza. Never none; what belongs to the message as a whole stays with its first part."""
    limit = features.limits.text
    room = BODY_CAP if limit is None else max(min(limit, BODY_CAP) - size_in_xml(voice.prefix), SMALLEST)
    texts = tuple(_texts(message.text, room))
    files = message.attachments
    if len(texts) == 1 and (not files or (len(files) == 1 and not message.text.plain.strip())):
        return (message,)
    if not message.text.plain.strip():
        return (replace(message, attachments=files[:1]), *(_more(message, Text(plain=""), one) for one in files[1:]))
    first, *more = texts
    rest = (*(_more(message, text) for text in more), *(_more(message, Text(plain=""), one) for one in files))
    named = tuple(mention for mention in message.mentions if mention.text in first.plain)
    return (replace(message, text=first, attachments=(), mentions=named), *rest)


def _more(message: Message, text: Text, *files: Attachment) -> Message:
    named = tuple(mention for mention in message.mentions if mention.text in text.plain)
    return Message(
        text=text, style=message.style, thread=message.thread, attachments=files, mentions=named, warning=message.warning
    )


def _texts(text: Text, room: int) -> Iterator[Text]:
    if text.html is None:
        yield from ([text] if size_in_xml(text.plain) <= room else (Text(plain=part) for part in _pieces(text.plain, room)))
    elif size_in_xml(from_html(text.html)) <= room:
        yield text
    else:
        yield from _rich(text.html, room, room)


def _rich(html: str, room: int, most: int) -> Iterator[Text]:
    for plain, piece in split_html(html, most, most):
        if piece is None:
            yield from (Text(plain=part) for part in _pieces(plain, room))
        elif size_in_xml(from_html(piece)) <= room:
            yield Text(plain=plain, html=piece)
        elif most > SMALLEST:
            yield from _rich(piece, room, most // 2)
        else:
            yield from (Text(plain=part) for part in _pieces(plain, room))


def _pieces(plain: str, room: int, bite: int | None = None) -> Iterator[str]:
    """Cut by bytes, and again in smaller bites where escapes make a piece too large."""
    bite = bite or room
    for piece in split_text(plain, bite, Unit.BYTES):
        size = size_in_xml(piece)
        if size <= room:
            yield piece
        else:
            yield from _pieces(piece, room, max(4, bite * room // size))
