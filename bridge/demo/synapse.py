"""A real Synapse from PyPI in a virtual environment of its own, on SQLite and loopback: for the demo and the tests."""

import asyncio
import base64
import hashlib
import hmac
import json
import secrets
import sys
from collections.abc import Callable
from importlib.resources import files
from pathlib import Path
from typing import Any

import aiohttp

from bridge.demo.process import Child

Say = Callable[[str], None]

_LIMITS = (
    "rc_message",
    "rc_registration",
    "rc_admin_redaction",
    "rc_3pid_validation",
    "rc_media_create",
    "rc_reports",
    "rc_room_creation",
    "rc_registration_token_validity",
    "rc_key_requests",
    "rc_profile",
    "rc_user_directory",
    "rc_delayed_event_mgmt",
)
_FREE = {"per_second": 100_000, "burst_count": 100_000}


class SynapseFailed(RuntimeError):
    """It could not be installed or started; the text says why and shows the end of its log."""


async def install(venv: Path, say: Say) -> Path:
    """Make the virtual environment unless it is there at the locked versions; returns its Python."""
    python = venv / "bin" / "python"
    lock = files("bridge.demo").joinpath("synapse.lock").read_text()
    mark = venv / "installed"
    wanted = hashlib.sha256(lock.encode()).hexdigest()
    if python.exists() and mark.exists() and mark.read_text() == wanted:
        return python
    say("installing Synapse, the homeserver (about 40 seconds, only this once) …")
    venv.parent.mkdir(parents=True, exist_ok=True)
    lock_file = venv.parent / "synapse.lock"
    lock_file.write_text(lock)
    await _command(sys.executable, "-m", "venv", "--clear", str(venv))
    await _command(
        str(python),
        "-m",
        "pip",
        "install",
        "--disable-pip-version-check",
        "--quiet",
        "--require-hashes",
        "--requirement",
        str(lock_file),
    )
    mark.write_text(wanted)
    return python


async def _command(*command: str) -> None:
    process = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT)
    output, _ = await process.communicate()
    if process.returncode:
        raise SynapseFailed(f"{' '.join(command[:4])} … failed:\n{output.decode(errors='replace')[-2000:]}")


def configuration(
    folder: Path, *, port: int, domain: str, registrations: list[Path], shared_secret: str, extra: dict[str, Any]
) -> dict[str, Any]:
    """Synapse's settings for a private machine: no federation, no rate limits, cheap password hashes. JSON is YAML."""
    limits: dict[str, Any] = dict.fromkeys(_LIMITS, _FREE)
    limits["rc_login"] = {"address": _FREE, "account": _FREE, "failed_attempts": _FREE}
    limits["rc_joins"] = {"local": _FREE, "remote": _FREE}
    limits["rc_invites"] = {"per_room": _FREE, "per_user": _FREE, "per_issuer": _FREE}
    limits["rc_presence"] = {"per_user": _FREE}
    return {
        "server_name": domain,
        "public_baseurl": f"http://127.0.0.1:{port}/",
        "pid_file": str(folder / "synapse.pid"),
        "listeners": [
            {
                "port": port,
                "bind_addresses": ["127.0.0.1"],
                "type": "http",
                "tls": False,
                "x_forwarded": False,
                "resources": [{"names": ["client"], "compress": False}],
            }
        ],
        "database": {"name": "sqlite3", "args": {"database": str(folder / "homeserver.db")}},
        "media_store_path": str(folder / "media"),
        "signing_key_path": str(folder / "signing.key"),
        "log_config": str(folder / "log.json"),
        "app_service_config_files": [str(path) for path in registrations],
        "registration_shared_secret": shared_secret,
        "macaroon_secret_key": shared_secret[::-1],
        "form_secret": shared_secret[::-1],
        "bcrypt_rounds": 4,
        "report_stats": False,
        "suppress_key_server_warning": True,
        "trusted_key_servers": [],
        "ip_range_blacklist": [],
        "enable_registration": False,
        "max_upload_size": "100M",
        "serve_server_wellknown": False,
        **limits,
        **extra,
    }


class Synapse:
    """One homeserver process with its folder. `url` and `secret` are valid once made; users once it is started."""

    def __init__(self, python: Path, folder: Path, *, port: int, domain: str = "localhost") -> None:
        self.folder = folder
        self.port = port
        self.domain = domain
        self.url = f"http://127.0.0.1:{port}"
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self.secret = self._kept_secret()
        command = [str(python), "-m", "synapse.app.homeserver", "--config-path", str(folder / "homeserver.json")]
        self.child = Child("Synapse", command, folder / "synapse.log")

    def _kept_secret(self) -> str:
        path = self.folder / "shared.secret"
        if not path.exists():
            path.write_text(secrets.token_urlsafe(32))
            path.chmod(0o600)
        return path.read_text()

    def write(self, registrations: list[Path], **extra: Any) -> None:
        """Write its configuration anew; data and keys stay."""
        key = self.folder / "signing.key"
        if not key.exists():
            key.write_text(f"ed25519 a_1 {base64.b64encode(secrets.token_bytes(32)).decode().rstrip('=')}\n")
            key.chmod(0o600)
        logs = {
            "version": 1,
            "formatters": {"plain": {"format": "%(asctime)s %(levelname)s %(name)s %(message)s"}},
            "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "plain"}},
            "root": {"level": "WARNING", "handlers": ["console"]},
            "disable_existing_loggers": False,
        }
        (self.folder / "log.json").write_text(json.dumps(logs))
        settings = configuration(
            self.folder,
            port=self.port,
            domain=self.domain,
            registrations=registrations,
            shared_secret=self.secret,
            extra=extra,
        )
        (self.folder / "homeserver.json").write_text(json.dumps(settings, indent=1))

    async def start(self, timeout: float = 60.0) -> None:
        """Returns when it answers. Raises `SynapseFailed` with the end of its log where it does not within `timeout` seconds."""
        await self.child.start()
        ended = asyncio.ensure_future(self.child.wait())
        try:
            async with asyncio.timeout(timeout), aiohttp.ClientSession() as session:
                while not ended.done():
                    if await self._answers(session):
                        return
                    await asyncio.wait([ended], timeout=0.1)
        except TimeoutError:
            pass
        finally:
            ended.cancel()
        raise SynapseFailed(f"Synapse did not start:\n{self.child.last_words()}")

    async def _answers(self, session: aiohttp.ClientSession) -> bool:
        try:
            async with session.get(f"{self.url}/health", timeout=aiohttp.ClientTimeout(total=5)) as answer:
                return answer.status == 200
        except (aiohttp.ClientError, TimeoutError):
            return False

    async def stop(self) -> None:
        await self.child.stop()

    async def user(self, name: str, password: str, *, admin: bool = False) -> str:
        """Make the user if it is new, log in, and return an access token."""
        async with aiohttp.ClientSession() as session:
            async with session.get(f"{self.url}/_synapse/admin/v1/register") as answer:
                nonce = (await answer.json())["nonce"]
            words = "\0".join((nonce, name, password, "admin" if admin else "notadmin"))
            mac = hmac.new(self.secret.encode(), words.encode(), hashlib.sha1).hexdigest()
            body = {"nonce": nonce, "username": name, "password": password, "admin": admin, "mac": mac}
            async with session.post(f"{self.url}/_synapse/admin/v1/register", json=body) as answer:
                made = await answer.json()
                if answer.status == 200:
                    return str(made["access_token"])
                if made.get("errcode") != "M_USER_IN_USE":
                    raise SynapseFailed(f"could not make the user {name}: {made}")
            login = {"type": "m.login.password", "identifier": {"type": "m.id.user", "user": name}, "password": password}
            async with session.post(f"{self.url}/_matrix/client/v3/login", json=login) as answer:
                if answer.status != 200:
                    raise SynapseFailed(f"could not log {name} in: {await answer.text()}")
                return str((await answer.json())["access_token"])
