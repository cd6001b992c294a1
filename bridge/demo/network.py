"""Runs the small local server that an adapter brings for demonstrations: `python -m bridge.demo.network ADAPTER HOST PORT`."""

import asyncio
import signal
import sys
from importlib.metadata import entry_points

from bridge.contract.adapter import Demonstrates

ENTRY_POINTS = "bridge.adapters"


def demonstrator(name: str) -> type[Demonstrates] | None:
    """The adapter class of that name if it can demonstrate itself."""
    for found in entry_points(group=ENTRY_POINTS, name=name):
        adapter = found.load()
        if isinstance(adapter, Demonstrates):
            return adapter  # type: ignore[return-value]
    return None


async def _serve(name: str, host: str, port: int) -> None:
    adapter = demonstrator(name)
    if adapter is None:
        raise SystemExit(f"the adapter {name!r} has no server to demonstrate")
    stopped = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopped.set)
    server = await adapter.demonstrate(host, port)
    await stopped.wait()
    await server.stop()


if __name__ == "__main__":
    asyncio.run(_serve(sys.argv[1], sys.argv[2], int(sys.argv[3])))
