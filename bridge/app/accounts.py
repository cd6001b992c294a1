"""Logins made, shown and forgotten: `bridge.commands.login.Accounts` over the ledger, the networks and the timelines."""

import logging
import re
from collections.abc import Sequence
from functools import partial

from msgspec.structs import replace

from bridge.app.following import Timelines
from bridge.app.logins import AllLogins, handle_of
from bridge.app.networks import Networks
from bridge.app.switchboard import Switchboard
from bridge.app.talks import Talks
from bridge.app.troubles import Troubles
from bridge.commands.login import Account
from bridge.commands.office import Refused
from bridge.config.settings import PortalSettings
from bridge.contract.errors import DeliveryError
from bridge.contract.logins import LoggedIn, Login
from bridge.contract.words import Answer, Asker
from bridge.ledger.ledger import Ledger
from bridge.matrix.doubles import Doubles
from bridge.matrix.state import RoomStates
from bridge.model.ids import ChannelId, NetworkName
from bridge.model.permissions import Permission
from bridge.model.portals import Portal, Source

NAME = re.compile(r"[A-Za-z0-9._-]{1,32}")
_USUAL = "me"


class Accounts:
    def __init__(
        self,
        ledger: Ledger,
        logins: AllLogins,
        networks: Networks,
        switchboard: Switchboard,
        settings: Sequence[PortalSettings],
        *,
        talks: Talks,
        timelines: Timelines,
        troubles: Troubles,
        states: RoomStates,
        doubles: Doubles,
        bot: str,
        domain: str,
        may_double: bool,
        log: logging.Logger,
    ) -> None:
        self._ledger = ledger
        self._logins = logins
        self._networks = networks
        self._switchboard = switchboard
        self._settings = settings
        self._talks, self._timelines, self._troubles = talks, timelines, troubles
        self._states, self._doubles = states, doubles
        self.bot = bot
        self._tail = f":{domain}" if may_double else None
        self._log = log

    async def log_in(self, asker: Asker, network: str, name: str | None) -> Answer:
        offered = self._networks.with_logins()
        place = NetworkName(network)
        if place not in offered:
            known = ", ".join(offered) or "none"
            raise Refused(f'One can\'t log in to "{network}"; networks with logins: {known}.')
        if name is None:
            name = await self._free_name(asker, place)
        elif (why_not := await self._why_not(asker, place, name)) is not None:
            raise Refused(why_not)
        return await self._talks.begin(asker, offered[place].steps(name), partial(self._finish, asker.user, place, name))

    async def log_out(self, asker: Asker, login: str) -> str:
        mine = [
            held
            for held in self._logins.all()
            if login in (held.name, handle_of(held)) and (held.user == asker.user or asker.permission >= Permission.ADMIN)
        ]
        if not mine:
            raise Refused(f'There is no login "{login}" of yours; "logins" shows them.')
        if len(mine) > 1:
            raise Refused(f"Which? {' or '.join(handle_of(held) for held in mine)}.")
        held = mine[0]
        left = await self._unlink(held)
        await self._logins.remove(held.network, held.name)
        self._troubles.gone(held)
        await self._unclaim(held)
        await self._networks.login_changed(held)
        more = " The configuration file still names its channels: they stay shut." if left else ""
        return f"Logged out of {held.network}: the login {held.name} and its secrets are forgotten.{more}"

    def accounts(self, user: str | None) -> Sequence[Account]:
        troubles = {handle_of(login): reason for login, reason in self._troubles.now()}
        return [
            Account(
                network=login.network,
                name=login.name,
                user=login.user,
                identity=None if login.identity is None else login.identity.id,
                trouble=troubles.get(handle_of(login)),
            )
            for login in self._logins.all()
            if user in (None, login.user)
        ]

    # making one

    async def _free_name(self, asker: Asker, network: NetworkName) -> str:
        local = re.sub("[^A-Za-z0-9._-]", "", asker.user[1:].partition(":")[0])[:24] or "user"
        for name in (_USUAL, local, *(f"{local}{number}" for number in range(2, 50))):
            if self._logins.get(network, name) is None and await self._why_not(asker, network, name) is None:
                return name
        raise Refused("Choose a name for the login with --name.")

    async def _why_not(self, asker: Asker, network: NetworkName, name: str) -> str | None:
        """Names that differ in case alone are one to people, and to networks that fold them."""
        if not NAME.fullmatch(name):
            return 'A login\'s name has 1 to 32 letters, digits, "-", "_" and ".".'
        for login in self._logins.of(network):
            if login.name.casefold() == name.casefold() and (login.user != asker.user or login.name != name):
                return f"The name {name} is taken on {network}: choose another with --name."
        for portal in self._settings:
            if self._names(portal, network, name) and not await self._is_meant(asker, portal):
                return f"The configuration keeps the name {name} on {network} for others: choose another with --name."
        return None

    def _names(self, portal: PortalSettings, network: NetworkName, name: str) -> bool:
        through = [link.channel for link in portal.links if link.channel.network == network]
        return f"{network}@{name}" in portal.post_to or any(self._networks.login_of(channel) == name for channel in through)

    async def _is_meant(self, asker: Asker, settings: PortalSettings) -> bool:
        """Who takes a name that the file gives a room has that room: so only whom the file lets in, or who rules there."""
        if asker.permission >= Permission.ADMIN or asker.user in settings.invite:
            return True
        portal = self._switchboard.portal_called(settings.room)
        return portal is not None and (await self._states.power_of(portal.room, asker.user) or 0) >= 50

    async def _finish(self, user: str, network: NetworkName, name: str, result: LoggedIn) -> Answer:
        """Its secrets are kept, its network told, its channels linked. The login stands even where the rooms can't be had now."""
        login = Login(user=user, network=network, name=name, identity=result.identity.id, secrets=dict(result.secrets))
        before = self._logins.get(network, name)
        if before is not None and before.identity not in (None, login.identity):
            raise Refused(f"The login {name} is for {before.identity}: log out of it first, or choose another --name.")
        await self._ledger.save_identity(result.identity)
        await self._logins.save(login)
        await self._claim(login)
        await self._networks.login_changed(login)
        text = f"Logged in to {network} as {result.identity.name}; the login is called {name}."
        return Answer(
            text=f"{text} {await self._settle(login, result.channels)}".rstrip(), data={"network": network, "name": name}
        )

    async def _settle(self, login: Login, offered: Sequence[str]) -> str:
        channels = [ChannelId(login.network, id) for id in offered]
        channels = [channel for channel in channels if self._networks.login_of(channel) == login.name]
        if not channels:
            return ""
        listed = ", ".join(str(channel) for channel in channels)
        try:
            portal = await self._timelines.of_login(login)
            await self._timelines.link(portal, channels)
        except DeliveryError as error:
            self._log.warning("the channels of %s are not linked: %s", handle_of(login), error.reason)
            return f'But no room for it can be had now ({error.reason}): say "follow {channels[0]}" later.'
        return f"In {_shown(portal)} you have now {listed}."

    async def _claim(self, login: Login) -> None:
        """Both sides are proved: what the account says appears as its owner's own words."""
        if self._tail is not None and login.user.endswith(self._tail) and login.identity is not None:
            await self._doubles.claim(login.identity, login.user)

    # forgetting one

    async def _unclaim(self, login: Login) -> None:
        if login.identity is not None and (await self._doubles.claims()).get(str(login.identity)) == login.user:
            await self._doubles.claim(login.identity, "")

    async def _unlink(self, login: Login) -> bool:
        """Takes away what was linked by a word, and its place in `post_to`; whether the file has links that must stay."""
        through = [
            link
            for link in self._switchboard.links
            if link.channel.network == login.network and self._networks.login_of(link.channel) == login.name
        ]
        for link in through:
            if link.source is not Source.FILE:
                await self._ledger.remove_link(link.id)
        for portal in self._switchboard.portals:
            rest = tuple(handle for handle in portal.post_to if handle != handle_of(login))
            if rest != portal.post_to and not self._timelines.is_files(portal):
                await self._ledger.change_portal(replace(portal, post_to=rest))
        await self._switchboard.refresh()
        return any(link.source is Source.FILE for link in through)


def _shown(portal: Portal) -> str:
    return portal.alias or f"your timeline (https://matrix.to/#/{portal.room})"
