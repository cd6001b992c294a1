"""Netsplits, damped: when servers part, hundreds seem to quit, and minutes later join again. Nobody left.

A departure in a split is held back; if the session returns in time, neither it nor the return is told; else it is told late.
What is held back is not on disk: if the bridge dies meanwhile, those who did not come back are shown as present.
"""

import re
from collections.abc import Sequence

from bridge.model.events import Event, Membership, Move
from bridge.model.ids import ChannelId

HOLD_SECONDS = 600.0
MAX_HELD = 20_000

_HOST = r"(?:[a-z0-9*](?:[a-z0-9-]*[a-z0-9])?\.)+[a-z0-9*]{1,63}"
_SPLIT = re.compile(rf"{_HOST} {_HOST}", re.I)


def is_split(reason: str) -> bool:
    """`hub.example.org leaf.example.org`: the classic quit message, which servers do not let people fake ("Quit: …")."""
    return _SPLIT.fullmatch(reason) is not None and len(reason) < 160


class Netsplits:
    def __init__(self) -> None:
        self._held: dict[tuple[ChannelId, str], tuple[float, Event]] = {}

    @property
    def held(self) -> int:
        return len(self._held)

    def depart(self, events: Sequence[Event], now: float) -> list[Event]:
        """Hold back the departures of a split; returns what is to be told now."""
        told = []
        for event in events:
            if len(self._held) < MAX_HELD and isinstance(event.body, Membership) and event.body.move is Move.LEAVE:
                self._held[event.channel, event.body.who.id.id] = (now, event)
            else:
                told.append(event)
        return told

    def arrive(self, events: Sequence[Event]) -> list[Event]:
        """Joins: those who only come back from a split are left out."""
        if not self._held:
            return list(events)
        return [event for event in events if not self._returns(event)]

    def due(self, now: float) -> list[Event]:
        """Departures of those who did not come back, oldest first."""
        out = []
        for key, (at, event) in list(self._held.items()):
            if now - at < HOLD_SECONDS:
                break
            del self._held[key]
            out.append(event)
        return out

    def _returns(self, event: Event) -> bool:
        body = event.body
        if not isinstance(body, Membership) or body.move is not Move.JOIN:
            return False
        return self._held.pop((event.channel, body.who.id.id), None) is not None
