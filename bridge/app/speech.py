"""What people say to the bot in a room, answered there: the chores of the kinds "command" and "answer"."""

from typing import Any

import msgspec
from msgspec.structs import replace

from bridge.app.office import BridgeOffice
from bridge.app.talks import Talks
from bridge.app.troubles import Troubles
from bridge.commands.desk import Desk
from bridge.commands.line import addressed
from bridge.commands.render import as_html, as_text
from bridge.contract.toolbox import Clock
from bridge.contract.words import Answer, Asker
from bridge.ledger.rows import Chore
from bridge.matrix.api import Api, Refusal
from bridge.matrix.convert import answered
from bridge.matrix.ports import Lru
from bridge.model.permissions import Permission, permission_of

LONGEST = 30_000
"""Characters of one answer; homeservers take events of 64 KiB."""

CROWDED = 300.0
"""Seconds for which a room with more people than one is not looked at again."""


_DELETE_IT = "I may not delete messages here: please delete your password yourself."


class Speech:
    """A word is done once, however often its answer must be said until the homeserver has it."""

    def __init__(
        self,
        api: Api,
        office: BridgeOffice,
        desk: Desk,
        talks: Talks,
        troubles: Troubles,
        clock: Clock,
        *,
        prefix: str,
        names: tuple[str, ...],
    ) -> None:
        self._api = api
        self._office = office
        self._desk = desk
        self._talks = talks
        self._troubles = troubles
        self._prefix = prefix
        self._names = names
        self._clock = clock
        self._crowded: Lru[str, float] = Lru(1_000)
        self._unsaid: Lru[str, Answer] = Lru(1_000)

    async def answer(self, chore: Chore) -> None:
        """Once for each event: the answer's transaction id is the event's. Raises `Unavailable` to be tried again."""
        raw = msgspec.json.decode(chore.payload, type=dict[str, Any])
        room, sender = str(raw["room_id"]), str(raw["sender"])
        found = self._unsaid.get(chore.id) or await self._found(room, sender, chore.id, raw.get("content"))
        if found is not None:
            self._unsaid.put(chore.id, found)
            await self._say(room, chore.id, found)
            self._unsaid.drop(chore.id)

    async def _found(self, room: str, sender: str, event: str, content: dict[str, Any] | None) -> Answer | None:
        """`content` None: it was heard as an answer to a question of ours, and lies with the talk."""
        if content is None or self._talks.is_open(room, sender):
            return await self._answered(room, sender, event, None if content is None else str(content["body"]))
        return await self._done(room, sender, content)

    async def _answered(self, room: str, sender: str, event: str, words: str | None) -> Answer:
        """What must not be seen is deleted before anything else is done with it."""
        hidden = not self._talks.is_secret(room, sender) or await self._hide(room, sender, event)
        if await self._is_direct(room):
            answer = await self._talks.answer_in(room, sender, event, words)
        else:
            answer = await self._talks.stop(room, sender, "Somebody else is in this room now, so I stopped. Nothing was kept.")
        return answer if hidden else replace(answer, text=f"{answer.text}\n{_DELETE_IT}")

    async def _hide(self, room: str, sender: str, event: str) -> bool:
        """Deletes a message, as the bot or as who wrote it; whether that could be done."""
        own = (sender,) if self._api.doubles and sender.endswith(self._api.bot[self._api.bot.index(":") :]) else ()
        for user in (None, *own):
            try:
                await self._api.redact(room, event, f"hide.{event}", user=user)
            except Refusal:
                continue
            return True
        return False

    async def _done(self, room: str, sender: str, content: dict[str, Any]) -> Answer | None:
        body = str(content["body"])
        said = addressed(body, prefix=self._prefix, names=self._names, direct=False)
        direct = await self._is_direct(room)
        if direct and (said is None or not said.plainly):
            said = addressed(body, prefix=self._prefix, names=self._names, direct=True)
        if said is None:
            return None
        permission = permission_of(sender, self._office.permissions())
        if direct and permission >= Permission.USER:
            await self._troubles.talks_in(sender, room)
        asker = Asker(
            user=sender,
            permission=permission,
            room=room,
            room_power=await self._office.power(room, sender),
            direct=direct,
            answers=answered(content),
        )
        return await self._desk.hear(asker, said)

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
