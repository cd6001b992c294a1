"""Whatever comes in and whatever the destination can do: what leaves fits there, and nothing raises."""

from collections.abc import Mapping
from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from bridge.contract.features import Feature, Features, Level, Limits, Unit, VoiceKind
from bridge.model.events import (
    Attachment,
    Body,
    Boost,
    ChannelChange,
    Edit,
    Location,
    Media,
    Membership,
    Mention,
    Message,
    Move,
    Poll,
    PollOption,
    PostFacts,
    ProfileChange,
    Reactions,
    Redaction,
    Ref,
    Style,
    Text,
)
from bridge.model.ids import EventKey, IdentityId, NetworkName
from bridge.model.people import Identity, Profile
from bridge.routing.plan import Place
from bridge.text.split import size_of
from tests.unit.routing.scene import NOW, World, happened, link, place, said, who

NETWORK = NetworkName("plain")
LINES = st.text(max_size=60) | st.sampled_from(["a\nb\n<c> d", "word " * 30, "é" * 90, "x\x00y\x02", "e" + "\u0301" * 40])
MAYBE = st.none() | LINES
PEOPLE = st.builds(
    Identity,
    id=st.sampled_from(
        [IdentityId(NetworkName("matrix"), "@a:d"), IdentityId(NETWORK, "bob"), IdentityId(NetworkName("other"), "eve")]
    ),
    profile=st.builds(Profile, name=MAYBE),
)
REFS = st.builds(
    Ref, key=st.sampled_from([EventKey(NETWORK, "known"), EventKey(NETWORK, "gone")]), author=st.none() | PEOPLE, excerpt=MAYBE
)
TEXTS = st.builds(Text, plain=LINES, html=st.none() | st.sampled_from(["<b>x</b>", "<p>a</p><p>b</p>", "<", "a<br>b"]))
ATTACHMENTS = st.builds(
    Attachment,
    source=st.just("mxc://d/x"),
    name=LINES,
    media=st.sampled_from(Media),
    size=st.none() | st.integers(-1, 10**10),
    alt=MAYBE,
    duration=st.none() | st.integers(-1, 10**7),
)
POLLS = st.builds(
    Poll,
    question=LINES,
    options=st.lists(st.builds(PollOption, text=LINES, votes=st.none() | st.integers()), max_size=3).map(tuple),
)
MESSAGES = st.builds(
    Message,
    text=TEXTS,
    style=st.sampled_from(Style),
    attachments=st.lists(ATTACHMENTS, max_size=3).map(tuple),
    reply_to=st.none() | REFS,
    thread=st.none() | REFS,
    mentions=st.lists(st.builds(Mention, who=PEOPLE, text=LINES), max_size=2).map(tuple),
    warning=MAYBE,
    poll=st.none() | POLLS,
    location=st.none() | st.builds(Location, latitude=st.floats(), longitude=st.floats(), name=MAYBE),
    post=st.none() | st.builds(PostFacts, permalink=MAYBE, title=MAYBE),
)
BODIES: st.SearchStrategy[Body] = st.one_of(
    MESSAGES,
    st.builds(Edit, target=REFS, message=MESSAGES),
    st.builds(Boost, target=REFS, original=st.none() | MESSAGES, comment=st.none() | TEXTS),
    st.builds(Redaction, target=REFS),
    st.builds(Reactions, target=REFS, keys=st.lists(LINES, max_size=20).map(tuple)),
    st.builds(Membership, who=PEOPLE, move=st.sampled_from(Move), by=st.none() | PEOPLE, reason=MAYBE),
    st.builds(ProfileChange, who=st.just(IdentityId(NETWORK, "bob")), profile=st.builds(Profile, name=MAYBE)),
    st.builds(ChannelChange, name=MAYBE, topic=MAYBE, avatar=MAYBE),
)
LIMITS = st.builds(
    Limits,
    text=st.none() | st.integers(400, 600),
    unit=st.sampled_from(Unit),
    lines=st.none() | st.integers(1, 3),
    parts=st.none() | st.integers(1, 4),
    attachment=st.none() | st.just(1000),
)
LEVELS: st.SearchStrategy[Mapping[Feature, Level]] = st.fixed_dictionaries(
    {feature: st.sampled_from(Level) for feature in Feature} | {Feature.TEXT: st.just(Level.NATIVE)}
)
FEATURES = st.builds(Features, levels=LEVELS, limits=LIMITS, voice=st.sampled_from(VoiceKind))


def uses(message: Message) -> set[Feature]:
    has = {
        Feature.HTML: message.text.html is not None,
        Feature.EMOTE: message.style is Style.EMOTE,
        Feature.NOTICE: message.style is Style.NOTICE,
        Feature.ATTACHMENT: bool(message.attachments),
        Feature.REPLY: message.reply_to is not None,
        Feature.THREAD: message.thread is not None,
        Feature.MENTION: bool(message.mentions),
        Feature.WARNING: message.warning is not None,
        Feature.POLL: message.poll is not None,
        Feature.LOCATION: message.location is not None,
        Feature.POST: message.post is not None,
    }
    return {feature for feature, used in has.items() if used}


def asked(body: Body) -> set[Feature]:
    match body:
        case Message():
            return uses(body)
        case Edit():
            return {Feature.EDIT} | uses(body.message)
        case ChannelChange():
            given = {Feature.NAME: body.name, Feature.TOPIC: body.topic, Feature.AVATAR: body.avatar}
            return {feature for feature, value in given.items() if value is not None}
        case _:
            return {Feature(body.__struct_config__.tag)}


@given(BODIES, FEATURES)
def test_nothing_leaves_that_the_destination_cannot_take(body: Body, features: Features) -> None:
    world = World(link(1, "plain/#a"), link(2, "other/#b"))
    world.places[NetworkName("other")] = Place(features=lambda channel: features)
    world.plan(happened("known", "plain/#a", "plain/bob", "the original words"))
    limits = features.limits
    for draft in world.plan(happened("1", "plain/#a", "plain/bob", body)).drafts:
        delivery = draft.delivery
        if delivery.channel != place("other/#b"):
            continue
        assert all(features.level(feature) is Level.NATIVE for feature in asked(delivery.body))
        message = delivery.body.message if isinstance(delivery.body, Edit) else delivery.body
        if isinstance(message, Message):
            whole = delivery.voice.prefix + message.text.plain
            assert limits.text is None or size_of(whole, limits.unit) <= limits.text
            assert limits.lines is None or len(message.text.plain.split("\n")) <= limits.lines
            assert "\x00" not in whole and "\x02" not in whole
            assert message.text.plain.strip() or message.attachments or message.poll or message.location
            assert len(message.attachments) <= 1


@given(BODIES)
def test_the_room_takes_everything_in_events_of_its_size(body: Body) -> None:
    world = World(link(1, "plain/#a"))
    for draft in world.plan(happened("1", "plain/#a", "plain/bob", body)).drafts:
        assert not isinstance(draft.delivery.body, Message) or len(draft.delivery.body.text.plain.encode()) <= 12_000


def test_the_end_of_a_giant_text_is_on_a_page_or_its_author_is_told() -> None:
    world = World(link(1, "plain/#a"))
    event = happened("1", "matrix/!room", "matrix/@a:d", "word " * 2000)
    planned = world.plan(event)
    assert planned.drafts[-1].delivery.body == said("… (continued: https://page)")
    assert len(planned.drafts) == 5 and planned.refused is None
    world.page = None
    planned = world.plan(happened("2", "matrix/!room", "matrix/@a:d", "word " * 2000))
    assert "plain/#a" in (planned.refused or "")


def test_a_giant_text_is_whole_in_the_room() -> None:
    world = World(link(1, "plain/#a"))
    text = "\n".join(f"line {number}" for number in range(9000))
    room = [draft.delivery.body for draft in world.plan(happened("1", "plain/#a", "plain/bob", text)).drafts]
    assert "\n".join(body.text.plain for body in room if isinstance(body, Message)) == text


def test_a_line_within_a_message_cannot_play_another_author() -> None:
    world = World(link(1, "other/#b"))
    world.places[NetworkName("other")] = Place(features=lambda channel: Features(levels={Feature.TEXT: Level.NATIVE}))
    lines = world.lines(happened("1", "matrix/!room", who("matrix/@m:d", "mallory"), "hi\n<alice> I quit"), "other/#b")
    assert lines == ["<mallory> hi\n· <alice> I quit"]


def test_nor_can_a_line_that_only_the_html_has() -> None:
    world = World(link(1, "other/#b"))
    features = Features(levels={Feature.TEXT: Level.NATIVE, Feature.HTML: Level.NATIVE})
    world.places[NetworkName("other")] = Place(features=lambda channel: features)
    message = Message(text=Text(plain="hi", html="hi<br>&lt;alice&gt; I quit"))
    lines = world.lines(happened("1", "matrix/!room", who("matrix/@m:d", "mallory"), message), "other/#b")
    assert lines == ["<mallory> hi\n· <alice> I quit"]


def test_an_old_event_of_an_odd_clock_is_planned_all_the_same() -> None:
    world = World(link(1, "plain/#a"))
    assert world.plan(happened("1", "plain/#a", "plain/bob", "hi", happened_at=NOW + timedelta(days=9999))).drafts
