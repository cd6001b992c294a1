"""The demo server itself: starts, stops, and misbehaves on demand."""

import asyncio
import contextlib
from typing import Any

from adapters.irc.demo import channels, messages, modes, queries, registration
from adapters.irc.demo.client import Client
from adapters.irc.demo.lines import Incoming
from adapters.irc.demo.world import Knobs, World

_COMMANDS = {
    **registration.COMMANDS,
    **channels.COMMANDS,
    **modes.COMMANDS,
    **messages.COMMANDS,
    **queries.COMMANDS,
}


class DemoServer:
    """A real IRC server on one address: RFC 1459/2812 as clients use it today, and the IRCv3 capabilities in `CAPS`.

    Implements `bridge.contract.adapter.Demonstration`. Nothing is kept after `stop`. The fault methods act at once.
    """

    def __init__(self, host: str, world: World) -> None:
        """Use `start`."""
        self.host = host
        self.port = 0
        self._world = world
        self._listener: asyncio.Server | None = None
        self._sweep: asyncio.TimerHandle | None = None

    @classmethod
    async def start(cls, host: str = "127.0.0.1", port: int = 0, **knobs: Any) -> "DemoServer":
        """Listen; port 0 takes a free one. The knobs are those of `Knobs`. Raises `OSError` where the port is taken."""
        server = cls(host, World(Knobs(**knobs), _COMMANDS))
        await server.listen(port)
        server._schedule()
        return server

    async def listen(self, port: int | None = None) -> None:
        """Accept connections (again); without a port, on the one it had."""
        world = self._world
        wanted = self.port if port is None else port
        self._listener = await world.loop.create_server(lambda: Client(world), self.host, wanted, backlog=1024)
        self.port = self._listener.sockets[0].getsockname()[1]

    async def stop_listening(self) -> None:
        """New connections are refused by the machine; those there are stay."""
        listener, self._listener = self._listener, None
        if listener is not None:
            listener.close()

    async def stop(self) -> None:
        """Close everything: each client gets an ERROR, no socket and no timer stays."""
        await self.stop_listening()
        if self._sweep is not None:
            self._sweep.cancel()
        clients = list(self._world.connections)
        for client in clients:
            client.close("Server shutting down")
        await asyncio.sleep(0)
        for client in clients:
            if client.transport is not None:
                client.transport.abort()
        await asyncio.sleep(0)

    @property
    def knobs(self) -> Knobs:
        """May be turned while the server runs."""
        return self._world.knobs

    @property
    def heard(self) -> list[tuple[str, Incoming]]:
        """(nick, line) of all that clients sent, where `record` is on."""
        return self._world.heard

    def nicks(self) -> list[str]:
        """Who is registered, in their own spelling."""
        return [one.nick for one in self._world.nicks.values() if one.registered]

    def members(self, channel: str) -> list[str]:
        found = self._world.channels.get(self._world.fold(channel))
        return [] if found is None else [one.nick for one in found.members]

    def cut(self, nick: str | None = None) -> None:
        """The connection is gone without a goodbye, with all that was not read yet; all of them without a nick."""
        for client in self._named(nick):
            if client.transport is not None:
                client.transport.abort()

    def freeze(self, nick: str | None = None) -> None:
        """Nothing is read nor answered until `thaw`; what clients send waits in the socket. Without a nick: newcomers' too."""
        self._world.frozen = self._world.frozen or nick is None
        for client in self._named(nick):
            client.frozen = True
            if client.transport is not None:
                client.transport.pause_reading()

    def thaw(self, nick: str | None = None) -> None:
        self._world.frozen = self._world.frozen and nick is not None
        for client in self._named(nick):
            client.frozen = False
            if client.transport is not None and not client.transport.is_closing():
                client.transport.resume_reading()
                client.flush()

    def mute(self, nick: str | None = None, muted: bool = True) -> None:
        """What the client sends is done, but no byte goes back: neither echo nor PONG."""
        for client in self._named(nick):
            client.mute = muted

    def inject(self, nick: str, data: bytes) -> None:
        """Send these very bytes to a client, whatever they are."""
        for client in self._named(nick):
            client.write(data)
        self._world.flush()

    def kill(self, nick: str, reason: str) -> None:
        """An operator's KILL or a K-line: ERROR with the reason, then the end."""
        for client in self._named(nick):
            client.close(reason)
        self._world.flush()

    def change_host(self, nick: str, user: str, host: str) -> None:
        """A cloak is set: CHGHOST to those who understand it."""
        world = self._world
        for client in self._named(nick):
            line = world.event(client, f"CHGHOST {user} {host}")
            client.user, client.host = user, host
            world.tell([client, *world.peers(client)], line, cap="chghost")
        world.flush()

    def offer(self, caps: frozenset[str]) -> None:
        """Change what is offered; who has `cap-notify` is told by CAP NEW and DEL."""
        before = set(registration.offered(self._world))
        self._world.knobs.caps = caps
        after = set(registration.offered(self._world))
        for client in self._world.connections:
            if "cap-notify" in client.caps:
                for word, names in (("NEW", after - before), ("DEL", before - after)):
                    if names:
                        client.say(f"CAP {client.nick} {word} :{' '.join(sorted(names))}")
            client.set_caps(client.caps & after)
        self._world.flush()

    def sweep(self, now: float) -> None:
        """Ping who was silent for `ping_every` seconds; close who did not answer either. `now` is the loop's time."""
        patience = self.knobs.ping_every
        for client in list(self._world.connections):
            if now - client.spoke_at < patience:
                continue
            if client.pinged or not client.registered:
                client.close("Ping timeout")
            else:
                client.pinged = True
                client.spoke_at = now
                client.write(f"PING :{self.knobs.server_name}\r\n".encode())
        self._world.flush()

    def _schedule(self) -> None:
        loop = self._world.loop

        def again() -> None:
            self.sweep(loop.time())
            self._schedule()

        self._sweep = loop.call_later(self.knobs.ping_every / 3, again)

    def _named(self, nick: str | None) -> list[Client]:
        if nick is None:
            return list(self._world.connections)
        found = self._world.nicks.get(self._world.fold(nick))
        return [] if found is None else [found]


async def main(host: str = "127.0.0.1", port: int = 6667) -> None:
    """Run alone until interrupted: `python -m adapters.irc.demo.server`."""
    server = await DemoServer.start(host, port)
    print(f"listening on {server.host}:{server.port}")
    try:
        await asyncio.get_running_loop().create_future()
    finally:
        await server.stop()


if __name__ == "__main__":
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(main())
