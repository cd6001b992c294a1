"""Accounts that refuse us: their owners are told once, and once more when all is well."""

import asyncio
import logging
from collections.abc import Sequence

from bridge.app.following import Timelines
from bridge.app.logins import handle_of
from bridge.contract.errors import LedgerUnavailable, Unavailable, Uncertain
from bridge.contract.logins import Login
from bridge.contract.toolbox import Clock
from bridge.ledger.ledger import Ledger
from bridge.matrix.api import Api, Refusal
from bridge.matrix.state import RoomStates

_TOLD = "login-trouble"
_CHAT = "bot-chat"
AGAIN = 30.0
"""Seconds until what could not be told is tried again."""


class Troubles:
    """What is wrong now lies in memory: adapters say it again after a start. What was told lies in the ledger."""

    def __init__(
        self, ledger: Ledger, api: Api, states: RoomStates, timelines: Timelines, clock: Clock, log: logging.Logger
    ) -> None:
        self._ledger = ledger
        self._api = api
        self._states = states
        self._timelines = timelines
        self._clock = clock
        self._log = log
        self._now: dict[str, tuple[Login, str]] = {}
        self._passing: dict[str, tuple[Login, str]] = {}
        self._waiting: dict[str, Login] = {}
        self._woken = asyncio.Event()

    def heard(self, login: Login, reason: str | None, passing: bool) -> None:
        """Quick and without I/O; `reason` None: it is well. What is `passing` is shown, and nobody is told."""
        handle = handle_of(login)
        if passing and reason is not None:
            self._passing[handle] = (login, reason)
            return
        self._passing.pop(handle, None)
        before = self._now.get(handle)
        if reason is None:
            self._now.pop(handle, None)
        else:
            self._now[handle] = (login, reason)
            if before is None or before[1] != reason:
                self._log.warning("the login %s of %s is refused: %s", handle, login.user, reason)
        self._waiting[handle] = login
        self._woken.set()

    def gone(self, login: Login) -> None:
        """There is no such login any more."""
        self._now.pop(handle_of(login), None)
        self._passing.pop(handle_of(login), None)
        self._waiting.pop(handle_of(login), None)

    def now(self) -> Sequence[tuple[Login, str]]:
        """Which accounts refuse us or can't be reached, and why."""
        return [*{**self._passing, **self._now}.values()]

    async def talks_in(self, user: str, room: str) -> None:
        """Where the user speaks alone with the bot: what concerns them is said there."""
        if await self._ledger.fact(_CHAT, user) != room:
            await self._ledger.save_fact(_CHAT, user, room)

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            await self._woken.wait()
            self._woken.clear()
            while self._waiting:
                handle, login = next(iter(self._waiting.items()))
                del self._waiting[handle]
                try:
                    await self._tell(handle, login)
                except (Unavailable, Uncertain, LedgerUnavailable) as error:
                    self._log.info("%s is not told of the state of %s yet: %s", login.user, handle, error)
                    self._waiting.setdefault(handle, login)
                    await self._clock.sleep(AGAIN)

    async def _tell(self, handle: str, login: Login) -> None:
        told = await self._ledger.fact(_TOLD, handle)
        reason = self._now[handle][1] if handle in self._now else None
        if (told is None) == (reason is None):
            return
        room = await self._room(login)
        if room is not None:
            words = (
                f"{login.network} no longer takes the login {login.name}: {reason}. "
                f'Nothing comes or goes through it until you log in again: "login {login.network} --name {login.name}".'
                if reason is not None
                else f"{login.network} takes the login {login.name} again."
            )
            content = {"msgtype": "m.notice", "body": words, "m.mentions": {"user_ids": [login.user]} if reason else {}}
            try:
                txn = f"trouble.{handle}.{'ill' if reason else 'well'}.{self._clock.now().timestamp()}"
                await self._api.send(room, "m.room.message", txn, content)
            except Refusal as refusal:
                self._log.warning("not said in %s (%s): %s", room, refusal.reason, words)
        await self._ledger.save_fact(_TOLD, handle, None if reason is None else reason[:500])

    async def _room(self, login: Login) -> str | None:
        """A timeline of the login's that strangers don't read, else the owner's chat with the bot."""
        for portal in self._timelines.naming(login):
            if await self._states.is_private(portal.room):
                return portal.room
        return await self._ledger.fact(_CHAT, login.user)
