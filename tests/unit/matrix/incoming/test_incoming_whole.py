"""The incoming way as one piece: homeserver double, HTTP, receiver and a real ledger on disk."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import msgspec

from bridge.contract.adapter import Cursor
from bridge.contract.plan import Lookup, Planned
from bridge.ledger.ledger import Ledger
from bridge.ledger.rows import Accepted, Chore
from bridge.matrix.reactions import ReactionBook
from bridge.matrix.receiver import COMMAND, UNREADABLE, Receiver
from bridge.matrix.server import AppserviceApi, Listener, application
from bridge.model.events import Event, Message, Reactions
from bridge.model.ids import HUB, EventKey, NetworkName
from bridge.model.portals import Portal
from tests.doubles.clock import FakeClock
from tests.doubles.homeserver import FakeHomeserver
from tests.doubles.tables import lay
from tests.unit.matrix.incoming.surroundings import ALICE, World
from tests.unit.matrix.incoming.test_server import Lookups, Questions


class Bridge:
    """The incoming half over a ledger; `fresh` has every event that the ledger took as new, in order."""

    def __init__(self, ledger: Ledger) -> None:
        self.ledger = ledger
        self.room = ""
        self.fresh: list[Event] = []
        self.chores: list[Chore] = []
        self.world = World()
        around = msgspec.structs.replace(self.world.around, portal_in=self.portal_in)
        self.receiver = Receiver(
            around,
            self,
            ReactionBook(ledger),
            prove=lambda delivery, receipt: None,
            signal=lambda signal: None,
            clock=FakeClock(),
            metrics=self.world.metrics,
        )

    def portal_in(self, room: str) -> Portal | None:
        return Portal(id=1, room=room) if room == self.room else None

    async def accept(
        self, network: NetworkName, events: Sequence[Event], cursor: Cursor | None = None, chores: Sequence[Chore] = ()
    ) -> Accepted:
        accepted = await self.ledger.accept(network, events, self.plan, cursor=cursor, chores=chores)
        fresh = set(accepted.fresh)
        self.fresh += [event for event in events if event.key in fresh]
        self.chores += accepted.chores
        return accepted

    async def cursor(self, network: NetworkName, scope: str) -> Cursor | None:
        return await self.ledger.cursor(network, scope)

    @staticmethod
    def plan(event: Event, lookup: Lookup) -> Planned:
        return Planned(dropped="nobody listens")

    def said(self) -> list[str]:
        return [event.body.text.plain for event in self.fresh if isinstance(event.body, Message)]


@asynccontextmanager
async def running(folder: Path) -> AsyncIterator[tuple[Bridge, FakeHomeserver]]:
    ledger = await Ledger.connect(lay(folder / "unabridged.db"), clock=FakeClock())
    bridge = Bridge(ledger)
    api = AppserviceApi("hs-token", bridge.receiver.take, Questions(), Lookups())
    listener = Listener(application(api.routes()), "127.0.0.1:0")
    await listener.start()
    try:
        async with FakeHomeserver(appservice_url=f"http://{listener.address}") as hs:
            bridge.room = hs.make_room(ALICE)
            hs.join(hs.bot, bridge.room)
            yield bridge, hs
    finally:
        await listener.stop()
        await ledger.close()


async def test_lost_answers_and_events_sent_again_double_nothing(tmp_path: Path) -> None:
    async with running(tmp_path) as (bridge, hs):
        hs.push.answers_to_lose = 3
        for number in range(150):
            hs.say(ALICE, bridge.room, str(number))
        await hs.push.settled()
        hs.resend(*hs.messages(bridge.room))
        hs.say(ALICE, bridge.room, "last")
        await hs.push.settled()
        assert bridge.said() == [*map(str, range(150)), "last"]
        assert len(hs.push.attempts) >= 3


async def test_what_was_answered_is_there_after_a_restart_and_is_not_taken_twice(tmp_path: Path) -> None:
    async with running(tmp_path) as (bridge, hs):
        event_id = hs.say(ALICE, bridge.room, "before")
        await hs.push.settled()
        again: dict[str, Any] = hs.messages(bridge.room)[0]
    async with running(tmp_path) as (bridge, hs):
        stored = await bridge.ledger.event(EventKey(HUB, event_id))
        assert stored is not None and isinstance(stored.body, Message)
        bridge.room = again["room_id"]
        hs.resend(again)
        await hs.push.settled()
        assert bridge.fresh == []
        assert (await bridge.ledger.cursor(HUB, "transaction")) is not None


async def test_business_and_poison_are_on_disk_beside_their_neighbours(tmp_path: Path) -> None:
    async with running(tmp_path) as (bridge, hs):
        hs.say(ALICE, bridge.room, "!help")
        hs.say(ALICE, bridge.room, {"msgtype": "m.text", "body": ["no text"]})
        hs.say(ALICE, bridge.room, "hello")
        await hs.push.settled()
        assert bridge.said() == ["hello"]
        due = await bridge.ledger.due_chores(100)
        assert {COMMAND, UNREADABLE} <= {chore.kind for chore in due}


async def test_reactions_and_their_redaction_are_whole_sets_through_the_ledger(tmp_path: Path) -> None:
    async with running(tmp_path) as (bridge, hs):
        target = hs.say(ALICE, bridge.room, "hello")
        ids = []
        for key in ("👍", "🎉"):
            relation = {"rel_type": "m.annotation", "event_id": target, "key": key}
            ids.append(hs.say(ALICE, bridge.room, {"m.relates_to": relation}, kind="m.reaction"))
        hs.redact(ALICE, bridge.room, ids[0])
        await hs.push.settled()
        assert [event.body.keys for event in bridge.fresh if isinstance(event.body, Reactions)] == [
            ("👍",),
            ("👍", "🎉"),
            ("🎉",),
        ]
