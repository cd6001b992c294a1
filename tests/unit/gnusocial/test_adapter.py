"""The adapter through its public door, on a server of a few lines."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import msgspec
import pytest

from adapters.gnusocial.adapter import GnuSocial
from adapters.gnusocial.config import GnuSocialConfig
from bridge.contract.adapter import Adapter, Commands, Describes, Reconciles
from bridge.contract.errors import Disconnected, Rejected, Unavailable
from bridge.contract.features import Feature, Level, VoiceKind
from bridge.contract.logins import LogsIn
from bridge.contract.words import Asker
from bridge.model.events import Reactions, Ref
from bridge.model.ids import HUB, ChannelId, EventKey, IdentityId
from bridge.model.people import Identity
from bridge.model.permissions import Permission
from bridge.testing import RecordingInlet, until
from bridge.testing.doubles import MemoryLogins
from tests.doubles.clock import FakeClock
from tests.unit.gnusocial.kit import (
    HOST,
    LOGIN,
    NET,
    SECRETS,
    Asked,
    ScriptedHttp,
    Told,
    delivery,
    names,
    status,
    target,
    toolbox_with,
    user,
)

HOME = ChannelId(NET, "home@me")
OWNER = Asker(user=LOGIN.user, permission=Permission.USER)


class Server:
    """Takes posts of the limit it has; `mood` answers everything else instead."""

    def __init__(self) -> None:
        self.limit: int | None = 1000
        self.posts: list[str] = []
        self.mood: Told | OSError | None = None

    def answer(self, asked: Asked) -> Told | OSError:
        path = asked.path.removeprefix("/api/").removesuffix(".json")
        if self.mood is not None:
            return self.mood
        if path == "account/verify_credentials":
            return Told(user())
        if path == "gnusocial/config":
            return Told({"site": {"textlimit": self.limit}})
        if path == "users/show/carol":
            return Told(user(2, "carol") | {"profile_image_url_original": f"https://{HOST}/c.png"})
        if path == "statuses/update":
            if self.limit is not None and len(asked.form["status"]) > self.limit:
                return Told({"error": f"Maximum notice size is {self.limit} characters"}, 413)
            self.posts.append(asked.form["status"])
            return Told(status(100 + len(self.posts), asked.form["status"]))
        if path.startswith("statuses/user_timeline/"):
            return Told([status(101 + at, text) for at, text in enumerate(self.posts)])
        if path.startswith(("statuses/", "direct_messages")):
            return Told({"items": []} if asked.path.endswith(".as") else [])
        return Told({"error": "not here"}, 404)


class Scene:
    def __init__(self, *, logins: MemoryLogins | None = None) -> None:
        self.server = Server()
        self.clock = FakeClock()
        self.inlet = RecordingInlet()
        http = ScriptedHttp(self.clock, self.server.answer)
        self.tools = toolbox_with(http, self.clock, LOGIN) if logins is None else toolbox_with(http, self.clock)
        assert isinstance(self.tools.logins, MemoryLogins)
        self.logins = self.tools.logins
        self.adapter = GnuSocial(NET, GnuSocialConfig(), self.inlet, self.tools)

    @asynccontextmanager
    async def running(self) -> AsyncIterator["asyncio.Task[None]"]:
        task = asyncio.ensure_future(self.adapter.run())
        try:
            await until(lambda: self.inlet.connected or task.done())
            yield task
        finally:
            task.cancel()
            await asyncio.wait([task])


def test_it_is_what_the_core_looks_for() -> None:
    adapter: Adapter = Scene().adapter
    assert all(isinstance(adapter, one) for one in (Reconciles, LogsIn, Describes, Commands))


async def test_a_post_goes_out_and_is_found_again() -> None:
    scene = Scene()
    async with scene.running():
        assert [info.error for info in await scene.adapter.open(HOME)] == [None]
        one = delivery("hello")
        receipt = await scene.adapter.deliver(one)
        found = await scene.adapter.find(one)
        assert receipt.ids == names(101) and found is not None and found.ids == names(101)


async def test_every_channel_says_whether_it_is_open_and_why_not() -> None:
    scene = Scene()
    channels = [ChannelId(NET, id) for id in ("home@me", "mentions@me", "tag/cats@me", "home@nobody", "lobby")]
    before = await scene.adapter.open(HOME)
    assert before[0].error
    async with scene.running():
        infos = {info.channel.id: info for info in await scene.adapter.open(*channels)}
        assert {id for id, info in infos.items() if info.error is None} == {"home@me", "mentions@me"}
        assert infos["tag/cats@me"].error == "not here"
        assert "no login named nobody" in (infos["home@nobody"].error or "")
        assert infos["home@me"].name == "Home of alice@gs1.test"
        await scene.adapter.close(*channels)


@pytest.mark.parametrize("who", [IdentityId(HUB, "@mallory:hub"), IdentityId(NET, "alice@gs1.test")], ids=str)
async def test_nobody_but_its_owner_writes_with_an_account(who: IdentityId) -> None:
    """Whoever is in a room linked to it would speak under the account's name."""
    scene = Scene()
    async with scene.running():
        words = msgspec.structs.replace(delivery("not mine"), author=Identity(id=who))
        with pytest.raises(Rejected, match="only its owner"):
            await scene.adapter.deliver(words)


async def test_the_limit_is_the_servers_own_of_now() -> None:
    scene = Scene()
    assert scene.adapter.features(HOME).limits.text == 1000, "as it was when somebody logged in"
    scene.server.limit = 50
    async with scene.running():
        assert scene.adapter.features(HOME).limits.text == 50
        scene.server.limit = 20
        with pytest.raises(Rejected, match="20 characters"):
            await scene.adapter.deliver(delivery("x" * 30))
        with pytest.raises(Rejected):
            await scene.adapter.deliver(delivery("x" * 31))
        assert scene.adapter.features(HOME).limits.text == 20
        scene.server.limit = 0
        await scene.adapter.words()[-1].run(OWNER, {})
        assert scene.adapter.features(HOME).limits.text is None


def test_before_anything_is_known_the_safest_is_said() -> None:
    scene = Scene(logins=MemoryLogins())
    assert scene.adapter.features(HOME).limits.text == 140
    assert scene.adapter.features(ChannelId(NET, "lobby")).voice is VoiceKind.PUPPET


def test_no_name_is_written_before_the_words_and_edits_are_refused() -> None:
    features = Scene().adapter.features(HOME)
    assert features.voice is VoiceKind.PUPPET
    assert features.level(Feature.EDIT) is Level.REFUSED
    direct = Scene().adapter.features(ChannelId(NET, f"direct/carol@{HOST}@me"))
    assert direct.level(Feature.REACTIONS) is Level.DROPPED and direct.level(Feature.ATTACHMENT) is Level.RENDERED


async def test_a_server_without_uploads_gets_links() -> None:
    scene = Scene()
    async with scene.running():
        desk = scene.adapter._crew.desk("me")
        assert desk is not None
        desk.account.allowed = msgspec.structs.replace(desk.account.allowed, file=0)
        assert scene.adapter.features(HOME).level(Feature.ATTACHMENT) is Level.RENDERED


async def test_nothing_is_sent_for_a_login_that_is_gone_or_not_yet_there() -> None:
    scene = Scene()
    with pytest.raises(Unavailable):
        await scene.adapter.deliver(delivery("too early"))
    with pytest.raises(Unavailable):
        await scene.adapter.find(delivery("too early"))
    async with scene.running():
        del scene.logins.logins["me"]
        await scene.adapter.changed()
        await until(lambda: scene.adapter._crew.desk("me") is None)
        with pytest.raises(Rejected, match="no login named me"):
            await scene.adapter.deliver(delivery("too late"))
        assert await scene.adapter.find(delivery("too late")) is None
    assert scene.server.posts == []


async def test_what_fits_no_more_is_looked_for_all_the_same() -> None:
    """It was sent when the limit was higher; were it not found it would be called lost."""
    scene = Scene()
    scene.server.posts = ["x" * 60]
    scene.server.limit = 50
    async with scene.running():
        found = await scene.adapter.find(delivery("x" * 60))
        assert found is not None and found.ids == names(101)


async def test_a_refused_account_is_told_to_its_owner_and_nothing_of_it_is_shown() -> None:
    scene = Scene()
    async with scene.running() as task:
        scene.server.mood = Told({"error": "Could not authenticate you."}, 401)
        with pytest.raises(Unavailable):
            await scene.adapter.deliver(delivery("hello"))
        assert scene.logins.troubles[-1][0] == "me"
        (info,) = await scene.adapter.open(HOME)
        assert info.error is not None and "log in again" in info.error
        assert SECRETS["password"] not in f"{scene.logins.troubles}{info}"
        assert not task.done()


async def test_the_only_server_away_is_a_lost_connection() -> None:
    scene = Scene()
    scene.server.mood = OSError("it took too long")
    async with scene.running() as task:
        with pytest.raises(Disconnected):
            await task
    assert not scene.inlet.connected


async def test_without_a_login_it_is_connected_and_waits_for_one() -> None:
    scene = Scene(logins=MemoryLogins())
    async with scene.running():
        assert scene.inlet.connected
        scene.logins.logins["me"] = LOGIN
        await scene.adapter.changed()
        await until(lambda: (desk := scene.adapter._crew.desk("me")) is not None and desk.trouble is None)
        assert (await scene.adapter.open(HOME))[0].error is None


async def test_people_have_faces_where_anybody_knows_them() -> None:
    scene = Scene()
    assert (await scene.adapter.profile(IdentityId(NET, f"carol@{HOST}"))).name is None
    async with scene.running():
        assert (await scene.adapter.profile(IdentityId(NET, f"carol@{HOST}"))).avatar == f"https://{HOST}/c.png"
        assert (await scene.adapter.profile(IdentityId(NET, "carol@gs2.test"))).name is None
        assert (await scene.adapter.profile(IdentityId(NET, "nobody@gs1.test"))).name is None


async def test_what_the_server_does_not_know_can_not_be_acted_on() -> None:
    scene = Scene()
    body = Reactions(target=Ref(key=EventKey(NET, "tag:x")), keys=("⭐",))
    async with scene.running():
        with pytest.raises(Rejected, match="does not know"):
            await scene.adapter.deliver(delivery(body, target=target("https://elsewhere.test/1", "gs2.test:5")))
        with pytest.raises(Rejected):
            await scene.adapter.deliver(delivery(body, channel="lobby", target=target("gs1.test:5")))
