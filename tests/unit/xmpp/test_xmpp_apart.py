"""One network, two connections: what happens to the component's is no matter of an account's, and the other way round."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime

import pytest
from msgspec.structs import replace

from adapters.xmpp.adapter import Xmpp
from adapters.xmpp.component import TICK_SECONDS
from adapters.xmpp.config import XmppConfig
from adapters.xmpp.faults import BUG, CRASH_SECONDS
from adapters.xmpp.gateway.gateway import Gateway
from adapters.xmpp.wire.component import Link
from bridge.contract.adapter import NetworkState, Phase
from bridge.contract.errors import Disconnected, Unavailable
from bridge.contract.logins import Login
from bridge.model.events import Message
from bridge.model.ids import IdentityId
from bridge.testing import RecordingInlet, toolbox, until
from bridge.testing.doubles import PATIENCE, MemoryLogins
from tests.doubles.account_server import HOST as HOME
from tests.doubles.account_server import JID, PASSWORD, AccountServer, certificate
from tests.doubles.clock import FakeClock
from tests.doubles.component_server import HOST, SECRET, ComponentServer
from tests.unit.xmpp.accounts.stage import CHAT, NET, OWNER, said
from tests.unit.xmpp.accounts.stage import delivery as to_romeo
from tests.unit.xmpp.rooms.scene import LOBBY, delivery


class Both:
    """A component and, where `login` is asked for, an account."""

    def __init__(self, house: ComponentServer, home: AccountServer, *, secret: str = SECRET, login: bool = True) -> None:
        self.house, self.home, self.clock = house, home, FakeClock(datetime.now(UTC))
        self.inlet, self.logins = RecordingInlet(), MemoryLogins()
        if login:
            who = IdentityId(NET, JID)
            self.logins.logins["me"] = Login(user=OWNER, network=NET, name="me", identity=who, secrets={"password": PASSWORD})
        self.adapter = Xmpp(
            NET,
            XmppConfig(
                component=HOST,
                secret=secret,
                server=f"127.0.0.1:{house.port}",
                tls_ca=certificate()[0],
                client_servers={HOME: f"127.0.0.1:{home.port}"},
                plain_passwords=True,
            ),
            self.inlet,
            replace(toolbox(self.clock), logins=self.logins),
        )
        self.running: asyncio.Task[None] | None = None
        house.room(LOBBY.id)

    async def start(self) -> NetworkState:
        """Until the network is there, or has given up."""
        self.running = asyncio.ensure_future(self.adapter.run())
        running = self.running
        await until(lambda: self.inlet.connected or running.done())
        return self.inlet.states[-1]

    async def stop(self) -> None:
        if self.running is not None:
            self.running.cancel()
            await asyncio.wait([self.running])

    @property
    def heard(self) -> list[str]:
        return [event.body.text.plain for event in self.inlet.events if isinstance(event.body, Message)]


@pytest.fixture
async def house() -> AsyncIterator[ComponentServer]:
    server = await ComponentServer.start()
    yield server
    await server.stop()


@pytest.fixture
async def home() -> AsyncIterator[AccountServer]:
    server = await AccountServer.start()
    yield server
    await server.stop()


async def test_the_components_fall_ends_no_account_and_its_return_opens_its_rooms(
    house: ComponentServer, home: AccountServer
) -> None:
    both = Both(house, home)
    try:
        await both.start()
        infos = await both.adapter.open(LOBBY, CHAT)
        assert [info.error for info in infos] == [None, None]
        house.cut()
        await until(lambda: both.inlet.states[-1].reason is not None)
        assert both.inlet.states[-1].phase is Phase.CONNECTED
        assert (both.inlet.states[-1].reason or "").startswith("the component: ")
        assert both.inlet.looked == [LOBBY]
        with pytest.raises(Unavailable):
            await both.adapter.deliver(delivery("hello, room"))
        await both.adapter.deliver(to_romeo("a", "good night"))
        home.send(said("good morrow", "m1"))
        await until(lambda: both.heard == ["good morrow"])
        assert home.logins == 1
        await both.clock.advance(60)
        await until(lambda: both.inlet.states[-1].reason is None)
        assert both.inlet.looked == [LOBBY] * 2
        (info,) = await both.adapter.open(LOBBY)
        assert info.error is None
        await both.adapter.deliver(delivery("hello, room"))
    finally:
        await both.stop()


async def test_an_account_goes_on_where_the_component_is_refused(house: ComponentServer, home: AccountServer) -> None:
    both = Both(house, home, secret="guess")
    try:
        state = await both.start()
        assert state.phase is Phase.CONNECTED
        assert "secret" in (state.reason or "")
        home.send(said("good morrow", "m1"))
        await until(lambda: both.heard == ["good morrow"])
    finally:
        await both.stop()


async def test_without_a_login_the_components_fall_is_the_networks(house: ComponentServer, home: AccountServer) -> None:
    both = Both(house, home, login=False)
    try:
        await both.start()
        house.cut()
        assert both.running is not None
        await asyncio.wait([both.running], timeout=PATIENCE)
        assert isinstance(both.running.exception(), Disconnected)
    finally:
        await both.stop()


async def test_a_bug_in_the_component_is_no_matter_of_an_account(
    house: ComponentServer, home: AccountServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    both = Both(house, home)

    def bug(link: Link) -> None:
        raise RuntimeError("a bug of ours")

    try:
        await both.start()
        await both.adapter.open(LOBBY)
        with monkeypatch.context() as patch:
            patch.setattr(Link, "tick", bug)
            await both.clock.advance(TICK_SECONDS)
            await until(lambda: both.inlet.states[-1].reason is not None)
        assert both.inlet.states[-1].reason == f"the component: {BUG}"
        home.send(said("good morrow", "m1"))
        await until(lambda: both.heard == ["good morrow"])
        await both.clock.advance(60)
        await until(lambda: both.inlet.states[-1].reason is None)
        await both.adapter.open(LOBBY)
        await both.adapter.deliver(delivery("hello, room"))
        assert home.logins == 1
    finally:
        await both.stop()


async def test_a_bug_in_the_chats_of_the_component_is_no_matter_of_its_rooms(
    house: ComponentServer, home: AccountServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    both, tries = Both(house, home, login=False), 0

    async def bug(gateway: Gateway) -> None:
        nonlocal tries
        tries += 1
        raise RuntimeError("a bug of ours")

    try:
        with monkeypatch.context() as patch:
            patch.setattr(Gateway, "run", bug)
            await both.start()
            await both.adapter.open(LOBBY)
            await until(lambda: both.inlet.states[-1].reason == f"the component: {BUG}")
            await both.adapter.deliver(delivery("hello, room"))
            await both.clock.advance(CRASH_SECONDS)
            await until(lambda: tries == 2)
        await both.clock.advance(CRASH_SECONDS)
        await until(lambda: both.inlet.states[-1].reason is None)
        assert both.inlet.looked == [], "it was connected all the time"
    finally:
        await both.stop()
