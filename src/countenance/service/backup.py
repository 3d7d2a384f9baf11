"""A backup: one sealed file with the database and the keys of certificates and approvals; and the list of them.

    1. the list      a row, and a leaf that is owed: from here on certificates of erasure name this copy
    2. the ledger    its published checkpoint is read, before the database: what comes later is replayed at a restore
    3. the snapshot  one consistent state of the database, in memory alone
    4. the file      sealed under the master key, written whole or not at all

It needs no lock, so it works beside a running server, which writes the leaf within seconds; without one the next start
does. The log's signing key is never in it: a copy of a house must not be able to sign a second history. Neither is the
master key, a photograph or a prepared model. What fails after 1 takes the row back. Killed in between, the row stays
and names a copy that never came to be, until `forget`. Source: docs/adr/0062-backups-and-the-ledger.md.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from sqlalchemy import delete, insert, select, update

from countenance.domain import ids
from countenance.domain.errors import BadInput, Conflict, Misconfigured, NotFound
from countenance.ledger import publish
from countenance.ledger.checkpoint import Checkpoint, open_checkpoint
from countenance.ledger.note import Verifier
from countenance.service import founding, inforce, owed
from countenance.service.gate import Private
from countenance.storage import db, files, sealed
from countenance.storage.tables import backups, outbox

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from sqlalchemy import Connection

    from countenance.config import Settings
    from countenance.ledger.leaf import Json
    from countenance.storage.db import Database
    from countenance.storage.vault import Vault

KEEP_DAYS = 30
MOST_DAYS = 366
SIGNED_LIMIT = 1 << 16  # bytes of a checkpoint
KEY_LIMIT = 4096  # bytes of a sealed or a public key
SEALED = ("certificate", "approval")
"""The signing keys that are in a backup. The log's is not."""
PUBLIC = ("log.vkey", "certificate.vkey")


@dataclass(frozen=True, slots=True)
class Copy:
    """A backup on the list. created, until: RFC 3339; from `until` on it can't be restored. removed: or empty."""

    id: str
    created: str
    until: str
    removed: str = ""


@dataclass(frozen=True, slots=True)
class Made:
    """A backup that was made. checkpoint: the log's at that time; bytes, sha256: of the file."""

    copy: Copy
    checkpoint: Checkpoint
    bytes: int
    sha256: str


def make(
    settings: Settings, vault: Vault, database: Database, file: Path, *, now: datetime, keep_days: int = KEEP_DAYS,
    disk: files.Disk = files.DISK,
) -> Made:  # fmt: skip
    """Put a backup of this house at `file`. The database is open already; a server may be running.

    Raises BadInput, Conflict where the file exists, DiskFull, Misconfigured, StorageDamaged, WrongMasterKey.
    """
    founding.require(settings)
    _check_place(settings, file, keep_days)
    vault.check(database)
    copy = Copy(ids.new("backup"), ids.utc(now), _until(now, keep_days))
    debt = _note(database, copy, now)
    try:
        signed = _checkpoint(settings)
        head = open_checkpoint(signed, _verifier(settings))
        words = {
            "id": copy.id, "made": copy.created, "until": copy.until, "origin": head.origin,
            "checkpoint": signed.decode(), **_digests(database, now),
        }  # fmt: skip
        digest = sealed.write(file, vault, words, _parts(settings, database), disk)
    except BaseException:
        _take_back(database, copy, debt, now)
        raise
    return Made(copy, head, file.stat().st_size, digest)


def opened(settings: Settings, *, whole: bool = False) -> Database:
    """The database of a house, beside a running server, and never brought to another schema.

    whole: look all of it through before, since a copy of what is damaged is none. Raises as `db.inspect`; Misconfigured
    where its schema is another version's.
    """
    founding.require(settings)
    if (db.inspect if whole else db.revision)(settings.database) != db.HEAD:
        raise Misconfigured(
            "the database has another version's schema", next_step="Start the server once with this version."
        )
    return db.open(settings.database, create=False)


def known(connection: Connection) -> tuple[Copy, ...]:
    """Every backup on the list, oldest first."""
    rows = connection.execute(select(backups).order_by(backups.c.created, backups.c.id)).all()
    return tuple(Copy(row.id, row.created, row.until, row.removed or "") for row in rows)


def unexpired(connection: Connection, moment: str) -> tuple[Copy, ...]:
    """Those that could be restored still, as far as anybody said. moment: RFC 3339 UTC."""
    return tuple(copy for copy in known(connection) if not copy.removed and copy.until > moment)


def forget(database: Database, backup: str, now: datetime) -> Copy:
    """The operator says that the file was destroyed, every copy of it. Raises NotFound, Conflict where it was said."""
    with database.begin() as connection:
        copy = next((copy for copy in known(connection) if copy.id == backup), None)
        if copy is None:
            raise NotFound("there is no such backup on the list", next_step="See `countenance backup list`.")
        if copy.removed:
            raise Conflict("this backup was destroyed already")
        _end(connection, copy, now)
    return Copy(copy.id, copy.created, copy.until, ids.utc(now))


def words(copy: Copy, step: str) -> dict[str, Json]:
    """What the leaf says of a backup: made, ended or restored. Its id is random and it is about nobody."""
    return {"step": step, "backup": copy.id, "until": copy.until}


def _note(database: Database, copy: Copy, now: datetime) -> int:
    """Step 1; returns the number of the debt."""
    with database.begin() as connection:
        connection.execute(insert(backups), {"id": copy.id, "created": copy.created, "until": copy.until})
        return owed.owe(connection, "backup", words(copy, "made"), Private(), copy.id, now)


def _take_back(database: Database, copy: Copy, debt: int, now: datetime) -> None:
    """There is no such file. Where a running server has written the leaf already, another says that it ended."""
    with database.begin() as connection:
        if connection.execute(delete(outbox).where(outbox.c.id == debt)).rowcount:
            connection.execute(delete(backups).where(backups.c.id == copy.id))
        else:
            _end(connection, copy, now)


def _end(connection: Connection, copy: Copy, now: datetime) -> None:
    connection.execute(update(backups).where(backups.c.id == copy.id).values(removed=ids.utc(now)))
    owed.owe(connection, "backup", words(copy, "ended"), Private(), copy.id, now)


def _parts(settings: Settings, database: Database) -> Mapping[str, bytes]:
    found = {"database": database.snapshot()}
    for use in SEALED:
        name = f"{use}.sealed"
        found[name] = files.read_private(settings.log_state / name, KEY_LIMIT, what=f"the sealed {use} key")
    for name in PUBLIC:
        found[name] = files.read_bounded(settings.data / name, KEY_LIMIT, what="a public key")
    return found


def _digests(database: Database, now: datetime) -> dict[str, str]:
    with database.read() as connection:
        return inforce.current_digests(connection, now)


def _checkpoint(settings: Settings) -> bytes:
    return files.read_bounded(settings.ledger / publish.CHECKPOINT, SIGNED_LIMIT, what="the log's checkpoint")


def _verifier(settings: Settings) -> Verifier:
    raw = files.read_bounded(settings.log_vkey, KEY_LIMIT, what="the log's public key")
    return Verifier.from_vkey(raw.decode("ascii", "replace").strip())


def _until(now: datetime, days: int) -> str:
    """A whole hour, since a leaf says it."""
    return ids.utc((now + timedelta(days=days, hours=1)).replace(minute=0, second=0, microsecond=0))


def _check_place(settings: Settings, file: Path, keep_days: int) -> None:
    if not 1 <= keep_days <= MOST_DAYS:
        raise BadInput(f"a backup is kept for 1 to {MOST_DAYS} days")
    if any(file.resolve().is_relative_to(folder.resolve()) for folder in (settings.data, settings.keys)):
        raise BadInput("a backup does not belong into the folders of data or keys: name a file elsewhere")
    if file.exists() or file.is_symlink():
        raise Conflict("there is a file of this name already; it was left as it is", next_step="Name another file.")
    if not file.parent.is_dir():
        raise BadInput("the folder of this file does not exist")
