"""The dialogue of a login in a terminal, and files whose text is meant."""

import io
import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from bridge.cli.talk import MOST
from bridge.contract.logins import Question
from bridge.contract.words import Answer
from bridge.ops.control import Arguments
from tests.unit.cli.test_main import Running, run

ACCOUNT = Answer(text="Which?", asks=Question(text="Which account?"), talk="t1")
PASSWORD = Answer(
    text="The password?", asks=Question(text="The password?", secret=True, link="https://site.example/oauth"), talk="t1"
)
DONE = Answer(text="Logged in.", data={"name": "me"})


class Talking(Running):
    """Answers in turn, then the last for ever."""

    def __init__(self, path: Path, *answers: Answer) -> None:
        super().__init__(path)
        self.answers = list(answers)

    async def _answer(self, word: str, arguments: Arguments, user: str | None) -> Answer:
        self.asked.append((word, arguments, user))
        return self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]


@pytest.fixture
def bridge(tmp_path: Path) -> Iterator[Talking]:
    running = Talking(tmp_path / "unabridged.sock", ACCOUNT, PASSWORD, DONE)
    running.start()
    yield running
    running.stop()


def test_questions_are_answered_from_a_pipe(
    bridge: Talking, config: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO("ally\n pass word \n"))
    assert run("login", "social", "--as", "@alice:localhost", "--name", "me", config=config) == 0
    assert bridge.asked == [
        ("login", {"network": "social", "name": "me"}, "@alice:localhost"),
        ("answer", {"talk": "t1", "text": "ally"}, "@alice:localhost"),
        ("answer", {"talk": "t1", "text": " pass word "}, "@alice:localhost"),
    ]
    captured = capsys.readouterr()
    assert captured.out == "Logged in.\n"
    assert "Which account?" in captured.err and "https://site.example/oauth" in captured.err
    assert "pass word" not in captured.err


def test_a_script_gets_json_and_nothing_else_on_its_output(
    bridge: Talking, config: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO("ally\nsecret\n"))
    assert run("login", "social", "--json", config=config) == 0
    assert json.loads(capsys.readouterr().out) == {"name": "me"}


def test_at_a_terminal_a_secret_is_not_shown(bridge: Talking, config: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    prompts: list[str] = []

    def hidden(prompt: str, stream: object) -> str:
        prompts.append(prompt)
        return "hidden"

    monkeypatch.setattr("sys.stdin", Terminal("ally\n"))
    monkeypatch.setattr("bridge.cli.talk.getpass.getpass", hidden)
    assert run("login", "social", config=config) == 0
    assert prompts == ["The password?\nhttps://site.example/oauth "]
    assert bridge.asked[-1][1] == {"talk": "t1", "text": "hidden"}


def test_where_nothing_more_can_be_read_the_talk_is_cancelled(
    bridge: Talking, config: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bridge.answers = [ACCOUNT, Answer(text="Cancelled.")]
    monkeypatch.setattr("sys.stdin", io.StringIO(""))
    assert run("login", "social", config=config) == 0
    assert bridge.asked[-1][1] == {"talk": "t1", "text": "cancel"}


def test_what_a_question_says_moves_no_cursor(
    bridge: Talking, config: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    bridge.answers = [Answer(asks=Question(text="Which\x1b[2J?", choices=("yes", "no")), talk="t"), DONE]
    monkeypatch.setattr("sys.stdin", io.StringIO("yes\n"))
    assert run("login", "social", config=config) == 0
    assert "Which[2J?\n(yes / no) " in capsys.readouterr().err


def test_a_file_is_read_here_where_its_text_is_meant(bridge: Talking, config: Path, tmp_path: Path) -> None:
    feeds = tmp_path / "feeds.opml"
    feeds.write_text("\ufeff<opml/>", encoding="utf-8")
    bridge.answers = [DONE]
    assert run("follow", str(feeds), "--room", "#t:a", config=config) == 0
    assert run("follow", "https://a.example/feed", config=config) == 0
    assert [arguments for _, arguments, _ in bridge.asked] == [
        {"what": ["<opml/>"], "room": "#t:a"},
        {"what": ["https://a.example/feed"]},
    ]


def test_of_a_networks_own_word_the_bridge_says_what_is_a_file(bridge: Talking, config: Path, tmp_path: Path) -> None:
    feeds = tmp_path / "feeds.opml"
    feeds.write_bytes(b"<opml>\xff</opml>")
    bridge.answers = [Answer(data=[str(feeds)]), DONE]
    assert run("blog", "import", str(feeds), f"--again={feeds}", config=config) == 0
    assert bridge.asked[0] == ("files", ["blog", "import", str(feeds), f"--again={feeds}"], None)
    text = "<opml>\ufffd</opml>"
    assert bridge.asked[1] == ("blog", ["import", text, f"--again={text}"], None)
    bridge.answers = [DONE]
    assert run("blog", "nick", "x\0y", config=config) == 0
    assert bridge.asked[-1] == ("blog", ["nick", "x\0y"], None)


def test_a_file_too_large_is_told(bridge: Talking, config: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    feeds = tmp_path / "feeds.opml"
    feeds.write_bytes(b"x" * (MOST + 1))
    assert run("follow", str(feeds), config=config) == 1
    assert "too large" in capsys.readouterr().err
    assert bridge.asked == []


@pytest.mark.parametrize(
    ("line", "word", "arguments"),
    [
        ("logout me", "logout", {"login": "me"}),
        ("logins", "logins", {}),
        ("follow a b --all", "follow", {"what": ["a", "b"], "all": "yes"}),
        ("follow a --choose 2", "follow", {"what": ["a"], "choose": "2"}),
        ("unfollow a", "unfollow", {"what": ["a"]}),
        ("following", "following", {}),
        ("following #a:b", "following", {"room": "#a:b"}),
        ("same n/a n/b", "same", {"identities": ["n/a", "n/b"]}),
        ("different n/a", "different", {"identity": "n/a"}),
        ("persons", "persons", {}),
    ],
)
def test_the_words_reach_the_bridge(bridge: Talking, config: Path, line: str, word: str, arguments: Arguments) -> None:
    bridge.answers = [DONE]
    assert run(*line.split(), config=config) == 0
    assert bridge.asked == [(word, arguments, None)]
