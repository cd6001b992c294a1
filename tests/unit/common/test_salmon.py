"""Slaps: what other servers really sent is believed, and nothing else is."""

import json
from base64 import urlsafe_b64encode
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, generate_private_key
from cryptography.hazmat.primitives.hashes import SHA256
from hypothesis import given
from hypothesis import strategies as st

from adapters.common.salmon import WINDOW, Refused, Slap, check, public_key, read_slap

RECORDED = Path(__file__).parent / "recorded_salmon"
KEYS: dict[str, str] = json.loads((RECORDED / "keys.json").read_text())
NOW = datetime(2026, 11, 22, 19, 30, tzinfo=UTC)
ALICE = "http://gs1.test/user/1"
SLAPS = sorted(RECORDED.glob("*.xml"))


def recorded(number: int) -> bytes:
    return SLAPS[number].read_bytes()


def encoded(data: bytes) -> str:
    return urlsafe_b64encode(data).decode()


@pytest.fixture(scope="module")
def private() -> RSAPrivateKey:
    return generate_private_key(65537, 2048)


def magic(private: RSAPrivateKey) -> str:
    numbers = private.public_key().public_numbers()
    parts = (number.to_bytes((number.bit_length() + 7) // 8, "big") for number in (numbers.n, numbers.e))
    return ".".join(("RSA", *(encoded(part) for part in parts)))


def entry(author: str = ALICE, id: str = "tag:gs1.test,2026:1", updated: str = "2026-11-22T19:29:00Z") -> bytes:
    return (
        f'<entry xmlns="http://www.w3.org/2005/Atom"><id>{id}</id><updated>{updated}</updated>'
        f"<author><uri>{author}</uri></author></entry>"
    ).encode()


def sealed(private: RSAPrivateKey, content: bytes, form: str = "padded", **facts: str) -> dict[str, str]:
    data = encoded(content)
    told = {"type": "application/atom+xml", "encoding": "base64url", "alg": "RSA-SHA256", **facts}
    signed = ".".join((data, *(encoded(told[name].encode()) for name in ("type", "encoding", "alg"))))
    signed = {"padded": signed, "unpadded": signed.replace("=", ""), "data alone": data}[form]
    return {"data": data, **told, "sig": encoded(private.sign(signed.encode(), PKCS1v15(), SHA256()))}


def xml(parts: dict[str, str]) -> bytes:
    return (
        '<me:env xmlns:me="http://salmon-protocol.org/ns/magic-env">'
        f'<me:data type="{parts["type"]}">{parts["data"]}</me:data><me:encoding>{parts["encoding"]}</me:encoding>'
        f"<me:alg>{parts['alg']}</me:alg><me:sig>{parts['sig']}</me:sig></me:env>"
    ).encode()


def test_there_are_nine_recorded_slaps() -> None:
    assert len(SLAPS) == 9


@pytest.mark.parametrize("path", SLAPS, ids=lambda path: path.stem)
def test_what_gnu_social_sent_is_believed(path: Path) -> None:
    slap = read_slap(path.read_bytes())
    check(slap, [KEYS[slap.author]], NOW, seen=False)
    assert slap.content.startswith(b"<?xml")
    assert slap.id.startswith("tag:gs")


@pytest.mark.parametrize("path", SLAPS, ids=lambda path: path.stem)
def test_another_persons_key_opens_nothing(path: Path) -> None:
    slap = read_slap(path.read_bytes())
    with pytest.raises(Refused, match="key"):
        check(slap, [key for author, key in KEYS.items() if author != slap.author], NOW, seen=False)


def test_a_changed_letter_breaks_the_seal() -> None:
    body = recorded(4)
    slap = read_slap(body)
    forged = slap.content.replace(b"are you there", b"send me money")
    assert forged != slap.content
    body = body.replace(slap.data.encode(), encoded(forged).encode())
    with pytest.raises(Refused, match="key"):
        check(read_slap(body), list(KEYS.values()), NOW, seen=False)


@pytest.mark.parametrize("form", ["padded", "unpadded", "data alone"])
def test_each_form_of_the_seal_is_known(private: RSAPrivateKey, form: str) -> None:
    slap = read_slap(xml(sealed(private, entry(), form)))
    check(slap, ["RSA.broken", magic(private)], NOW, seen=False)
    assert slap.author == ALICE


def test_json_is_as_good_as_xml(private: RSAPrivateKey) -> None:
    parts = sealed(private, entry())
    told = {"data": parts["data"], "data_type": parts["type"], "encoding": parts["encoding"], "alg": parts["alg"]}
    slap = read_slap(json.dumps({**told, "sigs": [{"value": parts["sig"]}]}).encode())
    check(slap, [magic(private)], NOW, seen=False)


def test_a_second_delivery_is_refused() -> None:
    slap = read_slap(recorded(0))
    with pytest.raises(Refused, match="before"):
        check(slap, [KEYS[slap.author]], NOW, seen=True)


@pytest.mark.parametrize("now", [NOW + WINDOW, NOW - timedelta(hours=1)])
def test_what_is_old_or_from_the_future_is_refused(now: datetime) -> None:
    slap = read_slap(recorded(0))
    with pytest.raises(Refused, match="old"):
        check(slap, [KEYS[slap.author]], now, seen=False)


@pytest.mark.parametrize(
    ("facts", "words"),
    [
        ({"alg": "RSA-MD5"}, "nobody uses"),
        ({"type": "text/html"}, "nobody uses"),
        ({"encoding": "plain"}, "nobody uses"),
    ],
)
def test_seals_of_another_kind_are_refused(private: RSAPrivateKey, facts: dict[str, str], words: str) -> None:
    with pytest.raises(Refused, match=words):
        read_slap(xml(sealed(private, entry(), **facts)))


@pytest.mark.parametrize(
    "content",
    [
        b"no xml",
        b"<a>" * 100_000,
        b'<!DOCTYPE x [<!ENTITY a "aaaa">]><entry xmlns="http://www.w3.org/2005/Atom">&a;</entry>',
        entry(updated="yesterday"),
        entry(id=""),
        entry(author=""),
        entry().replace(b"entry", b"feed"),
    ],
)
def test_content_that_names_no_author_id_or_date_is_refused(private: RSAPrivateKey, content: bytes) -> None:
    with pytest.raises(Refused):
        read_slap(xml(sealed(private, content)))


@pytest.mark.parametrize("body", [b"", b"<x/>", b"{}", b"[", b'{"data": 1}', b"{" * 100_000, b"x" * 2_000_000])
def test_what_is_no_envelope_is_refused(body: bytes) -> None:
    with pytest.raises(Refused):
        read_slap(body)


@pytest.mark.parametrize(
    "key",
    [
        "",
        "RSA",
        "RSA..",
        "DSA.AQAB.AQAB",
        "RSA.AQAB.AQAB",
        "RSA." + encoded(b"\xff" * 2000) + ".AQAB",
        "RSA." + encoded(b"\xff" * 128) + "." + encoded(b"\xff" * 100),
        "RSA." + encoded(b"\xfe" * 128) + ".AA==",
        "RSA.é.AQAB",
    ],
)
def test_what_is_no_key_is_refused(key: str) -> None:
    with pytest.raises(Refused):
        public_key(key)


def test_a_key_is_read_from_its_data_address() -> None:
    key = KEYS[ALICE]
    assert public_key(f"data:application/magic-public-key,{key}").public_numbers() == public_key(key).public_numbers()


@given(st.binary(max_size=300))
def test_no_bytes_do_worse_than_be_refused(body: bytes) -> None:
    for envelope in (body, b"{" + body, recorded(0)[:200] + body):
        with pytest.raises(Refused):
            read_slap(envelope)


@given(st.text(max_size=60))
def test_no_text_does_worse_than_be_no_key(text: str) -> None:
    slap = Slap(content=b"", author=ALICE, id="1", updated=NOW, data="", signatures=(b"x",))
    with pytest.raises(Refused):
        check(slap, [text, f"RSA.{text}"], NOW, seen=False)
