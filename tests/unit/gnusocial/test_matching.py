"""Copies are told from what only looks like them, in answers as they were recorded."""

import json
import re
from datetime import UTC, datetime
from html import unescape
from pathlib import Path
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from adapters.gnusocial.ids import Kind, Place
from adapters.gnusocial.manifest import features_of
from adapters.gnusocial.outbound import REPEAT, Direct, Post, guarded, said, split, wire_text
from adapters.gnusocial.wire.account import Allowed
from adapters.gnusocial.wire.matching import direct_among, oldest_of, post_among, repeat_among
from adapters.gnusocial.wire.statuses import favourite_names, names_of, posted_at
from bridge.contract.features import Voice, VoiceKind
from bridge.model.events import Attachment, Message, Text
from bridge.model.ids import IdentityId
from tests.unit.gnusocial.kit import HOST, NET

RECORDED = Path(__file__).parent / "recorded"
LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(), lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner)
)
VOICE = Voice(kind=VoiceKind.PUPPET, name="alice")


def recorded(name: str) -> Any:
    return json.loads((RECORDED / f"{name}.json").read_text())


def test_a_recorded_direct_message_is_found_by_its_recipient_and_words() -> None:
    sent = recorded("dms_sent")
    direct = Direct(IdentityId(NET, f"alice@{HOST}"), "secret hello & <tag>")
    assert direct_among(sent, direct, "1", HOST, LONG_AGO, lambda ids: True) == "gs1.test:direct:1"
    assert direct_among(sent, direct, "2", HOST, LONG_AGO, lambda ids: True) is None
    assert direct_among(sent, direct, "1", HOST, datetime(2026, 11, 23, tzinfo=UTC), lambda ids: True) is None


def test_a_recorded_repeat_is_found() -> None:
    mine = repeat_among(recorded("retweets"), "20", "1")
    assert names_of(mine, HOST) == ("tag:gs1.test,2026-11-22:noticeId=27:objectType=note", "gs1.test:27")
    assert repeat_among(recorded("retweets"), "20", "2") is None


def test_a_favourites_name_is_the_recorded_one() -> None:
    at = datetime(2026, 11, 22, 19, 15, 59, tzinfo=UTC)
    uri = "tag:gs1.test,2026-11-22:noticeId=20:objectType=note"
    assert (
        favourite_names("gs1.test", "1", "20", uri, at)[0] == "tag:gs1.test,2026-11-22:fave:1:note:20:2026-11-22T19:15:59+00:00"
    )


@given(JSON)
def test_no_page_is_too_odd(page: Any) -> None:
    for one in (page, [page], [{"user": page, "created_at": page, "id": page, "text": page}]):
        assert post_among(one, Post("hi"), "1", HOST, LONG_AGO, lambda ids: True) is None
        assert repeat_among(one, "20", "1") is None
        direct_among(one, Direct(IdentityId(NET, "a@b"), "hi"), "1", HOST, LONG_AGO, lambda ids: True)
        oldest_of(one)
        names_of(one, HOST)


@given(st.text(max_size=30))
def test_a_date_is_one_or_none(text: str) -> None:
    assert posted_at(text) is None
    assert posted_at("Sun Nov 22 19:16:01 +0000 2026") == datetime(2026, 11, 22, 19, 16, 1, tzinfo=UTC)


@given(st.text(alphabet=st.sampled_from("&;#abltgxAMP39 é")))
def test_what_a_server_decodes_is_what_was_written(text: str) -> None:
    """PHP's html_entity_decode, unlike browsers, wants the semicolon."""
    entity = re.compile(r"&(?:#[0-9]+|#[xX][0-9A-Fa-f]+|[A-Za-z][A-Za-z0-9]*);")
    assert entity.sub(lambda found: unescape(found[0]), wire_text(text)) == text


@given(st.text())
def test_the_guard_against_commands_changes_nothing_that_is_read(text: str) -> None:
    assert said(guarded(text)) == said(text)
    assert guarded("Off topic") != "Off topic" and guarded("off-topic") == "off-topic" and guarded("offer") == "offer"


@given(st.text(max_size=400), st.integers(120, 300), st.integers(0, 9))
def test_every_part_fits_and_nothing_is_lost(text: str, limit: int, pictures: int) -> None:
    attachments = tuple(Attachment(source=f"mxc://hub/{n}", name=f"{n}.png") for n in range(pictures))
    message = Message(text=Text(plain=text), attachments=attachments)
    parts = split(message, VOICE, features_of(Place(Kind.HOME, "", "me"), Allowed(text=limit)))
    assert all(len(REPEAT + part.text.plain) <= limit for part in parts)
    assert "".join("".join(part.text.plain for part in parts).split()) == "".join(text.split())
    assert [one.source for part in parts for one in part.attachments] == [one.source for one in attachments]
