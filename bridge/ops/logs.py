"""One log: lines for people on a terminal, one JSON object a line for machines, and no secret in either.

Whatever a record carries is formatted first and scrubbed last, tracebacks included, so that no path to the log goes around the
scrubber. Facts go into `extra={"network": …}` and are shown as `network=…`.
"""

import json
import logging
import re
import sys
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import TextIO
from urllib.parse import quote

HIDDEN = "[hidden]"
_STANDARD = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName", "color_message"}
_TELLTALE = re.compile(
    r"""((?:access_token|password|secret|token)["']?\s*[=:]\s*["']?|\bBearer\s+|\bBasic\s+|://[^\s/:@"']*:(?=[^\s/@"']+@))"""
    r"""([^\s"'&,;@}\]]+)""",
    re.IGNORECASE,
)
_CONTROL = re.compile(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]")


class Scrubber:
    """Knows the values that must not be shown; replaces them, and whatever stands where secrets usually stand."""

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        self._known: set[str] = set()
        self._pattern: re.Pattern[str] | None = None
        self.learn(*secrets)

    def learn(self, *secrets: str) -> None:
        """From now on these values are hidden, also as a URL spells them. Shorter than 4 characters they'd hide ordinary text."""
        for secret in secrets:
            if len(secret) >= 4:
                self._known.update((secret, quote(secret, safe=""), json.dumps(secret)[1:-1]))
        longest_first = sorted(self._known, key=len, reverse=True)
        self._pattern = re.compile("|".join(map(re.escape, longest_first))) if longest_first else None

    def clean(self, text: str) -> str:
        if self._pattern is not None:
            text = self._pattern.sub(HIDDEN, text)
        return _TELLTALE.sub(lambda match: match[1] + HIDDEN, text)


class HumanFormatter(logging.Formatter):
    """`21:36:17 warning bridge.delivery: it fails network=local`; control characters of strangers are shown, not obeyed."""

    def __init__(self, scrubber: Scrubber) -> None:
        super().__init__()
        self._scrubber = scrubber

    def format(self, record: logging.LogRecord) -> str:
        at = datetime.fromtimestamp(record.created, UTC)
        facts = "".join(f" {name}={_shown(value)}" for name, value in _facts(record).items())
        head = f"{at:%H:%M:%S} {record.levelname.lower():7} {record.name}: {_one_line(record.getMessage())}{_one_line(facts)}"
        trouble = _trouble(self, record)
        lines = [head, *(_CONTROL.sub(_escaped, line) for line in trouble.splitlines())]
        return self._scrubber.clean("\n".join(lines))


class JsonFormatter(logging.Formatter):
    """One object a line: `at` (ISO 8601, UTC), `level`, `logger`, `message`, `error` (a traceback), and the facts."""

    def __init__(self, scrubber: Scrubber) -> None:
        super().__init__()
        self._scrubber = scrubber

    def format(self, record: logging.LogRecord) -> str:
        at = datetime.fromtimestamp(record.created, UTC)
        entry: dict[str, object] = {name: self._clean(value) for name, value in _facts(record).items()}
        entry |= {
            "at": f"{at:%Y-%m-%dT%H:%M:%S}.{at.microsecond // 1000:03}Z",
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": self._scrubber.clean(record.getMessage()),
        }
        trouble = _trouble(self, record)
        if trouble:
            entry["error"] = self._scrubber.clean(trouble)
        return json.dumps(entry)

    def _clean(self, value: object) -> object:
        return value if isinstance(value, bool | int | float | None) else self._scrubber.clean(str(value))


def configure(level: str, style: str, scrubber: Scrubber, stream: TextIO | None = None) -> None:
    """Sends all logging to one stream (standard error). `style` is "human", "json" or "auto" (human on a terminal)."""
    out = sys.stderr if stream is None else stream
    human = style == "human" or (style == "auto" and out.isatty())
    sink = logging.StreamHandler(out)
    sink.setFormatter(HumanFormatter(scrubber) if human else JsonFormatter(scrubber))
    root = logging.getLogger()
    for old in root.handlers[:]:
        root.removeHandler(old)
    root.addHandler(sink)
    root.setLevel(level.upper())
    for chatty in ("aiohttp.access", "alembic", "asyncio", "mau"):
        logging.getLogger(chatty).setLevel(max(logging.WARNING, root.level))


def _facts(record: logging.LogRecord) -> dict[str, object]:
    return {name: value for name, value in vars(record).items() if name not in _STANDARD and not name.startswith("_")}


def _trouble(formatter: logging.Formatter, record: logging.LogRecord) -> str:
    parts = [formatter.formatException(record.exc_info)] if record.exc_info else []
    parts += [formatter.formatStack(record.stack_info)] if record.stack_info else []
    return "\n".join(parts)


def _one_line(text: str) -> str:
    return _CONTROL.sub(_escaped, text).replace("\n", "\\n")


def _escaped(match: re.Match[str]) -> str:
    code = ord(match[0])
    return f"\\x{code:02x}" if code < 256 else f"\\u{code:04x}"


def _shown(value: object) -> str:
    text = str(value)
    return json.dumps(text, ensure_ascii=False) if not text or any(char in ' "=' for char in text) else text
