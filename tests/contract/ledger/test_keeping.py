"""Everything around messages: chores, rooms, people, logins, media, and forgetting in time."""

from datetime import timedelta

import pytest

from bridge.contract.logins import Login
from bridge.ledger import Ledger, NoKey, Taken
from bridge.ledger.rows import Chore, PuppetRow, Settled, State, Uploaded
from bridge.model.ids import HUB, EventKey, IdentityId
from bridge.model.people import Identity, Profile
from bridge.model.portals import Direction, PortalKind, Source, TimelineOptions
from tests.contract.ledger.conftest import Connect
from tests.contract.ledger.kit import ALICE, IRC, LOBBY, OTHER, ROOM, done, nowhere, say, to
from tests.doubles.clock import FakeClock

BOB = IdentityId(IRC, "bob")


def chore(id: str, room: str = "") -> Chore:
    return Chore(id=id, kind="k", payload=id.encode(), room=room)


async def test_a_failing_chore_holds_back_its_room_and_no_other(ledger: Ledger, clock: FakeClock) -> None:
    chores = [chore("1", "!a"), chore("2", "!a"), chore("3", "!b"), chore("4"), chore("5")]
    await ledger.accept(HUB, [], nowhere, chores=chores)
    await ledger.chore_failed("1", "503", clock.now() + timedelta(seconds=10))
    await ledger.chore_failed("4", "503", clock.now() + timedelta(seconds=10))
    assert [one.id for one in await ledger.due_chores(10)] == ["3", "5"]
    clock.shift(10)
    due = await ledger.due_chores(10)
    assert [(one.id, one.attempts) for one in due] == [("1", 1), ("2", 0), ("3", 0), ("4", 1), ("5", 0)]
    assert [one.id for one in await ledger.due_chores(2)] == ["1", "2"]


async def test_a_chore_given_up_lets_its_room_go_on_and_stays_visible(ledger: Ledger) -> None:
    await ledger.accept(HUB, [], nowhere, chores=[chore("1", "!a"), chore("2", "!a")])
    await ledger.chore_failed("1", "traceback", None)
    assert [one.id for one in await ledger.due_chores(10)] == ["2"]
    assert [(one.id, reason) for one, reason in await ledger.quarantined_chores()] == [("1", "traceback")]
    counts = await ledger.counts()
    assert (counts["chores"], counts["quarantined_chores"]) == (1, 1)


async def test_a_chore_that_was_done_is_not_taken_again(connect: Connect) -> None:
    ledger = await connect()
    await ledger.accept(HUB, [], nowhere, chores=[chore("1", "!a")])
    await ledger.chore_done("1")
    await ledger.close()
    ledger = await connect()
    again = await ledger.accept(HUB, [], nowhere, chores=[chore("1", "!a")])
    assert again.chores == ()
    assert await ledger.due_chores(10) == []
    assert (await ledger.knows_chore("1"), await ledger.knows_chore("2")) == (True, False)


async def test_portals_and_links_are_rows_that_survive(connect: Connect) -> None:
    ledger = await connect()
    portal = await ledger.add_portal(
        room="!r:x",
        alias="#a:x",
        kind=PortalKind.TIMELINE,
        order="room",
        members="full",
        post_to=["social@me"],
        timeline=TimelineOptions(boost_hours=1.5, repost=("social@me -> other@me",)),
    )
    link = await ledger.add_link(portal=portal.id, channel=LOBBY, direction=Direction.IN, relay=False, source=Source.COMMAND)
    other = await ledger.add_link(portal=portal.id, channel=OTHER, direction=Direction.BOTH, relay=True, source=Source.FILE)
    await ledger.close()
    ledger = await connect()
    assert await ledger.portals() == [portal]
    assert await ledger.links() == [link, other]
    await ledger.remove_link(other.id)
    again = await ledger.add_link(portal=portal.id, channel=LOBBY, direction=Direction.BOTH, relay=True, source=Source.FILE)
    assert (again.id, await ledger.links()) == (link.id, [again])


async def test_a_room_upgrade_keeps_the_links_and_removing_takes_them_along(ledger: Ledger) -> None:
    import msgspec

    portal = await ledger.add_portal(room="!old:x", kind=PortalKind.CHAT)
    assert (await ledger.add_portal(room="!old:x", kind=PortalKind.CHAT, alias="#a:x")).id == portal.id
    link = await ledger.add_link(portal=portal.id, channel=LOBBY, direction=Direction.BOTH, relay=True, source=Source.FILE)
    await ledger.change_portal(msgspec.structs.replace(portal, room="!new:x"))
    assert [(one.id, one.room) for one in await ledger.portals()] == [(portal.id, "!new:x")]
    assert await ledger.links() == [link]
    await ledger.remove_portal(portal.id)
    assert (await ledger.portals(), await ledger.links()) == ([], [])
    with pytest.raises(LookupError, match="no portal"):
        await ledger.add_link(portal=portal.id, channel=LOBBY, direction=Direction.BOTH, relay=True, source=Source.FILE)


async def test_puppets_members_identities_and_facts_are_remembered_and_true(connect: Connect) -> None:
    ledger = await connect()
    user, room = "@_irc_alice:x", "!r:x"
    assert await ledger.puppet(user) is None
    assert await ledger.identity(ALICE.id) is None
    assert (await ledger.member(room, user), await ledger.fact("room", "name")) == (None, None)
    row = PuppetRow(user=user, identity=ALICE.id, registered=True, name="alice", avatar="http://a", avatar_mxc="mxc://a")
    identity = Identity(id=ALICE.id, profile=Profile(name="Alice", avatar="http://a"), bot=True)
    await ledger.save_puppet(PuppetRow(user=user, identity=ALICE.id))
    await ledger.save_puppet(row)
    await ledger.save_identity(identity)
    await ledger.save_member(room, user, "invite")
    await ledger.save_member(room, user, "join")
    await ledger.save_fact("room", "name", "lobby")
    await ledger.save_fact("room", "topic", "talk")
    for _ in range(2):
        assert await ledger.puppet(user) == row
        assert await ledger.identity(ALICE.id) == identity
        assert (await ledger.member(room, user), await ledger.members(room)) == ("join", {user: "join"})
        assert (await ledger.fact("room", "name"), await ledger.facts("room")) == ("lobby", {"name": "lobby", "topic": "talk"})
        await ledger.close()
        ledger = await connect()
    await ledger.save_fact("room", "name", None)
    await ledger.forget_room(room)
    assert (await ledger.fact("room", "name"), await ledger.member(room, user), await ledger.members(room)) == (None, None, {})


async def test_a_person_is_shown_as_the_first_identity_declared(ledger: Ledger) -> None:
    a, b, c, d = (IdentityId(IRC, name) for name in "abcd")
    assert await ledger.person(a) == a
    await ledger.join_person([a, b])
    await ledger.join_person([c, d])
    assert [await ledger.person(one) for one in (a, b, c, d)] == [a, a, c, c]
    await ledger.join_person([b, d])
    assert [await ledger.person(one) for one in (a, b, c, d)] == [a] * 4
    await ledger.leave_person(a)
    assert [await ledger.person(one) for one in (a, b, c, d)] == [a, b, b, b]
    await ledger.leave_person(c)
    await ledger.leave_person(d)
    assert [await ledger.person(one) for one in (a, b, c, d)] == [a, b, c, d]
    await ledger.leave_person(d)
    await ledger.join_person([a])
    assert await ledger.person(a) == a


async def test_logins_keep_their_secrets_encrypted(connect: Connect) -> None:
    ledger = await connect()
    login = Login(user="@u:x", network=IRC, name="me", identity=BOB, secrets={"password": "hunter2 ü"})
    bare = Login(user="@v:x", network=IRC, name="other")
    await ledger.save_login(bare)
    await ledger.save_login(login)
    await ledger.close()
    ledger = await connect()
    assert await ledger.logins() == [login, bare]
    assert await ledger.logins("@u:x") == [login]
    assert "hunter2" not in repr(login)
    with pytest.raises(Taken):
        await ledger.save_login(Login(user="@thief:x", network=IRC, name="me"))
    await ledger.remove_login(IRC, "other")
    await ledger.close()
    ledger = await connect(key=None)
    with pytest.raises(NoKey):
        await ledger.logins()
    with pytest.raises(NoKey):
        await ledger.save_login(login)


async def test_media_is_uploaded_once_and_links_can_be_taken_back(ledger: Ledger) -> None:
    assert await ledger.media("http://x/1.png") is None
    file = Uploaded(mxc="mxc://x/1", size=5_000_000_000, width=640, height=480)
    await ledger.save_media("http://x/1.png", file, "ab" * 32)
    assert await ledger.media("http://x/1.png") == file
    assert await ledger.same_media("ab" * 32) == "mxc://x/1"
    assert await ledger.same_media("cd" * 32) is None
    key = EventKey(IRC, "a")
    assert not await ledger.link_revoked(key)
    await ledger.revoke_links(key)
    await ledger.revoke_links(key)
    assert await ledger.link_revoked(key)


async def prune_all(ledger: Ledger, clock: FakeClock, done_days: float, copies_days: float, limit: int = 7) -> int:
    now, total = clock.now(), 0
    done_before, copies_before = now - timedelta(days=done_days), now - timedelta(days=copies_days)
    while step := await ledger.prune(done_before=done_before, copies_before=copies_before, limit=limit):
        total += step
    return total


async def test_done_events_go_after_their_time_and_copies_later(ledger: Ledger, clock: FakeClock) -> None:
    accepted = await ledger.accept(IRC, [say(str(n)) for n in range(20)], to(ROOM), chores=[chore("old")])
    await ledger.accept(IRC, [say("3", channel=OTHER)], nowhere)
    await ledger.settle([done(entry.delivery.id, f"${entry.seq}") for entry in accepted.entries])
    await ledger.chore_done("old")
    clock.shift(40 * 86400)
    await ledger.accept(IRC, [say("young")], to(ROOM))
    assert await prune_all(ledger, clock, 30, 365) == 41
    key = accepted.fresh[3]
    assert await ledger.event(key) is None
    assert await ledger.entry(accepted.entries[3].delivery.id) is None
    assert await ledger.root(EventKey(HUB, f"${accepted.entries[3].seq}")) == key
    assert (await ledger.accept(IRC, [say("3")], to(ROOM))).known == (key,), "known as long as its copies are"
    assert await prune_all(ledger, clock, 30, 365) == 0
    clock.shift(400 * 86400)
    await prune_all(ledger, clock, 30, 365)
    assert await ledger.root(EventKey(HUB, f"${accepted.entries[3].seq}")) is None
    trace = await ledger.trace(EventKey(IRC, "young"))
    assert trace is not None
    assert (len(trace.entries), len(trace.copies)) == (1, 1), "what is undone stays, with all that belongs to it"


async def test_the_dead_stay_for_their_time_and_the_undone_for_ever(ledger: Ledger, clock: FakeClock) -> None:
    accepted = await ledger.accept(IRC, [say("dead"), say("undone"), say("half")], to(ROOM, OTHER))
    dead, undone, half = (accepted.entries[n : n + 2] for n in (0, 2, 4))
    clock.shift(20 * 86400)
    await ledger.settle([Settled(id=entry.delivery.id, state=State.DEAD) for entry in dead])
    await ledger.settle([done(half[0].delivery.id)])
    clock.shift(20 * 86400)
    assert await prune_all(ledger, clock, 30, 30) == 0, "dead letters count from their death"
    clock.shift(20 * 86400)
    await prune_all(ledger, clock, 30, 30)
    assert await ledger.dead() == []
    assert await ledger.event(EventKey(IRC, "dead")) is None
    assert await ledger.event(EventKey(IRC, "half")) == say("half")
    assert [entry.delivery.id for entry in await ledger.undone(ROOM, 0, 9)] == [undone[0].delivery.id]
    assert [entry.delivery.id for entry in await ledger.undone(OTHER, 0, 9)] == [undone[1].delivery.id, half[1].delivery.id]


async def test_pruning_goes_in_small_steps(ledger: Ledger, clock: FakeClock) -> None:
    await ledger.accept(IRC, [say(str(n)) for n in range(30)], nowhere)
    clock.shift(86400)
    now = clock.now()
    assert await ledger.prune(done_before=now, copies_before=now, limit=10) <= 20
    assert await prune_all(ledger, clock, 0, 0) > 0
    assert (await ledger.accept(IRC, [say("x")], nowhere)).fresh
