"""What all rooms that are seen over one connection share: the link there is now, and the way to the ledger."""

import asyncio
from collections.abc import Callable
from typing import Protocol
from xml.etree.ElementTree import Element

from adapters.common.pipeline import Pipeline
from adapters.xmpp.config import XmppConfig
from adapters.xmpp.ids import Place
from adapters.xmpp.rooms.stamp import Stamp
from adapters.xmpp.rooms.voices import Voices
from adapters.xmpp.wire.component import NOT_CONNECTED
from bridge.contract.adapter import Cursor, Inlet
from bridge.contract.errors import Unavailable
from bridge.contract.toolbox import Toolbox
from bridge.model.events import Event
from bridge.model.ids import NetworkName


class Wire(Protocol):
    """A connection: a component's, or an account's."""

    @property
    def up(self) -> bool: ...

    def write(self, element: Element | str) -> None:
        """Raises `Unavailable`, `Rejected`."""
        ...

    def hurry(self) -> None:
        """See `wire.component.Link.hurry`."""
        ...

    def ask(self, iq: Element) -> "asyncio.Future[Element]":
        """See `wire.component.Link.ask`."""
        ...

    def fence(self) -> "asyncio.Future[None]":
        """See `wire.component.Link.fence`."""
        ...


class House:
    """`link` is None between connections. `key`: what our mark is made with; nobody else knows it."""

    def __init__(
        self, network: NetworkName, config: XmppConfig, inlet: Inlet, tools: Toolbox, voices: Voices, *, key: str
    ) -> None:
        self.network, self.config, self.inlet, self.tools = network, config, inlet, tools
        self.host = config.component or ""
        self.voices = voices
        self.stamp = Stamp(key)
        self.link: Wire | None = None
        self._pipeline: Pipeline | None = None
        self._epoch = f"{tools.random.getrandbits(48):012x}"
        self._count = 0

    def attach(self, link: Wire, pipeline: Pipeline) -> None:
        self.link, self._pipeline = link, pipeline

    def detach(self) -> None:
        self.link = None

    def write(self, element: Element) -> None:
        """Raises `Unavailable`, `Rejected`."""
        self.linked().write(element)

    def say(self, element: Element) -> None:
        """`write` what the room will show us: it leaves at once."""
        self.write(element)
        self.linked().hurry()

    def linked(self) -> Wire:
        """Raises `Unavailable` where there is none."""
        if self.link is None:
            raise Unavailable(NOT_CONNECTED)
        return self.link

    def put(self, *events: Event, then: Callable[[], None] | None = None) -> None:
        """`then` is called once they are on disk."""
        if self._pipeline is not None:
            self._pipeline.put(events, then)

    def put_cursor(self, cursor: Cursor) -> None:
        if self._pipeline is not None:
            self._pipeline.put_cursor(cursor)

    def made(self) -> str:
        """Names a stanza that has no id of its own: of this run and the stanza's place in it."""
        self._count += 1
        return f"{self._epoch}.{self._count}"

    def look_again(self, place: Place) -> None:
        """What is known of a channel is out of date."""
        self.inlet.look_again(place.channel(self.network))

    def odd(self, kind: str) -> None:
        self.tools.metrics.count("xmpp_odd_stanzas", kind=kind)
