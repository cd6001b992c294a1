"""Builders and doubles that the tests of delivery share."""

import asyncio
import logging
import random
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import timedelta

from bridge.contract.delivery import Delivery, Receipt, Target
from bridge.contract.features import Evidence, Feature, Features, Level, Limits, Voice, VoiceKind
from bridge.contract.plan import Draft
from bridge.delivery.courier import Courier
from bridge.delivery.desk import Calm
from bridge.model.events import Body, Event, Message, Ref, Text
from bridge.model.ids import HUB, ChannelId, EventKey, IdentityId, NetworkName
from bridge.model.people import Identity, Profile
from tests.doubles.clock import START, FakeClock
from tests.doubles.ledger import MemoryLedger

NET = NetworkName("net")
LANE = ChannelId(NET, "#there")
ROOM = ChannelId(HUB, "!room:hs")
ME = Identity(id=IdentityId(HUB, "@unabridged:hs"), bot=True)
ALICE = Identity(id=IdentityId(HUB, "@alice:hs"), profile=Profile(name="Alice"))
BOB = Identity(id=IdentityId(HUB, "@bob:hs"), profile=Profile(name="Bob"))
TALK = dict.fromkeys((Feature.TEXT, Feature.REPLY, Feature.EDIT, Feature.REDACTION, Feature.NOTICE), Level.NATIVE)
LOG = logging.getLogger("tests.delivery")


class Counts:
    """`Metrics` that a test can read."""

    def __init__(self) -> None:
        self.counted: Counter[str] = Counter()

    def count(self, name: str, amount: float = 1, **labels: str) -> None:
        self.counted[name] += int(amount)

    def gauge(self, name: str, value: float, **labels: str) -> None: ...

    def observe(self, name: str, seconds: float, **labels: str) -> None: ...


def say(words: str) -> Message:
    return Message(text=Text(plain=words))


def key(number: object) -> EventKey:
    return EventKey(HUB, f"$e{number}")


def event(number: object, words: str = "", *, author: Identity = ALICE, body: Body | None = None) -> Event:
    return Event(key=key(number), channel=ROOM, author=author, happened_at=START, body=body or say(words or f"line {number}"))


def delivery(
    number: object,
    body: Body | None = None,
    *,
    channel: ChannelId = LANE,
    author: Identity = ALICE,
    target: object = None,
    reply_to: object = None,
    kind: VoiceKind = VoiceKind.PUPPET,
) -> Delivery:
    return Delivery(
        id=f"{number!s:0>32}",
        channel=channel,
        event=key(number),
        author=author,
        voice=Voice(kind=kind, name=author.name),
        body=body or say(f"line {number}"),
        happened_at=START,
        accepted_at=START,
        target=None if target is None else Target(event=key(target)),
        reply_to=None if reply_to is None else Target(event=key(reply_to)),
    )


def draft(
    number: object,
    *args: object,
    expires: float | None = None,
    waits_for: str | None = None,
    after: float | None = None,
    **kwargs: object,
) -> Draft:
    expires_at, not_before = (None if at is None else START + timedelta(seconds=at) for at in (expires, after))
    made = delivery(number, *args, **kwargs)  # type: ignore[arg-type]
    return Draft(delivery=made, expires_at=expires_at, waits_for=waits_for, not_before=not_before)


def ref(number: object) -> Ref:
    return Ref(key=key(number))


class FakeOutlet:
    """Receives deliveries. `script` maps a delivery's id to what its next tries do; by default each is received at once."""

    def __init__(self, *, window: int = 1, joins: bool = False, evidence: Evidence = Evidence.ASSIGNED) -> None:
        self.limits = Limits(in_flight=window, joins=joins)
        self.evidence = evidence
        self.levels = dict(TALK)
        self.tried: list[Delivery] = []
        self.got: list[Delivery] = []
        self.script: dict[str, list[Exception | Awaitable[Receipt]]] = {}
        self.gate: asyncio.Event | None = None
        self.busy = 0
        self.busiest = 0

    async def deliver(self, delivery: Delivery) -> Receipt:
        self.tried.append(delivery)
        acts = self.script.get(delivery.id)
        self.busy += 1
        self.busiest = max(self.busiest, self.busy)
        try:
            if self.gate is not None:
                await self.gate.wait()
            if acts:
                act = acts.pop(0)
                if isinstance(act, Exception):
                    raise act
                return await act
        finally:
            self.busy -= 1
        self.got.append(delivery)
        return receipt_of(delivery)

    def features(self, channel: ChannelId) -> Features:
        return Features(levels=self.levels, limits=self.limits, voice=VoiceKind.PUPPET, evidence=self.evidence)

    def fail(self, number: object, *acts: Exception) -> None:
        self.script[f"{number!s:0>32}"] = list(acts)

    @property
    def lines(self) -> list[str]:
        return [one.body.text.plain for one in self.got if isinstance(one.body, Message)]


class LookingOutlet(FakeOutlet):
    """One that can look for what it may have sent: `there` maps delivery ids to receipts."""

    def __init__(self, **kwargs: object) -> None:
        super().__init__(**kwargs)  # type: ignore[arg-type]
        self.there: dict[str, Receipt] = {}
        self.looked: list[str] = []
        self.blind: Exception | None = None

    async def find(self, delivery: Delivery) -> Receipt | None:
        self.looked.append(delivery.id)
        if self.blind is not None:
            raise self.blind
        return self.there.get(delivery.id)


def receipt_of(delivery: Delivery) -> Receipt:
    return Receipt(evidence=Evidence.ASSIGNED, ids=(f"id-{delivery.id.lstrip('0')}",))


async def turns(count: int = 60) -> None:
    """Let everything that can run without time passing run."""
    for _ in range(count):
        await asyncio.sleep(0)


class Stage:
    def __init__(self) -> None:
        self.clock = FakeClock()
        self.ledger = MemoryLedger(self.clock)
        self.counts = Counts()
        self.ids = (f"{number:032x}" for number in range(0xA0000, 0xFFFFF))
        self.courier = self.new_courier()

    def new_courier(self, by_time: Callable[[ChannelId], bool] = lambda channel: False, calm: Calm | None = None) -> Courier:
        return Courier(
            self.ledger,
            clock=self.clock,
            source=random.Random(1),
            metrics=self.counts,
            log=LOG,
            me=ME,
            new_id=lambda: next(self.ids),
            by_time=by_time,
            calm=calm,
        )

    async def send(self, *drafts: Draft) -> None:
        """Commit and offer, as intake does, and let things run."""
        for one in drafts:
            self.ledger.events.setdefault(one.delivery.event, event(one.delivery.event.id.removeprefix("$e")))
        self.courier.offer(self.ledger.put(*drafts))
        await turns()

    def state(self, number: object) -> str:
        return self.ledger.entries[f"{number!s:0>32}"].state.value

    @asynccontextmanager
    async def running(self, *outlets: FakeOutlet, network: NetworkName = NET) -> AsyncIterator[Courier]:
        for outlet in outlets:
            self.courier.attach(network, outlet)
        async with background(self.courier.run):
            await turns()
            yield self.courier


@asynccontextmanager
async def background(run: Callable[[], Awaitable[None]]) -> AsyncIterator[asyncio.Task[None]]:
    task = asyncio.ensure_future(run())
    try:
        yield task
    finally:
        task.cancel()
        await asyncio.wait([task])
        if not task.cancelled() and (error := task.exception()) is not None:
            raise error
