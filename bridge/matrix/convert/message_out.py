"""The content of `m.room.message` and `m.sticker`.

A file with words and no description of its own carries the words as its caption (MSC2530). With several files, or
descriptions of pictures, the words go first and each file follows with its description: nothing is left out.
"""

from collections.abc import Callable, Mapping
from html import escape
from typing import Any
from urllib.parse import quote

from bridge.contract.delivery import Delivery
from bridge.model.events import Attachment, Media, Message, Style
from bridge.model.ids import HUB, IdentityId
from bridge.text.html import plain_to_html

Content = dict[str, Any]
UserOf = Callable[[IdentityId], str]

_MSGTYPES = {
    Media.FILE: "m.file",
    Media.IMAGE: "m.image",
    Media.VIDEO: "m.video",
    Media.AUDIO: "m.audio",
    Media.VOICE: "m.audio",
    Media.STICKER: "m.image",
}
_STYLES = {Style.SAY: "m.text", Style.EMOTE: "m.emote", Style.NOTICE: "m.notice"}


def message_events(
    message: Message, delivery: Delivery, user_of: UserOf, uploads: Mapping[str, str], prefix: str
) -> list[tuple[str, Content]]:
    """(type, content) of each event, at least one. A file that is not among `uploads` becomes a link in the text."""
    files = [(file, address) for file in message.attachments if (address := _address(file, uploads))]
    plain, html = _words(message, user_of, prefix, [file for file in message.attachments if not _address(file, uploads)])
    mentions = {"m.mentions": _mentions(message, delivery, user_of)}
    first = {**mentions, **_relation(delivery)}
    after = {"m.mentions": {}, **_thread_only(delivery)}
    if not files:
        return [("m.room.message", {**_text(message, plain, html), **first})]
    if len(files) == 1 and not (plain and files[0][0].alt):
        return [_file(files[0][0], files[0][1], plain, html, message.warning, first)]
    events: list[tuple[str, Content]] = []
    if plain:
        events.append(("m.room.message", {**_text(message, plain, html), **first}))
    for file, address in files:
        events.append(_file(file, address, "", None, message.warning, after if events else first))
    return events


def _address(file: Attachment, uploads: Mapping[str, str]) -> str | None:
    return file.source if file.source.startswith("mxc://") else uploads.get(file.source)


def _words(message: Message, user_of: UserOf, prefix: str, links: list[Attachment]) -> tuple[str, str | None]:
    plain, html = message.text.plain, message.text.html
    if html is None and message.mentions:
        html = _pills(message, user_of)
    for file in links:
        label = file.alt or file.name
        plain = f"{plain}\n{label}: {file.source}" if plain else f"{label}: {file.source}"
        if html is not None:
            html += f'<br>{escape(label)}: <a href="{escape(file.source)}">{escape(file.source)}</a>'
    if message.warning and plain:
        html = f'<span data-mx-spoiler="{escape(message.warning)}">{html or plain_to_html(plain)}</span>'
        plain = f"[CW: {message.warning}] {plain}"
    if prefix:
        html = escape(prefix) + html if html is not None else None
        plain = prefix + plain
    return plain, html


def _pills(message: Message, user_of: UserOf) -> str | None:
    """Names in the text as links to the people they mean: the first place of each, longest names first."""
    text = message.text.plain
    spans: list[tuple[int, int, str]] = []
    for mention in sorted(message.mentions, key=lambda mention: -len(mention.text)):
        start = text.find(mention.text) if mention.text else -1
        end = start + len(mention.text)
        if start >= 0 and all(end <= other[0] or start >= other[1] for other in spans):
            spans.append((start, end, user_of(mention.who.id)))
    if not spans:
        return None
    pieces, at = [], 0
    for start, end, user in sorted(spans):
        pieces.append(plain_to_html(text[at:start]))
        pieces.append(f'<a href="https://matrix.to/#/{quote(user, safe="@:=+")}">{escape(text[start:end])}</a>')
        at = end
    pieces.append(plain_to_html(text[at:]))
    return "".join(pieces)


def _mentions(message: Message, delivery: Delivery, user_of: UserOf) -> Content:
    """Those named, and the Matrix person answered: without it a reply from another network would reach nobody's bell."""
    users = {user_of(mention.who.id) for mention in message.mentions}
    answered = delivery.reply_to.author if delivery.reply_to is not None else None
    if answered is not None and answered.id.network == HUB:
        users.add(answered.id.id)
    return {"user_ids": sorted(users)} if users else {}


def _relation(delivery: Delivery) -> Content:
    reply = delivery.reply_to.ids[0] if delivery.reply_to is not None and delivery.reply_to.ids else None
    if delivery.thread is not None and delivery.thread.ids:
        return _in_thread(delivery.thread.ids[0], reply)
    return {"m.relates_to": {"m.in_reply_to": {"event_id": reply}}} if reply else {}


def _thread_only(delivery: Delivery) -> Content:
    return _in_thread(delivery.thread.ids[0], None) if delivery.thread is not None and delivery.thread.ids else {}


def _in_thread(root: str, reply: str | None) -> Content:
    """A thread's message also answers something, for clients without threads; `is_falling_back` says so."""
    relation: Content = {"rel_type": "m.thread", "event_id": root, "m.in_reply_to": {"event_id": reply or root}}
    if reply is None:
        relation["is_falling_back"] = True
    return {"m.relates_to": relation}


def _text(message: Message, plain: str, html: str | None) -> Content:
    content: Content = {"msgtype": _STYLES[message.style], "body": plain}
    if html is not None:
        content["format"] = "org.matrix.custom.html"
        content["formatted_body"] = html
    if message.location is not None:
        place = message.location
        uri = f"geo:{place.latitude:.6f},{place.longitude:.6f}"
        content["msgtype"] = "m.location"
        content["geo_uri"] = uri
        content["body"] = plain or place.name or uri
        content["m.location"] = {"uri": uri, "description": place.name} if place.name else {"uri": uri}
    return content


def _file(
    file: Attachment, address: str, plain: str, html: str | None, warning: str | None, more: Content
) -> tuple[str, Content]:
    caption = plain or file.alt or ""
    info = {"mimetype": file.type, "size": file.size, "w": file.width, "h": file.height, "duration": file.duration}
    content: Content = {
        "body": caption or file.name,
        "url": address,
        "info": {name: value for name, value in info.items() if value is not None},
        **more,
    }
    if file.media is Media.STICKER and not plain:
        return "m.sticker", content
    content["msgtype"] = _MSGTYPES[file.media]
    content["filename"] = file.name
    if plain and html is not None:
        content["format"] = "org.matrix.custom.html"
        content["formatted_body"] = html
    if file.media is Media.VOICE:
        content["org.matrix.msc3245.voice"] = {}
        content["org.matrix.msc1767.audio"] = {"duration": file.duration} if file.duration is not None else {}
    if warning:
        content["page.codeberg.everypizza.msc4193.spoiler"] = True
        content["page.codeberg.everypizza.msc4193.spoiler.reason"] = warning
    return "m.room.message", content
