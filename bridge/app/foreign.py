"""Other bridges that carry a channel which we carry too: what their puppets say we have heard at the source already.

Without this, two bridges in one room and one channel repeat each other for ever. They are known by their word (MSC2346).
"""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from bridge.app.switchboard import Switchboard
from bridge.contract.features import Manifest
from bridge.ledger.ledger import Ledger
from bridge.ledger.rows import Chore
from bridge.matrix.api import Api
from bridge.matrix.info import KINDS
from bridge.model.ids import HUB, ChannelId, IdentityId, NetworkName

_SCOPE = "foreign-bridges"
_KNOWN = msgspec.json.Decoder(dict[str, tuple[str, str, str]])


class ForeignBridges:
    """By room: state key → (bot, protocol, channel)."""

    def __init__(self, ledger: Ledger, switchboard: Switchboard, manifests: Mapping[NetworkName, Manifest], api: Api) -> None:
        self._ledger = ledger
        self._switchboard = switchboard
        self._manifests = manifests
        self._api = api
        self._rooms: dict[str, dict[str, tuple[str, str, str]]] = {}

    async def load(self) -> None:
        self._rooms = {room: _KNOWN.decode(value) for room, value in (await self._ledger.facts(_SCOPE)).items()}

    async def note(self, chore: Chore) -> None:
        """A room's `m.bridge` state changed. Doing it twice changes nothing."""
        raw = msgspec.json.decode(chore.payload, type=dict[str, Any])
        room = str(raw.get("room_id"))
        await self._keep(room, self._changed(self._rooms.get(room, {}), raw))

    async def look(self, room: str) -> None:
        """Before a room's first link: what was said before we came is never pushed. Raises what `Api.state` raises."""
        if room in self._rooms:
            return
        known: dict[str, tuple[str, str, str]] = {}
        for event in await self._api.state(room):
            if event.get("type") in KINDS:
                known = self._changed(known, event)
        await self._keep(room, known)

    def _changed(self, known: Mapping[str, tuple[str, str, str]], event: Mapping[str, Any]) -> dict[str, tuple[str, str, str]]:
        key, content = str(event.get("state_key")), event.get("content")
        told = _told(content) if isinstance(content, dict) else None
        others = {name: other for name, other in known.items() if name != key}
        return others if told is None or told[0] == self._api.bot else {**others, key: told}

    async def _keep(self, room: str, known: dict[str, tuple[str, str, str]]) -> None:
        if known != self._rooms.get(room):
            await self._ledger.save_fact(_SCOPE, room, msgspec.json.encode(known).decode())
            self._rooms[room] = known

    def speaks_for(self, who: IdentityId, channel: ChannelId) -> bool:
        """Whether somebody in a room is another bridge's puppet of a channel that the room is linked to here as well."""
        others = self._rooms.get(channel.id)
        if not others or channel.network != HUB:
            return False
        portal = self._switchboard.portal_in(channel.id)
        if portal is None:
            return False
        ours = {_place(self._protocol(link.channel), link.channel.id) for link in self._switchboard.topology.links_of(portal)}
        return any(_place(protocol, place) in ours and _belongs(who.id, bot) for bot, protocol, place in others.values())

    def _protocol(self, channel: ChannelId) -> str:
        manifest = self._manifests.get(channel.network)
        return manifest.protocol if manifest is not None else ""


def _told(content: dict[str, Any]) -> tuple[str, str, str] | None:
    bot, protocol, channel = content.get("bridgebot"), content.get("protocol"), content.get("channel")
    if not (isinstance(bot, str) and isinstance(protocol, dict) and isinstance(channel, dict)):
        return None
    found: Sequence[Any] = (bot, protocol.get("id"), channel.get("id"))
    return (bot, str(found[1]), str(found[2])) if all(isinstance(one, str) for one in found) else None


def _place(protocol: str, channel: str) -> tuple[str, str]:
    """Bridges differ in how they spell a channel; a false match costs less than a loop."""
    return protocol.casefold(), channel.casefold().rpartition("/")[2].lstrip("#&")


def _belongs(user: str, bot: str) -> bool:
    """The bot itself, or one of the ids that bridges keep for puppets: with a leading underscore on the bot's server."""
    same_server = user.partition(":")[2] == bot.partition(":")[2]
    return user == bot or (same_server and user.startswith("@_"))
