"""The body of a message as it is written, and where in it stands what is there only for older clients."""

import re
from collections.abc import Callable

from msgspec import Struct, field

from adapters.xmpp.stanza import styling
from adapters.xmpp.stanza.clean import BODY_CAP, xml_text
from adapters.xmpp.stanza.styled import from_html
from bridge.contract.delivery import Delivery
from bridge.model.events import Message, Style
from bridge.model.ids import IdentityId
from bridge.text.plain import excerpt, one_line

REPEAT = "(possible repeat) "
_ME = "/me "
_QUOTED = 120
"""Graphemes of what is answered."""


class Body(Struct, kw_only=True):
    """`text` as it goes out. Ranges are code points of it."""

    text: str = ""
    quote: int = 0
    """So much at the start is a quote of what is answered."""
    warning: tuple[int, int] | None = None
    addresses: list[tuple[int, int]] = field(default_factory=list)
    """Where the files' addresses stand."""
    unstyled: bool = False
    """What looks like marks in it is none."""


def body_of(delivery: Delivery, message: Message, nick_of: Callable[[IdentityId], str | None], *, mark_repeat: bool) -> Body:
    """Clean and capped; in this order: quote, warning, words, addresses."""
    words, unstyled = _words(message, nick_of)
    emote = message.style is Style.EMOTE and not delivery.voice.prefix
    body = Body(unstyled=unstyled)
    if delivery.reply_to is not None and message.reply_to is not None and not emote:
        body.text = _quote(message)
        body.quote = len(body.text)
    if message.warning is not None:
        start = len(body.text)
        body.text += f"[{warning_of(message)}]\n"
        body.warning = (start, len(body.text))
    if words:
        prefix = one_line(delivery.voice.prefix) + " " if delivery.voice.prefix.strip() else ""
        repeat = REPEAT if mark_repeat and delivery.repeat else ""
        if emote:
            words = _ME + repeat + words
        elif not prefix and not repeat and words.startswith(_ME):
            words = f" {words}"
        else:
            words = prefix + repeat + words
        body.text += words
    body.text = xml_text(body.text, BODY_CAP)
    for attachment in message.attachments:
        address = xml_text("".join(attachment.source.split()))
        start = len(body.text)
        body.text += f"\n{address}" if body.text and not body.text.endswith("\n") else address
        body.addresses.append((start, len(body.text)))
    return body


def warning_of(message: Message) -> str:
    return one_line(message.warning or "")[:500]


def _words(message: Message, nick_of: Callable[[IdentityId], str | None]) -> tuple[str, bool]:
    """What is said, people of this network called by the nick they have now; and whether marks in it mean nothing."""
    if message.text.html is not None:
        words, unstyled = from_html(message.text.html), False
    else:
        words = xml_text(message.text.plain).rstrip()
        unstyled = styling.to_html(words) is not None
    for mention in message.mentions:
        nick = nick_of(mention.who.id)
        if nick and mention.text and nick != mention.text and one_line(nick) == nick:
            found = re.search(rf"(?<!\w){re.escape(mention.text)}(?!\w)", words)
            words = words if found is None else words[: found.start()] + nick + words[found.end() :]
    return words, unstyled


def _quote(message: Message) -> str:
    """`> ` lines, as XEP-0461 shows them; what is not known is not there. Never anything but such lines."""
    answered = message.reply_to
    if answered is None:
        return ""
    name = excerpt(answered.author.name, 60) if answered.author is not None else ""
    words = excerpt(answered.excerpt, _QUOTED) if answered.excerpt else ""
    lines = [line for line in (f"{name}:" if name else "", words) if line]
    return "".join(f"> {line}\n" for line in lines)
