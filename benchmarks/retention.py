"""A ledger of a million events: how quick it stays, and what forgetting costs those who write meanwhile.

    python -m benchmarks.retention sqlite:////var/tmp/retention.db --events 1000000

Fills the ledger through its own verbs (each event delivered to one channel and settled), spread over 60 days, then
measures with everything in it, forgets all that is older than 30 days in steps as the bridge does, and measures again.
The database must be empty; it is left as it is at the end.
"""

import argparse
import asyncio
import time
import uuid
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta

from bridge.contract.delivery import Delivery, Receipt
from bridge.contract.features import Evidence, Voice, VoiceKind
from bridge.contract.plan import Draft, Lookup, Planned
from bridge.ledger import Ledger
from bridge.ledger.rows import Settled, State
from bridge.model.events import Event, Message, Text
from bridge.model.ids import HUB, ChannelId, EventKey, IdentityId, NetworkName
from bridge.model.people import Identity

NETWORK = NetworkName("irc")
CHANNEL = ChannelId(NETWORK, "#lobby")
ROOM = ChannelId(HUB, "!abcdefghijklmnopqr:localhost")
AUTHOR = Identity(id=IdentityId(NETWORK, "alice"))
START = datetime(2026, 1, 1, tzinfo=UTC)
SPAN = timedelta(days=60)
CALL = 500
STEP = 200


class Calendar:
    """A clock that the benchmark sets; only its sleep is real."""

    def __init__(self) -> None:
        self.today = START

    def now(self) -> datetime:
        return self.today

    def monotonic(self) -> float:
        return time.monotonic()

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)


def make_event(number: int) -> Event:
    body = Message(text=Text(plain=f"message {number} of a usual length, as people write them all day long"))
    key = EventKey(NETWORK, f"{number:010d}-msgid-as-servers-make-them")
    return Event(key=key, channel=CHANNEL, author=AUTHOR, happened_at=START, body=body)


def plan(event: Event, lookup: Lookup) -> Planned:
    delivery = Delivery(
        id=uuid.uuid4().hex,
        channel=ROOM,
        event=event.key,
        author=event.author,
        voice=Voice(kind=VoiceKind.PUPPET, name="alice"),
        body=event.body,
        happened_at=event.happened_at,
        accepted_at=event.happened_at,
    )
    return Planned(drafts=(Draft(delivery=delivery, expires_at=START + SPAN),))


def settled(id: str) -> Settled:
    return Settled(id=id, state=State.DONE, receipt=Receipt(evidence=Evidence.ASSIGNED, ids=(f"${id}-as-long-as-event-ids",)))


async def fill(ledger: Ledger, clock: Calendar, count: int) -> None:
    began = time.perf_counter()
    for start in range(0, count, CALL):
        clock.today = START + SPAN * (start / count)
        accepted = await ledger.accept(NETWORK, [make_event(number) for number in range(start, min(start + CALL, count))], plan)
        await ledger.settle([settled(entry.delivery.id) for entry in accepted.entries])
    seconds = time.perf_counter() - began
    print(f"  filled: {count / seconds:,.0f} events/s, accepted and settled; {seconds / count * 1e6:.0f} µs an event")


async def clocked(what: Callable[[int], Awaitable[object]], times: int) -> str:
    took = []
    for turn in range(times):
        began = time.perf_counter()
        await what(turn)
        took.append((time.perf_counter() - began) * 1e3)
    took.sort()
    return f"p50 {took[len(took) // 2]:.2f} ms, worst {took[-1]:.2f} ms"


async def measure(ledger: Ledger, count: int, base: int) -> None:
    old = [make_event(number * (count // 200)).key for number in range(200)]

    async def accept_one(turn: int) -> None:
        accepted = await ledger.accept(NETWORK, [make_event(base + turn)], plan)
        await ledger.settle([settled(accepted.entries[0].delivery.id)])

    async def accept_known(turn: int) -> None:
        await ledger.accept(NETWORK, [make_event(turn * (count // 200))], plan)

    print("  take and settle one:", await clocked(accept_one, 200))
    print("  see an old one again:", await clocked(accept_known, 200))
    print("  root of an old id:", await clocked(lambda turn: ledger.root(old[turn]), 200))
    print("  copies from disk:", await clocked(lambda turn: ledger.copies(old[turn], ROOM), 200))
    print("  trace:", await clocked(lambda turn: ledger.trace(old[turn]), 200))
    print("  lanes:", await clocked(lambda turn: ledger.lanes(), 20))
    print("  counts:", await clocked(lambda turn: ledger.counts(), 5))


async def forget(ledger: Ledger, clock: Calendar, base: int) -> None:
    """Prune to the end while somebody writes, one message after the other."""
    clock.today = START + SPAN
    limit = clock.today - timedelta(days=30)
    over = asyncio.Event()
    took: list[float] = []

    async def write() -> None:
        number = base
        while not over.is_set():
            began = time.perf_counter()
            await ledger.accept(NETWORK, [make_event(number)], plan)
            took.append((time.perf_counter() - began) * 1e3)
            number += 1

    async with asyncio.TaskGroup() as group:
        group.create_task(write())
        began, rows, worst = time.perf_counter(), 0, 0.0
        while True:
            step = time.perf_counter()
            gone = await ledger.prune(done_before=limit, copies_before=limit, limit=STEP)
            worst = max(worst, time.perf_counter() - step)
            if not gone:
                break
            rows += gone
        seconds = time.perf_counter() - began
        over.set()
    took.sort()
    print(f"  forgot {rows:,} rows in {seconds:.0f} s ({rows / seconds:,.0f} a second), worst step {worst * 1e3:.0f} ms")
    print(f"  meanwhile {len(took):,} were taken: p50 {took[len(took) // 2]:.2f}, p99 {took[len(took) * 99 // 100]:.2f} ms")


async def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("url")
    arguments.add_argument("--events", type=int, default=1_000_000)
    given = arguments.parse_args()
    clock = Calendar()
    ledger = await Ledger.connect(given.url, clock=clock, progress=print)
    await fill(ledger, clock, given.events)
    await ledger.close()
    began = time.perf_counter()
    ledger = await Ledger.connect(given.url, clock=clock)
    print(f"  opened in {(time.perf_counter() - began) * 1e3:.0f} ms")
    print(f"with {given.events:,} events:")
    await measure(ledger, given.events, given.events + 1_000)
    print("forgetting what is older than 30 of 60 days:")
    await forget(ledger, clock, given.events + 10_000_000)
    print("after that:")
    await measure(ledger, given.events, given.events + 2_000)
    await ledger.close()


if __name__ == "__main__":
    asyncio.run(main())
