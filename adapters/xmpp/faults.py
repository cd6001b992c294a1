"""Where a bug of ours stops: one room, part or request ends by it, and its neighbours go on."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from bridge.contract.toolbox import Toolbox
from bridge.model.ids import NetworkName

BUG = "an internal error; it has been reported"
"""What people are told of it; the log has the rest."""

CRASH_SECONDS = 30.0
"""Before what a bug has ended begins anew."""


@contextmanager
def contained(
    tools: Toolbox,
    network: NetworkName,
    where: str,
    fell: Callable[[], None] = lambda: None,
    *,
    passing: tuple[type[Exception], ...] = (),
) -> Iterator[None]:
    """Whatever is raised within, but for `passing`, is logged, counted, told by `fell`, and goes no further."""
    try:
        yield
    except passing:
        raise
    except Exception:
        tools.log.exception("a bug of ours, in %s", where)
        tools.metrics.count("adapter_crashes", network=network)
        fell()
