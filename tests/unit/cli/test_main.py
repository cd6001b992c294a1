"""The command line: what each command asks of whom, what it prints, and how it ends."""

import asyncio
import json
import logging
import socket
import stat
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from bridge.cli.main import run_command
from bridge.cli.parser import make_parser
from bridge.contract.words import Answer
from bridge.ops.control import Arguments, ControlServer

Asked = list[tuple[str, Arguments, str | None]]


class Running:
    """A bridge that only answers its socket, in a thread of its own; `asked` is what it heard."""

    def __init__(self, path: Path) -> None:
        self.asked: Asked = []
        self.answer = Answer(text="Done.", columns=("a",), rows=(("1",),), data={"n": 1})
        self._path = path
        self._up = threading.Event()
        self._loop = asyncio.new_event_loop()
        self._end = asyncio.Event()
        self._thread = threading.Thread(target=lambda: self._loop.run_until_complete(self._serve()))

    async def _answer(self, word: str, arguments: Arguments, user: str | None) -> Answer:
        self.asked.append((word, arguments, user))
        return self.answer

    async def _serve(self) -> None:
        server = ControlServer(self._path, self._answer, logging.getLogger("test"))
        await server.start()
        self._up.set()
        await self._end.wait()
        await server.close()

    def start(self) -> None:
        self._thread.start()
        assert self._up.wait(10)

    def stop(self) -> None:
        self._loop.call_soon_threadsafe(self._end.set)
        self._thread.join(10)
        self._loop.close()


@pytest.fixture
def running(tmp_path: Path) -> Iterator[Running]:
    bridge = Running(tmp_path / "unabridged.sock")
    bridge.start()
    yield bridge
    bridge.stop()


def run(*arguments: str, config: Path | None = None, env: Mapping[str, str] | None = None) -> int:
    options = ["--config", str(config)] if config else []
    return run_command([*options, *arguments], env or {})


@pytest.mark.parametrize(
    ("line", "word", "arguments"),
    [
        ("status", "status", {}),
        ("links", "links", {}),
        ("links #a:b", "links", {"room": "#a:b"}),
        (
            "link #a:b local/#x --direction in --relay no",
            "link",
            {"room": "#a:b", "channel": "local/#x", "direction": "in", "relay": "no"},
        ),
        ("unlink !a local/#x", "unlink", {"room": "!a", "channel": "local/#x"}),
        ("trace $e", "trace", {"event": "$e"}),
        ("dead --limit 5", "dead", {"limit": "5"}),
        ("dead local/#x", "dead", {"channel": "local/#x"}),
        ("replay a b --channel local/#x", "replay", {"delivery": ["a", "b"], "channel": "local/#x"}),
        ("quarantine --limit 5", "quarantine", {"limit": "5"}),
        ("release $e", "release", {"id": ["$e"]}),
        ("local nick new", "local", ["nick", "new"]),
    ],
)
def test_words_reach_the_running_bridge(running: Running, config: Path, line: str, word: str, arguments: Arguments) -> None:
    assert run(*line.split(), config=config) == 0
    assert running.asked == [(word, arguments, None)]


def test_the_answer_is_a_table_or_json(running: Running, config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("status", config=config) == 0
    assert capsys.readouterr().out == "Done.\n\nA\n1\n"
    for line in (["--json", "status"], ["status", "--json"], ["--json", "local", "word"], ["local", "word", "--json"]):
        assert run(*line, config=config) == 0
        assert json.loads(capsys.readouterr().out) == {"n": 1}


@pytest.mark.parametrize("line", [["--as", "@a:b", "links"], ["links", "--as", "@a:b"], ["--as", "@a:b", "local", "x"]])
def test_a_command_may_act_for_someone(running: Running, config: Path, line: list[str]) -> None:
    assert run(*line, config=config) == 0
    assert running.asked[0][2] == "@a:b"


def test_what_failed_ends_with_1(running: Running, config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    running.answer = Answer(text="No.", failed=True)
    assert run("status", config=config) == 1
    captured = capsys.readouterr()
    assert (captured.out, captured.err) == ("", "No.\n")
    assert run("status", "--json", config=config) == 1
    assert json.loads(capsys.readouterr().out) == {"error": "No."}


def test_without_a_bridge_the_socket_is_named(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("status", config=config) == 1
    assert f"no bridge is running: nothing answers on {config.parent}/unabridged.sock" in capsys.readouterr().err
    assert run("status", "--json", config=config) == 1
    assert "no bridge is running" in json.loads(capsys.readouterr().out)["error"]


def test_a_bridge_that_dies_while_asked_is_told(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with socket.socket(socket.AF_UNIX) as dying:
        dying.bind(str(config.parent / "unabridged.sock"))
        dying.listen()

        def die() -> None:
            talk, _ = dying.accept()
            talk.recv(1000)
            talk.close()

        thread = threading.Thread(target=die)
        thread.start()
        assert run("status", config=config) == 1
        thread.join()
    assert "went away before it answered" in capsys.readouterr().err


@pytest.mark.parametrize(
    "line",
    [
        ["staus"],
        ["link"],
        ["link", "#a:b"],
        ["link", "#a:b", "x", "--direction", "up"],
        ["trace"],
        ["replay"],
        ["status", "--odd"],
        ["--odd", "status"],
        ["--config"],
    ],
)
def test_a_wrong_command_line_ends_with_2(config: Path, capsys: pytest.CaptureFixture[str], line: list[str]) -> None:
    assert run(*line, config=config) == 2
    assert capsys.readouterr().err


def test_an_unknown_command_is_told_the_nearest(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("staus", config=config) == 2
    assert capsys.readouterr().err == 'unabridged: there is no command "staus"; did you mean "status"?\n'


@pytest.mark.parametrize("command", ["status", "run", "check", "registration"])
def test_a_wrong_configuration_ends_with_2_and_its_line(config: Path, capsys: pytest.CaptureFixture[str], command: str) -> None:
    config.write_text("[bridge]\nlisen = 1\n")
    assert run(command, config=config) == 2
    assert 'bridge.toml:2: [bridge] unknown key "lisen"; did you mean "listen"?' in capsys.readouterr().err
    assert run(command, config=config.with_name("none.toml")) == 2
    assert "none.toml: No such file" in capsys.readouterr().err


def test_a_wrong_configuration_is_told_to_scripts_too(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    config.write_text("[bridge]\nlisen = 1\nlog_level = 5\n")
    assert run("check", "--json", config=config) == 2
    assert len(json.loads(capsys.readouterr().out)["data"]) == 2


def test_the_configuration_may_be_named_by_the_environment(running: Running, config: Path) -> None:
    assert run("status", env={"UNABRIDGED_CONFIG": str(config)}) == 0
    assert len(running.asked) == 1


def test_words_need_no_adapter_and_mind_the_environment(running: Running, config: Path) -> None:
    config.write_text('[networks.x]\nadapter = "not installed"\n')
    assert run("status", config=config) == 0
    elsewhere = {"UNABRIDGED__BRIDGE__DATABASE": "sqlite:///elsewhere/x.db", "UNABRIDGED__NETWORKS__X__NICK": "y"}
    assert run("status", config=config, env=elsewhere) == 1


def test_version_needs_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("version", config=Path("none")) == 0
    assert capsys.readouterr().out.startswith("unabridged 0.")
    assert run("version", "--json") == 0
    assert json.loads(capsys.readouterr().out)["version"]


def test_no_command_shows_the_help(capsys: pytest.CaptureFixture[str]) -> None:
    assert run() == 0
    assert "usage: unabridged" in capsys.readouterr().out
    assert run("--help") == 0


def test_registration_is_written_once_for_its_owner_only(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = config.parent / "registration.yaml"
    assert run("registration", config=config) == 0
    first = path.read_text()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert "as_token" in first
    assert "as_token" not in capsys.readouterr().out
    assert run("registration", config=config) == 1
    assert path.read_text() == first
    assert run("registration", "--force", config=config) == 0
    assert path.read_text() != first


def test_the_second_registration_has_no_address(config: Path) -> None:
    assert run("registration", "--double-puppet", config=config) == 0
    assert "url: null" in (config.parent / "double-puppet.yaml").read_text()


def test_check_ends_with_1_while_something_is_wrong(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("check", "--json", config=config) == 1
    findings: dict[str, Any] = {found["area"]: found for found in json.loads(capsys.readouterr().out)["data"]}
    assert findings["registration"]["grade"] == "wrong"


def test_run_without_tokens_ends_with_2_and_says_what_to_do(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("run", config=config) == 2
    assert "write one with `unabridged registration`" in capsys.readouterr().err


def test_help_answers_without_importing_the_bridge() -> None:
    """It must take less than 150 ms; what it imports is what that time depends on."""
    code = (
        "import sys; sys.argv = ['unabridged', '--help']; from bridge.__main__ import main; status = main();"
        "heavy = {'asyncio', 'aiohttp', 'msgspec', 'mautrix', 'sqlalchemy', 'tomllib'} & set(sys.modules);"
        "sys.exit(status or len(heavy))"
    )
    subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, timeout=60)


def test_asking_imports_neither_adapters_nor_libraries(config: Path) -> None:
    code = (
        f"import sys; sys.argv = ['unabridged', '--config', {str(config)!r}, 'status'];"
        "from bridge.__main__ import main; main();"
        "heavy = [name for name in sys.modules if name.split('.')[0] in ('adapters', 'aiohttp', 'mautrix', 'sqlalchemy')];"
        "sys.exit(len(heavy))"
    )
    subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, timeout=60)


def test_every_command_has_a_line_of_help() -> None:
    text = make_parser().format_help()
    for command in [
        "demo",
        "run",
        "check",
        "registration",
        "link",
        "unlink",
        "links",
        "status",
        "trace",
        "dead",
        "replay",
        "quarantine",
        "release",
        "version",
    ]:
        assert f"\n    {command} " in text
