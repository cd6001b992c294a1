"""Reactions: the author's whole set on the copy, else one line that names it."""

from bridge.contract.features import Feature, Level
from bridge.model.events import Message, Reactions, Style, Text
from bridge.routing.fit.context import Fitted, Fitting
from bridge.routing.fit.message import fit_message
from bridge.text.plain import cut, excerpt, one_line

_KEYS = 12
_KEY_GRAPHEMES = 24


def fit_reactions(reactions: Reactions, fitting: Fitting) -> Fitted:
    level = fitting.level(Feature.REACTIONS)
    if level is Level.DROPPED or not fitting.present(reactions.target.key):
        return Fitted(dropped=(Feature.REACTIONS,))
    if level is Level.NATIVE:
        return Fitted(bodies=((reactions, 0),))
    if level is Level.REFUSED:
        return Fitted(refused=fitting.sorry("reactions"), dropped=(Feature.REACTIONS,))
    if not reactions.keys:
        return Fitted(dropped=(Feature.REACTIONS,))
    return fit_message(Message(text=Text(plain=_line(reactions, fitting)), style=Style.EMOTE), fitting)


def _line(reactions: Reactions, fitting: Fitting) -> str:
    """`reacted 👍 to bob: "first words…"`."""
    keys = " ".join(cut(one_line(key), _KEY_GRAPHEMES) for key in reactions.keys[:_KEYS])
    more = "…" if len(reactions.keys) > _KEYS else ""
    target = reactions.target
    name = fitting.name_of(target.author) if target.author is not None else ""
    words = f'"{excerpt(target.excerpt)}"' if target.excerpt else ""
    of = ": ".join(part for part in (name, words) if part)
    return f"reacted {keys}{more} to {of}" if of else f"reacted {keys}{more}"
