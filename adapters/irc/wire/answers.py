"""Answers to what we wrote: echoes, labels and batches, and errors tied to the line they are about."""

from typing import TYPE_CHECKING

from adapters.irc.wire import refusals
from adapters.irc.wire.line import Line
from adapters.irc.wire.proof import Written
from bridge.contract.delivery import Receipt
from bridge.contract.errors import Rejected, Unavailable
from bridge.contract.features import Evidence

if TYPE_CHECKING:
    from adapters.irc.wire.session import Session

MAX_BATCHES = 1000
NOT_THERE_SECONDS = 2.0
"""When a message may be tried again after the server said we are not in the channel."""


class Batch:
    __slots__ = ("kind", "label")

    def __init__(self, kind: str, label: str) -> None:
        self.kind, self.label = kind, label


class Answers:
    """Of one session."""

    def __init__(self, session: "Session") -> None:
        self._session = session
        self._batches: dict[str, Batch] = {}

    def batch_of(self, line: Line) -> str:
        """The kind of the batch a line is in, or an empty text."""
        if not self._batches or "batch" not in line.tags:
            return ""
        batch = self._batches.get(line.tags["batch"])
        return "" if batch is None else batch.kind

    def came_back(self, line: Line) -> bool:
        """A line of our own: settles the delivery it comes of. False: somebody else speaks as us (a bouncer's other client)."""
        session = self._session
        target = session.fold(session.isupport.strip_status(line.param(0)))
        msgid = line.tags.get("msgid")
        receipt = Receipt(evidence=Evidence.ECHOED, ids=(msgid,) if msgid else ())
        text = line.params[-1] if len(line.params) > 1 else ""
        return session.proofs.echo(self._label(line), line.command, target, text, receipt)

    def numeric(self, line: Line) -> None:
        """An answer to a JOIN, or an error about a message; FAIL is one too."""
        session = self._session
        if line.command == "437" and not session.registration.welcomed:
            session.registration.receive(line)
            return
        if session.channels.receive(line):
            return
        refusal = refusals.read(line)
        entry = None if refusal is None else self._blamed(line, refusal)
        if refusal is None or entry is None:
            return
        wish = session.channels.wish(entry.target)
        if entry.relayed and wish is not None and wish.joined:
            wish.relays = False
            session.proofs.refuse(entry, Unavailable(f"names cannot be relayed there: {refusal.words}", retry_after=0.1))
        elif refusal.not_there or (wish is not None and not wish.joined):
            session.channels.rejoin(entry.target)
            session.proofs.refuse(entry, Unavailable(refusal.words, retry_after=NOT_THERE_SECONDS))
        else:
            session.proofs.refuse(entry, Rejected(refusal.words))

    def acknowledged(self, line: Line) -> bool:
        """A labelled line that had no other answer was taken."""
        self._answered(self._label(line))
        return True

    def batch(self, line: Line) -> bool:
        reference = line.param(0)
        if reference.startswith("+") and len(self._batches) < MAX_BATCHES:
            outer = self._batches.get(line.tags.get("batch", ""))
            label = line.tags.get("label", "") or (outer.label if outer is not None else "")
            self._batches[reference[1:]] = Batch(line.param(1), label)
        elif reference.startswith("-"):
            batch = self._batches.pop(reference[1:], None)
            if batch is not None and batch.label and batch.kind == "labeled-response":
                self._answered(batch.label)
        return True

    def _label(self, line: Line) -> str:
        """Whose answer this is, directly or by its batch."""
        label = line.tags.get("label", "")
        if not label and self._batches and (batch := self._batches.get(line.tags.get("batch", ""))) is not None:
            label = batch.label
        return label

    def _blamed(self, line: Line, refusal: refusals.Refusal) -> Written | None:
        proofs = self._session.proofs
        label = self._label(line)
        if label:
            return proofs.labelled(label)
        if refusal.target is not None:
            return proofs.oldest(self._session.fold(self._session.isupport.strip_status(refusal.target)))
        return proofs.first(refusal.command)

    def _answered(self, label: str) -> None:
        """The server is done with this line, and said no more of it."""
        proofs = self._session.proofs
        entry = proofs.labelled(label)
        if entry is not None:
            proofs.settle(entry, Receipt(evidence=Evidence.FENCED))
