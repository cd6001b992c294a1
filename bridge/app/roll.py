"""Whose accounts there are, as routing asks: from the ledger's thread, so what it is given is made here and never changed."""

from bridge.app.logins import AllLogins
from bridge.app.networks import Networks
from bridge.app.switchboard import Switchboard
from bridge.contract.logins import Login
from bridge.model.ids import ChannelId
from bridge.routing.accounts import Account, Accounts


class Roll:
    """Made anew whenever a login comes or goes."""

    def __init__(self, logins: AllLogins, networks: Networks, switchboard: Switchboard) -> None:
        self._logins = logins
        self._networks = networks
        self._switchboard = switchboard
        self._accounts = self._made()
        logins.tell(self._changed)

    def accounts(self) -> Accounts:
        return self._accounts

    def told_in(self, channel: ChannelId) -> ChannelId | None:
        """Where people are told what became of something said in a channel: there, but never in public in somebody's name."""
        if not self._accounts.is_personal(channel):
            return channel
        return next((portal.channel for portal, _ in self._switchboard.topology.legs_in(channel)), None)

    def _changed(self) -> None:
        self._accounts = self._made()

    def _made(self) -> Accounts:
        return Accounts(map(self._account, self._logins.all()), self._networks.login_of, self._networks.owner_of)

    def _account(self, login: Login) -> Account:
        manifest = self._networks.manifests.get(login.network)
        posts_to = manifest.posts_to if manifest is not None else None
        return Account(
            network=login.network,
            name=login.name,
            owner=login.user,
            identity=login.identity,
            posts_to=None if posts_to is None else ChannelId(login.network, posts_to(login.name)),
        )
