"""Who of ours may be known and reached on networks where everybody here has an address of their own."""

from collections.abc import Callable

from bridge.contract.errors import Rejected
from bridge.ledger.ledger import Ledger
from bridge.matrix.api import Api
from bridge.matrix.people import profile_of
from bridge.matrix.puppets import Puppets
from bridge.model.ids import HUB, IdentityId
from bridge.model.people import Profile
from bridge.model.permissions import Permission

_LONGEST = 255


class Residents:
    """`permission`: what a Matrix user may do with the bridge."""

    def __init__(self, api: Api, ledger: Ledger, puppets: Puppets, permission: Callable[[str], Permission]) -> None:
        self._api = api
        self._ledger = ledger
        self._puppets = puppets
        self._permission = permission

    def may_chat(self, user: str) -> bool:
        return user != self._api.bot and self._permission(user) >= Permission.USER

    async def admit(self, user: str) -> None:
        """That a Matrix user is somebody, and may have chats of their own. Raises `Rejected`, `Unavailable`."""
        if not self.may_chat(user) or await self._person(user) is None:
            raise Rejected(f"nobody called {user[:_LONGEST]} can be reached through this bridge")

    async def profile(self, who: IdentityId) -> Profile | None:
        """See `bridge.contract.places.Linking.profile`."""
        if who.network != HUB:
            known = await self._ledger.identity(who)
            return None if known is None else known.profile
        if who.id == self._api.bot or self._permission(who.id) < Permission.RELAY:
            return None
        return await self._person(who.id)

    async def _person(self, user: str) -> Profile | None:
        """A puppet is no person of ours: it would be somebody over there, under another name."""
        if len(user) > _LONGEST or await self._puppets.identity_of(user) is not None:
            return None
        return await profile_of(self._api, user)
