"""What SQLite and SQLAlchemy raise, as errors of ours: no message carries a statement or its parameters.

Source: sqlite.org/rescode.html.
"""

from __future__ import annotations

import sqlite3
from contextlib import contextmanager
from typing import TYPE_CHECKING

import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from countenance.domain.errors import (
    BadRecord,
    Conflict,
    CountenanceError,
    DiskFull,
    Misconfigured,
    StorageDamaged,
    Unavailable,
)

if TYPE_CHECKING:
    from collections.abc import Iterator


@contextmanager
def ours() -> Iterator[None]:
    """Raise an error of ours in place of one of SQLite or SQLAlchemy."""
    try:
        yield
    except SQLAlchemyError as error:
        raise _error_of(error) from None
    except sqlite3.Error as error:
        raise _error_of_sqlite(error) from None


def _error_of(error: SQLAlchemyError) -> CountenanceError:
    cause = error.orig if isinstance(error, sa.exc.StatementError) else None
    if isinstance(cause, CountenanceError):
        return cause
    if isinstance(error, DBAPIError) and isinstance(cause, sqlite3.Error):
        return _error_of_sqlite(cause)
    if isinstance(error, sa.exc.TimeoutError):
        return Unavailable("Every connection to the database is in use.")
    return BadRecord("A record could not be stored as it was given.")


_TAKEN = frozenset({"SQLITE_CONSTRAINT_UNIQUE", "SQLITE_CONSTRAINT_PRIMARYKEY", "SQLITE_CONSTRAINT_ROWID"})
_DAMAGED = frozenset({"SQLITE_CORRUPT", "SQLITE_NOTADB"})
_BUSY = frozenset({"SQLITE_BUSY", "SQLITE_LOCKED"})


def _error_of_sqlite(error: sqlite3.Error) -> CountenanceError:
    """Our error for a result code of SQLite (sqlite.org/rescode.html)."""
    name = getattr(error, "sqlite_errorname", "")
    primary = "_".join(name.split("_")[:2])
    if primary == "SQLITE_FULL":
        return DiskFull("The disk is full: the database was not changed.")
    if primary in _DAMAGED:
        return StorageDamaged("The database file is damaged, or is no database.")
    if primary in _BUSY:
        return Unavailable("The database is in use by another writer.")
    if name in _TAKEN:
        return Conflict("There is one with that name or id already.")
    if name == "SQLITE_CONSTRAINT_FOREIGNKEY":
        return Conflict("It refers to something that does not exist, or is still referred to.")
    if primary == "SQLITE_CONSTRAINT":
        return BadRecord("A record could not be stored as it was given.")
    return Misconfigured(
        f"The database could not be used ({name or 'unknown'}).",
        next_step="Check the owner, the modes and the health of the disk of the data folder.",
    )
