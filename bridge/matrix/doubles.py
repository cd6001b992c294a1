"""Double puppeting: what people write on their other networks appears on Matrix as themselves.

The operator allows it by a second registration, without a url and over the domain's own users. Who is who comes from
persons that include a Matrix user, or from what a login recorded. Nobody is ever made to join a room by it: only who is there
already speaks there as themself, so that no private room leaks through it.
"""

from bridge.matrix.api import Api, Refusal
from bridge.matrix.ports import Lru, Memory
from bridge.model.ids import HUB, IdentityId

_FACTS = "double"


class Doubles:
    def __init__(self, api: Api, memory: Memory, *, domain: str) -> None:
        self._api = api
        self._memory = memory
        self._tail = f":{domain}"
        self._users: Lru[IdentityId, str] = Lru(10_000)
        self._present: Lru[tuple[str, str], bool] = Lru(10_000)

    async def speaker(self, id: IdentityId, room: str) -> str | None:
        """The Matrix user who may speak in the room for the identity; None: its puppet does. Raises `Unavailable`."""
        if not self._api.doubles:
            return None
        user = self._users.get(id)
        if user is None:
            user = await self._user(id)
            self._users.put(id, user)
        return user if user and await self._is_there(user, room) else None

    async def claim(self, id: IdentityId, user: str) -> None:
        """The identity is this Matrix user's: both sides have been authenticated. An empty `user` takes it back."""
        await self._memory.save_fact(_FACTS, str(id), user)
        self._users.drop(id)

    async def claims(self) -> dict[str, str]:
        """Who appears as whom: "network/identity" to user id."""
        return {identity: user for identity, user in (await self._memory.facts(_FACTS)).items() if user}

    def changed(self, id: IdentityId) -> None:
        """The person that the identity belongs to has changed."""
        self._users.drop(id)

    def moved(self, user: str, room: str) -> None:
        """The user's membership may have changed, or the homeserver refused to let us speak for them."""
        self._present.drop((room, user))

    async def _user(self, id: IdentityId) -> str:
        shown = id if id.network == HUB else await self._memory.person(id)
        user = shown.id if shown.network == HUB else await self._memory.fact(_FACTS, str(id)) or ""
        return user if user.endswith(self._tail) else ""

    async def _is_there(self, user: str, room: str) -> bool:
        known = self._present.get((room, user))
        if known is None:
            try:
                content = await self._api.state_content(room, "m.room.member", user)
            except Refusal:
                content = None
            known = content is not None and content.get("membership") == "join"
            self._present.put((room, user), known)
        return known
