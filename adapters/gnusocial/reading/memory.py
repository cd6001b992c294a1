"""What a reader remembers of the posts it has handed in: enough to point at them, and to know what lacks its question."""

from collections import OrderedDict
from collections.abc import Iterable

from adapters.gnusocial.inbound import Known

REMEMBERED = 4_000
"""Names; a post has two."""


class Memory:
    """Bounded: what was not asked for longest is forgotten first."""

    def __init__(self, most: int = REMEMBERED) -> None:
        self._known: OrderedDict[str, Known] = OrderedDict()
        self._lost: OrderedDict[str, None] = OrderedDict()
        self._most = most

    def note(self, names: Iterable[str], known: Known) -> None:
        """A post was handed in, and goes by these names."""
        for name in names:
            self._known[name] = known
            self._known.move_to_end(name)
        while len(self._known) > self._most:
            self._known.popitem(last=False)

    def known(self, name: str) -> Known | None:
        found = self._known.get(name)
        if found is not None:
            self._known.move_to_end(name)
        return found

    def lose(self, name: str) -> None:
        """It can't be had, so nobody need ask for it again."""
        self._lost[name] = None
        while len(self._lost) > self._most:
            self._lost.popitem(last=False)

    def is_lost(self, name: str) -> bool:
        return name in self._lost
