"""What people want to follow: `bridge.commands.following.Follows` over the networks, the timelines and the switchboard."""

import asyncio
from collections.abc import Sequence

from bridge.app.following import Timelines
from bridge.app.networks import Networks
from bridge.app.switchboard import Switchboard
from bridge.commands.following import Followed
from bridge.commands.office import Refused
from bridge.contract.adapter import ChannelInfo
from bridge.contract.errors import BridgeError, DeliveryError
from bridge.contract.places import Finding, Searches
from bridge.contract.words import Asker
from bridge.ledger.ledger import Ledger
from bridge.matrix.api import Api
from bridge.model.ids import ChannelId, NetworkName
from bridge.model.portals import Link, Portal

SEARCH = 40.0
"""Seconds that one network has to find something; it promises 30."""


class Wishes:
    def __init__(self, ledger: Ledger, switchboard: Switchboard, networks: Networks, timelines: Timelines, api: Api) -> None:
        self._ledger = ledger
        self._switchboard = switchboard
        self._networks = networks
        self._timelines = timelines
        self._api = api

    async def search(self, words: str) -> Sequence[Finding]:
        """Of the networks asked in turn the first that knows counts; one that is named is asked alone."""
        name, slash, rest = words.partition("/")
        network = NetworkName(name)
        if slash and rest and network in self._networks.manifests:
            return await self._within(network, rest)
        troubles: list[str] = []
        for place, adapter in self._networks.searchers():
            try:
                if found := await _ask(adapter, words):
                    return found
            except (BridgeError, OSError) as error:
                troubles.append(f"{place}: {error}")
        if troubles:
            raise Refused("Nothing to follow was found. " + "; ".join(troubles))
        raise Refused(f"No network knows what that is: {_short(words)}")

    async def follow(self, asker: Asker, channels: Sequence[ChannelId], room: str | None) -> Followed:
        return await self._timelines.follow(asker, channels, await self._room(room))

    async def timelines(self, asker: Asker, room: str | None) -> Sequence[Portal]:
        return await self._timelines.meant(asker, await self._room(room))

    def links(self, portals: Sequence[Portal]) -> Sequence[tuple[Portal, Link]]:
        by_id = {portal.id: portal for portal in portals}
        return [(by_id[link.portal], link) for link in self._switchboard.links if link.portal in by_id and link.inward]

    def title(self, channel: ChannelId) -> str | None:
        info = self._info(channel)
        return info.name if info is not None else None

    def state(self, channel: ChannelId) -> str:
        info = self._info(channel)
        return "waiting" if info is None else info.error or "open"

    async def unfollow(self, asker: Asker, links: Sequence[tuple[Portal, Link]]) -> None:
        for room in {portal.room for portal, _ in links}:
            await self._timelines.may_change(asker, room)
        for _, link in links:
            await self._ledger.remove_link(link.id)
        await self._switchboard.refresh()

    async def _within(self, network: NetworkName, words: str) -> Sequence[Finding]:
        """Of a network that can't search, and of logins, channels are named as they are."""
        adapter = dict(self._networks.searchers()).get(network)
        channel = self._channel(network, words)
        plain = () if channel is None else (Finding(channel=channel, title=self.title(channel) or str(channel)),)
        if adapter is None or (channel is not None and self._networks.is_personal(channel)):
            if not plain:
                raise Refused(f"{_short(words)} is no channel of {network}.")
            return plain
        try:
            found = await _ask(adapter, words)
        except (BridgeError, OSError) as error:
            raise Refused(f"Nothing to follow was found: {error}") from error
        if not found:
            raise Refused(f"{network} doesn't know what that is: {_short(words)}")
        return found

    def _channel(self, network: NetworkName, id: str) -> ChannelId | None:
        try:
            return ChannelId(network, self._networks.manifests[network].fold_channel(id))
        except ValueError:
            return None

    def _info(self, channel: ChannelId) -> ChannelInfo | None:
        supervisor = self._networks.supervisors.get(channel.network)
        return supervisor.channels.get(channel) if supervisor is not None else None

    async def _room(self, room: str | None) -> str | None:
        if room is None or not room.startswith("#"):
            return room
        known = self._switchboard.portal_called(room)
        if known is not None:
            return known.room
        try:
            found = await self._api.resolve(room)
        except DeliveryError as error:
            raise Refused(f"The homeserver could not be asked: {error.reason}") from error
        if found is None:
            raise Refused(f"There is no room {room}.")
        return found


async def _ask(adapter: Searches, words: str) -> Sequence[Finding]:
    """Raises `OSError`."""
    try:
        async with asyncio.timeout(SEARCH):
            return await adapter.search(words)
    except TimeoutError:
        raise OSError("nothing answered in time") from None


def _short(words: str) -> str:
    return words if len(words) <= 80 else words[:79] + "…"
