"""A quick, stateful homeserver double on real HTTP, for tests and as a benchmark's floor.

    async with FakeHomeserver(appservice_url=bridge_url) as hs:
        room = hs.make_room("@alice:localhost", alias="#lobby:localhost")
        hs.say("@alice:localhost", room, "hello")                       # pushed to the appservice in a transaction
        event = await hs.wait_for(room, lambda e: e["sender"].startswith("@_local_"))

Rooms keep state, membership and power levels; the appservice's users are made by `register` and speak by `user_id`.
Trouble is armed with `faults`, `send_seconds`, `forget_txns()`, `push.answers_to_lose`, `resend()`.
"""

import asyncio
import re
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import suppress
from types import TracebackType
from typing import Any, Self
from urllib.parse import quote

import msgspec
from aiohttp import web

from bridge.matrix.shutting import shut
from tests.doubles.hs_faults import Faults
from tests.doubles.hs_push import Pusher
from tests.doubles.hs_rooms import Json, Refusal, Room, World, forbidden
from tests.doubles.hs_rooms_api import IN_ROOMS, ROOMS
from tests.doubles.hs_users_api import USERS, ask
from tests.doubles.hs_wire import Face

Predicate = Callable[[Json], bool]


class Appservice:
    """One registration: whom its token may speak for."""

    def __init__(self, id: str, sender: str, users: Sequence[str], *, exclusive: bool = True) -> None:
        self.id = id
        self.sender = sender
        self.exclusive = exclusive
        self._users = [re.compile(pattern) for pattern in users]

    def owns(self, user: str) -> bool:
        return user == self.sender or any(pattern.fullmatch(user) for pattern in self._users)


class FakeHomeserver:
    """Loopback, port chosen by the system: see `url`. Everything without `await` happens at once."""

    def __init__(
        self,
        *,
        domain: str = "localhost",
        as_token: str = "as-token",
        hs_token: str = "hs-token",
        appservice_id: str = "unabridged",
        appservice_url: str | None = None,
        bot: str = "unabridged",
        namespace: str = "_[a-z0-9-]+_.*",
        double_puppet_token: str | None = None,
        room_version: str = "12",
    ) -> None:
        self.domain = domain
        self.as_token = as_token
        self.bot = f"@{bot}:{domain}"
        self.aliases_owned = re.compile(f"#{namespace}:{re.escape(domain)}")
        service = Appservice(appservice_id, self.bot, [f"@{namespace}:{re.escape(domain)}"])
        self.appservices = {as_token: service}
        if double_puppet_token is not None:
            everybody = Appservice("doublepuppet", f"@doublepuppet:{domain}", [f"@.*:{re.escape(domain)}"], exclusive=False)
            self.appservices[double_puppet_token] = everybody
        self._service = service
        self.world = World(domain, room_version)
        self.world.users[self.bot] = {}
        self.world.listeners.append(self._on_event)
        self.push = Pusher(hs_token)
        self.push.url = appservice_url
        self.faults = Faults()
        self.calls: Counter[str] = Counter()
        """Requests by kind (`send`, `state`, `join`, `register`, `profile` …)."""
        self.send_seconds = 0.0
        """What one send takes; sends to one room wait for each other, as on a small real server."""
        self.txns: dict[tuple[str, str], str] = {}
        self.media: dict[str, tuple[bytes, str, str | None]] = {}
        self.upload_cap = 50 * 1024 * 1024
        self.presence: dict[str, Json] = {}
        self.account_data: dict[tuple[str, ...], Json] = {}
        self.typing: dict[str, dict[str, None]] = {}
        self.receipts: list[tuple[str, str, str]] = []
        """(room, user, event) of every read receipt."""
        self.url = ""
        self._turns: dict[str, asyncio.Lock] = {}
        self._waiting: dict[str, list[tuple[Predicate, asyncio.Future[Json]]]] = {}
        self._runner: web.ServerRunner | None = None
        self._server: asyncio.Server | None = None
        self._pushing: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        face = Face(self, {**USERS, **ROOMS}, IN_ROOMS)
        self._runner = web.ServerRunner(web.Server(face, access_log=None), shutdown_timeout=0.05)
        await self._runner.setup()
        assert self._runner.server is not None
        self._server = await asyncio.get_running_loop().create_server(self._runner.server, "127.0.0.1", 0)
        self.url = f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"
        self._pushing = asyncio.create_task(self.push.run())
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.faults.release()
        assert self._pushing is not None and self._runner is not None and self._server is not None
        self._pushing.cancel()
        with suppress(asyncio.CancelledError):
            await self._pushing
        await shut(self._server)
        await self._runner.cleanup()

    # people and rooms

    def user(self, localpart: str, *, name: str | None = None) -> str:
        """Make a person; returns the user id. Their client-server token is the user id itself."""
        user = f"@{localpart}:{self.domain}"
        self.world.users.setdefault(user, {"displayname": name or localpart})
        return user

    def make_room(
        self, user: str, *, alias: str | None = None, invite: Sequence[str] = (), public: bool = True, **wish: Any
    ) -> str:
        """A room by a person (made if unknown); returns the room id."""
        self.world.users.setdefault(user, {"displayname": user[1:].partition(":")[0]})
        more = {"room_alias_name": alias[1:].partition(":")[0]} if alias else {}
        preset = "public_chat" if public else "private_chat"
        return self.world.create_room(user, {"preset": preset, "invite": list(invite), **more, **wish}).id

    def join(self, user: str, room: str) -> str:
        self.world.users.setdefault(user, {"displayname": user[1:].partition(":")[0]})
        return str(self.world.set_member(user, self.world.room(room), user, "join")["event_id"])

    def leave(self, user: str, room: str) -> str:
        return self.move(user, room, user, "leave")

    def move(self, by: str, room: str, user: str, membership: str, **more: Any) -> str:
        """invite, ban, leave (kick, unban) of `user` by `by`."""
        return str(self.world.set_member(by, self.world.room(room), user, membership, **more)["event_id"])

    def say(self, user: str, room: str, content: str | Json, *, kind: str = "m.room.message", ts: int | None = None) -> str:
        """A message (text) or any event (content and `kind`); returns the event id."""
        found = self.world.room(room)
        found.check_send(user, kind, state=False)
        body = {"msgtype": "m.text", "body": content} if isinstance(content, str) else content
        stamp: Json = {} if ts is None else {"origin_server_ts": ts}
        return str(self.world.event(found, user, kind, body, **stamp)["event_id"])

    def set_state(self, user: str, room: str, kind: str, content: Json, key: str = "") -> str:
        found = self.world.room(room)
        found.check_send(user, kind, state=True)
        return str(self.world.event(found, user, kind, content, key=key)["event_id"])

    def redact(self, user: str, room: str, target: str, reason: str | None = None) -> str:
        return str(self.world.redact(user, self.world.room(room), target, reason)["event_id"])

    def upgrade(self, user: str, room: str, version: str = "12") -> str:
        """Returns the new room's id; the old one has a tombstone."""
        return self.world.upgrade(user, self.world.room(room), version).id

    # looking

    def events(self, room: str) -> list[Json]:
        return self.world.room(room).timeline

    def messages(self, room: str) -> list[Json]:
        return [event for event in self.events(room) if event["type"] == "m.room.message"]

    def state(self, room: str, kind: str, key: str = "") -> Json | None:
        return self.world.room(room).content(kind, key)

    async def wait_for(self, room: str, predicate: Predicate, *, seconds: float = 10) -> Json:
        """The first event of the room, there already or to come, for which the predicate holds. Raises `TimeoutError`."""
        for event in self.world.room(room).timeline:
            if predicate(event):
                return event
        found: asyncio.Future[Json] = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(room, []).append((predicate, found))
        async with asyncio.timeout(seconds):
            return await found

    async def wait_count(self, room: str, count: int, *, kind: str = "m.room.message", seconds: float = 30) -> None:
        """Returns once the room has at least so many events of that type."""
        have = sum(event["type"] == kind for event in self.events(room))

        def enough(event: Json) -> bool:
            nonlocal have
            have += int(event["type"] == kind)
            return bool(have >= count)

        if have < count:
            found: asyncio.Future[Json] = asyncio.get_running_loop().create_future()
            self._waiting.setdefault(room, []).append((enough, found))
            async with asyncio.timeout(seconds):
                await found

    # ephemeral

    def type_in(self, room: str, user: str, active: bool) -> None:
        users = self.typing.setdefault(room, {})
        if active:
            users[user] = None
        else:
            users.pop(user, None)
        self._push_ephemeral(room, {"type": "m.typing", "room_id": room, "content": {"user_ids": list(users)}})

    def mark_read(self, room: str, user: str, event: str) -> None:
        self.receipts.append((room, user, event))
        content = {event: {"m.read": {user: {"ts": 1}}}}
        self._push_ephemeral(room, {"type": "m.receipt", "room_id": room, "content": content})

    # the appservice's side

    def forget_txns(self) -> None:
        """As homeservers do after 30-60 minutes or a restart: a repeated send is a new event."""
        self.txns.clear()

    def resend(self, *events: Json) -> None:
        """Push events once more, in new transactions."""
        self.push.offer(*events)

    async def query(self, path: str) -> tuple[int, Any]:
        """Ask the appservice something as a homeserver does: `users/@x:y` or `thirdparty/protocol/irc`."""
        assert self.push.url is not None
        return await ask(self.push.url, self.push.hs_token, path)

    async def find_alias(self, alias: str) -> str:
        """Resolve; an unknown alias of the appservice's namespace is asked of it first. Raises `Refusal`."""
        if alias not in self.world.aliases and self.push.url is not None and self.aliases_owned.fullmatch(alias):
            await self.query(f"rooms/{quote(alias, safe='')}")
        return self.world.resolve(alias)

    def caller(self, token: str, masquerade: str | None, kind: str) -> str:
        """Whose call it is. Raises `Refusal`."""
        service = self.appservices.get(token)
        if service is None:
            if token not in self.world.users:
                raise Refusal(401, "M_UNKNOWN_TOKEN", "Invalid access token passed.")
            return token
        user = masquerade or service.sender
        if not service.owns(user):
            raise forbidden("Application service cannot masquerade as this user.")
        if user not in self.world.users and kind != "register":
            raise forbidden("Application service has not registered this user")
        return user

    def store(self, data: bytes, kind: str, name: str | None) -> str:
        """Keep media; returns the mxc URI."""
        media_id = f"media{len(self.media) + 1}"
        self.media[media_id] = (data, kind, name)
        return f"mxc://{self.domain}/{media_id}"

    def listing(self, events: list[Json]) -> web.Response:
        return web.Response(body=msgspec.json.encode(events), content_type="application/json")

    async def wait_turn(self, room: Room) -> None:
        async with self._turns.setdefault(room.id, asyncio.Lock()):
            await asyncio.sleep(self.send_seconds)

    def _push_ephemeral(self, room: str, edu: Json) -> None:
        if self._concerns(self.world.room(room)):
            self.push.offer_ephemeral(edu)

    def _concerns(self, room: Room) -> bool:
        return self.bot in room.joined or any(self._service.owns(user) for user in room.joined)

    def _on_event(self, room: Room, event: Json) -> None:
        key = event.get("state_key")
        if self._concerns(room) or self._service.owns(event["sender"]) or (key is not None and self._service.owns(key)):
            self.push.offer(event)
        waiting = self._waiting.get(room.id)
        if waiting:
            for entry in list(waiting):
                predicate, found = entry
                if found.done() or predicate(event):
                    waiting.remove(entry)
                    if not found.done():
                        found.set_result(event)
