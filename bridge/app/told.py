"""What people were told once already: kept, so that a restart does not say it again."""

from bridge.contract.plan import Hint
from bridge.ledger.ledger import Ledger
from bridge.model.events import Event

_SCOPE = "told"


class Told:
    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger

    async def first(self, event: Event, hint: Hint) -> bool:
        """Whether its author is told this there for the first time; from now on it counts as told. Raises `LedgerUnavailable`."""
        name = f"{hint.kind} {event.author.id} {event.channel}"
        if await self._ledger.fact(_SCOPE, name):
            return False
        await self._ledger.save_fact(_SCOPE, name, "yes")
        return True
