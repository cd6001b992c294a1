"""The demo's people talk: always the same, with everything in it that the demo shows; and nothing that visitors do stops them."""

import asyncio
from datetime import timedelta
from functools import partial

import pytest

from adapters.gnusocial.adapter import GnuSocial
from adapters.gnusocial.demo import actions, stage
from adapters.gnusocial.demo.__main__ import arguments, main
from adapters.gnusocial.demo.script import LINES, Script, accounts
from adapters.gnusocial.demo.server import SiteServer
from adapters.gnusocial.demo.state import Site
from adapters.gnusocial.demo.things import Settings
from bridge.contract.adapter import Demonstrates
from bridge.testing.doubles import until
from tests.unit.gnusocial.demo.kit import Client, Watch, basic


class Pace:
    """Time passes as the script sleeps."""

    def __init__(self, watch: Watch) -> None:
        self.slept: list[float] = []
        self._watch = watch

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self._watch.wait(seconds)


def _has(server: SiteServer, notices: int) -> bool:
    return len(server.site.notices) >= notices


async def played() -> tuple[Site, Pace]:
    watch = Watch()
    site, pace = Site("demo.test", Settings(), watch.now), Pace(watch)
    script = Script(sleep=pace.sleep)
    script.people(site)
    await script.run(site)
    return site, pace


async def test_the_script_says_everything_at_the_pace_of_people() -> None:
    site, pace = await played()
    verbs = [one.verb for one in site.notices.values()]
    assert {verb: verbs.count(verb) for verb in verbs} == {"post": 15, "favorite": 3, "share": 2, "delete": 1}
    assert any(one.files for one in site.notices.values()) and any(one.reply_to for one in site.notices.values())
    assert len({one.author for one in site.notices.values()}) >= 5
    assert all(5 <= seconds <= 40 for seconds in pace.slept) and len(set(pace.slept)) > 5
    assert timedelta(minutes=3) < timedelta(seconds=sum(pace.slept)) < timedelta(minutes=12)


async def test_the_script_is_the_same_each_time() -> None:
    said = [[(one.id, one.text, one.created) for one in (await played())[0].notices.values()] for _ in range(2)]
    assert said[0] == said[1]


async def test_a_visitor_who_deletes_a_post_does_not_stop_the_others() -> None:
    watch = Watch()
    site = Site("demo.test", Settings(), watch.now)

    async def sleep(seconds: float) -> None:
        watch.wait(seconds)
        for one in list(site.notices.values()):
            if one.verb == "post" and one.author.nick in ("carol", "alice"):
                actions.delete(site, one.author, one)

    script = Script(sleep=sleep)
    script.people(site)
    await script.run(site)
    assert any(one.text.startswith("What does everyone read feeds with?") for one in site.notices.values())


async def test_the_adapter_demonstrates_itself_and_every_account_can_log_in() -> None:
    assert isinstance(GnuSocial, Demonstrates)
    server = await GnuSocial.demonstrate("127.0.0.1", 0)
    assert isinstance(server, SiteServer)
    try:
        async with Client(server) as client:
            for nick, password in accounts().items():
                answer = await client.get("account/verify_credentials.json", headers=basic(nick, password))
                assert answer.status == 200 and answer.data["friends_count"] >= 4
    finally:
        await server.stop()


async def test_a_demo_that_is_started_again_says_nothing_under_an_old_name(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its numbers grow from run to run: else a bridge that remembers would take new posts for old ones."""
    last = 0
    for days in (1, 2):
        monkeypatch.setattr(stage, "_BEGINNING", stage._BEGINNING - timedelta(days=days))
        server = await stage.demonstrate("127.0.0.1", 0, pace=0.0001)
        try:
            await until(partial(_has, server, 5))
            numbers = list(server.site.notices)
            assert numbers[0] > last + 80_000
            last = numbers[-1]
        finally:
            await server.stop()


async def test_it_runs_alone_from_the_command_line(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.argv", ["demo", "--port", "0"])
    given = arguments()
    running = asyncio.create_task(main(given.host, given.port, given.pace))
    said = ""
    while "mei" not in said:
        await asyncio.sleep(0)
        said += capsys.readouterr().out
    running.cancel()
    await asyncio.wait([running])
    assert "listening on http://127.0.0.1:" in said and "demo  password demo" in said
    assert len(LINES) == 22
