"""Many rows in one statement, and one look for many keys.

Why not `executemany`: the SQLite driver gives up the GIL for every row, and a busy event loop takes up to a switch
interval (5 ms) to give it back. A statement of many rows gives it up once. The texts are made from the tables of
`schema`, in powers of two, so that drivers find them in their caches of prepared statements.

Values are bound as they are: callers turn times and hostile text into what columns hold (`columns`).
"""

from collections.abc import Iterator, Sequence
from typing import Any

from sqlalchemy import Connection, Table

from bridge.ledger.driver import run

MOST_ROWS = 128
MOST_KEYS = 256


def chunks(keys: Sequence[Any]) -> Iterator[list[Any]]:
    """As many as one statement should name."""
    for start in range(0, len(keys), MOST_KEYS):
        yield list(keys[start : start + MOST_KEYS])


class Bulk:
    """The statements of one engine. `mark` is its driver's placeholder."""

    def __init__(self, mark: str) -> None:
        self._mark = mark
        self._texts: dict[tuple[str, int], str] = {}

    def insert(self, connection: Connection, table: Table, rows: Sequence[tuple[Any, ...]], tail: str = "") -> None:
        """Insert rows that give every column in the table's order. `tail` says what becomes of rows in conflict."""
        start = 0
        while start < len(rows):
            count = min(MOST_ROWS, 1 << ((len(rows) - start).bit_length() - 1))
            text = self._texts.get((table.name, count)) or self._make_insert(table, count)
            values = tuple(value for row in rows[start : start + count] for value in row)
            run(connection, text + tail, values).close()
            start += count

    def _make_insert(self, table: Table, count: int) -> str:
        columns = ", ".join(f'"{column.name}"' for column in table.columns)
        row = f"({', '.join([self._mark] * len(table.columns))})"
        text = f"INSERT INTO {table.name} ({columns}) VALUES {', '.join([row] * count)}"
        self._texts[table.name, count] = text
        return text

    def where_in(
        self, connection: Connection, text: str, fixed: tuple[Any, ...], keys: Sequence[Any], tail: str = ""
    ) -> Iterator[Any]:
        """Run a statement that ends in `… IN`, for any number of keys. Rows come in the order of `tail` within each 256 keys."""
        for chunk, marks in self._chunks(keys):
            yield from run(connection, f"{self._marked(text)} ({marks}){tail}", (*fixed, *chunk)).fetchall()

    def change_in(self, connection: Connection, text: str, fixed: tuple[Any, ...], keys: Sequence[Any]) -> None:
        """The same for a statement that returns nothing."""
        for chunk, marks in self._chunks(keys):
            run(connection, f"{self._marked(text)} ({marks})", (*fixed, *chunk)).close()

    def many(self, connection: Connection, text: str, rows: Sequence[tuple[Any, ...]]) -> None:
        """One statement for each row: for what differs row by row and is rare."""
        connection.exec_driver_sql(self._marked(text), list(rows))

    def one(self, connection: Connection, text: str, values: tuple[Any, ...]) -> Any:
        """The first row of a statement; None where there is none."""
        cursor = run(connection, self._marked(text), values)
        row = cursor.fetchone()
        cursor.close()
        return row

    def all(self, connection: Connection, text: str, values: tuple[Any, ...]) -> Sequence[Any]:
        """Every row of a statement."""
        rows: list[tuple[Any, ...]] = run(connection, self._marked(text), values).fetchall()
        return rows

    def _marked(self, text: str) -> str:
        return text if self._mark == "?" else text.replace("?", self._mark)

    def _chunks(self, keys: Sequence[Any]) -> Iterator[tuple[list[Any], str]]:
        for chunk in chunks(keys):
            size = 1 << (len(chunk) - 1).bit_length()
            chunk += [chunk[-1]] * (size - len(chunk))
            yield chunk, ", ".join([self._mark] * size)
