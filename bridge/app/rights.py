"""Who may link what to which room by a word.

A channel of a login, or of one Matrix user, shows what its owner alone may see. So only its owner links it, and only into a room
that nobody enters uninvited; the configuration file may do more, for its author is the operator.
"""

from bridge.app.logins import AllLogins
from bridge.app.networks import Networks
from bridge.commands.desk import TERMINAL
from bridge.commands.linking import POWER
from bridge.commands.office import Refused
from bridge.contract.errors import DeliveryError
from bridge.contract.words import Asker
from bridge.matrix.state import RoomStates
from bridge.model.ids import ChannelId
from bridge.model.permissions import Permission


class Rights:
    def __init__(self, networks: Networks, logins: AllLogins, states: RoomStates) -> None:
        self._networks = networks
        self._logins = logins
        self._states = states

    async def check(self, channel: ChannelId, room: str, user: str) -> None:
        """Whether `user` may link a channel to this room, as far as it is one person's. Raises `Refused`, `Unavailable`."""
        if self.personal(channel, user) and not await self._states.is_private(room):
            raise Refused(
                f"{channel} shows what only its owner may see, so it can only be linked to a room that is by invitation. "
                "The configuration file may do otherwise."
            )

    def personal(self, channel: ChannelId, user: str) -> bool:
        """Whether the channel is one person's, who `user` must be. Raises `Refused`."""
        owner, name = self._networks.owner_of(channel), self._networks.login_of(channel)
        if owner not in (None, user):
            raise Refused(f"{channel} is a chat of {owner}'s: only they may link it.")
        if name is None:
            return owner is not None
        login = self._logins.get(channel.network, name)
        if login is None:
            raise Refused(f'There is no login {name} on {channel.network}: "login {channel.network} --name {name}" makes it.')
        if login.user != user:
            hint = " (act for them with --as @user:domain)" if user == TERMINAL else ""
            raise Refused(f"{channel} belongs to the login {name}: only its owner may link it{hint}.")
        return True

    async def may_change(self, asker: Asker, room: str) -> None:
        """Whether the asker may change what comes into a room. Raises `Refused`."""
        if asker.permission >= Permission.ADMIN:
            return
        power = asker.room_power if asker.room == room else await self._states.power_of(room, asker.user)
        if power is None or power < POWER:
            raise Refused(f"That needs power level {POWER} in the room; yours is {power or 0}.")

    async def sees(self, user: str, room: str) -> bool:
        """Whether the user is in the room or invited, as far as can be told."""
        try:
            return await self._states.expects(room, user)
        except DeliveryError:
            return False
