"""Whom a server knows, by nick@host: its own people by their nick, others among those the account follows or is followed by."""

from typing import Any
from urllib.parse import quote

from msgspec import Struct

from adapters.gnusocial.ids import number, person_of
from adapters.gnusocial.wire.account import Account, me_of
from adapters.gnusocial.wire.client import Refused
from bridge.contract.errors import Rejected
from bridge.model.ids import IdentityId
from bridge.model.people import Identity

PAGES = 10
PAGE = 100
_LISTS = ("statuses/friends", "statuses/followers")


class Known(Struct, frozen=True):
    """Somebody, and the number the server has for them."""

    identity: Identity
    number: str
    local: bool


class People:
    """Of one account; remembers whom it has found."""

    def __init__(self, account: Account) -> None:
        self._account = account
        self._known: dict[IdentityId, Known] = {}

    async def find(self, who: IdentityId) -> Known | None:
        """None where the server does not know them. Raises `Unavailable` where it can't be asked."""
        if who not in self._known and not await self._shown(who):
            await self._listed(who)
        return self._known.get(who)

    async def shown(self, who: IdentityId) -> Known | None:
        """As `find`, but asks anew, and only by the nick: enough for the server's own people."""
        return self._known.get(who) if await self._shown(who) else None

    async def _shown(self, who: IdentityId) -> bool:
        nick, _ = person_of(who.id)
        try:
            answer = await self._account.client.get(f"users/show/{quote(nick, safe='')}")
        except Refused:
            return False
        return self._note(answer.data) == who

    async def _listed(self, who: IdentityId) -> None:
        for path in _LISTS:
            for page in range(1, PAGES + 1):
                try:
                    data = (await self._account.client.get(path, count=PAGE, page=page)).data
                except Refused:
                    break
                seen = {self._note(user) for user in data} if isinstance(data, list) else set()
                if who in seen:
                    return
                if not seen:
                    break

    def _note(self, user: Any) -> IdentityId | None:
        account = self._account
        try:
            identity = me_of(account.me.network, user, account.host)
        except Rejected:
            return None
        local = person_of(identity.id.id)[1] == person_of(account.me.id)[1]
        self._known[identity.id] = Known(identity, number(user.get("id")) or "", local)
        return identity.id
