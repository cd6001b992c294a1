"""Documents read one after the other: every entry comes once, and only what changed comes again."""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.common.activity import Verb
from adapters.feeds.inbound import events
from adapters.feeds.known import EDITS_CAP, SPARE, Known
from adapters.feeds.parse.entries import ParsedAuthor, ParsedEntry, ParsedFeed
from adapters.feeds.parse.marking import marked
from bridge.model.events import Boost, Edit, Event, Message, Origin, Reactions, Redaction, Style, Text
from bridge.model.ids import ChannelId, NetworkName

NET = NetworkName("blog")
URL = "https://blog.example/feed"
NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
DAY = timedelta(days=1)


class Reader:
    """One feed over time. What is known goes through its stored form each time, as it does over a restart."""

    def __init__(self, url: str = URL, channel: str = "") -> None:
        self.url, self.channel = url, ChannelId(NET, channel or url)
        self.stored = msgspec.json.encode(Known())
        self.now = NOW

    def read(self, *entries: ParsedEntry, first: bool = False, activities: bool = False, **facts: object) -> tuple[Event, ...]:
        feed = ParsedFeed(url=self.url, title="Blog", entries=tuple(marked(one) for one in entries))
        feed = msgspec.structs.replace(feed, **facts)
        found, known = events(NET, self.channel, feed, self.known, self.now, first=first, activities=activities)
        self.stored = msgspec.json.encode(known)
        return found

    @property
    def known(self) -> Known:
        return msgspec.json.decode(self.stored, type=Known)

    def later(self, **by: float) -> "Reader":
        self.now += timedelta(**by)
        return self


@pytest.fixture
def reader() -> Reader:
    """Of a feed that was empty when it was first read, a month ago."""
    reader = Reader()
    reader.now = NOW - 30 * DAY
    reader.read(first=True)
    reader.now = NOW
    return reader


def post(id: str | int, plain: str = "", link: str | None = None, title: str | None = None, **facts: object) -> ParsedEntry:
    ids = (str(id),) if link is None else (str(id), link)
    entry = ParsedEntry(ids=ids, text=Text(plain=plain or f"post {id}"), link=link, title=title)
    return msgspec.structs.replace(entry, **facts)


def at(hours_ago: float) -> datetime:
    return NOW - timedelta(hours=hours_ago)


def words(found: Iterable[Event]) -> list[str]:
    said = []
    for event in found:
        body = event.body.message if isinstance(event.body, Edit) else event.body
        assert isinstance(body, Message)
        said.append(body.text.plain)
    return said


# what is new


def test_of_a_feed_read_for_the_first_time_only_the_newest_three_come_and_as_history() -> None:
    reader = Reader()
    found = reader.read(*(post(number, published=at(number)) for number in range(10)), first=True)
    assert words(found) == ["post 2", "post 1", "post 0"]
    assert {event.origin for event in found} == {Origin.HISTORY}
    assert reader.read(*(post(number, published=at(number)) for number in range(10))) == ()
    assert words(reader.read(post(10))) == ["post 10"]


def test_a_cursor_that_was_lost_brings_no_flood() -> None:
    assert len(Reader().read(*(post(number) for number in range(10)), first=False)) == 3


def test_every_new_entry_comes_once_oldest_first(reader: Reader) -> None:
    assert words(reader.read(post(1, published=at(2)), post(2, published=at(3)))) == ["post 2", "post 1"]
    found = reader.read(post(3, published=at(1)), post(1, published=at(2)), post(2, published=at(3)))
    assert words(found) == ["post 3"]
    assert found[0].origin is Origin.LIVE
    assert reader.later(days=3).read(post(3), post(1), post(2)) == ()


def test_entries_without_dates_come_in_the_order_of_a_document_that_begins_with_the_newest(reader: Reader) -> None:
    assert words(reader.read(post(3), post(2), post(1))) == ["post 1", "post 2", "post 3"]


def test_equal_dates_follow_a_document_that_begins_with_the_oldest(reader: Reader) -> None:
    found = reader.read(post(1, published=at(3)), post(2, published=at(2)), post(3, published=at(2)), post(4, published=at(1)))
    assert words(found) == ["post 1", "post 2", "post 3", "post 4"]


def test_an_entry_that_left_the_feed_and_comes_back_is_known(reader: Reader) -> None:
    reader.read(post(1), post(2))
    reader.read(post(3))
    assert reader.read(post(1), post(2), post(3)) == ()


def test_a_push_of_one_entry_forgets_nothing(reader: Reader) -> None:
    many = [post(number) for number in range(200)]
    reader.read(*many)
    for number in range(200, 400):
        assert words(reader.read(post(number))) == [f"post {number}"]
    assert reader.read(*many) == ()


def test_what_is_remembered_is_bounded(reader: Reader) -> None:
    for number in range(600):
        reader.read(post(number), post(number + 1))
    assert len(reader.known.seen) <= 2 * 2 + SPARE


def test_a_feed_that_suddenly_shows_its_archive_brings_no_flood(reader: Reader) -> None:
    reader.read(post("new", published=at(1)))
    archive = [post(f"old{number}", published=NOW - 300 * DAY - number * DAY) for number in range(50)]
    found = reader.read(post("new", published=at(1)), *archive)
    assert words(found) == ["post old2", "post old1", "post old0"]
    assert {event.origin for event in found} == {Origin.HISTORY}


def test_the_same_id_twice_in_one_document_is_the_first_of_the_two_each_time(reader: Reader) -> None:
    assert words(reader.read(post(1, "one"), post(1, "two"))) == ["one"]
    assert reader.later(hours=1).read(post(1, "one"), post(1, "two")) == ()
    assert reader.later(hours=1).read(post(1, "one"), post(1, "three")) == ()


def test_two_ids_for_one_post_in_one_document_are_one_post(reader: Reader) -> None:
    copies = [post(number, "same", link="https://blog.example/a", title="A") for number in (1, 2)]
    assert len(reader.read(*copies)) == 1
    for _ in range(3):
        copies.reverse()
        assert reader.later(hours=1).read(*copies) == ()


# ids that change


def test_a_new_id_for_the_same_link_and_title_is_no_new_post(reader: Reader) -> None:
    reader.read(post("a", "words", link="https://blog.example/1", title="One"))
    moved = post("b", "words", link="https://blog.example/1", title="One")
    assert reader.read(moved) == ()
    (edit,) = reader.later(hours=1).read(post("b", "other words", link="https://blog.example/1", title="One"))
    assert isinstance(edit.body, Edit)
    assert edit.body.target.key.id == f"{URL}#a"


def test_a_feed_that_moves_with_all_its_ids_and_links_is_known_by_its_titles(reader: Reader) -> None:
    reader.read(*(post(f"http://blog.example/{n}", link=f"http://blog.example/{n}", title=f"Title {n}") for n in range(10)))
    moved = [post(f"https://blog.example/new/{n}", link=f"https://blog.example/new/{n}", title=f"Title {n}") for n in range(10)]
    assert words(reader.read(post("fresh", title="Fresh"), *moved)) == ["post fresh"]
    assert reader.read(post("fresh", title="Fresh"), *moved) == ()


def test_a_title_that_comes_again_is_a_new_post(reader: Reader) -> None:
    reader.read(post(1, link="https://blog.example/1", title="Open thread"))
    found = reader.read(post(2, link="https://blog.example/2", title="Open thread"))
    assert words(found) == ["post 2"]


def test_posts_that_all_link_to_the_front_page_are_not_taken_for_one(reader: Reader) -> None:
    page = "https://blog.example/"
    reader.read(post(1, "one", link=page))
    assert words(reader.read(post(2, "two", link=page), post(1, "one", link=page))) == ["two"]
    assert words(reader.read(post(3, "three", link=page))) == ["three"]


# edits


def test_a_change_is_an_edit_of_the_post_with_its_whole_text(reader: Reader) -> None:
    (first,) = reader.read(post(1, "five", published=at(1)))
    (edit,) = reader.later(minutes=5).read(post(1, "seven", published=at(1), updated=at(0)))
    assert isinstance(edit.body, Edit)
    assert edit.body.target.key == first.key
    assert edit.body.message.text.plain == "seven"
    assert edit.body.revision == 1
    assert edit.author == first.author
    assert edit.happened_at == at(0)
    assert edit.key not in (first.key, edit.body.target.key)


@pytest.mark.parametrize("changed", [post(1, " some\n words "), post(1, "some words", updated=NOW)])
def test_white_space_and_a_touched_date_are_no_change(reader: Reader, changed: ParsedEntry) -> None:
    reader.read(post(1, "some words"))
    assert reader.later(hours=1).read(changed) == ()


def test_going_back_and_forth_is_told_each_time_but_ever_more_rarely(reader: Reader) -> None:
    reader.read(post(1, "a"))
    told = []
    for minute in range(0, 600, 5):
        reader.now = NOW + timedelta(minutes=5 + minute)
        told += [(minute, event.key.id) for event in reader.read(post(1, "ba"[minute // 5 % 2]))]
    assert len({key for _, key in told}) == len(told)
    minutes = [minute for minute, _ in told]
    assert minutes[0] == 0
    gaps = [later - earlier for earlier, later in pairwise(minutes)]
    assert len(told) <= 8
    assert gaps == sorted(gaps)


def test_a_change_that_was_held_back_is_owed_and_paid(reader: Reader) -> None:
    reader.read(post(1, "a"))
    assert words(reader.later(minutes=5).read(post(1, "b"))) == ["b"]
    assert reader.later(minutes=1).read(post(1, "c")) == ()
    assert reader.known.pending
    assert words(reader.later(minutes=10).read(post(1, "c"))) == ["c"]
    assert not reader.known.pending


def test_a_text_that_is_never_the_same_is_given_up(reader: Reader) -> None:
    reader.read(post(1, "0"))
    reader.now = NOW
    found = [event for hour in range(13 * 24) for event in reader.later(hours=1).read(post(1, f"visitor {hour}"))]
    assert 5 < len(found) <= EDITS_CAP


def test_old_posts_are_rewritten_in_silence(reader: Reader) -> None:
    reader.read(post(1, "a"))
    assert reader.later(days=20).read(post(1, "b")) == ()


def test_a_feed_in_new_clothes_edits_nothing(reader: Reader) -> None:
    reader.read(*(post(number, f"text {number}") for number in range(10)))
    dressed = [post(number, f"text {number} - subscribe now!") for number in range(10)]
    assert reader.later(hours=1).read(*dressed) == ()
    assert words(reader.later(hours=1).read(post(0, "really changed"), *dressed[1:])) == ["really changed"]


def test_what_was_never_shown_is_never_edited() -> None:
    reader = Reader()
    reader.read(*(post(number, published=at(number)) for number in range(10)), first=True)
    changed = [post(number, published=at(number)) for number in range(9)]
    assert reader.later(hours=1).read(*changed, post(9, "changed", published=at(9))) == ()


def test_an_edit_stays_its_authors_though_the_byline_changes(reader: Reader) -> None:
    (first,) = reader.read(post(1, "a", author=ParsedAuthor(name="Ann")))
    (edit,) = reader.later(hours=1).read(post(1, "b", author=ParsedAuthor(name="ANN and friends")))
    assert edit.author.id == first.author.id


# deletions


def gone(id: str, **facts: object) -> ParsedEntry:
    return msgspec.structs.replace(ParsedEntry(ids=(id,), verb=Verb.DELETE, object=ParsedEntry(ids=(id,))), **facts)


def test_a_post_that_leaves_the_feed_is_not_deleted(reader: Reader) -> None:
    reader.read(post(1), post(2))
    assert reader.read(post(2)) == ()


def test_a_tombstone_takes_back_what_this_feed_brought_in_its_authors_name(reader: Reader) -> None:
    (first,) = reader.read(post(1, author=ParsedAuthor(name="Ann")))
    (deletion,) = reader.read(gone("1"))
    assert isinstance(deletion.body, Redaction)
    assert deletion.body.target.key == first.key
    assert deletion.author.id == first.author.id
    assert reader.read(gone("1")) == ()


def test_a_tombstone_for_a_moved_post_finds_it(reader: Reader) -> None:
    (first,) = reader.read(post("a", link="https://blog.example/1", title="One"))
    reader.read(post("b", link="https://blog.example/1", title="One"))
    (deletion,) = reader.read(gone("b"))
    assert isinstance(deletion.body, Redaction)
    assert deletion.body.target.key == first.key


@pytest.mark.parametrize("id", ["tag:victim.example,2026:1", "https://victim.example/1", "never-was"])
def test_a_feed_deletes_nothing_of_others(reader: Reader, id: str) -> None:
    assert reader.read(gone(id)) == ()


def test_the_deletions_of_a_feed_read_for_the_first_time_are_past() -> None:
    assert Reader().read(gone("https://blog.example/1"), post(2), first=True)[0].key.id == f"{URL}#2"


# social entries

GS = "http://gs2.test/api/statuses/user_timeline/1.atom"
BOB = ParsedAuthor(name="Bob B", nick="Bob", uri="http://gs2.test/user/1", page="http://gs2.test/bob")
ALICE = ParsedAuthor(name="Alice", nick="alice", uri="http://gs1.test/user/1")


def note(number: int, host: str = "gs2.test", **facts: object) -> ParsedEntry:
    entry = post(f"tag:{host},2026:{number}", link=f"http://{host}/notice/{number}", kind="note", author=BOB)
    return msgspec.structs.replace(entry, **facts)


@pytest.fixture
def social() -> Reader:
    reader = Reader(GS)
    reader.now = NOW - 30 * DAY
    reader.read(first=True)
    reader.now = NOW
    return reader


def test_a_share_brings_the_original_and_all_its_names(social: Reader) -> None:
    original = note(7, "gs1.test", author=ALICE)
    (event,) = social.read(note(1, verb=Verb.SHARE, object=original))
    assert isinstance(event.body, Boost)
    assert event.author.id.id == "bob@gs2.test"
    assert event.body.target.key.id == "tag:gs1.test,2026:7"
    assert event.body.original is not None
    assert event.body.original.post is not None
    assert event.body.original.post.uri == "tag:gs1.test,2026:7"
    assert event.aliases == ("tag:gs1.test,2026:7",)


def test_nobody_speaks_as_another_servers_person(social: Reader) -> None:
    original = note(7, "gs1.test", author=ALICE)
    found = social.read(note(1, verb=Verb.SHARE, object=original), note(2, author=ALICE))
    assert [event.author.id.id for event in found] == [f"{GS}#alice@gs1.test", "bob@gs2.test"]
    boost = found[1].body
    assert isinstance(boost, Boost)
    assert boost.target.author is not None
    assert boost.target.author.id.id == f"{GS}#alice@gs1.test"


def test_a_share_of_a_post_of_the_same_feed_points_at_it(social: Reader) -> None:
    (first,) = social.read(note(1))
    (event,) = social.read(note(2, verb=Verb.SHARE, object=note(1)))
    assert isinstance(event.body, Boost)
    assert event.body.target.key == first.key


def test_a_favourite_is_a_star_and_taking_it_back_is_none(social: Reader) -> None:
    liked = [
        note(number, verb=verb, kind="", object=note(7, "gs1.test"), published=at(3 - number))
        for number, verb in enumerate((Verb.FAVORITE, Verb.UNFAVORITE))
    ]
    bodies = [event.body for event in social.read(*liked)]
    assert [body.keys for body in bodies if isinstance(body, Reactions)] == [("⭐",), ()]
    assert {body.target.key.id for body in bodies if isinstance(body, Reactions)} == {"tag:gs1.test,2026:7"}


def test_taking_a_favourite_back_a_second_time_is_heard_though_it_bears_the_same_id(social: Reader) -> None:
    def back(hours: float) -> ParsedEntry:
        return note(1, verb=Verb.UNFAVORITE, kind="", object=note(7), published=at(hours))

    first, second = social.read(back(2)), social.read(back(1))
    assert len(first) == len(second) == 1
    assert first[0].key != second[0].key


def test_a_deletion_that_bears_the_posts_own_id_is_not_taken_for_the_post(social: Reader) -> None:
    (first,) = social.read(note(1))
    (deletion,) = social.read(note(1, verb=Verb.DELETE, kind="", object=ParsedEntry(ids=note(1).ids[:1])))
    assert isinstance(deletion.body, Redaction)
    assert deletion.body.target.key == first.key
    assert deletion.author.id == first.author.id


def test_who_follows_whom_is_told_only_where_it_is_asked_for(social: Reader) -> None:
    follow = note(1, verb=Verb.FOLLOW, kind="", object=ParsedEntry(ids=("http://gs1.test/user/1",)))
    assert social.read(follow) == ()
    (event,) = social.read(note(2, verb=Verb.JOIN, kind=""), activities=True)
    assert isinstance(event.body, Message)
    assert event.body.style is Style.NOTICE


def test_an_unknown_verb_is_no_post(social: Reader) -> None:
    assert social.read(note(1, verb=Verb.OTHER, kind="")) == ()


def test_a_reply_points_at_what_the_feed_itself_brought_under_its_own_name(reader: Reader) -> None:
    (first,) = reader.read(post("1"))
    (reply,) = reader.read(post("2", reply_to="1"))
    (both, answer) = reader.read(post("3", published=at(2)), post("4", reply_to="3", published=at(1)))
    for event, target in ((reply, first), (answer, both)):
        assert isinstance(event.body, Message)
        assert event.body.reply_to is not None
        assert event.body.reply_to.key == target.key


def test_a_person_followed_by_name_is_the_channel(social: Reader) -> None:
    reader = Reader(GS, "bob@gs2.test")
    (event,) = reader.read(note(1), first=True, author=BOB)
    assert event.author.id.id == "bob@gs2.test"
    assert event.author.profile.name == "Bob B"
    assert event.key.id == "tag:gs2.test,2026:1"


# times


@pytest.mark.parametrize(
    ("published", "happened", "claimed"),
    [
        (NOW + DAY, NOW, NOW + DAY),
        (NOW + timedelta(minutes=2), NOW, None),
        (NOW - DAY, NOW - DAY, None),
        (datetime(1970, 1, 1, tzinfo=UTC), NOW, datetime(1970, 1, 1, tzinfo=UTC)),
        (datetime(1, 1, 1, tzinfo=UTC), NOW, datetime(1, 1, 1, tzinfo=UTC)),
        (datetime(9999, 12, 31, tzinfo=UTC), NOW, datetime(9999, 12, 31, tzinfo=UTC)),
        (None, NOW, None),
    ],
)
def test_no_clock_is_believed_that_cannot_be_right(
    reader: Reader, published: datetime | None, happened: datetime, claimed: datetime | None
) -> None:
    (event,) = reader.read(post(1, published=published))
    assert isinstance(event.body, Message)
    assert event.body.post is not None
    assert (event.happened_at, event.body.post.claimed_at) == (happened, claimed)
    assert event.origin is Origin.LIVE


# anything at all

texts = st.text(max_size=12)
times = st.none() | st.datetimes(timezones=st.just(UTC))
authors = st.none() | st.builds(ParsedAuthor, name=st.none() | texts, nick=st.none() | texts, uri=st.none() | texts)
ids = (
    st.sampled_from(["1", "2", "", "tag:blog.example,2026:x", "tag:v.example,2026:x", "https://blog.example/1", "hash:ab"])
    | texts
)
entries = st.recursive(
    st.builds(
        ParsedEntry,
        ids=st.lists(ids, min_size=1, max_size=3).map(tuple),
        verb=st.sampled_from(Verb),
        kind=st.sampled_from(["", "note"]),
        title=st.none() | texts,
        text=st.builds(Text, plain=texts),
        link=st.none() | st.sampled_from(["https://blog.example/1", "https://v.example/"]),
        published=times,
        updated=times,
        author=authors,
        reply_to=st.none() | ids,
    ),
    lambda inner: st.tuples(inner, inner).map(lambda two: msgspec.structs.replace(two[0], object=two[1])),
    max_leaves=3,
)
documents = st.lists(entries, max_size=6)


@given(st.lists(documents, min_size=1, max_size=4), st.booleans())
def test_whatever_feeds_say_no_key_comes_twice_and_nothing_is_from_the_future(read: list[list[ParsedEntry]], first: bool) -> None:
    reader = Reader()
    keys: list[str] = []
    for number, document in enumerate(read):
        found = reader.later(hours=1).read(*document, first=first and not number, activities=True)
        keys += [event.key.id for event in found]
        assert all(event.happened_at <= reader.now for event in found)
        assert all(event.channel == reader.channel for event in found)
        assert reader.later(hours=1).read(*document, activities=True) == () or reader.known.pending
    assert len(keys) == len(set(keys))


@given(documents)
def test_no_entry_is_another_hosts_by_key_or_author(document: list[ParsedEntry]) -> None:
    for event in Reader().read(*document, first=True):
        for id in (event.key.id, event.author.id.id):
            own = id.startswith((URL, "https://blog.example/", "tag:blog.example,")) or id.endswith("@blog.example")
            assert own, id
