"""What a homeserver asks before it says no: shall this user exist, shall this alias? (AS API, "Querying".)

Asked by anybody who may name an id, on servers we don't know, so a yes is given only for what our networks can have.
"""

import logging
from collections.abc import Awaitable, Callable

from bridge.contract.errors import DeliveryError
from bridge.model.ids import IdentityId, NetworkName
from bridge.model.people import Identity
from bridge.routing.names import network_of, parse_puppet


class Queries:
    """`ensure` makes the puppet of an identity (`Puppets.ensure`), `known` finds whom a shortened id stands for
    (`Puppets.identity_of`), `make_for_alias` makes a portal (`Rooms.make_for_alias`)."""

    def __init__(
        self,
        domain: str,
        networks: Callable[[NetworkName], bool],
        *,
        ensure: Callable[[Identity], Awaitable[str]],
        known: Callable[[str], Awaitable[Identity | None]],
        make_for_alias: Callable[[str], Awaitable[bool]],
    ) -> None:
        self._domain = domain
        self._networks = networks
        self._ensure = ensure
        self._known = known
        self._make_for_alias = make_for_alias
        self._log = logging.getLogger("unabridged.matrix.queries")

    async def user(self, user: str) -> bool:
        """True: the puppet exists now."""
        identity = await self._identity(user)
        if identity is None:
            return False
        try:
            return await self._ensure(identity) == user
        except DeliveryError as error:
            self._log.info("the homeserver asked for %s, who cannot be made: %s", user, error.reason)
            return False

    async def alias(self, alias: str) -> bool:
        """True: the room exists now and has the alias."""
        network = network_of(alias)
        if network is None or not self._networks(network) or not alias.endswith(f":{self._domain}"):
            return False
        try:
            return await self._make_for_alias(alias)
        except DeliveryError as error:
            self._log.info("the homeserver asked for %s, which cannot be made: %s", alias, error.reason)
            return False

    async def _identity(self, user: str) -> Identity | None:
        network = network_of(user)
        if network is None or not self._networks(network) or not user.endswith(f":{self._domain}"):
            return None
        known = await self._known(user)
        if known is not None:
            return known
        parsed: IdentityId | None = parse_puppet(user, self._domain)
        return None if parsed is None else Identity(id=parsed)
