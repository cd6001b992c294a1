"""What the homeserver pushes: transaction → events and chores → one commit → 200.

A homeserver sends a transaction again until it is answered 200, and after trouble sends the same events once more in
new transactions. So nothing is answered before the commit; the ledger drops known events by id; a transaction that
comes twice at once is done once. Events of our own puppets come back too: they prove deliveries and are nothing else.
An event that cannot be read is set aside as a chore of its own, and its neighbours go on.
"""

import asyncio
import hashlib
import logging
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from typing import Any, Protocol, TypeAlias

import msgspec

from bridge.contract.adapter import Cursor
from bridge.contract.delivery import Receipt
from bridge.contract.errors import LedgerUnavailable, Rejected
from bridge.contract.features import Evidence
from bridge.contract.toolbox import Clock, Metrics
from bridge.ledger.rows import Accepted, Chore
from bridge.matrix import gaps
from bridge.matrix.convert.fields import ConvertError, Raw, event_id, room_id
from bridge.matrix.convert.incoming import Business, Context, from_matrix
from bridge.matrix.convert.stamp import stamp_of
from bridge.matrix.ephemeral import EphemeralReader
from bridge.matrix.reactions import ReactionBook
from bridge.matrix.transaction import OutOfTurn, RawJson, Transaction, Unreadable, read_event, read_transaction
from bridge.model.events import Event, Redaction
from bridge.model.ids import HUB, EventKey, NetworkName
from bridge.model.people import Identity
from bridge.model.portals import Portal, PortalKind
from bridge.model.signals import Signal
from bridge.routing.chosen import TO

COMMAND = "command"
"""A chore: somebody spoke to the bot, by mention, with the prefix and a known word, or in a room that is no portal."""
ANSWER = "answer"
"""A chore: somebody answered a question of the bot's. What was said is not in it: it may be a password."""
UNREADABLE = "unreadable"
"""A chore: an event set aside. Its payload is a JSON object of `reason` and `event`, the latter as it came."""

_TRANSACTION = "transaction"
"""The cursor's scope: the last transaction that held something to store."""
_ANYWHERE = frozenset({"m.room.member", "m.room.encryption", "m.room.encrypted"})
"""What may be our business in a room that is no portal too."""

_COMPANY_SECONDS = 0.005
"""So long the answer to a transaction waits that holds nothing but what we said: a moment later our own requests are answered,
one commit holds what many would have, and the next transaction, which comes when this is answered, brings more at once."""
_HEAVY = 8192
"""Bytes of a transaction or an event from which reading it could take milliseconds, and is done in a thread."""

Piece: TypeAlias = tuple[RawJson, dict[str, Any] | Unreadable]
"""An event as it came, and read."""


class IntakeDoor(Protocol):
    """`bridge.delivery.Intake`: returns after commit; raises `LedgerUnavailable`."""

    async def accept(
        self, network: NetworkName, events: Sequence[Event], *, cursor: Cursor | None = None, chores: Sequence[Chore] = ()
    ) -> Accepted: ...

    async def cursor(self, network: NetworkName, scope: str) -> Cursor | None: ...


class Surroundings(msgspec.Struct, frozen=True, kw_only=True):
    """What the receiver asks of the bridge around it; what is no coroutine is quick and without I/O."""

    bot: str
    prefix: str
    ours: Callable[[str], bool]
    """The bot or one of our puppets."""
    doubled: Callable[[str], bool]
    """A person whom we may speak for: what they write with our stamp is ours too."""
    identity_of: Callable[[str], Identity]
    portal_in: Callable[[str], Portal | None]
    missed: Callable[[str], Awaitable[Sequence[Raw]]]
    """Asked before what is heard in a portal is taken: what was said there earlier and never pushed, oldest first."""
    know: Callable[[Raw], Awaitable[None]]
    """Told of an event before it is read: learns what its people are called, which may take a request."""
    recorded: Callable[[], Awaitable[None]]
    """Returns once it is on disk which copies those are that were proven. Raises `LedgerUnavailable`."""
    redacted: Callable[[EventKey], Awaitable[None]]
    """Told what is being redacted, before the redaction is accepted: public links to it die first."""
    answers: Callable[[str, str, str, str], bool]
    """(room, sender, event, words): whether that is an answer to the bot, which then holds the words; they are stored nowhere."""
    knows_word: Callable[[str], bool]
    """`!word` with an unknown word is for somebody else's bot, and is carried like any message."""


class _Crop(msgspec.Struct):
    """One transaction's yield."""

    events: list[Event] = []
    chores: list[Chore] = []
    proved: bool = False
    """Some of it is what we sent ourselves."""


class Receiver:
    """Takes transactions, one at a time and in the order they come."""

    def __init__(
        self,
        around: Surroundings,
        intake: IntakeDoor,
        reactions: ReactionBook,
        *,
        prove: Callable[[str, Receipt], None],
        signal: Callable[[Signal], None],
        clock: Clock,
        metrics: Metrics,
        remembered: int = 1000,
    ) -> None:
        self._around = around
        self._intake = intake
        self._reactions = reactions
        self._sequence: gaps.Sequence | None = None
        self.hole = asyncio.Event()
        """Set when a transaction was found missing: a ping makes the homeserver send it at once."""
        self.heard = asyncio.Event()
        """Set for good with the first transaction: the homeserver reaches us."""
        self._prove, self._signal = prove, signal
        self._clock, self._metrics = clock, metrics
        self._log = logging.getLogger("unabridged.matrix.receiver")
        self._context = Context(bot=around.bot, identity_of=around.identity_of)
        self._ephemeral = EphemeralReader(around.ours, around.portal_in)
        self._turn = asyncio.Lock()
        self._done: OrderedDict[str, tuple[Any, ...]] = OrderedDict()
        self._remembered = remembered
        local = around.bot[1:].partition(":")[0]
        self._calls = tuple(f"{name}{mark}".lower() for name in (around.bot, f"@{local}", local) for mark in (":", ","))
        self._pill = f'<a href="https://matrix.to/#/{around.bot}"'

    async def take(self, transaction: str, body: bytes) -> None:
        """Returns once all of it is committed. Raises `NotJson` and `LedgerUnavailable`; then it was not taken."""
        async with self._turn:
            found, pieces = _read(body) if len(body) < _HEAVY else await asyncio.to_thread(_read, body)
            mark = tuple(event.get("event_id") if isinstance(event, dict) else None for _, event in pieces)
            if self._done.get(transaction) == mark:
                self._metrics.count("matrix_transactions_repeated")
                return
            sequence = await self._known_sequence()
            if sequence.hole_before(transaction):
                self._metrics.count("matrix_transactions_missing")
                self.hole.set()
                raise OutOfTurn("A transaction before this one never came; send them from there.")
            await self._take_missed(_rooms(pieces))
            await self._take(Cursor(scope=_TRANSACTION, value=transaction), pieces)
            sequence.took(transaction)
            self.heard.set()
            self._metrics.count("matrix_transactions")
            self._tell(found.ephemeral)
            self._done[transaction] = mark
            if len(self._done) > self._remembered:
                self._done.popitem(last=False)

    @property
    def whole(self) -> bool:
        """Whether no transaction is known to be missing."""
        return self._sequence is None or self._sequence.whole

    async def _known_sequence(self) -> gaps.Sequence:
        if self._sequence is None:
            last = await self._intake.cursor(HUB, _TRANSACTION)
            self._sequence = gaps.Sequence(None if last is None else last.value)
        return self._sequence

    async def catch_up(self, events: Sequence[Mapping[str, Any]]) -> int:
        """Takes what was never pushed; returns how much of it was news. Raises `LedgerUnavailable`."""
        async with self._turn:
            return await self._take_unpushed(events)

    async def look(self, room: str) -> None:
        """Takes what was said in a portal before it was one, if that belongs to it. Raises `LedgerUnavailable`."""
        async with self._turn:
            await self._take_missed((room,))

    async def _take_missed(self, rooms: Iterable[str]) -> None:
        for room in rooms:
            if self._around.portal_in(room) is not None and (missed := await self._around.missed(room)):
                await self._take_unpushed(missed)

    async def _take_unpushed(self, events: Sequence[Raw]) -> int:
        news = await self._take(None, [(msgspec.json.encode(event), dict(event)) for event in events])
        self._metrics.count("matrix_events_caught_up", news)
        return news

    async def read_again(self, chore: Chore) -> None:
        """What is done about an `UNREADABLE` chore: raises `Rejected` with the reason, as long as it can't be read."""
        raw = msgspec.json.decode(chore.payload, type=dict[str, str])["event"].encode()
        event = read_event(raw)
        if isinstance(event, Unreadable):
            raise Rejected(event.reason)
        crop = _Crop()
        async with self._turn:
            try:
                await self._sort(event, raw, crop)
            except ConvertError as error:
                raise Rejected(str(error)) from error
            await self._commit(None, crop)

    async def _take(self, cursor: Cursor | None, pieces: Sequence[Piece]) -> int:
        crop = _Crop()
        for raw, event in pieces:
            if isinstance(event, Unreadable):
                self._set_aside(raw, {}, event.reason, crop)
                continue
            try:
                await self._sort(event, raw, crop)
            except ConvertError as error:
                self._set_aside(raw, event, str(error), crop)
        news = await self._commit(cursor, crop)
        self._metrics.count("matrix_events", len(pieces))
        return news

    async def _commit(self, cursor: Cursor | None, crop: _Crop) -> int:
        """Returns how many events and chores the ledger had not."""
        news = crop.events or crop.chores
        if crop.proved:  # people answer what they saw, though we be killed before the homeserver has answered us
            if not news:
                await asyncio.sleep(_COMPANY_SECONDS)
            await self._around.recorded()
        if not news:
            return 0
        accepted = await self._intake.accept(HUB, crop.events, cursor=cursor, chores=crop.chores)
        return len(accepted.fresh) + len(accepted.chores)

    async def _sort(self, event: dict[str, Any], raw: RawJson, crop: _Crop) -> None:
        """Puts one event where it belongs. Raises `ConvertError`."""
        sender, room, kind = event.get("sender"), event.get("room_id"), event.get("type")
        if not (isinstance(sender, str) and isinstance(room, str) and isinstance(kind, str)):
            raise ConvertError("sender, room_id or type is missing or is no text")
        if self._is_ours(event, sender):
            stamp = stamp_of(event)
            if stamp.delivery is not None and not stamp.partial:  # told at once: what stands behind it may be about it already
                proof = Receipt(evidence=Evidence.ASSIGNED, ids=(event_id(event, "event_id"),), at=self._clock.now())
                self._prove(stamp.delivery, proof)
                crop.proved = True
            return
        portal = self._around.portal_in(room)
        if kind == "m.room.message" and self._is_command(event, portal):
            crop.chores.append(self._spoken(event, raw, portal))
            return
        if portal is None and kind not in _ANYWHERE:
            return
        meaning = await self._meaning(event, kind, in_portal=portal is not None, heavy=len(raw) >= _HEAVY)
        if isinstance(meaning, Business):
            crop.chores.append(_chore(meaning.kind, event, raw))
        elif meaning is not None and portal is not None:
            if isinstance(meaning.body, Redaction):
                await self._around.recorded()
                await self._around.redacted(meaning.body.target.key)
            crop.events.append(meaning)

    async def _meaning(self, event: dict[str, Any], kind: str, *, in_portal: bool, heavy: bool) -> Event | Business | None:
        context = self._context
        try:
            if in_portal or self._of_ours(event, kind):
                await self._around.know(event)
            if kind in ("m.reaction", "m.room.redaction"):
                reacted = await self._reactions.note(event)
                context = Context(bot=context.bot, identity_of=context.identity_of, reacted=reacted)
            return await _off_the_loop(event, context) if heavy else from_matrix(event, context)
        except (ConvertError, LedgerUnavailable):
            raise
        except Exception as bug:  # recorded: the event is set aside as a chore with the words of the bug, and the others go on
            self._log.exception("a bug in reading an event")
            raise ConvertError(f"bug: {type(bug).__name__}: {bug}") from bug

    def _of_ours(self, event: Raw, kind: str) -> bool:
        """Whether a puppet is moved: a direct chat begins so, in a room that is no portal."""
        subject = event.get("state_key")
        return kind == "m.room.member" and isinstance(subject, str) and self._around.ours(subject)

    def _is_ours(self, event: Raw, sender: str) -> bool:
        return self._around.ours(sender) or (self._around.doubled(sender) and _delivery(event) is not None)

    def _spoken(self, event: dict[str, Any], raw: RawJson, portal: Portal | None) -> Chore:
        """What was said to the bot. Its questions are asked in rooms that are no portals."""
        room, sender, native = event["room_id"], event["sender"], event_id(event, "event_id")
        if portal is not None or not self._around.answers(room, sender, native, event["content"]["body"]):
            return _chore(COMMAND, event, raw)
        return _chore(ANSWER, event, msgspec.json.encode({"room_id": room, "sender": sender}))

    def _is_command(self, event: Raw, portal: Portal | None) -> bool:
        """Only plain `m.text` is: two bots in one room must not talk each other to death by notices."""
        content = event.get("content")
        if not isinstance(content, dict) or content.get("msgtype") != "m.text" or "m.new_content" in content:
            return False
        body = content.get("body")
        if not isinstance(body, str) or portal is None:
            return isinstance(body, str)
        prefix = self._around.prefix
        if prefix and body.startswith(prefix):
            words = body[len(prefix) : len(prefix) + 100].lower().split(maxsplit=1)
            chooses = portal.kind is PortalKind.TIMELINE and words[:1] == [TO]
            return bool(words) and not chooses and self._around.knows_word(words[0])
        if body[:255].lower().startswith(self._calls):
            return True
        pill = content.get("formatted_body")
        return isinstance(pill, str) and pill.startswith(self._pill)

    def _set_aside(self, raw: RawJson, event: Raw, reason: str, crop: _Crop) -> None:
        native = event.get("event_id")
        mark = native if isinstance(native, str) and native else hashlib.sha256(raw).hexdigest()
        self._metrics.count("matrix_events_unreadable")
        self._log.warning("event %.255s cannot be read and is set aside: %s", mark, reason)
        payload = {"reason": reason, "event": bytes(raw).decode(errors="replace")}
        crop.chores.append(Chore(id=f"{UNREADABLE} {mark[:255]}", kind=UNREADABLE, payload=msgspec.json.encode(payload)))

    def _tell(self, edus: Sequence[RawJson]) -> None:
        for piece in edus:
            edu = read_event(piece)
            if not isinstance(edu, Unreadable):
                for signal in self._ephemeral.signals(edu):
                    self._signal(signal)


def _read(body: bytes) -> tuple[Transaction, list[Piece]]:
    found = read_transaction(body)
    return found, [(raw, read_event(raw)) for raw in found.events]


def _rooms(pieces: Sequence[Piece]) -> Iterable[str]:
    """Each once, in the order of their first events."""
    events = (event for _, event in pieces if not isinstance(event, Unreadable))
    return dict.fromkeys(room for event in events if isinstance(room := event.get("room_id"), str))


async def _off_the_loop(event: Raw, context: Context) -> Event | Business | None:
    """`from_matrix` in a thread: 64 KB of tags cost 0.1 s. Who is meant is asked on the loop, whose books they are."""
    loop = asyncio.get_running_loop()

    async def asked(user: str) -> Identity:
        return context.identity_of(user)

    def identity_of(user: str) -> Identity:
        return asyncio.run_coroutine_threadsafe(asked(user), loop).result()

    return await asyncio.to_thread(from_matrix, event, Context(bot=context.bot, identity_of=identity_of, reacted=context.reacted))


def _delivery(event: Raw) -> str | None:
    return stamp_of(event).delivery


def _chore(kind: str, event: Raw, raw: RawJson) -> Chore:
    return Chore(id=event_id(event, "event_id"), kind=kind, payload=bytes(raw), room=room_id(event, "room_id"))
