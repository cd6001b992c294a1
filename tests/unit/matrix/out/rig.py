"""The outgoing half put together over the fake homeserver, as `bridge.app` does it over a real one."""

import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from types import TracebackType
from typing import Any, Self

import aiohttp
import msgspec

from bridge.config.settings import VoiceSettings
from bridge.contract.delivery import Delivery, Target
from bridge.contract.features import Voice, VoiceKind
from bridge.contract.toolbox import MediaStream
from bridge.matrix.api import Api, make_session
from bridge.matrix.badges import Badges
from bridge.matrix.business import Affairs
from bridge.matrix.doubles import Doubles
from bridge.matrix.info import BridgeInfo
from bridge.matrix.membership import Memberships
from bridge.matrix.outlet import MatrixOutlet
from bridge.matrix.people import People
from bridge.matrix.puppets import Puppets
from bridge.matrix.rooms import Rooms
from bridge.matrix.state import RoomStates
from bridge.matrix.upgrade import Upgrades
from bridge.matrix.uploads import Uploads
from bridge.model.events import Attachment, Body, Event, Message, Text
from bridge.model.ids import HUB, ChannelId, EventKey, IdentityId, NetworkName
from bridge.model.people import Identity, Profile
from bridge.model.permissions import Permission
from bridge.model.portals import Portal
from tests.doubles.clock import START, FakeClock
from tests.doubles.homeserver import FakeHomeserver
from tests.unit.matrix.out.notebook import Notebook

LOCAL = NetworkName("local")
LOG = logging.getLogger("test")


def carol(name: str | None = "Carol", id: str = "carol", avatar: str | None = None) -> Identity:
    return Identity(id=IdentityId(LOCAL, id), profile=Profile(name=name, avatar=avatar))


CAROL = "@_local_carol:localhost"


class Shelf:
    """A MediaStore whose sources are given bytes; what is put gets a number."""

    def __init__(self) -> None:
        self.sources: dict[str, bytes] = {}
        self.put_in: list[tuple[str, bytes]] = []

    @asynccontextmanager
    async def open(self, attachment: Attachment) -> AsyncIterator[MediaStream]:
        if attachment.source not in self.sources:
            raise OSError("gone")
        yield Bytes(attachment.name, self.sources[attachment.source])

    async def put(self, stream: MediaStream) -> str:
        self.put_in.append((stream.name, b"".join([chunk async for chunk in stream.chunks()])))
        return f"mxc://localhost/shelf{len(self.put_in)}"


class Bytes:
    def __init__(self, name: str, data: bytes) -> None:
        self.name, self.type, self._data = name, "image/png", data
        self.size: int | None = len(data)

    async def chunks(self) -> AsyncIterator[bytes]:
        yield self._data


@dataclass
class Rig:
    hs: FakeHomeserver
    memory: Any = field(default_factory=Notebook)
    """A `Notebook`, or the real ledger."""
    double_token: str | None = None
    member_cap: int = 0
    open_channels: bool = True
    accepted: list[Event] = field(default_factory=list)
    changes: int = 0
    number: int = 0

    async def __aenter__(self) -> Self:
        self.session: aiohttp.ClientSession = make_session(8)
        self.clock = FakeClock()
        self.shelf = Shelf()
        self.api = Api(self.session, self.hs.url, self.hs.as_token, bot=self.hs.bot, double_token=self.double_token)
        self.states = RoomStates(self.api)
        voices = VoiceSettings()
        self.puppets = Puppets(
            self.api, self.memory, self.shelf, domain="localhost", networks=lambda _: True, voices=lambda _: voices, log=LOG
        )
        self.doubles = Doubles(self.api, self.memory, domain="localhost")
        self.people = People(self.api, self.memory, self.puppets, self.doubles)
        self.memberships = Memberships(self.api, self.memory, self.puppets, self.states, lambda _: self.member_cap)
        self.linked: dict[str, list[ChannelId]] = {}
        self.badges = Badges(
            self.api,
            self.memory,
            self.states,
            user_of=self.puppets.user_of,
            linked=lambda room: self.linked.get(room, []),
            rooms_of=lambda channel: [room for room, channels in self.linked.items() if channel in channels],
            is_ours=lambda user: user.startswith(("@_local_", self.hs.bot)),
            clock=self.clock,
            log=LOG,
        )
        self.uploads = Uploads(self.memory, self.shelf, cap=1000, log=LOG)
        self.outlet = MatrixOutlet(
            self.api, self.memory, self.puppets, self.doubles, self.memberships, self.uploads, self.badges, self.clock, log=LOG
        )
        self.rooms = Rooms(
            self.api,
            self.memory,
            self.states,
            domain="localhost",
            is_admin=lambda user: user == "@admin:localhost",
            may_open=lambda channel: self.open_channels and channel.network == LOCAL,
            is_personal=lambda channel: "@" in channel.id,
            changed=self._changed,
            log=LOG,
        )
        self.info = BridgeInfo(self.api, self.memory, lambda network: (f"{network}-protocol", "A protocol"))
        self.upgrades = Upgrades(self.api, self.memory, self.states, self.badges.moved, self._changed)
        self.affairs = Affairs(
            self.api,
            self.memory,
            self.states,
            self.puppets,
            self.people,
            self.upgrades,
            self.clock,
            accept=self._accept,
            permission=lambda user: Permission.USER if user.endswith(":localhost") else Permission.RELAY,
            portal_in=self.portal_in,
            adopt=self._adopt,
            adopted=self._adopted,
            log=LOG,
        )
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.hs.faults.release()
        await self.session.close()

    async def _changed(self) -> None:
        self.changes += 1

    async def _accept(self, event: Event) -> None:
        self.accepted.append(event)

    async def _adopt(self, room: str, puppet: str, sender: str, invited: datetime) -> str | None:
        return "Direct chats are not possible yet."

    async def _adopted(self, room: str) -> None:
        pass

    def portal_in(self, room: str) -> Portal | None:
        return next((portal for portal in self.memory.rooms if portal.room == room), None)

    async def room(self, **wish: Any) -> str:
        """A person's room with the bot in it."""
        room = self.hs.make_room("@alice:localhost", invite=[self.hs.bot], **wish)
        await self.api.join(room)
        return room

    def delivery(self, room: str, body: Body | str, *, author: Identity | None = None, **more: Any) -> Delivery:
        self.number += 1
        author = author or carol()
        given: dict[str, Any] = {
            "id": f"{self.number:032x}",
            "channel": ChannelId(HUB, room),
            "event": EventKey(LOCAL, f"m{self.number}"),
            "author": author,
            "voice": Voice(kind=VoiceKind.PUPPET, name=f"{author.name} ({author.id.network})"),
            "body": Message(text=Text(plain=body)) if isinstance(body, str) else body,
            "happened_at": START - timedelta(minutes=1),
            "accepted_at": START,
        }
        return Delivery(**{**given, **more})

    def restarted(self) -> "Rig":
        """The same ledger and homeserver, with nothing in memory."""
        return Rig(self.hs, memory=self.memory, double_token=self.double_token, number=self.number)

    def last(self, room: str) -> Any:
        return self.hs.events(room)[-1]


def target(*ids: str, **more: Any) -> Target:
    return Target(event=EventKey(HUB, ids[0] if ids else "gone"), ids=ids, **more)


def with_name(identity: Identity, name: str) -> Identity:
    return msgspec.structs.replace(identity, profile=Profile(name=name))
