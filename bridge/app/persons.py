"""Who is one human with whom: `bridge.commands.persons.Persons` over the ledger, the puppets and the logins."""

from collections.abc import Mapping, Sequence

import msgspec
from msgspec import Struct

from bridge.app.logins import AllLogins
from bridge.app.networks import Networks
from bridge.commands.office import Refused
from bridge.ledger.ledger import Ledger
from bridge.matrix.doubles import Doubles
from bridge.matrix.puppets import Puppets
from bridge.model.ids import HUB, IdentityId, NetworkName

REL_ME = "rel-me-joined"
_SAID, _TOGETHER, _APART = "persons-said", "together", "apart"
"""What somebody said of an identity by a word: it counts before what pages say."""


class Joint(Struct, frozen=True, kw_only=True):
    """Two identities, and the pages that link to each other in turn, from the one's to the other's."""

    one: IdentityId
    other: IdentityId
    pages: tuple[str, ...]


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
        for id in ids:
            await self._ledger.save_fact(_SAID, str(id), _TOGETHER)
        return await self._join(ids)

    async def _join(self, ids: Sequence[IdentityId]) -> Sequence[IdentityId]:
        await self._ledger.join_person(ids)
        everyone = await self._of(ids[0])
        self._forget(everyone)
        return everyone

    async def leave(self, id: IdentityId) -> bool:
        await self._ledger.save_fact(_SAID, str(id), _APART)
        return await self._leave(id)

    async def _leave(self, id: IdentityId) -> bool:
        everyone = await self._of(id)
        if len(everyone) < 2:
            return False
        await self._ledger.leave_person(id)
        self._forget(everyone)
        return True

    async def join_by_pages(self, joint: Joint) -> bool:
        """What pages say of each other; whether it made two persons one. What somebody said by a word stands."""
        one, other = await self._of(joint.one), await self._of(joint.other)
        if one == other or any(id.network == HUB for id in (*one, *other)):
            return False  # who has an account here says so themself
        for id in (joint.one, joint.other):
            if await self._ledger.fact(_SAID, str(id)) == _APART:
                return False
        ids = sorted((joint.one, joint.other), key=lambda id: (len(one if id == joint.one else other) < 2, "/" in id.id))
        await self._join(ids)
        return True

    async def part_by_pages(self, joint: Joint) -> None:
        """They don't say so any more: of the two the one that is not shown stands for itself again."""
        said = [await self._ledger.fact(_SAID, str(id)) for id in (joint.one, joint.other)]
        everyone = await self._of(joint.one)
        if joint.other in everyone and said != [_TOGETHER, _TOGETHER]:
            await self._leave(joint.other if everyone[0] != joint.other else joint.one)

    async def because(self) -> Mapping[IdentityId, str]:
        """Of those joined by their pages: which ones."""
        found: dict[IdentityId, str] = {}
        for value in (await self._ledger.facts(REL_ME)).values():
            joint = msgspec.json.decode(value, type=Joint)
            found |= dict.fromkeys((joint.one, joint.other), f"rel=me: {' ↔ '.join(joint.pages)}")
        return found

    async def persons(self) -> Sequence[Sequence[IdentityId]]:
        return await self._ledger.persons()

    async def _of(self, id: IdentityId) -> Sequence[IdentityId]:
        return next((person for person in await self._ledger.persons() if id in person), (id,))

    def _forget(self, ids: Sequence[IdentityId]) -> None:
        """What is known of whom they are shown as is no longer so."""
        for id in ids:
            self._puppets.forget(id)
            self._doubles.changed(id)
