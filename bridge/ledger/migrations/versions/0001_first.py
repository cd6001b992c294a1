"""the first tables: inbox, outbox, copies, rooms and people"""

from alembic import op
from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    ForeignKeyConstraint,
    Integer,
    LargeBinary,
    PrimaryKeyConstraint,
    SmallInteger,
    Text,
    UniqueConstraint,
    text,
)

revision = "0001"
down_revision = None

SERIAL = BigInteger().with_variant(Integer(), "sqlite")


def _inbox() -> None:
    op.create_table(
        "events",
        Column("network", Text(), nullable=False),
        Column("id", Text(), nullable=False),
        Column("channel_network", Text(), nullable=False),
        Column("channel", Text(), nullable=False),
        Column("stored", LargeBinary(), nullable=False),
        Column("accepted_at", BigInteger(), nullable=False),
        Column("quarantined", Boolean(), nullable=False),
        Column("note", Text()),
        PrimaryKeyConstraint("network", "id", name="pk_events"),
    )
    op.create_index("ix_events_accepted_at", "events", ["accepted_at"])
    op.create_index(
        "ix_events_quarantined", "events", ["accepted_at"], sqlite_where=text("quarantined"), postgresql_where=text("quarantined")
    )
    op.create_table(
        "sightings",
        Column("event_network", Text(), nullable=False),
        Column("event_id", Text(), nullable=False),
        Column("network", Text(), nullable=False),
        Column("channel", Text(), nullable=False),
        Column("at", BigInteger(), nullable=False),
        PrimaryKeyConstraint("event_network", "event_id", "network", "channel", name="pk_sightings"),
    )
    op.create_index("ix_sightings_at", "sightings", ["at"])
    op.create_table(
        "cursors",
        Column("network", Text(), nullable=False),
        Column("scope", Text(), nullable=False),
        Column("value", Text(), nullable=False),
        PrimaryKeyConstraint("network", "scope", name="pk_cursors"),
    )


def _copies() -> None:
    op.create_table(
        "copies",
        Column("seq", SERIAL, autoincrement=False, nullable=False),
        Column("network", Text(), nullable=False),
        Column("channel", Text(), nullable=False),
        Column("native", Text(), nullable=False),
        Column("event_network", Text(), nullable=False),
        Column("event_id", Text(), nullable=False),
        Column("part", Integer(), nullable=False),
        Column("delivery", Text()),
        Column("batch", Text()),
        Column("line", Integer()),
        Column("evidence", SmallInteger()),
        Column("at", BigInteger(), nullable=False),
        PrimaryKeyConstraint("seq", name="pk_copies"),
    )
    op.create_index("ix_copies_at", "copies", ["at"])
    op.create_index("ix_copies_event", "copies", ["event_id", "event_network"])
    op.create_index("ix_copies_native", "copies", ["native", "network"])
    op.create_table(
        "batches",
        Column("id", Text(), nullable=False),
        Column("network", Text(), nullable=False),
        Column("channel", Text(), nullable=False),
        Column("deliveries", LargeBinary(), nullable=False),
        Column("bodies", LargeBinary(), nullable=False),
        Column("at", BigInteger(), nullable=False),
        PrimaryKeyConstraint("id", name="pk_batches"),
    )
    op.create_index("ix_batches_at", "batches", ["at"])


def _outbox() -> None:
    op.create_table(
        "deliveries",
        Column("seq", SERIAL, autoincrement=False, nullable=False),
        Column("id", Text(), nullable=False),
        Column("network", Text(), nullable=False),
        Column("channel", Text(), nullable=False),
        Column("event_network", Text(), nullable=False),
        Column("event_id", Text(), nullable=False),
        Column("part", Integer(), nullable=False),
        Column("stored", LargeBinary(), nullable=False),
        Column("state", SmallInteger(), nullable=False),
        Column("attempts", Integer(), nullable=False),
        Column("due_at", BigInteger()),
        Column("expires_at", BigInteger()),
        Column("waits_for", Text()),
        Column("batch", Text()),
        Column("line", Integer()),
        Column("reason", Text()),
        Column("changed_at", BigInteger(), nullable=False),
        PrimaryKeyConstraint("seq", name="pk_deliveries"),
        UniqueConstraint("id", name="uq_deliveries_id"),
    )
    op.create_index(
        "ix_deliveries_ended",
        "deliveries",
        ["state", "changed_at"],
        sqlite_where=text("state >= 3"),
        postgresql_where=text("state >= 3"),
    )
    op.create_index("ix_deliveries_event", "deliveries", ["event_id", "event_network"])
    op.create_index(
        "ix_deliveries_undone",
        "deliveries",
        ["network", "channel", "seq"],
        sqlite_where=text("state < 3"),
        postgresql_where=text("state < 3"),
    )


def _chores() -> None:
    op.create_table(
        "chores",
        Column("seq", SERIAL, autoincrement=False, nullable=False),
        Column("id", Text(), nullable=False),
        Column("kind", Text(), nullable=False),
        Column("room", Text(), nullable=False),
        Column("payload", LargeBinary(), nullable=False),
        Column("state", SmallInteger(), nullable=False),
        Column("attempts", Integer(), nullable=False),
        Column("due_at", BigInteger()),
        Column("reason", Text()),
        Column("changed_at", BigInteger(), nullable=False),
        PrimaryKeyConstraint("seq", name="pk_chores"),
        UniqueConstraint("id", name="uq_chores_id"),
    )
    op.create_index("ix_chores_changed_at", "chores", ["changed_at"])
    op.create_index("ix_chores_open", "chores", ["seq"], sqlite_where=text("state != 1"), postgresql_where=text("state != 1"))
    op.create_index(
        "ix_chores_room", "chores", ["room", "seq"], sqlite_where=text("state != 1"), postgresql_where=text("state != 1")
    )


def _rooms() -> None:
    op.create_table(
        "portals",
        Column("id", Integer(), nullable=False),
        Column("room", Text(), nullable=False),
        Column("alias", Text()),
        Column("kind", Text(), nullable=False),
        Column("order", Text(), nullable=False),
        Column("members", Text(), nullable=False),
        Column("post_to", LargeBinary(), nullable=False),
        PrimaryKeyConstraint("id", name="pk_portals"),
        UniqueConstraint("room", name="uq_portals_room"),
    )
    op.create_table(
        "links",
        Column("id", Integer(), nullable=False),
        Column("portal", Integer(), nullable=False),
        Column("network", Text(), nullable=False),
        Column("channel", Text(), nullable=False),
        Column("direction", Text(), nullable=False),
        Column("relay", Boolean(), nullable=False),
        Column("source", Text(), nullable=False),
        PrimaryKeyConstraint("id", name="pk_links"),
        ForeignKeyConstraint(["portal"], ["portals.id"], name="fk_links_portal", ondelete="CASCADE"),
        UniqueConstraint("portal", "network", "channel", name="uq_links_portal_network_channel"),
    )
    op.create_table(
        "members",
        Column("room", Text(), nullable=False),
        Column("user", Text(), nullable=False),
        Column("membership", Text(), nullable=False),
        PrimaryKeyConstraint("room", "user", name="pk_members"),
    )


def _media() -> None:
    op.create_table(
        "facts",
        Column("scope", Text(), nullable=False),
        Column("name", Text(), nullable=False),
        Column("value", Text(), nullable=False),
        PrimaryKeyConstraint("scope", "name", name="pk_facts"),
    )
    op.create_table(
        "media",
        Column("source", Text(), nullable=False),
        Column("mxc", Text(), nullable=False),
        Column("sha256", Text()),
        Column("size", SERIAL),
        Column("at", BigInteger(), nullable=False),
        PrimaryKeyConstraint("source", name="pk_media"),
    )
    op.create_index("ix_media_sha256", "media", ["sha256"])
    op.create_table(
        "revoked",
        Column("network", Text(), nullable=False),
        Column("id", Text(), nullable=False),
        Column("at", BigInteger(), nullable=False),
        PrimaryKeyConstraint("network", "id", name="pk_revoked"),
    )
    op.create_index("ix_revoked_at", "revoked", ["at"])


def _people() -> None:
    op.create_table(
        "puppets",
        Column("user", Text(), nullable=False),
        Column("network", Text(), nullable=False),
        Column("identity", Text(), nullable=False),
        Column("registered", Boolean(), nullable=False),
        Column("name", Text()),
        Column("avatar", Text()),
        Column("avatar_mxc", Text()),
        PrimaryKeyConstraint("user", name="pk_puppets"),
    )
    op.create_table(
        "identities",
        Column("network", Text(), nullable=False),
        Column("id", Text(), nullable=False),
        Column("name", Text()),
        Column("avatar", Text()),
        Column("bot", Boolean(), nullable=False),
        PrimaryKeyConstraint("network", "id", name="pk_identities"),
    )
    op.create_table(
        "persons",
        Column("network", Text(), nullable=False),
        Column("id", Text(), nullable=False),
        Column("shown_network", Text(), nullable=False),
        Column("shown_id", Text(), nullable=False),
        Column("position", Integer(), nullable=False),
        PrimaryKeyConstraint("network", "id", name="pk_persons"),
    )
    op.create_index("ix_persons_shown", "persons", ["shown_id", "shown_network"])
    op.create_table(
        "logins",
        Column("network", Text(), nullable=False),
        Column("name", Text(), nullable=False),
        Column("user", Text(), nullable=False),
        Column("identity_network", Text()),
        Column("identity", Text()),
        Column("secrets", LargeBinary(), nullable=False),
        PrimaryKeyConstraint("network", "name", name="pk_logins"),
    )
    op.create_index("ix_logins_user", "logins", ["user"])


def upgrade() -> None:
    _inbox()
    _copies()
    _outbox()
    _chores()
    _rooms()
    _media()
    _people()
