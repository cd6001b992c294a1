"""Calm in timeline rooms, put together: rules, digests, read marks, and the words for them."""

from collections.abc import Mapping, Sequence

from msgspec import Struct

from bridge.app.catchup import CatchUp
from bridge.app.following import Timelines
from bridge.app.ground import Ground
from bridge.app.readmarks import ReadMarks
from bridge.app.roll import Roll
from bridge.app.rulebook import Calmer, RuleBook
from bridge.commands.calming import calming_words
from bridge.commands.catchup import catchup_words
from bridge.commands.showing import showing_words
from bridge.contract.words import Word
from bridge.delivery.courier import Courier
from bridge.delivery.governor import SCOPE, record_of
from bridge.ledger.ledger import Ledger
from bridge.model.ids import ChannelId


class Digests:
    """`bridge.commands.showing.Digests` over the ledger and the courier."""

    def __init__(self, ledger: Ledger, courier: Courier) -> None:
        self._ledger = ledger
        self._courier = courier

    async def numbered(self, room: ChannelId) -> Mapping[int, str]:
        return record_of(await self._ledger.fact(SCOPE, room.id)).numbered()

    async def show(self, ids: Sequence[str]) -> int:
        entries = await self._ledger.recall(ids)
        self._courier.offer(entries, asked=True)
        return len({entry.delivery.event for entry in entries})


class Calming(Struct, frozen=True, kw_only=True):
    rules: RuleBook
    marks: ReadMarks
    roll: Roll

    @classmethod
    async def load(cls, ground: Ground, roll: Roll) -> "Calming":
        """As it was kept."""
        marks = ReadMarks(ground.ledger, ground.clock, ground.switchboard.is_timeline)
        await marks.load()
        return cls(rules=await RuleBook.load(ground), marks=marks, roll=roll)

    def words(self, ground: Ground, timelines: Timelines, courier: Courier) -> tuple[Word, ...]:
        ledger, states, settings = ground.ledger, ground.hub.states, ground.settings
        calmer = Calmer(self.rules, ledger, ground.switchboard, ground.networks, timelines, states, ground.clock)
        reading = CatchUp(ledger, self.marks, self.roll.accounts, domain=settings.homeserver.domain)
        return (
            *calming_words(calmer, settings.bridge.command_prefix),
            *showing_words(calmer, Digests(ledger, courier)),
            *catchup_words(calmer, reading, settings.bridge.command_prefix),
        )
