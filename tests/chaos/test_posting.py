"""kill -9 while somebody posts from the room with an account, and friends post there: all of it is on both sides, once.

The site is the stand-in, without the check that refuses the same words twice: what is posted again would be seen.
"""

import asyncio
import json
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from msgspec import Struct

from adapters.gnusocial.demo import actions
from adapters.gnusocial.demo.server import SiteServer
from adapters.gnusocial.demo.things import Profile
from benchmarks.scene import registration
from tests.chaos.conftest import Force
from tests.chaos.tally import Verdict
from tests.doubles.homeserver import FakeHomeserver
from tests.servers.bridge import BridgeProcess
from tests.servers.daemons import free_port

pytestmark = pytest.mark.servers

ALICE = "@alice:localhost"
ALIAS = "#timeline:localhost"
PASSWORD = "correct horse"
PACE = 0.05
"""Seconds between two posts of one person."""
LATENCY = 0.02
"""Seconds that the site takes before it does anything: long enough to be killed in."""
PATIENCE = 90.0
Note = Callable[[str, Verdict], None]


class Stage:
    """Her account is in a room where she posts; her friend bob posts on the site."""

    def __init__(self, hs: FakeHomeserver, bridge: BridgeProcess, server: SiteServer, alice: Profile, bob: Profile) -> None:
        self.hs, self.bridge, self.server = hs, bridge, server
        self.alice, self.bob = alice, bob
        self.room = ""
        self.posted: list[str] = []
        """What alice wrote in the room."""
        self.told: list[str] = []
        """What bob wrote on the site."""
        self.shown: list[str] = []
        """What the bridge brought into the room."""
        hs.world.listeners.append(self._on_event)

    def _on_event(self, room: Any, event: dict[str, Any]) -> None:
        if event["type"] == "m.room.message" and event["sender"] != ALICE:
            self.shown.append(str(event["content"]["body"]).partition("\n")[0])

    async def begin(self) -> None:
        """She is in the room, her account in the bridge, and what is there by now was read."""
        await self.bridge.start()
        async with asyncio.timeout(PATIENCE):
            while (room := self.hs.world.aliases.get(ALIAS)) is None:
                await asyncio.sleep(PACE)
        self.room = room
        self.hs.join(ALICE, room)
        await self.bridge.log_in("social", ALICE, "alice", PASSWORD)
        await asyncio.gather(self.posting(1), self.telling(1))
        await self.all_came()

    async def posting(self, times: int) -> None:
        for _ in range(times):
            words = f"a{len(self.posted)}"
            self.posted.append(words)
            self.hs.say(ALICE, self.room, words)
            await asyncio.sleep(PACE)

    async def telling(self, times: int) -> None:
        for _ in range(times):
            words = f"b{len(self.told)}"
            self.told.append(words)
            actions.post(self.server.site, self.bob, words)
            await asyncio.sleep(PACE)

    @property
    def on_site(self) -> list[str]:
        """Her posts there, the first one first."""
        return [notice.text for notice in self.server.site.by(self.alice)][::-1]

    async def all_came(self) -> None:
        """Returns when nothing is missing, and a little later: what comes twice comes late. What is missing the verdict tells."""
        began = asyncio.get_running_loop().time()
        while not (set(self.posted) <= set(self.on_site) and set(self.told) <= set(self.shown)):
            if asyncio.get_running_loop().time() - began > PATIENCE:
                return
            await asyncio.sleep(PACE)
        await asyncio.sleep(1.0)


@asynccontextmanager
async def stage(folder: Path) -> AsyncIterator[Stage]:
    port = free_port()
    async with FakeHomeserver(appservice_url=f"http://127.0.0.1:{port}") as hs:
        server = await SiteServer.start(dupe_seconds=0.0)
        server.faults.latency = LATENCY
        alice, bob = server.site.add_user("alice", PASSWORD), server.site.add_user("bob", PASSWORD)
        actions.follow(server.site, alice, bob)
        bridge = BridgeProcess(folder, homeserver=hs.url, port=port, more='allow_addresses = ["127.0.0.0/8"]')
        bridge.write(
            f'[networks.social]\nadapter = "gnusocial"\nserver = "{server.url}"\ninterval = 5\n'
            f'[[portals]]\nroom = "{ALIAS}"\nkind = "timeline"\ntimeline = {{ burst = 0 }}\n'
            f'links = ["social/home@me"]\npost_to = ["social@me"]\ninvite = ["{ALICE}"]\n'
        )
        (folder / "registration.yaml").write_text(json.dumps(registration(hs, bridge.url, "social")))
        there = Stage(hs, bridge, server, alice, bob)
        try:
            await there.begin()
            yield there
        finally:
            await bridge.stop()
            await server.stop()


class Found(Struct):
    """What became of some posts."""

    lost: set[str]
    doubled: set[str]
    in_order: bool


def judge(wanted: Sequence[str], came: Iterable[str]) -> Found:
    counts = Counter(came)
    firsts = [words for words in counts if words in set(wanted)]
    return Found(
        lost={words for words in wanted if not counts[words]},
        doubled={words for words in wanted if counts[words] > 1},
        in_order=firsts == [words for words in wanted if counts[words]],
    )


@pytest.mark.parametrize("answers", ["heard", "lost"])
async def test_a_kill_while_posting_loses_nothing_and_posts_nothing_twice(
    answers: str, tmp_path: Path, force: Force, note: Note
) -> None:
    async with stage(tmp_path / "bridge") as there:
        for _ in range(force.kills):
            before = len(there.posted), len(there.told)
            if answers == "lost":
                there.server.faults.lose("statuses/update", times=force.chance.randint(1, 3))
            writing = asyncio.gather(there.posting(40), there.telling(20))
            await asyncio.sleep(force.chance.uniform(0.1, 40 * PACE))
            await there.bridge.kill()
            await there.bridge.start()
            await writing
            await there.all_came()
            mine = judge(there.posted[before[0] :], there.on_site)
            theirs = judge(there.told[before[1] :], there.shown)
            echoed = [words for words in there.posted if words in there.shown]
            verdict = Verdict(
                sent=len(there.posted) - before[0] + len(there.told) - before[1],
                lost=len(mine.lost) + len(theirs.lost),
                out_of_place=() if mine.in_order and theirs.in_order else (0,),
                unmarked=len(mine.doubled) + len(theirs.doubled) + len(echoed),
                repeats=0,
            )
            note(f"kill_bridge, answers {answers}", verdict)
            assert verdict.clean, f"seed {force.seed}: {mine} {theirs} {echoed}"
