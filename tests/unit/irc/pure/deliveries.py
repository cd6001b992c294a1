"""Deliveries for tests of the pure half."""

from datetime import UTC, datetime
from typing import Any

from bridge.contract.delivery import Delivery
from bridge.contract.features import Voice, VoiceKind
from bridge.model.events import Body
from bridge.model.ids import HUB, ChannelId, EventKey, IdentityId, NetworkName
from bridge.model.people import Identity, Profile

NETWORK = NetworkName("local")
NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
ALICE = Identity(id=IdentityId(HUB, "@alice:localhost"), profile=Profile(name="Alice"))


def delivery(body: Body, **changes: Any) -> Delivery:
    given: dict[str, Any] = {
        "id": "0123456789abcdef0123456789abcdef",
        "channel": ChannelId(NETWORK, "#lobby"),
        "event": EventKey(HUB, "$event"),
        "author": ALICE,
        "voice": Voice(kind=VoiceKind.PREFIX, name="Alice", prefix="<Alice> "),
        "body": body,
        "happened_at": NOW,
        "accepted_at": NOW,
    }
    return Delivery(**{**given, **changes})
