"""The adapter contract: five methods and a manifest; all else is a protocol with one method, implemented or not."""

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from enum import StrEnum
from typing import Any, ClassVar, Protocol, runtime_checkable

from msgspec import Struct

from bridge.contract.delivery import Delivery, Receipt
from bridge.contract.features import Features, Manifest
from bridge.contract.toolbox import Toolbox
from bridge.contract.words import Word
from bridge.model.events import Event
from bridge.model.ids import ChannelId, IdentityId, NetworkName
from bridge.model.people import Profile
from bridge.model.signals import Signal


class Phase(StrEnum):
    STARTING = "starting"
    CONNECTING = "connecting"
    CONNECTED = "connected"
    TRANSIENT = "transient"
    """Disconnected, being tried again."""
    FAILED = "failed"
    """A human must act: bad credentials, banned."""
    STOPPED = "stopped"


class NetworkState(Struct, frozen=True, kw_only=True):
    """How a network's connection is. `reason` is plain words without secrets; `retry_at` a monotonic time of the clock."""

    network: NetworkName
    phase: Phase
    reason: str | None = None
    retry_at: float | None = None


class ChannelInfo(Struct, frozen=True, kw_only=True):
    """The answer to opening one channel: `error` says why it is not open, in plain words."""

    channel: ChannelId
    name: str | None = None
    topic: str | None = None
    members: int | None = None
    error: str | None = None


class Cursor(Struct, frozen=True, kw_only=True):
    """How far we have read: per channel, account or feed. `value` is the adapter's own."""

    scope: str
    value: str


class Inlet(Protocol):
    """Where an adapter hands in what happened on its one network."""

    async def accept(self, *events: Event, cursor: Cursor | None = None) -> None:
        """Returns once events and cursor are committed together.

        A known key is not a new event: seen by another account or channel it is recorded as a sighting.
        Whatever the network calls an acknowledgement comes after this line. Events of one call and of successive
        calls keep their order even where a caller does not wait for one before the next.
        Raises `LedgerUnavailable` where nothing could be stored: stop reading.
        """
        ...

    async def cursor(self, scope: str) -> Cursor | None: ...

    def signal(self, signal: Signal) -> None:
        """Best effort; never blocks."""
        ...

    def report(self, state: NetworkState) -> None:
        """Say how the connection is; shown by `status` and waited for by `/ready`."""
        ...

    def look_again(self, *channels: ChannelId) -> None:
        """They are not what they were when they were opened: those that are linked are opened anew soon, and what waits for
        one that opens leaves. For networks of several connections, while one comes or goes; never blocks.
        """
        ...

    def proved(self, delivery: str, receipt: Receipt) -> None:
        """An own message came back, told by its id or label: closes a delivery whose answer was lost."""
        ...


class Adapter(Protocol):
    """Code for one protocol; one instance per configured network."""

    manifest: ClassVar[Manifest]

    def __init__(self, network: NetworkName, config: Any, inlet: Inlet, tools: Toolbox) -> None:
        """No I/O."""
        ...

    async def run(self) -> None:
        """Connect and receive until cancelled; raise `Disconnected` to be started again after a back-off.

        Reports CONNECTED when channels can be opened. Cancelled, it leaves no task and no socket.
        """
        ...

    async def open(self, *channels: ChannelId) -> list[ChannelInfo]:
        """Join or subscribe. Idempotent; called for all links after each connect. One answer per channel."""
        ...

    async def close(self, *channels: ChannelId) -> None: ...

    async def deliver(self, delivery: Delivery) -> Receipt:
        """Send exactly one wire message.

        It is written, in the order of the calls, before the first await; returns when the promised evidence is in.
        Raises `Unavailable`, `Uncertain` or `Rejected`.
        """
        ...

    def features(self, channel: ChannelId) -> Features:
        """What this channel can do right now; no I/O. Before a connection: the safest guess."""
        ...


@runtime_checkable
class Reconciles(Protocol):
    async def find(self, delivery: Delivery) -> Receipt | None:
        """Look whether a delivery that may have been sent is there. None: it surely is not. Raises `Uncertain`: can't tell."""
        ...


@runtime_checkable
class Recalls(Protocol):
    def history(self, channel: ChannelId, since: Cursor | None) -> AsyncIterator[Event]: ...


@runtime_checkable
class Describes(Protocol):
    async def profile(self, who: IdentityId) -> Profile: ...


@runtime_checkable
class Signals(Protocol):
    async def send_signal(self, signal: Signal) -> None: ...


@runtime_checkable
class Listens(Protocol):
    def routes(self) -> Sequence[tuple[str, str, Callable[[Any], Awaitable[Any]]]]:
        """(method, path below `/net/<network>/`, aiohttp handler)."""
        ...


@runtime_checkable
class Commands(Protocol):
    def words(self) -> Sequence[Word]: ...


@runtime_checkable
class Examines(Protocol):
    """Implemented by the adapter class itself, for `unabridged check`."""

    @classmethod
    async def examine(cls, config: Any) -> str:
        """Reaches for the network with these settings, without logging in where that disturbs. Within 15 s.

        Returns what answered, in plain words without secrets; raises `OSError` with words where it can't be reached.
        """
        ...


@runtime_checkable
class Demonstrates(Protocol):
    """Implemented by the adapter class itself. Where the protocol has accounts, the server has one: `demo`, password `demo`."""

    @classmethod
    async def demonstrate(cls, host: str, port: int) -> "Demonstration": ...


class Demonstration(Protocol):
    """A small local server of the protocol, for the demo and for tests. Runs until `stop` returns."""

    host: str
    port: int

    async def stop(self) -> None: ...
