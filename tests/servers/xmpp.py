"""Prosody and ejabberd, with rooms, archives, room for our component, and accounts whose passwords are their names backwards."""

import os
import shutil
import signal
import tempfile
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from string import Template
from typing import Any

from bridge.demo.process import Child
from tests.servers.bridge import BridgeProcess
from tests.servers.certificates import issue
from tests.servers.daemons import Daemon, binary, free_port

HOST, MUC, COMPONENT, UPLOAD = "xmpp.test", "rooms.xmpp.test", "bridge.xmpp.test", "upload.xmpp.test"
PEOPLE = "people.xmpp.test"
"""Of another component, with the same secret: people who speak quicker than accounts do."""
SECRET = "the component's secret"
HERE = Path(__file__).parent


class XmppServer(Daemon):
    """`port` takes clients (STARTTLS, a certificate by `ca`), `component_port` our component."""

    domain, muc, component, people, upload = HOST, MUC, COMPONENT, PEOPLE, UPLOAD

    def __init__(self, folder: Path, port: int | None = None, *, accounts: Sequence[str] = ("juliet", "romeo")) -> None:
        self.accounts = accounts
        self.component_port, self.http_port = free_port(), free_port()
        self.certificates = issue(folder / "certificates", self.domain, self.muc, self.component, self.upload)
        super().__init__(folder, port)

    def ports(self) -> Sequence[int]:
        return (self.port, self.component_port)

    def network(self, *, component: bool = True, accounts: bool = True) -> str:
        """The table of `bridge.toml` for a network `jabber` on this server."""
        lines = ["[networks.jabber]", 'adapter = "xmpp"']
        if component:
            lines += [f'component = "{COMPONENT}"', f'server = "127.0.0.1:{self.component_port}"', 'secret_file = "secret"']
        if accounts:
            lines += [f'tls_ca = "{self.certificates.ca}"', f'client_servers = {{ "{HOST}" = "127.0.0.1:{self.port}" }}']
        return "".join(f"{line}\n" for line in lines)

    def serve(self, bridge: BridgeProcess, rest: str = "", *, component: bool = True, accounts: bool = True) -> None:
        """Writes the settings and the secret of a bridge that is on this server; `rest` follows the network's."""
        (bridge.folder / "secret").write_text(SECRET)
        bridge.write(self.network(component=component, accounts=accounts) + rest)

    def settings(self, template: str, **more: object) -> str:
        return Template((HERE / template).read_text()).substitute(
            folder=self.folder, port=self.port, component_port=self.component_port, http_port=self.http_port,
            host=self.domain, muc=self.muc, component=self.component, upload=self.upload, secret=SECRET, people=self.people,
            chain=self.certificates.chain, key=self.certificates.key, **more,
        )  # fmt: skip


@asynccontextmanager
async def running(kind: type[XmppServer], **more: Any) -> AsyncIterator[XmppServer]:
    """In a folder that ejabberd can get into, which runs as a user of its own."""
    with tempfile.TemporaryDirectory(prefix="unabridged-") as folder:
        Path(folder).chmod(0o755)
        server = kind(Path(folder) / "xmpp", **more)
        await server.start()
        try:
            yield server
        finally:
            await server.stop()


class Prosody(XmppServer):
    name = "prosody"
    modules = ""
    """Which it has besides, as its settings say it."""

    def command(self) -> list[str]:
        config = self.folder / "prosody.cfg.lua"
        root = str(os.geteuid() == 0).lower()
        config.write_text(self.settings("prosody.cfg.lua.template", root=root, modules=self.modules, others=self.others()))
        kept = self.folder / "data" / self.domain.replace(".", "%2e") / "accounts"
        kept.mkdir(parents=True, exist_ok=True)
        for account in self.accounts:
            path = kept / f"{account}.dat"
            if not path.exists():
                path.write_text(f'return {{ ["password"] = "{account[::-1]}" }};\n')
        return [binary("prosody"), "-F", "--config", str(config)]

    def others(self) -> str:
        """What is said of other servers: there are none."""
        return 'modules_disabled = { "s2s" }'

    async def crash(self) -> None:
        """`kill -9`: nothing is said, nothing more is written."""
        os.kill(self.child.pid or 0, signal.SIGKILL)
        await self.child.wait()


class Ejabberd(XmppServer):
    """As root it runs as the user `ejabberd`, which the Debian package makes."""

    name = "ejabberd"

    def command(self) -> list[str]:
        for name in ("spool", "logs", "config"):
            (self.folder / name).mkdir(exist_ok=True)
        pem = self.folder / "config" / "server.pem"
        pem.write_bytes(self.certificates.chain.read_bytes() + self.certificates.key.read_bytes())
        config = self.folder / "config" / "ejabberd.yml"
        config.write_text(self.settings("ejabberd.yml.template", pem=pem))
        for name in ("inetrc", "vm.args"):
            (self.folder / "config" / name).touch()
        # without a port of its own it starts a daemon (epmd) that outlives it
        (self.folder / "config" / "ejabberdctl.cfg").write_text(f"ERL_DIST_PORT={free_port()}\n")
        if os.geteuid() == 0:
            for path in (self.folder, *self.folder.rglob("*")):
                shutil.chown(path, "ejabberd")
        return [*self._ctl(), "foreground"]

    def _ctl(self) -> list[str]:
        where = ["--config-dir", "config", "--spool", "spool", "--logs", "logs"]
        paths = [str(self.folder / one) if not one.startswith("--") else one for one in where]
        return [binary("ejabberdctl"), "--node", f"unabridged{self.port}@localhost", *paths]

    async def start(self) -> None:
        await super().start()
        for account in self.accounts:
            await self._told("register", account, HOST, account[::-1])

    async def stop(self) -> None:
        """By its own command: what was started is a script, which doesn't pass a signal on."""
        if await self._told("stop"):
            raise RuntimeError(f"ejabberd did not stop:\n{self.child.last_words()}")
        await self.child.wait()

    async def _told(self, *words: str) -> int:
        child = Child("ejabberdctl", [*self._ctl(), *words], self.folder / "ejabberdctl.log")
        await child.start()
        return await child.wait()
