"""Requests in an account's name: signed for each hop, to one host only, and every answer sorted."""

import base64
import hmac
from datetime import UTC, datetime
from urllib.parse import parse_qsl, unquote, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st
from oauthlib.oauth1.rfc5849 import signature

from adapters.common.oauth1 import Keys, authorization, granted
from adapters.gnusocial.wire.answers import LONGEST_WAIT, decode, http_date, read, said, wait_of
from adapters.gnusocial.wire.client import Basic, Client, Refused, Revoked, Site
from adapters.gnusocial.wire.multipart import File, multipart
from bridge.contract.errors import DeliveryError, Unavailable, Uncertain
from bridge.contract.toolbox import HttpAnswer
from tests.doubles.clock import START, FakeClock
from tests.unit.gnusocial.kit import Answers, Asked, ScriptedHttp, Told, by_path, toolbox_with

KEYS = Keys("key", "ks", "token", "ts")
SITE = Site("https://gs1.test/api/")


def client(answers: Answers, secret: Basic | Keys | None = KEYS, site: Site = SITE) -> tuple[Client, ScriptedHttp]:
    clock = FakeClock()
    http = ScriptedHttp(clock, answers)
    return Client(site, secret, toolbox_with(http, clock)), http


def is_signed(asked: Asked) -> bool:
    """Whether the signature is the one of RFC 5849 §3.4.2 over all that was sent."""
    header = asked.headers["authorization"].removeprefix("OAuth ")
    params = [(name, value.strip('"')) for name, value in (part.strip().split("=", 1) for part in header.split(","))]
    given = [(name, unquote(value)) for name, value in params]
    mark = dict(given)["oauth_signature"]
    rest = [(name, value) for name, value in given if name not in ("oauth_signature", "realm")]
    all_of_them = [*rest, *parse_qsl(urlsplit(asked.url).query, keep_blank_values=True), *asked.form.items()]
    base = signature.signature_base_string(
        asked.method, signature.base_string_uri(asked.url), signature.normalize_parameters(all_of_them)
    )
    return base64.b64encode(hmac.new(b"ks&ts", base.encode(), "sha1").digest()).decode() == mark


async def test_basic_goes_with_every_request() -> None:
    api, http = client(by_path({"x": Told({})}), Basic("al:ice", "pä:ss"))
    await api.get("x")
    assert base64.b64decode(http.asked[0].headers["authorization"].removeprefix("Basic ")).decode() == "al:ice:pä:ss"


async def test_a_form_and_a_query_are_signed_with_what_they_hold() -> None:
    api, http = client(by_path({"x": Told({})}))
    await api.get("x", q="a b&c=日本", count=20)
    await api.post("x", status="100% +1 ~ü\n&x=", in_reply_to_status_id=None)
    assert [is_signed(asked) for asked in http.asked] == [True, True]
    assert http.asked[1].form == {"status": "100% +1 ~ü\n&x="}
    assert len({asked.headers["authorization"] for asked in http.asked}) == 2


async def test_each_hop_of_a_redirect_is_signed_anew() -> None:
    """A header signed for the first address is refused at the second (seen on pump.io)."""
    routes = {"x": Told(status=301, headers={"location": "/api/y.json?a=1"}), "y": Told({"ok": 1})}
    api, http = client(by_path(routes))
    assert (await api.get("x")).data == {"ok": 1}
    assert [is_signed(asked) for asked in http.asked] == [True, True]


async def test_a_moved_write_arrives_whole() -> None:
    def answer(asked: Asked) -> Told:
        return (
            Told({"ok": 1}) if asked.url.startswith("https:") else Told(status=302, headers={"location": f"https{asked.url[4:]}"})
        )

    api, http = client(answer, site=Site("http://gs1.test/api/"))
    await api.post("x", status="hi")
    assert [(asked.method, asked.form) for asked in http.asked] == [("POST", {"status": "hi"})] * 2


@pytest.mark.parametrize(
    "target",
    [
        "https://evil.test/api/x.json",
        "//evil.test/",
        "http://gs1.test/api/x.json",
        "https://gs1.test.evil.test/",
        "https://gs1.test@evil.test/",
        "javascript:alert(1)",
        "https://[::1",
        "file:///etc/passwd",
    ],
)
async def test_secrets_go_to_no_other_host_and_never_unencrypted(target: str) -> None:
    api, http = client(by_path({"x": Told(status=307, headers={"location": target})}))
    with pytest.raises(Unavailable, match="redirects to"):
        await api.get("x")
    assert len(http.asked) == 1


async def test_a_write_that_was_answered_with_see_other_may_have_been_done() -> None:
    api, http = client(by_path({"x": Told(status=303, headers={"location": "/api/y.json"})}))
    with pytest.raises(DeliveryError):
        await api.post("x", status="hi")
    assert len(http.asked) == 1


async def test_redirects_end() -> None:
    api, http = client(by_path({"x": Told(status=302, headers={"location": "/api/x.json"})}))
    with pytest.raises(Unavailable, match="without end"):
        await api.get("x")
    assert len(http.asked) == 4


async def test_nothing_new_is_told_apart() -> None:
    api, http = client(by_path({"x": [Told([1], headers={"etag": 'W/"a"'}), Told(status=304)]}))
    first = await api.get("x")
    again = await api.get("x", etag=first.etag)
    assert (first.fresh, again.fresh, again.data) == (True, False, None)
    assert http.asked[1].headers["if-none-match"] == 'W/"a"'


@pytest.mark.parametrize(
    ("status", "once", "error"),
    [
        (400, True, Refused),
        (401, True, Revoked),
        (404, False, Refused),
        (413, True, Refused),
        (429, True, Unavailable),
        (500, True, Uncertain),
        (500, False, Unavailable),
        (502, True, Uncertain),
        (503, True, Unavailable),
        (100, False, Unavailable),
    ],
)
def test_every_status_means_one_thing(status: int, once: bool, error: type[DeliveryError]) -> None:
    with pytest.raises(error):
        read(HttpAnswer(status=status, headers={}, body=b"", url=""), once=once, now=START)


@given(st.integers(100, 599), st.binary(max_size=300), st.booleans(), st.text(max_size=20))
def test_no_answer_is_too_odd(status: int, body: bytes, once: bool, wait: str) -> None:
    answer = HttpAnswer(status=status, headers={"retry-after": wait, "date": wait}, body=body, url="")
    try:
        read(answer, once=once, now=START)
    except DeliveryError as error:
        assert error.reason.isprintable() and len(error.reason) < 300
        assert once or not isinstance(error, Uncertain)


def test_nesting_without_end_is_no_json() -> None:
    with pytest.raises(ValueError):
        decode(b"[" * 200_000)


def test_a_byte_order_mark_is_no_reason_to_fail() -> None:
    assert decode(b"\xef\xbb\xbf {} ") == {}


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b'{"error":"No such notice.","request":"/x"}', "No such notice."),
        (b'{"error":{"message":"m"}}', "m"),
        (b"<hash><error>Not &lt;found&gt;</error></hash>", "Not <found>"),
        (b"<html><head><title>502\n Bad Gateway</title>", "502 Bad Gateway"),
        (b"", "the server answered 418"),
        (b'{"error":17}', "the server answered 418"),
    ],
)
def test_the_servers_reason_is_one_short_line(body: bytes, words: str) -> None:
    assert said(HttpAnswer(status=418, headers={}, body=body, url="")) == words


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("120", 120.0),
        ("Thu, 01 Jan 2026 12:01:00 GMT", 60.0),
        ("9" * 50, LONGEST_WAIT),
        ("-5", None),
        ("soon", None),
        (None, None),
    ],
)
def test_how_long_to_wait(text: str | None, seconds: float | None) -> None:
    assert wait_of(text, START) == seconds


def test_both_spellings_of_an_http_date() -> None:
    wanted = datetime(2026, 11, 22, 19, 15, 43, tzinfo=UTC)
    assert http_date("Sun, 22 Nov 2026 19:15:43 GMT") == http_date("Sun, 22 Nov 2026 19:15:43 +0000") == wanted


@given(st.text(max_size=40), st.binary(max_size=200), st.text(max_size=40))
def test_a_form_with_a_file_has_exactly_its_parts(value: str, data: bytes, name: str) -> None:
    kind, body = multipart({"status": value}, [File("media", name, "image/png", data)], boundary="b" * 32)
    assert kind == f"multipart/form-data; boundary={'b' * 32}"
    assert data in body
    for part in body.split(b"--" + b"b" * 32)[1:-1]:
        head = part.partition(b"\r\n\r\n")[0]
        assert head.count(b"\r\n") <= 2 and b"\0" not in head


def test_secrets_are_not_shown() -> None:
    assert "ks" not in repr(KEYS) and "ts" not in repr(KEYS)
    assert "hunter2" not in repr(Basic("alice", "hunter2"))


def test_a_grant_is_read_or_refused() -> None:
    assert granted(b"oauth_token=a&oauth_token_secret=b&x=1\n")["oauth_token"] == "a"
    for bad in (b"", b"oauth_token=a", b"<html>", b"\xff\xfe"):
        with pytest.raises(ValueError):
            granted(bad)


def test_an_address_that_is_none_can_not_be_signed() -> None:
    with pytest.raises(ValueError):
        authorization("GET", "nowhere", KEYS, timestamp=1, nonce="n")
