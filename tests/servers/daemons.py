"""The real servers, each with a folder and ports of its own on loopback."""

import asyncio
import itertools
import os
import random
import shutil
import signal
import socket
import tempfile
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from string import Template
from typing import Self

from bridge.demo.process import Child
from tests.servers.clients import closed
from tests.servers.install import postgres_binaries

START_SECONDS = 20.0


_ports = itertools.cycle(random.sample(range(20_000, 32_000), 12_000))


def free_port() -> int:
    """Below the ports that the system gives to outgoing connections, so that none of those takes it meanwhile; never twice."""
    for port in _ports:
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
    raise OSError("no port is free")


def binary(name: str) -> str:
    found = shutil.which(name, path=f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin")
    if found is None:
        raise RuntimeError(f"{name} is not installed; `make servers` installs it")
    return found


class Daemon:
    """A server process that listens on `port`, and on others. It may be stopped and started again on the same ports."""

    name = "daemon"

    def __init__(self, folder: Path, port: int | None = None) -> None:
        self.folder = folder
        self.host = "127.0.0.1"
        self.port = port or free_port()
        folder.mkdir(parents=True, exist_ok=True)
        self.child = Child(self.name, self.command(), folder / f"{self.name}.log")

    def command(self) -> list[str]:
        raise NotImplementedError

    def ports(self) -> Sequence[int]:
        """What it takes connections on once it has started."""
        return (self.port,)

    async def start(self) -> None:
        await self.child.start()
        ended = asyncio.ensure_future(self.child.wait())
        try:
            async with asyncio.timeout(START_SECONDS):
                for port in self.ports():
                    await self._opened(port, ended)
        finally:
            ended.cancel()

    async def _opened(self, port: int, ended: "asyncio.Future[int]") -> None:
        while not ended.done():
            try:
                _, writer = await asyncio.open_connection(self.host, port)
            except OSError:
                await asyncio.wait([ended], timeout=0.02)
                continue
            await closed(writer)
            return
        raise RuntimeError(f"{self.name} did not start:\n{self.child.last_words()}")

    async def stop(self) -> None:
        await self.child.stop()


class Ngircd(Daemon):
    """The bare network: multi-prefix and nothing else; closes the link on a line over 512 bytes."""

    name = "ngircd"

    def command(self) -> list[str]:
        config = self.folder / "ngircd.conf"
        config.write_text(
            f"[Global]\nName = irc.test\nInfo = test\nListen = 127.0.0.1\nPorts = {self.port}\nMotdPhrase = hello\n"
            f"PidFile = {self.folder}/ngircd.pid\n"
            "[Limits]\nMaxConnections = 0\nMaxConnectionsIP = 0\nMaxJoins = 0\nMaxNickLength = 30\nPingTimeout = 120\n"
            "[Options]\nIdent = no\nPAM = no\nDNS = no\n"
        )
        return [binary("ngircd"), "--nodaemon", "--config", str(config)]


class Inspircd(Daemon):
    """The classic network with echo-message, labeled-response, message-tags and server-time."""

    name = "inspircd"

    def command(self) -> list[str]:
        template = Template((Path(__file__).parent / "inspircd.conf.template").read_text())
        config = self.folder / "inspircd.conf"
        config.write_text(template.substitute(port=self.port, folder=self.folder))
        root = ["--runasroot"] if os.geteuid() == 0 else []
        return [binary("inspircd"), "--nofork", *root, f"--config={config}"]


class Postgres(Daemon):
    """PostgreSQL with trust on loopback; as root it runs as the user `postgres`, which the Debian package makes."""

    name = "postgres"

    def _as_user(self) -> list[str]:
        return ["runuser", "-u", "postgres", "--"] if os.geteuid() == 0 else []

    def command(self) -> list[str]:
        binaries = postgres_binaries()
        if binaries is None:
            raise RuntimeError("PostgreSQL is not installed; `make servers` installs it")
        self._binaries = binaries
        self.data = self.folder / "data"
        options = ["-c", "listen_addresses=127.0.0.1", "-c", f"unix_socket_directories={self.folder}", "-p", str(self.port)]
        return [*self._as_user(), str(binaries / "postgres"), "-D", str(self.data), *options]

    async def start(self) -> None:
        if not self.data.exists():
            if os.geteuid() == 0:
                shutil.chown(self.folder, "postgres")
            initdb = [
                *self._as_user(),
                str(self._binaries / "initdb"),
                "-A",
                "trust",
                "--locale=C",
                "-E",
                "UTF8",
                "-U",
                "test",
                "-D",
                str(self.data),
            ]
            process = await asyncio.create_subprocess_exec(
                *initdb, cwd="/", stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
            )
            output, _ = await process.communicate()
            if process.returncode:
                raise RuntimeError(f"initdb failed: {output.decode(errors='replace')}")
        await super().start()
        await self._accepting()

    async def _accepting(self) -> None:
        """A port that accepts may still be "starting up"."""
        ready = [str(self._binaries / "pg_isready"), "-q", "-h", self.host, "-p", str(self.port), "-t", "10"]
        async with asyncio.timeout(START_SECONDS):
            while True:
                process = await asyncio.create_subprocess_exec(*ready)
                if await process.wait() == 0:
                    return

    @classmethod
    @asynccontextmanager
    async def running(cls) -> AsyncIterator[Self]:
        """A new one, in a folder outside of pytest's: those are for one user alone, and this server runs as another."""
        with tempfile.TemporaryDirectory(prefix="unabridged-postgres-") as folder:
            server = cls(Path(folder))
            await server.start()
            try:
                yield server
            finally:
                await server.stop()

    async def crash(self) -> None:
        """As a power cut: every connection ends, nothing is written any more; the next start recovers from the log."""
        first_line, *_ = (self.data / "postmaster.pid").read_text().splitlines()
        os.kill(int(first_line), signal.SIGQUIT)
        await self.child.wait()

    def url(self, database: str = "postgres") -> str:
        return f"postgresql://test@{self.host}:{self.port}/{database}"
