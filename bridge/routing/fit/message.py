"""A message: each thing the destination has no place for is written into the text, left out, or refused with words."""

import re
from collections.abc import Callable
from html import escape

from msgspec.structs import replace

from bridge.contract.features import Feature, Level, VoiceKind
from bridge.model.events import Attachment, Mention, Message, Ref, Style, Text
from bridge.model.ids import HUB
from bridge.model.portals import PortalKind
from bridge.routing.fit.context import Fitted, Fitting, numbered
from bridge.routing.fit.parts import in_parts
from bridge.routing.fit.posts import as_posts
from bridge.routing.fit.words import attachment_line, location_line, poll_lines, warning_words
from bridge.text.escape import strip_controls
from bridge.text.html import below, html_to_plain, plain_to_html
from bridge.text.quote import answer_line

_THREAD_MARK = "🧵 "
_NAMES = {
    Feature.TEXT: "messages",
    Feature.HTML: "formatting",
    Feature.ATTACHMENT: "attachments",
    Feature.REPLY: "replies",
    Feature.THREAD: "threads",
    Feature.MENTION: "mentions",
    Feature.WARNING: "content warnings",
    Feature.POLL: "polls",
    Feature.LOCATION: "places",
    Feature.POST: "the facts of a post",
}


class _Work:
    """A message being fitted: what goes before its words (on their line), above them and below them."""

    __slots__ = ("above", "before", "below", "dropped", "fitting", "message", "refused")

    def __init__(self, message: Message, fitting: Fitting) -> None:
        self.message = message
        self.fitting = fitting
        self.before: list[str] = []
        self.above: list[str] = []
        self.below: list[str] = []
        self.dropped: list[Feature] = []
        self.refused: list[str] = []

    def level(self, feature: Feature) -> Level:
        """The level of something that the message has; what gets lost by it is noted."""
        level = self.fitting.level(feature)
        if level is Level.DROPPED:
            self.dropped.append(feature)
        elif level is Level.REFUSED:
            self.refused.append(self.fitting.sorry(_NAMES[feature]))
        return level


def fit_message(message: Message, fitting: Fitting) -> Fitted:
    """Nothing in the bodies is above what the destination has; an empty message has none."""
    if not _is_bare(message) or fitting.level(Feature.TEXT) is not Level.NATIVE:
        return _fit_all(message, fitting)
    plain = strip_controls(message.text.plain)
    if not plain.strip():
        return Fitted(dropped=(Feature.TEXT,))
    if plain is not message.text.plain:
        message = replace(message, text=Text(plain=plain))
    messages, refused = _parts(message, fitting)
    return Fitted(bodies=numbered(messages), refused=refused)


def _parts(message: Message, fitting: Fitting) -> tuple[tuple[Message, ...], str | None]:
    leg = fitting.leg
    posted = leg.account is not None and leg.portal.kind is PortalKind.TIMELINE
    return as_posts(message, fitting, str(leg.account)) if posted else in_parts(message, fitting)


def _is_bare(message: Message) -> bool:
    return (
        message.text.html is None
        and message.style is Style.SAY
        and not message.attachments
        and message.reply_to is None
        and message.thread is None
        and not message.mentions
        and message.warning is None
        and message.poll is None
        and message.location is None
        and message.post is None
    )


def _fit_all(message: Message, fitting: Fitting) -> Fitted:
    work = _Work(message, fitting)
    if work.level(Feature.TEXT) in (Level.DROPPED, Level.REFUSED):
        return Fitted(refused=" and ".join(work.refused) or None, dropped=tuple(work.dropped))
    for step in _STEPS:
        step(work)
    message = _written(work)
    if not (message.text.plain.strip() or message.attachments or message.poll or message.location):
        return Fitted(refused="; ".join(work.refused) or None, dropped=tuple(work.dropped) or (Feature.TEXT,))
    messages, refused = _parts(message, fitting)
    if refused:
        work.refused.append(refused)
    return Fitted(bodies=numbered(messages), refused="; ".join(work.refused) or None, dropped=tuple(work.dropped))


def _text(work: _Work) -> None:
    text = work.message.text
    plain, html = strip_controls(text.plain), text.html
    if html is not None:
        level = work.level(Feature.HTML)
        if level is Level.RENDERED:
            plain = html_to_plain(html) or plain
        html = strip_controls(html) if level is Level.NATIVE else None
    if plain != text.plain or html != text.html:
        work.message = replace(work.message, text=Text(plain=plain, html=html))


def _mentions(work: _Work) -> None:
    """Who is at home at the destination is spelled as there, so that it rings."""
    if not work.message.mentions:
        return
    channel = work.fitting.leg.channel
    text, kept = work.message.text, []
    for mention in work.message.mentions:
        spelled = mention.text
        if mention.who.id.network == channel.network != HUB and mention.text:
            spelled = work.fitting.name_of(mention.who)
            text = _respelled(text, mention.text, spelled)
        kept.append(Mention(who=mention.who, text=spelled))
    native = work.level(Feature.MENTION) is Level.NATIVE
    work.message = replace(work.message, text=text, mentions=tuple(kept) if native else ())


def _respelled(text: Text, old: str, new: str) -> Text:
    word = re.compile(rf"(?<!\w){re.escape(old)}(?!\w)")
    html = (
        None
        if text.html is None
        else text.html.replace(f">{escape(old, quote=False)}</a>", f">{escape(new, quote=False)}</a>", 1)
    )
    return Text(plain=word.sub(lambda _: new, text.plain, count=1), html=html)


def _style(work: _Work) -> None:
    style = work.message.style
    if style is Style.EMOTE:
        if work.fitting.voice.kind is VoiceKind.PREFIX:
            # the prefix is already `* name `: an action of the bridge's own would name the bridge
            work.message = replace(work.message, style=Style.SAY)
        elif work.fitting.level(Feature.EMOTE) is not Level.NATIVE:
            work.before.append(f"* {work.fitting.voice.name} ")
            work.message = replace(work.message, style=Style.SAY)
    elif style is Style.NOTICE and work.fitting.level(Feature.NOTICE) is not Level.NATIVE:
        work.message = replace(work.message, style=Style.SAY)


def _warning(work: _Work) -> None:
    warning = work.message.warning
    if warning is None:
        return
    level = work.level(Feature.WARNING)
    if level is not Level.NATIVE:
        work.message = replace(work.message, warning=None)
    if level is Level.RENDERED:
        work.before.append(warning_words(warning))


def _answers(work: _Work) -> None:
    """Thread, then reply: what the destination cannot point at is named in words before the text."""
    message = work.message
    if message.thread is None and message.reply_to is None:
        return
    reply, thread = message.reply_to, message.thread
    if thread is not None:
        level = work.level(Feature.THREAD)
        if level is not Level.NATIVE or not work.fitting.present(thread.key):
            if level in (Level.NATIVE, Level.RENDERED):
                work.before.append(_THREAD_MARK)
                reply = reply or thread
            thread = None
    if reply is not None:
        level = work.level(Feature.REPLY)
        if level is not Level.NATIVE or not work.fitting.present(reply.key):
            if level in (Level.NATIVE, Level.RENDERED):
                work.before.append(_answer(reply, work.fitting))
            reply = None
    work.message = replace(message, reply_to=reply, thread=thread)


def _answer(ref: Ref, fitting: Fitting) -> str:
    name = fitting.name_of(ref.author) if ref.author is not None else None
    return answer_line(name, ref.excerpt)


def _poll(work: _Work) -> None:
    poll = work.message.poll
    if poll is None:
        return
    level = work.level(Feature.POLL)
    if work.fitting.leg.channel.network == HUB:
        level = Level.RENDERED  # rooms have polls of their own, but nobody would count what is voted on another's
    if level is not Level.NATIVE:
        work.message = replace(work.message, poll=None)
    if level is Level.RENDERED:
        work.below += poll_lines(poll, work.message.text.plain)


def _location(work: _Work) -> None:
    location = work.message.location
    if location is None:
        return
    level = work.level(Feature.LOCATION)
    if level is not Level.NATIVE:
        work.message = replace(work.message, location=None)
    if level is Level.RENDERED and (line := location_line(location, work.message.text.plain)):
        work.below.append(line)


def _attachments(work: _Work) -> None:
    if not work.message.attachments:
        return
    level = work.level(Feature.ATTACHMENT)
    cap = work.fitting.features.limits.attachment
    at_home = work.fitting.leg.channel.network == HUB
    kept: list[Attachment] = []
    for attachment in work.message.attachments:
        whole = level is Level.NATIVE and (cap is None or attachment.size is None or attachment.size <= cap)
        if whole and at_home:  # where no file is refused at the door
            kept.append(attachment)
        elif level in (Level.NATIVE, Level.RENDERED):
            link = work.fitting.context.link_for(attachment, work.fitting.event)
            line = attachment_line(attachment, link)
            if not whole:
                work.below.append(line)
            else:
                kept.append(replace(attachment, instead=line) if link else attachment)
    work.message = replace(work.message, attachments=tuple(kept))


def _post(work: _Work) -> None:
    post = work.message.post
    if post is None:
        return
    level = work.level(Feature.POST)
    if level is Level.NATIVE:
        return
    work.message = replace(work.message, post=None)
    if level is Level.RENDERED:
        said = work.message.text.plain
        if post.title and not said.startswith(post.title):
            work.above.append(" ".join(strip_controls(post.title).split()))
        if post.permalink and post.permalink not in said:
            work.below.append("".join(strip_controls(post.permalink).split()))


_STEPS: tuple[Callable[[_Work], None], ...] = (
    _text,
    _mentions,
    _warning,
    _style,
    _answers,
    _poll,
    _location,
    _attachments,
    _post,
)


def _written(work: _Work) -> Message:
    """The message with its words put around its text."""
    if not (work.before or work.above or work.below):
        return work.message
    head = "".join(work.before) + "".join(f"{line}\n" for line in work.above)
    plain, html = below(work.message.text.plain, work.message.text.html, "\n".join(work.below))
    return replace(
        work.message, text=Text(plain=(head + plain).rstrip(), html=html if html is None else plain_to_html(head) + html)
    )
