"""An event within what the bridge carries: its author may be a site that nobody can tell to write less."""

from msgspec.structs import replace

from bridge.model.events import Event, Message, Text, message_of, with_message
from bridge.text.plain import CUT_SHORT
from bridge.text.split import size_of, split_text

TEXT_CAP = 256 * 1024
"""Bytes of one text, plain or HTML."""
ATTACHMENTS_CAP = 64


def bounded(event: Event) -> Event:
    """The event itself where it is within the caps. Else cut, which its text says."""
    message = message_of(event.body)
    small = message if message is None else _message(message)
    return event if small is None or small is message else replace(event, body=with_message(event.body, small))


def _message(message: Message) -> Message:
    text = _text(message.text)
    over = len(message.attachments) - ATTACHMENTS_CAP
    if over > 0:
        text = Text(plain=f"{text.plain}\n… (and {over} more files)".lstrip())
    if text is message.text:
        return message
    named = tuple(one for one in message.mentions if one.text in text.plain)
    return replace(message, text=text, attachments=message.attachments[:ATTACHMENTS_CAP], mentions=named)


def _text(text: Text) -> Text:
    if _passes(text.plain):
        return Text(plain=f"{split_text(text.plain, TEXT_CAP - size_of(CUT_SHORT, 'bytes'), 'bytes')[0]}{CUT_SHORT}")
    return Text(plain=text.plain) if text.html is not None and _passes(text.html) else text


def _passes(text: str) -> bool:
    return len(text) * 4 > TEXT_CAP and size_of(text, "bytes") > TEXT_CAP
