"""The database of one data folder: opened, brought to this version's schema, read, written, and searched for
what must not be there.

SQLite in WAL mode with `synchronous=FULL`: a transaction that has returned survives a power cut. With
`secure_delete=ON` and `checkpoint_truncate()` what was deleted is overwritten in the database's files, and
`contains()` re-reads them to prove it. A write transaction takes the write lock when it begins, so it never
fails half-way because another was faster. No exception of SQLite or SQLAlchemy leaves this module, and no
message carries a statement or its parameters. Source: sqlite.org/pragma.html, wal.html, rescode.html,
howtocorrupt.html.
"""

from __future__ import annotations

import os
import sqlite3
import time
from contextlib import closing, contextmanager
from functools import partial
from typing import TYPE_CHECKING, Any, Self

import sqlalchemy as sa
from sqlalchemy import event

from countenance.domain.errors import (
    BadInput,
    Conflict,
    Misconfigured,
    NotInitialised,
    StorageDamaged,
    Unavailable,
)
from countenance.storage import files, fixed
from countenance.storage.faults import ours
from countenance.storage.recent import Recent

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from pathlib import Path

    from sqlalchemy.engine import Connection

    from countenance.storage.fixed import Fixed

# The newest step of migrations/versions; a test compares it with the folder.
HEAD = "0012"

BUSY_MS = 5_000  # how long a call waits for another's lock before it is told to come again
_PAUSE = 0.005  # seconds between two tries where SQLite does not wait by itself
_CHUNK = 1 << 20  # bytes read at a time by `contains`
_NEEDLE_MAX = 1 << 16  # bytes

_KIND = "countenance_begin"  # the execution option that says how a transaction begins; empty: not at all

_PRAGMAS = (
    "PRAGMA synchronous=FULL",
    "PRAGMA secure_delete=ON",
    "PRAGMA foreign_keys=ON",
    "PRAGMA temp_store=MEMORY",  # nothing of the database in temporary files
    "PRAGMA mmap_size=0",  # nor in mapped ones
    "PRAGMA trusted_schema=OFF",
    "PRAGMA cell_size_check=ON",
)


class Database:
    """An open database. Threads share it; each transaction has a connection of its own."""

    def __init__(self, path: Path, engine: sa.Engine, descriptor: int, busy_ms: int) -> None:
        """Use `open`. `descriptor`: the database file, open for reading until `close` (see `contains`)."""
        self.path = path
        self._engine = engine
        self._descriptor = descriptor
        self._busy_ms = busy_ms
        self.recent = Recent()  # of look-ups that `put` does not change

    @contextmanager
    def begin(self) -> Iterator[Connection]:
        """One write transaction: durable when the block ends, undone when it raises.

        Raises Conflict (a name taken, a row still referred to), DiskFull, Unavailable (another holds the lock
        for more than 5 s), StorageDamaged, Misconfigured; and whatever the block raises.
        """
        try:
            with ours(), self._engine.begin() as connection:
                yield connection
        finally:
            self.recent.forget()

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """One read transaction: a consistent snapshot, which no writer disturbs and which disturbs none.

        It is undone when the block ends: what was written in it is not kept. Raises as `begin`.
        """
        with ours(), self._engine.connect() as connection:
            connection.execution_options(**{_KIND: "BEGIN DEFERRED"})
            transaction = connection.begin()
            try:
                yield connection
            finally:
                transaction.rollback()

    def rows(self, statement: Fixed, **values: object) -> list[Any]:
        """What one fixed statement reads, as of this moment. Raises as `begin`."""
        with self._driver() as connection:
            return fixed.run(connection, statement, values)

    def put(self, statement: Fixed, rows: Iterable[Mapping[str, object]]) -> None:
        """Write rows by one fixed statement: all durable when this returns, or none. Raises as `begin`."""
        with self._driver() as connection:
            fixed.put(connection, statement, rows)

    def put_all(self, parts: Iterable[tuple[Fixed, Iterable[Mapping[str, object]]]]) -> None:
        """The same by several statements, in their order, in one transaction."""
        with self._driver() as connection:
            fixed.put_all(connection, parts)

    def checkpoint_truncate(self) -> None:
        """Move all of the write-ahead log into the database file, fsync it, and cut the log to nothing.

        After it, pages as they were before a deletion are in no file of the database. Raises Unavailable
        where a reader holds an older snapshot for more than 5 s; the rest as `begin`.
        """
        until = time.monotonic() + self._busy_ms / 1000
        with ours(), self._outside_transactions() as connection:
            # SQLite waits for readers by itself, but not for another checkpoint, which any commit may begin.
            while connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)").one()[0]:
                if time.monotonic() > until:
                    raise Unavailable("The database is being read: its log could not be emptied yet.")
                time.sleep(_PAUSE)

    def rewrite(self) -> None:
        """Write the whole database anew (VACUUM) and checkpoint. Raises as `begin`.

        Holds up writers meanwhile, and takes as much memory and free disk as the database has bytes.
        """
        with ours(), self._outside_transactions() as connection:
            connection.exec_driver_sql("VACUUM")
        self.checkpoint_truncate()

    def snapshot(self) -> bytes:
        """The bytes of a database file that holds one consistent state, this moment's; no writer is held up.

        They are in memory alone, as many as the file has: what is copied must not lie about in a file of its own.
        Raises as `begin`.
        """
        with ours(), self._outside_transactions() as connection:
            driver = connection.connection.dbapi_connection
            assert isinstance(driver, sqlite3.Connection)
            driver.execute("BEGIN").close()
            try:
                driver.execute("SELECT 1 FROM sqlite_schema").fetchone()  # the snapshot is taken by the first read
                return driver.serialize()
            finally:
                driver.execute("ROLLBACK").close()

    def scrub(self, needles: Iterable[bytes]) -> bool:
        """Make sure that nothing of what was deleted is left in the files; call it after the deletion's
        commit.

            1. the write-ahead log is moved into the database and cut
            2. the files are re-read for the needles
            3. where one is found, the database is written anew and re-read again

        The third step is needed now and then: when SQLite moves rows between pages it leaves stale copies
        behind, which `secure_delete` does not reach. Returns whether it was. Raises Conflict where a needle
        is there still, so some row holds it; the rest as `begin`.
        """
        wanted = tuple(needles)
        self.checkpoint_truncate()
        if not self.contains(*wanted):
            return False
        self.rewrite()
        if self.contains(*wanted):
            raise Conflict("What was deleted is still held by a record of the database.")
        return True

    def contains(self, *needles: bytes) -> bool:
        """Whether one of the needles occurs in the database file, its write-ahead log or rollback journal.

        Streamed, in one pass. The shared-memory file is left out: it holds page numbers only, and closing it
        would drop SQLite's locks on it (howtocorrupt.html, 2.2); for the same reason the database file is
        read through a descriptor that stays open. Raises BadInput for a needle that is empty or over 64
        KiB, Misconfigured.
        """
        if not all(0 < len(needle) <= _NEEDLE_MAX for needle in needles):
            raise BadInput("What is looked for must have between 1 and 65536 bytes.")
        logs = (self.path.with_name(self.path.name + suffix) for suffix in ("-wal", "-journal"))
        with files.disk_errors("the database"):
            return _occurs(self._descriptor, needles) or any(_file_contains(log, needles) for log in logs)

    def close(self) -> None:
        """Close every connection. The last one moves the write-ahead log into the database and removes it."""
        self._engine.dispose()
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @contextmanager
    def _driver(self) -> Iterator[sqlite3.Connection]:
        """SQLite's own connection, from the same pool."""
        with ours(), closing(self._engine.raw_connection()) as pooled:
            connection = pooled.driver_connection
            assert isinstance(connection, sqlite3.Connection)
            yield connection

    @contextmanager
    def _outside_transactions(self) -> Iterator[Connection]:
        with self._engine.connect() as connection:
            yield connection.execution_options(**{_KIND: ""})


def open(path: Path, *, create: bool = True, busy_ms: int = BUSY_MS) -> Database:  # noqa: A001  reads as `db.open`
    """Open the database at `path`, made where it is missing, and bring its schema to this version's.

    busy_ms: how long a call waits for another's lock, in milliseconds.

    Raises NotInitialised where it is missing and `create` is false, Misconfigured where it was made by a
    newer version or the file cannot be used, StorageDamaged where it is no database or its structure is
    broken, DiskFull, Unavailable.
    """
    if not create and not path.exists():
        raise NotInitialised("There is no database in the data folder.")
    descriptor = files.open_for_life(path, what="the database")
    database = Database(path, _engine(path, busy_ms), descriptor, busy_ms)
    try:
        _to_head(database)
    except BaseException:
        database.close()
        raise
    return database


def inspect(path: Path) -> str:
    """Have SQLite look through the structure of a database; returns its schema's revision. It migrates nothing.

    Raises NotInitialised, StorageDamaged, Misconfigured, Unavailable.
    """
    with _looking(path) as connection:
        if connection.execute("PRAGMA quick_check(1)").fetchone() != ("ok",):
            raise StorageDamaged("The structure of the database is damaged.")
    return revision(path)


def revision(path: Path) -> str:
    """The revision of a database's schema. It migrates nothing. Raises as `inspect`."""
    return str(look(path, "SELECT version_num FROM alembic_version")[0][0])


def look(path: Path, query: str) -> list[tuple[Any, ...]]:
    """The rows of a query of ours, on a database that may be another process's, and is changed by nothing here.

    Raises as `inspect`.
    """
    with _looking(path) as connection:
        return connection.execute(query).fetchall()


@contextmanager
def _looking(path: Path) -> Iterator[sqlite3.Connection]:
    if not path.exists():
        raise NotInitialised("There is no database in the data folder.")
    address = f"{path.absolute().as_uri()}?mode=rw"  # a read-only connection would leave its WAL files behind
    with ours(), closing(sqlite3.connect(address, uri=True, timeout=BUSY_MS / 1000)) as connection:
        connection.execute("PRAGMA query_only=ON")
        yield connection


def _engine(path: Path, busy_ms: int) -> sa.Engine:
    url = sa.URL.create("sqlite", database=str(path))
    engine = sa.create_engine(url, connect_args={"isolation_level": None}, hide_parameters=True)
    event.listen(engine, "connect", partial(_set_pragmas, busy_ms))
    event.listen(engine, "begin", _begin)
    return engine


def _set_pragmas(busy_ms: int, connection: sqlite3.Connection, _record: object) -> None:
    connection.execute(f"PRAGMA busy_timeout={int(busy_ms)}").close()
    _use_wal(connection, time.monotonic() + busy_ms / 1000)
    for pragma in _PRAGMAS:
        connection.execute(pragma).close()


def _use_wal(connection: sqlite3.Connection, until: float) -> None:
    """SQLite does not wait for a lock here, whatever its timeout, where two that open a new database come at once."""
    while True:
        try:
            connection.execute("PRAGMA journal_mode=WAL").close()
            return
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY or time.monotonic() > until:
                raise
        time.sleep(_PAUSE)


def _begin(connection: Connection) -> None:
    """Begin ourselves: the driver would begin late, and a reader that turns writer can fail half-way."""
    statement = connection.get_execution_options().get(_KIND, "BEGIN IMMEDIATE")
    if statement:
        connection.exec_driver_sql(statement)


def _to_head(database: Database) -> None:
    """Run the missing steps. Two processes that open at once: the second waits, then finds nothing to do."""
    with database.read() as connection:
        if _revision(connection) == HEAD:
            return
    with ours(), database._outside_transactions() as connection:  # noqa: SLF001
        # A step may rebuild a table that others point at; the check before the commit stands in for the keys.
        connection.exec_driver_sql("PRAGMA foreign_keys=OFF")
        connection.exec_driver_sql("BEGIN EXCLUSIVE")
        try:
            _run_steps(connection)
            connection.exec_driver_sql("COMMIT")
        except BaseException:
            connection.exec_driver_sql("ROLLBACK")
            raise
        finally:
            connection.exec_driver_sql("PRAGMA foreign_keys=ON")


def _run_steps(connection: Connection) -> None:
    if _revision(connection) == HEAD:
        return
    # Imported here: it takes longer than opening a database that needs no step.
    from alembic import command
    from alembic.config import Config
    from alembic.util import CommandError

    config = Config()
    config.set_main_option("script_location", "countenance.storage:migrations")
    config.attributes["connection"] = connection
    try:
        command.upgrade(config, "head")
    except CommandError as error:
        raise Misconfigured(
            "The data folder was made by a newer version of Countenance.",
            next_step="Install that version or a later one.",
        ) from error
    if connection.exec_driver_sql("PRAGMA foreign_key_check").first() is not None:
        raise StorageDamaged("Rows of the database refer to rows that are not there.")


def _revision(connection: Connection) -> str | None:
    """The schema's revision; None for an empty database. Raises Misconfigured where it is not one of ours."""
    names = set(connection.exec_driver_sql("SELECT name FROM sqlite_schema WHERE type='table'").scalars())
    if "alembic_version" in names:
        revision: str | None = connection.exec_driver_sql("SELECT version_num FROM alembic_version").scalar()
        return revision
    if names:
        raise Misconfigured("The database in the data folder was not made by Countenance.")
    return None


def _file_contains(path: Path, needles: tuple[bytes, ...]) -> bool:
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return False
    try:
        return _occurs(descriptor, needles)
    finally:
        os.close(descriptor)


def _occurs(descriptor: int, needles: tuple[bytes, ...]) -> bool:
    """Search a file from its start, in chunks that overlap by one byte less than the longest needle."""
    overlap = max((len(needle) for needle in needles), default=1) - 1
    offset, kept = 0, b""
    while chunk := os.pread(descriptor, _CHUNK, offset):
        window = kept + chunk
        if any(needle in window for needle in needles):
            return True
        kept = window[len(window) - overlap :]
        offset += len(chunk)
    return False
