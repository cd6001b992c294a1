"""What the chaos plays share: how hard they strike, and the table of what came of it."""

import random
from collections.abc import Callable, Iterator

import pytest
from msgspec import Struct

from tests.chaos.tally import Verdict

_ROWS = pytest.StashKey[list[str]]()
FULL = 10
"""From so many kills each way on, everything is as long as the promise says; below, it is the short form of `make test`."""


DEFAULT = 2
"""Kills each way, where nobody asked for a number."""


class Force(Struct, frozen=True):
    """How hard to strike. `chance` is new for each run, and its seed is reported."""

    kills: int
    full: bool
    chance: random.Random
    seed: int

    @property
    def lines(self) -> int:
        return 500 if self.full else 150


@pytest.fixture
def force(request: pytest.FixtureRequest) -> Force:
    kills = int(request.config.getoption("--kills"))
    seed = int(request.config.getoption("--chaos-seed") or random.SystemRandom().randrange(10**6))
    return Force(kills=kills, full=kills >= FULL, chance=random.Random(seed), seed=seed)


@pytest.fixture
def kills(force: Force) -> int:
    """For what is no part of `make test`: asked for by `--kills` above its default."""
    if force.kills <= DEFAULT:
        pytest.skip("part of `make chaos`")
    return force.kills


@pytest.fixture
def note(request: pytest.FixtureRequest, force: Force) -> Iterator[Callable[[str, Verdict], None]]:
    """Notes what came of one stream; the sums are shown when all is over."""
    sums: dict[str, list[Verdict]] = {}
    yield lambda blow, verdict: sums.setdefault(blow, []).append(verdict)
    rows = request.config.stash.setdefault(_ROWS, [])
    for blow, verdicts in sums.items():
        cells = (
            request.node.name.removeprefix("test_").replace("_", " "),
            blow,
            len(verdicts),
            sum(one.sent for one in verdicts),
            sum(one.lost for one in verdicts),
            sum(bool(one.out_of_place) for one in verdicts),
            sum(one.unmarked for one in verdicts),
            sum(one.repeats for one in verdicts),
            force.seed,
        )
        rows.append(f"| {' | '.join(map(str, cells))} |")


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    if rows := config.stash.get(_ROWS, []):
        terminalreporter.section("chaos")
        terminalreporter.write_line(
            "| play | blow | times | lines | lost | disordered | doubled unmarked | marked repeats | seed |"
        )
        terminalreporter.write_line("|---|---|---|---|---|---|---|---|---|")
        for row in rows:
            terminalreporter.write_line(row)
