"""The account's own posts and direct messages, made here or elsewhere: never told as news where they are our own copies."""

from datetime import timedelta

import msgspec
import pytest

from adapters.gnusocial.wire.echoes import DOUBT_SECONDS, START_SECONDS
from bridge.contract.errors import Unavailable
from bridge.model.events import Origin
from bridge.model.ids import ChannelId
from bridge.model.people import Identity
from bridge.testing.doubles import MemoryLinking
from tests.unit.gnusocial.kit import HOST, names
from tests.unit.gnusocial.reading.wall import Desk, Wall


async def settled(wall: Wall, *channels: str) -> Desk:
    """A desk beyond its first seconds, in which own posts are held back."""
    desk = Desk(wall, *channels)
    async with desk.running():
        wall.post("mine, at first", by=1)
        await desk.round(START_SECONDS + 70)
    desk.inlet.events.clear()
    return desk


async def test_a_post_made_elsewhere_is_told() -> None:
    wall = Wall()
    desk = Desk(wall)
    async with desk.running():
        wall.post("from my phone", by=1)
        await desk.round()
        await desk.round()
    assert desk.texts() == ["from my phone"]


async def test_our_own_copy_is_no_news_though_the_server_shows_it_before_it_answered() -> None:
    wall = Wall()
    desk = Desk(wall)
    async with desk.running():
        await desk.round(100)
        with desk.account.echoes.writing():
            id = wall.post("written here", by=1)
            wall.post("by another")
            await desk.round()
            assert desk.texts() == ["by another"]
        desk.account.echoes.wrote("d1", names(id, wall.clock.now()))
        await desk.round()
        wall.post("answer", in_reply_to_status_id=f"{id}")
        await desk.round()
    assert desk.texts() == ["by another", "answer"]
    assert not wall.asked(f"statuses/show/{id}.json")


async def test_a_write_in_doubt_holds_own_posts_back_until_it_is_settled() -> None:
    wall = Wall()
    desk = Desk(wall)
    async with desk.running():
        await desk.round(100)
        desk.account.echoes.doubt("d1")
        wall.post("mine", by=1)
        for number in range(60):
            wall.post(f"by another {number}")
        await desk.round()
        assert len(desk.texts()) == 60 and "mine" not in desk.texts()
        asked = len(wall.http.asked)
        for _ in range(int(DOUBT_SECONDS / 60)):
            await desk.round(60)
        assert len(wall.http.asked) - asked < 200
        assert desk.texts().count("mine") == 1


async def test_what_is_held_back_is_not_lost_when_the_reader_ends() -> None:
    wall = Wall()
    desk = Desk(wall)
    async with desk.running():
        await desk.round(100)
        desk.account.echoes.doubt("d1")
        wall.post("mine", by=1)
        wall.post("by another")
        await desk.round()
    assert desk.texts() == ["by another"]
    desk.begin()
    async with desk.running():
        await desk.round(START_SECONDS + 70)
    assert desk.texts() == ["by another", "mine"]


async def test_direct_messages_come_into_a_room_of_their_own() -> None:
    wall = Wall()
    desk = Desk(wall)
    async with desk.running():
        await desk.round(100)
        wall.direct("hello & <tag>", by=2)
        wall.clock.shift(1)
        wall.direct("hi", by=1, to=2)
        wall.clock.shift(1)
        wall.direct("me too", by=3)
        await desk.round(100)
    channel = f"direct/user2@{HOST}@me"
    assert desk.texts(channel) == ["hello & <tag>", "hi"]
    assert desk.texts(f"direct/user3@{HOST}@me") == ["me too"]
    assert [event.author.id.id for event in desk.inlet.events] == [f"user2@{HOST}", f"alice@{HOST}", f"user3@{HOST}"]
    assert [event.body.post for event in desk.inlet.events] == [None] * 3  # type: ignore[union-attr]
    assert [(made.id, login, peer.id.id) for made, login, peer in desk.linking.directs] == [
        (channel, "me", f"user2@{HOST}"),
        (f"direct/user3@{HOST}@me", "me", f"user3@{HOST}"),
    ]
    assert {event.key.id for event in desk.inlet.events} == {f"{HOST}:direct:{number}" for number in (1, 2, 3)}


async def test_old_direct_messages_do_not_flood_a_new_login() -> None:
    wall = Wall()
    for number in range(9):
        wall.direct(f"old {number}")
    desk = Desk(wall)
    async with desk.running():
        wall.direct("new")
        await desk.round(100)
    assert desk.texts() == ["old 6", "old 7", "old 8", "new"]
    assert [event.origin for event in desk.inlet.events] == [Origin.HISTORY] * 3 + [Origin.LIVE]


async def test_a_direct_message_written_here_is_no_news() -> None:
    wall = Wall()
    desk = Desk(wall)
    async with desk.running():
        await desk.round(100)
        id = wall.direct("written here", by=1, to=2)
        desk.account.echoes.wrote("d1", (f"{HOST}:direct:{id}",))
        await desk.round()
    assert desk.texts() == [] and desk.linking.directs == []


async def test_a_direct_message_waits_for_a_room_and_holds_up_nothing_else(caplog: pytest.LogCaptureFixture) -> None:
    class Away(MemoryLinking):
        away = True

        async def direct(self, channel: ChannelId, *, login: str, peer: Identity) -> None:
            if self.away:
                raise Unavailable("the homeserver is away")
            await super().direct(channel, login=login, peer=peer)

    wall = Wall()
    desk = Desk(wall)
    desk.linking = Away()
    desk.tools = msgspec.structs.replace(desk.tools, linking=desk.linking)
    desk.begin()
    async with desk.running():
        wall.direct("secret")
        wall.post("public")
        await desk.round()
        assert desk.texts() == ["public"]
        desk.linking.away = False
        await desk.round(20)
    assert desk.texts() == ["public", "secret"]
    assert "secret" not in caplog.text


async def test_a_burst_of_direct_messages_is_whole() -> None:
    wall = Wall()
    wall.direct("old", at=wall.clock.now() - timedelta(days=1))
    desk = await settled(wall)
    expected = [f"direct {number}" for number in range(100)]
    for words in expected:
        wall.clock.shift(1)
        wall.direct(words)
    desk.begin()
    async with desk.running():
        await desk.round()
    assert desk.texts() == expected


async def test_a_message_to_oneself_has_one_name() -> None:
    wall = Wall()
    desk = Desk(wall)
    async with desk.running():
        await desk.round(100)
        wall.direct("note", by=1, to=1)
        wall.timelines["direct_messages/sent"] = wall.timelines["direct_messages"][:]
        await desk.round()
    assert {event.key.id for event in desk.inlet.events} == {f"{HOST}:direct:1"}
