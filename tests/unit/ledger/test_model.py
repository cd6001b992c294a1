"""Whatever is asked of the ledger, in whatever groups: it answers as a dictionary would, from memory and from disk."""

import asyncio
import tempfile
from collections.abc import Coroutine
from pathlib import Path
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from bridge.ledger import Ledger
from bridge.ledger.rows import Settled, State
from bridge.model.ids import HUB, EventKey
from tests.contract.ledger.kit import IRC, ROOM, done, draft, hex_id, say, to
from tests.doubles.clock import FakeClock
from tests.doubles.tables import lay

NAMES = st.sampled_from("abcd")
Step = tuple[str, str]
STEPS = st.tuples(st.sampled_from(["accept", "enqueue", "lease", "done", "later", "uncertain", "dead", "replay"]), NAMES)


class Model:
    """What the ledger promises, for deliveries of four events to one room."""

    def __init__(self) -> None:
        self.known: set[str] = set()
        self.lane: list[str] = []
        self.state: dict[str, State] = {}
        self.attempts: dict[str, int] = {}
        self.copied: set[str] = set()

    def put(self, name: str) -> None:
        if name not in self.state:
            self.state[name], self.attempts[name] = State.PENDING, 0
            self.lane.append(name)

    def take(self, what: str, name: str) -> None:
        state = self.state.get(name)
        if what == "accept" and name not in self.known:
            self.known.add(name)
            self.put(name)
        elif what == "enqueue":
            self.put(name)
        elif state is None or state is State.DONE:
            return
        elif what == "done":
            self.state[name] = State.DONE
            self.copied.add(name)
        elif what == "replay" and state is State.DEAD:
            self.state[name], self.attempts[name] = State.PENDING, 0
            self.lane.remove(name)
            self.lane.append(name)
        elif what != "replay" and state is not State.DEAD and what != "accept":
            states = {"lease": State.LEASED, "later": State.PENDING, "uncertain": State.UNCERTAIN, "dead": State.DEAD}
            self.state[name] = states[what]
            self.attempts[name] += what == "later"

    def undone(self) -> list[tuple[str, State, int]]:
        over = (State.DONE, State.DEAD)
        return [(name, self.state[name], self.attempts[name]) for name in self.lane if self.state[name] not in over]


def ask(ledger: Ledger, what: str, name: str) -> Coroutine[Any, Any, Any]:
    event = say(name)
    id = hex_id(event.key, ROOM)
    match what:
        case "accept":
            return ledger.accept(IRC, [event], to(ROOM))
        case "enqueue":
            return ledger.enqueue([draft(event)])
        case "lease":
            return ledger.lease([id])
        case "done":
            return ledger.settle([done(id, f"${name}")])
        case "replay":
            return ledger.replay([id])
    states = {"later": State.PENDING, "uncertain": State.UNCERTAIN, "dead": State.DEAD}
    return ledger.settle([Settled(id=id, state=states[what], reason=what)])


async def check(ledger: Ledger, model: Model) -> None:
    undone = await ledger.undone(ROOM, 0, 100)
    assert [(entry.delivery.event.id, entry.state, entry.attempts) for entry in undone] == model.undone()
    dead = {entry.delivery.event.id for entry in await ledger.dead()}
    assert dead == {name for name, state in model.state.items() if state is State.DEAD}
    for name in "abcd":
        key = EventKey(IRC, name)
        assert [copy.id for copy in await ledger.copies(key, ROOM)] == [f"${name}"] * (name in model.copied)
        assert (await ledger.root(EventKey(HUB, f"${name}"))) == (key if name in model.copied else None)
        assert (await ledger.event(key) is not None) == (name in model.known)


@settings(max_examples=settings().max_examples // 3)
@given(st.lists(st.lists(STEPS, min_size=1, max_size=8), max_size=5))
def test_the_ledger_keeps_its_word_in_any_grouping(tmp_path: Path, bursts: list[list[Step]]) -> None:
    async def run(folder: str) -> None:
        model = Model()
        url = lay(Path(folder) / "ledger.db")
        ledger = await Ledger.connect(url, clock=FakeClock())
        for burst in bursts:
            for what, name in burst:
                model.take(what, name)
            results = await asyncio.gather(*(ask(ledger, what, name) for what, name in burst), return_exceptions=True)
            assert not [result for result in results if isinstance(result, BaseException)]
            await check(ledger, model)
        await ledger.close()
        ledger = await Ledger.connect(url, clock=FakeClock())
        await check(ledger, model)
        await ledger.close()

    with tempfile.TemporaryDirectory(dir=tmp_path) as folder:
        asyncio.run(run(folder))
