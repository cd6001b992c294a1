"""A boost: passed on as such, else its original told in words."""

from html import escape

from msgspec.structs import replace

from bridge.contract.features import Feature, Level
from bridge.model.events import Boost, Event, Message, PostFacts, Style, Text
from bridge.model.ids import HUB
from bridge.model.people import Identity
from bridge.routing.fit.context import Fitted, Fitting
from bridge.routing.fit.message import fit_message
from bridge.routing.fit.words import warning_words
from bridge.routing.topology import Leg
from bridge.text.html import plain_to_html
from bridge.text.plain import one_line
from bridge.text.quote import quote

_MARK = "🔁 "


def speaker(event: Event, boost: Boost, leg: Leg) -> Identity:
    """Who speaks: in a room the original's author where nothing was added to the original, else whoever boosts."""
    if leg.channel.network == HUB and boost.comment is None and boost.original is not None and boost.target.author is not None:
        return boost.target.author
    return event.author


def fit_boost(boost: Boost, fitting: Fitting) -> Fitted:
    level, in_room = fitting.level(Feature.BOOST), fitting.leg.channel.network == HUB
    # a room's mark on the original says who passed it on, and nothing else
    has_form = boost.comment is None or not in_room
    if level is Level.NATIVE and has_form and not fitting.context.anew and fitting.present(boost.target.key):
        return Fitted(bodies=((boost, 0),))
    if level in (Level.DROPPED, Level.REFUSED):
        return Fitted(refused=fitting.sorry("boosts") if level is Level.REFUSED else None, dropped=(Feature.BOOST,))
    event = fitting.event
    if boost.comment is None and boost.original is not None and speaker(event, boost, fitting.leg) is not event.author:
        return fit_message(_named(boost.original, event.author), fitting)
    return fit_message(_quoted(boost, fitting) if in_room else _told(boost, fitting), fitting)


def _named(original: Message, booster: Identity) -> Message:
    """In its author's own voice; that it was passed on is a fact of the post."""
    post = replace(original.post or PostFacts(), boosted_by=booster)
    return replace(original, reply_to=None, thread=None, post=post)


def _quoted(boost: Boost, fitting: Fitting) -> Message:
    """In the booster's voice: what they add, and the original as a quotation with its author named and its place linked.

    Its warning hides its words and its media, not the comment.
    """
    original = boost.original or Message(text=Text(plain=boost.target.excerpt or ""))
    facts = original.post or PostFacts()
    name = fitting.name_of(boost.target.author) if boost.target.author is not None else ""
    plain, html = original.text.plain, original.text.html or plain_to_html(original.text.plain)
    if original.warning:
        html = f'<span data-mx-spoiler="{escape(one_line(original.warning))}">{html}</span>'
        plain = f"{warning_words(original.warning)}{plain}"
    if facts.title and not original.text.plain.startswith(facts.title):
        html = f"<strong>{escape(one_line(facts.title), quote=False)}</strong><br>{html}"
        plain = f"{one_line(facts.title)}\n{plain}"
    link = "".join((facts.permalink or "").split())
    is_web = link.startswith(("https://", "http://"))
    head = f"{_MARK}{name}" if name else _MARK.strip()
    linked = f'<a href="{escape(link)}">{escape(head, quote=False)}</a>' if is_web else escape(head, quote=False)
    told = quote(
        "\n".join(line for line in (f"{head}: {plain}".rstrip(": "), link if is_web and link not in plain else "") if line)
    )
    html = f"<blockquote>{linked}<br>{html}</blockquote>"
    if boost.comment is not None:
        told = f"{boost.comment.plain}\n{told}"
        html = f"{boost.comment.html or plain_to_html(boost.comment.plain)}{html}"
    hidden = bool(original.warning)
    return Message(
        text=Text(plain=told, html=html),
        attachments=tuple(replace(one, sensitive=one.sensitive or hidden) for one in original.attachments),
        mentions=original.mentions,
        post=PostFacts(visibility=facts.visibility, language=facts.language, tags=facts.tags),
    )


def _told(boost: Boost, fitting: Fitting) -> Message:
    """`comment 🔁 author: text`, in the booster's voice; attachments and warning are the original's."""
    original = boost.original or Message(text=Text(plain=boost.target.excerpt or ""))
    name = fitting.name_of(boost.target.author) if boost.target.author is not None else ""
    head = _MARK + (f"{name}: " if name else "")
    plain = f"{head}{original.text.plain}".rstrip()
    html = plain_to_html(head) + (original.text.html or plain_to_html(original.text.plain))
    if boost.comment is not None:
        plain = f"{boost.comment.plain}\n{plain}"
        html = f"{boost.comment.html or plain_to_html(boost.comment.plain)}<br>{html}"
    rich = original.text.html is not None or (boost.comment is not None and boost.comment.html is not None)
    post = PostFacts(permalink=original.post.permalink) if original.post is not None and original.post.permalink else None
    return Message(
        text=Text(plain=plain, html=html if rich else None),
        style=Style.SAY,
        attachments=original.attachments,
        warning=original.warning,
        post=post,
    )
