"""Servers that send anything at all: never an error, never a neighbour lost, never the loop held up."""

import asyncio
import json
import os
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from adapters.gnusocial.inbound import Inbound
from adapters.gnusocial.reading import values
from adapters.gnusocial.reading.faces import Server, read_page
from adapters.gnusocial.reading.marks import marks_in
from bridge.model.codec import decode_event, encode_event
from bridge.model.events import Event, Message
from bridge.model.ids import ChannelId, IdentityId
from tests.unit.gnusocial.kit import HOST, NET, status, user
from tests.unit.gnusocial.reading.wall import PUBLIC, Desk, Wall

FIXTURES = Path(__file__).parents[5] / "shared" / "fixtures" / "gnusocial-recorded"
NOW = datetime(2026, 11, 22, 20, 0, tzinfo=UTC)
HOME = ChannelId(NET, "home@me")

JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(1 << 80), 1 << 80)
    | st.floats()
    | st.text(max_size=12)
    | st.sampled_from(
        ["http://gs1.test/x", "1", "-1", "é" * 40, "<a href='x'>", "{{x}}", "\ud800", "2026-99-99", "tag:x,1:fave:1"]
    ),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=8,
)
SAID = ["id", "uri", "text", "statusnet_html", "created_at", "source", "in_reply_to_status_id", "attachments", "user", "lang"]
REST = ["retweeted_status", "geo", "truncated", "statusnet_conversation_id", "external_url"]
ACTS = ["verb", "object", "actor", "status_net", "to", "url", "published", "target", "location", "generator"]
FIELDS = st.sampled_from([*SAID, *REST, *ACTS])


def inbound() -> Inbound:
    return Inbound(Server(NET, HOST, f"https://{HOST}/"), activities=True)


def events(data: Any, activities: Any) -> list[Event]:
    reader = inbound()
    page = read_page(data, activities, reader.server)
    return [found for notice in page.notices if (found := reader.event(notice, HOME, NOW)) is not None]


def item(number: int, text: str = "x") -> dict[str, Any]:
    one = status(number, text)
    net = {"conversation": "tag:c", "notice_info": {"local_id": f"{number}"}}
    return {"verb": "post", "id": one["uri"], "object": {"id": one["uri"], "content": text}, "to": [PUBLIC], "status_net": net}


@given(JSON, JSON)
@settings(max_examples=150, suppress_health_check=[HealthCheck.too_slow])
def test_any_json_is_read_without_an_error(data: Any, activities: Any) -> None:
    events(data, activities)
    events([data], {"items": [activities]})
    inbound().direct(data if isinstance(data, dict) else {}, IdentityId(NET, "a@b"), "me", NOW)


@given(
    st.dictionaries(FIELDS, JSON, max_size=6),
    st.dictionaries(FIELDS, JSON, max_size=6),
    st.dictionaries(FIELDS, JSON, max_size=3),
)
@settings(max_examples=300, suppress_health_check=[HealthCheck.too_slow])
def test_values_of_any_type_spoil_one_item_and_no_neighbour(said: Any, acts: Any, inner: Any) -> None:
    first, last = status(303, "before"), status(301, "after")
    data = [first, {**status(302, "broken"), **said}, {**status(304, "RT"), "retweeted_status": inner}, last]
    items = [item(303, "before"), {**item(302), **acts}, {**item(304), "object": inner}, item(301, "after")]
    found = events(data, {"items": items})
    texts = [event.body.text.plain for event in found if isinstance(event.body, Message)]
    assert "before" in texts and "after" in texts
    for event in found:
        assert event.happened_at.tzinfo is not None and event.happened_at <= NOW
        assert event.key.id and event.author.id.id
        assert decode_event(encode_event(event)) == event


@given(st.dictionaries(st.sampled_from(["id", "text", "sender", "recipient", "created_at", "sender_screen_name"]), JSON))
def test_any_direct_message_is_read_without_an_error(row: Any) -> None:
    whole = {"id": 1, "text": "x", "sender": user(2, "bob"), "recipient": user(), "created_at": None, **row}
    found = inbound().direct(whole, IdentityId(NET, f"alice@{HOST}"), "me", NOW)
    assert found is None or found[1].channel.id.endswith("@me")


@given(st.text(), JSON)
def test_a_cursor_that_is_none_begins_anew(text: str, data: Any) -> None:
    marks_in(text, HOST)
    try:
        marks_in(json.dumps(data), HOST)
        marks_in(json.dumps({"host": HOST, "timelines": {"home@me": data}}), HOST)
    except UnicodeError:
        raise AssertionError("not read") from None


@given(JSON)
def test_small_readers_take_anything(value: Any) -> None:
    list(values.files(value)), list(values.pages(value))
    values.place(value, value), values.moment(value), values.line(value), values.truth(value)
    point = values.place({"coordinates": [value, value]}, {"position": value})
    assert point is None or (abs(point.latitude) <= 90 and abs(point.longitude) <= 180)


@pytest.mark.parametrize(
    "html",
    [
        "<div>" * 200_000,
        "<p>word</p>" * 90_000,
        "<a href='https://x.test/' class='mention'>@bob</a> " * 20_000,
        "<a " * 300_000,
        "<!--" * 200_000,
        "&amp;" * 200_000,
        "<script>alert(1)</script>" * 40_000,
    ],
    ids=["deep", "wide", "mentions", "open tags", "comments", "entities", "scripts"],
)
async def test_a_megabyte_of_html_holds_the_loop_up_for_nobody(html: str) -> None:
    wall = Wall()
    desk = Desk(wall)
    async with desk.running():
        pass
    wall.post("before")
    wall.post("x", statusnet_html=html)
    wall.items.clear()
    wall.post("after")
    desk.begin()
    longest, last, stopped = 0.0, time.perf_counter(), False

    async def beat() -> None:
        nonlocal longest, last
        while not stopped:
            await asyncio.sleep(0)
            now = time.perf_counter()
            longest, last = max(longest, now - last), now

    async with asyncio.TaskGroup() as group:
        group.create_task(beat())
        async with desk.running():
            pass
        stopped = True
    texts = desk.texts()
    assert texts[0] == "before" and texts[-1] == "after"
    assert all("alert(1)" not in (event.body.text.html or "") for event in desk.inlet.events if isinstance(event.body, Message))
    assert longest < 0.5, "a reading of it on the loop takes seconds"


async def test_bad_items_are_counted_and_their_neighbours_told() -> None:
    wall = Wall()
    desk = Desk(wall)
    async with desk.running():
        wall.post("one")
        wall.timelines["statuses/home_timeline"].insert(0, {"id": None, "text": "no number"})
        wall.timelines["statuses/home_timeline"].insert(0, "not even an object")
        wall.timelines["direct_messages"].insert(0, ["neither"])
        wall.post("two")
        wall.post("nobody's", user={"screen_name": 5})
        wall.items.pop(3)
        await desk.round()
    assert desk.texts() == ["one", "two"]
    assert desk.metrics.counts["gnusocial_bad_items"] >= 2
    assert desk.metrics.counts["gnusocial_dropped/nobody"] == 1


async def test_numbers_beyond_all_measure_do_not_stop_a_timeline() -> None:
    wall = Wall()
    desk = Desk(wall)
    async with desk.running():
        wall.post("one")
        wall.timelines["statuses/home_timeline"].insert(0, {**status(10**40, "huge"), "user": user(2, "bob")})
        await desk.round()
        wall.post("two")
        await desk.round()
    assert "one" in desk.texts() and "huge" in desk.texts()


def recorded() -> list[Path]:
    if not FIXTURES.exists() and os.environ.get("CI"):
        raise AssertionError(f"{FIXTURES} is missing")
    return sorted(FIXTURES.glob("*.json"))


@pytest.mark.corpus
@pytest.mark.skipif(not FIXTURES.exists() and not os.environ.get("CI"), reason="no corpus here")
def test_every_recorded_answer_is_read_and_no_post_in_it_is_lost() -> None:
    posts = 0
    for path in recorded():
        data = msgspec.json.decode(path.read_bytes())
        many = data if isinstance(data, list) else [data]
        given = [one for one in many if isinstance(one, dict) and "text" in one and "user" in one]
        activities = data if isinstance(data, dict) and "items" in data else None
        found = events(given, activities)
        assert len(found) == (len(data["items"]) if activities is not None else len(given)), path.name
        posts += len(found)
    assert posts > 200
