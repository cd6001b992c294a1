"""The bridge as its operator runs it: a process with a folder, killed and started again."""

import asyncio
import os
import re
import signal
import sys
from collections.abc import Sequence
from pathlib import Path

import aiohttp

from bridge.demo.process import Child
from bridge.ops.remote import ask
from tests.servers.daemons import free_port

READY_SECONDS = 60.0


class BridgeProcess:
    """`unabridged run` in `folder`. `port` must be the one that the registration names; `more` are lines of `[bridge]`."""

    def __init__(
        self, folder: Path, *, homeserver: str, port: int | None = None, database: str | None = None, more: str = ""
    ) -> None:
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        self.port = port or free_port()
        self.public_port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.config = folder / "bridge.toml"
        self._head = (
            f'[bridge]\nlisten = "127.0.0.1:{self.port}"\npublic_url = "{self.url}"\n'
            f'database = "{database or "sqlite:///unabridged.db"}"\nregistration = "registration.yaml"\nkey_file = "bridge.key"\n'
            f'public_listen = "127.0.0.1:{self.public_port}"\npublic_address = "http://127.0.0.1:{self.public_port}"\n{more}\n'
            f'[homeserver]\nurl = "{homeserver}"\ndomain = "localhost"\n'
            '[permissions]\n"@admin:localhost" = "admin"\n"*:localhost" = "user"\n"*" = "relay"\n'
        )
        self.child = Child("bridge", [sys.executable, "-m", "bridge", "--config", str(self.config), "run"], folder / "bridge.log")

    def write(self, rest: str) -> None:
        self.config.write_text(self._head + rest)

    def irc(self, server: str, rooms: dict[str, str], *, network: str = "local", extra: str = "") -> None:
        """One IRC network, and a portal for each alias → channel of `rooms`."""
        portals = "".join(
            f'[[portals]]\nroom = "{alias}"\nlinks = ["{network}/{channel}"]\ninvite = ["@admin:localhost"]\n'
            for alias, channel in rooms.items()
        )
        network_table = (
            f'[networks.{network}]\nadapter = "irc"\nserver = "{server}"\ntls = false\n'
            f'nick = "unabridged"\nrate = "off"\n{extra}\n'
        )
        self.write(network_table + portals)

    async def registration(self, *options: str) -> Path:
        """Written by the command, as an operator would."""
        await self.command("registration", *options)
        return self.folder / "registration.yaml"

    async def command(self, *words: str) -> str:
        status, output = await self.attempt(*words)
        if status:
            raise RuntimeError(f"unabridged {' '.join(words)} ended with {status}:\n{output}")
        return output

    async def attempt(self, *words: str) -> tuple[int, str]:
        process = await asyncio.create_subprocess_exec(
            *[sys.executable, "-m", "bridge", "--config", str(self.config), *words],
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        output, _ = await process.communicate()
        return process.returncode or 0, output.decode(errors="replace")

    async def log_in(self, network: str, user: str, *answers: str, name: str = "me") -> None:
        """Makes the login `name` of that user, by the word and its questions."""
        await asyncio.to_thread(_log_in, self.folder / "unabridged.sock", network, user, answers, name)

    async def start(self) -> None:
        """Returns when `/ready` says 200."""
        await self.child.start()
        ended = asyncio.ensure_future(self.child.wait())
        try:
            async with asyncio.timeout(READY_SECONDS), aiohttp.ClientSession() as session:
                while not ended.done():
                    try:
                        async with session.get(f"{self.url}/ready") as answer:
                            if answer.status == 200:
                                return
                    except aiohttp.ClientError:
                        pass
                    await asyncio.wait([ended], timeout=0.02)
        except TimeoutError:
            raise RuntimeError(f"the bridge is not ready:\n{self.child.last_words(40)}") from None
        finally:
            ended.cancel()
        raise RuntimeError(f"the bridge ended:\n{self.child.last_words(40)}")

    async def accepted(self, network: str) -> int:
        """Events of the network that are on disk since this start."""
        async with aiohttp.ClientSession() as session, session.get(f"{self.url}/metrics") as answer:
            counted = re.search(
                rf'^unabridged_events_accepted_total{{network="{network}"}} (\S+)$', await answer.text(), re.MULTILINE
            )
        return int(float(counted[1])) if counted else 0

    async def kill(self) -> None:
        """kill -9."""
        pid = self.child.pid
        if pid is None:
            raise RuntimeError("not started")
        os.kill(pid, signal.SIGKILL)
        await self.child.wait()

    async def stop(self) -> None:
        await self.child.stop()


def _log_in(socket: Path, network: str, user: str, answers: Sequence[str], name: str) -> None:
    answer = ask(socket, "login", {"network": network, "name": name}, user)
    for text in answers:
        answer = ask(socket, "answer", {"talk": answer.talk or "", "text": text}, user)
    if answer.asks is not None or answer.failed:
        raise RuntimeError(answer.text)
