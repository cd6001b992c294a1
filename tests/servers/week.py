"""The recorded days of two sites in one timeline room, by an account and by feeds: what is in several of them stands once.

`python -m tests.servers.week FOLDER` leaves it running, for a look with a client: it prints where to log in.
"""

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from msgspec import Struct

from bridge.demo.synapse import Synapse
from tests.servers.bridge import BridgeProcess
from tests.servers.clients import MatrixClient
from tests.servers.daemons import free_port
from tests.servers.install import SYNAPSE_VENV
from tests.unit.gnusocial.demo.story import PASSWORD, Story

ALICE = "@alice:localhost"
ALIAS = "#week:localhost"
SECRET = "a week"


class Week(Struct):
    synapse: Synapse
    bridge: BridgeProcess
    story: Story
    room: str
    alice: MatrixClient
    """Her account on the first site is `social@me`, and all that is followed comes into her room."""


def feeds(story: Story) -> list[str]:
    """By which other ways the same days can be read: both sites' public timelines."""
    return [f"{site.base}/api/statuses/public_timeline.atom" for site in story.sites]


@asynccontextmanager
async def week(folder: Path, python: Path) -> AsyncIterator[Week]:
    async with Story.begun() as story:
        synapse = Synapse(python, folder / "synapse", port=free_port())
        bridge = BridgeProcess(folder / "bridge", homeserver=synapse.url, more='allow_addresses = ["127.0.0.0/8"]')
        bridge.write(
            f'[networks.social]\nadapter = "gnusocial"\nserver = "{story.sites[0].base}"\ninterval = 5\n'
            '[networks.feeds]\nadapter = "feeds"\ninterval = 5\n'
            f'[[portals]]\nroom = "{ALIAS}"\nname = "A recorded week"\nkind = "timeline"\ninvite = ["{ALICE}"]\n'
            'links = ["social/home@me", "social/mentions@me"]\npost_to = ["social@me"]\ntimeline = { burst = 0 }\n'
        )
        synapse.write([await bridge.registration()])
        await synapse.start()
        try:
            token = await synapse.user("alice", SECRET)
            await bridge.start()
            async with MatrixClient(synapse.url, token) as alice:
                room = await alice.join(ALIAS)
                await bridge.log_in("social", ALICE, "alice", PASSWORD)
                yield Week(synapse, bridge, story, room, alice)
        finally:
            await bridge.stop()
            await synapse.stop()


async def lived(there: Week) -> None:
    """Both feeds come into the room, too; then all of it happens."""
    for feed in feeds(there.story):
        await there.bridge.command("follow", feed, "--room", ALIAS)
    await there.story.go_on()


async def _stay(folder: Path) -> None:
    async with week(folder, SYNAPSE_VENV / "bin" / "python") as there:
        await lived(there)
        print(f"{there.synapse.url} alice {SECRET!r} {there.room}", flush=True)
        await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(_stay(Path(sys.argv[1]).resolve()))
