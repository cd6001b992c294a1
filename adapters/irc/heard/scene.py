"""What every reader of lines needs: where we are, who we are, and how an event is made of a line."""

from collections import OrderedDict
from collections.abc import Callable, Hashable
from datetime import UTC, datetime, timedelta
from typing import NamedTuple, TypeVar

from msgspec.structs import replace

from adapters.irc.ids import Roster, channel_id, fold
from adapters.irc.wire.isupport import Isupport
from adapters.irc.wire.line import Line
from bridge.model.events import Body, Event, Origin, Ref
from bridge.model.ids import ChannelId, EventKey, IdentityId, NetworkName
from bridge.model.people import Identity, Profile
from bridge.text.escape import strip_controls

_K = TypeVar("_K", bound=Hashable)
_V = TypeVar("_V")

_REMEMBERED = 4_096
_LONGEST_ID = 255
_AHEAD = timedelta(hours=1)
"""A clock further ahead than this is not believed."""


class Heard(NamedTuple):
    """A line with what all its events share."""

    line: Line
    id: str
    at: datetime
    origin: Origin


class Scene:
    def __init__(self, network: NetworkName, roster: Roster, isupport: Isupport, dropped: Callable[[str], None]) -> None:
        self.network = network
        self.roster = roster
        self.isupport = isupport
        self.me = ""
        self.dropped = dropped

    def is_me(self, nick: str) -> bool:
        mapping = self.isupport.casemapping
        return bool(self.me) and (nick == self.me or fold(nick, mapping) == fold(self.me, mapping))

    def is_person(self, line: Line) -> bool:
        """Somebody else than us, and not the server."""
        return bool(line.nick) and not self.is_me(line.nick)

    def channel(self, name: str) -> ChannelId:
        return channel_id(self.network, name, self.isupport.casemapping)

    def author(self, line: Line) -> Identity:
        if not line.nick or (line.user is None and line.host is None and "." in line.nick):
            return self.server(line.nick)
        who = self.roster.identity(line.nick, line.user, line.host, line.tags.get("account"))
        return replace(who, bot=True) if "bot" in line.tags or "draft/bot" in line.tags else who

    def server(self, name: str) -> Identity:
        name = name or "server"
        return Identity(id=IdentityId(self.network, fold(name, "ascii")), profile=Profile(name=name), bot=True)

    def event(self, heard: Heard, channel: ChannelId, author: Identity, body: Body, apart: str = "") -> Event:
        """`apart` tells the events of one line from each other."""
        return Event(
            key=EventKey(self.network, f"{heard.id}/{apart}" if apart else heard.id),
            channel=channel,
            author=author,
            happened_at=heard.at,
            body=body,
            origin=heard.origin,
        )

    def ref(self, native_id: str | None) -> Ref | None:
        return None if native_id is None else Ref(key=EventKey(self.network, native_id))


def native(value: str | None) -> str | None:
    """A msgid that can be one; hostile ones count as none."""
    return value if value and len(value) <= _LONGEST_ID and value.isprintable() and " " not in value else None


def replied(line: Line) -> str | None:
    """The ratified tag, or the one before it."""
    return native(line.tags.get("+reply") or line.tags.get("+draft/reply"))


def reason_of(text: str) -> str | None:
    return strip_controls(text).strip() or None


def time_of(stamp: str, now: datetime) -> datetime:
    """server-time, or `now` where it is none or lies in the future."""
    try:
        at = datetime.fromisoformat(stamp)
        at = at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)
        return at if at - now < _AHEAD else now
    except (ValueError, OverflowError):
        return now


def keep(memory: OrderedDict[_K, _V], key: _K, value: _V) -> None:
    """Remember, and forget the oldest beyond a bound."""
    memory[key] = value
    memory.move_to_end(key)
    if len(memory) > _REMEMBERED:
        memory.popitem(last=False)
