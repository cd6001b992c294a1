"""Salmon (draft-panzer-salmon-00): signed notices that servers push to each other, taken apart and checked. Pure.

A slap is believed only if all of this holds: its signature fits the key of the author named in the signed entry (whoever calls
has asked that author's own server for it, by WebFinger), it is recent, and it hasn't come before. Three forms of the signed text
are in the wild: padded (GNU social), unpadded (the specification), and the data alone (StatusNet before 1.0).
"""

import binascii
import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey, RSAPublicNumbers
from cryptography.hazmat.primitives.hashes import SHA256
from msgspec import Struct

from adapters.common.atom import ACTIVITY, ATOM, Unreadable, load, text
from adapters.common.dates import moment

SIZE_CAP = 1024 * 1024
WINDOW = timedelta(days=1)
"""How old a slap may be: servers that couldn't reach us try again for hours."""
_AHEAD = timedelta(minutes=10)
_ENV = "{http://salmon-protocol.org/ns/magic-env}"
_TYPE, _ENCODING, _ALGORITHM = "application/atom+xml", "base64url", "RSA-SHA256"
_KEY_BITS = range(1024, 8193)
_KEY_PREFIX = "data:application/magic-public-key,"


class Refused(ValueError):
    """Not to be believed. The words say why; they go into a log, never into an answer."""


class Slap(Struct, frozen=True, kw_only=True):
    """What was pushed. Nothing of it is proven before `check`."""

    content: bytes
    """The Atom entry, as it was signed."""
    author: str
    """The address by which the entry names its author: whose key is to be asked for."""
    id: str
    updated: datetime
    data: str
    signatures: tuple[bytes, ...]


def read_slap(body: bytes) -> Slap:
    """Takes an envelope apart, XML or JSON. Raises `Refused`."""
    if len(body) > SIZE_CAP:
        raise Refused("the envelope is too big")
    parts = _from_json(body) if body.lstrip().startswith(b"{") else _from_xml(body)
    data, kind, encoding, algorithm, signatures = parts
    if kind.partition(";")[0].strip().lower() != _TYPE or encoding.lower() != _ENCODING or algorithm.upper() != _ALGORITHM:
        raise Refused("the envelope is sealed in a way nobody uses")
    content = _decoded(data)
    try:
        entry = load(content)
    except Unreadable as error:
        raise Refused(f"the envelope's content can't be read: {error}") from None
    author = text(entry, f"{ATOM}author/{ATOM}uri") or text(entry, f"{ACTIVITY}actor/{ATOM}id")
    id, updated = text(entry, f"{ATOM}id"), moment(text(entry, f"{ATOM}updated") or text(entry, f"{ATOM}published"))
    if entry.tag != f"{ATOM}entry" or author is None or id is None or updated is None:
        raise Refused("the envelope's content lacks author, id or date")
    return Slap(
        content=content,
        author=author,
        id=id,
        updated=updated,
        data=data,
        signatures=tuple(_decoded(signature) for signature in signatures),
    )


def check(slap: Slap, keys: Sequence[str], now: datetime, *, seen: bool) -> None:
    """Raises `Refused` unless one of the author's `keys` (magic public keys) sealed it, it is recent and was not `seen`."""
    if seen:
        raise Refused("it has come before")
    if not now - WINDOW <= slap.updated <= now + _AHEAD:
        raise Refused("it is too old, or from the future")
    if not any(_fits(slap, key) for key in keys):
        raise Refused("its author's key doesn't fit the signature")


def public_key(written: str) -> RSAPublicKey:
    """Of `RSA.modulus.exponent`, with or without the `data:` address it comes in. Raises `Refused`."""
    kind, _, numbers = written.strip().removeprefix(_KEY_PREFIX).partition(".")
    modulus, _, exponent = numbers.partition(".")
    if kind != "RSA" or not modulus or not exponent or len(written) > 4096:
        raise Refused("it is no magic public key")
    n, e = (int.from_bytes(_decoded(part), "big") for part in (modulus, exponent))
    if n.bit_length() not in _KEY_BITS or e.bit_length() > 64:
        raise Refused("the key's size is out of reason")
    try:
        return RSAPublicNumbers(e, n).public_key()
    except ValueError:
        raise Refused("it is no key") from None


def _fits(slap: Slap, written: str) -> bool:
    try:
        key = public_key(written)
    except Refused:
        return False
    for signed in _signed(slap.data):
        for signature in slap.signatures:
            try:
                key.verify(signature, signed.encode(), PKCS1v15(), SHA256())
            except InvalidSignature:
                continue
            return True
    return False


def _signed(data: str) -> Iterator[str]:
    facts = (urlsafe_b64encode(fact.encode()).decode() for fact in (_TYPE, _ENCODING, _ALGORITHM))
    padded = ".".join((data, *facts))
    yield padded
    yield padded.replace("=", "")
    yield data


def _from_xml(body: bytes) -> tuple[str, str, str, str, list[str]]:
    try:
        root = load(body)
    except Unreadable as error:
        raise Refused(f"the envelope can't be read: {error}") from None
    envelope = root if root.tag in (f"{_ENV}env", f"{_ENV}provenance") else root.find(f"{_ENV}provenance")
    data = envelope.find(f"{_ENV}data") if envelope is not None else None
    if envelope is None or data is None:
        raise Refused("it is no envelope")
    signatures = ["".join("".join(one.itertext()).split()) for one in envelope.findall(f"{_ENV}sig")]
    kind = data.get("type") or _TYPE
    encoding, algorithm = (text(envelope, f"{_ENV}{name}") or "" for name in ("encoding", "alg"))
    return "".join("".join(data.itertext()).split()), kind, encoding, algorithm, signatures


def _from_json(body: bytes) -> tuple[str, str, str, str, list[str]]:
    try:
        found = json.loads(body)
    except (ValueError, RecursionError):
        raise Refused("the envelope is no well-formed JSON") from None
    sigs = found.get("sigs")
    signatures = [one.get("value") for one in sigs if isinstance(one, dict)] if isinstance(sigs, list) else []
    facts = [found.get(name) for name in ("data", "data_type", "encoding", "alg")]
    if not all(isinstance(one, str) for one in (*facts, *signatures)):
        raise Refused("it is no envelope")
    data, kind, encoding, algorithm = (str(fact) for fact in facts)
    return "".join(data.split()), kind, encoding, algorithm, [str(one) for one in signatures]


def _decoded(written: str) -> bytes:
    """base64url, padded or not."""
    try:
        return urlsafe_b64decode(written.rstrip("=").encode("ascii") + b"=" * (-len(written.rstrip("=")) % 4))
    except (binascii.Error, UnicodeEncodeError, ValueError):
        raise Refused("it is no base64url") from None
