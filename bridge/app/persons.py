"""Who is one human with whom: `bridge.commands.persons.Persons` over the ledger, the puppets and the logins."""

from collections.abc import Sequence

from bridge.app.logins import AllLogins
from bridge.app.networks import Networks
from bridge.commands.office import Refused
from bridge.ledger.ledger import Ledger
from bridge.matrix.doubles import Doubles
from bridge.matrix.puppets import Puppets
from bridge.model.ids import HUB, IdentityId, NetworkName


class HumanBook:
    def __init__(self, ledger: Ledger, networks: Networks, logins: AllLogins, puppets: Puppets, doubles: Doubles) -> None:
        self._ledger = ledger
        self._networks = networks
        self._logins = logins
        self._puppets = puppets
        self._doubles = doubles

    def identity(self, text: str) -> IdentityId:
        network, slash, id = text.partition("/")
        on_hub = network == HUB and id.startswith("@") and ":" in id
        if not (slash and id) or not (on_hub or NetworkName(network) in self._networks.manifests):
            raise Refused(f'An identity is written "network/identity", or "{HUB}/@user:domain"; {text[:80]!r} is none.')
        return IdentityId(NetworkName(network), id)

    def proved(self, user: str) -> set[IdentityId]:
        mine = {login.identity for login in self._logins.all() if login.user == user and login.identity is not None}
        return mine | {IdentityId(HUB, user)}

    async def seen(self, id: IdentityId) -> bool:
        return id.network == HUB or await self._ledger.identity(id) is not None

    async def join(self, ids: Sequence[IdentityId]) -> Sequence[IdentityId]:
        await self._ledger.join_person(ids)
        everyone = await self._of(ids[0])
        self._forget(everyone)
        return everyone

    async def leave(self, id: IdentityId) -> bool:
        everyone = await self._of(id)
        if len(everyone) < 2:
            return False
        await self._ledger.leave_person(id)
        self._forget(everyone)
        return True

    async def persons(self) -> Sequence[Sequence[IdentityId]]:
        return await self._ledger.persons()

    async def _of(self, id: IdentityId) -> Sequence[IdentityId]:
        return next((person for person in await self._ledger.persons() if id in person), (id,))

    def _forget(self, ids: Sequence[IdentityId]) -> None:
        """What is known of whom they are shown as is no longer so."""
        for id in ids:
            self._puppets.forget(id)
            self._doubles.changed(id)
