"""Proof that a line of ours arrived: the best the connection offers, tied to the very delivery.

The ladder, by what is on:

- *labeled-response with echo-message*: our label comes back on our own line, or on the error. Certain, whatever the order.
- *echo-message alone*: our own lines come back in the order of the stream. An echo with the very text settles that line, and by
  its place in the stream proves that whatever was written before it to the same target has been dealt with.
- *neither*: a PING behind the lines; its PONG proves that the server has read all before it (a fence). One fence at a time stands
  for all lines written before it: what is written meanwhile waits for the next, which leaves at once when the first is answered.
  So a single line costs one round trip, and a stream of lines one PING for each round trip, not for each line.

An error without a label belongs to the oldest unproven line for its target, since servers answer in order. Where some of several
lines in flight are refused for their content, without labels and echoes, that may blame a neighbour; the count is right.

A fence also stands in where an echo or a label fails to come (a server may drop a line without a word): see `overdue`.
"""

import asyncio
from collections import deque
from collections.abc import Callable

from bridge.contract.delivery import Receipt
from bridge.contract.errors import DeliveryError, Uncertain
from bridge.contract.features import Evidence

ECHOED_COMMANDS = frozenset({"PRIVMSG", "NOTICE", "TAGMSG", "REDACT", "RELAYMSG"})
"""What echo-message brings back."""


class Written:
    """One line on its way. `future` is None for lines of our own that nobody waits for."""

    __slots__ = ("at", "command", "done", "fenced", "future", "label", "relayed", "sequence", "target", "text")

    def __init__(
        self,
        label: str,
        command: str,
        target: str,
        text: str,
        future: "asyncio.Future[Receipt] | None",
        at: float,
        *,
        fenced: bool,
    ) -> None:
        self.label = label
        self.target = target
        self.text = text
        self.future = future
        self.at = at
        self.fenced = fenced
        """It waits for a fence, since nothing else will prove it."""
        self.relayed = command == "RELAYMSG"
        """Written under another's name; it comes back as a PRIVMSG."""
        self.command = "PRIVMSG" if self.relayed else command
        self.sequence = 0
        self.done = False


class Proofs:
    """Of one connection. `late` is told of proof that nobody waits for any more."""

    def __init__(self, late: Callable[[str, Receipt], None], monotonic: Callable[[], float], token: str) -> None:
        """`token` makes our fences tell-tale: a PONG for another PING is none of ours."""
        self._late = late
        self._monotonic = monotonic
        self._token = token
        self.echoes = False
        self._order: deque[Written] = deque()
        self._labelled: dict[str, Written] = {}
        self._targets: dict[str, deque[Written]] = {}
        self._sequence = 0
        self._fence: int | None = None
        self._fence_at = 0.0
        self._unfenced = 0

    @property
    def unfenced(self) -> int:
        """Lines that need a fence and are behind the last one."""
        return self._unfenced

    @property
    def fence_age(self) -> float | None:
        """Seconds since the fence that is out, None where none is."""
        return None if self._fence is None else self._monotonic() - self._fence_at

    def write(
        self, label: str, command: str, target: str, text: str, future: "asyncio.Future[Receipt] | None", *, labelled: bool
    ) -> Written:
        """Note a line that is being written. `target` is folded; `label` is the delivery's id or one of ours.

        `labelled`: the line carries the label. `future` gets the receipt or the error.
        """
        by_echo = self.echoes and command in ECHOED_COMMANDS
        entry = Written(label, command, target, text, future, self._monotonic(), fenced=not (labelled or by_echo))
        self._sequence += 1
        entry.sequence = self._sequence
        if labelled:
            self._labelled[label] = entry
        if entry.fenced:
            self._unfenced += 1
        self._tidy()
        self._order.append(entry)
        self._targets.setdefault(target, deque()).append(entry)
        return entry

    # fences

    def fence(self) -> str | None:
        """The token of a PING to write now; None while a fence is out. It stands for all that was written so far."""
        if self._fence is not None:
            return None
        self._fence, self._fence_at = self._sequence, self._monotonic()
        self._unfenced = 0
        return f"{self._token}{self._sequence}"

    def overdue(self, seconds: float) -> bool:
        """Some line is unproven for longer than that, and no fence is out that could tell."""
        self._tidy()
        return self._fence is None and bool(self._order) and self._monotonic() - self._order[0].at > seconds

    def ponged(self, token: str) -> bool:
        """A PONG came. True if it is the fence's: all before it that nothing better has proved is FENCED."""
        if self._fence is None or token != f"{self._token}{self._fence}":
            return False
        receipt = Receipt(evidence=Evidence.FENCED)
        while self._order and self._order[0].sequence <= self._fence:
            self._settle(self._order.popleft(), receipt)
        self._fence = None
        return True

    # answers

    def labelled(self, label: str) -> Written | None:
        """Whose label this is, if it is unproven."""
        entry = self._labelled.get(label)
        return None if entry is None or entry.done else entry

    def oldest(self, target: str) -> Written | None:
        """The oldest unproven line to a folded target."""
        return next((entry for entry in self._targets.get(target, ()) if not entry.done), None)

    def first(self, command: str | None) -> Written | None:
        """The oldest unproven line with this command; with None, of any."""
        for entry in self._order:
            if not entry.done and command in (None, entry.command):
                return entry
        return None

    def echo(self, label: str | None, command: str, target: str, text: str, receipt: Receipt) -> bool:
        """An own line came back: is it one of ours? Settles it, or passes late proof on. False: somebody else speaks as us."""
        entry = self.labelled(label) if label else None
        if entry is None:
            if label and label in self._labelled:
                return True
            entry = self._by_echo(command, target, text)
        if entry is None:
            return False
        self._settle(entry, receipt)
        return True

    def _by_echo(self, command: str, target: str, text: str) -> Written | None:
        same = [entry for entry in self._targets.get(target, ()) if not entry.done and entry.command == command]
        if not same:
            return None
        match = next((entry for entry in same if entry.text == text), same[0])
        fenced = Receipt(evidence=Evidence.FENCED)
        for entry in same:
            if entry is match:
                break
            self._settle(entry, fenced)
        return match

    def refuse(self, entry: Written, error: DeliveryError) -> None:
        if entry.done:
            return
        self._finish(entry)
        if entry.future is not None and not entry.future.done():
            entry.future.set_exception(error)

    def settle(self, entry: Written, receipt: Receipt) -> None:
        self._settle(entry, receipt)

    def lose(self, reason: str) -> None:
        """The connection is gone: nobody can know what became of the unproven lines."""
        for entry in self._order:
            self.refuse(entry, Uncertain(reason))
        self._order.clear()
        self._labelled.clear()
        self._targets.clear()
        self._fence = None

    def _settle(self, entry: Written, receipt: Receipt) -> None:
        if entry.done:
            return
        self._finish(entry)
        if entry.future is None:
            return
        if entry.future.done():
            self._late(entry.label, receipt)
        else:
            entry.future.set_result(receipt)

    def _finish(self, entry: Written) -> None:
        entry.done = True
        if self._labelled:
            self._labelled.pop(entry.label, None)
        if entry.fenced and (self._fence is None or entry.sequence > self._fence) and self._unfenced:
            self._unfenced -= 1
        queue = self._targets[entry.target]
        while queue and queue[0].done:
            queue.popleft()
        if not queue:
            del self._targets[entry.target]

    def _tidy(self) -> None:
        while self._order and self._order[0].done:
            self._order.popleft()
