"""Where in a TOML file each value stands. `tomllib` reads the values but keeps no line numbers, so this reads the shape alone.

It is given only text that `tomllib` has accepted, so it need not judge: it walks headers, keys, arrays and inline tables and
steps over everything else. Every path that the parsed document has, this knows the line of (property tested).
"""

import tomllib
from bisect import bisect_right
from typing import TypeAlias

Path: TypeAlias = tuple[str | int, ...]
"""Of a value: table and key names, and the positions in arrays."""

_BLANK = " \t\r\n"
_ENDS_BARE_KEY = "=.] \t\r\n"
_ENDS_SCALAR = ",]}#\r\n"


def lines_of(text: str) -> dict[Path, int]:
    """The line, counted from 1, on which each table, key and array element of valid TOML begins."""
    return _Walk(text).document()


class _Walk:
    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0
        self.found: dict[Path, int] = {}
        self._starts = [0, *(index + 1 for index, char in enumerate(text) if char == "\n")]
        self._tables: dict[Path, int] = {}
        """How many elements each array of tables has so far."""

    def document(self) -> dict[Path, int]:
        table: Path = ()
        while self._skip():
            if self.text[self.at] == "[":
                table = self._header()
            else:
                self._pair(table)
        return self.found

    def _line(self) -> int:
        return bisect_right(self._starts, self.at)

    def _skip(self) -> bool:
        """Step over white space, line ends and comments; False at the end of the text."""
        text, size = self.text, len(self.text)
        while self.at < size:
            char = text[self.at]
            if char == "#":
                end = text.find("\n", self.at)
                self.at = size if end < 0 else end
            elif char in _BLANK:
                self.at += 1
            else:
                return True
        return False

    def _header(self) -> Path:
        line = self._line()
        many = self.text.startswith("[[", self.at)
        self.at += 2 if many else 1
        keys = self._keys()
        self.at += 2 if many else 1
        path = self._resolve(keys[:-1], line)
        path = (*path, keys[-1])
        self.found.setdefault(path, line)
        if many:
            index = self._tables.get(path, 0)
            self._tables[path] = index + 1
            path = (*path, index)
            self.found[path] = line
        elif path in self._tables:
            path = (*path, self._tables[path] - 1)
        return path

    def _resolve(self, keys: list[str], line: int) -> Path:
        path: Path = ()
        for key in keys:
            path = (*path, key)
            self.found.setdefault(path, line)
            if path in self._tables:
                path = (*path, self._tables[path] - 1)
        return path

    def _keys(self) -> list[str]:
        """A key and the parts that follow it after dots; leaves `at` on what ends it."""
        keys: list[str] = []
        while self._skip():
            start = self.at
            if self.text[start] in "\"'":
                self._string()
                keys.append(tomllib.loads(f"key = {self.text[start : self.at]}")["key"])
            else:
                while self.at < len(self.text) and self.text[self.at] not in _ENDS_BARE_KEY:
                    self.at += 1
                keys.append(self.text[start : self.at])
            if not self._skip() or self.text[self.at] != ".":
                break
            self.at += 1
        return keys

    def _pair(self, table: Path) -> None:
        self._skip()
        line = self._line()
        path = table
        for key in self._keys():
            path = (*path, key)
            self.found.setdefault(path, line)
        self.at += 1  # the "="
        self._value(path)

    def _value(self, path: Path) -> None:
        self._skip()
        char = self.text[self.at]
        if char in "\"'":
            self._string()
        elif char == "[":
            self._array(path)
        elif char == "{":
            self._inline(path)
        else:
            while self.at < len(self.text) and self.text[self.at] not in _ENDS_SCALAR:
                self.at += 1

    def _array(self, path: Path) -> None:
        self.at += 1
        index = 0
        while self._skip() and self.text[self.at] != "]":
            if self.text[self.at] == ",":
                self.at += 1
                continue
            self.found[(*path, index)] = self._line()
            self._value((*path, index))
            index += 1
        self.at += 1

    def _inline(self, path: Path) -> None:
        self.at += 1
        while self._skip() and self.text[self.at] != "}":
            if self.text[self.at] == ",":
                self.at += 1
                continue
            self._pair(path)
        self.at += 1

    def _string(self) -> None:
        """Step over one string of any of the four kinds."""
        text, quote = self.text, self.text[self.at]
        if not text.startswith(quote * 3, self.at):
            self.at = self._close(quote, self.at + 1) + 1
            return
        end = self._close(quote * 3, self.at + 3) + 3
        for _ in range(2):  # a multi-line string may end in one or two quotes of its own
            if text.startswith(quote, end):
                end += 1
        self.at = end

    def _close(self, mark: str, start: int) -> int:
        """Where the closing mark of a string stands; backslashes escape in basic strings only."""
        if mark[0] == "'":
            return self.text.index(mark, start)
        while not self.text.startswith(mark, start):
            start += 2 if self.text[start] == "\\" else 1
        return start
