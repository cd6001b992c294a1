"""A server whose timelines a test fills, paging as the recorded one does: short pages, inclusive `max_id`, tags of seconds."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Any

import msgspec

from adapters.gnusocial.config import GnuSocialConfig
from adapters.gnusocial.reading.reader import Reader
from adapters.gnusocial.wire.account import Account
from bridge.contract.errors import BridgeError
from bridge.contract.toolbox import Toolbox
from bridge.model.events import Event
from bridge.model.ids import ChannelId
from bridge.testing.doubles import MemoryLinking, RecordingInlet, until
from tests.doubles.clock import FakeClock
from tests.unit.gnusocial.kit import HOST, LOGIN, NET, Asked, ScriptedHttp, Told, status, toolbox_with, user

PUBLIC = {"objectType": "collection", "id": "http://activityschema.org/collection/public"}


class CountingMetrics:
    def __init__(self) -> None:
        self.counts: dict[str, float] = {}

    def count(self, name: str, amount: float = 1, **labels: str) -> None:
        name = f"{name}/{labels['reason']}" if "reason" in labels else name
        self.counts[name] = self.counts.get(name, 0) + amount

    def gauge(self, name: str, value: float, **labels: str) -> None: ...

    def observe(self, name: str, seconds: float, **labels: str) -> None: ...


class Wall:
    """`timelines`: JSON items by path, the newest first; `items`: activities by number. `hidden` are filtered out of pages."""

    def __init__(self) -> None:
        self.clock = FakeClock()
        self.http = ScriptedHttp(self.clock, self.answer)
        self.timelines: dict[str, list[Any]] = {"statuses/home_timeline": [], "direct_messages": [], "direct_messages/sent": []}
        self.shown: dict[str, Told] = {}
        self.items: dict[int, Any] = {}
        self.hidden: set[int] = set()
        self.moods: dict[str, Told | OSError] = {"account/verify_credentials": Told(user())}
        self.faceless = False
        self.next = 1

    def post(self, text: str, *, path: str = "statuses/home_timeline", at: datetime | None = None, **more: Any) -> int:
        """Puts a post on top of a timeline; its number."""
        by = more.pop("by", 2)
        id, self.next = self.next, self.next + 1
        given = {"user": user(by, "alice" if by == 1 else f"user{by}"), "statusnet_conversation_id": id, **more}
        one = status(id, text, at or self.clock.now(), **given)
        self.timelines.setdefault(path, []).insert(0, one)
        self.shown[f"{id}"] = Told(one)
        self.item(one)
        return id

    def item(self, one: Any, **more: Any) -> None:
        reply = one.get("in_reply_to_status_id")
        thing = {"id": one["uri"], "objectType": "note", "content": one["text"], "url": f"https://{HOST}/notice/{one['id']}"}
        if reply in self.shown and "uri" in self.shown[reply].data:
            thing["inReplyTo"] = {"id": self.shown[reply].data["uri"]}
        net = {"conversation": f"tag:{HOST}:thread", "notice_info": {"local_id": f"{one['id']}"}}
        self.items[one["id"]] = {
            "verb": "post",
            "id": one["uri"],
            "object": thing,
            "to": [PUBLIC],
            "status_net": net,
            "url": thing["url"],
            **more,
        }

    def direct(self, text: str, *, by: int = 2, to: int = 1, at: datetime | None = None) -> int:
        id, self.next = self.next, self.next + 1
        parties = {one: user(one, "alice" if one == 1 else f"user{one}") for one in (by, to)}
        row = {"id": id, "text": text, "sender": parties[by], "recipient": parties[to], "sender_id": by, "recipient_id": to}
        row["created_at"] = status(id, text, at or self.clock.now())["created_at"]
        self.timelines["direct_messages" if to == 1 else "direct_messages/sent"].insert(0, row)
        return id

    def answer(self, asked: Asked) -> Told | OSError:
        path, _, face = asked.path.removeprefix("/api/").rpartition(".")
        if (mood := self.moods.get(f"{path}.{face}", self.moods.get(path))) is not None:
            return mood
        if path.startswith("statuses/show/"):
            return self.shown.get(path.rpartition("/")[2], Told({"error": "No such notice."}, 404))
        if path not in self.timelines:
            return Told({"error": "not found"}, 404)
        if face == "as" and self.faceless:
            return Told({"error": "no such format"}, 404)
        page = self.page(path, asked.query)
        tag = f'"{path}:{",".join(str(one.get("created_at")) for one in page[:1] + page[-1:] if isinstance(one, dict))}"'
        if asked.headers.get("if-none-match") == tag:
            return Told(status=304, body=b"", headers={"etag": tag})
        if face == "as":
            items = [self.items[one["id"]] for one in page if isinstance(one, dict) and one.get("id") in self.items]
            return Told({"items": items}, headers={"etag": tag})
        return Told(page, headers={"etag": tag})

    def page(self, path: str, query: dict[str, str]) -> list[Any]:
        most = int(query.get("max_id", 0))
        found = [one for one in self.timelines[path] if not most or (isinstance(one, dict) and (one.get("id") or 0) <= most)]
        cut = found[: int(query.get("count", 20))]
        return [one for one in cut if not isinstance(one, dict) or one.get("id") not in self.hidden]

    def asked(self, path: str) -> list[Asked]:
        return [one for one in self.http.asked if one.path.removeprefix("/api/") == path]


class Desk:
    """A login's reader on a wall, run again and again over one inlet as a bridge would."""

    def __init__(self, wall: Wall, *channels: str, config: GnuSocialConfig | None = None) -> None:
        self.wall = wall
        self.inlet = RecordingInlet()
        self.linking = MemoryLinking()
        self.metrics = CountingMetrics()
        tools = toolbox_with(wall.http, wall.clock, LOGIN)
        self.tools: Toolbox = msgspec.structs.replace(tools, linking=self.linking, metrics=self.metrics)
        self.channels = channels or ("home@me",)
        self.config = config or GnuSocialConfig(interval=60)
        self.account = Account(NET, LOGIN, self.tools)
        self.task: asyncio.Task[None] | None = None
        self.reader = self.begin()

    def begin(self) -> Reader:
        """A new reader, as after a start."""
        self.account = Account(NET, LOGIN, self.tools)
        self.reader = Reader(NET, self.account, self.inlet, self.tools, self.config)
        for channel in self.channels:
            self.reader.open(ChannelId(NET, channel))
        return self.reader

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        task = self.task = asyncio.create_task(self.reader.run())
        try:
            await self.rested(task)
            yield
        finally:
            task.cancel()
            await asyncio.wait([task])
            if not task.cancelled() and (error := task.exception()) is not None and not isinstance(error, BridgeError):
                raise error

    async def rested(self, task: asyncio.Task[None]) -> None:
        """Until it waits for the clock, or has ended."""
        await until(lambda: task.done() or self.wall.clock.sleepers)

    async def round(self, seconds: float = 70) -> None:
        """Until the next look is over."""
        assert self.task is not None
        await self.wall.clock.advance(seconds)
        await self.rested(self.task)

    def texts(self, channel: str | None = None) -> list[str]:
        return [text_of(event) for event in self.inlet.events if channel is None or event.channel.id == channel]


def text_of(event: Event) -> str:
    text = getattr(event.body, "text", None)
    return text.plain if text is not None else type(event.body).__name__
