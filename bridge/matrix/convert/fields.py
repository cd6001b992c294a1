"""Reading fields of events that anybody may have written: the right type, or a `ConvertError` that says which field was wrong."""

import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, TypeAlias

Raw: TypeAlias = Mapping[str, Any]

_MXC = re.compile(r"mxc://[^/\s?#]{1,255}/[A-Za-z0-9_\-]{1,255}")
_WORDS = {str: "text", dict: "an object", list: "a list", bool: "true or false"}
_LATEST = 253402300799000


class ConvertError(ValueError):
    """An event that is not what its type promises. The words name the field; the event is quarantined alone."""


def text(raw: Raw, name: str) -> str:
    value = raw.get(name)
    if value is None:
        raise ConvertError(f"{name} is missing")
    return _sound(_typed(value, name, str))


def maybe_text(raw: Raw, name: str) -> str | None:
    value = raw.get(name)
    return None if value is None else _sound(_typed(value, name, str))


def obj(raw: Raw, name: str) -> dict[str, Any]:
    """The object there; an empty one where there is none."""
    value = raw.get(name)
    return {} if value is None else _typed(value, name, dict)


def items(raw: Raw, name: str) -> list[Any]:
    """The list there; an empty one where there is none."""
    value = raw.get(name)
    return [] if value is None else _typed(value, name, list)


def flag(raw: Raw, name: str) -> bool:
    value = raw.get(name)
    return False if value is None else _typed(value, name, bool)


def maybe_count(raw: Raw, name: str) -> int | None:
    """A whole number from 0 up. Clients write pixels and durations as floats too: those are cut."""
    value = raw.get(name)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < 2**53:
        raise ConvertError(f"{name} is no whole number from 0 up")
    return int(value)


def moment(raw: Raw, name: str) -> datetime:
    """Milliseconds since the epoch, as an aware time in UTC."""
    value = maybe_count(raw, name)
    if value is None:
        raise ConvertError(f"{name} is missing")
    if value > _LATEST:
        raise ConvertError(f"{name} is after the year 9999")
    return datetime.fromtimestamp(value / 1000, UTC)


def mxc(raw: Raw, name: str) -> str:
    value = text(raw, name)
    if not _MXC.fullmatch(value):
        raise ConvertError(f"{name} is no mxc address")
    return value


def maybe_mxc(raw: Raw, name: str) -> str | None:
    """None where there is none or an empty one, which is how Matrix clears a picture."""
    return mxc(raw, name) if maybe_text(raw, name) else None


def event_id(raw: Raw, name: str) -> str:
    return _sigil(raw, name, "$")


def user_id(raw: Raw, name: str) -> str:
    return _sigil(raw, name, "@")


def room_id(raw: Raw, name: str) -> str:
    return _sigil(raw, name, "!")


def texts(values: Sequence[Any], name: str) -> list[str]:
    return [_sound(_typed(value, name, str)) for value in values]


def _sigil(raw: Raw, name: str, sigil: str) -> str:
    value = text(raw, name)
    if value[:1] != sigil or not 1 < len(value) <= 255:
        raise ConvertError(f"{name} does not start with {sigil} or is too long")
    return value


def _sound(value: str) -> str:
    """JSON can spell half a surrogate pair; no database and no socket takes one."""
    if not value.isascii():
        try:
            value.encode()
        except UnicodeEncodeError:
            raise ConvertError("text holds half a surrogate pair") from None
    return value


def _typed(value: Any, name: str, kind: type[Any]) -> Any:
    if not isinstance(value, kind):
        raise ConvertError(f"{name} is not {_WORDS[kind]}")
    return value
