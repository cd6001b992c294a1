"""What one missed: told once each, the weightiest first, and never what one wrote oneself."""

from collections.abc import Sequence
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from bridge.commands.catchup import PAGE, Post, by_authors, catchup_words, gathered
from bridge.commands.office import Refused
from bridge.contract.words import Answer, Asker
from bridge.ledger.missed import Came
from bridge.model.events import Boost, Event, Mention, Message, PostFacts, Reactions, Ref, Text
from bridge.model.ids import HUB, ChannelId, EventKey, IdentityId, NetworkName
from bridge.model.people import Identity, Profile
from bridge.model.permissions import Permission
from bridge.model.portals import Portal, PortalKind
from tests.doubles.clock import START

NET = NetworkName("net")
ALICE = IdentityId(HUB, "@alice:hs")
MY_ACCOUNT = IdentityId(NET, "alice")
ROOM = Portal(id=1, room="!room:hs", kind=PortalKind.TIMELINE)


def person(name: str) -> Identity:
    return Identity(id=IdentityId(NET, name), profile=Profile(name=name.title()))


def came(number: int, body: object, author: str = "bob", *, aliases: Sequence[str] = (), native: str | None = None) -> Came:
    event = Event(
        key=EventKey(NET, f"p{number}"),
        channel=ChannelId(NET, "home@me"),
        author=person(author),
        happened_at=START,
        body=said(body) if isinstance(body, str) else body,  # type: ignore[arg-type]
        aliases=tuple(aliases),
    )
    return Came(event=event, native=f"$e{number}" if native is None else native, delivery=f"d{number}", at=START)


def said(words: str, **more: object) -> Message:
    return Message(text=Text(plain=words), post=PostFacts(permalink=f"https://x.example/{len(words)}"), **more)  # type: ignore[arg-type]


def to(number: int | str) -> Ref:
    return Ref(key=EventKey(NET, f"p{number}"))


def found(*all_: Came, answered: dict[EventKey, IdentityId] | None = None, numbers: dict[str, int] | None = None) -> list[Post]:
    return gathered(all_, mine={ALICE, MY_ACCOUNT}, answered=answered or {}, numbers=numbers or {})


def test_boosts_and_reactions_count_for_the_post_they_are_about() -> None:
    posts = found(
        came(1, "hello", aliases=("host:1",)),
        came(2, Boost(target=to(1), original=said("hello")), "carol"),
        came(3, Boost(target=Ref(key=EventKey(NET, "host:1"))), "dave"),
        came(4, Reactions(target=to(1), keys=("⭐",)), "carol"),
        came(5, Reactions(target=Ref(key=EventKey(HUB, "$e1")), keys=("⭐", "👍")), "dave"),
        came(6, Reactions(target=to(1), keys=()), "carol"),
    )
    assert [(post.words, post.boosts, post.reactions) for post in posts] == [("hello", 2, 2)]


def test_a_post_that_came_by_a_boost_is_its_authors() -> None:
    target = Ref(key=EventKey(NET, "far"), author=person("erin"))
    (post,) = found(came(1, Boost(target=target, original=said("from far away")), "carol"))
    assert (post.author.name, post.words, post.boosts) == ("Erin", "from far away", 1)


def test_a_quote_is_a_post_of_whoever_quotes() -> None:
    (post,) = found(came(1, Boost(target=to("far"), original=said("x"), comment=Text(plain="how true")), "carol"))
    assert (post.author.name, post.words) == ("Carol", "how true")


def test_ones_own_is_not_missed_and_what_names_or_answers_one_is_known() -> None:
    mention = said("@alice hi", mentions=(Mention(who=Identity(id=MY_ACCOUNT), text="@alice"),))
    posts = found(
        came(1, "mine", "alice"),
        came(2, mention),
        came(3, said("an answer", reply_to=to(1))),
        came(4, said("an answer to another", reply_to=to(2))),
        answered={EventKey(NET, "p1"): MY_ACCOUNT, EventKey(NET, "p2"): IdentityId(NET, "bob")},
    )
    assert [(post.words, post.to_me) for post in posts] == [
        ("@alice hi", True),
        ("an answer", True),
        ("an answer to another", False),
    ]


def test_a_warning_hides_the_words_here_too() -> None:
    assert found(came(1, said("the butler", warning="film")))[0].words == "⚠ film"


def test_person_by_person_who_answered_me_comes_first_and_then_who_wrote_most() -> None:
    posts = [post("a", 1), post("b", 2), post("b", 3), post("c", 4, to_me=True), post("a", 5), post("b", 6)]
    assert [one.author.id.id for one in by_authors(posts)] == ["c", "b", "b", "b", "a", "a"]


def post(author: str, number: int, *, length: int = 10, **more: object) -> Post:
    key = EventKey(NET, f"p{number}")
    made = {"native": f"$e{number}"} | more
    return Post(key=key, author=person(author), words=f"words {number}", length=length, at=START, **made)  # type: ignore[arg-type]


class Desk:
    """What the word needs, with what it asks for kept."""

    def __init__(self, *posts: Post) -> None:
        self.all = list(posts)
        self.left: Sequence[Post] = ()
        self.read = START - timedelta(hours=3)
        self.since = START

    async def room(self, asker: Asker, room: str | None, *, change: bool) -> Portal:
        return ROOM

    def kept(self, *_: object) -> Sequence[Post]:
        return self.left

    def keep(self, user: str, portal: Portal, posts: Sequence[Post]) -> None:
        self.left = posts

    def now(self) -> object:
        return START

    async def read_until(self, user: str, portal: Portal) -> object:
        return self.read

    async def posts(self, user: str, portal: Portal, since: object) -> Sequence[Post]:
        self.since = since  # type: ignore[assignment]
        return self.all

    def link(self, portal: Portal, native: str) -> str:
        return f"to:{native}"

    async def say(self, *how: str) -> Answer:
        (word,) = catchup_words(self, self, "!")  # type: ignore[arg-type]
        return await word.run(Asker(user="@alice:hs", permission=Permission.USER, room=ROOM.room), {"how": how})


async def test_the_weightiest_come_first_page_by_page_and_each_once() -> None:
    desk = Desk(*(post("bob", number, boosts=number % 7, length=number) for number in range(40)), post("carol", 99, to_me=True))
    first = await desk.say()
    assert first.text.splitlines()[0].startswith("41 posts by 2 authors since you last read here")
    assert "1 of them to you" in first.text and "26 posts more: !catch-up more" in first.text
    assert first.rows[0] == ("Carol", "→ you: words 99", "", "to:$e99", "")
    pages = [first, await desk.say("more"), await desk.say("more")]
    seen = [row[3] for page in pages for row in page.rows]
    assert len(seen) == len(set(seen)) == 41 and [len(page.rows) for page in pages] == [PAGE, PAGE, 11]
    with pytest.raises(Refused, match="no more"):
        await desk.say("more")


@pytest.mark.parametrize(
    ("how", "since"),
    [
        ((), START - timedelta(hours=3)),
        (("since", "8h"), START - timedelta(hours=8)),
        (("by", "author", "since", "2", "days"), START - timedelta(days=2)),
        (("since", "30m", "by", "weight"), START - timedelta(minutes=30)),
    ],
)
async def test_how_far_back_is_what_was_read_or_what_is_asked_for(how: tuple[str, ...], since: object) -> None:
    desk = Desk(post("bob", 1))
    await desk.say(*how)
    assert desk.since == since


async def test_where_nobody_knows_what_was_read_it_is_a_day() -> None:
    desk = Desk()
    desk.read = None  # type: ignore[assignment]
    assert (await desk.say()).text.startswith("Nothing came since 20")
    assert desk.since == START - timedelta(hours=24)


async def test_what_a_digest_lists_is_shown_by_its_number() -> None:
    (row,) = (await Desk(replace(post("bob", 1, native=""), number=7)).say()).rows
    assert row[3] == "!show 7"


@pytest.mark.parametrize("how", [("by",), ("since",), ("by", "weather"), ("since", "yesterday"), ("now",), ("more", "more")])
async def test_what_is_not_understood_is_refused(how: tuple[str, ...]) -> None:
    with pytest.raises(Refused):
        await Desk().say(*how)


@given(st.lists(st.tuples(st.booleans(), st.integers(0, 9), st.integers(0, 9)), max_size=60))
def test_nothing_is_lost_by_sorting(weights: list[tuple[bool, int, int]]) -> None:
    posts = [
        post("ab"[boosts % 2], number, to_me=to_me, boosts=boosts, length=length)
        for number, (to_me, boosts, length) in enumerate(weights)
    ]
    assert sorted(one.key for one in by_authors(posts)) == sorted(one.key for one in posts)
