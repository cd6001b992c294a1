"""What all rooms of one network share: the link there is now, and the way to the ledger."""

from collections.abc import Callable
from xml.etree.ElementTree import Element

from adapters.common.pipeline import Pipeline
from adapters.xmpp.config import XmppConfig
from adapters.xmpp.ids import puppet_jid
from adapters.xmpp.rooms.stamp import Stamp
from adapters.xmpp.wire.component import NOT_CONNECTED, Link
from bridge.contract.adapter import Cursor, Inlet
from bridge.contract.errors import Unavailable
from bridge.contract.toolbox import Toolbox
from bridge.model.events import Event
from bridge.model.ids import IdentityId, NetworkName

LISTENER = "bridge"
"""The node of who listens in every room for all of us. No author's has it: theirs all have an escape in them."""
RESOURCE = "unabridged"
"""Of every address of ours that is in rooms."""


class House:
    """`link` is None between connections."""

    def __init__(self, network: NetworkName, config: XmppConfig, inlet: Inlet, tools: Toolbox) -> None:
        self.network, self.config, self.inlet, self.tools = network, config, inlet, tools
        self.host = config.component or ""
        self.me = f"{LISTENER}@{self.host}/{RESOURCE}"
        self.stamp = Stamp(config.secret or "")
        self.link: Link | None = None
        self._pipeline: Pipeline | None = None
        self._epoch = f"{tools.random.getrandbits(48):012x}"
        self._count = 0

    def attach(self, link: Link, pipeline: Pipeline) -> None:
        self.link, self._pipeline = link, pipeline

    def detach(self) -> None:
        self.link = None

    def write(self, element: Element) -> None:
        """Raises `Unavailable`, `Rejected`."""
        self.linked().write(element)

    def linked(self) -> Link:
        """Raises `Unavailable` where there is none."""
        if self.link is None:
            raise Unavailable(NOT_CONNECTED)
        return self.link

    def jid_of(self, who: IdentityId) -> str:
        """The full address under which somebody speaks in rooms."""
        return f"{puppet_jid(who, self.host)}/{RESOURCE}"

    def is_ours(self, who: IdentityId) -> bool:
        """Whether it is somebody of another network, who is in rooms through us."""
        return who.network != self.network

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

    def odd(self, kind: str) -> None:
        self.tools.metrics.count("xmpp_odd_stanzas", kind=kind)
