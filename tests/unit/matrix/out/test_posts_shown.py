"""Whatever a post says and is called: what is sent to Matrix is small enough, within the subset, and nothing of it is lost."""

import re
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from bridge.contract.delivery import Delivery, Target
from bridge.contract.features import Voice, VoiceKind
from bridge.ledger.rows import Uploaded
from bridge.matrix.convert import Sending, to_matrix
from bridge.model.events import (
    Attachment,
    Edit,
    Location,
    Media,
    Mention,
    Message,
    Origin,
    Poll,
    PollOption,
    PostFacts,
    Ref,
    Text,
    Visibility,
)
from bridge.model.ids import HUB, ChannelId, EventKey, IdentityId, NetworkName
from bridge.model.people import Identity, Profile
from bridge.text.escape import strip_controls
from bridge.text.html import html_to_plain, plain_to_html, sanitize
from bridge.text.tags import Tag, attributes_of, tokens
from tests.unit.routing.scene import World, happened, link

NET = NetworkName("social")
NOW = datetime(2026, 11, 23, tzinfo=UTC)
MOST = 63_000
"""Of 65,536 bytes the rest is what a homeserver puts around a content."""

HOSTILE = [
    *("javascript:alert(1)", "JaVaScRiPt:x", "data:text/html,<b>", "https://a.example/\u202egnp.exe", "https://a.example/x y"),
    *("https://a.example/\"onclick='x'", "https://b.example/?q=1&r=2", "http://xn--a.example", "https://[", "mxc://a/b"),
    *(
        "\u202eevil",
        "a\u200bb",
        "\u2066\u2069",
        "<b>bold</b>",
        "</span></a>",
        "&lt;",
        "\x00\x1b[0m",
        "\n\n",
        "x" * 3000,
        "🔁 Eve boosted",
    ),
]
words = st.text(max_size=40) | st.sampled_from(HOSTILE)
maybe = st.none() | words
html = st.none() | words.map(sanitize) | st.lists(words, max_size=5).map(lambda found: sanitize("<p>" + "</p><p>".join(found)))
names = st.builds(
    Identity,
    id=st.sampled_from([IdentityId(NET, "bob@a.example"), IdentityId(HUB, "@alice:localhost"), IdentityId(NET, "</a>")]),
    profile=st.builds(Profile, name=maybe, url=maybe),
)
posts = st.builds(
    PostFacts,
    permalink=maybe,
    uri=maybe,
    claimed_at=st.none() | st.just(NOW + timedelta(days=900)),
    conversation=maybe,
    title=maybe,
    visibility=st.sampled_from(Visibility),
    language=maybe,
    tags=st.lists(words, max_size=40).map(tuple),
    boosted_by=st.none() | names,
    written_at=st.none() | st.just(NOW - timedelta(days=2)),
)
files = st.builds(
    Attachment,
    source=st.sampled_from(["https://a.example/1.png", "https://a.example/2.png", *HOSTILE]),
    name=words,
    media=st.sampled_from(Media),
    alt=maybe,
    sensitive=st.booleans(),
)
places = st.builds(Location, latitude=st.floats(), longitude=st.floats(), name=maybe)


def text_of(plain: str, rich: str | None) -> Text:
    """As `fit` leaves it."""
    return Text(plain=strip_controls(plain) if rich is None else html_to_plain(rich), html=rich)


messages = st.builds(
    Message,
    text=st.builds(text_of, words, html),
    attachments=st.lists(files, max_size=3).map(tuple),
    mentions=st.lists(st.builds(Mention, who=names, text=words), max_size=3).map(tuple),
    warning=maybe,
    location=st.none() | places,
    post=st.none() | posts,
)


def delivery(body: Message | Edit, **more: Any) -> Delivery:
    return Delivery(
        id="0" * 32,
        channel=ChannelId(HUB, "!room"),
        event=EventKey(NET, "1"),
        author=Identity(id=IdentityId(NET, "bob")),
        voice=Voice(kind=VoiceKind.PUPPET, name="bob"),
        body=body,
        happened_at=NOW - timedelta(days=3),
        accepted_at=NOW,
        **more,
    )


UPLOADS = {"https://a.example/1.png": Uploaded(mxc="mxc://localhost/1")}


def user_of(id: IdentityId) -> str | None:
    return id.id if id.network == HUB else "@_social_bob:localhost" if id.id.startswith("b") else None


def contents(one: Delivery) -> list[dict[str, Any]]:
    return [out.content for out in to_matrix(one, Sending(user_of=user_of, uploads=UPLOADS))]


def shape(rich: str) -> list[Any]:
    """Text and tags, whatever the spelling of their escapes; texts side by side are one."""
    found: list[Any] = []
    for token in tokens(rich):
        if isinstance(token, Tag):
            found.append((token.name, token.close, attributes_of(token.attributes)))
        elif found and isinstance(found[-1], str):
            found[-1] += token
        else:
            found.append(token)
    return found


def is_sound(content: dict[str, Any]) -> None:
    assert len(msgspec.json.encode(content)) <= MOST
    assert content.get("body", "") == strip_controls(content.get("body", ""))
    rich = content.get("formatted_body", "")
    assert shape(rich) == shape(sanitize(rich))
    for href in re.findall('href="([^"]*)"', rich):
        assert href.startswith(("https://", "http://"))
        assert href.isprintable()
    facts = content.get("org.unabridged.post", {})
    assert facts.get("permalink", "https://").startswith(("https://", "http://"))


@given(messages, st.sampled_from([(0, 1), (0, 2), (1, 3), (2, 3)]), st.sampled_from(Origin))
def test_any_post_is_shown_within_the_limits_and_the_subset(message: Message, part: tuple[int, int], origin: Origin) -> None:
    for content in contents(delivery(message, part=part[0], parts=part[1], origin=origin, via="social@me")):
        is_sound(content)
        assert content["m.mentions"].get("user_ids") in (None, ["@alice:localhost"])


@given(messages)
def test_any_edit_is_shown_within_the_limits_and_the_subset(message: Message) -> None:
    target = Target(event=EventKey(NET, "1"), ids=("$old",))
    edit = Edit(target=Ref(key=EventKey(NET, "1")), message=message)
    for content in contents(delivery(edit, target=target)):
        is_sound(content)
        is_sound(content.get("m.new_content", {}))


def test_a_full_message_of_what_json_and_html_must_escape_fits_into_an_event_and_so_does_its_edit() -> None:
    post = PostFacts(permalink=f"https://a.example/{'p' * 2000}", uri="u" * 2000, title="t" * 2000, tags=("t" * 90,) * 40)
    for letters in ('"' * 12_000, "\\\n" * 6_000, "<" * 12_000, "😀" * 3_000, "&" * 12_000):
        for rich in (None, plain_to_html(letters)[:18_000]):
            message = Message(text=Text(plain=letters, html=rich), post=post, warning="w" * 5000)
            target = Target(event=EventKey(NET, "1"), ids=("$old",))
            (sent,) = contents(delivery(message))
            (edited,) = contents(delivery(Edit(target=Ref(key=EventKey(NET, "1")), message=message), target=target))
            assert len(msgspec.json.encode(sent)) <= MOST and len(msgspec.json.encode(edited)) <= MOST
            assert letters in sent["body"] and letters in edited["m.new_content"]["body"]


def shown(message: Message) -> list[dict[str, Any]]:
    """All that a room gets of it."""
    world = World(link(1, "social/home"))
    return [
        content
        for draft in world.plan(happened("1", "social/home", "social/bob", message)).drafts
        for content in contents(draft.delivery)
    ]


paragraphs = st.lists(
    st.sampled_from(["word " * 300, "日本語 " * 200, "<b>bold</b> " * 100, "a < b & c " * 80, "x" * 2000]),
    min_size=20,
    max_size=60,
)


@settings(max_examples=settings().max_examples // 3)  # of five kinds of paragraphs in any order: each example has them all
@given(paragraphs, st.booleans())
def test_a_long_post_is_whole_over_its_messages(found: list[str], rich: bool) -> None:
    text = Text(plain="\n\n".join(found))
    if rich:
        clean = sanitize("".join(f"<p>{one}</p>" for one in found))
        text = Text(plain=html_to_plain(clean).strip(), html=clean)
    post = PostFacts(permalink="https://a.example/1", title="A title that the text has not", visibility=Visibility.FOLLOWERS)
    parts = shown(Message(text=text, post=post))
    for content in parts:
        is_sound(content)
    assert parts[0]["body"].startswith("A title that the text has not\n")
    assert parts[-1]["body"].endswith("— https://a.example/1 · 🔒 followers only")
    bodies = [content["body"] for content in parts]
    bodies[0] = bodies[0].partition("\n")[2]
    bodies[-1] = bodies[-1].rpartition("\n")[0]
    assert "".join("".join(bodies).split()) == "".join(text.plain.split())
    assert not rich or all("formatted_body" in content for content in parts)


def test_what_a_long_post_hides_is_hidden_in_all_its_messages_and_a_name_in_it_rings_once() -> None:
    alice = Identity(id=IdentityId(HUB, "@alice:localhost"), profile=Profile(name="Alice"))
    text = Text(plain="Alice " + "word " * 5000 + "Alice")
    parts = shown(Message(text=text, warning="long", mentions=(Mention(who=alice, text="Alice"),), post=PostFacts()))
    assert len(parts) > 2
    assert all(content["body"].startswith("[CW: long] ") for content in parts)
    assert all(content["formatted_body"].startswith('<span data-mx-spoiler="long">') for content in parts)
    assert [bool(content["m.mentions"]) for content in parts] == [True] + [False] * (len(parts) - 1)


def test_a_poll_is_words_with_its_votes_and_its_end() -> None:
    poll = Poll(
        question="Lunch?",
        options=(PollOption(text="soup", votes=3), PollOption(text="<b>pizza</b>", votes=0)),
        closes_at=NOW,
        multiple=True,
    )
    (content,) = shown(Message(text=Text(plain="I am hungry."), poll=poll, post=PostFacts(permalink="https://a.example/1")))
    assert content["body"].split("\n") == [
        "I am hungry.",
        "📊 Lunch?",
        "1. soup (3)",
        "2. <b>pizza</b> (0)",
        "(several may be chosen, until 2026-11-23 00:00 UTC)",
        "— https://a.example/1",
    ]
    assert "&lt;b&gt;pizza" in content["formatted_body"]
