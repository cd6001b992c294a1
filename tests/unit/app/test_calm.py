"""Calm in a timeline room: who is muted is not heard, and what one asks to have elsewhere goes there."""

import re
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest
from msgspec.structs import replace

from adapters.fantasy.world import World
from bridge.model.events import Edit, Event, Message, PostFacts, Ref, Text
from bridge.model.ids import EventKey, IdentityId
from bridge.model.people import Identity, Profile
from bridge.model.portals import PortalKind, Rule, TimelineOptions
from bridge.testing.doubles import until
from tests.doubles.clock import START
from tests.doubles.homeserver import FakeHomeserver
from tests.unit.app.town import ADMIN, LOCAL, Bridge, a_bridge, channel, lobby, passing, says, settled
from tests.unit.delivery.stage import background

ROOM, MENTIONS = "#timeline:localhost", "#mentions:localhost"
BOB = "@bob:localhost"
TIMELINE = lobby("feed", room=ROOM, kind=PortalKind.TIMELINE)
ASIDE = lobby("asides", room=MENTIONS, kind=PortalKind.TIMELINE)


@pytest.fixture
async def hs() -> AsyncIterator[FakeHomeserver]:
    async with FakeHomeserver() as server:
        for name in ("admin", "bob"):
            server.user(name)
        yield server


async def enter(bridge: Bridge, hs: FakeHomeserver, name: str = ROOM) -> str:
    await bridge.linked()
    room = await bridge.room(name)
    hs.join(ADMIN, room)
    return room


async def asked(hs: FakeHomeserver, room: str, words: str, answer: str, user: str = ADMIN) -> str:
    """Says something to the bot and returns its answer, which holds `answer`."""
    said = hs.say(user, room, words)

    def answers(event: dict[str, object]) -> bool:
        content = event["content"]
        assert isinstance(content, dict)
        relation = content.get("m.relates_to") or {}
        return bool(relation.get("m.in_reply_to", {}).get("event_id") == said)

    event = await hs.wait_for(room, answers)
    assert answer in event["content"]["body"], event["content"]["body"]
    return str(event["content"]["body"])


def heard(hs: FakeHomeserver, room: str) -> list[str]:
    """What puppets said there; of a post, its first line."""
    return [event["content"]["body"].split("\n")[0] for event in hs.messages(room) if event["sender"].startswith("@_")]


async def test_who_is_muted_is_not_heard_until_unmuted_and_not_after_a_restart_either(tmp_path: Path, hs: FakeHomeserver) -> None:
    world = World()
    async with a_bridge(tmp_path, hs, portals=(TIMELINE,), world=world) as bridge:
        room = await enter(bridge, hs)
        world.say("feed", "carol", "before")
        await hs.wait_for(room, says("before"))
        await asked(hs, room, "!mute Carol", "local/carol) in this room. To undo it: unmute 1")
        world.say("feed", "carol", "hidden")
        world.say("feed", "dave", "shown")
        await hs.wait_for(room, says("shown"))
    async with a_bridge(tmp_path, hs, portals=(TIMELINE,), world=world) as bridge:
        await bridge.linked()
        world.say("feed", "carol", "hidden again")
        world.say("feed", "dave", "shown again")
        await hs.wait_for(room, says("shown again"))
        await asked(hs, room, "!mutes", "local/carol")
        await asked(hs, room, "!unmute carol", "No longer muted: local/carol")
        world.say("feed", "carol", "after")
        await hs.wait_for(room, says("after"))
        assert heard(hs, room) == ["before", "shown", "shown again", "after"]


async def test_what_a_rule_hides_is_found_by_trace_with_the_rules_name(tmp_path: Path, hs: FakeHomeserver) -> None:
    async with a_bridge(tmp_path, hs, portals=(TIMELINE,)) as bridge:
        room = await enter(bridge, hs)
        await asked(hs, room, "!rule add words=rain, heavy snow to=nowhere name=weather", "rule remove 1")
        line = bridge.world.say("feed", "carol", "It will RAIN tomorrow")
        bridge.world.say("feed", "carol", "the train is late")
        await hs.wait_for(room, says("train"))
        assert heard(hs, room) == ["the train is late"]
        await asked(hs, room, f"!trace {EventKey(LOCAL, line.id)}", "by rule: weather")


async def test_a_mute_for_a_while_ends_by_itself(tmp_path: Path, hs: FakeHomeserver) -> None:
    async with a_bridge(tmp_path, hs, portals=(TIMELINE,)) as bridge:
        room = await enter(bridge, hs)
        await asked(hs, room, "!mute “big game” for 2 days", "Muted “big game” in this room until")
        bridge.world.say("feed", "carol", "the Big Game is on")
        bridge.world.say("feed", "carol", "first")
        await hs.wait_for(room, says("first"))
        bridge.clock.shift(2 * 86_400)
        bridge.world.say("feed", "carol", "that big game was long")
        await hs.wait_for(room, says("was long"))
        await asked(hs, room, "!mutes", "Nobody and nothing is muted here")


async def test_a_rule_of_words_moves_posts_to_another_room_and_is_undone(tmp_path: Path, hs: FakeHomeserver) -> None:
    async with a_bridge(tmp_path, hs, portals=(TIMELINE, ASIDE)) as bridge:
        room, other = await enter(bridge, hs), await enter(bridge, hs, MENTIONS)
        await asked(hs, room, f"!rule add words=alice to={MENTIONS}", "Rule 1")
        bridge.world.say("feed", "carol", "hey alice!")
        await hs.wait_for(other, says("hey alice!"))
        await asked(hs, room, "!rule remove 1", "rule add words=alice")
        bridge.world.say("feed", "carol", "alice again")
        await hs.wait_for(room, says("alice again"))
        assert (heard(hs, room), heard(hs, other)) == (["alice again"], ["hey alice!"])


def posts(*numbers: int, author: str = "carol") -> list[Event]:
    return [
        Event(
            key=EventKey(LOCAL, f"p{number}"),
            channel=channel("feed"),
            author=Identity(id=IdentityId(LOCAL, author), profile=Profile(name=author.title())),
            happened_at=START + timedelta(seconds=number),
            body=Message(text=Text(plain=f"post {number}."), post=PostFacts(permalink=f"https://x.example/{number}")),
        )
        for number in numbers
    ]


def listed(hs: FakeHomeserver, room: str) -> set[str]:
    """Posts that the room's digests list now."""
    said = [event for event in hs.messages(room) if event["sender"] == hs.bot]
    return set(re.findall(r"post \d+\.", "\n".join(event["content"]["body"] for event in said)))


async def carried(bridge: Bridge, hs: FakeHomeserver, room: str, enough: int) -> None:
    """Time goes on until so many posts are there, by themselves or listed."""
    async with background(lambda: passing(bridge.clock)):
        await until(lambda: len(heard(hs, room)) + len(listed(hs, room)) >= enough)


async def test_five_hundred_posts_at_once_are_thirty_and_a_list_whatever_dies_in_between(
    tmp_path: Path, hs: FakeHomeserver
) -> None:
    everything = {f"post {number}." for number in range(500)}
    async with a_bridge(tmp_path, hs, portals=(TIMELINE,)) as bridge:
        room = await enter(bridge, hs)
        await bridge.plant.intake.accept(LOCAL, posts(*range(500)))
        await hs.wait_for(room, says("post 9."))
    for enough in (20, 60, 500):
        async with a_bridge(tmp_path, hs, portals=(TIMELINE,)) as bridge:
            await carried(bridge, hs, room, enough)
    shown = heard(hs, room)
    assert len(shown) == len(set(shown)) <= 4 * 30
    assert set(shown) | listed(hs, room) == everything and not set(shown) & listed(hs, room)


async def test_posts_of_a_digest_come_when_asked_for_and_once(tmp_path: Path, hs: FakeHomeserver) -> None:
    async with a_bridge(tmp_path, hs, portals=(TIMELINE,)) as bridge:
        room = await enter(bridge, hs)
        await asked(hs, room, "!show 1", "Nothing in this room came in a digest")
        async with background(lambda: passing(bridge.clock)):
            await bridge.plant.intake.accept(LOCAL, posts(*range(40)))
            await hs.wait_for(room, says("10 more posts came at once"))
        await asked(hs, room, "!show 2-3", "2 posts on the way.")
        await hs.wait_for(room, says("post 31."))
        await asked(hs, room, "!show 3, 4", "1 post on the way. 1 post came already")
        await asked(hs, room, "!show 77", "there are 1 to 10")
        await asked(hs, room, "!show me", "is no number of a post")
        await asked(hs, room, "!show all", "7 posts on the way.")
        await settled(bridge)
        shown = heard(hs, room)
        assert sorted(shown) == sorted(f"post {number}." for number in range(40))
        await bridge.plant.intake.accept(LOCAL, [edited("p31", "other words")])
        await hs.wait_for(room, says("other words"))


async def test_who_comes_back_is_told_what_came_since_with_links_to_it(tmp_path: Path, hs: FakeHomeserver) -> None:
    world = World()
    async with a_bridge(tmp_path, hs, portals=(TIMELINE,), world=world) as bridge:
        room = await enter(bridge, hs)
        world.say("feed", "carol", "seen")
        seen = await hs.wait_for(room, says("seen"))
        hs.mark_read(room, ADMIN, seen["event_id"])
        await hs.push.settled()
        await bridge.clock.advance(3_600)
    async with a_bridge(tmp_path, hs, portals=(TIMELINE,), world=world, clock=bridge.clock) as bridge:
        await bridge.linked()
        world.say("feed", "carol", "not seen")
        missed = await hs.wait_for(room, says("not seen"))
        hs.mark_read(room, ADMIN, missed["event_id"])
        await hs.push.settled()
        told = await asked(hs, room, "!catch-up", "1 post by 1 author since you last read here")
        assert f"https://matrix.to/#/{room}/{missed['event_id']}" in told
        await asked(hs, room, "!catch-up by author since 3h", "2 posts by 1 author since")
        await asked(hs, room, "!catch-up tomorrow", 'Say "catch-up"')


async def test_what_a_digest_lists_says_so_when_looked_for(tmp_path: Path, hs: FakeHomeserver) -> None:
    async with a_bridge(tmp_path, hs, portals=(TIMELINE,)) as bridge:
        room = await enter(bridge, hs)
        async with background(lambda: passing(bridge.clock)):
            await bridge.plant.intake.accept(LOCAL, posts(*range(32)))
            await hs.wait_for(room, says("2 more posts came at once"))
        await asked(hs, room, "!trace local/p31", "in a digest")
        await asked(hs, room, "!catch-up by author since 1h", "32 posts by 1 author")


async def test_how_to_say_something_in_the_room_only_is_said_where_one_looks(tmp_path: Path, hs: FakeHomeserver) -> None:
    async with a_bridge(tmp_path, hs, portals=(TIMELINE, lobby())) as bridge:
        room, chat = await enter(bridge, hs), await enter(bridge, hs, "#lobby:localhost")
        await asked(hs, room, "!help", "how to say something in the room only (//)")
        await asked(hs, room, "!writing", "What begins with “//” is said in this room only, and so is all in a thread below it.")
        await asked(hs, chat, f"!writing --room {ROOM}", "stays in this room")


def edited(native: str, words: str) -> Event:
    (first,) = posts(1)
    target = Ref(key=EventKey(LOCAL, native))
    return replace(
        first, key=EventKey(LOCAL, f"edit of {native}"), body=Edit(target=target, message=Message(text=Text(plain=words)))
    )


async def test_rules_of_the_file_are_followed(tmp_path: Path, hs: FakeHomeserver) -> None:
    rules = (Rule(people=("carol",), to="here"), Rule(words=("spam",)))
    portal = replace(TIMELINE, timeline=TimelineOptions(rules=rules))
    async with a_bridge(tmp_path, hs, portals=(portal,)) as bridge:
        room = await enter(bridge, hs)
        bridge.world.say("feed", "dave", "spam, says dave")
        bridge.world.say("feed", "carol", "spam, says carol")
        await hs.wait_for(room, says("says carol"))
        assert heard(hs, room) == ["spam, says carol"]
        await asked(hs, room, "!rule", "words=spam to=nowhere")


@pytest.mark.parametrize(
    ("words", "answer"),
    [
        ("!rule add", "needs something to go by"),
        ("!rule add rain", "written name=value"),
        ("!rule add word=rain", 'did you mean "words"?'),
        ("!rule add kinds=bost", 'did you mean "boost"?'),
        ("!rule add pattern=(a+)+$", "takes too long"),
        ("!rule add words=x to=#lobby:localhost", "is none"),
        ("!rule add words=x to=#timeline:localhost", "That is this room"),
        ("!rule remove 7", "No rule"),
        ("!rule invert", 'Say "rule add'),
        ("!mute bob for 900y", "no length of time"),
        ("!mute bob for 99999d", "no length of time"),
        ("!unmute nobody", "Nothing of that name"),
    ],
)
async def test_what_cannot_be_done_is_said_in_plain_words(tmp_path: Path, hs: FakeHomeserver, words: str, answer: str) -> None:
    async with a_bridge(tmp_path, hs, portals=(TIMELINE, lobby())) as bridge:
        await asked(hs, await enter(bridge, hs), words, answer)


async def test_only_who_may_change_the_room_mutes_in_it(tmp_path: Path, hs: FakeHomeserver) -> None:
    async with a_bridge(tmp_path, hs, portals=(TIMELINE, lobby())) as bridge:
        room, chat = await enter(bridge, hs), await enter(bridge, hs, "#lobby:localhost")
        for place in (room, chat):
            hs.join(BOB, place)
        await asked(hs, room, "!mute carol", "power level 50", user=BOB)
        await asked(hs, chat, f"!mute carol --room {ROOM}", "power level 50", user=BOB)
        await asked(hs, room, "!mutes", "Nobody and nothing", user=BOB)
