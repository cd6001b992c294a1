"""Whose accounts there are: which channel is seen and written through which login, and who alone may write there. Pure."""

from collections.abc import Callable, Iterable

from msgspec import Struct

from bridge.model.events import Event, Redaction
from bridge.model.ids import HUB, ChannelId, IdentityId, NetworkName


class Account(Struct, frozen=True, kw_only=True):
    """A login, as far as writing with it goes. Written `network@name`."""

    network: NetworkName
    name: str
    owner: str
    """A Matrix user id: nobody else writes with it."""
    identity: IdentityId | None = None
    """Who it is over there; None where that is not known."""
    posts_to: ChannelId | None = None
    """Where what answers nothing is posted; None where nothing can be."""

    def __str__(self) -> str:
        return f"{self.network}@{self.name}"

    def is_of(self, who: IdentityId) -> bool:
        return who.network == HUB and who.id == self.owner


def _nobody(channel: ChannelId) -> str | None:
    return None


class Accounts:
    """All of them. `login_of` tells the name of the login that a channel is seen through, `owner_of` the Matrix user whose own a
    channel without a login is; both from the channel alone."""

    def __init__(
        self,
        accounts: Iterable[Account] = (),
        login_of: Callable[[ChannelId], str | None] = _nobody,
        owner_of: Callable[[ChannelId], str | None] = _nobody,
    ) -> None:
        self._accounts = {(account.network, account.name): account for account in accounts}
        self._login_of, self._owner_of = login_of, owner_of
        self._identities: dict[IdentityId, tuple[Account, ...]] = {}
        for account in self._accounts.values():
            if account.identity is not None:
                self._identities[account.identity] = (*self.known_as(account.identity), account)

    def __bool__(self) -> bool:
        return bool(self._accounts)

    def networks(self) -> tuple[NetworkName, ...]:
        """On which there are any."""
        return tuple(dict.fromkeys(network for network, _ in self._accounts))

    def is_personal(self, channel: ChannelId) -> bool:
        """Whether it is one person's: seen through a login, be that one of ours any more or not, or somebody's without one."""
        return self._login_of(channel) is not None or self._owner_of(channel) is not None

    def may_write(self, who: IdentityId, channel: ChannelId) -> bool:
        """Whether a personal channel is somebody's own."""
        account = self.of(channel)
        if account is not None:
            return account.is_of(who)
        return who.network == HUB and self._owner_of(channel) == who.id

    def of(self, channel: ChannelId) -> Account | None:
        """Through which a channel is seen."""
        name = self._login_of(channel)
        return None if name is None else self._accounts.get((channel.network, name))

    def owned_by(self, who: IdentityId) -> tuple[Account, ...]:
        """By network and name."""
        return tuple(account for _, account in sorted(self._accounts.items()) if account.is_of(who))

    def known_as(self, who: IdentityId) -> tuple[Account, ...]:
        """Those that somebody of a network is."""
        return self._identities.get(who, ())

    def named(self, handle: str) -> Account | None:
        """`network@name`, as settings name it."""
        network, _, name = handle.partition("@")
        return self._accounts.get((NetworkName(network), name))


NO_ACCOUNTS = Accounts()


def took_back(event: Event, original: Event | None, accounts: Accounts) -> bool:
    """Whether somebody deletes, under the name of their account, what they wrote with it on the hub."""
    if not isinstance(event.body, Redaction) or original is None or original.author.id.network != HUB:
        return False
    return any(account.is_of(original.author.id) for account in accounts.known_as(event.author.id))


def called(said: str, mine: Iterable[Account]) -> tuple[Account, ...]:
    """Those of `mine` that somebody means by a name with or without its network; case doesn't count."""
    wanted = said.casefold()
    return tuple(account for account in mine if wanted in (account.name.casefold(), str(account).casefold()))
