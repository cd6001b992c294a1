"""Statements handed to the driver as they are: what SQLAlchemy does around each costs several times the statement itself.

Only the hot path goes this way; it has its texts and values ready, and its rows are tuples.
"""

from typing import Any

from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError


def run(connection: Connection, text: str, values: tuple[Any, ...] = ()) -> Any:
    """The driver's cursor, to be read to its end or closed. Raises SQLAlchemy's errors; they don't show the values."""
    driver_error = connection.dialect.loaded_dbapi.Error
    cursor = connection.connection.cursor()
    try:
        cursor.execute(text, values)
    except driver_error as error:
        cursor.close()
        raise DBAPIError.instance(text, values, error, driver_error, hide_parameters=True) from error
    return cursor
