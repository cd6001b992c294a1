"""A server in a few lines for tests of one exchange; whole stories are told with the demo server."""

import asyncio
import logging
import random
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import UTC, datetime
from email.utils import format_datetime
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import msgspec

from adapters.gnusocial.find import Finder
from adapters.gnusocial.outbound import Outgoing, State, outgoing
from adapters.gnusocial.wire.account import Account
from adapters.gnusocial.wire.people import People
from adapters.gnusocial.wire.writer import Writer
from bridge.contract.delivery import Delivery, Target
from bridge.contract.features import Voice, VoiceKind
from bridge.contract.logins import Login
from bridge.contract.toolbox import HttpAnswer, MediaStore, MediaStream, Toolbox
from bridge.model.events import Attachment, Body, Message, Text
from bridge.model.ids import HUB, ChannelId, EventKey, IdentityId, NetworkName
from bridge.model.people import Identity
from bridge.testing.doubles import MemoryLinking, MemoryLogins, NoMedia, NoMetrics
from tests.doubles.clock import START, FakeClock

NET = NetworkName("social")
HOST = "gs1.test"
ME = "1"
SECRETS = {"root": f"https://{HOST}/api/", "number": ME, "user": "alice", "password": "hunter2", "text": "1000"}
LOGIN = Login(user="@a:hub", network=NET, name="me", identity=IdentityId(NET, f"alice@{HOST}"), secrets=SECRETS)


class Asked(msgspec.Struct, frozen=True):
    method: str
    url: str
    headers: Mapping[str, str]
    form: Mapping[str, str]
    body: bytes

    @property
    def path(self) -> str:
        return urlsplit(self.url).path

    @property
    def query(self) -> dict[str, str]:
        return dict(parse_qsl(urlsplit(self.url).query))


class Told(msgspec.Struct, frozen=True):
    """What the server answers: `data` as JSON, or the `body` as it is."""

    data: Any = None
    status: int = 200
    body: bytes | None = None
    headers: Mapping[str, str] = {}


Answers = Callable[[Asked], "Told | OSError"]


class ScriptedHttp:
    """An `HttpClient`: keeps what was asked, answers as told, and its `Date` is the clock's."""

    def __init__(self, clock: FakeClock, answers: Answers) -> None:
        self.asked: list[Asked] = []
        self.answers = answers
        self._clock = clock

    async def request(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        body: bytes | None = None,
        limit: int = 0,
        timeout: float = 0.0,
        redirects: int = 5,
    ) -> HttpAnswer:
        await asyncio.sleep(0)
        given = {name.lower(): value for name, value in (headers or {}).items()}
        is_form = given.get("content-type") == "application/x-www-form-urlencoded"
        form = dict(parse_qsl((body or b"").decode(), keep_blank_values=True)) if is_form else {}
        asked = Asked(method, url, given, form, body or b"")
        self.asked.append(asked)
        told = self.answers(asked)
        if isinstance(told, OSError):
            raise told
        said = {"date": format_datetime(self._clock.now(), usegmt=True), **told.headers}
        payload = told.body if told.body is not None else msgspec.json.encode(told.data)
        return HttpAnswer(status=told.status, headers=said, body=payload, url=url)

    def stream(self, url: str, *, limit: int, timeout: float = 0.0) -> AbstractAsyncContextManager[MediaStream]:
        raise OSError("nothing is streamed in this test")

    def calls(self) -> list[str]:
        return [f"{one.method} {one.path.removeprefix('/api/').removesuffix('.json')}" for one in self.asked]


def toolbox_with(http: ScriptedHttp, clock: FakeClock, *logins: Login, media: MediaStore | None = None) -> Toolbox:
    return Toolbox(
        clock=clock,
        random=random.Random(1),
        http=http,
        media=media or NoMedia(),
        metrics=NoMetrics(),
        log=logging.getLogger("tests.gnusocial"),
        logins=MemoryLogins(*logins),
        linking=MemoryLinking(),
    )


class Bench:
    """One account's writer and finder, on a scripted server."""

    def __init__(self, answers: Answers, *, login: Login = LOGIN, media: MediaStore | None = None) -> None:
        self.clock = FakeClock()
        self.http = ScriptedHttp(self.clock, answers)
        self.tools = toolbox_with(self.http, self.clock, login, media=media)
        self.account = Account(NET, login, self.tools)
        self.people = People(self.account)
        self.finder = Finder(self.account, self.people, self.tools)
        self.writer = Writer(self.account, self.people, self.finder, self.tools, source="Unabridged")

    def out(self, delivery: Delivery) -> Outgoing:
        return outgoing(delivery, State(host=HOST, text=self.account.allowed.text))


def delivery(body: Body | str, *, id: str = "0" * 32, channel: str = "home@me", at: datetime = START, **more: Any) -> Delivery:
    return Delivery(
        id=id,
        channel=ChannelId(NET, channel),
        event=EventKey(HUB, "$event"),
        author=Identity(id=IdentityId(HUB, "@a:hub")),
        voice=Voice(kind=VoiceKind.PUPPET, name="alice"),
        body=Message(text=Text(plain=body)) if isinstance(body, str) else body,
        happened_at=at,
        accepted_at=at,
        **more,
    )


def target(*ids: str) -> Target:
    return Target(event=EventKey(NET, "tag:x"), ids=ids)


def user(number: int = 1, nick: str = "alice", host: str = HOST) -> dict[str, Any]:
    return {"id": number, "screen_name": nick, "name": nick.title(), "statusnet_profile_url": f"http://{host}/{nick}"}


def status(number: int, text: str, at: datetime = START, *, by: int = 1, **more: Any) -> dict[str, Any]:
    """As the recorded server writes it."""
    return {
        "id": number,
        "uri": f"tag:{HOST},{at:%Y-%m-%d}:noticeId={number}:objectType=note",
        "text": text,
        "created_at": at.astimezone(UTC).strftime("%a %b %d %H:%M:%S +0000 %Y"),
        "in_reply_to_status_id": None,
        "user": user(by),
        "favorited": False,
        "repeated": False,
        **more,
    }


def names(number: int, at: datetime = START) -> tuple[str, str]:
    """What a status made above is called."""
    return (f"tag:{HOST},{at:%Y-%m-%d}:noticeId={number}:objectType=note", f"{HOST}:{number}")


def by_path(routes: Mapping[str, Told | OSError | list[Told | OSError]]) -> Answers:
    """Answers by path below the API, `.json` left out; of several answers the last stays."""
    left = {path: list(told) if isinstance(told, list) else [told] for path, told in routes.items()}

    def answer(asked: Asked) -> Told | OSError:
        path = asked.path.removeprefix("/api/").removesuffix(".json")
        told = left.get(path, [Told({"error": f"no {path} here"}, 404)])
        return told.pop(0) if len(told) > 1 else told[0]

    return answer


class Pictures:
    """A `MediaStore` in which every picture is `data`, unless `broken`."""

    def __init__(self, data: bytes = b"\x89PNG", *, broken: bool = False) -> None:
        self.data = data
        self.broken = broken
        self.opened: list[str] = []

    @asynccontextmanager
    async def open(self, attachment: Attachment) -> AsyncIterator[MediaStream]:
        self.opened.append(attachment.source)
        if self.broken:
            raise OSError("it is gone")
        yield _Bytes(attachment.name, attachment.type, self.data)

    async def put(self, stream: MediaStream) -> str:
        raise OSError("nothing is put here")


class _Bytes:
    def __init__(self, name: str, type: str, data: bytes) -> None:
        self.name, self.type, self.size = name, type, len(data)
        self._data = data

    async def chunks(self) -> AsyncIterator[bytes]:
        yield self._data[:3]
        yield self._data[3:]
