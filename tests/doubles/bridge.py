"""The real parts of a whole bridge, put together in one process on a ledger of its own."""

from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

from msgspec import Struct

from bridge.app.main import running
from bridge.app.plant import Plant, build
from bridge.config.adapters_found import FoundAdapters
from bridge.config.places import Places, places_of
from bridge.config.settings import Settings, Tokens
from bridge.contract.toolbox import Clock
from bridge.ledger.ledger import Ledger
from bridge.matrix.api import make_session
from bridge.ops.http import GuardedHttp
from tests.doubles.homeserver import FakeHomeserver
from tests.doubles.tables import lay

KEY = b"k" * 64


class Parts(Struct):
    plant: Plant
    ledger: Ledger
    places: Places


@asynccontextmanager
async def put_together(
    folder: Path, settings: Settings, tokens: Tokens, found: FoundAdapters, clock: Clock, *, reachable: Sequence[str] = ()
) -> AsyncIterator[Parts]:
    """Not running. The same `folder` is the same ledger; of private addresses those of `reachable` may be asked."""
    async with AsyncExitStack() as stack:
        places = places_of(settings, folder / "bridge.toml")
        assert places.database_file is not None
        ledger = await Ledger.connect(lay(places.database_file), clock=clock, key=KEY)
        stack.push_async_callback(ledger.close)
        http = GuardedHttp(reachable)
        stack.push_async_callback(http.close)
        session = await stack.enter_async_context(make_session())
        yield Parts(await build(settings, tokens, places, ledger, session, http, clock, found, KEY), ledger, places)


@asynccontextmanager
async def run(
    folder: Path, settings: Settings, hs: FakeHomeserver, found: FoundAdapters, clock: Clock, *, reachable: Sequence[str] = ()
) -> AsyncIterator[Parts]:
    """Running, and known to the homeserver."""
    tokens = Tokens(appservice=hs.as_token, homeserver=hs.push.hs_token)
    async with put_together(folder, settings, tokens, found, clock, reachable=reachable) as parts, running(parts.plant):
        hs.push.url = f"http://{parts.plant.listeners[0].address}"
        hs.push.wake()
        yield parts
