"""docs/xmpp.md is true: its settings start real servers, which take the component by the settings that stand beside them.

And `check` on those servers: what an operator gets wrong is said with its cure.
"""

import asyncio
import re
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from msgspec import convert, toml
from msgspec.structs import replace

from adapters.xmpp.config import XmppConfig
from adapters.xmpp.examine import examine
from bridge.demo.synapse import Synapse
from tests.servers.bridge import BridgeProcess
from tests.servers.clients import MatrixClient
from tests.servers.daemons import free_port
from tests.servers.xmpp import Ejabberd, Prosody, XmppServer, running

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


class HowtoProsody(Prosody):
    def settings(self, template: str, **more: object) -> str:
        head = (
            f'run_as_root = {more["root"]}\npidfile = "{self.folder}/prosody.pid"\n'
            f'data_path = "{self.folder}/data"\nlog = {{ info = "{self.folder}/prosody-info.log" }}\n'
            f'interfaces = {{ "127.0.0.1" }}\ncomponent_ports = {{ {self.component_port} }}\nc2s_ports = {{ {self.port} }}\n'
            f"s2s_ports = {{}}\nhttp_ports = {{ {self.http_port} }}\nhttps_ports = {{}}\n"
            'modules_enabled = { "disco", "saslauth", "tls", "c2s" }\nVirtualHost "example.org"\n'
        )
        return head + block("lua")


class HowtoEjabberd(Ejabberd):
    def settings(self, template: str, **more: object) -> str:
        clients = f'listen:\n  -\n    port: {self.port}\n    ip: "127.0.0.1"\n    module: ejabberd_c2s\n'
        ports = {"5347": str(self.component_port), "5444": str(self.http_port)}
        text = re.sub("5347|5444", lambda usual: ports[usual[0]], block("yaml")).replace("listen:\n", clients, 1)
        return f'hosts: ["example.org"]\n{text}'.replace('"::"', '"127.0.0.1"')


def told(server: XmppServer) -> XmppConfig:
    """What the page tells the bridge of that server."""
    return replace(settings(), server=f"127.0.0.1:{server.component_port}")


@pytest_asyncio.fixture(scope="module", loop_scope="module", params=[HowtoProsody, HowtoEjabberd], ids=["prosody", "ejabberd"])
async def server(request: pytest.FixtureRequest) -> AsyncIterator[XmppServer]:
    async with running(request.param, accounts=()) as made:
        yield made


@pytest_asyncio.fixture(loop_scope="module")
async def bridge(
    server: XmppServer, synapse_python: Path, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[BridgeProcess]:
    """It runs by the page's settings, and alice has a room `#tea`."""
    folder = tmp_path_factory.mktemp("howto")
    synapse = Synapse(synapse_python, folder / "synapse", port=free_port())
    made = BridgeProcess(folder / "bridge", homeserver=synapse.url)
    made.write(block("toml").replace("5347", str(server.component_port)))
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


async def test_the_page_s_settings_are_taken(server: XmppServer) -> None:
    words = await examine(told(server))
    assert f"takes us for {HOST}" in words and "takes files" in words


async def test_a_wrong_secret_is_named(server: XmppServer) -> None:
    assert "does not accept the secret" in await said(replace(told(server), secret="guess"))


async def test_a_host_that_the_server_does_not_have_is_named(server: XmppServer) -> None:
    words = await said(replace(told(server), component="other.example.org"))
    assert "knows no component other.example.org" in words or "where they don't name it" in words  # ejabberd does not say which


async def test_the_port_of_clients_is_known_as_another(server: XmppServer) -> None:
    words = await said(replace(told(server), server=f"127.0.0.1:{server.port}"))
    assert "5347 where nothing else is set" in words


async def test_cures_that_check_says_stand_on_the_page(server: XmppServer) -> None:
    """Whoever looks a sentence up finds it."""
    config = told(server)
    for wrong, key in (
        (replace(config, secret="guess"), "does not accept the secret"),
        (replace(config, server=f"127.0.0.1:{free_port()}"), "nothing listens at"),
        (replace(config, tls=True), "does not speak TLS"),
    ):
        assert key in await said(wrong)
        assert f"| `{key}" in HOWTO


async def test_a_server_that_is_down_is_named(server: XmppServer) -> None:
    assert "nothing listens at" in await said(replace(told(server), server=f"127.0.0.1:{free_port()}"))


async def test_tls_where_there_is_none_is_named(server: XmppServer) -> None:
    assert "does not speak TLS" in await said(replace(told(server), tls=True))


async def test_a_room_on_a_server_that_cannot_be_found_is_named_with_its_reason(bridge: BridgeProcess) -> None:
    await bridge.command("link", "#tea:localhost", "jabber/tea@nowhere.invalid")
    async with asyncio.timeout(20):
        while "the room's server cannot be found" not in await bridge.command("links"):
            pass
    assert "jabber/tea@nowhere.invalid: the room's server cannot be found" in (await bridge.attempt("check"))[1]


async def test_a_name_that_another_bridge_speaks_for_is_named(server: XmppServer, bridge: BridgeProcess) -> None:
    """ejabberd takes both."""
    try:
        words = await examine(told(server))
    except OSError as refused:
        words = str(refused)
    assert ("another connection speaks for" if server.name == "prosody" else "takes us for") in words


async def test_accounts_alone_need_no_more_than_the_page_says() -> None:
    assert settings(1).component is None
