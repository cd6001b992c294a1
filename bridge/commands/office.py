"""What words need of the running bridge, and no more. The bridge's composition root is the office; tests have a small one."""

from collections.abc import Mapping, Sequence
from typing import Protocol

from bridge.contract.adapter import ChannelInfo, NetworkState
from bridge.contract.errors import BridgeError
from bridge.contract.logins import Login
from bridge.ledger.rows import Entry, Trace
from bridge.model.ids import ChannelId, EventKey, IdentityId
from bridge.model.permissions import Permission
from bridge.model.portals import Direction, Link, Portal


class Refused(BridgeError):
    """The office will not or can't do it. Its text is the answer to the asker: plain words, no secrets."""


class Office(Protocol):
    def permissions(self) -> Mapping[str, Permission]:
        """As in the settings."""
        ...

    def portals(self) -> Sequence[Portal]: ...

    def links(self) -> Sequence[Link]: ...

    def networks(self) -> Sequence[NetworkState]:
        """One for each configured network."""
        ...

    def login_troubles(self) -> Sequence[tuple[Login, str]]:
        """Logins that their networks refuse, and why."""
        ...

    def opened(self, channel: ChannelId) -> ChannelInfo | None:
        """What the network said when the channel was last opened; None while nothing was said."""
        ...

    def channel(self, text: str) -> ChannelId:
        """Reads `network/channel` and folds it as the network does. Raises `Refused`: unknown network, no channel of it."""
        ...

    async def room_id(self, room: str) -> str:
        """The room id that an alias or a room id names. Raises `Refused` where there is no such room."""
        ...

    async def power(self, room_id: str, user: str) -> int | None:
        """The user's power level in a room; None where they are not in it or we can't see it."""
        ...

    async def link(self, *, room_id: str, channel: ChannelId, direction: Direction | None, relay: bool | None, by: str) -> Link:
        """Joins a room and a channel, making the portal where the room is none yet, and opens the channel.

        Who asks has been checked already. None leaves an option to the portal's kind. Raises `Refused`.
        """
        ...

    async def problems(self, room_id: str) -> Sequence[str]:
        """What in the room keeps the bridge from working well there, in plain words; none: all is well."""
        ...

    async def unlink(self, link: Link) -> None:
        """Raises `Refused`."""
        ...

    async def counts(self) -> Mapping[str, int]:
        """Deliveries by state."""
        ...

    async def trace(self, key: EventKey) -> Trace | None:
        """Everything known of the event that this native id names: itself, an alias or a copy of it."""
        ...

    async def dead(self, limit: int, channel: ChannelId | None) -> Sequence[Entry]:
        """The newest dead letters first."""
        ...

    async def replay(self, ids: Sequence[str] | None, channel: ChannelId | None) -> Sequence[Entry]:
        """Puts dead letters at the end of their lanes again: those named, or all (of one channel)."""
        ...

    async def claim(self, identity: IdentityId, user: str) -> None:
        """From now on the identity appears as that Matrix user; with an empty `user` as its puppet. Raises `Refused`."""
        ...

    async def claims(self) -> Mapping[str, str]:
        """ "network/identity" → user id."""
        ...
