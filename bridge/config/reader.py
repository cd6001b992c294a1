"""Turns plain TOML values into typed settings, gathering every problem on the way instead of stopping at the first.

msgspec alone would stop at the first wrong value and tell its place as an expression; here each wrong key becomes a `Problem`
with a path that has a line, and words an operator can act on.
"""

import re
import tomllib
import types
from collections.abc import Callable, Mapping
from enum import Enum
from pathlib import Path as FilePath
from typing import Annotated, Any, Literal, TypeVar, Union, get_args, get_origin

import msgspec
from msgspec import NODEFAULT, Struct
from msgspec.structs import FieldInfo, fields

from bridge.config.lines import Path
from bridge.config.problems import Problem, nearest
from bridge.config.secrets import is_secret, read_secret
from bridge.model.ids import ChannelId

S = TypeVar("S", bound=Struct)


class Wrong(ValueError):
    """A value that a hook or a rule refuses; its text is the problem's words, without the key."""


class EnvText(str):
    """A value from the environment: typed by the setting it is for."""

    __slots__ = ()


class _Bad:
    """Stands for a value that could not be read; its problem is already noted."""


BAD = _Bad()
_FIRST_WORD = re.compile(r"\w+")
Hook = Callable[[Any], Any]
"""Reads one value of a type of ours; raises `Wrong`."""
Rules = Mapping[tuple[type, str], Callable[[Any], str | None]]
"""(struct, field) → a check of the typed value, returning what is wrong with it."""

_WORDS: dict[Any, str] = {
    str: "text in quotes",
    int: "a whole number",
    float: "a number",
    bool: "true or false",
    type(None): "nothing",
    ChannelId: '"network/channel"',
}


class Reader:
    def __init__(self, folder: FilePath, hooks: Mapping[type, Hook], rules: Rules) -> None:
        """`folder` is what the paths of secret files are relative to."""
        self.problems: list[Problem] = []
        self._folder = folder
        self._hooks = hooks
        self._rules = rules

    def wrong(self, path: Path, words: str, table: Path | None = None) -> None:
        above = path[:-2] if isinstance(path[-1], int) else path[:-1]
        self.problems.append(Problem(path, above if table is None else table, words))

    def struct(self, raw: Any, kind: type[S], path: Path) -> S | None:
        """The settings of one table; None where anything in it is wrong."""
        before = len(self.problems)
        table = self.plain(raw)
        if not isinstance(table, dict):
            self.wrong(path, f"{_named(path)} must be a table, not {show(raw)}")
            return None
        known = {field.name: field for field in fields(kind)}
        meant = self._unknown(table, known, path)
        values: dict[str, Any] = {}
        for name, field in known.items():
            value = self._secret(table, field, known, path) if is_secret(name) else table.get(name, NODEFAULT)
            if value is NODEFAULT:
                if field.required and name not in meant:
                    self._missing(field, path)
            elif value is not BAD:
                values[name] = self._checked(value, field, kind, path)
        if len(self.problems) > before:
            return None
        try:
            return kind(**values)
        except (ValueError, TypeError) as error:
            self._refused(str(error), known, path)
            return None

    def _unknown(self, table: dict[str, Any], known: Mapping[str, FieldInfo], path: Path) -> set[str]:
        """Notes the keys that are no setting; returns the settings they may have been meant for."""
        files = {f"{name}_file" for name in known if is_secret(name)}
        meant: set[str] = set()
        for key in table:
            if key not in known and key not in files:
                hint = nearest(key, (*known, *files))
                meant.update(name for name in known if f'"{name}' in hint)
                self.wrong((*path, key), f'unknown key "{key}"{hint}', path)
        return meant

    def _missing(self, field: FieldInfo, path: Path) -> None:
        if is_secret(field.name):
            self.wrong(path, f'the secret "{field.name}" is missing: {ways(field.name, path)}', path)
        else:
            self.wrong(path, f'the key "{field.name}" is missing; it is {expected(field.type)}', path)

    def _secret(self, table: dict[str, Any], field: FieldInfo, known: Mapping[str, FieldInfo], path: Path) -> Any:
        name, by_file = field.name, f"{field.name}_file"
        given = table.get(name, NODEFAULT)
        if isinstance(given, EnvText):
            return given
        if given is not NODEFAULT:
            self.wrong((*path, name), f'"{name}" is a secret and must not stand in this file: {ways(name, path)}')
            return BAD
        if by_file not in table or by_file in known:
            return NODEFAULT
        if not isinstance(table[by_file], str):
            self.wrong((*path, by_file), f'"{by_file}" must be text in quotes, not {show(table[by_file])}')
            return BAD
        try:
            return EnvText(read_secret(self._folder / FilePath(table[by_file]).expanduser()))
        except (ValueError, RuntimeError) as error:
            self.wrong((*path, by_file), f'"{by_file}": {error}')
            return BAD

    def _checked(self, raw: Any, field: FieldInfo, kind: type, path: Path) -> Any:
        value = self.value(raw, field.type, (*path, field.name))
        rule = self._rules.get((kind, field.name))
        if rule is not None and value is not BAD and (words := rule(value)) is not None:
            self.wrong((*path, field.name), f'"{field.name}" {words}')
        return value

    def _refused(self, words: str, known: Mapping[str, FieldInfo], path: Path) -> None:
        """An adapter's own check: `__post_init__` raised `ValueError`, whose words begin with the setting they are about."""
        begun = _FIRST_WORD.match(words)
        name = begun[0] if begun else ""
        self.wrong((*path, name) if name in known else path, words, path)

    def value(self, raw: Any, kind: Any, path: Path) -> Any:
        """One value of the given type, or `BAD`."""
        if get_origin(kind) is Annotated and not _limits(kind):
            kind = get_args(kind)[0]
        if kind in self._hooks:
            return self._hooked(raw, self._hooks[kind], path)
        origin = get_origin(kind)
        if origin in (Union, types.UnionType):
            return self._union(raw, kind, path)
        if isinstance(kind, type) and issubclass(kind, Struct):
            read: Struct | None = self.struct(raw, kind, path)
            return BAD if read is None else read
        if origin in (tuple, list, dict, Mapping) or origin is get_origin(Mapping[str, str]):
            return self._many(raw, kind, path)
        return self._scalar(raw, kind, path)

    def _hooked(self, raw: Any, hook: Hook, path: Path) -> Any:
        try:
            return hook(self.plain(raw) if isinstance(raw, EnvText) else raw)
        except Wrong as error:
            self.wrong(path, f"{_named(path)} {error}" if str(error).startswith("must") else str(error))
            return BAD

    def _union(self, raw: Any, kind: Any, path: Path) -> Any:
        choices = [choice for choice in get_args(kind) if choice is not type(None)]
        if len(choices) == 1:
            return self.value(raw, choices[0], path)
        plain = raw if not isinstance(raw, EnvText) else self.plain(raw)
        for choice in choices:
            if isinstance(plain, dict) and (_is_struct(choice) or get_origin(choice) is dict):
                return self.value(plain, choice, path)
            if isinstance(plain, list) and get_origin(choice) in (tuple, list):
                return self.value(plain, choice, path)
        return self._scalar(raw, kind, path)

    def _many(self, raw: Any, kind: Any, path: Path) -> Any:
        plain, origin, inner = self.plain(raw), get_origin(kind), get_args(kind)
        before = len(self.problems)
        if origin in (tuple, list):
            if not isinstance(plain, list):
                self.wrong(path, f"{_named(path)} must be {expected(kind)}, not {show(raw)}")
                return BAD
            read = [self.value(entry, inner[0], (*path, index)) for index, entry in enumerate(plain)]
            return BAD if len(self.problems) > before else tuple(read) if origin is tuple else read
        if not isinstance(plain, dict):
            self.wrong(path, f"{_named(path)} must be a table, not {show(raw)}")
            return BAD
        table = {key: self.value(entry, inner[1], (*path, key)) for key, entry in plain.items()}
        return BAD if len(self.problems) > before else table

    def _scalar(self, raw: Any, kind: Any, path: Path) -> Any:
        candidates = [raw]
        if isinstance(raw, EnvText):
            candidates = [str(raw)] if kind is str else [self.plain(raw), str(raw)]
        for candidate in candidates:
            try:
                return msgspec.convert(candidate, kind)
            except msgspec.ValidationError as error:
                words = str(error)
        shown = "what was given" if is_secret(str(path[-1])) else show(raw)
        told = _beyond(words) or f"must be {expected(kind)}, not {shown}{_suggest(raw, kind)}"
        self.wrong(path, f"{_named(path)} {told}")
        return BAD

    @staticmethod
    def plain(raw: Any) -> Any:
        """What the text of an environment variable means as a TOML value; itself where it is none."""
        if not isinstance(raw, EnvText):
            return raw
        try:
            table = tomllib.loads(f"value = {raw}")
        except (tomllib.TOMLDecodeError, RecursionError):
            return str(raw)
        return table["value"] if len(table) == 1 else str(raw)


def ways(name: str, path: Path) -> str:
    """How to hand over a secret."""
    variable = "__".join(["UNABRIDGED", *(str(part).replace("-", "_").upper() for part in path), name.upper()])
    return f'put it into a file and write {name}_file = "…", or set {variable} in the environment'


def expected(kind: Any) -> str:
    """What a type asks for, in words."""
    if get_origin(kind) is Annotated:
        kind = get_args(kind)[0]
    if kind in _WORDS:
        return _WORDS[kind]
    if choices := _choices(kind):
        shown = ", ".join(f'"{choice}"' for choice in choices)
        return f"one of {shown}" if len(choices) > 1 else shown
    origin, inner = get_origin(kind), get_args(kind)
    if origin in (Union, types.UnionType):
        return " or ".join(expected(choice) for choice in inner if choice is not type(None))
    if origin in (tuple, list):
        return f"a list, each {expected(inner[0])}"
    return "a table" if origin is not None or _is_struct(kind) else str(getattr(kind, "__name__", kind))


def show(value: Any) -> str:
    """A value as an operator wrote it, short."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return f'"{value if len(value) <= 60 else value[:59] + "…"}"'
    if isinstance(value, int | float):
        return str(value)
    return "a list" if isinstance(value, list) else "a table" if isinstance(value, dict) else "a date or time"


def _named(path: Path) -> str:
    """The key a value belongs to, with its position where it stands in a list."""
    last = path[-1]
    if isinstance(last, int):
        return f"number {last + 1}" if len(path) < 2 else f'"{path[-2]}" number {last + 1}'
    return f'"{last}"'


def _choices(kind: Any) -> list[str]:
    if get_origin(kind) is Literal:
        return [str(choice) for choice in get_args(kind)]
    return [str(choice.value) for choice in kind] if isinstance(kind, type) and issubclass(kind, Enum) else []


def _suggest(raw: Any, kind: Any) -> str:
    return nearest(raw.lower(), _choices(kind)) if isinstance(raw, str) and _choices(kind) else ""


def _is_struct(kind: Any) -> bool:
    return isinstance(kind, type) and issubclass(kind, Struct)


def _limits(kind: Any) -> bool:
    return any(isinstance(extra, msgspec.Meta) for extra in get_args(kind)[1:])


def _beyond(words: str) -> str | None:
    """msgspec's words for a limit (`Expected int >= 1`), made ours; None for a wrong type."""
    for sign, told in ((">=", "at least"), ("<=", "at most"), (">", "more than"), ("<", "less than")):
        before, found, bound = words.partition(f" {sign} ")
        if found and before.startswith("Expected"):
            length = " long" if "length" in before else ""
            return f"must be {told} {bound.split(' - ')[0]}{length}"
    return None
