"""The accounts of all logins while the network runs: each is kept going by itself."""

import asyncio
import ssl
from collections.abc import Callable, Iterable
from functools import partial

from adapters.xmpp.accounts.account import Account
from adapters.xmpp.accounts.features import direct_features
from adapters.xmpp.accounts.services import Services
from adapters.xmpp.config import XmppConfig
from adapters.xmpp.faults import BUG, CRASH_SECONDS, contained
from adapters.xmpp.ids import Kind, Place, place_of
from adapters.xmpp.manifest import room_features
from adapters.xmpp.outbound import chat_state, displayed
from adapters.xmpp.wire.uploads import Uploads
from bridge.contract.adapter import ChannelInfo, Inlet
from bridge.contract.delivery import Delivery, Receipt
from bridge.contract.errors import DeliveryError, Disconnected, Rejected, Unavailable
from bridge.contract.features import Features
from bridge.contract.logins import Login
from bridge.contract.toolbox import Toolbox
from bridge.model.ids import HUB, ChannelId, IdentityId, NetworkName
from bridge.model.people import Profile
from bridge.model.signals import Presence, Signal, Typing


class Crew:
    """A `parts.Part` for the channels of logins. `run` while the network does; `changed` may be called before."""

    def __init__(self, network: NetworkName, config: XmppConfig, inlet: Inlet, tools: Toolbox) -> None:
        self._network, self._config, self._inlet, self._tools = network, config, inlet, tools
        self._accounts: dict[str, Account] = {}
        self._keepers: dict[str, asyncio.Task[None]] = {}
        self._uploads = Uploads(tools)
        self._owners: dict[str, Presence] = {}
        self._opened: dict[str, set[ChannelId]] = {}
        """By login."""
        self._well: set[str] = set()
        self._news = asyncio.Event()
        """A login came or went, or an account's state changed."""

    # life

    async def run(self, ready: Callable[[], None] = lambda: None) -> None:
        """Until cancelled. `ready` is called once it is known of each account whether it can be connected.

        Raises `Disconnected` where the certificate file can't be used.
        """
        context, told = await asyncio.to_thread(tls_context, self._config), False
        try:
            async with asyncio.TaskGroup() as group:
                while True:
                    self._news.clear()
                    self._staff(group, context)
                    if not told and all(account.tried for account in self._accounts.values()):
                        told = True
                        ready()
                    await self._news.wait()
        finally:
            self._accounts, self._keepers, self._well = {}, {}, set()

    def changed(self) -> None:
        """The logins are others than before."""
        self._news.set()

    def account(self, login: str) -> Account | None:
        """None while the network doesn't run, too."""
        return self._accounts.get(login)

    def accounts(self) -> Iterable[Account]:
        return [*self._accounts.values()]

    def _staff(self, group: asyncio.TaskGroup, context: ssl.SSLContext) -> None:
        """An account for each login, as it is now."""
        logins = {login.name: login for login in self._tools.logins.all()}
        for name in [name for name, account in self._accounts.items() if logins.get(name) != account.login]:
            self._keepers.pop(name).cancel()
            del self._accounts[name]
        for name, login in logins.items():
            if name in self._accounts:
                continue
            try:
                account = self._account(login, context)
            except ValueError as error:
                self._tools.log.warning("the login %s can't be used: %s", name, error)
                self._tools.logins.trouble(name, f"it can't be used, log in again: {error}")
                continue
            if (owner := self._owners.get(login.user)) is not None:
                account.showing.appear(owner)
            self._accounts[name] = account
            self._keepers[name] = group.create_task(self._keep(account))

    async def _keep(self, account: Account) -> None:
        """To its end; a bug in it ends no other account, and after a while another takes its place."""
        name = account.login.name
        with contained(self._tools, self._network, f"the account {name}", lambda: account.fell_ill(Disconnected(BUG))):
            await account.run()
        await self._tools.clock.sleep(CRASH_SECONDS)
        del self._accounts[name], self._keepers[name]
        self._news.set()

    def _told(self, name: str) -> None:
        """An account's state is another: what waits for it leaves, or is known to wait."""
        account = self._accounts.get(name)
        well = account is not None and account.trouble is None
        if well != (name in self._well):
            self._well ^= {name}
            self._inlet.look_again(*self._opened.get(name, ()))
        self._news.set()

    def _account(self, login: Login, context: ssl.SSLContext) -> Account:
        """Raises `ValueError` where the login is not whole."""
        return Account(
            self._network,
            login,
            self._config,
            self._inlet,
            self._tools,
            context=context,
            uploads=self._uploads,
            told=partial(self._told, login.name),
        )

    # channels

    async def open(self, *channels: ChannelId) -> list[ChannelInfo]:
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(self._open(channel)) for channel in channels]
        return [task.result() for task in tasks]

    async def _open(self, channel: ChannelId) -> ChannelInfo:
        try:
            place = place_of(channel.id)
        except ValueError as error:
            return ChannelInfo(channel=channel, error=str(error))
        self._opened.setdefault(place.login, set()).add(channel)
        account = self._accounts.get(place.login)
        if account is None:
            return ChannelInfo(channel=channel, error=f"there is no login named {place.login}: say `login {self._network}`")
        if place.kind is Kind.JOINED and account.trouble is None:
            return await account.enter(channel)
        return ChannelInfo(channel=channel, name=account.contacts.name_of(place.jid) or place.jid, error=account.trouble)

    async def close(self, *channels: ChannelId) -> None:
        for channel in channels:
            place = place_of(channel.id)
            self._opened.get(place.login, set()).discard(channel)
            account = self._accounts.get(place.login)
            if account is not None and place.kind is Kind.JOINED:
                await account.joined.rooms.close(channel)
            elif account is not None:
                account.intake.forget(channel)

    def features(self, channel: ChannelId) -> Features:
        place = place_of(channel.id)
        account = self._accounts.get(place.login)
        if place.kind is Kind.JOINED:
            basic = room_features(self._config.stanza_bytes)
            return basic if account is None else account.joined.rooms.features(channel)
        services = Services() if account is None else account.services
        return direct_features(services, self._config.stanza_bytes)

    # messages

    async def deliver(self, delivery: Delivery) -> Receipt:
        place, account = self._asked(delivery)
        client = account.client
        if client is None or not client.up:
            raise Unavailable(account.trouble or "the account is not connected")
        if place.kind is Kind.JOINED:
            return await account.joined.rooms.deliver(delivery)
        return await account.sending.deliver(client, account.services, delivery, place)

    async def find(self, delivery: Delivery) -> Receipt | None:
        try:
            place, account = self._asked(delivery)
        except Rejected:
            return None  # there is nobody to send it, so it can't have been sent
        if place.kind is Kind.JOINED:
            return await account.joined.rooms.find(delivery)
        return await account.find(delivery, place)

    def _asked(self, delivery: Delivery) -> tuple[Place, Account]:
        """Raises `Rejected`, and `Unavailable` where nobody is there yet."""
        try:
            place = place_of(delivery.channel.id)
        except ValueError as error:
            raise Rejected(str(error)) from None
        login = self._tools.logins.get(place.login)
        if login is None:
            raise Rejected(f"there is no login named {place.login} any more")
        if delivery.author.id != IdentityId(HUB, login.user):
            raise Rejected(f"only its owner writes with the account {place.login}")
        account = self._accounts.get(place.login)
        if account is None:
            raise Unavailable("the network is not connected")
        return place, account

    # and all else

    async def send_signal(self, signal: Signal) -> None:
        """Typing and what was read, of the account's owner alone; and whether somebody who may be an owner is there."""
        if isinstance(signal, Presence):
            self._seen(signal)
            return
        place = place_of(signal.channel.id)
        account = self._accounts.get(place.login)
        if account is None or account.client is None or not account.client.up:
            return
        if signal.who != IdentityId(HUB, account.login.user):
            return
        try:
            if place.kind is Kind.JOINED:
                await account.joined.rooms.send_signal(signal)
                return
            if isinstance(signal, Typing):
                account.client.write(chat_state(place.jid, typing=signal.active, room=False))
            elif (id := account.marks.called(signal.event.id)) is not None:
                account.client.write(displayed(place.jid, id))
        except DeliveryError as error:
            self._tools.log.debug("a signal was not sent: %s", error.reason)

    def _seen(self, presence: Presence) -> None:
        """Remembered for the accounts that are there, and for those that come."""
        if presence.who.network != HUB or not self._config.follow_presence:
            return
        if all(login.user != presence.who.id for login in self._tools.logins.all()):
            return
        self._owners[presence.who.id] = presence
        for account in self.accounts():
            if account.login.user == presence.who.id:
                account.showing.appear(presence)

    async def profile(self, who: IdentityId) -> Profile:
        """As the first account that has them among its contacts knows them; empty where none does."""
        for account in self.accounts():
            if account.contacts.get(who.id) is not None:
                return account.hearing.person(who.id).profile
        return Profile()


def tls_context(config: XmppConfig) -> ssl.SSLContext:
    """One for all accounts: the certificates that are trusted are what an account's memory would go into. Blocks.

    Raises `Disconnected` in words.
    """
    try:
        return ssl.create_default_context(cafile=config.tls_ca)
    except OSError as error:
        raise Disconnected(f"the certificate file cannot be used: {error.strerror or error}", fatal=True) from None
