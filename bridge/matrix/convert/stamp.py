"""The mark on everything we send: which delivery it was, where it came from, which bridges it has passed.

It is sealed with who sends it where: a client that forwards a message copies all that is in it, and the copy is its
sender's own words, which are no echo and close no loop.
"""

from typing import Any

from msgspec import Struct

from bridge.contract.delivery import Delivery
from bridge.matrix.convert.fields import Raw

STAMP = "org.unabridged"
_MOST_HOPS = 32


class Stamp(Struct, frozen=True):
    delivery: str | None = None
    origin: str | None = None
    hops: tuple[str, ...] = ()
    partial: bool = False
    """The delivery is several events: one of them does not stand for all."""


def stamp_for(delivery: Delivery) -> dict[str, Any]:
    return {"delivery": delivery.id, "origin": str(delivery.event), "hops": list(delivery.hops)}


def seal(content: dict[str, Any], sender: str, room: str) -> dict[str, Any]:
    """The content as this user sends it to this room; unchanged where nothing is stamped."""
    return content | {STAMP: content[STAMP] | {"sender": sender, "room": room}} if STAMP in content else content


def stamp_of(event: Raw) -> Stamp:
    """Anybody can write a stamp, so whatever is not well formed in it, or sealed for others than the event's sender and
    room, counts as absent; its delivery proves nothing unless the sender is one of ours."""
    content = event.get("content")
    raw = content.get(STAMP) if isinstance(content, dict) else None
    if not isinstance(raw, dict) or (raw.get("sender"), raw.get("room")) != (event.get("sender"), event.get("room_id")):
        return Stamp()
    delivery, origin, hops = raw.get("delivery"), raw.get("origin"), raw.get("hops")
    return Stamp(
        delivery if isinstance(delivery, str) else None,
        origin if isinstance(origin, str) else None,
        tuple(hop for hop in hops[:_MOST_HOPS] if isinstance(hop, str) and hop.isprintable()) if isinstance(hops, list) else (),
        raw.get("partial") is True,
    )
