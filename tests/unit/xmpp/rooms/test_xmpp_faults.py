"""A bug of ours in one room ends that room's work alone, which begins anew; its neighbours speak on and lose nothing."""

from collections.abc import Callable
from typing import Any

import pytest
from msgspec.structs import replace

from adapters.xmpp.rooms.mending import Mending
from adapters.xmpp.rooms.room import Room
from adapters.xmpp.rooms.timers import RETRY_FIRST
from bridge.contract.adapter import ChannelInfo
from bridge.contract.errors import Unavailable
from bridge.model.ids import ChannelId
from bridge.testing import until
from tests.doubles.component_server import ComponentServer
from tests.unit.xmpp.rooms.scene import LOBBY, NET, Scene, delivery, scene

ATTIC = ChannelId(NET, "attic@muc.example.org")


def broken_in(monkeypatch: pytest.MonkeyPatch, of: type, verb: str, room: Callable[[Any], str]) -> list[str]:
    """`verb` has a bug, in the lobby alone. What is returned grows with each time that it shows."""
    before = getattr(of, verb)
    times: list[str] = []

    def bug(one: Any, *given: Any, **more: Any) -> Any:
        if room(one) == LOBBY.id:
            times.append(verb)
            raise RuntimeError("a bug of ours")
        return before(one, *given, **more)

    monkeypatch.setattr(of, verb, bug)
    return times


async def both(one: Scene) -> list[ChannelInfo]:
    one.server.room(ATTIC.id)
    return await one.adapter.open(LOBBY, ATTIC)


async def say_in_the_attic(one: Scene, words: str) -> None:
    await one.adapter.deliver(one_for(ATTIC, words))
    one.server.room(ATTIC.id).say("bob", f"{words}, too")
    await until(lambda: f"{words}, too" in one.words)


def one_for(channel: ChannelId, words: str) -> Any:
    return replace(delivery(words), channel=channel)


async def test_a_bug_in_coming_in_keeps_one_room_shut(server: ComponentServer, monkeypatch: pytest.MonkeyPatch) -> None:
    async with scene(server, opened=False) as one:
        server.room(ATTIC.id).enter("bob")
        with monkeypatch.context() as patch:
            broken_in(patch, Room, "_look", lambda room: room.place.jid)
            shut, fine = await both(one)
        assert (shut.error, fine.error) == ("an internal error; it has been reported", None)
        await say_in_the_attic(one, "hello")
        with pytest.raises(Unavailable, match="internal error"):
            await one.say("hello")
        await one.wait(RETRY_FIRST + 2)
        await until(lambda: LOBBY in one.inlet.looked)
        await one.say("hello")


async def test_a_room_whose_clock_breaks_is_left_and_entered_anew(
    server: ComponentServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with scene(server, opened=False) as one:
        server.room(ATTIC.id).enter("bob")
        one.room.enter("bob")
        await both(one)
        await one.say("hello")
        with monkeypatch.context() as patch:
            broken_in(patch, Room, "tick", lambda room: room.place.jid)
            await one.wait(2)
        await until(lambda: one.nicks() == set())
        assert one.inlet.looked == [LOBBY]
        (info,) = await one.adapter.open(LOBBY)
        assert info.error == "an internal error; it has been reported", "it is not tried at once: a bug is there again at once"
        one.room.say("bob", "missed")
        await say_in_the_attic(one, "we speak on")
        await one.wait(RETRY_FIRST + 2)
        await until(lambda: one.inlet.looked == [LOBBY] * 2)
        (info,) = await one.adapter.open(LOBBY)
        assert info.error is None
        await one.say("and so do we")
        await one.heard_all()
        assert "missed" in one.said()


async def test_a_bug_in_looking_after_a_room_is_tried_again_later_each_time(
    server: ComponentServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with scene(server, opened=False) as one:
        server.room(ATTIC.id).enter("bob")
        await both(one)
        with monkeypatch.context() as patch:
            tries = broken_in(patch, Mending, "mend", lambda mending: mending.room.place.jid)
            one.room.leave("unabridged", {"307"})
            await one.wait(600)
        assert 3 <= len(tries) <= 8
        await say_in_the_attic(one, "we speak on")
        await one.wait(1900)
        await one.say("so do we")


async def test_a_bug_in_reading_costs_one_stanza(server: ComponentServer, monkeypatch: pytest.MonkeyPatch) -> None:
    async with scene(server, opened=False) as one:
        one.room.enter("bob")
        await both(one)
        with monkeypatch.context() as patch:
            broken_in(patch, Room, "message", lambda room: room.place.jid)
            one.room.say("bob", "odd")
            server.room(ATTIC.id).enter("bob")
            await say_in_the_attic(one, "hello")
        await one.say("hello")
        assert one.running is not None and not one.running.done()
