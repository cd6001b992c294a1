"""Who moderates a Matrix room, for the networks that show it."""

from collections.abc import Callable
from typing import Any

import msgspec

from bridge.contract.features import Feature
from bridge.delivery.signals import SignalRouter
from bridge.ledger.rows import Chore
from bridge.matrix.state import RoomStates
from bridge.model.ids import HUB, ChannelId, IdentityId
from bridge.model.signals import Moderators

MOST = 100


class Moderating:
    """`is_ours(user)`: the bot, or a puppet of ours. `repowered(room)` is told of each change of a room's power levels."""

    def __init__(
        self,
        states: RoomStates,
        is_ours: Callable[[str], bool],
        signals: SignalRouter,
        repowered: Callable[[str], None],
    ) -> None:
        self._states, self._is_ours, self._signals, self._repowered = states, is_ours, signals, repowered

    async def note(self, chore: Chore) -> None:
        """A room's power levels changed. Doing it twice changes nothing."""
        room = str(msgspec.json.decode(chore.payload, type=dict[str, Any]).get("room_id"))
        self._repowered(room)
        await self.tell(room)

    async def tell(self, room: str) -> None:
        """Who may kick, ban and delete there now; not asked where nobody heeds it. Raises what `RoomStates.of` raises."""
        channel = ChannelId(HUB, room)
        if not self._signals.heeds(channel, Feature.MODERATORS):
            return
        power = (await self._states.of(room)).power
        users = [user for user in dict.fromkeys((*sorted(power.creators), *power.users)) if not self._is_ours(user)]
        who = [user for user in users if all(power.may(user, action) for action in ("kick", "ban", "redact"))]
        self._signals.signal(Moderators(channel=channel, of=channel, who=tuple(IdentityId(HUB, user) for user in who[:MOST])))
