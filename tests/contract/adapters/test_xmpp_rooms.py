"""The XMPP adapter passes the suite in a room through the component, on the small server over real sockets."""

from collections.abc import AsyncIterator, Collection, Sequence

import pytest

from adapters.common import pipeline
from adapters.xmpp.adapter import Xmpp
from adapters.xmpp.config import XmppConfig
from bridge.contract.adapter import Adapter, Inlet
from bridge.contract.errors import DeliveryError, Rejected, Unavailable, Uncertain
from bridge.contract.toolbox import Toolbox
from bridge.model.ids import ChannelId, NetworkName
from bridge.testing import AdapterContract, Rig
from tests.doubles.component_server import HOST, SECRET, ComponentServer
from tests.doubles.muc_room import named


class RoomRig:
    network = NetworkName("jabber")
    channel = ChannelId(network, "lobby@muc.example.org")
    people: Sequence[str] = ("bob", "Bob", "bob (2)", "b/ob", "bob@muc.example.org", "<b>&'\"", "Иван", "😀", "a#b", "%2f")

    def __init__(self, server: ComponentServer, *, keeps: bool) -> None:
        self.server = server
        self.room = server.room(self.channel.id)
        self.room.keeps = keeps
        self.outcomes: Collection[type[DeliveryError]] = (Rejected, Unavailable, Uncertain) if keeps else (Rejected, Unavailable)
        for nick in self.people:
            self.room.enter(nick)

    def build(self, inlet: Inlet, tools: Toolbox) -> Adapter:
        config = XmppConfig(component=HOST, secret=SECRET, server=f"127.0.0.1:{self.server.port}")
        return Xmpp(self.network, config, inlet, tools)

    async def say(self, who: str, text: str) -> None:
        self.room.say(who, text)

    async def again(self) -> bool:
        return False

    def heard(self) -> Sequence[str]:
        said = [(named(stanza, "body"), stanza.get("from", "")) for _, _, stanza in self.room.archive]
        return [body.text or "" for body, sender in said if body is not None and sender.endswith("/alice")]

    def acked(self) -> int | None:
        return None

    async def cut(self) -> None:
        self.server.cut()

    async def provoke(self, outcome: type[DeliveryError]) -> None:
        if outcome is Uncertain:  # taken and shown to people, but nothing comes back, and then the connection is gone
            self.room.swallowing = True
            self.room.on_message = self._cut_once
        else:
            self.room.refusing.append("forbidden" if outcome is Rejected else "resource-constraint")

    def _cut_once(self) -> None:
        self.room.on_message, self.room.swallowing = (lambda: None), False
        self.server.cut()

    def connections(self) -> int:
        return len(self.server.connections)


class TestRooms(AdapterContract):
    @pytest.fixture(params=[True, False], ids=["archive", "no archive"])
    async def rig(self, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Rig]:
        monkeypatch.setattr(pipeline, "LAST_SECONDS", 0.1)  # a ledger that is shut stays shut
        server = await ComponentServer.start()
        try:
            yield RoomRig(server, keeps=request.param)
        finally:
            await server.stop()
