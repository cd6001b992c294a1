"""Two Prosodys that talk to each other (s2s): ours, with the component, and a far one with a room. The way between can be cut."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

from msgspec import Struct

from tests.servers.daemons import free_port
from tests.servers.wire import Wire
from tests.servers.xmpp import HERE, Prosody


class Neighbour(Prosody):
    """`neighbours`: the ports of the other servers, by their names."""

    modules = '"dialback"; "neighbours"'

    def __init__(self, folder: Path, neighbours: dict[str, int], server_port: int) -> None:
        self.neighbours, self.server_port = neighbours, server_port
        super().__init__(folder)

    def others(self) -> str:
        known = "".join(f'["{host}"] = {port}; ' for host, port in self.neighbours.items())
        return (
            f's2s_ports = {{ {self.server_port} }}\nplugin_paths = {{ "{HERE / "prosody_modules"}" }}\n'
            f"neighbours = {{ {known}}}\n"
            "s2s_secure_auth = false\n"
        )


class Far(Neighbour):
    domain, muc, component, people, upload = "far.test", "rooms.far.test", "bridge.far.test", "people.far.test", "upload.far.test"


class Pair(Struct):
    """`way` carries what our server says to the far one."""

    near: Neighbour
    far: Far
    way: Wire


@asynccontextmanager
async def pair(folder: Path) -> AsyncIterator[Pair]:
    async with AsyncExitStack() as stack:
        near_port, far_port = free_port(), free_port()
        way = await stack.enter_async_context(Wire("127.0.0.1", far_port))
        near = Neighbour(folder / "near", {Far.domain: way.port, Far.muc: way.port}, near_port)
        homes = (Neighbour.domain, Neighbour.component, Neighbour.muc)
        far = Far(folder / "far", dict.fromkeys(homes, near_port), far_port)
        for server in (near, far):
            await server.start()
            stack.push_async_callback(server.stop)
        yield Pair(near, far, way)
