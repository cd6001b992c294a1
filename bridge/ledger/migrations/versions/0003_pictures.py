"""how large pictures are, as clients want to know before they load one"""

from alembic import op
from sqlalchemy import Column, Integer

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    op.add_column("media", Column("width", Integer()))
    op.add_column("media", Column("height", Integer()))
