"""Rules of a timeline room: what is hidden or moved, what is not, and that nothing confined ever gets further by them."""

from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from bridge.contract.plan import Planned
from bridge.model.events import (
    Attachment,
    Body,
    Boost,
    Edit,
    Event,
    Mention,
    Message,
    Poll,
    PollOption,
    Reactions,
    Redaction,
    Style,
    Visibility,
)
from bridge.model.ids import HUB, EventKey, IdentityId, NetworkName
from bridge.model.portals import Portal, PortalKind, Rule
from bridge.routing.rules import BadRule, Rules, Standing
from tests.unit.routing.scene import NOW, World, happened, link, post, ref, said, who
from tests.unit.routing.timeline import ACCOUNTS

ROOM, MENTIONS, CHAT = "matrix/!room", "matrix/!mentions", "matrix/!chat"
HOME, NAMED, FEED = "rich/home@me", "rich/mentions@me", "plain/feed"
PORTALS = (
    Portal(id=1, room="!room", kind=PortalKind.TIMELINE),
    Portal(id=2, room="!mentions", alias="#mentions:hs", kind=PortalKind.TIMELINE),
    Portal(id=3, room="!chat", alias="#chat:hs"),
)
LINKS = (
    link(1, HOME, direction="in", relay=False),
    link(2, FEED, direction="in", relay=False),
    link(3, NAMED, portal=2, direction="in", relay=False),
    link(4, "other/#chat", portal=3),
)


def world(*rules: Rule, mentions: tuple[Rule, ...] = (), links: tuple[object, ...] = LINKS) -> World:
    made = World(*links, portals=PORTALS, accounts=ACCOUNTS)  # type: ignore[arg-type]
    made.rules = {1: Rules([Standing(rule) for rule in rules]), 2: Rules([Standing(rule) for rule in mentions])}
    return made


def where(planned: Planned) -> list[str]:
    return [str(draft.delivery.channel) for draft in planned.drafts]


def goes(event: Event, *rules: Rule) -> list[str]:
    return where(world(*rules).plan(event))


def a_post(message: Message | str = "hello", author: str = "rich/bob@site", channel: str = HOME) -> Event:
    return happened("p1", channel, author, post(message) if isinstance(message, str) else message)


ALL = Rule(sources=("*",))


@pytest.mark.parametrize(
    "rule",
    [
        Rule(words=("HELLO",)),
        Rule(words=("nothing", "hello")),
        Rule(pattern="h.llo"),
        Rule(people=("rich/bob@site",)),
        Rule(people=("*@site",)),
        Rule(people=("Bob*",)),
        Rule(kinds=("post",)),
        Rule(languages=("en",)),
        Rule(tags=("#Fun",)),
        Rule(sources=("rich/home@*",)),
        Rule(accounts=("rich@me",)),
        Rule(people=("bob@site",), words=("hello",), kinds=("post",)),
    ],
)
def test_a_rule_hides_what_fits_it(rule: Rule) -> None:
    assert goes(a_post(post("hello", language="en-GB", tags=("fun",))), rule) == []


@pytest.mark.parametrize(
    "rule",
    [
        Rule(words=("hell",)),
        Rule(pattern="^ello"),
        Rule(people=("bob",)),
        Rule(people=("rich/bo?@site",)),
        Rule(kinds=("reply", "boost", "media", "poll", "notice", "mention")),
        Rule(languages=("e", "de")),
        Rule(tags=("fu",)),
        Rule(sources=("plain/*",)),
        Rule(accounts=("rich@work",)),
        Rule(people=("bob@site",), words=("bye",)),
        Rule(words=("hello",), to="here"),
    ],
)
def test_what_does_not_fit_all_of_a_rule_comes(rule: Rule) -> None:
    message = post("hello", language="en-GB", tags=("fun",))
    assert goes(happened("p1", HOME, who("rich/bob@site", "Bobby"), message), rule) == [ROOM]


@pytest.mark.parametrize(
    ("message", "kind"),
    [
        (post("a"), "post"),
        (said("a", style=Style.NOTICE), "notice"),
        (said("a", attachments=(Attachment(source="https://x/a.png", name="a.png"),)), "media"),
        (said("a", poll=Poll(question="?", options=(PollOption(text="x"),))), "poll"),
        (said("a", reply_to=ref("q", "rich")), "reply"),
        (said("@me a", mentions=(Mention(who=who("rich/me@site"), text="@me"),)), "mention"),
    ],
)
def test_every_kind_is_told_from_the_others(message: Message, kind: str) -> None:
    assert goes(a_post(message), Rule(kinds=(kind,))) == []  # type: ignore[arg-type]
    told_too = {"media": "post", "poll": "post", "mention": "post"}.get(kind)
    others = [one for one in ("post", "notice", "media", "poll", "reply", "mention", "boost") if one not in (kind, told_too)]
    assert goes(a_post(message), Rule(kinds=tuple(others))) == [ROOM]  # type: ignore[arg-type]


def test_the_first_rule_that_fits_decides() -> None:
    keep = Rule(people=("bob@site",), to="here")
    assert goes(a_post(), keep, ALL) == [ROOM]
    assert goes(a_post(), ALL, keep) == []


def test_what_is_hidden_is_kept_and_says_by_which_rule() -> None:
    made = world(Rule(name="no small talk", words=("hello",)))
    planned = made.plan(a_post())
    assert (planned.dropped, planned.note) == ("rule", "by rule: no small talk")
    assert EventKey(NetworkName("rich"), "p1") in made.memory.events


def test_a_mute_that_is_over_hides_nothing() -> None:
    made = world()
    made.rules = {1: Rules([Standing(ALL, until=NOW + timedelta(hours=1))])}
    assert where(made.plan(a_post())) == []
    made.now = NOW + timedelta(hours=1)
    assert where(made.plan(happened("p2", HOME, "rich/bob@site", post("later")))) == [ROOM]


# people


def boosted(author: str = "rich/carol@site", original: str = "rich/bob@site") -> Event:
    return happened("b1", HOME, author, Boost(target=ref("p0", "rich", original), original=post("the words of bob")))


@pytest.mark.parametrize("muted", ["rich/carol@site", "rich/bob@site"])
def test_neither_boosts_by_the_muted_nor_of_them_appear(muted: str) -> None:
    assert goes(boosted(), Rule(people=(muted,))) == []


def test_words_of_what_is_passed_on_are_looked_at_too() -> None:
    assert goes(boosted(), Rule(words=("words of bob",))) == []


def test_answers_to_the_muted_are_hidden_only_where_that_was_asked() -> None:
    answer = a_post(replace(post("indeed"), reply_to=ref("p0", "rich", "rich/bob@site")), author="rich/carol@site")
    assert goes(answer, Rule(people=("rich/bob@site",))) == [ROOM]
    assert goes(answer, Rule(people=("rich/bob@site",), answers=True)) == []


def test_a_muted_person_is_muted_by_all_their_names() -> None:
    made = world(Rule(people=("plain/bob",)))
    shown = IdentityId(NetworkName("plain"), "bob")
    made.memory.persons = {shown: shown, IdentityId(NetworkName("rich"), "bob@site"): shown}
    assert where(made.plan(a_post())) == []


def test_the_muted_do_not_react_but_take_their_reactions_back() -> None:
    made = world()
    made.plan(a_post(author="rich/carol@site"))
    made.rules = {1: Rules([Standing(Rule(people=("rich/bob@site",)))])}
    reacts = happened("r1", HOME, "rich/bob@site", Reactions(target=ref("p1", "rich"), keys=("⭐",)))
    takes_back = happened("r2", HOME, "rich/bob@site", Reactions(target=ref("p1", "rich"), keys=()))
    assert where(made.plan(reacts)) == []
    assert where(made.plan(takes_back)) == [ROOM]


def test_what_the_muted_change_or_delete_of_before_is_changed_and_deleted() -> None:
    made = world()
    made.plan(a_post())
    made.rules = {1: Rules([Standing(ALL)])}
    edit = happened("e1", HOME, "rich/bob@site", Edit(target=ref("p1", "rich"), message=post("better")))
    assert where(made.plan(edit)) == [ROOM]
    assert where(made.plan(happened("d1", HOME, "rich/bob@site", Redaction(target=ref("p1", "rich"))))) == [ROOM]


# another room

TO_MENTIONS = Rule(kinds=("mention",), to="#mentions:hs")
NAMES_ME = replace(post("@me hello"), mentions=(Mention(who=who("rich/me@site"), text="@me"),))


def test_what_names_me_goes_to_the_room_for_that_and_nowhere_else() -> None:
    assert goes(a_post(NAMES_ME), TO_MENTIONS) == [MENTIONS]
    assert goes(a_post(), TO_MENTIONS) == [ROOM]


def test_what_answers_me_counts_as_naming_me() -> None:
    made = world(TO_MENTIONS)
    made.memory.remember(happened("$mine", ROOM, "matrix/@alice:hs", "my post"), Planned())
    made.memory.aliases[EventKey(NetworkName("rich"), "mine")] = EventKey(HUB, "$mine")
    assert where(made.plan(a_post(replace(post("yes"), reply_to=ref("mine", "rich"))))) == [MENTIONS]


def test_an_account_of_another_room_is_nobody_here() -> None:
    names_bob = replace(post("@bob hello"), mentions=(Mention(who=who("rich/bob@site"), text="@bob"),))
    assert goes(a_post(names_bob, author="rich/carol@site"), TO_MENTIONS) == [ROOM]


def test_changes_follow_a_post_to_where_it_was_moved() -> None:
    made = world(TO_MENTIONS)
    made.plan(a_post(NAMES_ME))
    edit = happened("e1", HOME, "rich/bob@site", Edit(target=ref("p1", "rich"), message=post("better")))
    assert where(made.plan(edit)) == [MENTIONS]
    likes = happened("r1", HOME, "rich/carol@site", Reactions(target=ref("p1", "rich"), keys=("⭐",)))
    assert where(made.plan(likes)) == [MENTIONS]
    assert where(made.plan(happened("d1", HOME, "rich/bob@site", Redaction(target=ref("p1", "rich"))))) == [MENTIONS]


def test_an_edit_that_is_not_for_everybody_does_not_follow() -> None:
    made = world(TO_MENTIONS)
    made.plan(a_post(NAMES_ME))
    secret = Edit(target=ref("p1", "rich"), message=post("secret", Visibility.FOLLOWERS))
    assert where(made.plan(happened("e1", HOME, "rich/bob@site", secret))) == []


def test_a_room_that_is_not_there_or_is_a_chat_loses_nothing() -> None:
    for to in ("#gone:hs", "!gone", "#chat:hs", "!room"):
        assert goes(a_post(), Rule(words=("hello",), to=to)) == [ROOM]


def test_who_is_muted_in_the_other_room_does_not_come_there_by_a_rule() -> None:
    made = world(TO_MENTIONS, mentions=(Rule(people=("bob@site",)),))
    planned = made.plan(a_post(NAMES_ME))
    assert where(planned) == [] and planned.dropped == "rule"


def test_two_rooms_that_send_each_other_everything_end_in_one() -> None:
    made = world(Rule(sources=("*",), to="!mentions"), mentions=(Rule(sources=("*",), to="!room"),))
    assert where(made.plan(a_post())) == [MENTIONS]


def test_what_comes_to_both_by_itself_comes_once() -> None:
    links = (*LINKS, link(5, HOME, portal=2, direction="in", relay=False))
    made = world(Rule(sources=("*",), to="!mentions"), links=links)
    assert where(made.plan(a_post())) == [MENTIONS]


def test_what_is_hidden_is_not_passed_on_by_the_room_either() -> None:
    links = (link(1, FEED, direction="in", relay=True), link(2, "other/#out", direction="out"))
    made = world(Rule(words=("hello",)), links=links)
    assert where(made.plan(a_post(channel=FEED, author="plain/bob"))) == []
    assert where(made.plan(happened("p2", FEED, "plain/bob", post("other words")))) == [ROOM, "other/#out"]


def test_rules_of_a_chat_are_never_asked() -> None:
    made = world()
    made.rules = {3: Rules([Standing(ALL)])}
    assert where(made.plan(happened("c1", "other/#chat", "other/bob", "hello"))) == [CHAT]


# what is not for everybody


@pytest.mark.parametrize("visibility", [Visibility.FOLLOWERS, Visibility.DIRECT, Visibility.UNLISTED])
def test_a_confined_post_is_hidden_by_rules_but_never_moved(visibility: Visibility) -> None:
    confined = a_post(post("@me hello", visibility, language="en"))
    assert goes(confined, Rule(words=("hello",), to="#mentions:hs")) == [ROOM]
    assert goes(confined, Rule(words=("hello",))) == []


def test_an_answer_to_a_confined_post_is_not_moved() -> None:
    made = world(Rule(words=("indeed",), to="!mentions"))
    made.plan(a_post(post("secret", Visibility.FOLLOWERS)))
    assert where(made.plan(happened("p2", HOME, "rich/carol@site", replace(post("indeed"), reply_to=ref("p1", "rich"))))) == [
        ROOM
    ]


ANYTHING = {
    "words": st.sampled_from([(), ("secret",), ("other",)]),
    "people": st.sampled_from([(), ("*",), ("bob@site",), ("rich/carol@site",)]),
    "kinds": st.sampled_from([(), ("post",), ("reply", "boost"), ("mention",), ("media",)]),
    "sources": st.sampled_from([(), ("*",), ("rich/*",), ("plain/feed",)]),
    "accounts": st.sampled_from([(), ("rich@me",)]),
    "answers": st.booleans(),
    "to": st.sampled_from(["here", "nowhere", "!room", "!mentions", "#mentions:hs", "!chat", "#chat:hs", "!none"]),
}
RULES = st.lists(st.builds(Rule, **ANYTHING), max_size=6)
BODIES = st.sampled_from(["message", "answer", "boost", "edit", "reaction", "redaction"])


@settings(max_examples=150)
@given(
    RULES, RULES, st.sampled_from([Visibility.FOLLOWERS, Visibility.DIRECT, Visibility.UNLISTED]), st.lists(BODIES, max_size=6)
)
def test_no_rules_bring_what_is_confined_anywhere_else(
    first: list[Rule], second: list[Rule], visibility: Visibility, then: list[str]
) -> None:
    free = world()
    ruled = world()
    usable = [[rule for rule in rules if _stands(rule)] for rules in (first, second)]
    ruled.rules = {number: Rules([Standing(rule) for rule in rules]) for number, rules in enumerate(usable, 1)}
    events = [a_post(post("secret", visibility)), *(_about(kind, number, visibility) for number, kind in enumerate(then))]
    for event in events:
        assert set(where(ruled.plan(event))) <= set(where(free.plan(event)))


def _stands(rule: Rule) -> bool:
    try:
        Standing(rule)
    except BadRule:
        return False
    return True


def _about(kind: str, number: int, visibility: Visibility) -> Event:
    first = ref("p1", "rich", "rich/bob@site")
    bodies: dict[str, Body] = {
        "message": post("other secret", visibility),
        "answer": replace(post("secret indeed"), reply_to=first),
        "boost": Boost(target=first, original=post("secret", visibility)),
        "edit": Edit(target=first, message=post("more secret", visibility)),
        "reaction": Reactions(target=first, keys=("⭐",)),
        "redaction": Redaction(target=first),
    }
    author = "rich/bob@site" if kind in ("edit", "redaction") else "rich/carol@site"
    return happened(f"x{number}", HOME, author, bodies[kind])


@pytest.mark.parametrize(
    "rule",
    [
        Rule(),
        Rule(to="here"),
        Rule(words=(" ",)),
        Rule(pattern="("),
        Rule(pattern="(a+)+$", words=("a",)),
        Rule(people=("a" * 300,)),
    ],
)
def test_a_rule_that_is_none_is_refused(rule: Rule) -> None:
    with pytest.raises(BadRule):
        Standing(rule)


def test_names_that_are_hostile_are_compared_in_no_time() -> None:
    rule = Rule(people=("*a" * 80 + "*b", "a" * 250, "[", "?", "*" * 200 + "b"))
    assert goes(happened("p1", HOME, who("rich/" + "a" * 20_000, "a" * 20_000), post("x")), rule) == [ROOM]
