"""The YAML of registration files: mappings and lists by indentation, scalars, JSON in one line, comments.

Enough for what we write and what an operator edits; anchors, tags, block scalars and many-line flow are refused with
the line's number rather than misread. A whole document in JSON is fine as well, since JSON is YAML.
"""

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

_KEY = re.compile(r"""("(?:[^"\\]|\\.)*"|'(?:[^']|'')*'|[^\s"'\[\]{}#&*!|>%@`,-][^:#]*?|-[^\s:#]+)\s*:(?:\s+(.*))?$""")
_QUOTED = re.compile(r"""("(?:[^"\\]|\\.)*"|'(?:[^']|'')*')\s*(?:#.*)?$""")
_COMMENT = re.compile(r"(?:^|\s)#.*$")
_WORDS: Mapping[str, Any] = {"": None, "~": None, "null": None, "true": True, "false": False, "yes": True, "no": False}
_AMBIGUOUS = frozenset({*_WORDS, "y", "n", "on", "off"})
"""Not texts to some reader or other, unless quoted."""
_UNPRINTABLE = re.compile("[\x7f-\x9f\u2028\u2029\ud800-\udfff\ufeff\ufffe\uffff]")
_NUMBER = re.compile(r"-?(?:0|[1-9][0-9]*)")


class YamlError(ValueError):
    """With the number of the line."""


class _Line(NamedTuple):
    number: int
    indent: int
    text: str


def dump(value: Mapping[str, Any]) -> str:
    """YAML of nested mappings and lists; every text in JSON's quotes, which are YAML's too."""
    return "".join(line + "\n" for line in _dumped(value, 0))


def _dumped(value: Any, depth: int) -> list[str]:
    pad = "  " * depth
    lines: list[str] = []
    if isinstance(value, Mapping):
        for key, inner in value.items():
            name = key if re.fullmatch(r"[A-Za-z_][A-Za-z0-9_.]*", key) and key.lower() not in _AMBIGUOUS else _quoted(key)
            lines += _entry(f"{pad}{name}:", inner, depth + 1)
        return lines
    for inner in value:
        lines += _entry(f"{pad}-", inner, depth + 1)
    return lines


def _entry(head: str, inner: Any, depth: int) -> list[str]:
    if isinstance(inner, Mapping | list | tuple) and inner:
        return [head, *_dumped(inner, depth)]
    return [f"{head} {_quoted(inner)}"]


def _quoted(value: Any) -> str:
    """JSON, but for characters beyond the 16-bit plane: JSON's pairs of escapes mean two characters in YAML."""
    return _UNPRINTABLE.sub(lambda match: f"\\u{ord(match[0]):04x}", json.dumps(value, ensure_ascii=False))


def load(text: str) -> Any:
    """Raises `YamlError`."""
    if text.lstrip().startswith(("{", "[")):
        try:
            return json.loads(text)
        except ValueError as error:
            raise YamlError(str(error)) from error
    lines = []
    for number, raw in enumerate(text.split("\n"), 1):
        line = raw.rstrip("\r").rstrip(" ")
        bare = line.lstrip(" ")
        if "\t" in line[: len(line) - len(line.lstrip())]:
            raise YamlError(f"line {number}: a tab in the indentation")
        if bare and not bare.startswith("#") and line not in ("---", "..."):
            lines.append(_Line(number, len(line) - len(bare), bare))
    if not lines:
        return None
    value, rest = _block(lines, 0)
    if rest < len(lines):
        raise YamlError(f"line {lines[rest].number}: the indentation fits nothing above")
    return value


def _block(lines: Sequence[_Line], at: int) -> tuple[Any, int]:
    if len(lines[at].text) > 10_000 or lines[at].indent > 200:
        raise YamlError(f"line {lines[at].number}: too long or too deep")
    return (_sequence if _is_item(lines[at].text) else _mapping)(lines, at)


def _is_item(text: str) -> bool:
    return text == "-" or text.startswith("- ")


def _sequence(lines: Sequence[_Line], at: int) -> tuple[list[Any], int]:
    found: list[Any] = []
    indent = lines[at].indent
    while at < len(lines) and lines[at].indent == indent and _is_item(lines[at].text):
        line = lines[at]
        inner = line.text[1:].lstrip(" ")
        if inner.startswith("#"):
            inner = ""
        if _is_item(inner) or _KEY.match(inner):  # the item is a block that begins in this line
            opened = [_Line(line.number, indent + len(line.text) - len(inner), inner), *_deeper(lines, at + 1, indent)]
            value, used = _block(opened, 0)
            if used < len(opened):
                raise YamlError(f"line {opened[used].number}: the indentation fits nothing above")
            at += used
        else:
            value, at = _value(lines, at, inner, indent)
        found.append(value)
    return found, at


def _deeper(lines: Sequence[_Line], at: int, indent: int) -> Sequence[_Line]:
    end = at
    while end < len(lines) and lines[end].indent > indent:
        end += 1
    return lines[at:end]


def _mapping(lines: Sequence[_Line], at: int) -> tuple[dict[str, Any], int]:
    found: dict[str, Any] = {}
    indent = lines[at].indent
    while at < len(lines) and lines[at].indent == indent and not _is_item(lines[at].text):
        match = _KEY.match(lines[at].text)
        if match is None:
            raise YamlError(f"line {lines[at].number}: expected `key: value`")
        key = str(_scalar(match[1], lines[at].number)) if match[1][0] in "\"'" else match[1]
        if key in found:
            raise YamlError(f"line {lines[at].number}: {key} is there twice")
        found[key], at = _value(lines, at, match[2] or "", indent, items_beside=True)
    return found, at


def _value(lines: Sequence[_Line], at: int, text: str, indent: int, *, items_beside: bool = False) -> tuple[Any, int]:
    """What stands after a colon or a dash: here, or as a block below. A list may stand right under its key."""
    number = lines[at].number
    at += 1
    if text.startswith("#"):
        text = ""
    if not text and at < len(lines):
        below = lines[at]
        if below.indent > indent or (items_beside and below.indent == indent and _is_item(below.text)):
            return _block(lines, at)
    return _scalar(text, number), at


def _scalar(text: str, number: int) -> Any:
    if text[:1] in ("[", "{"):
        try:
            return json.loads(_COMMENT.sub("", text) if "#" in text and not text.endswith(("]", "}")) else text)
        except ValueError as error:
            raise YamlError(f"line {number}: lists and mappings in one line must be JSON") from error
    if text[:1] in ("'", '"'):
        match = _QUOTED.fullmatch(text)
        if match is None:
            raise YamlError(f"line {number}: the quotes do not match")
        if text[0] == "'":
            return match[1][1:-1].replace("''", "'")
        try:
            return json.loads(match[1], strict=False)
        except ValueError as error:
            raise YamlError(f"line {number}: an escape in the quotes is not JSON's") from error
    text = _COMMENT.sub("", text).strip()
    if text[:1] in tuple("&*!|>%@`"):
        raise YamlError(f"line {number}: {text[0]!r} begins something too rich for this reader; put the text in quotes")
    if text.lower() in _WORDS:
        return _WORDS[text.lower()]
    return int(text) if _NUMBER.fullmatch(text) and len(text) < 20 else text
