"""Hubs as they are: Link headers of every spelling, and signatures that fit or don't."""

import hashlib
import hmac
import json
import os
from pathlib import Path
from urllib.parse import parse_qs

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.common.websub import METHODS, hubs_of, is_signed, links_of, request_form

BASE = "https://blog.example/feed/"
RECORDED = Path(__file__).parent / "recorded_pushes"
SIGNED: dict[str, dict[str, str]] = json.loads((RECORDED / "signatures.json").read_text())
CORPUS = Path(__file__).parents[4] / "shared" / "fixtures" / "gnusocial-recorded" / "ostatus"


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ('<https://hub.example/>; rel="hub"', [("hub", "https://hub.example/")]),
        ("</hub>;rel=hub", [("hub", "https://blog.example/hub")]),
        ('<a,b>; rel="self", <c;d>; title="x, y; rel=hub"; rel=HUB', [("self", f"{BASE}a,b"), ("hub", f"{BASE}c;d")]),
        ('<h>; rel="hub alternate"', [("hub", f"{BASE}h"), ("alternate", f"{BASE}h")]),
        ("<javascript:alert(1)>; rel=hub, <h>; rel=hub", [("hub", f"{BASE}h")]),
        ("<h>", []),
        ("h; rel=hub", []),
        ("", []),
        ('<h>; rel="hub', []),
    ],
)
def test_link_headers_are_read(header: str, expected: list[tuple[str, str]]) -> None:
    assert list(links_of(header, BASE)) == expected


@given(st.text(alphabet='<>;,="\\ relhub', max_size=200))
def test_any_header_is_read_or_passed_over(header: str) -> None:
    assert all(target.startswith("http") for _, target in links_of(header, BASE))


def test_hubs_and_topic() -> None:
    found = hubs_of({"link": "<https://a.example/>; rel=hub, <https://b.example/>; rel=hub, </me>; rel=self"}, BASE)
    assert found == (("https://a.example/", "https://b.example/"), "https://blog.example/me")
    assert hubs_of({}, BASE) == ((), None)


def test_a_request_says_all_a_hub_wants() -> None:
    form = parse_qs(request_form("subscribe", topic="https://x/?a=b&c", callback="https://y/z", secret="s3", lease=60).decode())
    assert form == {
        "hub.mode": ["subscribe"],
        "hub.topic": ["https://x/?a=b&c"],
        "hub.callback": ["https://y/z"],
        "hub.verify": ["async"],
        "hub.secret": ["s3"],
        "hub.lease_seconds": ["60"],
    }
    assert b"secret" not in request_form("unsubscribe", topic="t", callback="c")


@pytest.mark.parametrize("name", sorted(SIGNED))
def test_what_gnu_social_pushed_is_believed_and_nothing_else(name: str) -> None:
    body, signed = (RECORDED / name).read_bytes(), SIGNED[name]
    assert is_signed(body, signed["secret"], signed["signature"])
    assert not is_signed(body + b" ", signed["secret"], signed["signature"])
    assert not is_signed(body, signed["secret"] + "0", signed["signature"])
    assert not is_signed(body, "", signed["signature"])


@pytest.mark.corpus
def test_every_recorded_push_verifies() -> None:
    if not CORPUS.exists():
        assert not os.environ.get("CI"), "the fixtures are not beside the checkout"
        pytest.skip("no fixtures here")
    secrets = json.loads((CORPUS / "keys.json").read_text())["hub_secrets"]
    pushes = [one for one in json.loads((CORPUS / "index.json").read_text()) if one["kind"] == "push"]
    assert len(pushes) == 12
    for push in pushes:
        secret = secrets[f"http://{push['to']}.test{push['url']}"]
        assert is_signed((CORPUS / push["body_file"]).read_bytes(), secret, push["headers"]["x-hub-signature"])


@given(st.binary(max_size=100), st.sampled_from(METHODS), st.text(min_size=1, max_size=50))
def test_every_method_fits_its_own_and_no_other(body: bytes, method: str, secret: str) -> None:
    right = hmac.new(secret.encode(), body, getattr(hashlib, method)).hexdigest()
    assert is_signed(body, secret, f"{method}={right}")
    assert is_signed(body, secret, f" {method.upper()}={right.upper()} ")
    for other in METHODS:
        assert is_signed(body, secret, f"{other}={right}") == (other == method)


@given(st.binary(max_size=20), st.text(max_size=60))
def test_no_signature_breaks_the_check(body: bytes, signature: str) -> None:
    assert not is_signed(body, "secret", signature)
