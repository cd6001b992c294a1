"""A ledger of an older version, with everything in it, is brought up to date and still says the same."""

import msgspec
import pytest
from alembic import command
from alembic.config import Config
from sqlalchemy import NullPool, create_engine, make_url

from bridge.ledger import Ledger
from bridge.ledger.columns import micros
from bridge.ledger.rows import State, Uploaded
from bridge.ledger.upgrade import MIGRATIONS
from bridge.model.codec import encode_event
from bridge.model.ids import EventKey, IdentityId
from bridge.model.people import Identity, Profile
from bridge.model.portals import Direction, Portal, PortalKind, Source, TimelineOptions
from tests.contract.ledger.conftest import Connect
from tests.contract.ledger.kit import ALICE, IRC, LOBBY, ROOM, THEN, draft, say

OLD = draft(say("waits", "still to be said"))


def first_version(url: str) -> None:
    """The tables as version 0001 made them, with rows as it wrote them."""
    parsed = make_url(url)
    driver = "sqlite+pysqlite" if parsed.drivername == "sqlite" else "postgresql+psycopg"
    engine = create_engine(parsed.set(drivername=driver), poolclass=NullPool)
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    with engine.begin() as connection:
        config.attributes |= {"connection": connection, "progress": lambda line: None}
        command.upgrade(config, "0001")
        mark = "?" if parsed.drivername == "sqlite" else "%s"

        def put(table: str, row: tuple[object, ...]) -> None:
            connection.exec_driver_sql(f"INSERT INTO {table} VALUES ({', '.join([mark] * len(row))})", row)

        at = micros(THEN)
        for number, event in enumerate((say("said"), say("waits", "still to be said")), 1):
            put("events", (IRC, event.key.id, IRC, LOBBY.id, encode_event(event), at, False, None))
            put("copies", (number, IRC, LOBBY.id, event.key.id, IRC, event.key.id, 0, None, None, None, None, at))
        stored, id = msgspec.msgpack.encode(OLD.delivery), OLD.delivery.id
        put("deliveries", (7, id, *ROOM_ROW, IRC, "waits", 0, stored, 0, 0, None, None, None, None, None, None, at))
        put("copies", (3, *ROOM_ROW, "$said", IRC, "said", 0, "0" * 32, None, None, 4, at))
        put("portals", (3, ROOM.id, "#a:x", "timeline", "network", "lazy", msgspec.msgpack.encode(("social@me",))))
        put("links", (5, 3, IRC, LOBBY.id, "both", True, "file"))
        put("identities", (IRC, "alice", "Alice", None, False))
        put("cursors", (IRC, "#lobby", "17"))
        put("media", ("http://x/1.png", "mxc://x/1", "ab" * 32, 17, at))
    engine.dispose()


ROOM_ROW = (ROOM.network, ROOM.id)


async def test_a_ledger_of_the_first_version_keeps_everything(nothing: str, connect: Connect) -> None:
    first_version(nothing)
    steps: list[str] = []
    ledger: Ledger = await connect(nothing, progress=steps.append)
    assert steps[0] == "upgrading the ledger from 0001 to 0003"
    assert await ledger.portals() == [
        Portal(
            id=3,
            room=ROOM.id,
            alias="#a:x",
            kind=PortalKind.TIMELINE,
            post_to=("social@me",),
            timeline=TimelineOptions(),
        )
    ]
    (link,) = await ledger.links()
    assert (link.portal, link.channel, link.direction, link.source) == (3, LOBBY, Direction.BOTH, Source.FILE)
    assert await ledger.identity(ALICE.id) == Identity(id=IdentityId(IRC, "alice"), profile=Profile(name="Alice"))
    assert await ledger.event(EventKey(IRC, "said")) == say("said")
    assert await ledger.root(EventKey(ROOM.network, "$said")) == EventKey(IRC, "said")
    (entry,) = await ledger.undone(ROOM, 0, 10)
    assert (entry.seq, entry.delivery, entry.state, entry.due_at) == (7, OLD.delivery, State.PENDING, None)
    assert await ledger.media("http://x/1.png") == Uploaded(mxc="mxc://x/1", size=17)
    cursor = await ledger.cursor(IRC, "#lobby")
    assert cursor is not None and cursor.value == "17"


async def test_an_upgraded_ledger_takes_the_new_settings(nothing: str, connect: Connect) -> None:
    first_version(nothing)
    ledger: Ledger = await connect(nothing)
    (portal,) = await ledger.portals()
    changed = msgspec.structs.replace(portal, timeline=TimelineOptions(boost_hours=2, local="++"))
    await ledger.change_portal(changed)
    await ledger.close()
    ledger = await connect(nothing)
    assert await ledger.portals() == [changed]


@pytest.mark.parametrize("url_of_alice", ["https://social.example/alice", None])
async def test_a_profile_keeps_its_page(ledger: Ledger, connect: Connect, url_of_alice: str | None) -> None:
    alice = Identity(id=ALICE.id, profile=Profile(name="Alice", url=url_of_alice))
    await ledger.save_identity(alice)
    await ledger.close()
    ledger = await connect()
    assert await ledger.identity(ALICE.id) == alice
