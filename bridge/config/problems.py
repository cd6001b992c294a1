"""What is wrong with a configuration, in words that name the place and the cure."""

import difflib
from collections.abc import Iterable, Mapping
from typing import TypeVar

from msgspec import Struct

from bridge.config.lines import Path

Known = TypeVar("Known")


class Problem(Struct, frozen=True):
    """`path` leads to the value that is wrong, `table` to the table it stands in (or should stand in)."""

    path: Path
    table: Path
    words: str


class ConfigError(Exception):
    """The configuration can't be used. Its text is for people: one line for each problem, with file, line and key."""

    def __init__(self, lines: Iterable[str]) -> None:
        self.lines = tuple(lines)
        super().__init__("\n".join(self.lines))


def nearest(word: str, valid: Iterable[str]) -> str:
    """`; did you mean "server"?`, or nothing where no valid word is like it."""
    close = difflib.get_close_matches(word, list(valid), n=1, cutoff=0.6)
    return f'; did you mean "{close[0]}"?' if close else ""


def describe(problems: Iterable[Problem], file: str, lines: Mapping[Path, int], origins: Mapping[Path, str]) -> ConfigError:
    """One error for all problems: those of the file in its order, then those of the environment."""
    told: list[tuple[bool, int, str]] = []
    for problem in problems:
        variable = _nearest_known(problem.path, origins)
        line = _nearest_known(problem.path, lines)
        place = f"environment {variable}" if variable else f"{file}:{line}" if line else file
        told.append((variable is not None, line or 0, f"{place}: {table_name(problem.table)}{problem.words}"))
    told.sort(key=lambda entry: entry[:2])
    return ConfigError(dict.fromkeys(text for _, _, text in told))


def _nearest_known(path: Path, places: Mapping[Path, Known]) -> Known | None:
    while path:
        if path in places:
            return places[path]
        path = path[:-1]
    return None


def table_name(path: Path) -> str:
    """`[networks.local] ` for a table, `[[portals]] number 2, links number 1: ` for what stands in lists."""
    if not any(isinstance(part, int) for part in path):
        return f"[{'.'.join(str(part) for part in path)}] " if path else ""
    words: list[str] = []
    for part in path:
        if isinstance(part, int):
            words[-1] = f"{words[-1]} number {part + 1}"
        else:
            words.append(f"[[{part}]]" if not words else part)
    return f"{', '.join(words)}: "
