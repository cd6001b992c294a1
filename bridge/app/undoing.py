"""What was said last in a room, taken back: `bridge.commands.undo.Undoing` over the ledger and the intake."""

from collections.abc import Awaitable, Callable, Sequence
from datetime import timedelta

from bridge.commands.office import Refused
from bridge.commands.undo import Undone
from bridge.contract.errors import DeliveryError
from bridge.contract.toolbox import Clock
from bridge.ledger.ledger import Ledger
from bridge.ledger.rows import Accepted, Entry, State
from bridge.matrix.api import Api, Refusal
from bridge.model.events import Event, Message, Redaction, Ref
from bridge.model.ids import HUB, ChannelId, EventKey, IdentityId
from bridge.text.plain import excerpt

LONGEST = timedelta(days=1)
"""So far back one's newest message is looked for."""
FARTHEST = 200_000
"""Deliveries that are looked through for it."""
_STEP = 2_000


class Undoing:
    """`accept` is the intake's, for one event of the hub."""

    def __init__(self, ledger: Ledger, accept: Callable[[Event], Awaitable[Accepted]], api: Api, clock: Clock) -> None:
        self._ledger = ledger
        self._accept = accept
        self._api = api
        self._clock = clock

    async def undo(self, user: str, room_id: str, event: str | None) -> Undone | None:
        """See the protocol."""
        who = IdentityId(HUB, user)
        found = await (self._newest(who, room_id) if event is None else self._named(who, room_id, EventKey(HUB, event)))
        if found is None:
            return None
        said, entries = found
        redaction = Event(
            key=EventKey(HUB, f"{said.key.id} undone"),
            channel=said.channel,
            author=said.author,
            happened_at=self._clock.now(),
            body=Redaction(target=Ref(key=said.key)),
        )
        await self._ledger.revoke_links(said.key)
        accepted = await self._accept(redaction)
        withdrawn = {channel for channel, _ in accepted.withdrawn}
        asked = {entry.delivery.channel for entry in accepted.entries} - withdrawn
        rest = {entry.delivery.channel for entry in entries if entry.state is not State.DEAD} - withdrawn - asked
        assert isinstance(said.body, Message)
        return Undone(
            words=excerpt(said.body.text.plain) or "…",
            withdrawn=_sorted(withdrawn),
            asked=_sorted(asked),
            stays=_sorted(rest),
            shown=not await self._hide(room_id, said.key.id, user),
        )

    async def _newest(self, who: IdentityId, room_id: str) -> tuple[Event, Sequence[Entry]] | None:
        until = await self._ledger.newest_entry()
        end = max(until - FARTHEST, 0)
        while until > end:
            entries = await self._ledger.shown_in(room_id, max(until - _STEP, end), until)
            for entry in reversed(entries):
                if entry.delivery.accepted_at < self._clock.now() - LONGEST:
                    return None
                if entry.delivery.author.id == who and entry.delivery.event.network == HUB:
                    found = await self._named(who, room_id, entry.delivery.event)
                    if found is not None:
                        return found
            until -= _STEP
        return None

    async def _named(self, who: IdentityId, room_id: str, key: EventKey) -> tuple[Event, Sequence[Entry]] | None:
        """A message of theirs in that room which is somewhere else, or on its way, and not taken back yet."""
        trace = await self._ledger.trace(key)
        event = None if trace is None else trace.event
        if trace is None or event is None or not isinstance(event.body, Message):
            return None
        if event.author.id != who or event.channel != ChannelId(HUB, room_id) or await self._ledger.link_revoked(event.key):
            return None
        elsewhere = [entry for entry in trace.entries if entry.delivery.channel.network != HUB]
        return (event, elsewhere) if any(entry.state is not State.DEAD for entry in elsewhere) else None

    async def _hide(self, room: str, event: str, user: str) -> bool:
        """Deletes it in the room, as who wrote it or as the bot; whether that could be done."""
        own = (user,) if self._api.doubles and user.endswith(self._api.bot[self._api.bot.index(":") :]) else ()
        for speaker in (*own, None):
            try:
                await self._api.redact(room, event, f"undo.{event}", user=speaker)
            except Refusal:
                continue
            except DeliveryError as error:
                raise Refused(f"It is taken back elsewhere; the homeserver could not be asked: {error.reason}") from error
            return True
        return False


def _sorted(channels: set[ChannelId]) -> tuple[ChannelId, ...]:
    return tuple(sorted(channels))
