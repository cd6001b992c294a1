"""What rooms refuse, in plain words (XEP-0045 §7.2 and §9). Pure."""

from msgspec import Struct

from adapters.xmpp.stanza.parts import Muc
from bridge.contract.errors import DeliveryError, Rejected, Unavailable

SOON = 0.2
"""Seconds: what bounced because we had fallen out of a room goes again when we are back in."""
LIMITED_SECONDS = 3.0
"""When what was too much for a room may be tried again."""

CONFLICT = "conflict"
"""Somebody else has the nick."""
NOT_IN = "not-acceptable"
"""To a message: its sender is not in the room (XEP-0410 §3); to a join: the room wants its registered nick."""

_JOINING = {
    "forbidden": "banned from the room",
    "gone": "the room is gone",
    "internal-server-error": "the room failed",
    "item-not-found": "there is no such room, or it is not open yet",
    "jid-malformed": "the room takes no such nick",
    "not-acceptable": "the room wants another nick",
    "not-allowed": "there is no such room, and it may not be made",
    "not-authorized": "the room needs a password, or another one (`room_keys`)",
    "registration-required": "the room is for its members only",
    "remote-server-not-found": "the room's server cannot be found",
    "remote-server-timeout": "the room's server does not answer",
    "resource-constraint": "the room or its server has too much to do",
    "service-unavailable": "the room is full, or its service is away",
}
_LASTING = frozenset(
    {"forbidden", "gone", "jid-malformed", "not-acceptable", "not-allowed", "not-authorized", "registration-required"}
)
AWAY = frozenset(
    {"internal-server-error", "remote-server-not-found", "remote-server-timeout", "resource-constraint", "service-unavailable"}
)
"""The room's server is not there, or fails: what it knows of us can't be told, and when it is back it may be nothing."""
_SAYING = {
    "forbidden": "has no voice in the room: it is moderated",
    "item-not-found": "the room does not know what this is about",
    "not-allowed": "the room does not allow it",
    "policy-violation": "it is against the rules of the room's server",
    "registration-required": "the room is for its members only",
}


class Refused(Struct, frozen=True):
    """Why one of us is not in a room. `lasting`: trying again soon will not help, and whoever talks there is told.

    `final`: nobody comes back unasked: the room is no more, or a person was sent away.
    """

    words: str
    lasting: bool = False
    final: bool = False


def joining(condition: str, text: str) -> Refused:
    words = _JOINING.get(condition, condition.replace("-", " "))
    if text and text != condition.replace("-", " "):
        words = f"{words} ({text})"
    return Refused(words, condition in _LASTING)


def saying(condition: str, words: str, kind: str) -> DeliveryError:
    """What comes of a message that a room sent back. That it was sent back means that nobody there saw it."""
    if condition == NOT_IN:
        return Unavailable("was no longer in the room", retry_after=SOON)
    if kind == "wait" or (condition in ("resource-constraint", "policy-violation") and kind != "cancel"):
        return Unavailable(words, retry_after=LIMITED_SECONDS)
    if condition in AWAY:
        return Unavailable(_JOINING[condition])
    known = _SAYING.get(condition)
    return Rejected(known if known is not None else words)


def gone(muc: Muc, *, listens: bool, person: bool) -> Refused:
    """Why one of us is in a room no more, by its own unavailable presence. `person`: all of us are one.

    A kick keeps out who speaks, since their next words would bring them back; who listens for all comes back by itself.
    """
    codes, item = muc.codes, muc.item
    reason = muc.reason or (item.reason if item is not None else "")
    said = f": {reason}" if reason else ""
    if muc.destroyed:
        on = f"; it goes on at {muc.moved_to}" if muc.moved_to else ""
        return Refused(f"the room was closed{said}{on}", lasting=True, final=True)
    by = f" by {item.actor}" if item is not None and item.actor else ""
    if 301 in codes:
        return Refused(f"banned from the room{by}{said}", lasting=True, final=person)
    if 307 in codes and 333 not in codes:
        return Refused(f"kicked from the room{by}{said}", lasting=person or not listens, final=person)
    if 321 in codes or 322 in codes:
        return Refused(f"the room is for its members only now{said}", True)
    if 332 in codes:
        return Refused("the room's service was shut down")
    return Refused(f"no longer in the room{said}")
