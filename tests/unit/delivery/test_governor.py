"""A burst floods no room: what is too much comes as one digest, is lost by no crash, and can be had one by one."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.contract.delivery import Delivery, Target
from bridge.contract.errors import Unavailable
from bridge.contract.features import Voice, VoiceKind
from bridge.contract.plan import Draft
from bridge.delivery.desk import Calm, Pace
from bridge.delivery.digest import MOST_BYTES, Digest, Record, composed, line_of, size_of
from bridge.delivery.governor import GATHER, SCOPE, record_of
from bridge.ledger.digested import DIGESTED
from bridge.model.events import Attachment, Body, Edit, Mention, Message, PostFacts, Redaction, Ref, Text
from bridge.model.ids import HUB, EventKey, IdentityId
from bridge.model.people import Identity, Profile
from tests.doubles.clock import START
from tests.unit.delivery.stage import ALICE, NET, ROOM, FakeOutlet, Stage, turns

CAROL = Identity(id=IdentityId(NET, "carol"), profile=Profile(name="Carol"))
MINE = Identity(id=IdentityId(NET, "alice"))
BURST = 3
PACE = Pace(BURST, 5)


def post(number: int, words: str = "", *, part: int = 0, parts: int = 1, author: Identity = CAROL, **more: object) -> Draft:
    message = Message(
        text=Text(plain=words or f"post {number}"),
        post=PostFacts(permalink=f"https://x.example/{number}"),
        **more,  # type: ignore[arg-type]
    )
    return of(number, message, part=part, parts=parts, author=author)


def of(number: int, body: Body, *, author: Identity = CAROL, target: int | None = None, **more: object) -> Draft:
    part = more.get("part", 0)
    delivery = Delivery(
        id=f"{number:030}{part:02}",
        channel=ROOM,
        event=EventKey(NET, f"p{number}"),
        author=author,
        voice=Voice(kind=VoiceKind.PUPPET, name=author.name),
        body=body,
        happened_at=START,
        accepted_at=START,
        target=None if target is None else Target(event=EventKey(NET, f"p{target}")),
        **more,  # type: ignore[arg-type]
    )
    return Draft(delivery=delivery)


class Calmed(Stage):
    def __init__(self, pace: Pace | None = PACE) -> None:
        super().__init__()
        self.pace = pace
        self.restart()
        self.outlet = FakeOutlet()

    def restart(self) -> None:
        self.courier = self.new_courier(calm=Calm(pace=lambda channel: self.pace, own=MINE.id.__eq__))

    @property
    def digests(self) -> list[str]:
        """What the digests say, edits of them as they come."""
        bodies = [one.body for one in self.outlet.got if one.author.id.network == HUB]
        messages = [body.message if isinstance(body, Edit) else body for body in bodies]
        return [one.text.plain for one in messages if isinstance(one, Message)]

    @property
    def posts(self) -> list[str]:
        return [one.body.text.plain for one in self.outlet.got if isinstance(one.body, Message) and one.author.id.network == NET]


async def test_what_is_too_much_comes_as_one_digest_that_lists_it_all() -> None:
    stage = Calmed()
    async with stage.running(stage.outlet, network=HUB):
        await stage.send(*map(post, range(1, 11)))
        assert stage.posts == ["post 1", "post 2", "post 3"]
        assert stage.digests == []
        await stage.clock.advance(GATHER)
        await turns()
    (digest,) = stage.digests
    assert digest.splitlines()[0] == "7 more posts came at once. “!show NUMBER” brings one here, “!show all” all of them."
    assert digest.splitlines()[1:] == [
        f"{number - 3}. Carol: post {number} https://x.example/{number}" for number in range(4, 11)
    ]
    assert {stage.ledger.entries[f"{number:030}00"].reason for number in range(4, 11)} == {DIGESTED}


async def test_what_comes_later_in_a_burst_is_added_to_the_digest_that_is_there() -> None:
    stage = Calmed()
    async with stage.running(stage.outlet, network=HUB):
        await stage.send(*map(post, range(1, 6)))
        await stage.clock.advance(GATHER)
        await turns()
        await stage.send(post(6), post(7))
        await stage.clock.advance(GATHER)
        await turns()
        first, second = stage.outlet.got[-2:]
    assert second.target is not None and second.target.event == first.event and second.target.ids
    assert [len(digest.splitlines()) for digest in stage.digests] == [3, 5]


async def test_after_the_burst_posts_come_one_by_one_again_and_the_next_burst_has_a_digest_of_its_own() -> None:
    stage = Calmed()
    async with stage.running(stage.outlet, network=HUB):
        await stage.send(*map(post, range(1, 5)))
        await stage.clock.advance(GATHER)
        await stage.clock.advance(300)
        await stage.send(*map(post, range(5, 9)))
        await stage.clock.advance(GATHER)
        await turns()
    assert stage.posts == ["post 1", "post 2", "post 3", "post 5", "post 6", "post 7"]
    assert [digest.splitlines()[1].split(" https")[0] for digest in stage.digests] == ["1. Carol: post 4", "2. Carol: post 8"]


@pytest.mark.parametrize(
    "personal",
    [
        post(9, "hey Alice", mentions=(Mention(who=ALICE, text="Alice"),)),
        post(9, "my own, written elsewhere", author=MINE),
    ],
)
async def test_what_speaks_to_somebody_here_is_never_digested_and_hardly_waits(personal: Draft) -> None:
    stage = Calmed()
    async with stage.running(stage.outlet, network=HUB):
        await stage.send(*map(post, range(1, 6)))
        await stage.send(personal, post(10))
        await turns()
        assert stage.posts[-1] == personal.delivery.body.text.plain  # type: ignore[union-attr]


@pytest.mark.parametrize("answered", [ALICE, MINE])
async def test_answers_to_somebody_here_are_never_digested(answered: Identity) -> None:
    stage = Calmed()
    answer = of(9, Message(text=Text(plain="indeed")), reply_to=Target(event=EventKey(HUB, "$mine"), author=answered))
    async with stage.running(stage.outlet, network=HUB):
        await stage.send(*map(post, range(1, 6)), answer)
        await turns()
        assert stage.posts[-1] == "indeed"


async def test_a_room_without_a_pace_shows_everything() -> None:
    stage = Calmed(pace=None)
    async with stage.running(stage.outlet, network=HUB):
        await stage.send(*map(post, range(1, 41)))
        await turns(200)
    assert len(stage.posts) == 40 and not stage.digests


async def test_a_restart_in_the_middle_loses_nothing_and_brings_nothing_twice() -> None:
    stage = Calmed()
    async with stage.running(stage.outlet, network=HUB):
        await stage.send(*map(post, range(1, 6)))
        await stage.clock.advance(GATHER)
        await turns()
        await stage.send(*map(post, range(6, 12)))
    stage.restart()
    async with stage.running(stage.outlet, network=HUB):
        await turns(200)
        await stage.clock.advance(GATHER)
        await turns(200)
    shown = {int(words.split()[1]) for words in stage.posts}
    listed = {int(line.split("/")[-1]) for digest in stage.digests for line in digest.splitlines()[1:]}
    assert shown | listed == set(range(1, 12)) and not shown & listed
    numbers = record_of(stage.ledger.facts[SCOPE, ROOM.id]).numbered()
    assert sorted(numbers.values()) == [f"{number:030}00" for number in sorted(listed)]


async def test_a_digest_that_cannot_be_sent_now_keeps_its_place() -> None:
    stage = Calmed()
    async with stage.running(stage.outlet, network=HUB):
        await stage.send(*map(post, range(1, 5)))
        stage.outlet.script[f"{0xA0000:032x}"] = [Unavailable("away")]
        await stage.clock.advance(GATHER)
        await turns()
        assert not stage.digests
        await stage.clock.advance(60)
        await turns()
        assert len(stage.digests) == 1


async def test_several_messages_of_one_post_are_shown_or_digested_together() -> None:
    stage = Calmed(Pace(1, 5))
    both = [post(number, part=part, parts=2) for number in (1, 2) for part in (0, 1)]
    async with stage.running(stage.outlet, network=HUB):
        await stage.send(*both)
        await stage.clock.advance(GATHER)
        await turns()
    assert stage.posts == ["post 1", "post 1"]
    assert [len(digest.splitlines()) for digest in stage.digests] == [2]
    assert stage.state("2".zfill(30) + "01") == "done"


async def test_what_was_digested_and_taken_back_is_gone_from_the_digest_too() -> None:
    stage = Calmed()
    async with stage.running(stage.outlet, network=HUB):
        await stage.send(*map(post, range(1, 7)))
        await stage.clock.advance(GATHER)
        await turns()
        await stage.send(of(20, Redaction(target=Ref(key=EventKey(NET, "p5"))), target=5))
        await turns()
    assert "post 5" in stage.digests[0] and "post 5" not in stage.digests[1]
    assert "3. Carol: post 6" in stage.digests[1]
    assert sorted(record_of(stage.ledger.facts[SCOPE, ROOM.id]).numbered()) == [1, 3]


async def test_what_was_digested_and_changed_is_listed_and_kept_as_it_is_now() -> None:
    stage = Calmed()
    better = Message(text=Text(plain="better words"))
    async with stage.running(stage.outlet, network=HUB):
        await stage.send(*map(post, range(1, 6)))
        await stage.clock.advance(GATHER)
        await turns()
        await stage.send(of(20, Edit(target=Ref(key=EventKey(NET, "p4")), message=better), target=4))
        await turns()
    assert stage.digests[-1].splitlines()[1] == "1. Carol: better words"
    assert stage.ledger.entries["4".zfill(30) + "00"].delivery.body == better


async def test_what_is_asked_for_comes_however_much_there_is() -> None:
    stage = Calmed()
    async with stage.running(stage.outlet, network=HUB) as courier:
        await stage.send(*map(post, range(1, 4)))
        drafts = [*map(post, range(4, 60))]
        courier.offer(stage.ledger.put(*drafts), asked=True)
        await turns(400)
        assert len(stage.posts) == 59 and not stage.digests


async def test_a_long_digest_goes_on_in_another_one() -> None:
    stage = Calmed()
    async with stage.running(stage.outlet, network=HUB):
        await stage.send(*(post(number, "words " * 40) for number in range(1, 241)))
        await turns(1_500)
        await stage.clock.advance(GATHER)
        await turns(1_500)
    listed = [line for digest in stage.digests for line in digest.splitlines()[1:]]
    assert len(stage.digests) > 1 and len(listed) == 237
    assert all(len(one.encode()) < MOST_BYTES for one in stage.digests)


# what a digest says

HOSTILE = st.text(max_size=200) | st.sampled_from(["<b>x</b>", "a\nb", "\u202edraw", "'\"><img src=x>", "\x00"])


@given(HOSTILE, HOSTILE, HOSTILE, HOSTILE)
def test_no_name_words_or_link_break_out_of_their_line(name: str, words: str, title: str, link: str) -> None:
    message = Message(text=Text(plain=words), post=PostFacts(title=title, permalink=f"https://{link}"))
    author = Identity(id=IdentityId(NET, "x"), profile=Profile(name=name))
    line = line_of(1, of(1, message, author=author).delivery)
    assert "\n" not in line.plain
    bare = line.html.replace("<b>", "").replace("</b>", "").replace("</a>", "")
    head, _, rest = bare.partition('<a href="')
    assert "<" not in head + rest.partition('">')[2] and '"' not in rest.partition('">')[0]


def test_a_post_with_a_warning_shows_nothing_but_that() -> None:
    message = Message(text=Text(plain="the spoiler"), warning="film", post=PostFacts(title="the spoiler"))
    assert line_of(1, of(1, message).delivery).plain == "1. Carol: ⚠ film"


def test_a_post_of_pictures_alone_says_what_is_on_them() -> None:
    message = Message(text=Text(plain=""), attachments=(Attachment(source="https://x/a", name="a.png", alt="a cat"),))
    assert line_of(1, of(1, message).delivery).plain == "1. Carol: a cat"


@pytest.mark.parametrize("link", ["javascript:alert(1)", "https://x/ y", "https://x/" + "y" * 600, "//x"])
def test_what_is_no_web_address_is_no_link(link: str) -> None:
    message = Message(text=Text(plain="words"), post=PostFacts(permalink=link))
    assert line_of(1, of(1, message).delivery).html == "1. <b>Carol</b>: words"


@given(st.lists(st.integers(1, 400), max_size=12))
def test_numbers_go_on_and_name_one_post_each(sizes: list[int]) -> None:
    record = Record()
    for number, size in enumerate(sizes):
        ids = tuple(f"{number}-{place}" for place in range(size))
        record = record.with_last(Digest(id=str(number), first=record.next, ids=ids))
    numbered = record.numbered()
    assert len(set(numbered.values())) == len(numbered) <= 1_400
    assert record.next == 1 + sum(sizes) and max(numbered, default=0) == record.next - 1


def test_what_cannot_be_read_is_an_empty_record() -> None:
    for stored in (None, "", "[]", '{"digests": 5}', "\ud800"):
        assert record_of(stored) == Record()


def test_one_post_is_said_to_be_one() -> None:
    line = line_of(7, post(1).delivery)
    assert composed([line], "§").text.plain.startswith("One more post came at once. “§show NUMBER”")
    assert size_of([line]) > len(line.plain)


async def test_nothing_is_counted_in_a_room_without_a_limit() -> None:
    """A chat talks for months: it would be remembered line by line."""
    stage = Calmed(pace=None)
    async with stage.running(stage.outlet, network=HUB):
        await stage.send(*map(post, range(1, 2 * BURST)))
        stage.pace = PACE
        await stage.send(post(2 * BURST))
        assert stage.posts == [f"post {number}" for number in range(1, 2 * BURST + 1)]
