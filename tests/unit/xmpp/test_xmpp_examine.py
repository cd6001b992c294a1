"""`check` before the first start: what is wrong is said with its cure, and never takes longer than one waits."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from adapters.xmpp import examine as looking
from adapters.xmpp.adapter import Xmpp
from adapters.xmpp.config import XmppConfig
from bridge.contract.adapter import Examines
from tests.doubles.component_server import HOST, SECRET, ComponentServer
from tests.doubles.component_uploads import ABOVE, UPLOAD, UploadService


@pytest.fixture
async def server() -> AsyncIterator[ComponentServer]:
    server = await ComponentServer.start()
    try:
        yield server
    finally:
        await server.stop()


@pytest.fixture(autouse=True)
def lost(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, int]]:
    """What the DNS says of the component; nothing at first."""
    found: list[tuple[str, int]] = []

    async def addresses(host: str) -> list[tuple[str, int]]:
        return found

    monkeypatch.setattr(looking, "_addresses", addresses)
    return found


def config(port: int, **more: str) -> XmppConfig:
    given = {"component": HOST, "secret": SECRET, "server": f"127.0.0.1:{port}", **more}
    return XmppConfig(**given)  # type: ignore[arg-type]


@asynccontextmanager
async def answering(data: bytes) -> AsyncIterator[int]:
    """The port of who says that to anybody. No connection outlives it."""
    talks: list[asyncio.Task[None]] = []

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if (task := asyncio.current_task()) is not None:
            talks.append(task)
        await reader.read(1)
        writer.write(data)
        writer.close()
        await writer.wait_closed()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    async with server:
        yield server.sockets[0].getsockname()[1]
    await asyncio.gather(*talks, return_exceptions=True)


async def test_a_server_that_takes_us_is_well(server: ComponentServer, lost: list[tuple[str, int]]) -> None:
    assert isinstance(Xmpp, Examines)
    words = await Xmpp.examine(config(server.port))
    assert f"takes us for {HOST}" in words and f"can't find {HOST}" in words
    lost += [("127.0.0.1", 1), ("127.0.0.1", server.port)]
    words = await Xmpp.examine(config(server.port))
    assert f"this machine finds it at 127.0.0.1 port {server.port}" in words and "need a public address" in words
    del lost[1]
    assert "nobody answers" in await Xmpp.examine(config(server.port))


async def test_what_becomes_of_files_is_said_and_fails_nothing(server: ComponentServer, monkeypatch: pytest.MonkeyPatch) -> None:
    assert f"files go as links, since {ABOVE} names no upload service" in await Xmpp.examine(config(server.port))
    server.uploads = UploadService(limit=1_048_576)
    assert f"{UPLOAD} takes files of up to 1,048,576 bytes" in await Xmpp.examine(config(server.port))
    assert f"{UPLOAD} takes files" in await Xmpp.examine(config(server.port, upload_service=UPLOAD))
    server.uploads.refuses = ("not-allowed", "cancel")
    assert f"files go as links, since {UPLOAD} refuses: not allowed" in await Xmpp.examine(config(server.port))
    monkeypatch.setattr(looking, "FILES_SECONDS", 0.05)
    server.silent = True
    assert f"files is not known: {ABOVE} does not answer" in await Xmpp.examine(config(server.port))


async def test_what_is_wrong_is_said_with_its_cure(server: ComponentServer) -> None:
    with pytest.raises(OSError, match="`secret` must be what the server's settings name") as wrong:
        await Xmpp.examine(config(server.port, secret="guess"))
    assert "guess" not in str(wrong.value)
    with pytest.raises(OSError, match="add it to the server's settings"):
        await Xmpp.examine(config(server.port, component="other.example.org"))
    await server.stop()
    with pytest.raises(OSError):
        await Xmpp.examine(config(server.port))


@pytest.mark.parametrize(
    "said",
    [
        b"SSH-2.0-OpenSSH_9\r\n",
        b"HTTP/1.1 400 Bad Request\r\n\r\n",
        b"",
        b"<a/>",
        b"<stream:stream xmlns:stream='http://etherx.jabber.org/streams' id='1'><features/>",
        b"<stream:stream xmlns:stream='http://etherx.jabber.org/streams' id='1'><stream:error>"
        b"<invalid-namespace xmlns='urn:ietf:params:xml:ns:xmpp-streams'/></stream:error></stream:stream>",
    ],
)
async def test_another_port_than_the_one_for_components_is_named_as_such(said: bytes) -> None:
    async with answering(said) as port:
        with pytest.raises(OSError, match="port"):
            await Xmpp.examine(config(port))


async def test_a_port_that_says_nothing_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(looking, "LOOK_SECONDS", 0.05)
    gone = asyncio.Event()

    async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while await reader.read(1024):
            pass
        writer.close()
        await writer.wait_closed()
        gone.set()

    server = await asyncio.start_server(silent, "127.0.0.1", 0)
    async with server:
        with pytest.raises(OSError, match="does not answer"):
            await Xmpp.examine(config(server.sockets[0].getsockname()[1]))
        await gone.wait()


async def test_accounts_alone_need_no_server() -> None:
    assert "no component" in await Xmpp.examine(XmppConfig())


async def test_a_missing_file_of_certificates_is_named() -> None:
    with pytest.raises(OSError, match=r"there is no file /nowhere/ca\.pem, which `tls_ca` names"):
        await Xmpp.examine(XmppConfig(component="bridge.example.org", secret="shh", tls=True, tls_ca="/nowhere/ca.pem"))


async def test_a_name_that_nobody_has_is_named() -> None:
    with pytest.raises(OSError, match=r"`server` names nowhere\.invalid, which cannot be found"):
        await Xmpp.examine(config(0, server="nowhere.invalid:5347"))
