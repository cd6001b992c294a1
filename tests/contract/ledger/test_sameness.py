"""One post once: what comes again by another way or another name, and how it is parted."""

import asyncio
from datetime import timedelta

import pytest
from msgspec.structs import replace

from bridge.contract.delivery import Delivery, Target
from bridge.contract.errors import LedgerUnavailable
from bridge.contract.plan import Draft, Lookup, Mark, MarkKind, Plan, Planned, Same
from bridge.ledger import Ledger
from bridge.ledger.rows import Settled, State
from bridge.ledger.work import Work
from bridge.model.events import Boost, Event, Message, Ref, Text
from bridge.model.ids import ChannelId, EventKey, IdentityId, NetworkName
from tests.contract.ledger.conftest import Connect
from tests.contract.ledger.kit import ALICE, IRC, LOBBY, OTHER, ROOM, THEN, done, draft, nowhere, say, seeing, to
from tests.doubles.clock import FakeClock

FEED = NetworkName("feed")
BLOG = ChannelId(FEED, "https://blog.example/atom")
MARK = Mark(MarkKind.LINK, "the page")
SOCIAL = EventKey(IRC, "post")
COPY = EventKey(FEED, "entry")
ROOM2 = ChannelId(ROOM.network, "!other:localhost")


def entry(id: str = "entry", *aliases: str) -> Event:
    return say(id, "the very same words", channel=BLOG, aliases=aliases)


def marking(*marks: Mark) -> Plan:
    return lambda event, lookup: Planned(drafts=(draft(event, ROOM),), marks=marks)


def merging(root: EventKey, *rooms: ChannelId, marks: tuple[Mark, ...] = ()) -> Plan:
    """As the planner does: what is known already isn't compared with others again."""

    def plan(event: Event, lookup: Lookup) -> Planned:
        known = lookup.root(event.key) is not None or lookup.parted(event.key, root)
        key = event.key if known else root
        drafts = [Draft(delivery=_of(event, key, room)) for room in rooms if not lookup.has_copy(key, room)]
        return Planned(drafts=tuple(drafts), same=None if known else Same(event=root, reason="same page"), marks=marks)

    return plan


def _of(event: Event, key: EventKey, room: ChannelId) -> Delivery:
    return draft(replace(event, key=key), room).delivery


async def shown(ledger: Ledger, key: EventKey, *names: str) -> None:
    """Its deliveries arrive, under these names."""
    trace = await ledger.trace(key)
    assert trace is not None
    waiting = [entry.delivery.id for entry in trace.entries if entry.state is not State.DONE]
    await ledger.settle([done(id, name) for id, name in zip(waiting, names, strict=True)])


async def test_a_mark_is_found_in_the_same_call_beside_it_and_after_a_restart(connect: Connect) -> None:
    ledger = await connect()
    seen: list[object] = []
    look = seeing(lambda event, lookup: lookup.marked(MARK), seen, marking(MARK))
    await asyncio.gather(ledger.accept(IRC, [say("a"), say("b")], look), ledger.accept(FEED, [entry()], look))
    await ledger.close()
    ledger = await connect()
    await ledger.accept(IRC, [say("c")], look)
    a, b = EventKey(IRC, "a"), EventKey(IRC, "b")
    assert seen == [(), (a,), (a, b), (COPY, a, b)] or seen == [(), (a,), (a, b), (a, b, COPY)]


async def test_a_merged_post_is_no_event_but_its_names_lead_to_the_first(connect: Connect) -> None:
    ledger = await connect()
    await ledger.accept(IRC, [say("post")], marking(MARK))
    await shown(ledger, SOCIAL, "$shown")
    accepted = await ledger.accept(FEED, [entry("entry", "https://blog.example/1")], merging(SOCIAL, ROOM))
    assert (accepted.fresh, accepted.known, accepted.merged) == ((), (COPY,), ((COPY, SOCIAL),))
    assert accepted.entries == ()
    await ledger.close()
    ledger = await connect()
    for name in ("entry", "https://blog.example/1"):
        assert await ledger.root(EventKey(FEED, name)) == SOCIAL
    assert await ledger.event(COPY) is None
    assert [copy.id for copy in await ledger.copies(SOCIAL, BLOG)] == ["entry", "https://blog.example/1"]
    trace = await ledger.trace(COPY)
    assert trace is not None
    assert (trace.key, [one.channel for one in trace.sightings]) == (SOCIAL, [BLOG])
    assert [(one.key, one.reason, one.parted) for one in trace.mergers] == [(COPY, "same page", False)]


async def test_a_merged_post_brings_the_first_to_rooms_that_lack_it(ledger: Ledger) -> None:
    await ledger.accept(IRC, [say("post")], marking(MARK))
    accepted = await ledger.accept(FEED, [entry()], merging(SOCIAL, ROOM, ROOM2))
    assert [(one.delivery.event, one.delivery.channel) for one in accepted.entries] == [(SOCIAL, ROOM2)]
    assert (await ledger.accept(FEED, [entry()], merging(SOCIAL, ROOM, ROOM2))).entries == ()


async def test_a_sighting_is_planned_once_for_the_rooms_of_its_channel(ledger: Ledger) -> None:
    await ledger.accept(IRC, [say("post", aliases=("site:1",))], to(ROOM))
    again = say("post", channel=OTHER, aliases=("other.site:7",))
    accepted = await ledger.accept(IRC, [again], merging(SOCIAL, ROOM, ROOM2))
    assert [(one.delivery.event, one.delivery.channel) for one in accepted.entries] == [(SOCIAL, ROOM2)]
    assert [copy.id for copy in await ledger.copies(SOCIAL, OTHER)] == ["post", "other.site:7"]
    assert await ledger.root(EventKey(IRC, "other.site:7")) == SOCIAL
    planned: list[object] = []
    await ledger.accept(IRC, [again], seeing(lambda event, lookup: event, planned))
    assert planned == []


async def test_a_dead_copy_does_not_come_back_by_being_seen_again(ledger: Ledger) -> None:
    """Its id would be there twice: the whole call would fail, for ever."""
    accepted = await ledger.accept(IRC, [say("post")], to(ROOM))
    await ledger.settle([Settled(id=accepted.entries[0].delivery.id, state=State.DEAD, reason="refused")])
    again = await ledger.accept(IRC, [say("post", channel=OTHER)], to(ROOM))
    assert (again.known, again.entries) == ((SOCIAL,), ())


async def test_a_sighting_that_cannot_be_planned_changes_nothing_else(ledger: Ledger) -> None:
    await ledger.accept(IRC, [say("post")], to(ROOM))

    def fails(event: Event, lookup: Lookup) -> Planned:
        raise RuntimeError("a bug")

    accepted = await ledger.accept(IRC, [say("post", channel=OTHER)], fails)
    assert (accepted.known, accepted.quarantined, accepted.dropped) == ((SOCIAL,), (), ((SOCIAL, "sighting-failed"),))
    assert await ledger.quarantined() == []


def boost(id: str, of: str) -> Event:
    body = Boost(target=Ref(key=EventKey(IRC, of)), original=Message(text=Text(plain="said")))
    return Event(key=EventKey(IRC, id), channel=LOBBY, author=ALICE, happened_at=THEN, body=body, aliases=(of,))


async def test_the_original_of_a_boost_is_that_boost_and_is_kept_whole(ledger: Ledger) -> None:
    await ledger.accept(IRC, [boost("boost", "post")], to(ROOM))
    planned: list[object] = []
    looks = seeing(lambda event, lookup: (event.key.id, lookup.merged(SOCIAL)), planned)
    for _ in range(2):
        accepted = await ledger.accept(IRC, [say("post")], looks)
        assert (accepted.fresh, accepted.known) == ((), (SOCIAL,))
    assert planned == [("boost", say("post"))]
    trace = await ledger.trace(SOCIAL)
    assert trace is not None
    assert (trace.key.id, [one.key for one in trace.mergers]) == ("boost", [SOCIAL])


async def test_a_boost_of_a_merged_post_is_an_event_whose_other_names_are_the_first_ones(ledger: Ledger) -> None:
    await ledger.accept(FEED, [entry()], marking(MARK))
    accepted = await ledger.accept(IRC, [boost("boost", "post")], merging(COPY, ROOM2))
    assert accepted.fresh == (EventKey(IRC, "boost"),)
    assert await ledger.root(SOCIAL) == COPY
    assert await ledger.root(EventKey(IRC, "boost")) == EventKey(IRC, "boost")
    assert [copy.id for copy in await ledger.copies(COPY, LOBBY)] == ["post"]


@pytest.mark.parametrize("asked", [COPY, SOCIAL])
async def test_what_is_parted_stands_alone_and_is_never_merged_with_that_one_again(connect: Connect, asked: EventKey) -> None:
    ledger = await connect()
    await ledger.accept(IRC, [say("post")], marking(MARK))
    await ledger.accept(FEED, [entry("entry", "alias")], merging(SOCIAL, ROOM))
    assert len(await ledger.copies(SOCIAL, BLOG)) == 2
    parted = await ledger.part(asked, merging(SOCIAL, ROOM, marks=(MARK,)))
    assert parted.fresh == (COPY,)
    assert [(one.delivery.event, one.delivery.channel) for one in parted.entries] == [(COPY, ROOM)]
    assert await ledger.copies(SOCIAL, BLOG) == []
    await ledger.close()
    ledger = await connect()
    assert [await ledger.root(EventKey(FEED, name)) for name in ("entry", "alias")] == [COPY, COPY]
    assert await ledger.event(COPY) == entry("entry", "alias")
    again = await ledger.accept(FEED, [entry("entry", "alias")], merging(SOCIAL, ROOM))
    assert (again.known, again.merged) == ((COPY,), ())
    trace = await ledger.trace(SOCIAL)
    assert trace is not None and [one.parted for one in trace.mergers] == [True]
    seen: list[object] = []
    both = lambda event, lookup: (lookup.parted(COPY, SOCIAL), lookup.parted(SOCIAL, COPY), lookup.merged(COPY))  # noqa: E731
    await ledger.accept(IRC, [say("x")], seeing(both, seen))
    assert seen == [(True, True, None)]
    assert (await ledger.part(asked, nowhere)).fresh == ()


async def test_parting_leaves_the_first_its_own_names(ledger: Ledger) -> None:
    await ledger.accept(FEED, [say("one", channel=BLOG, aliases=("link",))], marking(MARK))
    one = EventKey(FEED, "one")
    await ledger.accept(FEED, [say("two", channel=ChannelId(FEED, "planet"), aliases=("link",))], merging(one))
    await ledger.part(EventKey(FEED, "two"), merging(one))
    assert await ledger.root(EventKey(FEED, "link")) == one
    assert await ledger.root(EventKey(FEED, "two")) == EventKey(FEED, "two")


async def test_a_merge_whose_answer_was_lost_is_not_lost(ledger: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    """The commit went through; whoever tries again must get the entries that nobody has yet."""
    await ledger.accept(IRC, [say("post")], marking(MARK))
    writer = ledger._core.writer
    begin = writer._begin

    def fails_after_commit() -> Work:
        work = begin()

        def fail() -> None:
            monkeypatch.setattr(writer, "_begin", begin)
            writer._recent.clear()
            raise LedgerUnavailable("the answer was lost")

        monkeypatch.setattr(work, "committed", fail)
        return work

    monkeypatch.setattr(writer, "_begin", fails_after_commit)
    with pytest.raises(LedgerUnavailable):
        await ledger.accept(FEED, [entry()], merging(SOCIAL, ROOM2))
    again = await ledger.accept(FEED, [entry()], merging(SOCIAL, ROOM2))
    assert {one.delivery.channel for one in again.entries} == {ROOM, ROOM2}


async def test_persons_are_seen_as_they_are_declared(ledger: Ledger) -> None:
    seen: list[object] = []
    bob = IdentityId(FEED, "bob@site")
    plan = seeing(lambda event, lookup: (lookup.person(ALICE.id), lookup.person(bob)), seen)
    await ledger.accept(IRC, [say("a")], plan)
    await ledger.join_person([ALICE.id, bob])
    await ledger.accept(IRC, [say("b")], plan)
    await ledger.leave_person(bob)
    await ledger.accept(IRC, [say("c")], plan)
    assert seen == [(None, None), (ALICE.id, ALICE.id), (None, None)]


async def test_since_when_something_is_somewhere_is_told_now_and_later(ledger: Ledger, clock: FakeClock) -> None:
    seen: list[object] = []
    look = seeing(lambda event, lookup: lookup.since(SOCIAL, ROOM), seen, nowhere)
    start = clock.now()
    await ledger.accept(IRC, [say("a")], look)
    await ledger.accept(IRC, [say("post")], to(ROOM))
    clock.shift(10)
    await ledger.accept(IRC, [say("b")], look)
    await shown(ledger, SOCIAL, "$shown")
    clock.shift(10)
    await ledger.accept(IRC, [say("c")], look)
    assert seen[0] is None
    assert seen[1] == start + timedelta(seconds=10)
    assert seen[2] is not None and seen[2] != clock.now()


async def test_the_thread_of_a_copy_is_remembered(connect: Connect) -> None:
    ledger = await connect()
    root, reply = EventKey(IRC, "root"), say("reply")

    def plan(event: Event, lookup: Lookup) -> Planned:
        seen.append(lookup.thread(reply.key, ROOM))
        one = draft(event)
        return Planned(drafts=(replace(one, delivery=replace(one.delivery, thread=Target(event=root))),))

    seen: list[object] = []
    await ledger.accept(IRC, [reply, say("later")], plan)
    await ledger.close()
    ledger = await connect()
    await ledger.accept(IRC, [say("after")], plan)
    assert seen == [None, root, root]


async def test_what_is_old_is_forgotten_with_its_event(ledger: Ledger, clock: FakeClock) -> None:
    await ledger.accept(IRC, [say("post")], lambda event, lookup: Planned(marks=(MARK,)))
    await ledger.accept(FEED, [entry()], merging(SOCIAL))
    clock.shift(100)
    seen: list[object] = []
    look = seeing(lambda event, lookup: (lookup.marked(MARK), lookup.merged(COPY) is not None), seen)
    await ledger.accept(IRC, [say("x")], look)
    while await ledger.prune(done_before=clock.now() - timedelta(seconds=50), copies_before=clock.now() - timedelta(seconds=50)):
        pass
    await ledger.accept(IRC, [say("y")], look)
    assert seen == [((SOCIAL,), True), ((), False)]
