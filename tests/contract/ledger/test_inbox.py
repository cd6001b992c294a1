"""What is taken is stored once, planned in the same commit, and never blocks its neighbours."""

import asyncio

import pytest

from bridge.contract.adapter import Cursor
from bridge.contract.features import Evidence
from bridge.contract.plan import Lookup, Planned
from bridge.ledger import Ledger
from bridge.ledger.rows import Chore, Settled, State
from bridge.model.events import Event
from bridge.model.ids import HUB, ChannelId, EventKey
from tests.contract.ledger.conftest import Connect
from tests.contract.ledger.kit import ALICE, IRC, LOBBY, OTHER, ROOM, done, draft, hex_id, nowhere, say, seeing, to
from tests.doubles.clock import FakeClock


async def test_an_event_is_stored_whole_with_its_drafts_in_order(ledger: Ledger) -> None:
    events = [say("a"), say("b"), say("c")]
    accepted = await ledger.accept(IRC, events, to(ROOM, OTHER))
    assert accepted.fresh == tuple(event.key for event in events)
    assert await ledger.event(events[1].key) == events[1]
    assert [entry.delivery.event.id for entry in await ledger.undone(ROOM, 0, 10)] == ["a", "b", "c"]
    assert [entry.seq for entry in accepted.entries] == sorted({entry.seq for entry in accepted.entries})
    assert sorted(await ledger.lanes()) == [OTHER, ROOM]
    assert await ledger.undone(OTHER, 0, 10) == [entry for entry in accepted.entries if entry.delivery.channel == OTHER]


async def test_a_resent_transaction_makes_nothing_twice_even_after_a_restart(connect: Connect) -> None:
    ledger = await connect()
    await ledger.accept(IRC, [say("a"), say("b")], to(ROOM))
    again = await ledger.accept(IRC, [say("a"), say("b"), say("c")], to(ROOM))
    assert (again.fresh, again.known) == ((EventKey(IRC, "c"),), (EventKey(IRC, "a"), EventKey(IRC, "b")))
    await ledger.close()
    ledger = await connect()
    once_more = await ledger.accept(IRC, [say("c"), say("b")], to(ROOM))
    assert (once_more.fresh, once_more.entries) == ((), ())
    assert len(await ledger.undone(ROOM, 0, 10)) == 3


async def test_a_name_stands_for_its_first_holder_even_after_a_restart(connect: Connect) -> None:
    """A boost bears its original's ids as aliases: after a restart it was taken for its own original."""
    ledger = await connect()
    await ledger.accept(IRC, [say("original", aliases=("site:1",))], nowhere)
    await ledger.close()
    ledger = await connect()
    found: list[EventKey | None] = []

    def plan(event: Event, lookup: Lookup) -> Planned:
        found.extend(lookup.root(EventKey(IRC, name)) for name in ("original", "site:1"))
        return Planned()

    await ledger.accept(IRC, [say("boost", aliases=("original", "site:1"))], plan)
    assert found == [EventKey(IRC, "original")] * 2


async def test_the_same_key_twice_in_one_call_is_one_event(ledger: Ledger) -> None:
    accepted = await ledger.accept(IRC, [say("a"), say("a", "again")], to(ROOM))
    assert (len(accepted.fresh), len(accepted.known), len(accepted.entries)) == (1, 1, 1)


async def test_concurrent_calls_keep_their_order_and_share_what_they_know(ledger: Ledger) -> None:
    calls = [ledger.accept(IRC, [say(f"{n % 40}", str(n))], to(ROOM)) for n in range(80)]
    accepted = await asyncio.gather(*calls)
    assert [len(one.fresh) for one in accepted] == [1] * 40 + [0] * 40
    entries = await ledger.undone(ROOM, 0, 100)
    assert [entry.delivery.event.id for entry in entries] == [str(n) for n in range(40)]


async def test_seen_again_in_another_channel_is_a_sighting(ledger: Ledger, clock: FakeClock) -> None:
    await ledger.accept(IRC, [say("post")], nowhere)
    clock.shift(60)
    await ledger.accept(IRC, [say("post", channel=OTHER)], nowhere)
    await ledger.accept(IRC, [say("post", channel=OTHER)], nowhere)
    trace = await ledger.trace(EventKey(IRC, "post"))
    assert trace is not None
    assert [(sighting.channel, sighting.at) for sighting in trace.sightings] == [(OTHER, clock.now())]
    assert (trace.entries, trace.note) == ((), "unlinked")


async def test_an_alias_names_the_event(ledger: Ledger) -> None:
    await ledger.accept(IRC, [say("a", aliases=("a/2", "a/3", "a"))], to(ROOM))
    assert await ledger.root(EventKey(IRC, "a/3")) == EventKey(IRC, "a")
    accepted = await ledger.accept(IRC, [say("a/2")], to(ROOM))
    assert (accepted.fresh, accepted.known) == ((), (EventKey(IRC, "a/2"),))
    assert await ledger.root(EventKey(HUB, "a/3")) is None
    assert await ledger.root(EventKey(IRC, "")) is None


async def test_the_id_of_our_own_copy_is_an_echo(ledger: Ledger) -> None:
    accepted = await ledger.accept(HUB, [say("$1", channel=ROOM)], to(LOBBY))
    await ledger.settle([done(accepted.entries[0].delivery.id, "msgid-9", "label-9")])
    echo = await ledger.accept(IRC, [say("label-9"), say("msgid-9"), say("fresh")], to(ROOM))
    assert (echo.fresh, echo.known) == ((EventKey(IRC, "fresh"),), ())
    assert echo.echoes == (EventKey(IRC, "label-9"), EventKey(IRC, "msgid-9"))
    other = await ledger.accept(HUB, [say("msgid-9", channel=ROOM)], nowhere)
    assert other.fresh, "the same id on another network is somebody else's"


@pytest.mark.parametrize("state", [State.LEASED, State.UNCERTAIN, State.DEAD])
async def test_an_echo_by_delivery_id_closes_the_delivery_whose_answer_was_lost(ledger: Ledger, state: State) -> None:
    id = "0123456789abcdef" * 2
    await ledger.enqueue([draft(say("$1", channel=ROOM), LOBBY, id=id)])
    await ledger.lease([id])
    if state is not State.LEASED:
        await ledger.settle([Settled(id=id, state=state, reason="who knows")])
    accepted = await ledger.accept(IRC, [say(id)], to(ROOM))
    assert (accepted.fresh, accepted.echoes) == ((), (EventKey(IRC, id),))
    entry = await ledger.entry(id)
    assert entry is not None
    assert (entry.state, entry.reason) == (State.DONE, None)
    [copy] = await ledger.copies(EventKey(HUB, "$1"), LOBBY)
    assert (copy.id, copy.evidence) == (id, Evidence.ECHOED)
    elsewhere = await ledger.accept(HUB, [say(id, channel=ROOM)], nowhere)
    assert elsewhere.fresh, "the delivery went to another network"


async def test_a_plan_that_raises_quarantines_that_event_alone(ledger: Ledger) -> None:
    def plan(event: Event, lookup: Lookup) -> Planned:
        if event.key.id == "poison":
            raise KeyError("a field nobody expected")
        return to(ROOM)(event, lookup)

    accepted = await ledger.accept(IRC, [say("a"), say("poison"), say("b")], plan)
    assert [entry.delivery.event.id for entry in accepted.entries] == ["a", "b"]
    [(key, reason)] = accepted.quarantined
    assert key == EventKey(IRC, "poison")
    assert "a field nobody expected" in reason
    [held] = await ledger.quarantined()
    assert (held.key, held.event, held.reason) == (key, say("poison"), reason)
    assert (await ledger.counts())["quarantined"] == 1
    assert (await ledger.accept(IRC, [say("poison")], plan)).known == (key,)

    failed = await ledger.release(key, plan)
    assert failed.quarantined[0][0] == key
    released = await ledger.release(key, to(ROOM))
    assert (released.fresh, len(released.entries)) == ((key,), 1)
    assert await ledger.quarantined() == []
    assert (await ledger.release(key, to(ROOM))).known == (key,)
    assert len(await ledger.undone(ROOM, 0, 10)) == 3


async def test_a_plan_may_refuse_with_words_and_drop_with_a_code(ledger: Ledger) -> None:
    def plan(event: Event, lookup: Lookup) -> Planned:
        return Planned(refused="too long") if event.key.id == "long" else Planned(dropped="own")

    accepted = await ledger.accept(IRC, [say("long"), say("mine")], plan)
    assert accepted.refused == ((say("long"), "too long"),)
    assert accepted.dropped == ((EventKey(IRC, "mine"), "own"),)
    trace = await ledger.trace(EventKey(IRC, "long"))
    assert trace is not None
    assert trace.note == "too long"


async def test_a_draft_that_breaks_the_tables_quarantines_its_event_and_spares_the_rest(ledger: Ledger) -> None:
    def plan(event: Event, lookup: Lookup) -> Planned:
        return Planned(drafts=(draft(event, id="one-id-for-all" if event.key.id in "xy" else None),))

    await ledger.accept(IRC, [say("x")], plan)
    cursor = Cursor(scope="s", value="9")
    calls = (
        ledger.accept(IRC, [say("before")], plan),
        ledger.accept(IRC, [say("a"), say("y"), say("b")], plan, cursor=cursor),
        ledger.accept(IRC, [say("behind")], plan),
    )
    before, accepted, behind = await asyncio.gather(*calls)
    assert [key.id for key, _ in accepted.quarantined] == ["y"]
    assert [key.id for key in accepted.fresh] == ["a", "y", "b"]
    assert (len(before.entries), len(behind.entries)) == (1, 1)
    undone = await ledger.undone(ROOM, 0, 10)
    assert [entry.delivery.event.id for entry in undone] == ["x", "before", "a", "b", "behind"]
    assert await ledger.cursor(IRC, "s") == cursor


async def test_a_plan_sees_events_and_copies_of_the_same_call_and_of_calls_beside_it(ledger: Ledger) -> None:
    seen: list[object] = []
    first, second = say("a", aliases=("a2",)), say("b")
    plan = seeing(
        lambda event, lookup: (
            lookup.root(EventKey(IRC, "a2")),
            lookup.event(first.key) == first,
            lookup.has_copy(first.key, ROOM),
            lookup.has_copy(first.key, LOBBY),
            lookup.has_copy(first.key, OTHER),
        ),
        seen,
        to(ROOM),
    )
    await asyncio.gather(ledger.accept(IRC, [first, second], plan), ledger.accept(IRC, [say("c")], plan))
    assert seen[0] == (None, True, False, True, False), "its own names stand for nothing yet"
    assert seen[1:] == [(first.key, True, True, True, False)] * 2


async def test_a_plan_sees_what_was_stored_before_a_restart(connect: Connect) -> None:
    ledger = await connect()
    first = await ledger.accept(IRC, [say("a")], to(ROOM, OTHER))
    await ledger.settle([done(first.entries[0].delivery.id, "$native")])
    await ledger.settle([Settled(id=first.entries[1].delivery.id, state=State.DEAD, reason="refused")])
    await ledger.close()
    ledger = await connect()
    seen: list[object] = []
    key = EventKey(IRC, "a")
    plan = seeing(
        lambda event, lookup: (
            lookup.root(EventKey(HUB, "$native")),
            lookup.event(key),
            lookup.has_copy(key, ROOM),
            lookup.has_copy(key, LOBBY),
            lookup.has_copy(key, OTHER),
            lookup.root(EventKey(IRC, "nobody")),
            lookup.event(EventKey(IRC, "nobody")),
        ),
        seen,
    )
    await ledger.accept(IRC, [say("b")], plan)
    assert seen == [(key, say("a"), True, True, False, None, None)], "a dead delivery left no copy"


async def test_a_dead_delivery_is_no_copy_any_more(ledger: Ledger) -> None:
    accepted = await ledger.accept(IRC, [say("a")], to(ROOM, OTHER))
    seen: list[object] = []
    plan = seeing(lambda event, lookup: [lookup.has_copy(EventKey(IRC, "a"), at) for at in (ROOM, OTHER, LOBBY)], seen)
    await ledger.settle([Settled(id=accepted.entries[0].delivery.id, state=State.DEAD)])
    await ledger.accept(IRC, [say("b")], plan)
    assert seen == [[False, True, True]]


async def test_a_cursor_moves_with_the_events_or_not_at_all(connect: Connect) -> None:
    ledger = await connect()
    assert await ledger.cursor(IRC, "feed") is None
    await ledger.accept(IRC, [say("a")], nowhere, cursor=Cursor(scope="feed", value="1"))

    def broken(lane: ChannelId) -> int:
        raise RuntimeError("a bug in the courier")

    with pytest.raises(RuntimeError, match="a bug in the courier"):
        await ledger.accept(IRC, [say("b")], to(ROOM), cursor=Cursor(scope="feed", value="2"), lease=broken)
    await ledger.close()
    ledger = await connect()
    assert await ledger.cursor(IRC, "feed") == Cursor(scope="feed", value="1")
    assert await ledger.event(EventKey(IRC, "b")) is None
    await ledger.accept(IRC, [], nowhere, cursor=Cursor(scope="feed", value="3"))
    assert await ledger.cursor(IRC, "feed") == Cursor(scope="feed", value="3")
    assert await ledger.cursor(HUB, "feed") is None


async def test_one_poisonous_call_fails_alone_in_its_group(ledger: Ledger) -> None:
    def broken(lane: ChannelId) -> int:
        raise RuntimeError("a bug in the courier")

    calls = [
        ledger.accept(IRC, [say(str(n))], to(OTHER if n == 7 else ROOM), lease=broken if n == 7 else None) for n in range(20)
    ]
    results = await asyncio.gather(*calls, return_exceptions=True)
    assert [n for n, result in enumerate(results) if isinstance(result, BaseException)] == [7]
    assert [entry.delivery.event.id for entry in await ledger.undone(ROOM, 0, 30)] == [str(n) for n in range(20) if n != 7]
    assert await ledger.undone(OTHER, 0, 30) == []


async def test_an_event_of_another_network_is_the_callers_mistake(ledger: Ledger) -> None:
    with pytest.raises(ValueError, match="isn't an event of matrix"):
        await ledger.accept(HUB, [say("a")], nowhere)


async def test_leases_are_given_up_to_the_room_in_the_lane_and_asked_for_once(ledger: Ledger) -> None:
    asked: list[ChannelId] = []

    def room(lane: ChannelId) -> int:
        asked.append(lane)
        return 2 if lane == ROOM else 0

    accepted = await ledger.accept(IRC, [say(str(n)) for n in range(4)], to(ROOM, OTHER), lease=room)
    assert sorted(asked) == [OTHER, ROOM]
    states = [entry.state for entry in accepted.entries if entry.delivery.channel == ROOM]
    assert states == [State.LEASED, State.LEASED, State.PENDING, State.PENDING]
    assert {entry.state for entry in accepted.entries if entry.delivery.channel == OTHER} == {State.PENDING}
    assert [entry.state for entry in await ledger.undone(ROOM, 0, 10)] == states


async def test_calls_beside_each_other_do_not_lease_the_same_room_twice(ledger: Ledger) -> None:
    heard: list[State] = []

    async def call(number: int) -> None:
        """Whoever leases knows of what it has heard, as the courier does; of the rest the ledger does."""
        accepted = await ledger.accept(IRC, [say(str(number))], to(ROOM), lease=lambda lane: 3 - len(heard))
        heard.append(accepted.entries[0].state)

    await asyncio.gather(*(call(number) for number in range(10)))
    states = [entry.state for entry in await ledger.undone(ROOM, 0, 10)]
    leased = states.count(State.LEASED)
    assert 1 <= leased <= 3  # fewer where a call begins while one is heard of here and in the ledger still counted as not
    assert states == [State.LEASED] * leased + [State.PENDING] * (10 - leased)


async def test_who_waits_for_another_delivery_is_not_leased_nor_is_anyone_behind(ledger: Ledger) -> None:
    def plan(event: Event, lookup: Lookup) -> Planned:
        return Planned(drafts=(draft(event, waits_for=hex_id(event.key, LOBBY) if event.key.id == "b" else None),))

    accepted = await ledger.accept(IRC, [say("a"), say("b"), say("c")], plan, lease=lambda lane: 9)
    assert [entry.state for entry in accepted.entries] == [State.LEASED, State.PENDING, State.PENDING]
    assert [entry.waits_for for entry in await ledger.undone(ROOM, 0, 9)] == [None, hex_id(EventKey(IRC, "b"), LOBBY), None]


async def test_chores_are_taken_once_with_the_events(ledger: Ledger) -> None:
    one, two = Chore(id="1", kind="join", payload=b"\0x", room="!a"), Chore(id="2", kind="join", payload=b"y")
    first = await ledger.accept(HUB, [], nowhere, chores=[one, two, one])
    assert first.chores == (one, two)
    three = Chore(id="3", kind="leave", payload=b"")
    beside = await asyncio.gather(
        ledger.accept(HUB, [], nowhere, chores=[two, three]), ledger.accept(HUB, [], nowhere, chores=[three])
    )
    assert [accepted.chores for accepted in beside] == [(three,), ()]
    assert await ledger.due_chores(10) == [one, two, three]


@pytest.mark.parametrize("id", ["nul\0nul", "lone \ud800 surrogate", "é\0\udfff", "' OR 1=1; --", "%s ? :x", "x" * 5000])
async def test_hostile_ids_and_words_are_stored_and_known_again(ledger: Ledger, id: str) -> None:
    event = say(id, f"text {id}", channel=ChannelId(IRC, f"#{id}"), aliases=(f"alias {id}",))
    accepted = await ledger.accept(IRC, [say("before"), event, say("behind")], to(ROOM))
    assert (len(accepted.fresh), accepted.quarantined, len(accepted.entries)) == (3, (), 3)
    again = await ledger.accept(IRC, [event, say(f"alias {id}")], to(ROOM))
    assert (len(again.fresh), len(again.known)) == (0, 2)
    stored = await ledger.event(event.key)
    assert stored is not None
    assert stored.author == ALICE
    assert await ledger.root(EventKey(IRC, f"alias {id}")) == stored.key
    await ledger.settle([done(accepted.entries[1].delivery.id, f"$copy {id}")])
    assert await ledger.root(EventKey(HUB, f"$copy {id}")) == stored.key


async def test_what_cannot_even_be_written_down_is_quarantined_and_known(ledger: Ledger) -> None:
    import msgspec

    monster = msgspec.structs.replace(say("monster"), order=1 << 80)
    accepted = await ledger.accept(IRC, [say("a"), monster, say("b")], to(ROOM))
    assert [key.id for key, _ in accepted.quarantined] == ["monster"]
    assert len(accepted.entries) == 2
    [held] = await ledger.quarantined()
    assert (held.event, await ledger.event(monster.key)) == (None, None)
    assert (await ledger.release(monster.key, to(ROOM))).entries == ()
    assert (await ledger.accept(IRC, [monster], to(ROOM))).known == (monster.key,)


async def test_nothing_overtakes_in_a_lane_what_another_call_left_pending(ledger: Ledger) -> None:
    """The courier says how much room it sees; what is on its way to it is taken off."""
    calls = [ledger.accept(IRC, [say(f"{n}a"), say(f"{n}b")], to(ROOM), lease=lambda lane: 1) for n in range(3)]
    states = [[entry.state for entry in one.entries] for one in await asyncio.gather(*calls)]
    assert states == [[State.LEASED, State.PENDING], [State.PENDING] * 2, [State.PENDING] * 2]
    later = await ledger.accept(IRC, [say("later")], to(ROOM), lease=lambda lane: 1)
    assert later.entries[0].state is State.LEASED, "by now the courier knows of the others, and says so itself"
