"""The GNU social adapter passes the suite, over real HTTP, on a server of a few lines that polls fast."""

import asyncio
from collections.abc import AsyncIterator, Collection, Sequence
from datetime import UTC, datetime
from typing import Any

import pytest
from aiohttp import web
from msgspec.structs import replace

from adapters.gnusocial.adapter import GnuSocial
from adapters.gnusocial.config import GnuSocialConfig
from adapters.gnusocial.reading.marks import Mark, Marks
from bridge.contract.adapter import Adapter, Cursor, Inlet
from bridge.contract.errors import DeliveryError, Rejected, Unavailable, Uncertain
from bridge.contract.logins import Login
from bridge.contract.toolbox import Toolbox
from bridge.model.ids import ChannelId, IdentityId, NetworkName
from bridge.ops.http import GuardedHttp
from bridge.testing import AdapterContract, Rig
from bridge.testing.doubles import MemoryLogins, RecordingInlet, SystemClock
from tests.doubles.web import serving

OURS = "alice"
FIRST = 16
"""The number of the first post: what stood there before the bridge came."""
SPEED = 1000
"""A second of the adapter's is a millisecond of ours."""


class QuickClock(SystemClock):
    def monotonic(self) -> float:
        return super().monotonic() * SPEED

    async def sleep(self, seconds: float) -> None:
        await super().sleep(seconds / SPEED)


class Server:
    """One public timeline that is everybody's home, in the recorded server's JSON."""

    def __init__(self) -> None:
        self.posts: list[dict[str, Any]] = []
        self.users: dict[str, int] = {}
        self.trouble: type[DeliveryError] | None = None
        self.away = False
        self.open: set[asyncio.BaseTransport] = set()
        self.host = ""

    def post(self, who: str, text: str) -> dict[str, Any]:
        number = FIRST + len(self.posts)
        found = {
            "id": number,
            "uri": f"tag:{self.host},2026-11-22:noticeId={number}:objectType=note",
            "text": text,
            "created_at": datetime.now(UTC).strftime("%a %b %d %H:%M:%S +0000 %Y"),
            "in_reply_to_status_id": None,
            "user": self.user(who),
            "favorited": False,
            "repeated": False,
        }
        self.posts.append(found)
        return found

    def user(self, who: str) -> dict[str, Any]:
        number = self.users.setdefault(who, len(self.users) + 1)
        return {"id": number, "screen_name": who, "name": who, "statusnet_profile_url": f"http://{self.host}/{who}"}

    async def answer(self, request: web.Request) -> web.StreamResponse:
        if request.transport is not None:
            self.open.add(request.transport)
        trouble = self.trouble if request.method == "POST" else None
        if self.away:
            return self._cut(request)
        if trouble is not None:
            self.trouble = None
        if trouble is Unavailable:
            return web.json_response({"error": "busy"}, status=503)
        if trouble is Rejected:
            return web.json_response({"error": "You may not post here."}, status=403)
        answer = self._answer(request.path, await request.post(), request.query)
        return self._cut(request) if trouble is Uncertain else web.json_response(answer, status=404 if answer is None else 200)

    def _answer(self, path: str, form: Any, query: Any) -> Any:
        match path.removeprefix("/api/").removesuffix(".json").split("/"):
            case ["account", "verify_credentials"]:
                return self.user(OURS)
            case ["gnusocial", "config"]:
                return {"site": {"textlimit": 200}}
            case ["statuses", "update"]:
                return self.post(OURS, form["status"])
            case ["statuses", "home_timeline"]:
                below = int(query.get("max_id", 1 << 60))
                return [one for one in reversed(self.posts) if one["id"] <= below][: int(query.get("count", 20))]
            case ["statuses", "user_timeline", _]:
                return [one for one in reversed(self.posts) if one["user"]["screen_name"] == OURS]
            case ["statuses", "show" | "destroy", number] | ["favorites", _, number]:
                return self.posts[int(number) - FIRST]
            case ["direct_messages", *_]:
                return []
        return None

    @staticmethod
    def _cut(request: web.Request) -> web.StreamResponse:
        if request.transport is not None:
            request.transport.abort()
        return web.Response(status=500)


class GnuSocialRig:
    network = NetworkName("social")
    channel = ChannelId(network, "home@me")
    people: Sequence[str] = ("bob", "bob_", "b", "0", "alice2", "x" * 64)
    outcomes: Collection[type[DeliveryError]] = (Unavailable, Uncertain, Rejected)

    def __init__(self, server: Server) -> None:
        self.server = server

    def build(self, inlet: Inlet, tools: Toolbox) -> Adapter:
        server, http = self.server, GuardedHttp(["127.0.0.0/8"])
        secrets = {"root": f"http://{server.host}/api/", "number": "1", "user": OURS, "password": "x", "text": "200"}
        me = IdentityId(self.network, f"{OURS}@{server.host}")
        login = Login(user="@alice:example.org", network=self.network, name="me", identity=me, secrets=secrets)

        class Rigged(GnuSocial):
            async def run(self) -> None:
                try:
                    await super().run()
                finally:
                    await http.close()
                    server.away = False

        if isinstance(inlet, RecordingInlet):  # it has been here before, and read the first post
            home = Mark(seen=(f"{FIRST}",), newest=FIRST)
            marks = {self.channel.id: home, "direct_messages": Mark(), "direct_messages/sent": Mark()}
            read = Marks(host=server.host, timelines=marks)
            inlet.cursors.setdefault("login/me", Cursor(scope="login/me", value=read.write()))
        ours = replace(tools, http=http, clock=QuickClock(), logins=MemoryLogins(login))
        return Rigged(self.network, GnuSocialConfig(interval=5), inlet, ours)

    async def say(self, who: str, text: str) -> None:
        self.server.post(who, text)

    async def again(self) -> bool:
        return True

    def heard(self) -> Sequence[str]:
        return [one["text"] for one in self.server.posts[1:] if one["user"]["screen_name"] == OURS]

    def acked(self) -> int | None:
        return None

    async def cut(self) -> None:
        self.server.away = True

    async def provoke(self, outcome: type[DeliveryError]) -> None:
        self.server.trouble = outcome

    def connections(self) -> int:
        return sum(not one.is_closing() for one in self.server.open)


class TestGnuSocial(AdapterContract):
    @pytest.fixture
    async def rig(self) -> AsyncIterator[Rig]:
        server = Server()
        server.user(OURS)
        app = web.Application()
        app.router.add_route("*", "/{path:.*}", server.answer)
        async with serving(app) as url:
            server.host = url.removeprefix("http://")
            server.post(OURS, "the beginning")
            yield GnuSocialRig(server)
