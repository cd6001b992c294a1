"""`unabridged check` on set-ups broken in each usual way: it must name the fault and the cure, and never faint."""

import logging
import socket
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from bridge.config.adapters_found import FoundAdapters
from bridge.config.mark import mark_of
from bridge.config.settings import BridgeSettings, HomeserverSettings, LinkSettings, NetworkSettings, PortalSettings, Settings
from bridge.contract.features import Feature, Features, Level, Manifest
from bridge.contract.words import Answer
from bridge.matrix import registration
from bridge.model.ids import ChannelId, NetworkName
from bridge.model.portals import PortalKind, TimelineOptions
from bridge.ops.control import Arguments, ControlServer
from bridge.ops.doctor import examine, look_at_database_server, look_at_networks
from bridge.ops.findings import Finding, Grade, as_answer, reason
from tests.doubles.homeserver import FakeHomeserver

LOCAL = NetworkName("local")
ROOM = "#lobby:localhost"
ENV = {"UNABRIDGED_AS_TOKEN": "as-token", "UNABRIDGED_HS_TOKEN": "hs-token"}


class Config(msgspec.Struct, frozen=True):
    up: bool = True


class Pretend:
    manifest = Manifest(
        protocol="pretend",
        title="Pretend",
        config=Config,
        features=Features(levels={Feature.TEXT: Level.NATIVE, Feature.EDIT: Level.RENDERED, Feature.POLL: Level.REFUSED}),
    )

    @classmethod
    async def examine(cls, config: Config) -> str:
        if not config.up:
            raise OSError("nobody answers at pretend.example:1")
        return "pretend.example answers"


class Silent:
    manifest = Manifest(protocol="silent", title="Silent", config=Config, features=Features(levels={}))


class Installed(FoundAdapters):
    def __init__(self) -> None:
        super().__init__({})

    def adapter(self, name: str) -> Any:
        return {"pretend": Pretend, "silent": Silent}[name]


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@pytest.fixture
async def hs() -> AsyncIterator[FakeHomeserver]:
    port = free_port()
    async with FakeHomeserver(appservice_url=f"http://127.0.0.1:{port}") as homeserver:
        yield homeserver


def settings_for(hs: FakeHomeserver, **homeserver: str) -> Settings:
    assert hs.push.url is not None
    return Settings(
        bridge=BridgeSettings(listen=hs.push.url.removeprefix("http://"), public_url=hs.push.url),
        homeserver=HomeserverSettings(**{"url": hs.url, "domain": "localhost", **homeserver}),
        networks={LOCAL: NetworkSettings(name=LOCAL, adapter="pretend", config=Config())},
        portals=(PortalSettings(room=ROOM, links=(LinkSettings(channel=ChannelId(LOCAL, "#x")),)),),
    )


async def check(settings: Settings, folder: Path, env: dict[str, str] | None = None) -> dict[str, Finding]:
    found = await examine(settings, folder / "bridge.toml", ENV if env is None else env, Installed())
    return {finding.area: finding for finding in found}


async def test_a_good_set_up_is_all_well(hs: FakeHomeserver, tmp_path: Path) -> None:
    hs.make_room(hs.bot, alias=ROOM)
    found = await check(settings_for(hs), tmp_path)
    assert {area: finding.grade for area, finding in found.items()} == {
        "configuration": Grade.OK,
        "database": Grade.NOTE,
        "key file": Grade.NOTE,
        "registration": Grade.OK,
        "homeserver": Grade.OK,
        "way back": Grade.OK,
        ROOM: Grade.OK,
        "local": Grade.OK,
        "matrix → local": Grade.NOTE,
        "local → matrix": Grade.NOTE,
    }, found
    assert "written simpler: edit" in found["matrix → local"].words
    assert "refused: poll" in found["matrix → local"].words
    assert found["local → matrix"].words == "nothing is lost"


async def test_a_homeserver_that_is_down_is_named(hs: FakeHomeserver, tmp_path: Path) -> None:
    found = await check(settings_for(hs, url=f"http://127.0.0.1:{free_port()}"), tmp_path)
    assert found["homeserver"].grade is Grade.WRONG
    assert found["homeserver"].words.endswith("can't be reached: Connection refused")
    assert "way back" not in found
    assert "local" in found


async def test_a_token_the_homeserver_does_not_know(hs: FakeHomeserver, tmp_path: Path) -> None:
    found = await check(settings_for(hs), tmp_path, {**ENV, "UNABRIDGED_AS_TOKEN": "other"})
    assert found["homeserver"].words == "it does not know our token: give it the registration file and restart it"
    assert "other" not in found["homeserver"].words.split()


async def test_a_domain_that_is_not_the_homeservers(hs: FakeHomeserver, tmp_path: Path) -> None:
    found = await check(settings_for(hs, domain="example.org"), tmp_path)
    assert "our token is @unabridged:localhost there, not @unabridged:example.org" in found["homeserver"].words


@pytest.mark.parametrize("body", ["<html>", "[]", '{"x": 1}'])
async def test_something_that_is_no_homeserver(hs: FakeHomeserver, tmp_path: Path, body: str) -> None:
    async def answer(request: web.Request) -> web.Response:
        return web.Response(text=body)

    app = web.Application()
    app.router.add_route("*", "/{rest:.*}", answer)
    async with TestServer(app) as server:
        found = await check(settings_for(hs, url=str(server.make_url("/"))), tmp_path)
    assert "not as a homeserver does (HTTP 200)" in found["homeserver"].words


async def test_a_homeserver_that_cannot_reach_us(hs: FakeHomeserver, tmp_path: Path) -> None:
    settings = settings_for(hs)
    hs.push.url = f"http://127.0.0.1:{free_port()}"
    found = await check(settings, tmp_path)
    assert found["way back"].grade is Grade.WRONG
    assert f"cannot connect to us at {settings.bridge.public_url}" in found["way back"].words


async def test_another_hs_token_is_found_out(hs: FakeHomeserver, tmp_path: Path) -> None:
    found = await check(settings_for(hs), tmp_path, {**ENV, "UNABRIDGED_HS_TOKEN": "another"})
    assert found["way back"].grade is Grade.WRONG
    assert "refuses the homeserver's hs_token" in found["way back"].words


async def test_a_room_not_made_yet_is_no_fault(hs: FakeHomeserver, tmp_path: Path) -> None:
    assert (await check(settings_for(hs), tmp_path))[ROOM].grade is Grade.NOTE


async def test_a_room_the_bot_is_not_in(hs: FakeHomeserver, tmp_path: Path) -> None:
    hs.make_room(hs.user("alice"), alias=ROOM)
    found = (await check(settings_for(hs), tmp_path))[ROOM]
    assert found.grade is Grade.WRONG
    assert "invite @unabridged:localhost" in found.words


async def test_missing_files_and_rights_are_named(hs: FakeHomeserver, tmp_path: Path) -> None:
    settings = settings_for(hs)
    found = await check(settings, tmp_path, {})
    assert found["registration"].grade is Grade.WRONG
    assert "write one with `unabridged registration`" in found["registration"].words
    assert "homeserver" not in found


async def test_files_that_others_can_read(hs: FakeHomeserver, tmp_path: Path) -> None:
    settings = settings_for(hs)
    registration.write(registration.make(settings), tmp_path / "registration.yaml")
    for name in ("registration.yaml", "bridge.key", "unabridged.db"):
        (tmp_path / name).touch()
        (tmp_path / name).chmod(0o644)
    found = await check(settings, tmp_path)
    assert found["registration"].grade is Grade.WARNING
    assert found["key file"].grade is Grade.WRONG
    assert found["database"].grade is Grade.WARNING


async def test_a_registration_for_other_settings(hs: FakeHomeserver, tmp_path: Path) -> None:
    registration.write(registration.make(settings_for(hs, domain="example.org")), tmp_path / "registration.yaml")
    found = (await check(settings_for(hs), tmp_path))["registration"]
    assert found.grade is Grade.WRONG


@pytest.mark.parametrize(
    ("database", "words"),
    [("sqlite:///none/x.db", "there is no folder"), ("sqlite:///odd.db", "is no SQLite database")],
)
async def test_a_database_that_cannot_be(hs: FakeHomeserver, tmp_path: Path, database: str, words: str) -> None:
    (tmp_path / "odd.db").write_text("something that is not a database")
    bridge = BridgeSettings(database=database)
    found = await check(msgspec.structs.replace(settings_for(hs), bridge=bridge), tmp_path, {})
    assert found["database"].grade is Grade.WRONG
    assert words in found["database"].words


async def test_networks_say_themselves_whether_they_answer() -> None:
    networks = {
        NetworkName(name): NetworkSettings(name=NetworkName(name), adapter=adapter, config=Config(up=up))
        for name, adapter, up in (("up", "pretend", True), ("down", "pretend", False), ("silent", "silent", True))
    }
    found = [finding async for finding in look_at_networks(Settings(networks=networks), Installed())]
    assert [(finding.area, finding.grade) for finding in found] == [
        ("up", Grade.OK),
        ("down", Grade.WRONG),
        ("silent", Grade.NOTE),
    ]
    assert found[1].words == "nobody answers at pretend.example:1"


async def test_a_running_bridge_is_asked_how_its_networks_are(hs: FakeHomeserver, tmp_path: Path) -> None:
    def network(name: str, phase: str, reason: str | None, failed: dict[str, str]) -> dict[str, Any]:
        return {"network": name, "phase": phase, "reason": reason, "links": 2, "open": 2 - len(failed), "failed": failed}

    async def answer(word: str, arguments: Arguments, user: str | None) -> Answer:
        networks = [
            network("local", "connected", None, {}),
            network("half", "connected", None, {"half/#x": "invite only"}),
            network("away", "transient", "connection refused", {}),
            network("banned", "failed", "K-lined", {}),
        ]
        return Answer(data={"networks": networks, "settings": mark_of(settings)})

    settings = settings_for(hs)
    server = ControlServer(tmp_path / "unabridged.sock", answer, logging.getLogger("test"))
    await server.start()
    found = await check(settings, tmp_path)
    changed = await check(msgspec.structs.replace(settings, portals=()), tmp_path)
    await server.close()
    assert "running bridge" not in found
    assert changed["running bridge"].words.startswith("it was started with other settings")
    assert (found["local"].grade, found["local"].words) == (Grade.OK, "connected, 2 of 2 links open")
    assert (found["half"].grade, found["half"].words) == (Grade.WARNING, "connected, 1 of 2 links open; half/#x: invite only")
    assert found["away"].grade is Grade.WARNING
    assert found["banned"].words == "failed, 2 of 2 links open: K-lined"


async def test_a_room_that_names_a_login_nobody_has_is_told_with_the_one_that_was_meant(
    hs: FakeHomeserver, tmp_path: Path
) -> None:
    async def answer(word: str, arguments: Arguments, user: str | None) -> Answer:
        return Answer(data=[{"network": "local", "name": "alice"}] if word == "logins" else {"networks": []})

    server = ControlServer(tmp_path / "unabridged.sock", answer, logging.getLogger("test"))
    await server.start()
    timeline = TimelineOptions(repost=("local@alice -> local@bob",))
    meant = PortalSettings(room=ROOM, kind=PortalKind.TIMELINE, post_to=("local@alcie",), timeline=timeline)
    settings = msgspec.structs.replace(settings_for(hs), portals=(meant,))
    told = [finding.words for finding in await examine(settings, tmp_path / "bridge.toml", ENV, Installed())]
    await server.close()
    assert 'post_to names the login local@alcie, which nobody has; did you mean "alice"?; ' in "\n".join(told)
    assert 'repost names the login local@bob, which nobody has; whoever it is for says "login local --name bob"' in told
    assert not any("local@alice, which" in words for words in told)


async def test_a_room_that_nobody_outside_can_read_though_it_should_is_told(hs: FakeHomeserver, tmp_path: Path) -> None:
    meant = PortalSettings(room=ROOM, kind=PortalKind.TIMELINE, timeline=TimelineOptions(outfeed=True))
    settings = msgspec.structs.replace(settings_for(hs), portals=(meant,))
    told = [finding.words for finding in await examine(settings, tmp_path / "bridge.toml", ENV, Installed())]
    assert any(words.startswith("timeline.outfeed has no effect") for words in told)


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (ConnectionRefusedError(111, "Connect call failed ('127.0.0.1', 1)"), "Connection refused"),
        (socket.gaierror(-2, "Name or service not known"), "Name or service not known"),
        (OSError("it wants a password"), "it wants a password"),
        (TimeoutError(), "TimeoutError"),
    ],
)
def test_reasons_are_without_ornaments(error: Exception, words: str) -> None:
    assert reason(error) == words


def test_a_database_server_that_is_away_is_named_without_its_password() -> None:
    found = look_at_database_server(f"postgresql://me:hunter2@127.0.0.1:{free_port()}/x")
    assert found.grade is Grade.WRONG
    assert "refuses us" in found.words
    assert "hunter2" not in found.words


def test_the_answer_counts_what_is_wrong() -> None:
    findings = [Finding("a", Grade.OK, "x"), Finding("b", Grade.WRONG, "y"), Finding("c", Grade.WARNING, "z")]
    answer = as_answer(findings)
    assert (answer.text, answer.failed) == ("1 wrong, 1 to look at.", True)
    assert answer.rows[1] == ("wrong", "b", "y")
    assert as_answer(findings[:1]).text == "All is well."
    assert not as_answer(findings[::2]).failed
