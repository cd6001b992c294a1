"""What is written in a timeline room: where it goes, and above all where it does not."""

import pytest

from bridge.contract.delivery import Target
from bridge.contract.features import VoiceKind
from bridge.contract.plan import Planned
from bridge.model.events import Edit, Message, Reactions, Redaction, Style, Text
from bridge.model.ids import HUB, EventKey, IdentityId, NetworkName
from bridge.model.portals import PortalKind
from bridge.routing.accounts import Accounts
from bridge.routing.fit.posts import MOST
from tests.unit.routing.scene import NOW, happened, link, said, timedelta
from tests.unit.routing.timeline import (
    BOB,
    BOBS,
    FEED,
    HOME,
    LINKS,
    OTHER,
    SOCIAL,
    Timeline,
    account,
    login_of,
    ref_to,
    short,
    texts,
    went,
)

CHAT = "plain/#chat"
WITH_CHAT = (*LINKS, link(4, CHAT))


def hinted(planned: Planned) -> str:
    assert planned.hint is not None and not planned.drafts
    return planned.hint.words


# posts


def test_what_answers_nothing_goes_where_the_room_says() -> None:
    room = Timeline(post_to=("rich@me", "rich@work"))
    assert went(room.says("good morning")) == [HOME, OTHER]


def test_only_the_authors_own_accounts_are_posted_with() -> None:
    room = Timeline(post_to=("rich@me", "rich@bob"))
    assert went(room.says("good morning")) == [HOME]
    assert went(room.says("good morning", BOB)) == [BOBS]


def test_who_has_no_account_here_is_told_and_posts_nothing() -> None:
    room = Timeline()
    assert "stays in this room" in hinted(room.says("hello", "matrix/@guest:hs"))
    assert "!to rich@bob" in hinted(room.says("hello", BOB))
    assert Timeline(post_to=()).says("hello").drafts == ()


def test_a_login_that_was_removed_posts_nothing() -> None:
    room = Timeline(accounts=Accounts((), login_of))
    assert room.says("hello").drafts == ()


def test_a_post_carries_its_authors_name_and_no_mark_of_a_bridge() -> None:
    room = Timeline()
    (draft,) = room.says(said("* waves", style=Style.EMOTE)).drafts
    voice = draft.delivery.voice
    assert (voice.kind, voice.name, voice.prefix) == (VoiceKind.PUPPET, "@alice:hs", "")


def test_a_login_channel_that_is_linked_both_ways_gets_nothing_by_that() -> None:
    room = Timeline(link(1, HOME), link(2, OTHER), post_to=("rich@work",))
    assert went(room.says("hello")) == [OTHER]
    assert went(room.says("hello", BOB)) == []


def test_a_notice_is_not_posted() -> None:
    assert Timeline().says(said("3 new builds", style=Style.NOTICE)).dropped == "notice"


def test_a_chat_in_the_same_room_hears_everything_as_ever() -> None:
    room = Timeline(*WITH_CHAT)
    assert went(room.says("good morning")) == [CHAT, HOME]
    assert went(room.says("good morning", BOB)) == [CHAT]
    assert room.says("good morning", BOB).hint is None


def test_what_somebody_says_in_a_linked_chat_is_posted_by_nobody() -> None:
    room = Timeline(link(1, HOME), link(4, CHAT))
    came = room.came(channel=CHAT, author="plain/eve")
    assert all(delivery.channel.network == HUB for delivery in room.memory.written.values() if delivery.event == came.key)


# said in the room only


@pytest.mark.parametrize("text", ["// psst", "//psst", "  // psst", "//\nnothing"])
def test_local_talk_leaves_the_room_nowhere(text: str) -> None:
    room = Timeline(*WITH_CHAT)
    planned = room.says(text)
    assert (planned.drafts, planned.hint, planned.refused, planned.dropped) == ((), None, None, "local")


def test_a_thread_or_answer_to_local_talk_is_local_talk() -> None:
    room = Timeline(*WITH_CHAT)
    first, _ = room.written("// psst")
    second, planned = room.written(said("what?", thread=ref_to(first), follows=ref_to(first)))
    assert planned.dropped == "local"
    third, planned = room.written(said("nothing", reply_to=ref_to(second)), BOB)
    assert planned.dropped == "local"
    assert room.reacts(third, "👍").drafts == ()


def test_an_edit_neither_posts_local_talk_nor_hides_a_post() -> None:
    room = Timeline()
    local, _ = room.written("// psst")
    planned = room.edits(local, "aloud")
    assert planned.refused and not planned.drafts
    assert room.edits(local, "// pssst").dropped == "local"
    posted, _ = room.written("aloud")
    room.memory.leave()
    planned = room.edits(posted, "// psst")
    assert planned.refused and not planned.drafts


def test_another_mark_or_none_for_local_talk() -> None:
    assert Timeline(local="##").says("## psst").drafts == ()
    assert went(Timeline(local="##").says("// aloud")) == [HOME]
    assert went(Timeline(local="").says("aloud")) == [HOME]


# accounts chosen for one message


@pytest.mark.parametrize("said_", ["!to work hi", "!to rich@work hi", "!TO Work hi", "!to work\nhi", "!to work   hi"])
def test_one_message_goes_where_it_says(said_: str) -> None:
    planned = Timeline(*WITH_CHAT).says(said_)
    assert went(planned) == [OTHER], "and not into the chat"
    assert texts(planned) == ["hi"]


@pytest.mark.parametrize("said_", ["!to me,work hi", "!to work, me hi", "!to me , rich@work,me hi"])
def test_one_message_goes_to_several(said_: str) -> None:
    planned = Timeline(post_to=()).says(said_)
    assert sorted(went(planned)) == [HOME, OTHER]
    assert texts(planned) == ["hi", "hi"]


def test_formatting_stays_when_the_choice_is_taken_off() -> None:
    message = Message(text=Text(plain="!to work so bold", html="<p>!to work so <b>bold</b></p>"))
    (draft,) = Timeline().says(message).drafts
    assert draft.delivery.body == Message(text=Text(plain="so bold", html="<p>so <b>bold</b></p>"))


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("!to", "followed by names"),
        ("!to bob hi", "no account called bob; there are rich@me, rich@work"),
        ("!to nobody hi", "no account called nobody"),
        ("!to me", "nothing to post"),
        ("!to me, nobody hi", "no account called nobody"),
        ("!to <me> hi", "followed by names"),
    ],
)
def test_a_choice_that_cannot_be_met_posts_nothing_and_says_why(text: str, words: str) -> None:
    planned = Timeline(*WITH_CHAT).says(text)
    assert planned.drafts == () and words in (planned.refused or "")


def test_a_name_that_two_networks_have_must_be_told_apart() -> None:
    two = Accounts((account("me"), account("me", network=NetworkName("other"))), login_of)
    assert "other@me or rich@me" in (Timeline(accounts=two).says("!to me hi").refused or "")


def test_words_that_only_begin_alike_are_a_post() -> None:
    assert texts(Timeline().says("!tomorrow is monday")) == ["!tomorrow is monday"]


# replies


def test_a_reply_goes_through_the_account_that_brought_the_post() -> None:
    room = Timeline(post_to=("rich@me",))
    came = room.came(channel=OTHER)
    (draft,) = room.replies(came).drafts
    assert str(draft.delivery.channel) == OTHER
    assert draft.delivery.reply_to == Target(event=came.key, author=came.author)
    assert draft.not_before == NOW + timedelta(seconds=5)


def test_of_two_accounts_that_brought_it_the_oldest_link_answers() -> None:
    room = Timeline()
    came = room.came(channel=OTHER)
    room.memory.sight(came.key, HOME)
    assert went(room.replies(came)) == [HOME]
    assert went(room.replies(came, "!to work yes")) == [OTHER]
    assert went(room.replies(came, "!to work,me yes")) == [OTHER, HOME]


def test_an_account_that_has_not_seen_the_post_cannot_answer_it() -> None:
    room = Timeline()
    planned = room.replies(room.came(), "!to work yes")
    assert planned.drafts == ()
    assert "rich@work has not seen what you answer; rich@me has" in (planned.refused or "")


def test_what_a_feed_or_anothers_account_brought_cannot_be_answered() -> None:
    room = Timeline(*LINKS, link(5, BOBS, direction="in"))
    for came in (room.came(channel=FEED, author="plain/blog"), room.came(channel=BOBS)):
        planned = room.replies(came)
        assert planned.drafts == () and "none of your accounts" in (planned.refused or "")
    assert "stays in this room" in hinted(room.replies(room.came(), author="matrix/@guest:hs"))


def test_a_reply_to_somebody_in_a_linked_chat_goes_to_the_chat_only() -> None:
    room = Timeline(*WITH_CHAT)
    assert went(room.replies(room.came(channel=CHAT, author="plain/eve"))) == [CHAT]


def test_a_reply_to_ones_own_post_goes_on_there() -> None:
    room = Timeline()
    first, _ = room.written("!to work one")
    assert went(room.replies(first, "two")) == [OTHER]


def test_people_who_talk_in_the_room_are_not_posted() -> None:
    room = Timeline()
    bobs, _ = room.written("nice", BOB)
    assert "said in this room only" in hinted(room.replies(bobs))


def test_a_reply_to_something_unknown_is_refused() -> None:
    assert Timeline().replies(EventKey(HUB, "$gone")).drafts == ()
    assert "none of your accounts" in (Timeline().replies(EventKey(SOCIAL, "gone")).refused or "")


def test_in_a_thread_the_newest_of_others_is_answered() -> None:
    room = Timeline()
    root, second = room.came("one"), room.came("two")
    mine, _ = room.written(said("three", thread=ref_to(root), follows=ref_to(second)))
    planned = room.says(said("four", thread=ref_to(root), follows=ref_to(mine)))
    assert [draft.delivery.reply_to.event for draft in planned.drafts if draft.delivery.reply_to] == [second.key]
    assert all(draft.delivery.thread is None for draft in planned.drafts)
    planned = room.says(said("five", thread=ref_to(root)))
    assert [draft.delivery.reply_to.event for draft in planned.drafts if draft.delivery.reply_to] == [root.key]
    planned = room.says(said("six", thread=ref_to(root), reply_to=ref_to(second)))
    assert [draft.delivery.reply_to.event for draft in planned.drafts if draft.delivery.reply_to] == [second.key]


def test_asides_in_a_thread_are_not_what_is_answered() -> None:
    room = Timeline()
    root = room.came("one")
    aside, _ = room.written(said("// look", thread=ref_to(root), follows=ref_to(root)), BOB)
    planned = room.says(said("two", thread=ref_to(root), follows=ref_to(aside)))
    assert [draft.delivery.reply_to.event for draft in planned.drafts if draft.delivery.reply_to] == [root.key]


# reactions


def test_a_reaction_goes_through_one_account() -> None:
    room = Timeline(*WITH_CHAT)
    came = room.came(channel=OTHER)
    room.memory.sight(came.key, HOME)
    (draft,) = room.reacts(came, "⭐").drafts
    assert str(draft.delivery.channel) == OTHER, "that brought it: taken back, it must be taken back there"
    assert isinstance(draft.delivery.body, Reactions)
    assert draft.not_before is None
    assert went(room.reacts(came)) == [OTHER]


def test_reactions_of_others_stay_in_the_room() -> None:
    room = Timeline()
    came = room.came()
    assert "stay in this room" in hinted(room.reacts(came, "⭐", author="matrix/@guest:hs"))
    assert "stay in this room" in hinted(room.reacts(room.came(channel=FEED, author="plain/blog"), "⭐"))
    assert room.reacts(came, author="matrix/@guest:hs").hint is None
    talk, _ = room.written("hello", "matrix/@guest:hs")
    assert room.reacts(talk, "⭐").hint is None


# deleting


def test_an_own_post_is_deleted_wherever_it_went() -> None:
    room = Timeline(post_to=("rich@me", "rich@work"))
    own, _ = room.written("hello")
    room.memory.leave()
    planned = room.redacts(own)
    assert went(planned) == [HOME, OTHER]
    assert all(isinstance(draft.delivery.body, Redaction) for draft in planned.drafts)


def test_an_own_post_written_elsewhere_is_deleted_there() -> None:
    room = Timeline()
    own = room.came(author="rich/me@site")
    room.memory.sight(own.key, OTHER)
    assert went(room.redacts(own)) == [HOME]


def test_posts_of_others_are_deleted_in_the_room_only() -> None:
    room = Timeline(*WITH_CHAT)
    assert room.redacts(room.came()).drafts == ()
    own, _ = room.written("hello")
    room.memory.leave()
    assert not any(place.startswith("rich/") for place in went(room.redacts(own, BOB)))


def test_what_waits_is_taken_back_before_it_leaves() -> None:
    room = Timeline(post_to=("rich@me", "rich@work"))
    own, planned = room.written("helo")
    ids = {draft.delivery.id for draft in planned.drafts}
    planned = room.redacts(own)
    assert (set(planned.withdrawn), planned.drafts, planned.refused) == (ids, (), None)
    assert room.redacts(own).withdrawn == ()


def test_of_a_thread_half_posted_the_rest_is_withdrawn_and_the_posted_deleted() -> None:
    room = Timeline(features=short(40), split="thread")
    own, planned = room.written("word " * 30)
    first, *rest = (draft.delivery for draft in planned.drafts)
    room.memory.waiting.discard(first.id)
    planned = room.redacts(own)
    assert set(planned.withdrawn) == {delivery.id for delivery in rest}
    (draft,) = planned.drafts
    assert (draft.delivery.part, draft.delivery.parts) == (0, len(rest) + 1)


# changing


def test_what_waits_leaves_as_it_was_changed() -> None:
    room = Timeline()
    came = room.came()
    own, first = room.written(said("helo", reply_to=ref_to(came)))
    planned = room.edits(own, "hello")
    (draft,) = planned.drafts
    assert planned.withdrawn == (first.drafts[0].delivery.id,)
    assert draft.delivery.event == own.key
    assert draft.delivery.id != first.drafts[0].delivery.id
    assert draft.delivery.reply_to == Target(event=came.key, author=came.author)
    assert draft.not_before == NOW + timedelta(seconds=5)
    assert texts(planned) == ["hello"]
    planned = room.redacts(own)
    assert planned.withdrawn == (draft.delivery.id,) and not planned.drafts


def test_what_waits_and_becomes_local_talk_is_not_posted() -> None:
    room = Timeline()
    own, _ = room.written("helo")
    planned = room.edits(own, "// helo")
    assert len(planned.withdrawn) == 1 and not planned.drafts and not planned.refused


def test_a_choice_in_an_edit_is_not_read_aloud() -> None:
    room = Timeline()
    own, _ = room.written("!to work helo")
    planned = room.edits(own, "!to work hello")
    assert (went(planned), texts(planned)) == ([OTHER], ["hello"])


def test_what_has_left_is_changed_as_the_network_can() -> None:
    room = Timeline()
    own, _ = room.written("helo")
    room.memory.leave()
    (draft,) = room.edits(own, "hello").drafts
    assert isinstance(draft.delivery.body, Edit)
    assert (str(draft.delivery.channel), draft.delivery.target) == (HOME, Target(event=own.key, author=own.author))


def test_an_edit_of_what_was_never_posted_posts_nothing() -> None:
    room = Timeline(features=short(10))
    own, planned = room.written("much too long for that")
    assert planned.refused
    assert "doesn't post it" in hinted(room.edits(own, "short"))
    assert room.edits(EventKey(HUB, "$gone"), "hello").drafts == ()


# long posts


def test_too_long_is_refused_with_the_count() -> None:
    planned = Timeline(features=short(500)).says("x" * 612)
    assert planned.drafts == ()
    assert planned.refused == "612 of 500 characters on rich@me"


def test_one_account_that_takes_less_does_not_keep_another_from_it() -> None:
    room = Timeline(post_to=("rich@me", "rich@work"))
    place = room.places[SOCIAL]
    room.places[SOCIAL] = type(place)(features=lambda channel: short(10 if channel.id == "home@me" else 100))
    planned = room.says("rather long for one")
    assert went(planned) == [OTHER] and "19 of 10 characters on rich@me" in (planned.refused or "")


def test_a_long_post_becomes_a_real_thread() -> None:
    planned = Timeline(features=short(40), split="thread").says("word " * 30)
    deliveries = [draft.delivery for draft in planned.drafts]
    assert len(deliveries) > 2 and " ".join(texts(planned)).split() == ["word"] * 30
    assert deliveries[0].reply_to is None
    assert all(one.reply_to is not None and one.reply_to.event == one.event for one in deliveries[1:])
    assert len({one.id for one in deliveries}) == len(deliveries)


def test_a_thread_does_not_become_a_flood() -> None:
    planned = Timeline(features=short(20), split="thread").says("word " * 1000)
    assert planned.drafts == () and str(MOST) in (planned.refused or "")


def test_a_long_post_ends_with_a_link_to_the_whole() -> None:
    room = Timeline(features=short(60), split="link")
    (text,) = texts(room.says("word " * 30))
    assert "https://page" in text and len(text) <= 60
    room.page = None
    assert room.says("word " * 30).drafts == ()


# undo


def test_nothing_waits_where_nothing_can_be_taken_back() -> None:
    (draft,) = Timeline(undo_seconds=0).says("hello").drafts
    assert draft.not_before is None


# direct chats: rooms with one login's channel, linked both ways

DIRECT = "rich/direct/carol@me"


def test_only_its_owner_writes_in_a_direct_chat() -> None:
    room = Timeline(link(1, DIRECT), kind=PortalKind.CHAT)
    (draft,) = room.says("hi").drafts
    assert str(draft.delivery.channel) == DIRECT
    assert draft.delivery.voice.prefix == "" and draft.not_before is None
    planned = room.says("hi, I am Bob", BOB)
    assert "only the owner" in hinted(planned)
    assert room.reacts(room.came(channel=DIRECT), "⭐", author=BOB).drafts == ()


def test_a_chat_linked_beside_a_direct_chat_does_not_speak_with_its_account() -> None:
    room = Timeline(link(1, DIRECT), link(2, CHAT), kind=PortalKind.CHAT)
    came = room.came(channel=CHAT, author="plain/eve")
    assert not any(str(one.channel) == DIRECT for one in room.memory.written.values() if one.event == came.key)


# own posts on further accounts

RULE = "rich@me -> rich@work"


def reposted(room: Timeline, **more: object) -> list[str]:
    came = room.came(**({"author": "rich/me@site"} | more))  # type: ignore[arg-type]
    return [str(one.channel) for one in room.memory.written.values() if one.event == came.key and one.channel.network != HUB]


def test_own_posts_are_repeated_only_where_asked() -> None:
    assert reposted(Timeline()) == []
    assert reposted(Timeline(repost=(RULE,))) == [OTHER]
    assert reposted(Timeline(repost=("rich@work->rich@me",)), channel=OTHER, author="rich/work@site") == [HOME]


def test_an_account_is_spoken_with_by_its_owner_alone() -> None:
    """What is repeated was written by somebody of the network: an account that checks whose words it is given would refuse it."""
    room = Timeline(repost=(RULE,))
    own = room.came(author="rich/me@site")
    assert [one.author.id for one in room.memory.written.values() if one.event == own.key and str(one.channel) == OTHER] == [
        IdentityId(HUB, "@alice:hs")
    ]


def test_nobody_elses_posts_are_repeated() -> None:
    room = Timeline(
        *LINKS, link(5, BOBS, direction="in"), repost=(RULE, "rich@me -> rich@bob", "rich@bob -> rich@me", "x", "a -> b")
    )
    assert reposted(room, author="rich/carol@site") == []
    assert reposted(room, channel=BOBS, author="rich/bob@site") == []
    assert reposted(room, channel=FEED, author="plain/me@site") == []
    assert reposted(room, channel=BOBS) == [], "somebody else's account says it was mine"


def test_what_is_written_by_the_bridge_is_not_repeated() -> None:
    room = Timeline(repost=(RULE, "rich@work -> rich@me"))
    assert went(room.says("hello")) == [HOME]


@pytest.mark.parametrize("text", ["@carol hello", " @carol hello"])
def test_what_is_said_to_somebody_is_not_repeated(text: str) -> None:
    assert reposted(Timeline(repost=(RULE,)), text=text) == []


def test_a_repeated_post_is_deleted_with_the_first_from_the_room_or_from_elsewhere() -> None:
    room = Timeline(repost=(RULE,))
    own = room.came(author="rich/me@site")
    room.memory.leave()
    assert went(room.redacts(own)) == [HOME, OTHER]
    gone = happened("gone", HOME, "rich/me@site", Redaction(target=ref_to(own)))
    assert OTHER in went(room.plan(gone))
