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
    """Those of every ledger that is opened meanwhile; where transactions begin and end aside."""
    heard: list[str] = []

    def note(statement: str) -> None:
        if not statement.startswith(("BEGIN", "COMMIT")):
            heard.append(statement)

    def listen(connection: Any, record: Any) -> None:
        connection.set_trace_callback(note)

    event.listen(Engine, "connect", listen)
    try:
        yield heard
    finally:
        event.remove(Engine, "connect", listen)


def taken(heard: list[str]) -> list[str]:
    """What was heard since this was asked last."""
    found = heard.copy()
    heard.clear()
    return found


def unless_there(event: Event, lookup: Lookup) -> Planned:
    """As the bridge plans: nothing goes where it is already."""
    return Planned(drafts=() if lookup.has_copy(event.key, ROOM) else (draft(event),))


async def test_a_burst_costs_no_statement_for_each_message(tmp_path: Path) -> None:
    with statements() as heard:
        ledger = await Ledger.connect(f"sqlite:///{tmp_path / 'ledger.db'}", clock=FakeClock())
        heard.clear()
        await ledger.accept(IRC, [say("first")], unless_there)
        one = taken(heard)
        accepted = await ledger.accept(IRC, [say(str(number)) for number in range(64)], unless_there)
        many = taken(heard)
        assert len(accepted.entries) == 64
        assert len(many) == len(one), many
        await ledger.settle([done(entry.delivery.id, f"${entry.seq}") for entry in accepted.entries])
        settling = taken(heard)
        assert len(settling) <= 3, settling
        await ledger.close()


async def test_all_names_of_an_event_are_looked_up_at_once(tmp_path: Path) -> None:
    with statements() as heard:
        ledger = await Ledger.connect(f"sqlite:///{tmp_path / 'ledger.db'}", clock=FakeClock())
        heard.clear()
        await ledger.accept(IRC, [say("first", aliases=("one", "other"))], unless_there)
        assert sum(statement.startswith("SELECT") for statement in heard) == 1, heard
        await ledger.close()
