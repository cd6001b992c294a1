"""The tables as they are now. `migrations/versions` makes them; a test compares the two.

`copies` is the map that everything hangs on: one row for each native id under which an event is known anywhere. The
original and its aliases are rows too (`delivery` is null), so one look says whether an incoming id is new, known, or
our own message coming back. It holds keys rather than row numbers because it outlives the events.

The outbox index is partial: a finished delivery leaves it, so lanes stay quick however much is remembered.
"""

from sqlalchemy import (
    Boolean,
    Column,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    SmallInteger,
    Table,
    UniqueConstraint,
    literal_column,
    text,
)

from bridge.ledger.columns import DONE, Moment, Serial, Words

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
    }
)

events = Table(
    "events",
    metadata,
    Column("network", Words, primary_key=True),
    Column("id", Words, primary_key=True),
    Column("channel_network", Words, nullable=False),
    Column("channel", Words, nullable=False),
    Column("stored", LargeBinary, nullable=False),
    Column("accepted_at", Moment, nullable=False, index=True),
    Column("quarantined", Boolean, nullable=False),
    Column("note", Words),
)
QUARANTINED = text("quarantined")
Index("ix_events_quarantined", events.c.accepted_at, sqlite_where=QUARANTINED, postgresql_where=QUARANTINED)

copies = Table(
    "copies",
    metadata,
    Column("seq", Serial, primary_key=True, autoincrement=False),
    Column("network", Words, nullable=False),
    Column("channel", Words, nullable=False),
    Column("native", Words, nullable=False),
    Column("event_network", Words, nullable=False),
    Column("event_id", Words, nullable=False),
    Column("part", Integer, nullable=False),
    Column("delivery", Words),
    Column("batch", Words),
    Column("line", Integer),
    Column("evidence", SmallInteger),
    Column("at", Moment, nullable=False, index=True),
    Index("ix_copies_native", "native", "network"),
    Index("ix_copies_event", "event_id", "event_network"),
)

deliveries = Table(
    "deliveries",
    metadata,
    Column("seq", Serial, primary_key=True, autoincrement=False),
    Column("id", Words, nullable=False, unique=True),
    Column("network", Words, nullable=False),
    Column("channel", Words, nullable=False),
    Column("event_network", Words, nullable=False),
    Column("event_id", Words, nullable=False),
    Column("part", Integer, nullable=False),
    Column("stored", LargeBinary, nullable=False),
    Column("state", SmallInteger, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("due_at", Moment),
    Column("expires_at", Moment),
    Column("waits_for", Words),
    Column("batch", Words),
    Column("line", Integer),
    Column("reason", Words),
    Column("changed_at", Moment, nullable=False),
    Index("ix_deliveries_event", "event_id", "event_network"),
)
# Literals, here and in queries: SQLite uses a partial index only where the query says the very same.
UNDONE = deliveries.c.state < literal_column(str(DONE))
ENDED = deliveries.c.state >= literal_column(str(DONE))
Index(
    "ix_deliveries_undone",
    deliveries.c.network,
    deliveries.c.channel,
    deliveries.c.seq,
    sqlite_where=UNDONE,
    postgresql_where=UNDONE,
)
Index("ix_deliveries_ended", deliveries.c.state, deliveries.c.changed_at, sqlite_where=ENDED, postgresql_where=ENDED)

sightings = Table(
    "sightings",
    metadata,
    Column("event_network", Words, primary_key=True),
    Column("event_id", Words, primary_key=True),
    Column("network", Words, primary_key=True),
    Column("channel", Words, primary_key=True),
    Column("at", Moment, nullable=False, index=True),
)

marks = Table(
    "marks",
    metadata,
    Column("value", Words, primary_key=True),
    Column("event_network", Words, primary_key=True),
    Column("event_id", Words, primary_key=True),
    Column("kind", SmallInteger, nullable=False),
    Column("at", Moment, nullable=False, index=True),
)

merged = Table(
    "merged",
    metadata,
    Column("network", Words, primary_key=True),
    Column("id", Words, primary_key=True),
    Column("event_network", Words, nullable=False),
    Column("event_id", Words, nullable=False),
    Column("stored", LargeBinary, nullable=False),
    Column("reason", Words, nullable=False),
    Column("parted", Boolean, nullable=False),
    Column("at", Moment, nullable=False, index=True),
    Index("ix_merged_event", "event_id", "event_network"),
)

threads = Table(
    "threads",
    metadata,
    Column("network", Words, primary_key=True),
    Column("channel", Words, primary_key=True),
    Column("event_network", Words, primary_key=True),
    Column("event_id", Words, primary_key=True),
    Column("root_network", Words, nullable=False),
    Column("root_id", Words, nullable=False),
    Column("at", Moment, nullable=False, index=True),
)

batches = Table(
    "batches",
    metadata,
    Column("id", Words, primary_key=True),
    Column("network", Words, nullable=False),
    Column("channel", Words, nullable=False),
    Column("deliveries", LargeBinary, nullable=False),
    Column("bodies", LargeBinary, nullable=False),
    Column("at", Moment, nullable=False, index=True),
)

cursors = Table(
    "cursors",
    metadata,
    Column("network", Words, primary_key=True),
    Column("scope", Words, primary_key=True),
    Column("value", Words, nullable=False),
)

chores = Table(
    "chores",
    metadata,
    Column("seq", Serial, primary_key=True, autoincrement=False),
    Column("id", Words, nullable=False, unique=True),
    Column("kind", Words, nullable=False),
    Column("room", Words, nullable=False),
    Column("payload", LargeBinary, nullable=False),
    Column("state", SmallInteger, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("due_at", Moment),
    Column("reason", Words),
    Column("changed_at", Moment, nullable=False, index=True),
)
CHORE_DUE, CHORE_DONE, CHORE_QUARANTINED = range(3)
OPEN = chores.c.state != literal_column(str(CHORE_DONE))
Index("ix_chores_open", chores.c.seq, sqlite_where=OPEN, postgresql_where=OPEN)
Index("ix_chores_room", chores.c.room, chores.c.seq, sqlite_where=OPEN, postgresql_where=OPEN)

portals = Table(
    "portals",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("room", Words, nullable=False, unique=True),
    Column("alias", Words),
    Column("kind", Words, nullable=False),
    Column("order", Words, nullable=False),
    Column("members", Words, nullable=False),
    Column("post_to", LargeBinary, nullable=False),
    Column("options", LargeBinary),
)

links = Table(
    "links",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("portal", Integer, ForeignKey("portals.id", ondelete="CASCADE"), nullable=False),
    Column("network", Words, nullable=False),
    Column("channel", Words, nullable=False),
    Column("direction", Words, nullable=False),
    Column("relay", Boolean, nullable=False),
    Column("source", Words, nullable=False),
    UniqueConstraint("portal", "network", "channel"),
)

puppets = Table(
    "puppets",
    metadata,
    Column("user", Words, primary_key=True),
    Column("network", Words, nullable=False),
    Column("identity", Words, nullable=False),
    Column("registered", Boolean, nullable=False),
    Column("name", Words),
    Column("avatar", Words),
    Column("avatar_mxc", Words),
)

members = Table(
    "members",
    metadata,
    Column("room", Words, primary_key=True),
    Column("user", Words, primary_key=True),
    Column("membership", Words, nullable=False),
)

identities = Table(
    "identities",
    metadata,
    Column("network", Words, primary_key=True),
    Column("id", Words, primary_key=True),
    Column("name", Words),
    Column("avatar", Words),
    Column("bot", Boolean, nullable=False),
    Column("url", Words),
)

persons = Table(
    "persons",
    metadata,
    Column("network", Words, primary_key=True),
    Column("id", Words, primary_key=True),
    Column("shown_network", Words, nullable=False),
    Column("shown_id", Words, nullable=False),
    Column("position", Integer, nullable=False),
    Index("ix_persons_shown", "shown_id", "shown_network"),
)

logins = Table(
    "logins",
    metadata,
    Column("network", Words, primary_key=True),
    Column("name", Words, primary_key=True),
    Column("user", Words, nullable=False, index=True),
    Column("identity_network", Words),
    Column("identity", Words),
    Column("secrets", LargeBinary, nullable=False),
)

media = Table(
    "media",
    metadata,
    Column("source", Words, primary_key=True),
    Column("mxc", Words, nullable=False),
    Column("sha256", Words, index=True),
    Column("size", Serial),
    Column("at", Moment, nullable=False),
    Column("width", Integer),
    Column("height", Integer),
)

revoked = Table(
    "revoked",
    metadata,
    Column("network", Words, primary_key=True),
    Column("id", Words, primary_key=True),
    Column("at", Moment, nullable=False, index=True),
)

facts = Table(
    "facts",
    metadata,
    Column("scope", Words, primary_key=True),
    Column("name", Words, primary_key=True),
    Column("value", Words, nullable=False),
)
