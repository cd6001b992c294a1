"""Who moderates, both ways: as roles change, and never more than a role."""

from typing import Any

import pytest

from adapters.xmpp.rooms.people import MOST_MODERATORS
from bridge.model.events import Membership, Move
from bridge.model.ids import HUB, ChannelId
from bridge.model.people import Identity
from bridge.model.signals import Moderators
from bridge.testing import until
from tests.doubles.component_server import HOST, ComponentServer
from tests.unit.xmpp.rooms.scene import ALICE, CAROL, LOBBY, Scene, scene

LISTENER = f"bridge@{HOST}"
ON_MATRIX = ChannelId(HUB, "!lobby:example.org")


def told(one: Scene) -> list[list[str]]:
    """The nicks, as each was last called by an event of theirs; one list for each time it was told."""
    names = {event.author.id: event.author.name for event in one.inlet.events}
    signals = [signal for signal in one.inlet.signals if isinstance(signal, Moderators)]
    assert all(signal.channel == signal.of == LOBBY for signal in signals)
    return [sorted(names.get(who, who.id) for who in signal.who) for signal in signals]


async def moderating(one: Scene, *who: Identity, of: ChannelId = ON_MATRIX) -> None:
    await one.adapter.send_signal(Moderators(channel=LOBBY, of=of, who=tuple(person.id for person in who)))
    await one.wait(2)


def role(one: Scene, nick: str) -> str:
    return one.room.occupants[nick].role


async def test_who_moderates_is_told_as_it_changes_and_not_again(server: ComponentServer) -> None:
    server.room(LOBBY.id).enter("judge", role="moderator")
    async with scene(server) as one:
        one.room.say("judge", "order!")
        one.room.enter("eve")
        one.room.say("eve", "hi")
        await one.heard_all()
        await one.wait(3)
        assert told(one) == [["judge"]]
        one.room.rank("eve", "moderator")
        await one.heard_all()
        await one.wait(2)
        one.room.rename("eve", "adam")
        await one.heard_all()
        await one.wait(2)
        assert told(one)[1:] == [["adam", "judge"]], "a new nick is the same person"
        one.room.leave("judge")
        await one.heard_all()
        await one.wait(2)
        assert told(one)[2:] == [["adam"]]


async def test_ours_are_not_told_of_as_others(server: ComponentServer) -> None:
    server.room(LOBBY.id).moderators = {"alice", "unabridged"}
    async with scene(server) as one:
        await one.say("hello")
        await one.heard_all()
        await one.wait(3)
        assert told(one) == [[]]


async def test_who_moderates_on_matrix_has_the_role_for_as_long(server: ComponentServer) -> None:
    server.room(LOBBY.id).affiliations[LISTENER] = "admin"
    async with scene(server, grant_moderators=True) as one:
        await moderating(one, ALICE)
        await one.say("hello")
        await one.say("hello", CAROL)
        await one.wait(2)
        await until(lambda: role(one, "alice") == "moderator")
        assert (role(one, "carol"), one.room.ranked) == ("participant", [("alice", "moderator")])
        await moderating(one, ALICE, of=ChannelId(LOBBY.network, "den@muc.example.org"))
        assert role(one, "alice") == "moderator", "who moderates another channel is not asked about"
        await one.heard_all()
        await moderating(one)
        await until(lambda: role(one, "alice") == "participant")
        await one.wait(3)
        assert len(one.room.ranked) == 2


async def test_who_comes_in_again_is_raised_again(server: ComponentServer) -> None:
    server.room(LOBBY.id).affiliations[LISTENER] = "owner"
    async with scene(server, grant_moderators=True) as one:
        await moderating(one, ALICE)
        await one.say("hello")
        await one.wait(2)
        await until(lambda: role(one, "alice") == "moderator")
        one.room.leave("alice", {"307"})
        await one.heard_all()
        await one.wait(700)
        await one.say("again")
        await one.wait(2)
        await until(lambda: role(one, "alice") == "moderator")


async def test_what_was_given_over_there_is_not_taken(server: ComponentServer) -> None:
    server.room(LOBBY.id).affiliations[LISTENER] = "admin"
    server.room(LOBBY.id).moderators = {"alice"}
    async with scene(server, grant_moderators=True) as one:
        await moderating(one, ALICE)
        await one.say("hello")
        await moderating(one)
        await one.heard_all()
        assert (role(one, "alice"), one.room.ranked) == ("moderator", [])


@pytest.mark.parametrize(("affiliation", "settings"), [("member", {"grant_moderators": True}), ("admin", {})])
async def test_where_it_is_not_ours_to_give_nothing_is_asked(
    server: ComponentServer, affiliation: str, settings: dict[str, Any]
) -> None:
    server.room(LOBBY.id).affiliations[LISTENER] = affiliation
    server.room(LOBBY.id).enter("judge", role="moderator")
    async with scene(server, **settings) as one:
        await moderating(one, ALICE)
        await one.say("hello")
        await one.heard_all()
        await one.wait(3)
        assert (role(one, "alice"), one.room.ranked) == ("participant", [])
        assert len(told(one)) == 1


async def test_where_nothing_is_to_be_shown_what_was_shown_is_taken_back(server: ComponentServer) -> None:
    """Of an earlier run, with another setting: nobody else would."""
    server.room(LOBBY.id).enter("judge", role="moderator")
    async with scene(server, show_moderators=False) as one:
        await one.heard_all()
        await one.wait(3)
        assert told(one) == [[]]


async def test_they_have_the_role_again_that_they_had(server: ComponentServer) -> None:
    """In a moderated room a visitor has no voice, and gets none by having been a moderator."""
    server.room(LOBBY.id).affiliations[LISTENER] = "admin"
    async with scene(server, grant_moderators=True) as one:
        await one.say("hello")
        one.room.rank("alice", "visitor")
        await one.heard_all()
        await moderating(one, ALICE)
        await until(lambda: role(one, "alice") == "moderator")
        await one.heard_all()
        await moderating(one)
        await until(lambda: role(one, "alice") == "visitor")


async def test_two_rooms_here_do_not_take_each_other_s_role(server: ComponentServer) -> None:
    server.room(LOBBY.id).affiliations[LISTENER] = "admin"
    async with scene(server, grant_moderators=True) as one:
        await moderating(one, ALICE)
        await moderating(one, of=ChannelId(HUB, "!den:example.org"))
        await one.say("hello")
        await one.wait(2)
        await until(lambda: role(one, "alice") == "moderator")


async def test_what_the_room_refuses_is_said_once_and_asked_once(
    server: ComponentServer, caplog: pytest.LogCaptureFixture
) -> None:
    server.room(LOBBY.id).affiliations[LISTENER] = "admin"
    async with scene(server, grant_moderators=True) as one:
        await moderating(one, ALICE, CAROL)
        await one.say("hello")
        await one.say("hello", CAROL)
        one.room.occupants["unabridged"].affiliation = "none"  # and nobody told us
        with caplog.at_level("INFO"):
            await one.wait(2)
            await until(lambda: "who moderates" in caplog.text)
            await one.heard_all()
            await one.wait(5)
        assert caplog.text.count("who moderates") == 1
        assert (role(one, "alice"), role(one, "carol")) == ("participant", "participant")


async def test_a_role_takes_nothing_away_that_the_bridge_could_do_before(server: ComponentServer) -> None:
    """A moderator may kick but not ban: what is refused to them is asked by who listens, as for everybody else."""
    room = server.room(LOBBY.id)
    room.affiliations[LISTENER], room.moderators, room.bans_by_rank = "admin", {"unabridged"}, True
    async with scene(server, grant_moderators=True) as one:
        one.room.enter("mallory")
        one.room.say("mallory", "hah")
        await moderating(one, ALICE)
        await one.say("hello")
        await one.wait(2)
        await until(lambda: role(one, "alice") == "moderator")
        await one.heard_all()
        mallory = next(event.author for event in one.inlet.events if event.author.name == "mallory")
        await one.say(Membership(who=mallory, move=Move.BAN, by=ALICE))
        assert "mallory" not in one.room.occupants


async def test_a_room_of_moderators_alone_is_told_of_in_part(server: ComponentServer) -> None:
    """Each becomes a line of one event on Matrix, and a room can call all of its people so."""
    room = server.room(LOBBY.id)
    for number in range(MOST_MODERATORS + 50):
        room.enter(f"judge{number}", role="moderator")
    async with scene(server) as one:
        await one.heard_all()
        await one.wait(2)
        (who,) = [signal.who for signal in one.inlet.signals if isinstance(signal, Moderators)]
        assert len(set(who)) == MOST_MODERATORS
