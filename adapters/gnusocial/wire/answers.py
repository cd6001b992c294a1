"""What an answer means: done, later, perhaps, never, or the account is refused."""

import html
import re
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

import msgspec

from bridge.contract.errors import DeliveryError, Rejected, Unavailable, Uncertain
from bridge.contract.toolbox import HttpAnswer
from bridge.text.plain import cut, one_line

LONGEST_WAIT = 6 * 3600.0
"""Seconds: a server that asks for more patience than this is asked again all the same."""
_WORDS = 200
_TITLE = re.compile(r"<(?:error|title)[^>]*>([^<]{1,500})<", re.IGNORECASE)
_NOT_NOW = frozenset({408, 425, 429, 503})


class Revoked(Unavailable):
    """The server does not take the account's secrets (401): a human must log in again."""


class Broken(Uncertain):
    """The server failed (500) and said so: whatever it did is done by now, and can be looked for at once."""


class Refused(Rejected):
    """The server's own no (4xx). `status` is the HTTP status."""

    def __init__(self, reason: str, status: int) -> None:
        super().__init__(reason)
        self.status = status

    @property
    def gone(self) -> bool:
        """What was asked for is not there, or not any more."""
        return self.status in (404, 410)


class Answer(msgspec.Struct, frozen=True):
    """`data`: the JSON, as it is; None where nothing changed since `etag`. `at`: the server's clock, where it says so."""

    data: Any
    etag: str | None = None
    at: datetime | None = None
    fresh: bool = True


def read(answer: HttpAnswer, *, once: bool, now: datetime) -> Answer:
    """Sorts an answer. `once`: it was a write that must not happen twice, so a server's failure leaves it open.

    Raises `Revoked`, `Refused`, `Unavailable`, or `Uncertain` (only where `once`).
    """
    at = http_date(answer.headers.get("date"))
    etag = answer.headers.get("etag")
    if answer.status == 304:
        return Answer(None, etag, at, fresh=False)
    if 200 <= answer.status < 300:
        try:
            return Answer(decode(answer.body), etag, at)
        except ValueError:
            words = "the server answered with something else than JSON"
            raise (Uncertain(words) if once else Unavailable(words)) from None
    raise _failure(answer, once=once, now=now)


def _failure(answer: HttpAnswer, *, once: bool, now: datetime) -> DeliveryError:
    status, words = answer.status, said(answer)
    if status == 401:
        return Revoked(f"the server refuses the account: {words}")
    if status in _NOT_NOW:
        return Unavailable(words, retry_after=wait_of(answer.headers.get("retry-after"), now))
    if status >= 500:
        if not once:
            return Unavailable(words)
        return Broken(words) if status == 500 else Uncertain(words)
    if status >= 400:
        return Refused(words, status)
    return Unavailable(f"the server answered {status}")


def decode(body: bytes) -> Any:
    """JSON to plain values. Raises `ValueError` for what is none, and for nesting without end."""
    try:
        return msgspec.json.decode(body.removeprefix(b"\xef\xbb\xbf").strip())
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise ValueError("no JSON") from error


def said(answer: HttpAnswer) -> str:
    """The server's reason on one line, short, and readable whatever it sent."""
    try:
        data = decode(answer.body)
    except ValueError:
        data = None
    words = data.get("error") if isinstance(data, dict) else None
    if isinstance(words, dict):  # as newer Twitter had it
        words = words.get("message")
    if not isinstance(words, str) or not words.strip():
        found = _TITLE.search(answer.body[:4096].decode("utf-8", "replace"))
        words = found[1] if found is not None else ""
    words = cut(one_line(html.unescape(words)).strip(), _WORDS)
    return words or f"the server answered {answer.status}"


def http_date(text: str | None) -> datetime | None:
    """Of RFC 9110 §5.6.7, the spelling `+0000` included; aware, UTC."""
    if not text:
        return None
    try:
        found = parsedate_to_datetime(text)
        return found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def wait_of(text: str | None, now: datetime) -> float | None:
    """Seconds, of a Retry-After in seconds or as a date (RFC 9110 §10.2.3)."""
    if text is None:
        return None
    if text.strip().isascii() and text.strip().isdigit():
        return min(float(text.strip()[:9]), LONGEST_WAIT)
    at = http_date(text)
    return None if at is None else min(max(0.0, (at - now).total_seconds()), LONGEST_WAIT)
