"""Requests (iq) over a stream and their answers."""

import asyncio
import itertools
from collections.abc import Sequence
from xml.etree.ElementTree import Element, SubElement

from adapters.xmpp.stanza import ns
from adapters.xmpp.wire.verdicts import refusal_of
from bridge.contract.errors import Unavailable
from bridge.contract.toolbox import Toolbox

ASK_SECONDS = 30.0


def refusal_to(iq: Element, condition: str) -> Element:
    """The answer to a request that nobody serves."""
    answer = Element("iq", {"type": "error", "id": iq.get("id", "")})
    if sender := iq.get("from"):
        answer.set("to", sender)
    SubElement(SubElement(answer, "error", {"type": "cancel"}), ns.qualified(ns.STANZA_ERRORS, condition))
    return answer


def ping() -> Element:
    """Asks our server whether it is there (XEP-0199)."""
    iq = Element("iq", {"type": "get"})
    SubElement(iq, ns.qualified(ns.PING, "ping"))
    return iq


class Asking:
    """`home`: who may answer what was asked of nobody in particular: our server, ourselves. `ids` are nobody else's."""

    def __init__(self, tools: Toolbox, home: Sequence[str] = ("",), *, server: str = "the server") -> None:
        self._clock = tools.clock
        self._home = frozenset(home)
        self._server = server
        token = f"{tools.random.getrandbits(48):012x}"
        self.ids = (f"u{token}-{number}" for number in itertools.count(1))
        self._asked: dict[str, _Asked] = {}

    def begin(self, iq: Element, seconds: float = ASK_SECONDS) -> "asyncio.Future[Element]":
        """Gives the request an id of ours; it is to be written next. The answer is the whole iq of type result.

        Awaited, raises `Refusal` (the answer is an error), `TimeoutError`, `Unavailable` (the connection ended).
        """
        iq.set("id", id := next(self.ids))
        answer: asyncio.Future[Element] = asyncio.get_running_loop().create_future()
        self._asked[id] = _Asked(iq.get("to", ""), self._who_may(iq), answer, self._clock.monotonic() + seconds)
        answer.add_done_callback(lambda _: self._asked.pop(id, None))
        return answer

    def _who_may(self, iq: Element) -> frozenset[str]:
        """Answer it. Whom a server asks in the name of one of its users, it may answer in that name."""
        to = iq.get("to", "")
        return self._home | {iq.get("from", "").partition("/")[0]} if to in self._home else frozenset((to,))

    def answered(self, iq: Element) -> bool:
        """An iq of type result or error came. False: nobody asked for it, or not of that sender."""
        asked = self._asked.get(iq.get("id", ""))
        if asked is None or iq.get("from", "") not in asked.by:
            return False
        if not asked.answer.done():
            if iq.get("type") == "result":
                asked.answer.set_result(iq)
            else:
                asked.answer.set_exception(refusal_of(iq))
        return True

    def tick(self) -> None:
        """About once a second: what is not answered in time."""
        now = self._clock.monotonic()
        for asked in [one for one in self._asked.values() if one.until <= now]:
            fail(asked.answer, TimeoutError(f"{asked.to or self._server} gave no answer"))

    def end(self, reason: str) -> None:
        """No answer will come any more."""
        for asked in [*self._asked.values()]:
            fail(asked.answer, Unavailable(f"the connection was lost before the answer came: {reason}"))


class _Asked:
    """A request that was written and not answered."""

    __slots__ = ("answer", "by", "to", "until")

    def __init__(self, to: str, by: frozenset[str], answer: "asyncio.Future[Element]", until: float) -> None:
        self.to, self.by, self.answer, self.until = to, by, answer, until


def fail(waiter: "asyncio.Future[None] | asyncio.Future[Element]", error: Exception) -> None:
    """Whoever waits is told; where nobody does any more, nobody is."""
    if not waiter.done():
        waiter.set_exception(error)
        waiter.exception()
