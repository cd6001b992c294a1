"""How contacts call what they said lately: a read mark (XEP-0333) needs their name for it, and our archive has another."""

from collections import OrderedDict
from collections.abc import Iterable

from adapters.xmpp.ids import sent_in
from adapters.xmpp.stanza.said import Said
from bridge.model.events import Event

_MOST = 1000


class Marks:
    def __init__(self) -> None:
        self._called: OrderedDict[str, str] = OrderedDict()

    def note(self, said: Said, events: Iterable[Event]) -> None:
        """A contact said something, and wants to know when it has been read."""
        if not said.markable or said.id is None:
            return
        for event in events:
            self._called[event.key.id] = said.id
            if len(self._called) > _MOST:
                self._called.popitem(last=False)

    def called(self, native: str) -> str | None:
        """By their own name; None where they don't want to know, or it was long ago."""
        name = self._called.get(native)
        if name is None:
            sent = sent_in(native)
            return sent if sent is not None and sent in self._called.values() else None
        return name
