"""Insert or change: one statement for both engines."""

from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from sqlalchemy import Table
from sqlalchemy.dialects.postgresql import Insert, insert


def upsert(table: Table, values: Mapping[str, Any]) -> Insert:
    """Put a row in place of whatever has its primary key. Renders alike for PostgreSQL and SQLite."""
    return _form(table, tuple(values), tuple(column.name for column in table.primary_key)).values(dict(values))


def put(table: Table, values: Mapping[str, Any], keys: list[str]) -> Insert:
    """The same, where another unique constraint says which row is meant."""
    return _form(table, tuple(values), tuple(keys)).values(dict(values))


@lru_cache(maxsize=64)
def _form(table: Table, columns: tuple[str, ...], keys: tuple[str, ...]) -> Insert:
    """Without the values: to make it takes three times as long as to run it."""
    statement = insert(table)
    changed = {name: statement.excluded[name] for name in columns if name not in keys}
    if not changed:
        return statement.on_conflict_do_nothing(index_elements=keys)
    return statement.on_conflict_do_update(index_elements=keys, set_=changed)
