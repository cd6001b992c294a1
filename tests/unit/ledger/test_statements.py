"""What the hot path asks of the disk: a few statements for each group, however many messages are in it."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import Engine, event

from bridge.contract.plan import Lookup, Planned
from bridge.ledger import Ledger
from bridge.model.events import Event
from tests.contract.ledger.kit import IRC, ROOM, done, draft, say
from tests.doubles.clock import FakeClock


@contextmanager
def statements() -> Iterator[list[str]]:
    """Those executed meanwhile."""
    heard: list[str] = []

    def hear(connection: Any, cursor: Any, statement: str, *others: Any) -> None:
        heard.append(statement)

    event.listen(Engine, "before_cursor_execute", hear)
    try:
        yield heard
    finally:
        event.remove(Engine, "before_cursor_execute", hear)


def unless_there(event: Event, lookup: Lookup) -> Planned:
    """As the bridge plans: nothing goes where it is already."""
    return Planned(drafts=() if lookup.has_copy(event.key, ROOM) else (draft(event),))


async def test_a_burst_costs_no_statement_for_each_message(tmp_path: Path) -> None:
    ledger = await Ledger.connect(f"sqlite:///{tmp_path / 'ledger.db'}", clock=FakeClock())
    with statements() as one:
        await ledger.accept(IRC, [say("first")], unless_there)
    with statements() as many:
        accepted = await ledger.accept(IRC, [say(str(number)) for number in range(64)], unless_there)
    assert len(accepted.entries) == 64
    assert len(many) == len(one), many
    with statements() as settling:
        await ledger.settle([done(entry.delivery.id, f"${entry.seq}") for entry in accepted.entries])
    assert len(settling) <= 3, settling
    await ledger.close()
