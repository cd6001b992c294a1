"""The demo's server: a site with people on it who begin to talk."""

from datetime import UTC, datetime

from adapters.gnusocial.demo.script import PACE, Script
from adapters.gnusocial.demo.server import SiteServer

_BEGINNING = datetime(2026, 1, 1, tzinfo=UTC)


async def demonstrate(host: str, port: int, *, pace: float = PACE) -> SiteServer:
    """Runs until its `stop`; `pace` in seconds between two posts, about. Raises `OSError` where the port is taken."""
    # what an earlier run of the same site said is not said again: numbers grow from one run to the next
    first = int((datetime.now(UTC) - _BEGINNING).total_seconds())
    server = await SiteServer.start(host, port, name="Demo", first=first)
    script = Script(pace=pace)
    script.people(server.site)
    server.play(script)
    return server
