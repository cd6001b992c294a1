"""Whatever anybody writes into an event, reading it ends in an event, in nothing, or in words: never in another exception."""

import string
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.matrix.convert import Business, Context, ConvertError, from_matrix, stamp_of
from bridge.model.codec import decode_event, encode_event
from bridge.model.events import Event, Message, Text
from bridge.model.ids import HUB, IdentityId
from bridge.model.people import Identity

CONTEXT = Context(bot="@bot:localhost", identity_of=lambda user: Identity(id=IdentityId(HUB, user)))

TYPES = [
    *("m.room.message", "m.sticker", "m.reaction", "m.room.redaction", "m.poll.start", "org.matrix.msc3381.poll.start"),
    *("m.room.member", "m.room.name", "m.room.topic", "m.room.avatar", "m.room.tombstone", "m.room.power_levels"),
    *("m.room.encryption", "m.room.encrypted", "m.bridge", "uk.half-shot.bridge", "m.call.invite"),
]
NAMES = [
    *("body", "msgtype", "format", "formatted_body", "filename", "url", "file", "info", "geo_uri", "m.relates_to", "m.mentions"),
    *("m.new_content", "rel_type", "event_id", "key", "m.in_reply_to", "is_falling_back", "user_ids", "redacts", "reason"),
    *("membership", "displayname", "avatar_url", "name", "topic", "mimetype", "size", "w", "h", "duration", "m.location"),
    *("org.unabridged", "hops", "delivery", "m.poll.start", "question", "answers", "m.text", "org.matrix.msc1767.text"),
    *("unsigned", "prev_content", "page.codeberg.everypizza.msc4193.spoiler", "org.matrix.msc3245.voice", "max_selections"),
]
VALUES = [
    *("m.text", "m.image", "m.audio", "m.location", "org.matrix.custom.html", "m.replace", "m.thread", "m.annotation", "$event"),
    *("mxc://localhost/abc", "geo:1,2", "geo:999,2", "> <@a:b> x\n\ny", "<mx-reply>", "join", "leave", "ban", "\ud800", "\0"),
    *('<span data-mx-spoiler="x">y</span>', '<a href="https://matrix.to/#/@a:b">a</a>', "@a:b", "", "<" * 50),
]

scalar = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20) | st.sampled_from(VALUES)
json = st.recursive(
    scalar,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(NAMES) | st.text(max_size=5), inner, max_size=6),
    max_leaves=25,
)
objects = st.dictionaries(st.sampled_from(NAMES), json, max_size=10)


def envelope(kind: str, content: Any, **more: Any) -> dict[str, Any]:
    return {
        "type": kind,
        "event_id": "$event",
        "room_id": "!room",
        "sender": "@alice:localhost",
        "origin_server_ts": 1,
        "content": content,
        **more,
    }


def digest(raw: dict[str, Any]) -> None:
    """What can be read can also be stored and read again."""
    try:
        event = from_matrix(raw, CONTEXT)
    except ConvertError as error:
        assert str(error).isprintable()
        return
    if isinstance(event, Event):
        assert decode_event(encode_event(event)) == event
    else:
        assert event is None or isinstance(event, Business)


@pytest.mark.parametrize(("tags", "dense"), [(2000, False), (2001, True)])
def test_of_formatting_that_is_nothing_but_tags_the_plain_text_is_carried(tags: int, dense: bool) -> None:
    content = {"msgtype": "m.text", "body": "plain", "format": "org.matrix.custom.html", "formatted_body": "<b>x</b>" * tags}
    event = from_matrix(envelope("m.room.message", content), CONTEXT)
    assert isinstance(event, Event) and isinstance(event.body, Message)
    assert (event.body.text == Text(plain="plain")) is dense


@given(st.dictionaries(st.sampled_from(["type", "event_id", "room_id", "sender", "content", "state_key"]), json))
def test_a_raw_event_of_any_shape_is_an_event_or_words(raw: dict[str, Any]) -> None:
    digest(raw)


@given(st.sampled_from(TYPES), objects, objects, st.sampled_from(["", "@alice:localhost", "@bob:localhost", 3]))
def test_content_of_any_shape_is_an_event_or_words(kind: str, content: Any, unsigned: Any, state_key: Any) -> None:
    digest(envelope(kind, content, unsigned=unsigned, state_key=state_key))


@given(st.sampled_from(TYPES), json)
def test_content_that_is_no_object_is_words(kind: str, content: Any) -> None:
    digest(envelope(kind, content, state_key=""))


@given(st.data())
def test_each_field_of_a_good_message_with_a_wrong_type_is_words(data: st.DataObject) -> None:
    good: dict[str, Any] = {
        "msgtype": "m.image",
        "body": "caption",
        "filename": "a.png",
        "format": "org.matrix.custom.html",
        "formatted_body": "<b>caption</b>",
        "url": "mxc://localhost/abc",
        "info": {"mimetype": "image/png", "size": 1},
        "m.mentions": {"user_ids": ["@b:localhost"]},
        "m.relates_to": {"m.in_reply_to": {"event_id": "$other"}},
    }
    name = data.draw(st.sampled_from(sorted(good)))
    wrong = data.draw(st.sampled_from([7, True, [1], ["x"], 1.5, {"a": {}}]))
    if type(wrong) is type(good[name]):
        return
    with pytest.raises(ConvertError):
        from_matrix(envelope("m.room.message", {**good, name: wrong}), CONTEXT)


@given(st.dictionaries(st.just("org.unabridged"), json | objects))
def test_a_forged_stamp_is_read_as_far_as_it_is_sound(content: dict[str, Any]) -> None:
    stamp = stamp_of({"content": content})
    assert all(hop.isprintable() for hop in stamp.hops) and len(stamp.hops) <= 32


@pytest.mark.parametrize("field", ["event_id", "room_id", "sender", "origin_server_ts", "content", "type"])
@pytest.mark.parametrize("wrong", [None, 7, [], "no-sigil", -1, 1e300, "$" + "x" * 300])
def test_an_envelope_with_a_wrong_field_is_words_and_names_it(field: str, wrong: Any) -> None:
    if (field, wrong) in [("origin_server_ts", 7), ("content", None), ("type", "no-sigil")] or (
        field == "type" and wrong == "$" + "x" * 300
    ):
        return
    with pytest.raises(ConvertError, match=field if field != "content" else r"content|msgtype"):
        from_matrix({**envelope("m.room.message", {"msgtype": "m.text", "body": "x"}), field: wrong}, CONTEXT)


def test_markup_made_to_be_slow_is_read_in_linear_time() -> None:
    for body in ("<a " * 20000, "> " * 30000, "<span data-mx-spoiler='" * 3000, "<mx-reply>" * 6000, "&#" * 30000):
        content = {"msgtype": "m.text", "body": body, "format": "org.matrix.custom.html", "formatted_body": body}
        digest(envelope("m.room.message", {**content, "m.relates_to": {"m.in_reply_to": {"event_id": "$x"}}}))


def test_plain_and_rich_text_mean_the_same_whatever_the_sender_wrote() -> None:
    content = {"msgtype": "m.text", "body": "good", "format": "org.matrix.custom.html", "formatted_body": "<i>evil</i>"}
    event = from_matrix(envelope("m.room.message", content), CONTEXT)
    assert isinstance(event, Event)
    assert msgspec.to_builtins(event.body)["text"] == {"plain": "evil", "html": "<i>evil</i>"}


def test_the_alphabet_of_ids_is_not_ours_to_judge() -> None:
    native = "$" + string.ascii_letters + "-_" + "/+"
    event = from_matrix({**envelope("m.room.message", {"msgtype": "m.text", "body": "x"}), "event_id": native}, CONTEXT)
    assert isinstance(event, Event) and event.key.id == native
