"""The mark on everything we send: which delivery it was, where it came from, which bridges it has passed."""

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


def stamp_for(delivery: Delivery) -> dict[str, Any]:
    return {"delivery": delivery.id, "origin": str(delivery.event), "hops": list(delivery.hops)}


def stamp_of(content: Raw) -> Stamp:
    """Anybody can write a stamp, so whatever is not well formed in it counts as absent; its delivery proves nothing
    unless the sender is one of ours."""
    raw = content.get(STAMP)
    if not isinstance(raw, dict):
        return Stamp()
    delivery, origin, hops = raw.get("delivery"), raw.get("origin"), raw.get("hops")
    return Stamp(
        delivery if isinstance(delivery, str) else None,
        origin if isinstance(origin, str) else None,
        tuple(hop for hop in hops[:_MOST_HOPS] if isinstance(hop, str) and hop.isprintable()) if isinstance(hops, list) else (),
    )
