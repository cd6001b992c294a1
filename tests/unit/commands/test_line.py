"""A line from a person becomes a word with arguments; nothing typed may break the reading of it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.commands.line import Misused, Said, addressed, bind, complete, split, usage
from bridge.contract.words import Answer, Argument, Asker, Word


async def nothing(asker: Asker, arguments: object) -> Answer:
    return Answer()


WORD = Word(
    name="put",
    summary="puts",
    run=nothing,
    arguments=(
        Argument(name="what", summary=""),
        Argument(name="where", summary="", required=False, default="here"),
        Argument(name="rest", summary="", required=False, many=True),
    ),
)
NAMES = ("@bot:localhost", "bot", "unabridged")


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("!link a", Said("link a", False)),
        ("  !link a\n", Said("link a", False)),
        ("!!!", None),
        ("! wow", None),
        ("!", None),
        ("hello", None),
        ("", None),
        ("bot: link a", Said("link a", True)),
        ("Bot, link a", Said("link a", True)),
        ("@bot:localhost: !status", Said("status", True)),
        ("@bot:localhost status", Said("status", True)),
        ("bot", Said("", True)),
        ("botany is fun", None),
        ("unabridged\nstatus", Said("status", True)),
    ],
)
def test_in_a_room_only_what_is_for_the_bot_is_taken(body: str, expected: Said | None) -> None:
    assert addressed(body, prefix="!", names=NAMES, direct=False) == expected


def test_in_a_direct_chat_everything_is_for_the_bot() -> None:
    assert addressed("links", prefix="!", names=NAMES, direct=True) == Said("links", True)
    assert addressed("!links", prefix="!", names=NAMES, direct=True) == Said("links", True)
    assert addressed("  ", prefix="!", names=NAMES, direct=True) is None


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ('a "b c" d', ["a", "b c", "d"]),
        ("don't stop", ["don't", "stop"]),
        ("'it is", ["'it", "is"]),
        ("“two words” x", ["two words", "x"]),
        ("„zwei Worte“ x", ["zwei Worte", "x"]),
        ('a"b c"d', ['a"b', 'c"d']),
        ('"" x', ["", "x"]),
        ('"a"b', ['"a"b']),
        ("\ta\n b ", ["a", "b"]),
        ("", []),
    ],
)
def test_quotes_as_people_type_them(line: str, expected: list[str]) -> None:
    assert split(line) == expected


@given(st.text())
def test_splitting_loses_nothing_but_space_and_quotes(line: str) -> None:
    def letters(text: str) -> str:
        return "".join(char for char in text if not char.isspace() and char not in "\"'“”„‘’«»")

    assert letters("".join(split(line))) == letters(line)


@given(st.lists(st.text(alphabet="ab #/-", min_size=1, max_size=6), max_size=5))
def test_quoted_words_come_back_whole(tokens: list[str]) -> None:
    assert split(" ".join(f'"{token}"' for token in tokens)) == tokens


@pytest.mark.parametrize(
    ("tokens", "expected"),
    [
        (["x"], {"what": "x", "where": "here"}),
        (["x", "there"], {"what": "x", "where": "there"}),
        (["--where", "there", "x"], {"what": "x", "where": "there"}),
        (["--where=a=b", "x"], {"what": "x", "where": "a=b"}),
        (["x", "—where", "there"], {"what": "x", "where": "there"}),
        (["x", "--where"], {"what": "x", "where": "yes"}),
        (["x", "--where", "--what", "y", "z"], {"what": "y", "where": "yes", "rest": ("x", "z")}),
        (["x", "y", "1", "2"], {"what": "x", "where": "y", "rest": ("1", "2")}),
        (["x", "--rest", "1"], {"what": "x", "where": "here", "rest": ("1",)}),
        (["--"], {"what": "--", "where": "here"}),
    ],
)
def test_arguments_by_order_and_by_name(tokens: list[str], expected: dict[str, object]) -> None:
    assert bind(WORD, tokens) == expected


@pytest.mark.parametrize(
    ("tokens", "told"),
    [([], "WHAT is missing. Usage: put WHAT [WHERE] [REST…]"), (["x", "--wher", "y"], "put has no --wher")],
)
def test_misuse_tells_the_use(tokens: list[str], told: str) -> None:
    with pytest.raises(Misused) as caught:
        bind(WORD, tokens)
    assert str(caught.value).startswith(told)
    assert usage(WORD) in str(caught.value)


def test_one_argument_too_many_is_told() -> None:
    word = Word(name="one", summary="", run=nothing)
    with pytest.raises(Misused, match="'x' is one argument too many"):
        bind(word, ["x"])


@pytest.mark.parametrize("given_", [{"what": ("a",)}, {"what": "x", "rest": "y"}, {"what": "x", "odd": "y"}, {}])
def test_arguments_by_name_are_checked_too(given_: dict[str, str]) -> None:
    with pytest.raises(Misused):
        complete(WORD, given_)


@given(st.lists(st.text(max_size=8), max_size=6))
def test_no_tokens_are_too_odd_to_bind(tokens: list[str]) -> None:
    try:
        bound = bind(WORD, tokens)
    except Misused:
        return
    assert isinstance(bound["what"], str)
