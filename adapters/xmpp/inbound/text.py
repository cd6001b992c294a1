"""The words of a message: without what stands in it only for others, with what its marks mean."""

import re
from collections.abc import Callable
from html import escape
from typing import TypeAlias

from msgspec.structs import replace

from adapters.common.media import attachment
from adapters.xmpp import ids
from adapters.xmpp.inbound.scene import Scene
from adapters.xmpp.stanza import ns, styling
from adapters.xmpp.stanza.clean import CUT
from adapters.xmpp.stanza.parts import Fallback, File, Pointer, Type
from adapters.xmpp.stanza.said import Said
from bridge.model.events import Attachment, Location, Mention, Message, Ref, Style, Text
from bridge.model.ids import EventKey, IdentityId, NetworkName
from bridge.model.people import Identity, Profile
from bridge.text.escape import strip_controls
from bridge.text.html import html_to_plain, plain_to_html
from bridge.text.plain import excerpt, one_line

ME = "/me "
_LONGEST_NAME = 120
_LONGEST_CALL = 64
"""Characters of a name at the start of a message, before `:` or `,`."""
_QUOTED = re.compile(r"(?:[ \t]*>[^\n]*(?:\n|\Z)|[ \t]*\n)+")
_OTR = "?OTR"

_Fits: TypeAlias = Callable[[str], bool]


def notice(words: str, network: NetworkName, about: str | None = None) -> Message:
    """The bridge's own words in a chat; `about`: the native id of the message that they answer."""
    answered = None if about is None else Ref(key=EventKey(network, about))
    return Message(text=Text(plain=words), style=Style.NOTICE, reply_to=answered)


def message_of(said: Said, scene: Scene) -> Message | None:
    """None where nothing is said. Without `reply_to`: what it answers is the caller's business."""
    if (unreadable := _unreadable(said)) is not None:
        return Message(text=Text(plain=unreadable), style=Style.NOTICE)
    files = _files(said.files)
    body = _shown(said, files)
    style, body = _style(said, scene, body)
    text = _text(said, body)
    if said.subject and not scene.place.is_room:
        text = _titled(text, said.subject)
    spot = said.spot
    if not text.plain.strip() and not files and spot is None:
        return None
    return Message(
        text=text,
        style=style,
        attachments=files,
        mentions=_mentions(said, scene, text.plain),
        warning=None if said.spoiler is None else strip_controls(said.spoiler).strip() or "spoiler",
        location=None if spot is None else Location(latitude=spot.latitude, longitude=spot.longitude, name=spot.name or None),
    )


def quoted(said: Said) -> str | None:
    """The first words of what is answered, as the answer itself shows them to those who know no answers."""
    ranges = _ranges(said.fallback(ns.REPLY), said.body or "", _is_quote)
    if not ranges:
        return None
    start, end = ranges[0]
    lines = (line.lstrip("> ") for line in (said.body or "")[start:end].split("\n"))
    return excerpt(" ".join(line for line in lines if not line.endswith(":")), 80) or None


def _unreadable(said: Said) -> str | None:
    by = said.encrypted
    if by is None and said.body is not None and said.body.startswith(_OTR):
        by = "OTR"
    return None if by is None else f"[encrypted with {' '.join(strip_controls(by).split())}: it can't be read here]"


# what others see instead


def _shown(said: Said, files: tuple[Attachment, ...]) -> str:
    """The body without its fallbacks: a quote where it answers, addresses where there are files, a warning.

    What claims to be such and is something else stays: nobody hides words from half of their readers.
    """
    body = said.body or ""
    cuts: list[tuple[int, int]] = []
    urls = {one.url for one in said.files}
    if said.answered is not None:
        cuts += _ranges(said.fallback(ns.REPLY), body, _is_quote)
    if urls:
        for of in (ns.SHARING, ns.OOB, ns.SIMS):
            cuts += _ranges(said.fallback(of), body, lambda text: text.strip() in urls)
    if (spoiler := said.spoiler) is not None:
        cuts += _ranges(said.fallback(ns.SPOILER), body, lambda text: spoiler in text and "\n" not in text.strip())
    kept = _without(body, cuts)
    if urls:
        kept = "\n".join(line for line in kept.split("\n") if line.strip() not in urls)
    return kept if kept.strip() or files else body


def _is_quote(text: str) -> bool:
    return _QUOTED.fullmatch(text) is not None


def _ranges(fallback: Fallback | None, body: str, fits: _Fits) -> list[tuple[int, int]]:
    if fallback is None or fallback.body is None:
        return []
    ranges = fallback.body or ((0, len(body)),)
    return [(start, end) for start, end in ranges if end <= len(body) and fits(body[start:end])]


def _without(body: str, cuts: list[tuple[int, int]]) -> str:
    kept, at = [], 0
    for start, end in sorted(cuts):
        if start >= at:
            kept.append(body[at:start])
            at = end
    return "".join((*kept, body[at:]))


# words


def _style(said: Said, scene: Scene, body: str) -> tuple[Style, str]:
    if body.startswith(ME) and len(body) > len(ME):
        return Style.EMOTE, body[len(ME) :]
    own = scene.place.is_room and "/" not in said.sender
    return (Style.NOTICE if own or said.type is Type.HEADLINE else Style.SAY), body


def _text(said: Said, body: str) -> Text:
    plain = strip_controls(body).strip("\n").rstrip()
    html = said.html if body == (said.body or "") else None
    if html is not None and not plain:
        plain = html_to_plain(html)
    if html is None and not said.unstyled:
        html = styling.to_html(plain)
    if said.cut:
        plain, html = plain + CUT, None if html is None else html + CUT
    return Text(plain=plain, html=html)


def _titled(text: Text, subject: str) -> Text:
    title = " ".join(strip_controls(subject).split())
    if not title or text.plain.startswith(title):
        return text
    html = plain_to_html(text.plain) if text.html is None else text.html
    return Text(plain=f"{title}\n{text.plain}", html=f"<strong>{escape(title, quote=False)}</strong><br>{html}")


# files


def _files(offered: tuple[File, ...]) -> tuple[Attachment, ...]:
    """Each address once; who says most about it is asked."""
    best: dict[str, File] = {}
    for one in offered:
        known = best.get(one.url)
        if known is None or (not (known.name or known.type or known.size) and (one.name or one.type or one.size)):
            best[one.url] = replace(one, about=one.about or known.about) if known is not None else one
    found = (_file(one) for one in best.values())
    return tuple(one for one in found if one is not None)


def _file(file: File) -> Attachment | None:
    found = attachment(file.url, type=file.type, size=file.size, alt=strip_controls(file.about), duration=file.duration)
    if found is None:
        return None
    name = one_line(file.name)[-_LONGEST_NAME:] or found.name
    return replace(found, name=name, sha256=file.sha256, width=file.width or None, height=file.height or None)


# people


def _mentions(said: Said, scene: Scene, plain: str) -> tuple[Mention, ...]:
    found: dict[IdentityId, Mention] = {}
    for pointer in said.mentions:
        who = _pointed_at(pointer, scene)
        text = (said.body or "")[pointer.begin : pointer.end] if pointer.begin >= 0 else ids.resource_of(pointer.jid)
        if who is not None and text.strip() and text in plain:
            found.setdefault(who.id, Mention(who=who, text=text))
    called = _called(scene, plain)
    if called is not None:
        found.setdefault(called.who.id, called)
    return tuple(found.values())


def _pointed_at(pointer: Pointer, scene: Scene) -> Identity | None:
    address, _, nick = pointer.jid.partition("/")
    if scene.place.is_room and address == scene.place.jid:
        return _who(scene, nick)
    return Identity(id=IdentityId(scene.network, address), profile=Profile(name=scene.name_of(address)))


def _who(scene: Scene, nick: str) -> Identity | None:
    occupant = scene.occupant(nick) if nick else None
    return None if occupant is None else occupant.author or occupant.who


def _called(scene: Scene, plain: str) -> Mention | None:
    """`nick: …` and `nick, …`, how people are called in rooms; nicks may hold spaces."""
    if not scene.place.is_room:
        return None
    found = re.match(r"@?([^\n:,]+)[:,](?:\s|\Z)", plain[: _LONGEST_CALL + 2])
    who = None if found is None else _who(scene, found[1])
    return None if found is None or who is None else Mention(who=who, text=found[1])
