"""Which rooms can be read outside, and under which address: kept, so that a restart changes neither."""

import base64
import hashlib
import hmac
import secrets
from collections.abc import Callable, Sequence
from typing import Protocol

import msgspec
from msgspec import Struct

from bridge.model.portals import Portal, PortalKind

_SCOPE = "outfeeds"


class FactBook(Protocol):
    async def facts(self, scope: str) -> dict[str, str]: ...

    async def save_fact(self, scope: str, name: str, value: str | None) -> None: ...


class _Opening(Struct, frozen=True):
    """`turn` is None where the room's settings decide; `nonce` changes the address."""

    turn: bool | None = None
    nonce: str = ""


class Opened:
    """The address of a room hangs on a key, so it stands nowhere in the ledger. `load` before all else."""

    def __init__(self, facts: FactBook, key: bytes, portals: Callable[[], Sequence[Portal]]) -> None:
        self._facts = facts
        self._key = hmac.digest(key, b"unabridged feeds of rooms", hashlib.sha256)
        self._portals = portals
        self._openings: dict[int, _Opening] = {}

    async def load(self) -> None:
        for name, value in (await self._facts.facts(_SCOPE)).items():
            self._openings[int(name)] = msgspec.json.decode(value, type=_Opening)

    def portals(self) -> Sequence[Portal]:
        """Those that can be read outside."""
        return [portal for portal in self._portals() if self.is_on(portal)]

    def is_on(self, portal: Portal) -> bool:
        turn = self._opening(portal).turn
        return portal.kind is PortalKind.TIMELINE and (portal.timeline.outfeed if turn is None else turn)

    async def turn(self, portal: Portal, *, on: bool) -> None:
        await self._save(portal, msgspec.structs.replace(self._opening(portal), turn=on))

    async def move(self, portal: Portal) -> None:
        """To a new address; the old one is dead."""
        await self._save(portal, msgspec.structs.replace(self._opening(portal), nonce=secrets.token_hex(16)))

    def token(self, portal: Portal) -> str:
        words = f"{portal.id} {self._opening(portal).nonce}"
        return base64.urlsafe_b64encode(hmac.digest(self._key, words.encode(), hashlib.sha256)).rstrip(b"=").decode()

    def called(self, token: str) -> Portal | None:
        """The room of this address, where it can be read. Takes as long for any token."""
        given = token.encode("utf-8", "replace")
        found = None
        for portal in self.portals():
            if hmac.compare_digest(given, self.token(portal).encode()):
                found = portal
        return found

    def _opening(self, portal: Portal) -> _Opening:
        return self._openings.get(portal.id, _Opening())

    async def _save(self, portal: Portal, opening: _Opening) -> None:
        await self._facts.save_fact(_SCOPE, str(portal.id), msgspec.json.encode(opening).decode())
        self._openings[portal.id] = opening
