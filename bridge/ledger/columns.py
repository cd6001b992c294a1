"""How values lie in columns: times as microseconds, states as small numbers, text that both engines can hold."""

from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import BigInteger, Dialect, Integer, Text, TypeDecorator

from bridge.ledger.rows import State

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)

Serial = BigInteger().with_variant(Integer, "sqlite")
"""SQLite makes a primary key the row's own number only if it is spelled INTEGER."""

CODES = {State.PENDING: 0, State.LEASED: 1, State.UNCERTAIN: 2, State.DONE: 3, State.DEAD: 4}
STATES = {code: state for state, code in CODES.items()}
PENDING, LEASED, UNCERTAIN, DONE, DEAD = CODES.values()


def micros(moment: datetime) -> int:
    """Microseconds since 1970. Raises `TypeError` for a naive time."""
    return (moment - EPOCH) // _MICROSECOND


def moment(stored: int) -> datetime:
    return EPOCH + timedelta(microseconds=stored)


def words(text: str) -> str:
    """Text without what PostgreSQL (NUL) or UTF-8 (lone surrogates) can't hold; those become U+FFFD."""
    if "\0" in text:
        text = text.replace("\0", "\ufffd")
    if text.isascii():
        return text
    try:
        text.encode()
    except UnicodeEncodeError:
        text = text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return text


class Words(TypeDecorator[str]):
    """TEXT that takes any `str`."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:
        return None if value is None else words(value)


class Moment(TypeDecorator[datetime]):
    """An aware UTC time as microseconds since 1970, exact on both engines."""

    impl = BigInteger
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> int | None:
        return None if value is None else micros(value)

    def process_result_value(self, value: Any, dialect: Dialect) -> datetime | None:
        return None if value is None else moment(value)
