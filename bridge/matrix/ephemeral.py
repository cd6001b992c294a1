"""Typing, read receipts and presence as the homeserver pushes them (AS API 1.13, MSC2409 before): signals."""

from collections import OrderedDict
from collections.abc import Callable, Iterator
from typing import Any

from bridge.matrix.convert.fields import Raw
from bridge.model.ids import HUB, EventKey, IdentityId
from bridge.model.portals import Portal
from bridge.model.signals import Availability, Presence, ReadMark, Signal, Typing

_PRESENCE = {"online": Availability.ONLINE, "unavailable": Availability.AWAY, "offline": Availability.OFFLINE}
_MOST_USERS = 200
_MOST_ROOMS = 10_000


class EphemeralReader:
    """Remembers who was typing where, since Matrix always sends the whole set. What is malformed is passed over in silence."""

    def __init__(self, ours: Callable[[str], bool], portal_in: Callable[[str], Portal | None]) -> None:
        self._ours = ours
        self._portal_in = portal_in
        self._typing: OrderedDict[str, frozenset[str]] = OrderedDict()

    def signals(self, edu: Raw) -> Iterator[Signal]:
        kind, content = edu.get("type"), edu.get("content")
        if not isinstance(content, dict):
            return
        if kind == "m.presence":
            yield from self._presence(edu.get("sender"), content)
            return
        room = edu.get("room_id")
        portal = self._portal_in(room) if isinstance(room, str) else None
        if portal is not None and kind == "m.typing":
            yield from self._typed(portal, content.get("user_ids"))
        elif portal is not None and kind == "m.receipt":
            yield from self._read(portal, content)

    def _presence(self, sender: Any, content: dict[str, Any]) -> Iterator[Signal]:
        presence = content.get("presence")
        availability = _PRESENCE.get(presence) if isinstance(presence, str) else None
        status = content.get("status_msg")
        if self._somebody(sender) and availability is not None:
            who = IdentityId(HUB, sender)
            yield Presence(who=who, availability=availability, status=status if isinstance(status, str) else None)

    def _typed(self, portal: Portal, users: Any) -> Iterator[Signal]:
        if not isinstance(users, list):
            return
        now = frozenset(user for user in users[:_MOST_USERS] if self._somebody(user))
        before = self._typing.pop(portal.room, frozenset())
        if now:
            self._typing[portal.room] = now
            if len(self._typing) > _MOST_ROOMS:
                self._typing.popitem(last=False)
        for user in sorted(now - before):
            yield Typing(channel=portal.channel, who=IdentityId(HUB, user), active=True)
        for user in sorted(before - now):
            yield Typing(channel=portal.channel, who=IdentityId(HUB, user), active=False)

    def _read(self, portal: Portal, content: dict[str, Any]) -> Iterator[Signal]:
        for event, kinds in content.items():
            users = kinds.get("m.read") if isinstance(kinds, dict) else None
            if not isinstance(users, dict) or not event.startswith("$"):
                continue
            for user in users:
                if self._somebody(user):
                    yield ReadMark(channel=portal.channel, who=IdentityId(HUB, user), event=EventKey(HUB, event))

    def _somebody(self, user: Any) -> bool:
        return isinstance(user, str) and user.startswith("@") and not self._ours(user)
