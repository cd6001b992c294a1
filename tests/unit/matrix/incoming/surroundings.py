"""A bridge around the receiver: one portal, one network, an intake and a book of facts that remember."""

import re
from collections.abc import Mapping, Sequence
from typing import Any, cast

import msgspec

from bridge.contract.adapter import Cursor
from bridge.contract.delivery import Receipt
from bridge.contract.errors import LedgerUnavailable
from bridge.ledger.rows import Accepted, Chore
from bridge.matrix.ports import Memory
from bridge.matrix.reactions import ReactionBook
from bridge.matrix.receiver import Receiver, Surroundings
from bridge.model.events import Event
from bridge.model.ids import HUB, EventKey, IdentityId, NetworkName
from bridge.model.people import Identity
from bridge.model.portals import Portal
from bridge.model.signals import Signal
from tests.doubles.clock import FakeClock

BOT = "@unabridged:localhost"
ALICE = "@alice:localhost"
PUPPET = "@_local_bob:localhost"
ROOM = "!portal"
_OURS = re.compile(r"@(?:_local_.*|unabridged):localhost")


class Counts:
    """A `Metrics` that can be read back."""

    def __init__(self) -> None:
        self.counted: dict[str, float] = {}

    def count(self, name: str, amount: float = 1, **labels: str) -> None:
        self.counted[name] = self.counted.get(name, 0) + amount

    def gauge(self, name: str, value: float, **labels: str) -> None:
        self.counted[name] = value

    def observe(self, name: str, seconds: float, **labels: str) -> None:
        self.counted[name] = seconds


class World:
    """Plays intake, ledger and routing; everything handed over is in `events`, `chores`, `proofs` and `signals`."""

    def __init__(self) -> None:
        self.events: list[Event] = []
        self.chores: list[Chore] = []
        self.proofs: list[tuple[str, Receipt]] = []
        self.signals: list[Signal] = []
        self.commits: list[tuple[int, int]] = []
        self.stored: dict[EventKey, Event] = {}
        self.kept: dict[tuple[str, str], str] = {}
        self.revoked: list[EventKey] = []
        self.down = False
        self.metrics = Counts()
        self._pushes = 0
        self.unpushed: list[Mapping[str, Any]] = []
        self.last: Cursor | None = None
        self.asked: set[str] = set()
        self.held: dict[str, str] = {}
        """What those in `asked` said."""
        self.around = Surroundings(
            bot=BOT,
            prefix="!",
            ours=lambda user: _OURS.fullmatch(user) is not None,
            doubled=lambda user: user == "@doubled:localhost",
            identity_of=self.identity_of,
            portal_in=lambda room: Portal(id=1, room=ROOM) if room == ROOM else None,
            missed=self.missed,
            know=self.know,
            recorded=self.recorded,
            redacted=self.redacted,
            answers=self.answers,
            knows_word=lambda word: word in ("link", "help"),
        )
        self.receiver = Receiver(
            self.around,
            self,
            ReactionBook(cast(Memory, self)),
            prove=lambda delivery, receipt: self.proofs.append((delivery, receipt)),
            signal=self.signals.append,
            clock=FakeClock(),
            metrics=self.metrics,
        )

    def answers(self, room: str, sender: str, event: str, words: str) -> bool:
        if sender in self.asked:
            self.held[event] = words
        return sender in self.asked

    @staticmethod
    def identity_of(user: str) -> Identity:
        found = re.fullmatch("@_local_(.*):localhost", user)
        return Identity(id=IdentityId(NetworkName("local"), found[1]) if found else IdentityId(HUB, user))

    async def know(self, raw: Mapping[str, Any]) -> None:
        if raw["sender"] == "@bug:localhost":
            raise KeyError("a bug of ours")

    async def missed(self, room: str) -> list[Mapping[str, Any]]:
        missed, self.unpushed = self.unpushed, []
        return missed

    async def recorded(self) -> None:
        if self.down:
            raise LedgerUnavailable("the disk is full")

    async def redacted(self, key: EventKey) -> None:
        self._must_be_up()
        self.revoked.append(key)

    async def accept(
        self, network: NetworkName, events: Sequence[Event], *, cursor: Cursor | None = None, chores: Sequence[Chore] = ()
    ) -> Accepted:
        self._must_be_up()
        self.commits.append((len(events), len(chores)))
        self.last = cursor or self.last
        fresh = [event for event in events if event.key not in self.stored]
        self.stored |= {event.key: event for event in fresh}
        self.events += fresh
        self.chores += [chore for chore in chores if chore.id not in {known.id for known in self.chores}]
        return Accepted(fresh=tuple(event.key for event in fresh))

    async def cursor(self, network: NetworkName, scope: str) -> Cursor | None:
        self._must_be_up()
        return self.last if self.last is not None and self.last.scope == scope else None

    async def fact(self, scope: str, name: str) -> str | None:
        return self.kept.get((scope, name))

    async def facts(self, scope: str) -> dict[str, str]:
        return {name: value for (found, name), value in self.kept.items() if found == scope}

    async def save_fact(self, scope: str, name: str, value: str) -> None:
        self._must_be_up()
        self.kept[scope, name] = value

    def _must_be_up(self) -> None:
        if self.down:
            raise LedgerUnavailable("the disk is full")

    async def push(self, *events: Any, txn: str = "", more: Mapping[str, Any] = {}) -> None:
        """One transaction; a new id each time unless one is given."""
        self._pushes += 1
        await self.receiver.take(txn or f"t{self._pushes}", msgspec.json.encode({"events": events, **more}))


def message(body: str = "hi", **changes: Any) -> dict[str, Any]:
    """An `m.room.message` of alice in the portal; `changes` replace top-level fields, `content` is added to."""
    content = {"msgtype": "m.text", "body": body, **changes.pop("content", {})}
    return raw("m.room.message", content, **changes)


def raw(kind: str, content: Any, **changes: Any) -> dict[str, Any]:
    event_id = changes.pop("event_id", None) or f"${hash((kind, str(content), str(changes))) & 0xFFFFFFFF:08x}"
    return {
        "type": kind,
        "room_id": ROOM,
        "sender": ALICE,
        "event_id": event_id,
        "origin_server_ts": 1_767_268_800_000,
        "content": content,
        **changes,
    }
