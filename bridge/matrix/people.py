"""What Matrix people are called: learnt when they first matter, kept in the ledger, renewed by their own member events."""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

import msgspec
from mautrix.api import Method

from bridge.contract.errors import DeliveryError, Unavailable
from bridge.matrix.api import Api, Refusal, path
from bridge.matrix.doubles import Doubles
from bridge.matrix.ports import Lru, Memory
from bridge.matrix.puppets import Puppets
from bridge.model.ids import HUB, IdentityId
from bridge.model.people import Identity, Profile

_SCOPE = "profile"
_MOST_MENTIONS = 50


class People:
    def __init__(self, api: Api, memory: Memory, puppets: Puppets, doubles: Doubles) -> None:
        self._api = api
        self._memory = memory
        self._puppets = puppets
        self._doubles = doubles
        self._known: Lru[str, Identity] = Lru(20_000)

    def identity_of(self, user: str) -> Identity:
        """Without I/O: the network's identity for a puppet, a person with a name where `know` has seen them."""
        return self._known.get(user) or Identity(id=IdentityId(HUB, user), bot=user == self._api.bot)

    async def know(self, raw: Mapping[str, Any]) -> None:
        """Before an event is read: learns who its sender, its subject and those it mentions are. Never raises on odd events.

        A name that cannot be learnt now is learnt next time; only the ledger can make this fail (`LedgerUnavailable`).
        """
        room = raw.get("room_id")
        if raw.get("type") == "m.room.member":
            await self._renew(raw)
        if not isinstance(room, str):
            return
        for user in _named(raw):
            if user not in self._known:
                await self._learn(user, room)

    async def _learn(self, user: str, room: str) -> None:
        puppet = await self._puppets.identity_of(user)
        if puppet is not None:
            self._known.put(user, puppet)
            return
        kept = await self._memory.fact(_SCOPE, user)
        if kept is not None:
            self._known.put(user, _person(user, msgspec.json.decode(kept)))
            return
        try:
            content = await self._api.state_content(room, "m.room.member", user)
        except DeliveryError:
            return
        if content is not None:
            await self._keep(user, content)

    async def _renew(self, raw: Mapping[str, Any]) -> None:
        user, room, content = raw.get("state_key"), raw.get("room_id"), raw.get("content")
        if isinstance(user, str) and isinstance(room, str):
            self._doubles.moved(user, room)
        if not isinstance(user, str) or not isinstance(content, dict) or content.get("membership") != "join":
            return
        if await self._puppets.identity_of(user) is None:
            await self._keep(user, content)

    async def _keep(self, user: str, content: Mapping[str, Any]) -> None:
        """Of names and pictures only what is text; the rest is as if it weren't there."""
        facts = [_text(content.get("displayname")), _text(content.get("avatar_url"))]
        person = _person(user, facts)
        if self._known.get(user) != person:
            await self._memory.save_fact(_SCOPE, user, msgspec.json.encode(facts).decode())
            self._known.put(user, person)


async def profile_of(api: Api, user: str) -> Profile | None:
    """What a homeserver says of somebody, whether or not they are in any room with us; None: there is nobody.

    Raises `Unavailable`, also where it won't say.
    """
    try:
        said = await api.call(Method.GET, path("profile", user))
    except Refusal as refusal:
        if refusal.status == HTTPStatus.NOT_FOUND:
            return None
        raise Unavailable(f"the homeserver says nothing about {user}: {refusal.reason}") from refusal
    return Profile(name=_text(said.get("displayname")), avatar=_text(said.get("avatar_url")))


def _named(raw: Mapping[str, Any]) -> list[str]:
    content = raw.get("content")
    users = [raw.get("sender"), raw.get("state_key")]
    mentions = content.get("m.mentions") if isinstance(content, dict) else None
    if isinstance(mentions, dict) and isinstance(mentions.get("user_ids"), list):
        users += mentions["user_ids"][:_MOST_MENTIONS]
    return [user for user in users if isinstance(user, str) and user[:1] == "@" and len(user) <= 255]


def _person(user: str, facts: list[str | None]) -> Identity:
    return Identity(id=IdentityId(HUB, user), profile=Profile(name=facts[0], avatar=facts[1]))


def _text(value: Any) -> str | None:
    if not isinstance(value, str) or not value or "\ud800" <= max(value) <= "\udfff":
        return None
    return value
