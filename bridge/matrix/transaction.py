"""A homeserver's transaction, cut into events before any of them is read: what is wrong with one stays with that one.

msgspec refuses a whole document for one escaped half of a surrogate pair, one NaN or one event nested a thousand
deep, and the homeserver would send the same transaction again for ever. So the outer document is decoded with its
events left raw (0.3 µs an event), and where even that fails, an own scanner cuts the lists at their commas.
"""

import re
from collections.abc import Sequence
from typing import Any, TypeAlias

import msgspec

from bridge.contract.errors import BridgeError

RawJson: TypeAlias = bytes | msgspec.Raw


class NotJson(BridgeError):
    """The body is no JSON object at all: 400 M_NOT_JSON."""


class OutOfTurn(BridgeError):
    """A transaction before this one never came. Refusing this one makes the homeserver begin with the oldest it has."""


class Unreadable(msgspec.Struct, frozen=True):
    """One event that says nothing to us, and why, in plain words."""

    reason: str


class Transaction(msgspec.Struct, frozen=True):
    """`events` and `ephemeral` as they came, each undecoded (AS API `PUT /transactions/{txnId}`; MSC2409)."""

    events: Sequence[RawJson] = ()
    ephemeral: Sequence[RawJson] = ()


class _Outer(msgspec.Struct):
    events: list[msgspec.Raw] = []
    ephemeral: list[msgspec.Raw] = []
    unstable: list[msgspec.Raw] = msgspec.field(name="de.sorunome.msc2409.ephemeral", default_factory=list)


_outer = msgspec.json.Decoder(_Outer)
_inner = msgspec.json.Decoder()
_TOKEN = re.compile(rb'"(?:[^"\\]|\\.)*+"|[][{},]', re.S)
_LISTS = {b'"events"': "events", b'"ephemeral"': "ephemeral", b'"de.sorunome.msc2409.ephemeral"': "unstable"}


def read_transaction(body: bytes) -> Transaction:
    """Raises `NotJson`. Both spellings of `ephemeral` may be there, with the same in them: the stable one counts."""
    try:
        outer = _outer.decode(body)
    except (msgspec.DecodeError, RecursionError, ValueError):
        found = _cut(body)
        return Transaction(found["events"], found["ephemeral"] or found["unstable"])
    return Transaction(outer.events, outer.ephemeral or outer.unstable)


def read_event(raw: RawJson) -> dict[str, Any] | Unreadable:
    """One event's JSON object, fields unchecked."""
    try:
        value = _inner.decode(raw)
    except RecursionError:
        return Unreadable("nested too deep")
    except ValueError as error:  # msgspec's errors, and bytes that are no UTF-8
        return Unreadable(f"no JSON: {error}")
    return value if isinstance(value, dict) else Unreadable("no JSON object")


def _cut(body: bytes) -> dict[str, list[RawJson]]:
    """The members of our lists, found by brackets alone; linear in the body. Raises `NotJson` where these do not match."""
    found: dict[str, list[RawJson]] = {"events": [], "ephemeral": [], "unstable": []}
    open_ones = bytearray()
    key: bytes | None = None
    into: list[RawJson] | None = None
    start = 0
    for match in _TOKEN.finditer(body.strip()):
        token = match.group()
        if token in b"{[":
            open_ones += token
            if len(open_ones) == 2 and token == b"[" and key in _LISTS:
                into, start = found[_LISTS[key]], match.end()
        elif token in b"}]":
            if not open_ones or open_ones[-1:] != {b"}": b"{", b"]": b"["}[token]:
                raise NotJson("brackets do not match")
            if len(open_ones) == 2 and into is not None:
                into += _piece(match.string[start : match.start()])
                into = None
            del open_ones[-1:]
            if not open_ones and match.end() != len(match.string):
                raise NotJson("more than one value")
        elif token == b",":
            if len(open_ones) == 2 and into is not None:
                into += _piece(match.string[start : match.start()])
                start = match.end()
            elif len(open_ones) == 1:
                key = None
        elif len(open_ones) == 1 and key is None:
            key = token
    if open_ones or not (found["events"] or found["ephemeral"] or found["unstable"]):
        raise NotJson("no JSON object with lists of events")
    return found


def _piece(raw: bytes) -> list[bytes]:
    raw = raw.strip()
    return [raw] if raw else []
