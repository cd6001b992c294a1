"""What people say to the bot in a room, answered there: the chores of kind "command"."""

from typing import Any

import msgspec

from bridge.app.office import BridgeOffice
from bridge.commands.desk import Desk
from bridge.commands.line import addressed
from bridge.commands.render import as_html, as_text
from bridge.contract.toolbox import Clock
from bridge.contract.words import Answer, Asker
from bridge.ledger.rows import Chore
from bridge.matrix.api import Api, Refusal
from bridge.matrix.ports import Lru
from bridge.model.permissions import permission_of

LONGEST = 30_000
"""Characters of one answer; homeservers take events of 64 KiB."""

CROWDED = 300.0
"""Seconds for which a room with more people than one is not looked at again."""


class Speech:
    def __init__(self, api: Api, office: BridgeOffice, desk: Desk, clock: Clock, *, prefix: str, names: tuple[str, ...]) -> None:
        self._api = api
        self._office = office
        self._desk = desk
        self._prefix = prefix
        self._names = names
        self._clock = clock
        self._crowded: Lru[str, float] = Lru(1_000)

    async def answer(self, chore: Chore) -> None:
        """Once for each event: the answer's transaction id is the event's. Raises `Unavailable` to be tried again."""
        raw = msgspec.json.decode(chore.payload, type=dict[str, Any])
        room, sender, body = str(raw["room_id"]), str(raw["sender"]), str(raw["content"]["body"])
        said = addressed(body, prefix=self._prefix, names=self._names, direct=False)
        if (said is None or not said.plainly) and await self._is_direct(room):
            said = addressed(body, prefix=self._prefix, names=self._names, direct=True)
        if said is None:
            return
        asker = Asker(
            user=sender,
            permission=permission_of(sender, self._office.permissions()),
            room=room,
            room_power=await self._office.power(room, sender),
        )
        answer = await self._desk.hear(asker, said)
        if answer is not None:
            await self._say(room, chore.id, answer)

    async def _is_direct(self, room: str) -> bool:
        """Whether the bot is alone with one person, and not in a portal. Asked of a larger room at most every few minutes."""
        if any(portal.room == room for portal in self._office.portals()):
            return False
        now, asked = self._clock.monotonic(), self._crowded.get(room)
        if asked is not None and now - asked < CROWDED:
            return False
        try:
            members = await self._api.joined(room)
        except Refusal:
            return False  # we are not in there any more
        if len(members) == 2:
            return True
        self._crowded.put(room, now)
        return False

    async def _say(self, room: str, event: str, answer: Answer) -> None:
        plain, html = as_text(answer)[:LONGEST], as_html(answer)
        content: dict[str, Any] = {
            "msgtype": "m.notice",
            "body": plain,
            "m.mentions": {},
            "m.relates_to": {"m.in_reply_to": {"event_id": event}},
        }
        if len(html) <= LONGEST:
            content |= {"format": "org.matrix.custom.html", "formatted_body": html}
        try:
            await self._api.send(room, "m.room.message", f"answer.{event}", content)
        except Refusal:
            return  # we may not speak there, and there is nobody else to tell
