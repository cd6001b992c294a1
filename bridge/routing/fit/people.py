"""Comings and goings, and new names: natively, else one line in the third person."""

from bridge.contract.features import Feature, Level
from bridge.model.events import Membership, Message, Move, ProfileChange, Style, Text
from bridge.model.people import Identity
from bridge.routing.fit.context import Fitted, Fitting
from bridge.routing.fit.message import fit_message
from bridge.routing.names import safe_name
from bridge.text.plain import excerpt

_OWN = {
    Move.JOIN: "joined",
    Move.LEAVE: "left",
    Move.KICK: "was kicked",
    Move.BAN: "was banned",
    Move.UNBAN: "was unbanned",
    Move.INVITE: "was invited",
}
_ANOTHERS = {
    Move.JOIN: "brought {} in",
    Move.LEAVE: "saw {} leave",
    Move.KICK: "kicked {}",
    Move.BAN: "banned {}",
    Move.UNBAN: "unbanned {}",
    Move.INVITE: "invited {}",
}


def fit_membership(membership: Membership, fitting: Fitting) -> Fitted:
    return _native_or_line(Feature.MEMBERSHIP, membership, _move_line(membership, fitting), fitting)


def fit_profile(change: ProfileChange, fitting: Fitting) -> Fitted:
    name = safe_name(change.profile.name or "")
    return _native_or_line(Feature.PROFILE, change, f"is now known as {name}" if name else "", fitting)


def _native_or_line(feature: Feature, body: Membership | ProfileChange, line: str, fitting: Fitting) -> Fitted:
    level = fitting.level(feature)
    if level is Level.NATIVE:
        return Fitted(bodies=((body, 0),))
    if level is Level.RENDERED and line:
        return fit_message(Message(text=Text(plain=line), style=Style.EMOTE), fitting)
    return Fitted(dropped=(feature,))


def _move_line(membership: Membership, fitting: Fitting) -> str:
    """What the event's author did, or what befell them."""
    who = membership.who
    if membership.move is Move.RENAME:
        line = f"is now known as {_name(who, fitting)}"
    elif who.id == fitting.event.author.id:
        line = _OWN[membership.move]
        if membership.by is not None and membership.by.id != who.id:
            line += f" by {_name(membership.by, fitting)}"
    else:
        line = _ANOTHERS[membership.move].format(_name(who, fitting))
    return f"{line} ({excerpt(membership.reason, 100)})" if membership.reason else line


def _name(who: Identity, fitting: Fitting) -> str:
    return fitting.name_of(who)
