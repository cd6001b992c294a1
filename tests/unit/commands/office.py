"""A small office: what words ask of a bridge, answered from plain lists."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

from bridge.commands.office import Refused
from bridge.contract.adapter import ChannelInfo, NetworkState, Phase
from bridge.contract.delivery import Delivery
from bridge.contract.features import Voice, VoiceKind
from bridge.contract.logins import Login
from bridge.contract.words import Asker
from bridge.ledger.rows import Entry, State, Trace
from bridge.model.events import Message, Text
from bridge.model.ids import ChannelId, EventKey, IdentityId, NetworkName
from bridge.model.people import Identity, Profile
from bridge.model.permissions import Permission
from bridge.model.portals import Direction, Link, Portal, Source

LOCAL = NetworkName("local")
ROOM, OTHER = "!lobby:localhost", "!other:localhost"
AT = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
BOB = Identity(id=IdentityId(LOCAL, "bob"), profile=Profile(name="Bob"))


def channel(name: str) -> ChannelId:
    return ChannelId(LOCAL, name)


def delivery(id: str, text: str = "hello", to: str = "#lobby") -> Delivery:
    return Delivery(
        id=id,
        channel=channel(to),
        event=EventKey(LOCAL, f"e-{id}"),
        author=BOB,
        voice=Voice(kind=VoiceKind.PREFIX, name="Bob", prefix="<Bob> "),
        body=Message(text=Text(plain=text)),
        happened_at=AT,
        accepted_at=AT,
    )


def asker(permission: Permission = Permission.USER, *, room: str | None = ROOM, power: int | None = 0) -> Asker:
    return Asker(user="@alice:localhost", permission=permission, room=room, room_power=power if room else None)


ADMIN = Asker(user="terminal", permission=Permission.ADMIN)


class SmallOffice:
    def __init__(self) -> None:
        self.made: list[Link] = [Link(id=1, portal=1, channel=channel("#lobby"), source=Source.FILE)]
        self.infos: dict[ChannelId, ChannelInfo] = {channel("#lobby"): ChannelInfo(channel=channel("#lobby"))}
        self.powers: dict[tuple[str, str], int] = {}
        self.letters: list[Entry] = []
        self.traces: dict[EventKey, Trace] = {}
        self.replayed: list[tuple[Sequence[str] | None, ChannelId | None]] = []
        self.by: list[str] = []
        self.troubles: dict[str, Sequence[str]] = {}
        self.claimed: dict[str, str] = {}
        self.refused: list[tuple[Login, str]] = []
        self.states = [NetworkState(network=LOCAL, phase=Phase.TRANSIENT, reason="connection refused")]

    def permissions(self) -> Mapping[str, Permission]:
        return {"@alice:localhost": Permission.USER}

    def portals(self) -> Sequence[Portal]:
        return [Portal(id=1, room=ROOM, alias="#lobby:localhost"), Portal(id=2, room=OTHER)]

    def links(self) -> Sequence[Link]:
        return self.made

    def networks(self) -> Sequence[NetworkState]:
        return self.states

    def login_troubles(self) -> Sequence[tuple[Login, str]]:
        return self.refused

    def opened(self, channel: ChannelId) -> ChannelInfo | None:
        return self.infos.get(channel)

    def channel(self, text: str) -> ChannelId:
        parsed = ChannelId.parse(text) if "/" in text else None
        if parsed is None or parsed.network != LOCAL:
            raise Refused(f"There is no channel {text}.")
        return ChannelId(LOCAL, parsed.id.lower())

    async def room_id(self, room: str) -> str:
        rooms = {"#lobby:localhost": ROOM, "#other:localhost": OTHER, ROOM: ROOM, OTHER: OTHER}
        if room not in rooms:
            raise Refused(f"There is no room {room}.")
        return rooms[room]

    async def power(self, room_id: str, user: str) -> int | None:
        return self.powers.get((room_id, user))

    async def link(self, *, room_id: str, channel: ChannelId, direction: Direction | None, relay: bool | None, by: str) -> Link:
        portal = next(portal.id for portal in self.portals() if portal.room == room_id)
        link = Link(
            id=len(self.made) + 1,
            portal=portal,
            channel=channel,
            direction=direction or Direction.BOTH,
            relay=True if relay is None else relay,
            source=Source.COMMAND,
        )
        self.made.append(link)
        self.by.append(by)
        return link

    async def problems(self, room_id: str) -> Sequence[str]:
        return self.troubles.get(room_id, ())

    async def unlink(self, link: Link) -> None:
        self.made.remove(link)

    async def counts(self) -> Mapping[str, int]:
        return {State.PENDING: 2, State.LEASED: 1, State.DEAD: len(self.letters), State.DONE: 9}

    async def trace(self, key: EventKey) -> Trace | None:
        return self.traces.get(key)

    async def dead(self, limit: int, channel: ChannelId | None) -> Sequence[Entry]:
        return [entry for entry in self.letters if channel in (None, entry.delivery.channel)][:limit]

    async def replay(self, ids: Sequence[str] | None, channel: ChannelId | None) -> Sequence[Entry]:
        self.replayed.append((ids, channel))
        return [entry for entry in self.letters if ids is None or entry.delivery.id in ids]

    async def claim(self, identity: IdentityId, user: str) -> None:
        self.claimed = {str(identity): user} if user else {}

    async def claims(self) -> Mapping[str, str]:
        return self.claimed
