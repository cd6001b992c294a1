"""The content of `m.room.message` and `m.sticker`.

A file with words and no description of its own carries the words as its caption (MSC2530). With several files, or
descriptions of pictures, the words go first and each file follows with its description: nothing is left out.
"""

from collections.abc import Mapping, Sequence
from html import escape
from math import isfinite
from typing import Any

from bridge.contract.delivery import Delivery
from bridge.ledger.rows import Uploaded
from bridge.matrix.convert.people_out import UserOf, anchor, linked
from bridge.matrix.convert.post_out import FACTS, capped, dressed, facts_of, is_quiet, own_words, under
from bridge.matrix.convert.size import fitting
from bridge.model.events import Attachment, Location, Media, Message, Style, Text
from bridge.model.ids import HUB
from bridge.routing.fit.words import location_line
from bridge.text.escape import strip_controls
from bridge.text.html import plain_to_html
from bridge.text.plain import one_line

Content = dict[str, Any]

_MSGTYPES = {
    Media.FILE: "m.file",
    Media.IMAGE: "m.image",
    Media.VIDEO: "m.video",
    Media.AUDIO: "m.audio",
    Media.VOICE: "m.audio",
    Media.STICKER: "m.image",
}
_STYLES = {Style.SAY: "m.text", Style.EMOTE: "m.emote", Style.NOTICE: "m.notice"}
_HIDDEN = "page.codeberg.everypizza.msc4193.spoiler"
_PUPPET = "@_"
_NAME_BYTES = 255
_WARNING_BYTES = 500
_ALT_BYTES = 6000


def message_events(
    message: Message, delivery: Delivery, user_of: UserOf, uploads: Mapping[str, Uploaded], prefix: str
) -> list[tuple[str, Content]]:
    """(type, content) of each event, at least one. A file that is not among `uploads` becomes a link in the text."""
    return [(kind, fitting(content)) for kind, content in _events(message, delivery, user_of, uploads, prefix)]


def _events(
    message: Message, delivery: Delivery, user_of: UserOf, uploads: Mapping[str, Uploaded], prefix: str
) -> list[tuple[str, Content]]:
    files = [(file, there) for file in message.attachments if (there := _there(file, uploads))]
    links = [file for file in message.attachments if not _there(file, uploads)]
    own = Text(plain=_shows(files[0][0])) if _speaks(message, files) else own_words(message, delivery)
    text = _words(own, message, delivery, user_of, prefix, links)
    first = {"m.mentions": _mentions(message, delivery, user_of), **_relation(delivery)}
    if message.post is not None:
        first[FACTS] = facts_of(message.post, delivery)
    after = {"m.mentions": {}, **_thread_only(delivery)}
    if not files:
        return [("m.room.message", {**_text(message, text, delivery), **first})]
    shown = _speaks(message, files)
    if shown or (len(files) == 1 and not (text.plain and files[0][0].alt)):
        (file, there), *files = files
        events = [_file(file, there, text, message.warning, first)]
    else:
        events = [("m.room.message", {**_text(message, text, delivery), **first})] if text.plain else []
    for file, there in files:
        events.append(_file(file, there, Text(plain=""), message.warning, after if events else first))
    return events


def _speaks(message: Message, files: Sequence[tuple[Attachment, Uploaded]]) -> bool:
    """Whether a post has no words but what its first picture shows, which then has the post written around it."""
    return bool(files) and message.post is not None and not message.text.plain.strip()


def _there(file: Attachment, uploads: Mapping[str, Uploaded]) -> Uploaded | None:
    return Uploaded(mxc=file.source) if file.source.startswith("mxc://") else uploads.get(file.source)


def _words(own: Text, message: Message, delivery: Delivery, user_of: UserOf, prefix: str, links: Sequence[Attachment]) -> Text:
    """All that is to be read: text, what can't be shown beside it, hidden where its author warns, and the post around it."""
    plain, html = own.plain, linked(own.plain, own.html, message.mentions, user_of)
    for file in links:
        label, source = capped(one_line(file.alt or file.name), _ALT_BYTES) or file.media.value, one_line(file.source)
        rich = f"{escape(label, quote=False)}: {anchor(source, escape(source, quote=False))}"
        plain, html = _and(plain, html, f"{label}: {source}", rich)
    if message.location is not None and (plain or message.post is not None) and (line := location_line(message.location, plain)):
        plain, html = _and(plain, html, f"📍 {line}", escape(f"📍 {line}", quote=False))
    if message.warning and plain:
        warning = _warned(message.warning)
        html = f'<span data-mx-spoiler="{escape(warning)}">{html or plain_to_html(plain)}</span>'
        plain = f"[CW: {warning}] {plain}"
    if message.post is not None:
        plain, html = dressed(Text(plain=plain, html=html), message, message.post, delivery, user_of)
    if prefix:
        html = escape(prefix) + html if html is not None else None
        plain = prefix + plain
    return Text(plain=plain, html=html or None)


def _and(plain: str, html: str | None, line: str, rich: str) -> tuple[str, str | None]:
    """One line more; HTML only where there is some already, or the line has more to it."""
    if html is None and rich == escape(line, quote=False):
        return (f"{plain}\n{line}" if plain else line), None
    if html is None:
        html = plain_to_html(plain)
    return (f"{plain}\n{line}" if plain else line), under(html, rich)


def _shows(file: Attachment) -> str:
    return capped(strip_controls(file.alt or "").strip(), _ALT_BYTES)


def _warned(warning: str) -> str:
    return capped(one_line(warning), _WARNING_BYTES)


def _mentions(message: Message, delivery: Delivery, user_of: UserOf) -> Content:
    """The people of the hub that are named, and the one answered: else a reply from another network would reach nobody's bell."""
    if is_quiet(message, delivery):
        return {}
    named = ((mention.who.id, user_of(mention.who.id)) for mention in message.mentions)
    users = {user for who, user in named if user is not None and (who.network == HUB or not user.startswith(_PUPPET))}
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


def _text(message: Message, text: Text, delivery: Delivery) -> Content:
    style = Style.NOTICE if is_quiet(message, delivery) and message.style is Style.SAY else message.style
    content: Content = {"msgtype": _STYLES[style], "body": text.plain}
    if text.html is not None:
        content["format"] = "org.matrix.custom.html"
        content["formatted_body"] = text.html
    if message.location is not None:
        content |= _place(message.location, text.plain)
    return content


def _place(place: Location, said: str) -> Content:
    """Where it is (MSC3488). A place alone is a message of its own kind; with words, these are what is to be read."""
    name = capped(one_line(place.name or ""), _ALT_BYTES)
    if not (isfinite(place.latitude) and isfinite(place.longitude)):
        return {} if said else {"body": name or "?"}
    uri = f"geo:{place.latitude:.6f},{place.longitude:.6f}"
    where: Content = {"m.location": {"uri": uri, "description": name} if name else {"uri": uri}}
    return where if said else {**where, "msgtype": "m.location", "geo_uri": uri, "body": name or uri}


def _file(file: Attachment, there: Uploaded, text: Text, warning: str | None, more: Content) -> tuple[str, Content]:
    """With words, they are its caption, else what it shows is. Clients that hide nothing say at least that it is to be hidden."""
    hidden = file.sensitive or bool(warning)
    caption = text.plain or _shows(file)
    if hidden and not text.plain:
        caption = f"[CW: {_warned(warning)}] {caption}".rstrip() if warning else f"[sensitive] {caption}".rstrip()
    info = {
        "mimetype": file.type,
        "size": there.size or file.size,
        "w": there.width or file.width,
        "h": there.height or file.height,
        "duration": file.duration,
    }
    name = capped(one_line(file.name), _NAME_BYTES) or file.media.value
    content: Content = {
        "body": caption or name,
        "url": there.mxc,
        "info": {name: value for name, value in info.items() if value is not None},
        **more,
    }
    if file.media is Media.STICKER and not text.plain:
        return "m.sticker", content
    content["msgtype"] = _MSGTYPES[file.media]
    content["filename"] = name
    if text.plain and text.html is not None:
        content["format"] = "org.matrix.custom.html"
        content["formatted_body"] = text.html
    if file.media is Media.VOICE:
        content["org.matrix.msc3245.voice"] = {}
        content["org.matrix.msc1767.audio"] = {"duration": file.duration} if file.duration is not None else {}
    if hidden:
        content[_HIDDEN] = True
    if warning:
        content[f"{_HIDDEN}.reason"] = _warned(warning)
    return "m.room.message", content
