"""Two networks in one timeline room: every post stands there once, by whatever way and in whatever order it comes."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from adapters.fantasy.config import FantasyConfig
from adapters.fantasy.world import World
from bridge.app.main import running
from bridge.config.settings import LinkSettings, NetworkSettings, Tokens
from bridge.model.events import Boost, Edit, Event, Message, Reactions, Redaction
from bridge.model.ids import IdentityId, NetworkName
from bridge.model.portals import PortalKind, TimelineOptions
from tests.doubles.clock import START, FakeClock
from tests.doubles.homeserver import FakeHomeserver
from tests.unit.app.test_doors import tell
from tests.unit.app.town import ADMIN, Bridge, built, lobby, settings_of, settled
from tests.unit.routing.scene import happened, place, post, ref

SOCIAL, FEEDS = NetworkName("social"), NetworkName("feeds")
HOME, FEED, TAG = "social/home@me", "feeds/planet", "social/tag@me"
ROOM = "#timeline:localhost"
TEXT = "The harbour was full of boats this morning, and nobody had told the gulls."
URI, PAGE = "tag:gs.example,2026-05-01:noticeId=1", "https://gs.example/notice/1"


@pytest.fixture
async def hs() -> AsyncIterator[FakeHomeserver]:
    async with FakeHomeserver() as server:
        yield server


class Street:
    """A running bridge, and what stands in its timeline."""

    def __init__(self, bridge: Bridge, hs: FakeHomeserver, room: str) -> None:
        self.bridge = bridge
        self.hs = hs
        self.room = room

    async def comes(self, *events: Event) -> None:
        """Network by network, as adapters hand it in; returns when all that comes of it is in the room."""
        for event in events:
            await self.bridge.plant.intake.accept(event.key.network, (event,))
            await settled(self.bridge)

    @property
    def posts(self) -> list[tuple[str, str]]:
        """Who says what, in the order of the room; what was edited or deleted as it is now."""
        edits = {
            event["content"]["m.relates_to"]["event_id"]: event["content"]["m.new_content"]
            for event in self.hs.messages(self.room)
            if event["content"].get("m.relates_to", {}).get("rel_type") == "m.replace"
        }
        found = []
        for event in self.hs.messages(self.room):
            content = edits.get(event["event_id"], event["content"])
            if content and event["content"].get("m.relates_to", {}).get("rel_type") != "m.replace":
                found.append((event["sender"], str(content["body"])))
        return found

    @property
    def reactions(self) -> list[tuple[str, str]]:
        """Who reacted with what, to the post that stands first."""
        relations = [
            (event["sender"], event["content"]["m.relates_to"])
            for event in self.hs.events(self.room)
            if event["type"] == "m.reaction" and event["content"]
        ]
        first = self.hs.messages(self.room)[0]["event_id"]
        assert all(relation["event_id"] == first for _, relation in relations)
        return sorted((sender, str(relation["key"])) for sender, relation in relations)

    def found(self, text: str) -> dict[str, Any]:
        (event,) = [event for event in self.hs.messages(self.room) if text in event["content"].get("body", "")]
        return event


@asynccontextmanager
async def street(
    folder: Path, hs: FakeHomeserver, clock: FakeClock | None = None, *, rel_me: bool = False
) -> AsyncIterator[Street]:
    links = tuple(LinkSettings(channel=place(name)) for name in (HOME, FEED, TAG))
    timeline = replace(lobby(room=ROOM, kind=PortalKind.TIMELINE, timeline=TimelineOptions(boost_hours=72)), links=links)
    settings = replace(
        settings_of(hs, portals=(timeline,)),
        networks={
            name: NetworkSettings(name=name, adapter="salon", config=FantasyConfig(account="unabridged"))
            for name in (SOCIAL, FEEDS)
        },
    )
    settings = replace(settings, bridge=replace(settings.bridge, rel_me=rel_me))
    tokens = Tokens(appservice=hs.as_token, homeserver=hs.push.hs_token)
    async with built(folder, settings, tokens, world=World(), clock=clock) as bridge, running(bridge.plant):
        hs.push.url = bridge.url
        hs.push.wake()
        await bridge.linked()
        yield Street(bridge, hs, await bridge.room(ROOM))


def seen(by: str = HOME, author: str = "social/alice@gs.example", text: str = TEXT, id: str = URI, **facts: Any) -> Event:
    return happened(id, by, author, post(text, **({"uri": URI, "permalink": PAGE} | facts)), happened_at=START)


def told(
    author: str = "feeds/alice@gs.example", text: str = TEXT, id: str = "https://planet.example/atom#1", **facts: Any
) -> Event:
    return seen(FEED, author, text, id, **facts)


def boosted(id: str, by: str, *, days: float = 0, name: str = URI, of: str = "social/alice@gs.example") -> Event:
    original = post(TEXT, uri=URI, permalink=PAGE)
    body = Boost(target=ref(name, "social", of), original=original)
    return happened(id, HOME, f"social/{by}", body, happened_at=START + timedelta(days=days), aliases=(name,))


ALICE = "@_social_alice=40gs.example:localhost"
SAME_POST = (seen(), told(), replace(seen(), channel=place(TAG)))


def people(said: Sequence[tuple[str, str]]) -> list[str]:
    return [sender.removesuffix(":localhost") for sender, _ in said]


@pytest.mark.parametrize("order", [(0, 1, 2), (1, 0, 2), (2, 0, 1), (1, 2, 0)])
async def test_a_post_by_account_tag_and_feed_stands_once_in_whatever_order(
    tmp_path: Path, hs: FakeHomeserver, order: Sequence[int]
) -> None:
    async with street(tmp_path, hs) as town:
        await town.comes(*(SAME_POST[at] for at in order))
        assert len(town.posts) == 1
        await town.comes(*(SAME_POST[at] for at in order))
        assert len(town.posts) == 1


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
async def test_it_stands_once_though_the_bridge_was_restarted_between(
    tmp_path: Path, hs: FakeHomeserver, order: Sequence[int]
) -> None:
    async with street(tmp_path, hs) as town:
        await town.comes(SAME_POST[order[0]])
    async with street(tmp_path, hs) as town:
        await town.comes(SAME_POST[order[1]])
        assert len(town.posts) == 1


async def test_a_boost_then_the_post_then_its_copy_is_one_message(tmp_path: Path, hs: FakeHomeserver) -> None:
    async with street(tmp_path, hs) as town:
        await town.comes(boosted("b1", "bob@gs.example"), seen(), told(), boosted("b2", "carol@gs.example"))
        assert people(town.posts) == ["@_social_alice=40gs.example"]
        assert people(town.reactions) == ["@_social_carol=40gs.example"]
        reply = Message(text=post("So it was.").text, post=post("").post, reply_to=ref(URI, "social"))
        await town.comes(happened("r", HOME, "social/dave@gs.example", reply))
        relation = town.found("So it was.")["content"]["m.relates_to"]
        assert relation["event_id"] == town.found(TEXT)["event_id"]
        await town.comes(happened("e", HOME, "social/alice@gs.example", Edit(target=ref(URI, "social"), message=post("Gulls!"))))
        assert "Gulls!" in town.posts[0][1]


async def test_the_post_then_boosts_are_marks_that_are_taken_back_alone(tmp_path: Path, hs: FakeHomeserver) -> None:
    async with street(tmp_path, hs) as town:
        liked = Reactions(target=ref(URI, "social"), keys=("⭐",))
        bob, carol = "@_social_bob=40gs.example:localhost", "@_social_carol=40gs.example:localhost"
        await town.comes(
            seen(),
            boosted("b1", "bob@gs.example"),
            boosted("b2", "carol@gs.example"),
            happened("f1", HOME, "social/bob@gs.example", liked),
        )
        assert town.reactions == [(bob, "⭐"), (bob, "🔁"), (carol, "🔁")]
        await town.comes(happened("f2", HOME, "social/bob@gs.example", replace(liked, keys=())))
        assert town.reactions == [(bob, "🔁"), (carol, "🔁")]
        await town.comes(happened("u1", HOME, "social/bob@gs.example", Redaction(target=ref("b1", "social"))))
        assert town.reactions == [(carol, "🔁")]
        assert len(town.posts) == 1


async def test_past_the_horizon_it_is_shown_once_more_and_deleted_everywhere(tmp_path: Path, hs: FakeHomeserver) -> None:
    async with street(tmp_path, hs) as town:
        await town.comes(seen())
    async with street(tmp_path, hs, FakeClock(START + timedelta(days=9))) as town:
        await town.comes(boosted("b1", "bob@gs.example", days=9), boosted("b2", "carol@gs.example", days=10))
        assert people(town.posts) == ["@_social_alice=40gs.example"] * 2
        await town.comes(happened("d", HOME, "social/alice@gs.example", Redaction(target=ref(URI, "social"))))
        assert town.posts == []


async def test_an_old_post_that_came_today_is_not_shown_again_for_a_boost_of_today(tmp_path: Path, hs: FakeHomeserver) -> None:
    """The first import of a feed brings what was written months ago."""
    async with street(tmp_path, hs) as town:
        await town.comes(replace(seen(), happened_at=START - timedelta(days=60)), boosted("b1", "bob@gs.example", days=1))
        assert len(town.posts) == len(town.reactions) == 1


async def test_a_boost_that_nobody_else_passed_on_is_gone_when_it_is_taken_back(tmp_path: Path, hs: FakeHomeserver) -> None:
    async with street(tmp_path, hs) as town:
        await town.comes(boosted("b1", "bob@gs.example"))
        await town.comes(happened("u1", HOME, "social/bob@gs.example", Redaction(target=ref("b1", "social"))))
        assert town.posts == []


@pytest.mark.parametrize(
    "claim",
    [
        told("feeds/evil.example/rss", "Buy my pills, they are good for gulls too."),
        told("feeds/evil.example/rss", "Buy my pills.", id=URI),
        told("feeds/evil.example/rss", "The harbour", permalink=None),
        told("feeds/evil.example/rss", TEXT[:30] + " was closed this morning.", uri=None),
    ],
)
@pytest.mark.parametrize("first", [True, False])
async def test_whoever_claims_anothers_name_neither_hides_nor_speaks_for_them(
    tmp_path: Path, hs: FakeHomeserver, claim: Event, first: bool
) -> None:
    async with street(tmp_path, hs) as town:
        await town.comes(*((claim, seen()) if first else (seen(), claim)))
        assert sorted(people(town.posts)) == ["@_feeds_evil.example/rss", "@_social_alice=40gs.example"]
        other = Edit(target=ref(claim.key.id, "feeds"), message=post("Alice says: buy them."))
        await town.comes(happened("e", FEED, claim.author, other))
        assert [text for sender, text in town.posts if sender == ALICE and TEXT not in text] == []


async def test_a_copy_by_somebody_else_can_neither_edit_nor_delete_the_post(tmp_path: Path, hs: FakeHomeserver) -> None:
    async with street(tmp_path, hs) as town:
        copy = told("feeds/planet.example/alice")
        await town.comes(seen(), copy)
        assert len(town.posts) == 1
        changed = Edit(target=ref(copy.key.id, "feeds"), message=post("Alice says: buy pills."))
        await town.comes(happened("e", FEED, copy.author, changed))
        await town.comes(happened("d", FEED, copy.author, Redaction(target=ref(copy.key.id, "feeds"))))
        assert len(town.posts) == 1 and TEXT in town.posts[0][1]


async def test_a_known_humans_same_words_on_two_networks_stand_once(tmp_path: Path, hs: FakeHomeserver) -> None:
    async with street(tmp_path, hs) as town:
        other = told("feeds/al@elsewhere.example", uri="https://elsewhere.example/1", permalink=None)
        await town.bridge.ledger.join_person([IdentityId(SOCIAL, "alice@gs.example"), IdentityId(FEEDS, "al@elsewhere.example")])
        await town.comes(seen(), other)
        assert len(town.posts) == 1


async def test_what_was_taken_for_the_same_is_parted_by_a_word_for_ever(tmp_path: Path, hs: FakeHomeserver) -> None:
    async with street(tmp_path, hs) as town:
        copy = told("feeds/planet.example/alice")
        await town.comes(seen(), copy)
        shown = town.found(TEXT)["event_id"]
        hs.join(ADMIN, town.room)
        hs.say(
            ADMIN,
            town.room,
            {"msgtype": "m.text", "body": "!part", "m.relates_to": {"m.in_reply_to": {"event_id": shown}}},
        )
        await hs.wait_for(town.room, lambda event: "1 post parted" in event["content"].get("body", ""))
        await settled(town.bridge)
        stands = [sender for sender, text in town.posts if TEXT in text]
        assert stands == [ALICE, "@_feeds_planet.example/alice:localhost"]
        await town.comes(copy, told("feeds/planet.example/alice", id=copy.key.id))
        assert len([text for _, text in town.posts if TEXT in text]) == 2
        trace = await tell(tmp_path, "trace", f"feeds/{copy.key.id}")
        assert not trace.failed
        again = await tell(tmp_path, "part", shown)
        assert again.failed and "stands for itself" in again.text
