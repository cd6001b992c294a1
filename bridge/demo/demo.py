"""`unabridged demo`, which `make run` calls: sets up, starts everything, prints where to log in, stops it all again.

The bridge runs as a process of its own under this one. When it dies (try `kill -9`), it is started again;
homeserver and networks meanwhile go on, which is what makes the demo show that nothing is lost.
"""

import asyncio
import fcntl
import json
import os
import signal
import sys
import time
import tomllib
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any

import aiohttp

from bridge.demo.accounts import NoAccount, log_in, wanted
from bridge.demo.network import demonstrator
from bridge.demo.places import Places, kept_password, prepare
from bridge.demo.process import Child, keep
from bridge.demo.screen import Progress, say
from bridge.demo.synapse import Synapse, SynapseFailed, install

USER = "admin"
DOMAIN = "localhost"
READY_SECONDS = 60.0


class DemoFailed(RuntimeError):
    """The demo can't go on; the text is for its user."""


async def run_demo(folder: Path) -> int:
    """Runs until SIGINT or SIGTERM; returns the exit status."""
    stopped = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        loop.add_signal_handler(number, stopped.set)
    work = asyncio.ensure_future(_demo(folder))
    stop = asyncio.ensure_future(stopped.wait())
    await asyncio.wait([work, stop], return_when=asyncio.FIRST_COMPLETED)
    stop.cancel()
    if not work.done():
        print("\nStopping …", flush=True)
        work.cancel()
    try:
        await work
    except asyncio.CancelledError:
        print("Stopped. `make run` starts again where this left off.", flush=True)
        return 0
    except (DemoFailed, SynapseFailed, OSError) as error:
        print(f"\nThe demo failed: {error}", file=sys.stderr, flush=True)
        return 1
    return 0


async def _demo(folder: Path) -> None:
    started = time.monotonic()
    print("Unabridged demo", flush=True)
    with _only_one(folder):
        progress = Progress()
        python = await install(folder / "synapse-venv", progress.step)
        places = prepare(folder)  # after what takes long: a port that is free now is taken in seconds, not in a minute
        async with AsyncExitStack() as stack:
            synapse = await stack.enter_async_context(_homeserver(places, python, progress))
            servers = await stack.enter_async_context(_networks(places, progress))
            password = kept_password(places.folder)
            token = await _token(synapse, places, password)
            bridge = Child(
                "the bridge", [sys.executable, "-m", "bridge", "--config", str(places.config), "run"], folder / "bridge.log"
            )
            stack.push_async_callback(bridge.stop)
            progress.step("starting the bridge …")
            await bridge.start()
            await _ready(bridge, places)
            progress.done()
            await _accounts(places)
            facts = await _facts(places, servers, token, password, bridge)
            _publish(folder, facts)
            _welcome(folder, facts, time.monotonic() - started)
            async with asyncio.TaskGroup() as group:
                for child in (synapse.child, *servers.values()):
                    group.create_task(keep(child))
                group.create_task(keep(bridge, partial(_back, bridge, places, facts)))


def _only_one(folder: Path) -> Any:
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    lock = (folder / "demo.lock").open("w")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        lock.close()
        raise DemoFailed(f"a demo is already running in {folder}") from None
    return lock


@asynccontextmanager
async def _homeserver(places: Places, python: Path, progress: Progress) -> AsyncIterator[Synapse]:
    registrations = await _registrations(places)
    synapse = Synapse(python, places.folder / "synapse", port=places.ports["homeserver"], domain=DOMAIN)
    synapse.write(registrations)
    progress.step("starting Synapse …")
    try:
        await synapse.start()
        yield synapse
    finally:
        await synapse.stop()


async def _registrations(places: Places) -> list[Path]:
    """Both registrations: the bridge's, and the one for double puppeting. Written once, their tokens stay."""
    made = []
    for name, options in (("registration.yaml", ()), ("double-puppet.yaml", ("--double-puppet",))):
        path = places.folder / name
        if not path.exists():
            command = (sys.executable, "-m", "bridge", "--config", str(places.config), "registration", *options)
            process = await asyncio.create_subprocess_exec(
                *command, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
            )
            output, _ = await process.communicate()
            if process.returncode or not path.exists():
                raise DemoFailed(f"no registration could be written:\n{output.decode(errors='replace')}")
        made.append(path)
    return made


@asynccontextmanager
async def _networks(places: Places, progress: Progress) -> AsyncIterator[dict[str, Child]]:
    """Starts the demonstration server of each configured network that has one; yields them by the network's name."""
    shown = {name: adapter for name, adapter in places.networks().items() if name in places.ports and demonstrator(adapter)}
    servers: dict[str, Child] = {}
    async with AsyncExitStack() as stack:
        for name, adapter in shown.items():
            progress.step(f"starting the {adapter.upper()} server of network {name!r} …")
            command = [sys.executable, "-m", "bridge.demo.network", adapter, "127.0.0.1", str(places.ports[name])]
            child = servers[name] = Child(f"the server of {name!r}", command, places.folder / f"{name}.log")
            stack.push_async_callback(child.stop)
            await child.start()
        yield servers


async def _token(synapse: Synapse, places: Places, password: str) -> str:
    """The token of the last time if it still works, so that each start doesn't leave another device behind."""
    facts_file = places.folder / "demo.json"
    if facts_file.exists():
        token = str(json.loads(facts_file.read_text()).get("access_token", ""))
        async with (
            aiohttp.ClientSession(headers={"Authorization": f"Bearer {token}"}) as session,
            session.get(f"{synapse.url}/_matrix/client/v3/account/whoami") as answer,
        ):
            if answer.status == 200:
                return token
    return await synapse.user(USER, password, admin=True)


async def _accounts(places: Places) -> None:
    """A login that can't be made costs the timeline its posts, not the demo."""
    for network, name in wanted(places.config):
        try:
            await log_in(places, network, name, f"@{USER}:{DOMAIN}")
        except NoAccount as error:
            say(f"no login {name} on {network}: {error}")


async def _ready(bridge: Child, places: Places) -> None:
    ended = asyncio.ensure_future(bridge.wait())
    try:
        async with asyncio.timeout(READY_SECONDS), aiohttp.ClientSession() as session:
            while not ended.done():
                try:
                    async with session.get(f"{places.bridge_url}/ready") as answer:
                        if answer.status == 200:
                            return
                except aiohttp.ClientError:
                    pass
                await asyncio.wait([ended], timeout=0.1)
    except TimeoutError:
        raise DemoFailed(f"the bridge is not ready after {READY_SECONDS:.0f} s:\n{bridge.last_words()}") from None
    finally:
        ended.cancel()
    raise DemoFailed(f"the bridge ended at once:\n{bridge.last_words()}")


async def _facts(places: Places, servers: Mapping[str, Child], token: str, password: str, bridge: Child) -> dict[str, Any]:
    """What scripts read: `.unabridged/demo.json`. Joins the demo's user into the rooms."""
    rooms: dict[str, str] = {}
    async with aiohttp.ClientSession(headers={"Authorization": f"Bearer {token}"}) as session:
        for portal in tomllib.loads(places.config.read_text()).get("portals", []):
            alias = portal["room"].replace("#", "%23")
            async with session.post(f"{places.homeserver_url}/_matrix/client/v3/join/{alias}", json={}) as answer:
                if answer.status == 200:
                    rooms[portal["room"]] = (await answer.json())["room_id"]
                else:
                    say(f"could not join {portal['room']}: {await answer.text()}")
    return {
        "homeserver": places.homeserver_url,
        "user_id": f"@{USER}:{DOMAIN}",
        "password": password,
        "access_token": token,
        "rooms": rooms,
        "bridge": places.bridge_url,
        "bridge_pid": bridge.pid,
        "config": str(places.config),
        **{places.networks()[name]: {"host": "127.0.0.1", "port": places.ports[name]} for name in servers},
    }


def _publish(folder: Path, facts: dict[str, Any]) -> None:
    new = folder / "demo.json.new"
    new.touch(mode=0o600)
    new.write_text(json.dumps(facts, indent=2) + "\n")
    new.replace(folder / "demo.json")


async def _back(bridge: Child, places: Places, facts: dict[str, Any]) -> bool:
    """Tells scripts who it is now; whether it carries messages again."""
    facts["bridge_pid"] = bridge.pid
    _publish(places.folder, facts)
    try:
        await _ready(bridge, places)
    except DemoFailed:
        return False  # ended again, or it takes its time
    return True


def _welcome(folder: Path, facts: dict[str, Any], seconds: float) -> None:
    networks = [
        f"{name.upper()} server   {at['host']}:{at['port']}"
        for name, at in facts.items()
        if isinstance(at, dict) and "port" in at
    ]
    lines = [
        f"Homeserver   {facts['homeserver']}",
        f"User         {facts['user_id']}",
        f"Password     {facts['password']}",
        f"Rooms        {', '.join(facts['rooms'])}",
        *networks,
        f"Bridge       process {facts['bridge_pid']}; kill -9 it: it comes back, and nothing is lost",
        f"Config       {_short(facts['config'])}",
        f"Ask it       {_short(Path(sys.executable).parent / 'unabridged')} --config {_short(facts['config'])} status",
    ]
    print(
        f"\nReady after {seconds:.0f} s.\n\n  " + "\n  ".join(lines) + "\n\nCtrl-C stops everything; the data is kept.\n",
        flush=True,
    )


def _short(path: str | Path) -> str:
    """As it is written from where the reader stands."""
    here, full = Path.cwd(), Path(path)
    return str(full.relative_to(here) if full.is_relative_to(here) else full)


def main(folder: str | os.PathLike[str] = ".unabridged") -> int:
    return asyncio.run(run_demo(Path(folder).resolve()))
