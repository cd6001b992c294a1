"""The line of every key: a wrong number sends an operator to the wrong place."""

import tomllib
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from bridge.config.lines import Path, lines_of


def paths(value: Any, path: Path = ()) -> set[Path]:
    found = {path} if path else set()
    if isinstance(value, dict):
        for key, inner in value.items():
            found |= paths(inner, (*path, key))
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            found |= paths(inner, (*path, index))
    return found


EVERYTHING = '''\
# a comment with [a.table] and key = 1
top = 1
[a]            # 3
b = """
[not.a.table]
key = 2 \\""" still
"""
c = \'\'\'one '' two\'\'\'\'
"quoted key" = { x = 1, "y.z" = [1, { w = "}" }] }
d.e.f = 2
[a.g]          # 11
[[a.list]]     # 12
x = [
  "one, # not a comment",   # 14
  # nothing here
  \'two ]\',     # 16
  [3, 4],
]
[a.list.sub]   # 19
y = 1979-05-27 07:32:00
[[a.list]]     # 21
x = []
[ "h" . i ]    # 23
z = true
'''


def test_every_way_of_writing_a_value_has_its_line() -> None:
    lines = lines_of(EVERYTHING)
    assert paths(tomllib.loads(EVERYTHING)) <= set(lines)
    expected: dict[Path, int] = {
        ("top",): 2,
        ("a",): 3,
        ("a", "b"): 4,
        ("a", "c"): 8,
        ("a", "quoted key", "y.z", 1, "w"): 9,
        ("a", "d", "e", "f"): 10,
        ("a", "g"): 11,
        ("a", "list", 0): 12,
        ("a", "list", 0, "x", 0): 14,
        ("a", "list", 0, "x", 1): 16,
        ("a", "list", 0, "x", 2, 1): 17,
        ("a", "list", 0, "sub", "y"): 20,
        ("a", "list", 1): 21,
        ("a", "list", 1, "x"): 22,
        ("h", "i"): 23,
        ("h", "i", "z"): 24,
    }
    assert {path: lines[path] for path in expected} == expected


def test_a_multi_line_string_does_not_shift_what_follows() -> None:
    assert lines_of('a = """\n\n\n"""\nb = 1\r\nc = 2\n') == {("a",): 1, ("b",): 5, ("c",): 6}


PIECES = st.sampled_from(
    [
        "a", "b", '"c d"', "'e'", ".", "=", " ", "\n", "\r\n", "[", "]", "[[", "]]", "{", "}", ",", "#", '"', "'", '"""',
        "'''", "\\", '\\"', "1", "-2.5e3", "true", "1979-05-27", "\t", "é", "[a]\n", "[[b]]\n", "a = 1\n", "b = [1,\n2]\n",
        "x = {y = 1, z = [{}]}\n", 'm = """\nq""""\n', "l = '''\n''''\n",
    ]
)  # fmt: skip


@given(st.lists(PIECES, max_size=30).map("".join))
def test_whatever_toml_is_valid_has_a_line_for_every_path(text: str) -> None:
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError:
        return
    lines = lines_of(text)
    assert paths(document) == set(lines)
    assert all(1 <= line <= text.count("\n") + 1 for line in lines.values())


KEYS = st.text(alphabet="ab-_1 .\"'\\é#=[", min_size=1, max_size=6)
SCALARS = st.one_of(
    st.integers(-9, 9).map(str),
    st.sampled_from(["true", "1.5", '"#"', "'='", '"""\n\n"""', "'''a\nb'''", '"\\""', "2020-01-01T00:00:00Z"]),
)


def quoted(key: str) -> str:
    return '"' + key.replace("\\", "\\\\").replace('"', '\\"') + '"'


@given(st.dictionaries(KEYS, st.dictionaries(KEYS, SCALARS, max_size=4), max_size=4))
def test_a_written_document_is_found_where_it_was_written(document: dict[str, dict[str, str]]) -> None:
    text, expected = "", dict[Path, int]()
    for table, pairs in document.items():
        expected[(table,)] = text.count("\n") + 1
        text += f"[{quoted(table)}]\n"
        for key, value in pairs.items():
            expected[(table, key)] = text.count("\n") + 1
            text += f"{quoted(key)} = {value}\n"
    assert lines_of(text) == expected
