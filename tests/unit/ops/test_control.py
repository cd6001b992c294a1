"""The control socket: one line in, one line out, for its owner only, whatever is written into it."""

import asyncio
import contextlib
import json
import logging
import socket
import stat
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.contract.words import Answer
from bridge.ops.control import CONNECTIONS, LARGEST, Arguments, ControlServer, SocketTaken
from bridge.ops.remote import request_line
from bridge.ops.sockets import address_of

LOG = logging.getLogger("test.control")


async def echo(word: str, arguments: Arguments, user: str | None) -> Answer:
    if word == "break":
        raise RuntimeError("a bug with a secret in it")
    if word == "hang":
        await asyncio.Event().wait()
    return Answer(text=word, data={"arguments": arguments, "as": user, "odd": {1, 2} if word == "odd" else None})


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[ControlServer]:
    server = ControlServer(tmp_path / "unabridged.sock", echo, LOG)
    await server.start()
    yield server
    await server.close()


async def ask(path: Path, *lines: bytes) -> list[dict[str, Any]]:
    with address_of(path) as address:
        reader, writer = await asyncio.open_unix_connection(address)
    writer.writelines(lines)
    writer.write_eof()
    answers = [json.loads(line) for line in (await reader.read()).splitlines()]
    writer.close()
    await writer.wait_closed()
    return answers


async def test_a_word_is_answered(server: ControlServer, tmp_path: Path) -> None:
    (answer,) = await ask(tmp_path / "unabridged.sock", request_line("links", ["a b"], "@alice:localhost"))
    assert answer == {
        "text": "links",
        "columns": [],
        "rows": [],
        "data": {"arguments": ["a b"], "as": "@alice:localhost", "odd": None},
        "failed": False,
        "asks": None,
        "talk": None,
    }


async def test_arguments_go_by_name_too_and_several_words_over_one_connection(server: ControlServer, tmp_path: Path) -> None:
    lines = [request_line("a", {"x": "1", "y": ["2"]}, None), b'{"word": "b"}\n']
    answers = await ask(tmp_path / "unabridged.sock", *lines)
    assert answers[0]["data"]["arguments"] == {"x": "1", "y": ["2"]}
    assert answers[1]["text"] == "b"


async def test_only_the_owner_may_open_it(server: ControlServer, tmp_path: Path) -> None:
    assert stat.S_IMODE((tmp_path / "unabridged.sock").stat().st_mode) == 0o600


@pytest.mark.parametrize(
    "line",
    [
        b"\n",
        b"[]\n",
        b"null\n",
        b'{"word": 5}\n',
        b'{"word": "x", "arguments": 5}\n',
        b'{"word": "x", "arguments": {"a": {}}}\n',
        b'{"word": "x", "as": ["y"]}\n',
        b"\xff\xfe\n",
        b'{"word": "\\ud800"}\n',
        b"[" * 100_000 + b"\n",
    ],
)
async def test_what_is_no_request_is_answered_and_the_next_is_heard(server: ControlServer, tmp_path: Path, line: bytes) -> None:
    answers = await ask(tmp_path / "unabridged.sock", line, request_line("next", [], None))
    assert answers[0]["failed"]
    assert answers[0]["text"].startswith("That is no request: ")
    assert answers[1]["text"] == "next"


async def test_an_endless_line_is_cut_off_with_an_answer(server: ControlServer, tmp_path: Path) -> None:
    (answer,) = await ask(tmp_path / "unabridged.sock", b"x" * (LARGEST + 2))
    assert (answer["text"], answer["failed"]) == (f"A request has at most {LARGEST} bytes.", True)


async def test_a_line_without_an_end_is_no_request(server: ControlServer, tmp_path: Path) -> None:
    assert await ask(tmp_path / "unabridged.sock", b'{"word": "x"}') == []


async def test_a_bug_in_a_word_is_logged_and_answered_without_its_text(
    server: ControlServer, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    answers = await ask(tmp_path / "unabridged.sock", request_line("break", [], None), request_line("next", [], None))
    assert answers[0]["text"] == "That failed by a fault in the bridge; its log says more."
    assert answers[1]["text"] == "next"
    assert "a bug with a secret in it" in caplog.text


async def test_data_that_json_has_no_word_for_is_spelled_out(server: ControlServer, tmp_path: Path) -> None:
    (answer,) = await ask(tmp_path / "unabridged.sock", request_line("odd", [], None))
    assert answer["data"]["odd"] in ("{1, 2}", [1, 2])


async def test_too_many_at_once_are_told_and_the_others_go_on(server: ControlServer, tmp_path: Path) -> None:
    path = str(tmp_path / "unabridged.sock")
    held = [await asyncio.open_unix_connection(path) for _ in range(CONNECTIONS)]
    for reader, writer in held:
        writer.write(request_line("here", [], None))
        assert json.loads(await reader.readline())["text"] == "here"
    (refused,) = await ask(tmp_path / "unabridged.sock")
    assert refused["text"] == "Too many are asking at once; try again."
    for _, writer in held:
        writer.close()
        await writer.wait_closed()


async def test_closing_ends_a_word_that_hangs_and_takes_the_socket_away(tmp_path: Path) -> None:
    path = tmp_path / "unabridged.sock"
    server = ControlServer(path, echo, LOG)
    await server.start()
    reader, writer = await asyncio.open_unix_connection(str(path))
    writer.write(request_line("first", [], None))
    await reader.readline()
    writer.write(request_line("hang", [], None))
    await writer.drain()
    await server.close()
    await server.close()
    with contextlib.suppress(ConnectionResetError):
        assert await reader.read() == b""
    assert not path.exists()
    writer.close()


async def test_a_killed_bridges_socket_is_taken_over(tmp_path: Path) -> None:
    path = tmp_path / "unabridged.sock"
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(str(path))
    server = ControlServer(path, echo, LOG)
    await server.start()
    assert (await ask(path, request_line("x", [], None)))[0]["text"] == "x"
    await server.close()


async def test_a_running_bridges_socket_is_left_alone(server: ControlServer, tmp_path: Path) -> None:
    path = tmp_path / "unabridged.sock"
    with pytest.raises(SocketTaken, match="another bridge answers on"):
        await ControlServer(path, echo, LOG).start()
    assert (await ask(path, request_line("x", [], None)))[0]["text"] == "x"


async def test_a_file_in_the_way_is_not_removed(tmp_path: Path) -> None:
    path = tmp_path / "unabridged.sock"
    path.write_text("precious")
    with pytest.raises(SocketTaken, match="it is no socket"):
        await ControlServer(path, echo, LOG).start()
    assert path.read_text() == "precious"


async def test_a_folder_deeper_than_an_address_may_be_long_works(tmp_path: Path) -> None:
    folder = tmp_path / ("deep" * 20) / ("er" * 40)
    folder.mkdir(parents=True)
    server = ControlServer(folder / "unabridged.sock", echo, LOG)
    await server.start()
    assert (await ask(folder / "unabridged.sock", request_line("x", [], None)))[0]["text"] == "x"
    await server.close()
    assert not list(folder.iterdir())


@given(st.binary(max_size=60).map(lambda junk: junk.replace(b"\n", b"")))
def test_no_bytes_break_the_server(tmp_path_factory: pytest.TempPathFactory, junk: bytes) -> None:
    async def scene() -> None:
        path = tmp_path_factory.mktemp("junk") / "s"
        server = ControlServer(path, echo, LOG)
        await server.start()
        answers = await ask(path, junk + b"\n", request_line("next", [], None))
        assert [len(answers), answers[-1]["text"]] == [2, "next"]
        await server.close()

    asyncio.run(scene())


@pytest.mark.parametrize("turns", range(6))
async def test_who_comes_as_it_stops_is_hung_up_on(tmp_path: Path, turns: int) -> None:
    server = ControlServer(tmp_path / "unabridged.sock", echo, LOG)
    await server.start()
    with socket.socket(socket.AF_UNIX) as caller:
        with address_of(tmp_path / "unabridged.sock") as address:
            caller.connect(address)
        for _ in range(turns):
            await asyncio.sleep(0)
        await server.close()
        caller.settimeout(10)
        with contextlib.suppress(ConnectionResetError):
            assert await asyncio.to_thread(caller.recv, 1) == b""
