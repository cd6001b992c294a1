"""one post once: how timelines behave, what posts are known by, what was merged, what is in which thread"""

from alembic import op
from sqlalchemy import BigInteger, Boolean, Column, LargeBinary, PrimaryKeyConstraint, SmallInteger, Text

revision = "0002"
down_revision = "0001"


def _posts() -> None:
    op.create_table(
        "marks",
        Column("value", Text(), nullable=False),
        Column("event_network", Text(), nullable=False),
        Column("event_id", Text(), nullable=False),
        Column("kind", SmallInteger(), nullable=False),
        Column("at", BigInteger(), nullable=False),
        PrimaryKeyConstraint("value", "event_network", "event_id", name="pk_marks"),
    )
    op.create_index("ix_marks_at", "marks", ["at"])
    op.create_table(
        "merged",
        Column("network", Text(), nullable=False),
        Column("id", Text(), nullable=False),
        Column("event_network", Text(), nullable=False),
        Column("event_id", Text(), nullable=False),
        Column("stored", LargeBinary(), nullable=False),
        Column("reason", Text(), nullable=False),
        Column("parted", Boolean(), nullable=False),
        Column("at", BigInteger(), nullable=False),
        PrimaryKeyConstraint("network", "id", name="pk_merged"),
    )
    op.create_index("ix_merged_at", "merged", ["at"])
    op.create_index("ix_merged_event", "merged", ["event_id", "event_network"])
    op.create_table(
        "threads",
        Column("network", Text(), nullable=False),
        Column("channel", Text(), nullable=False),
        Column("event_network", Text(), nullable=False),
        Column("event_id", Text(), nullable=False),
        Column("root_network", Text(), nullable=False),
        Column("root_id", Text(), nullable=False),
        Column("at", BigInteger(), nullable=False),
        PrimaryKeyConstraint("network", "channel", "event_network", "event_id", name="pk_threads"),
    )
    op.create_index("ix_threads_at", "threads", ["at"])


def upgrade() -> None:
    op.add_column("portals", Column("options", LargeBinary()))
    op.add_column("identities", Column("url", Text()))
    _posts()
