"""The demo's user gets an account on each network that has some, as anybody would: by the word `login`."""

import asyncio
import tomllib
from pathlib import Path
from typing import Any

from bridge.demo.places import Places
from bridge.ops.remote import NotRunning, ask

ACCOUNT = ("demo", "demo")
"""Name and password that every demonstration server with accounts knows (`Demonstrates`)."""


class NoAccount(Exception):
    """Why the login could not be made, in plain words."""


async def log_in(places: Places, network: str, name: str, user: str) -> None:
    """Makes the login unless it is there already. Raises `NoAccount`."""
    try:
        await asyncio.to_thread(_log_in, places.folder / "unabridged.sock", network, name, user)
    except (NotRunning, OSError) as error:
        raise NoAccount(str(error)) from error


def _log_in(socket: Path, network: str, name: str, user: str) -> None:
    known = ask(socket, "logins", {}, user).data or []
    if any((login["network"], login["name"]) == (network, name) for login in known):
        return
    answer = ask(socket, "login", {"network": network, "name": name}, user)
    for text in ACCOUNT:
        if answer.asks is None:
            break
        answer = ask(socket, "answer", {"talk": answer.talk or "", "text": text}, user)
    if answer.asks is not None or answer.failed:
        raise NoAccount(answer.text or "it asks for more than a name and a password")


def wanted(config: Path) -> list[tuple[str, str]]:
    """The logins (network, name) that the timelines of a configuration post to."""
    portals: list[dict[str, Any]] = tomllib.loads(config.read_text()).get("portals", [])
    named = dict.fromkeys(login for portal in portals for login in portal.get("post_to", ()))
    return [(network, name) for network, _, name in (login.partition("@") for login in named)]
