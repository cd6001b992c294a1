"""A boost: passed on as such, else its original told in words."""

from msgspec.structs import replace

from bridge.contract.features import Feature, Level
from bridge.model.events import Boost, Event, Message, PostFacts, Style, Text
from bridge.model.ids import HUB
from bridge.model.people import Identity
from bridge.routing.fit.context import Fitted, Fitting
from bridge.routing.fit.message import fit_message
from bridge.routing.topology import Leg
from bridge.text.html import plain_to_html

_MARK = "🔁 "


def speaker(event: Event, boost: Boost, leg: Leg) -> Identity:
    """Who speaks: in a room the original's author where nothing was added to the original, else whoever boosts."""
    if leg.channel.network == HUB and boost.comment is None and boost.original is not None and boost.target.author is not None:
        return boost.target.author
    return event.author


def fit_boost(boost: Boost, fitting: Fitting) -> Fitted:
    level = fitting.level(Feature.BOOST)
    if level is Level.NATIVE and not fitting.context.anew and fitting.present(boost.target.key):
        return Fitted(bodies=((boost, 0),))
    if level in (Level.DROPPED, Level.REFUSED):
        return Fitted(refused=fitting.sorry("boosts") if level is Level.REFUSED else None, dropped=(Feature.BOOST,))
    event = fitting.event
    if boost.comment is None and boost.original is not None and speaker(event, boost, fitting.leg) is not event.author:
        return fit_message(_named(boost.original, fitting.name_of(event.author)), fitting)
    return fit_message(_told(boost, fitting), fitting)


def _named(original: Message, booster: str) -> Message:
    """In its author's own voice, under a line that says who brought it."""
    head = f"{_MARK}{booster}"
    text = original.text
    html = f"<em>{plain_to_html(head)}</em><br>{text.html or plain_to_html(text.plain)}"
    return replace(original, text=Text(plain=f"{head}\n{text.plain}", html=html), reply_to=None, thread=None)


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
