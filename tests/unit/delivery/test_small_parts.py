"""Back-off, the backlog, notices and signals by themselves."""

import asyncio
import random
from collections.abc import Iterable

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.contract.features import Feature, Level, Limits, Unit
from bridge.delivery.backlog import MOST, Backlog
from bridge.delivery.backoff import Backoff
from bridge.delivery.presences import EVERY_SECONDS, Presences
from bridge.delivery.presences import MOST as MOST_PEOPLE
from bridge.delivery.signals import SignalRouter
from bridge.ledger.rows import Copy, State
from bridge.model.events import Membership, Move, Origin
from bridge.model.ids import HUB, ChannelId, EventKey, IdentityId
from bridge.model.signals import Availability, Moderators, Presence, ReadMark, Signal, Typing
from tests.doubles.clock import START
from tests.unit.delivery.stage import ALICE, LANE, LOG, NET, ROOM, FakeOutlet, Stage, background, draft, event, turns


@pytest.fixture
def stage() -> Stage:
    return Stage()


class TestBackoff:
    @given(st.integers(), st.lists(st.one_of(st.none(), st.floats(-10, 1e9)), max_size=60))
    def test_every_wait_is_within_bounds(self, seed: int, asked: list[float | None]) -> None:
        backoff = Backoff(random.Random(seed))
        for n, wish in enumerate(asked):
            wait = backoff.next(wish)
            if wish is None:
                assert min(300, 2.0**n) / 2 <= wait <= min(300, 2.0**n)
            else:
                assert min(max(wish, 0.05), 86_400) <= wait <= 86_400 * 1.1 + 1

    def test_a_success_starts_it_over(self) -> None:
        backoff = Backoff(random.Random(1))
        for _ in range(9):
            backoff.next()
        backoff.reset()
        assert backoff.next() <= 1


class TestBacklog:
    @given(st.lists(st.integers(1, 40), min_size=1, max_size=60), st.randoms(use_true_random=False))
    def test_offered_and_read_in_any_mixture_nothing_is_lost_doubled_or_reordered(
        self, bursts: list[int], source: random.Random
    ) -> None:
        asyncio.run(self._mixture(bursts, source))

    async def _mixture(self, bursts: Iterable[int], source: random.Random) -> None:
        stage = Stage()
        backlog = Backlog(LANE, unread=source.random() < 0.5)
        total = 0
        taken: list[int] = []
        for burst in bursts:
            entries = stage.ledger.put(*(draft(n) for n in range(total, total + burst)))
            total += burst
            reading = asyncio.ensure_future(backlog.refill(stage.ledger)) if backlog.unread and source.random() < 0.5 else None
            if source.random() < 0.3:
                await asyncio.sleep(0)
            backlog.offer(entries)
            if reading is not None:
                await reading
            assert len(backlog.items) <= 2 * MOST
            for _ in range(source.randrange(60)):
                if backlog.items:
                    taken.append(self._take(backlog, stage))
        while backlog.unread or backlog.items:
            if backlog.unread and not backlog.items:
                await backlog.refill(stage.ledger)
            while backlog.items:
                taken.append(self._take(backlog, stage))
        assert taken == list(range(1, total + 1))

    @staticmethod
    def _take(backlog: Backlog, stage: Stage) -> int:
        item = backlog.items[0]
        backlog.take(item)
        return item.seq

    async def test_what_was_granted_and_passed_over_is_not_in_doubt(self, stage: Stage) -> None:
        backlog = Backlog(LANE, unread=True)
        backlog.offer(stage.ledger.put(draft(1), state=State.LEASED))
        stage.ledger.put(draft(2), state=State.LEASED)
        await backlog.refill(stage.ledger)
        assert [(item.leased, item.unsure) for item in backlog.items] == [(True, False), (False, True)]

    def test_a_dead_letter_replayed_takes_its_old_place(self, stage: Stage) -> None:
        backlog = Backlog(LANE, unread=False)
        first, *others = stage.ledger.put(*(draft(n) for n in range(4)))
        backlog.offer([first, *others])
        backlog.take(backlog.items[0])
        backlog.forget(first.delivery.id)
        backlog.offer([first])
        assert [item.seq for item in backlog.items] == [1, 2, 3, 4]


class TestNotices:
    async def test_a_notice_fits_where_it_goes_whatever_the_names(self, stage: Stage) -> None:
        outlet = FakeOutlet()
        outlet.limits = Limits(text=120, unit=Unit.BYTES)
        stage.courier.attach(HUB, outlet)
        (one,) = stage.courier.notices.refused(event(1, "👩‍👩‍👧‍👦" * 200), "no\r\nQUIT " + "é" * 1000)
        words = one.delivery.body.text.plain  # type: ignore[union-attr]
        assert len(words.encode()) <= 120
        assert "\n" not in words and "\r" not in words

    async def test_nobody_is_told_where_nobody_waits(self, stage: Stage) -> None:
        stage.courier.attach(HUB, FakeOutlet())
        old = event(1)
        assert stage.courier.notices.refused(msgspec.structs.replace(old, origin=Origin.HISTORY), "no") == ()
        joined = event(2, body=Membership(who=ALICE, move=Move.JOIN))
        assert stage.courier.notices.refused(joined, "no") == ()

    async def test_a_place_that_takes_no_text_gets_none(self, stage: Stage) -> None:
        outlet = FakeOutlet()
        outlet.levels[Feature.TEXT] = Level.DROPPED
        stage.courier.attach(HUB, outlet)
        assert stage.courier.notices.refused(event(1), "no") == ()


class Sensitive(FakeOutlet):
    def __init__(self) -> None:
        super().__init__()
        self.levels |= dict.fromkeys((Feature.TYPING, Feature.READ, Feature.MODERATORS), Level.NATIVE)
        self.felt: list[Signal] = []

    async def send_signal(self, signal: Signal) -> None:
        self.felt.append(signal)
        if isinstance(signal, Typing) and signal.who.id == "bug":
            raise ZeroDivisionError("ours")


class TestSignals:
    def _router(self, stage: Stage, outlet: FakeOutlet) -> SignalRouter:
        async def root(key: EventKey) -> EventKey | None:
            return stage.ledger.root(key)

        async def copies(event: EventKey, channel: ChannelId) -> list[Copy]:
            return await stage.ledger.copies(event, channel)

        return SignalRouter(
            legs=lambda channel: [LANE] if channel == ROOM else [ROOM],
            outlet=lambda _: outlet,
            root=root,
            copies=copies,
            watching=lambda: [NET],
            clock=stage.clock,
            metrics=stage.counts,
            log=LOG,
        )

    async def test_typing_reaches_the_other_leg_and_only_its_latest_truth(self, stage: Stage) -> None:
        outlet = Sensitive()
        router = self._router(stage, outlet)
        for active in (True, False, True):
            router.signal(Typing(channel=ROOM, who=ALICE.id, active=active))
        async with background(router.run):
            await turns()
        assert outlet.felt == [Typing(channel=LANE, who=ALICE.id, active=True)]

    async def test_a_read_mark_names_the_copy_or_stays_home(self, stage: Stage) -> None:
        outlet = Sensitive()
        router = self._router(stage, outlet)
        stage.ledger.all_copies += [
            Copy(event=EventKey(HUB, "$1"), channel=ROOM, id="$1", at=START),
            Copy(event=EventKey(HUB, "$1"), channel=LANE, id="there-1", at=START, delivery="d"),
        ]
        router.signal(ReadMark(channel=ROOM, who=ALICE.id, event=EventKey(HUB, "$1")))
        router.signal(ReadMark(channel=ROOM, who=IdentityId(HUB, "@b:hs"), event=EventKey(HUB, "$unknown")))
        async with background(router.run):
            await turns()
        assert outlet.felt == [ReadMark(channel=LANE, who=ALICE.id, event=EventKey(NET, "there-1"))]

    async def test_a_bug_in_one_signal_stops_no_other(self, stage: Stage, caplog: pytest.LogCaptureFixture) -> None:
        outlet = Sensitive()
        router = self._router(stage, outlet)
        router.signal(Typing(channel=ROOM, who=IdentityId(HUB, "bug"), active=True))
        router.signal(Typing(channel=ROOM, who=ALICE.id, active=True))
        router.signal(Presence(who=IdentityId(NET, "bob"), availability=Availability.AWAY))
        async with background(router.run):
            await turns()
        assert len(outlet.felt) == 3
        assert "failed with a bug" in caplog.text

    async def test_who_cannot_hear_signals_is_left_alone(self, stage: Stage) -> None:
        router = self._router(stage, FakeOutlet())
        router.signal(Typing(channel=ROOM, who=ALICE.id, active=True))
        async with background(router.run):
            await turns()

    async def test_who_of_the_hub_is_there_is_told_once_and_who_flickers_later(self, stage: Stage) -> None:
        outlet = Sensitive()
        router = self._router(stage, outlet)
        here, away, gone = (Presence(who=ALICE.id, availability=one) for one in Availability)
        async with background(router.run):
            for one in (here, here, away, gone, here, here):  # back where it was: nothing to tell
                router.signal(one)
                await turns()
            assert outlet.felt == [here]
            router.signal(away)
            router.signal(gone)
            await stage.clock.advance(EVERY_SECONDS - 1)
            assert outlet.felt == [here]
            await stage.clock.advance(1)
            await turns()
            assert outlet.felt == [here, gone]
            await stage.clock.advance(EVERY_SECONDS)
            router.signal(here)
            await turns()
            assert outlet.felt == [here, gone, here]

    async def test_of_ten_thousand_who_flicker_nobody_is_forgotten_half(self, stage: Stage) -> None:
        shown: list[Presence] = []
        presences = Presences(stage.clock, stage.counts, shown.append)
        for availability in (Availability.ONLINE, Availability.AWAY):
            for n in range(MOST_PEOPLE + 5):
                presences.note(Presence(who=IdentityId(HUB, f"@{n}:hs"), availability=availability))
        async with background(presences.run):
            await stage.clock.advance(EVERY_SECONDS)
        last = {one.who: one.availability for one in shown}
        assert len(last) == MOST_PEOPLE + 5 and set(last.values()) == {Availability.AWAY}

    async def test_signals_never_pile_up(self, stage: Stage) -> None:
        router = self._router(stage, Sensitive())
        for n in range(3000):
            router.signal(Typing(channel=ROOM, who=IdentityId(HUB, f"@{n}:hs"), active=True))
        assert stage.counts.counted["signals_dropped"] == 2000

    async def test_who_moderates_is_told_though_everybody_types(self, stage: Stage) -> None:
        """At a start a thousand channels say it at once, and none says it again."""
        outlet = Sensitive()
        router = self._router(stage, outlet)
        told = [Moderators(channel=ROOM, of=ChannelId(HUB, f"!{n}:hs"), who=(ALICE.id,)) for n in range(1500)]
        for n, one in enumerate(told):
            router.signal(one)
            router.signal(Typing(channel=ROOM, who=IdentityId(HUB, f"@{n}:hs"), active=True))
        router.signal(msgspec.structs.replace(told[0], who=()))
        async with background(router.run):
            await turns(5000)
        felt = {one.of: one.who for one in outlet.felt if isinstance(one, Moderators)}
        assert felt == {one.of: one.who for one in told} | {told[0].of: ()}
