"""Statements that every request runs, compiled once and run on SQLite's own driver.

SQLAlchemy describes them, as everywhere; a request does not pass through its layers again, which after an inference,
when the processor's caches hold a network and nothing else, take three times as long as the statement itself (docs/
adr/0042). Values are given as SQLite keeps them: text, whole numbers, bytes. `Database.rows` and `Database.put` run
them; nothing here opens a connection.
"""

from __future__ import annotations

from collections import namedtuple
from typing import TYPE_CHECKING, Any

from sqlalchemy import Select
from sqlalchemy.dialects.sqlite import dialect

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from sqlalchemy import ColumnElement, Insert

_DIALECT = dialect()


class Fixed:
    """One statement. text: for the driver, with `?` where a value goes."""

    __slots__ = ("_constants", "_names", "_readers", "_row", "text")

    def __init__(self, statement: Select[Any] | Insert) -> None:
        compiled = statement.compile(dialect=_DIALECT)
        binds = compiled.binds
        self.text = str(compiled)
        self._names: tuple[str, ...] = tuple(compiled.positiontup or ())
        self._constants = {
            name: value for name, value in compiled.params.items() if not binds[name].required and value is not None
        }
        columns = list(statement.selected_columns) if isinstance(statement, Select) else []
        self._row = _row_of([column.key or "" for column in columns])
        self._readers = [(i, reader) for i, column in enumerate(columns) if (reader := _reader(column)) is not None]

    def values(self, given: Mapping[str, object]) -> tuple[object, ...]:
        """The values in the driver's order. Raises KeyError for one that was not given."""
        return tuple([self._constants[name] if name in self._constants else given[name] for name in self._names])

    def read(self, fetched: Iterable[Sequence[Any]]) -> list[Any]:
        """Rows with the columns as attributes, each of the type its column says."""
        made = []
        for row in fetched:
            fields = list(row)
            for i, reader in self._readers:
                fields[i] = reader(fields[i])
            made.append(self._row(*fields))
        return made


def _row_of(names: Sequence[str]) -> Callable[..., Any]:
    """What makes a row of these columns."""
    return namedtuple("Row", names)


def _reader(column: ColumnElement[Any]) -> Callable[[Any], Any] | None:
    """What turns SQLite's value into the column's: JSON, booleans."""
    found: Callable[[Any], Any] | None = column.type.dialect_impl(_DIALECT).result_processor(_DIALECT, None)
    return found


def run(connection: sqlite3.Connection, statement: Fixed, given: Mapping[str, object]) -> list[Any]:
    """One reading statement, which is a transaction of its own."""
    return statement.read(connection.execute(statement.text, statement.values(given)).fetchall())


def put(connection: sqlite3.Connection, statement: Fixed, rows: Iterable[Mapping[str, object]]) -> None:
    """One writing statement for many rows, in a transaction that is durable when this returns, or undone."""
    put_all(connection, [(statement, rows)])


def put_all(connection: sqlite3.Connection, parts: Iterable[tuple[Fixed, Iterable[Mapping[str, object]]]]) -> None:
    """Several writing statements, in their order, in one such transaction."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        for statement, rows in parts:
            connection.executemany(statement.text, [statement.values(row) for row in rows])
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise
