"""Many logins on many servers: what troubles one is nobody else's trouble, and each trouble is told and mended."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from urllib.parse import urlsplit

import msgspec
import pytest

from adapters.gnusocial.config import GnuSocialConfig
from adapters.gnusocial.wire.answers import Revoked
from adapters.gnusocial.wire.crew import REFUSED_SECONDS, Crew
from adapters.gnusocial.wire.desk import Desk
from bridge.contract.errors import Disconnected, LedgerUnavailable, Unavailable
from bridge.contract.logins import Login
from bridge.model.ids import ChannelId, IdentityId
from bridge.testing.doubles import MemoryLogins, until
from tests.doubles.clock import FakeClock
from tests.unit.gnusocial.kit import NET, Asked, ScriptedHttp, Told, toolbox_with, user


def login(name: str, host: str) -> Login:
    secrets = {"root": f"https://{host}/api/", "number": "1", "user": name, "password": "secret"}
    return Login(user=f"@{name}:hub", network=NET, name=name, identity=IdentityId(NET, f"{name}@{host}"), secrets=secrets)


class Reader:
    def __init__(self, desk: Desk) -> None:
        self.desk = desk
        self.opened: list[str] = []
        self.running = False
        self.end: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    async def run(self) -> None:
        self.running = True
        try:
            await asyncio.shield(self.end)
        finally:
            self.running = False

    def open(self, channel: ChannelId) -> None:
        self.opened.append(channel.id)

    def close(self, channel: ChannelId) -> None:
        self.opened.remove(channel.id)

    def gone(self, number: str) -> None: ...

    async def looked(self, channel: ChannelId, seconds: float) -> None: ...

    def trouble(self, channel: ChannelId) -> str | None:
        return None if channel.id in self.opened else "closed"


class Town:
    """Servers by host, each with how it answers; two accounts unless told otherwise."""

    def __init__(self, *logins: Login) -> None:
        self.moods: dict[str, Told | OSError] = {}
        self.clock = FakeClock()
        self.tools = toolbox_with(ScriptedHttp(self.clock, self.answer), self.clock, *logins)
        assert isinstance(self.tools.logins, MemoryLogins)
        self.logins = self.tools.logins
        self.readers: list[Reader] = []
        self.crew = Crew(NET, GnuSocialConfig(), self.tools, self.read)
        self.ready = 0

    def answer(self, asked: Asked) -> Told | OSError:
        host = urlsplit(asked.url).hostname or ""
        if host in self.moods:
            return self.moods[host]
        return Told(user(host=host)) if "verify" in asked.path else Told({"site": {"textlimit": 500}})

    def read(self, desk: Desk) -> Reader:
        self.readers.append(Reader(desk))
        return self.readers[-1]

    def reader(self, name: str) -> Reader | None:
        return next((one for one in self.readers if one.running and one.desk.login.name == name), None)

    @asynccontextmanager
    async def at_work(self) -> AsyncIterator["asyncio.Task[Disconnected]"]:
        def ready() -> None:
            self.ready += 1

        task = asyncio.ensure_future(self.crew.work(ready))
        try:
            yield task
        finally:
            task.cancel()
            await asyncio.wait([task])

    async def pass_time(self, condition: Callable[[], object], step: float = 30.0) -> None:
        for _ in range(1000):
            if condition():
                return
            await self.clock.advance(step)
        raise TimeoutError


ALICE, BOB = login("alice", "gs1.test"), login("bob", "gs2.test")


async def test_everybody_is_read_and_what_was_asked_for_before_is_open() -> None:
    town = Town(ALICE, BOB)
    town.crew.wish(ChannelId(NET, "home@alice"), "alice")
    async with town.at_work():
        await until(lambda: town.ready)
        town.crew.wish(ChannelId(NET, "mentions@alice"), "alice")
        town.crew.wish(ChannelId(NET, "home@bob"), "bob")
        await until(lambda: town.reader("alice") and town.reader("bob"))
        assert [reader.opened for reader in town.readers if reader.desk.login is ALICE] == [["home@alice", "mentions@alice"]]
        town.crew.forget(ChannelId(NET, "home@alice"))
        alice = town.crew.desk("alice")
        assert alice is not None and alice.account.allowed.text == 500
    assert not any(reader.running for reader in town.readers)
    assert town.crew.desk("alice") is None


async def test_a_server_that_is_away_stops_only_its_own_accounts_until_it_is_back() -> None:
    town = Town(ALICE, BOB)
    town.moods["gs2.test"] = OSError("it took too long")
    town.crew.wish(ChannelId(NET, "home@bob"), "bob")
    async with town.at_work() as task:
        await until(lambda: town.ready and town.reader("alice"))
        bob = town.crew.desk("bob")
        assert bob is not None
        with pytest.raises(Unavailable):
            bob.need()
        del town.moods["gs2.test"]
        await town.pass_time(lambda: town.reader("bob"))
        bob.need()
        assert not task.done()
        back = town.reader("bob")
        assert back is not None and back.opened == ["home@bob"]


async def test_with_every_server_away_the_connection_is_gone() -> None:
    town = Town(ALICE, BOB)
    town.moods = {"gs1.test": OSError("x"), "gs2.test": Told(status=503, headers={"retry-after": "77"})}
    async with town.at_work() as task:
        lost = await task
    assert lost.reason and not lost.fatal
    assert town.ready == 0


async def test_the_only_server_going_away_ends_it_at_once() -> None:
    town = Town(ALICE)
    async with town.at_work() as task:
        await until(lambda: town.reader("alice"))
        reader = town.reader("alice")
        assert reader is not None
        reader.end.set_exception(Disconnected("the server is gone", retry_after=7))
        lost = await task
    assert (lost.reason, lost.retry_after) == ("the server is gone", 7)


async def test_a_refused_account_is_told_to_its_owner_and_tried_again_when_it_is_new() -> None:
    town = Town(ALICE, BOB)
    town.moods["gs2.test"] = Told({"error": "Could not authenticate you."}, 401)
    async with town.at_work() as task:
        await until(lambda: town.ready)
        assert [(name, bool(words)) for name, words in town.logins.troubles if name == "bob"] == [("bob", True)]
        assert "secret" not in str(town.logins.troubles)
        del town.moods["gs2.test"]
        town.logins.logins["bob"] = msgspec.structs.replace(BOB, secrets={**BOB.secrets, "password": "new"})
        town.crew.muster()
        await until(lambda: town.reader("bob"))
        assert town.logins.troubles[-1] == ("bob", None)
        assert not task.done()


async def test_an_account_that_is_refused_by_mistake_comes_back_by_itself() -> None:
    town = Town(ALICE)
    town.moods["gs1.test"] = Told({"error": "database away"}, 401)
    async with town.at_work():
        await until(lambda: town.logins.troubles)
        del town.moods["gs1.test"]
        await town.pass_time(lambda: town.reader("alice"), REFUSED_SECONDS)


async def test_a_grant_taken_back_while_reading_is_told() -> None:
    town = Town(ALICE, BOB)
    async with town.at_work():
        await until(lambda: town.reader("alice") and town.reader("bob"))
        reader = town.reader("bob")
        assert reader is not None
        reader.end.set_exception(Revoked("the server refuses the account: revoked"))
        await until(lambda: ("bob", None) not in town.logins.troubles[-1:] and town.logins.troubles[-1][0] == "bob")
        assert town.reader("alice") is not None


async def test_logins_come_and_go_while_it_runs() -> None:
    town = Town()
    async with town.at_work():
        await until(lambda: town.ready)
        town.crew.wish(ChannelId(NET, "home@alice"), "alice")
        town.logins.logins["alice"] = ALICE
        town.crew.muster()
        await until(lambda: town.reader("alice"))
        reader = town.reader("alice")
        assert reader is not None and reader.opened == ["home@alice"]
        del town.logins.logins["alice"]
        town.crew.muster()
        await until(lambda: not reader.running)
        assert town.crew.desk("alice") is None


async def test_a_login_that_is_not_whole_troubles_nobody_else() -> None:
    broken = msgspec.structs.replace(BOB, secrets={"root": "https://gs2.test/api/"})
    town = Town(ALICE, broken, msgspec.structs.replace(BOB, name="carol", identity=None))
    async with town.at_work():
        await until(lambda: town.reader("alice"))
        assert {name for name, words in town.logins.troubles if words} == {"bob", "carol"}


async def test_a_ledger_that_can_not_write_is_no_trouble_of_the_account() -> None:
    town = Town(ALICE)
    async with town.at_work() as task:
        await until(lambda: town.reader("alice"))
        first = town.reader("alice")
        assert first is not None
        first.end.set_exception(LedgerUnavailable("disk full"))
        await until(lambda: not first.running)
        await town.pass_time(lambda: town.reader("alice"), 1)
        assert not task.done()
