"""The other side: a Matrix client and an IRC client as people's programs are, without the bridge's code."""

import asyncio
import itertools
import urllib.parse
from collections.abc import Callable
from contextlib import suppress
from typing import Any, Self

import aiohttp

Event = dict[str, Any]


class MatrixClient:
    """A logged-in user over the client-server API. `timeline` grows while `/sync` runs."""

    def __init__(self, homeserver: str, token: str) -> None:
        self.homeserver = homeserver
        self._headers = {"Authorization": f"Bearer {token}"}
        self.timeline: dict[str, list[Event]] = {}
        self._shown: dict[str, set[str]] = {}
        self.state: dict[str, dict[tuple[str, str], Event]] = {}
        self.invitations: dict[str, str] = {}
        """Room → who invited us, also where we have gone in since."""
        self.presence = "online"
        """What looking for news says of us: online, unavailable, or offline (nothing)."""
        self._grown = asyncio.Condition()
        self._transactions = itertools.count()
        self._prefix = f"t{id(self)}-{asyncio.get_running_loop().time()}"

    async def __aenter__(self) -> Self:
        self._session = aiohttp.ClientSession(headers=self._headers)
        self.user = (await self.call("GET", "account/whoami"))["user_id"]
        first = await self.call("GET", "sync?timeout=0")
        await self._take(first)
        self._sync = asyncio.ensure_future(self._syncing(first["next_batch"]))
        return self

    async def __aexit__(self, *_: object) -> None:
        self._sync.cancel()
        await asyncio.gather(self._sync, return_exceptions=True)
        await self._session.close()

    async def call(self, method: str, path: str, body: Any = None) -> Any:
        url = f"{self.homeserver}/_matrix/client/v3/{path}"
        async with self._session.request(method, url, json=body if body is not None or method == "GET" else {}) as answer:
            data = await answer.json()
            if answer.status != 200:
                raise RuntimeError(f"{method} {path}: {answer.status} {data}")
            return data

    async def _syncing(self, since: str) -> None:
        while True:
            try:
                data = await self.call("GET", f"sync?since={since}&timeout=30000&set_presence={self.presence}")
            except (aiohttp.ClientError, RuntimeError):
                await self._up()
                continue
            since = data["next_batch"]
            await self._take(data)

    async def _up(self) -> None:
        """Waits until the homeserver takes connections again."""
        at = urllib.parse.urlsplit(self.homeserver)
        while True:
            try:
                _, writer = await asyncio.open_connection(at.hostname, at.port)
            except OSError:
                await asyncio.sleep(0.05)
                continue
            await closed(writer)
            return

    async def _take(self, data: Any) -> None:
        async with self._grown:
            for room, news in data.get("rooms", {}).get("join", {}).items():
                events = news["state"]["events"] + news["timeline"]["events"]
                for event in events:
                    if "state_key" in event:
                        self.state.setdefault(room, {})[(event["type"], event["state_key"])] = event
                seen = self.timeline.setdefault(room, [])
                events = news["timeline"]["events"]
                if news["timeline"].get("limited") and seen:
                    events = await self._gap(room, seen[-1]["event_id"]) or events
                self._show(room, events)
            for room, news in data.get("rooms", {}).get("invite", {}).items():
                for event in news["invite_state"]["events"]:
                    if event["type"] == "m.room.member" and event["state_key"] == self.user:
                        self.invitations[room] = event["sender"]
            self._grown.notify_all()

    def _show(self, room: str, events: list[Event]) -> None:
        """Each event once: what filled a gap may be newer than the sync that told of it, and comes again with the next."""
        known = self._shown.setdefault(room, set())
        for event in events:
            if event["event_id"] not in known:
                known.add(event["event_id"])
                self.timeline[room].append(event)

    async def _gap(self, room: str, last: str) -> list[Event]:
        """What a limited sync left out: everything after `last`, oldest first."""
        found: list[Event] = []
        position = ""
        while True:
            page = await self.call("GET", f"rooms/{_quoted(room)}/messages?dir=b&limit=500{position}")
            for event in page["chunk"]:
                if event["event_id"] == last:
                    return found[::-1]
                found.append(event)
            if "end" not in page or not page["chunk"]:
                return found[::-1]
            position = f"&from={page['end']}"

    async def join(self, room: str) -> str:
        return str((await self.call("POST", f"join/{_quoted(room)}"))["room_id"])

    async def enter(self, inviter: str, timeout: float = 20.0) -> str:
        """Waits for an invitation, and follows it."""
        await self.until(lambda: inviter in self.invitations.values(), timeout)
        return await self.join(next(room for room, by in self.invitations.items() if by == inviter))

    async def upload(self, data: bytes, kind: str) -> str:
        url = f"{self.homeserver}/_matrix/media/v3/upload"
        async with self._session.post(url, data=data, headers={"Content-Type": kind}) as answer:
            return str((await answer.json())["content_uri"])

    async def say(self, room: str, text: str, **content: Any) -> str:
        return await self.send(room, "m.room.message", {"msgtype": "m.text", "body": text, **content})

    async def say_at_last(self, room: str, text: str) -> None:
        """As people's programs do while the homeserver is away: the same transaction again, until there is an answer."""
        path = f"rooms/{_quoted(room)}/send/m.room.message/{self._prefix}-{next(self._transactions)}"
        while True:
            try:
                await self.call("PUT", path, {"msgtype": "m.text", "body": text})
                return
            except (aiohttp.ClientError, OSError):
                await self._up()

    async def send(self, room: str, kind: str, content: Event) -> str:
        path = f"rooms/{_quoted(room)}/send/{kind}/{self._prefix}-{next(self._transactions)}"
        return str((await self.call("PUT", path, content))["event_id"])

    async def redact(self, room: str, event: str) -> None:
        await self.call("PUT", f"rooms/{_quoted(room)}/redact/{_quoted(event)}/{self._prefix}-{next(self._transactions)}", {})

    def messages(self, room: str) -> list[Event]:
        return [event for event in self.timeline.get(room, []) if event["type"] == "m.room.message"]

    async def sees(self, room: str, wanted: Callable[[Event], bool], timeout: float = 20.0) -> Event:
        """Waits for an event of the room's timeline, past or to come."""
        async with asyncio.timeout(timeout), self._grown:
            while True:
                for event in self.timeline.get(room, []):
                    if wanted(event):
                        return event
                await self._grown.wait()

    async def sees_text(self, room: str, text: str, timeout: float = 20.0) -> Event:
        return await self.sees(room, lambda event: text in str(event.get("content", {}).get("body", "")), timeout)

    async def until(self, done: Callable[[], bool], timeout: float = 60.0) -> None:
        async with asyncio.timeout(timeout), self._grown:
            await self._grown.wait_for(done)


def _quoted(text: str) -> str:
    return urllib.parse.quote(text, safe="")


async def closed(writer: asyncio.StreamWriter) -> None:
    """Closes it and waits until it is, whatever state the other side is in."""
    writer.close()
    with suppress(OSError):
        await writer.wait_closed()


class IrcClient:
    """A plain IRC client without capabilities, unless `caps` asks for some."""

    def __init__(self, host: str, port: int, nick: str, caps: str = "") -> None:
        self._at = (host, port)
        self.nick = nick
        self._caps = caps
        self.lines: list[str] = []
        self._grown = asyncio.Condition()
        self._fences = itertools.count()

    async def __aenter__(self) -> Self:
        self._reader, self._writer = await asyncio.open_connection(*self._at, limit=2**20)
        if self._caps:
            self.send("CAP LS 302", f"CAP REQ :{self._caps}")
        self.send(f"NICK {self.nick}", f"USER someone 0 * :{self.nick}")
        if self._caps:
            self.send("CAP END")
        self._reading = asyncio.ensure_future(self._read())
        await self.sees(lambda line: " 001 " in line)
        return self

    async def __aexit__(self, *_: object) -> None:
        self._reading.cancel()
        await asyncio.gather(self._reading, return_exceptions=True)
        await closed(self._writer)

    async def _read(self) -> None:
        while raw := await self._reader.readline():
            line = raw.decode(errors="replace").rstrip("\r\n")
            if line.startswith("PING"):
                self.send("PONG" + line[4:])
            async with self._grown:
                self.lines.append(line)
                self._grown.notify_all()

    def send(self, *lines: str) -> None:
        self._writer.write("".join(f"{line}\r\n" for line in lines).encode())

    async def drain(self) -> None:
        await self._writer.drain()

    async def join(self, channel: str) -> None:
        self.send(f"JOIN {channel}")
        await self.sees(lambda line: " 366 " in line and channel in line)

    async def round_trip(self) -> None:
        """The server has dealt with all that was sent."""
        token = f"fence-{next(self._fences)}"
        position = len(self.lines)
        self.send(f"PING {token}")
        await self.until(lambda: any(" PONG " in line and line.endswith(token) for line in self.lines[position:]))

    def say(self, target: str, text: str) -> None:
        self.send(f"PRIVMSG {target} :{text}")

    def heard(self, target: str) -> list[str]:
        """The texts said to `target`, in order."""
        mark = f" PRIVMSG {target} :"
        return [line.split(mark, 1)[1] for line in self.lines if mark in line]

    async def sees(self, wanted: Callable[[str], bool], timeout: float = 20.0) -> str:
        async with asyncio.timeout(timeout), self._grown:
            while True:
                for line in self.lines:
                    if wanted(line):
                        return line
                await self._grown.wait()

    async def hears(self, text: str, timeout: float = 20.0) -> str:
        return await self.sees(lambda line: text in line and " PRIVMSG " in line, timeout)

    async def until(self, done: Callable[[], bool], timeout: float = 60.0) -> None:
        async with asyncio.timeout(timeout), self._grown:
            await self._grown.wait_for(done)
