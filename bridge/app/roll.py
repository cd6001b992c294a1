"""Whose accounts there are, as routing asks: made anew only when a login came or went."""

from collections.abc import Sequence

from bridge.app.logins import AllLogins
from bridge.app.networks import Networks
from bridge.contract.logins import Login
from bridge.model.ids import ChannelId
from bridge.routing.accounts import Account, Accounts


class Roll:
    def __init__(self, logins: AllLogins, networks: Networks) -> None:
        self._logins = logins
        self._networks = networks
        self._of: Sequence[Login] | None = None
        self._accounts = Accounts()

    def accounts(self) -> Accounts:
        logins = self._logins.all()
        if logins != self._of:
            self._of = logins
            self._accounts = Accounts(map(self._account, logins), self._networks.login_of)
        return self._accounts

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
