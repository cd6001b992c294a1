"""An edit: over the old copy, else a correction line, else a message marked as edited."""

from datetime import timedelta

from msgspec.structs import replace

from bridge.contract.features import Feature, Level
from bridge.model.events import Edit, Event, Message, Text
from bridge.routing.fit.context import Fitted, Fitting
from bridge.routing.fit.message import fit_message

_FRESH = timedelta(hours=24)
"""A correction line speaks of what readers still have before them; later it would only puzzle them."""
_MARK = "* "
_EDITED = " (edited)"


def fit_edit(edit: Edit, fitting: Fitting) -> Fitted:
    """Part by part an `Edit` of the same part where edits are NATIVE; a `Message` in every other case."""
    level, subject = fitting.level(Feature.EDIT), fitting.context.subject
    if subject is not None and edit.message.post is not None:
        post = replace(edit.message.post, written_at=subject.happened_at)
        edit = replace(edit, message=replace(edit.message, post=post))
    if not fitting.present(edit.target.key):
        return fit_message(_marked(edit.message), fitting)
    if level is Level.NATIVE:
        fitted = fit_message(_answering(edit.message, subject), fitting)
        bodies = tuple((_with(edit, body), part) for body, part in fitted.bodies)
        return Fitted(bodies=bodies, refused=fitted.refused, dropped=fitted.dropped)
    if level is Level.RENDERED:
        if subject is not None and fitting.context.now - subject.happened_at > _FRESH:
            return Fitted(refused=fitting.sorry("an edit of something said long ago"), dropped=(Feature.EDIT,))
        correction = _correction(edit.message, subject)
        return Fitted(dropped=(Feature.EDIT,)) if correction is None else fit_message(correction, fitting)
    return Fitted(refused=fitting.sorry("edits") if level is Level.REFUSED else None, dropped=(Feature.EDIT,))


def _with(edit: Edit, body: object) -> Edit:
    return replace(edit, message=body)


def _answering(message: Message, subject: Event | None) -> Message:
    """Where an edit says nothing of what it answers, as on Matrix, that is still what its first words did."""
    first = None if subject is None else subject.body
    if not isinstance(first, Message) or message.reply_to is not None or message.thread is not None:
        return message
    return replace(message, reply_to=first.reply_to, thread=first.thread)


def _marked(message: Message) -> Message:
    html = message.text.html
    return replace(message, text=Text(plain=message.text.plain + _EDITED, html=None if html is None else html + _EDITED))


def _correction(message: Message, subject: Event | None) -> Message | None:
    """`* ` and the new text; of many lines only those that are new. None where the words are the same as before."""
    new, old = message.text.plain, ""
    if subject is not None and isinstance(subject.body, Message):
        old = subject.body.text.plain
    if not new.strip() or new == old:
        return None
    lines = new.split("\n")
    if len(lines) == 1:
        html = message.text.html
        text = Text(plain=_MARK + new, html=None if html is None else _MARK + html)
    else:
        known = frozenset(old.split("\n"))
        changed = [line for line in lines if line.strip() and line not in known] or lines
        text = Text(plain="\n".join(_MARK + line for line in changed if line.strip()))
    return Message(text=text, style=message.style, mentions=message.mentions, warning=message.warning)
