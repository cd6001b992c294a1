"""The whole of it as a process: `registration`, `run`, a word over the socket, SIGTERM; and a second bridge is refused."""

import json
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from bridge.matrix import registration
from bridge.ops.remote import NotRunning, ask


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@pytest.fixture
def config(tmp_path: Path) -> Path:
    path = tmp_path / "bridge.toml"
    port, away = free_port(), free_port()
    path.write_text(
        f'[bridge]\nlisten = "127.0.0.1:{port}"\npublic_url = "http://127.0.0.1:{port}"\nlog_format = "json"\n'
        f'[homeserver]\nurl = "http://127.0.0.1:{away}"\n[permissions]\n"*" = "user"\n'
        '[networks.pretend]\nadapter = "fantasy"\n'
    )
    return path


def command(config: Path, *arguments: str) -> list[str]:
    return [sys.executable, "-m", "bridge", "--config", str(config), *arguments]


def tell(config: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command(config, *arguments), capture_output=True, text=True, timeout=60)


class Process:
    """`unabridged run`; started when made, and up when `wait_running` returns."""

    def __init__(self, config: Path) -> None:
        self._process = subprocess.Popen(command(config, "run"), stderr=subprocess.PIPE, text=True)

    def wait_running(self) -> None:
        assert self._process.stderr is not None
        for line in self._process.stderr:
            if json.loads(line)["message"] == "running":
                return
        raise AssertionError(f"it ended with {self._process.wait(30)}")

    def end(self, number: signal.Signals) -> tuple[int, str]:
        """Its status and what it still said; at most once."""
        self._process.send_signal(number)
        said = self._process.communicate(timeout=30)[1]
        return self._process.returncode, said

    def close(self) -> None:
        if self._process.poll() is None:
            self.end(signal.SIGKILL)


@pytest.fixture
def bridge(config: Path) -> Iterator[Process]:
    assert tell(config, "registration").returncode == 0
    process = Process(config)
    try:
        process.wait_running()
        yield process
    finally:
        process.close()


def test_a_bridge_answers_words_and_stops_when_told(bridge: Process, config: Path) -> None:
    status = tell(config, "status", "--json")
    assert status.returncode == 0, bridge.end(signal.SIGTERM)
    assert {row["network"] for row in json.loads(status.stdout)["networks"]} >= {"pretend"}
    links = tell(config, "links")
    assert (links.returncode, links.stdout) == (0, "No links.\n")
    refused = tell(config, "--as", "@alice:localhost", "dead")
    assert (refused.returncode, refused.stderr) == (1, '"dead" needs the permission "admin"; yours is "user".\n')

    second = tell(config, "run")
    assert second.returncode == 1
    assert "in use by another process" in second.stderr

    returncode, said = bridge.end(signal.SIGTERM)
    assert returncode == 0, said
    held = registration.read(config.parent / "registration.yaml")
    assert held.as_token not in said
    assert held.hs_token not in said
    with pytest.raises(NotRunning):
        ask(config.parent / "unabridged.sock", "status", {}, None)
    assert not (config.parent / "unabridged.sock").exists()


def test_a_killed_bridge_starts_again_over_its_own_socket(bridge: Process, config: Path) -> None:
    bridge.end(signal.SIGKILL)
    assert (config.parent / "unabridged.sock").exists()
    assert "no bridge is running" in tell(config, "status").stderr
    again = Process(config)
    try:
        again.wait_running()
        status = tell(config, "status")
        assert status.returncode == 0, again.end(signal.SIGTERM)
        assert again.end(signal.SIGTERM)[0] == 0
    finally:
        again.close()
