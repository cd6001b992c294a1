"""Insert or change: one statement for both engines."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Table
from sqlalchemy.dialects.postgresql import Insert, insert


def upsert(table: Table, values: Mapping[str, Any]) -> Insert:
    """Put a row in place of whatever has its primary key. Renders alike for PostgreSQL and SQLite."""
    keys = [column.name for column in table.primary_key]
    return put(table, values, keys)


def put(table: Table, values: Mapping[str, Any], keys: list[str]) -> Insert:
    """The same, where another unique constraint says which row is meant."""
    statement = insert(table).values(dict(values))
    changed = {name: statement.excluded[name] for name in values if name not in keys}
    if not changed:
        return statement.on_conflict_do_nothing(index_elements=keys)
    return statement.on_conflict_do_update(index_elements=keys, set_=changed)
