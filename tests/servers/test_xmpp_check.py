"""docs/xmpp.md is true: its settings start real servers, which take the component by the settings that stand beside them.

And `check` on those servers: what an operator gets wrong is said with its cure.
"""

import asyncio
import re
import shutil
import tempfile
from collections.abc import AsyncIterator
from os import geteuid
from pathlib import Path

import pytest
import pytest_asyncio
from msgspec import convert, toml
from msgspec.structs import replace

from adapters.xmpp.config import XmppConfig
from adapters.xmpp.examine import examine
from bridge.demo.process import Child
from bridge.demo.synapse import Synapse
from tests.servers.bridge import BridgeProcess
from tests.servers.clients import MatrixClient
from tests.servers.daemons import Daemon, binary, free_port

pytestmark = [pytest.mark.servers, pytest.mark.asyncio(loop_scope="module")]

HOWTO = (Path(__file__).parents[2] / "docs" / "xmpp.md").read_text()
HOST = "matrix.example.org"


def block(language: str, number: int = 0) -> str:
    """A piece of settings, as it stands on the page."""
    return str(re.findall(rf"^```{language}\n(.*?)^```$", HOWTO, re.MULTILINE | re.DOTALL)[number])


def settings(number: int = 0) -> XmppConfig:
    """Those of `bridge.toml`, with the secret that its file would hold."""
    table = toml.decode(block("toml", number))["networks"]["jabber"]
    assert table.pop("adapter") == "xmpp"
    if table.pop("secret_file", None):
        table["secret"] = "SECRET"
    return convert(table, XmppConfig)


class HowtoServer(Daemon):
    """`port` is the one for components."""

    def __init__(self, folder: Path) -> None:
        self.client_port = free_port()
        super().__init__(folder)

    def config(self) -> XmppConfig:
        return replace(settings(), server=f"127.0.0.1:{self.port}")


class HowtoProsody(HowtoServer):
    name = "prosody"

    def command(self) -> list[str]:
        head = (
            f'run_as_root = {str(geteuid() == 0).lower()}\npidfile = "{self.folder}/prosody.pid"\n'
            f'data_path = "{self.folder}/data"\nlog = {{ info = "{self.folder}/prosody-info.log" }}\n'
            f'interfaces = {{ "127.0.0.1" }}\ncomponent_ports = {{ {self.port} }}\nc2s_ports = {{ {self.client_port} }}\n'
            f"s2s_ports = {{}}\nhttp_ports = {{ {free_port()} }}\nhttps_ports = {{}}\n"
            'modules_enabled = { "disco", "saslauth", "tls", "c2s" }\nVirtualHost "example.org"\n'
        )
        path = self.folder / "prosody.cfg.lua"
        path.write_text(head + block("lua"))
        (self.folder / "data").mkdir(exist_ok=True)
        return [binary("prosody"), "-F", "--config", str(path)]


class HowtoEjabberd(HowtoServer):
    name = "ejabberd"

    def command(self) -> list[str]:
        for name in ("spool", "logs", "config"):
            (self.folder / name).mkdir(exist_ok=True)
        text = block("yaml").replace("5347", str(self.port)).replace("5444", str(free_port())).replace('"::"', '"127.0.0.1"')
        client = f'listen:\n  -\n    port: {self.client_port}\n    ip: "127.0.0.1"\n    module: ejabberd_c2s\n'
        text = text.replace("listen:\n", client, 1)
        (self.folder / "config" / "ejabberd.yml").write_text(f'hosts: ["example.org"]\n{text}')
        for name in ("inetrc", "vm.args"):
            (self.folder / "config" / name).touch()
        (self.folder / "config" / "ejabberdctl.cfg").write_text(f"ERL_DIST_PORT={free_port()}\n")
        if geteuid() == 0:
            for path in (self.folder, *self.folder.rglob("*")):
                shutil.chown(path, "ejabberd")
        return [*self._ctl(), "foreground"]

    def _ctl(self) -> list[str]:
        paths = ["--config-dir", "config", "--spool", "spool", "--logs", "logs"]
        where = [str(self.folder / one) if not one.startswith("--") else one for one in paths]
        return [binary("ejabberdctl"), "--node", f"howto{self.port}@localhost", *where]

    async def stop(self) -> None:
        child = Child("ejabberdctl", [*self._ctl(), "stop"], self.folder / "ejabberdctl.log")
        await child.start()
        await child.wait()
        await self.child.wait()


@pytest_asyncio.fixture(scope="module", loop_scope="module", params=[HowtoProsody, HowtoEjabberd], ids=["prosody", "ejabberd"])
async def server(request: pytest.FixtureRequest) -> AsyncIterator[HowtoServer]:
    with tempfile.TemporaryDirectory(prefix="unabridged-") as folder:  # ejabberd runs as a user of its own, and must get there
        Path(folder).chmod(0o755)
        made: HowtoServer = request.param(Path(folder) / "server")
        await made.start()
        try:
            yield made
        finally:
            await made.stop()


@pytest_asyncio.fixture(loop_scope="module")
async def bridge(
    server: HowtoServer, synapse_python: Path, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[BridgeProcess]:
    """It runs by the page's settings, and alice has a room `#tea`."""
    folder = tmp_path_factory.mktemp("howto")
    synapse = Synapse(synapse_python, folder / "synapse", port=free_port())
    made = BridgeProcess(folder / "bridge", homeserver=synapse.url)
    made.write(block("toml").replace("5347", str(server.port)))
    (made.folder / "xmpp-secret").write_text("SECRET\n")
    synapse.write([await made.registration()])
    await synapse.start()
    try:
        async with MatrixClient(synapse.url, await synapse.user("alice", "secret")) as alice:
            await made.start()
            await alice.call("POST", "createRoom", {"preset": "public_chat", "room_alias_name": "tea"})
            yield made
    finally:
        await made.kill()
        await synapse.stop()


async def said(config: XmppConfig) -> str:
    with pytest.raises(OSError) as refused:
        await examine(config)
    return str(refused.value)


async def test_the_page_s_settings_are_taken(server: HowtoServer) -> None:
    assert f"takes us for {HOST}" in await examine(server.config())


async def test_a_wrong_secret_is_named(server: HowtoServer) -> None:
    assert "does not accept the secret" in await said(replace(server.config(), secret="guess"))


async def test_a_host_that_the_server_does_not_have_is_named(server: HowtoServer) -> None:
    words = await said(replace(server.config(), component="other.example.org"))
    assert "knows no component other.example.org" in words or "where they don't name it" in words  # ejabberd does not say which


async def test_the_port_of_clients_is_known_as_another(server: HowtoServer) -> None:
    words = await said(replace(server.config(), server=f"127.0.0.1:{server.client_port}"))
    assert "5347 where nothing else is set" in words


async def test_cures_that_check_says_stand_on_the_page(server: HowtoServer) -> None:
    """Whoever looks a sentence up finds it."""
    config = server.config()
    for wrong, key in (
        (replace(config, secret="guess"), "does not accept the secret"),
        (replace(config, server=f"127.0.0.1:{free_port()}"), "nothing listens at"),
        (replace(config, tls=True), "does not speak TLS"),
    ):
        assert key in await said(wrong)
        assert f"| `{key}" in HOWTO


async def test_a_server_that_is_down_is_named(server: HowtoServer) -> None:
    assert "nothing listens at" in await said(replace(server.config(), server=f"127.0.0.1:{free_port()}"))


async def test_tls_where_there_is_none_is_named(server: HowtoServer) -> None:
    assert "does not speak TLS" in await said(replace(server.config(), tls=True))


async def test_a_room_on_a_server_that_cannot_be_found_is_named_with_its_reason(bridge: BridgeProcess) -> None:
    await bridge.command("link", "#tea:localhost", "jabber/tea@nowhere.invalid")
    async with asyncio.timeout(20):
        while "the room's server cannot be found" not in await bridge.command("links"):
            pass
    assert "jabber/tea@nowhere.invalid: the room's server cannot be found" in (await bridge.attempt("check"))[1]


async def test_a_name_that_another_bridge_speaks_for_is_named(server: HowtoServer, bridge: BridgeProcess) -> None:
    """ejabberd takes both."""
    try:
        words = await examine(server.config())
    except OSError as refused:
        words = str(refused)
    assert ("another connection speaks for" if server.name == "prosody" else "takes us for") in words


async def test_accounts_alone_need_no_more_than_the_page_says() -> None:
    assert settings(1).component is None
