"""The room's own word that it is bridged: MSC2346, under both of its names, one state event for each link."""

from collections.abc import Callable, Sequence
from typing import Any

import msgspec

from bridge.matrix.api import Api, Refusal
from bridge.matrix.ports import Memory
from bridge.model.ids import NetworkName
from bridge.model.portals import Link, Portal

KINDS = ("m.bridge", "uk.half-shot.bridge")
_SCOPE = "bridge-info"


class BridgeInfo:
    """`protocol(network)`: the protocol's name and its title for people."""

    def __init__(self, api: Api, memory: Memory, protocol: Callable[[NetworkName], tuple[str, str]]) -> None:
        self._api = api
        self._memory = memory
        self._protocol = protocol

    async def announce(self, portal: Portal, links: Sequence[Link]) -> bool:
        """Makes the room's state say what it is linked to now. No request where it says so already; False where it may not."""
        wanted = {state_key(link): bridge_content(link, self._api.bot, self._protocol(link.channel.network)) for link in links}
        mark = msgspec.json.encode(sorted(wanted)).decode()
        before = await self._memory.fact(_SCOPE, portal.room)
        if before == mark or (before is None and not wanted):
            return True
        gone: dict[str, dict[str, Any]] = {
            key: {} for key in (msgspec.json.decode(before, type=list[str]) if before else ()) if key not in wanted
        }
        try:
            for key, content in {**gone, **wanted}.items():
                for kind in KINDS:
                    await self._api.put_state(portal.room, kind, key, content)
        except Refusal:
            return False
        await self._memory.save_fact(_SCOPE, portal.room, mark)
        return True


def state_key(link: Link) -> str:
    return f"org.unabridged://{link.channel}"


def bridge_content(link: Link, bot: str, protocol: tuple[str, str]) -> dict[str, Any]:
    """Pure."""
    return {
        "bridgebot": bot,
        "protocol": {"id": protocol[0], "displayname": protocol[1]},
        "network": {"id": link.channel.network, "displayname": link.channel.network},
        "channel": {"id": link.channel.id, "displayname": link.channel.id},
    }
