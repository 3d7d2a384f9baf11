"""A restore: a house comes back from a backup, and the ledger is never rolled back.

    1. the file       whole, not expired, made under this master key
    2. the place      no server runs here, no whole database is here, and the log's own sealed key is
    3. the ledger     the live one is opened; or the published copy is looked through. It is signed by this house's key
                      and holds the checkpoint that the backup knows, so that it is at least as new
    4. the mark       the folder `restoring/`: from here on no house opens, until 9
    5. the log        where only a copy was left, it goes on from there
    6. the database   unsealed into `restoring/`; erasures, withdrawals and revocations since are replayed, and no
                      promise comes back looser than the log says; it is written anew and searched for what was erased
    7. the keys       of certificates and approvals, sealed as they were, and the public ones
    8. the exchange   what is left of the old database is removed, the new one gets its name
    9. the mark goes  -- the point of no return: from here on the house opens
   10. the leaf       owed since 6, written when the house opens, before its first request

Up to 4 nothing was changed. Killed after it, the same command begins again at 1. The log's lock is held from 3 to 9.
What came after the backup (people, bases, keys, nonces and closed parts of leaves) is gone: it is counted from the
leaves and said. It can't see a deed whose leaf was never written. Source: docs/adr/0062-backups-and-the-ledger.md.
"""

from __future__ import annotations

import os
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from countenance.domain import ids
from countenance.domain.errors import (
    BackupExpired,
    BadRecord,
    Conflict,
    LogLocked,
    Misconfigured,
    NotInitialised,
    StorageDamaged,
    Unverified,
)
from countenance.ledger import adopt, durable, journal, keychain, newer, publish
from countenance.ledger.checkpoint import Checkpoint, open_checkpoint
from countenance.ledger.fsck import fsck
from countenance.ledger.log import Log
from countenance.ledger.note import Verifier
from countenance.service import backup, owed, rejoin, replay, rotation
from countenance.service.gate import Private
from countenance.storage import db, files, sealed
from countenance.storage.vault import Vault

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from datetime import datetime
    from pathlib import Path

    from countenance.config import Settings
    from countenance.ledger.signers import Signers

    Reached = Callable[[str], None]

STAGED = "countenance.db"
KEY_PARTS = ("certificate.sealed", "approval.sealed")


@dataclass(frozen=True, slots=True)
class Restored:
    """What came back. size: leaves of the ledger now; since: leaves after the backup, by kind; the rest: counts.

    lost: enrolments that the log knows and the backup does not. promises: what became of the policy set; empty where
    it is as it was.
    """

    backup: str
    made: str
    known: int
    size: int
    since: Mapping[str, int]
    lost: int
    erased: int
    withdrawn: int
    revoked: int
    promises: str = ""


def restore(
    settings: Settings, file: Path, *, now: Callable[[], datetime], copy: Path | None = None,
    seen: tuple[bytes, ...] = (), reached: Reached = lambda _: None,
) -> Restored:  # fmt: skip
    """Restore the backup in `file` to the folders of `settings`.

    copy: a published folder of this house's ledger, where the data folder has none. seen: signed checkpoints of it
    that somebody else holds; the ledger must hold them, too. reached: told the name of each step as it begins.
    Raises BadRecord, BackupExpired, WrongMasterKey, Conflict, LogLocked, NotInitialised, Unverified, DiskFull, ...
    """
    reached("file")
    given = _Given.of(file, Vault.read(settings.master_key), now())
    reached("place")
    signers = _signers(settings, given, now, copy)
    _check_database(settings)
    with _ledger(settings, given, signers, now, copy, seen, reached) as (public, size):
        reached("database")
        told = replay.since(public, given.head.size, size)
        done, promises = _database(settings, given, told, now(), copy)
        reached("keys")
        _keys(settings, given, signers)
        reached("exchange")
        _exchange(settings)
        reached("mark goes")
        files.remove_folder(settings.restoring, what="the mark of a restore")
    reached("end")
    return Restored(
        given.copy.id, given.copy.created, given.head.size, size, dict(told.leaves), told.enrolments,
        done.erased, done.withdrawn, done.revoked, promises,
    )  # fmt: skip


@dataclass(frozen=True, slots=True)
class _Given:
    """Step 1: a backup that is whole, in time, and of this master key. head: the log's checkpoint that it knows."""

    file: Path
    vault: Vault
    copy: backup.Copy
    head: Checkpoint
    log: Verifier

    @classmethod
    def of(cls, file: Path, vault: Vault, now: datetime) -> _Given:
        header = sealed.read(file)
        try:
            words = header.words
            copy = backup.Copy(words["id"], words["made"], words["until"])
            signed, origin = words["checkpoint"].encode(), words["origin"]
        except KeyError as error:
            raise BadRecord("the header of the backup lacks what a header has") from error
        if copy.until <= ids.utc(now):
            raise BackupExpired(f"this backup could be restored until {copy.until}")
        sealed.check_key(header, vault)
        vkey = b"".join(sealed.unsealed(file, vault, "log.vkey")).decode("ascii", "replace").strip()
        log = Verifier.from_vkey(vkey)
        head = open_checkpoint(signed, log)
        if head.origin != origin:
            raise BadRecord("the header of the backup contradicts itself")
        return cls(file, vault, copy, head, log)

    def part(self, name: str) -> Iterator[bytes]:
        return sealed.unsealed(self.file, self.vault, name)


def _signers(settings: Settings, given: _Given, now: Callable[[], datetime], copy: Path | None) -> Signers:
    """The log's signing keys, which are in no backup; and that nobody else has this log open.

    The backup's key is this log's, or one that the published announcements lead from to this log's.
    """
    lock = settings.log_state / "lock"
    if lock.exists() and durable.locked(lock):
        raise LogLocked("a server has this data folder open")
    if not (settings.log_state / "log.sealed").exists():
        raise NotInitialised(
            "the log's sealed key is not in the data folder, and no backup holds it",
            next_step="Put your own copy of log.sealed into log-state/ of the data folder: docs/operate.md.",
        )
    chain = keychain.learned([given.log], publish.announcements(copy or settings.ledger))
    signers = rotation.signers(settings, given.vault, now)
    if given.log not in signers.verifiers and signers.verifier in chain:
        signers = rotation.signers(settings, given.vault, now, chain[: chain.index(signers.verifier)])
    if given.log not in signers.verifiers:
        raise Unverified("the backup is of another house than the log's key in this data folder")
    return signers


def _check_database(settings: Settings) -> None:
    """A database that is whole holds more than any backup, so it is not replaced; after a restore's mark it is ours."""
    if settings.restoring.exists() or not settings.database.exists():
        return
    try:
        db.inspect(settings.database)
    except (StorageDamaged, Misconfigured):
        return
    raise Conflict(
        "there is a whole database in this data folder, and a backup would take it back in time",
        next_step="If it must go, move countenance.db away, with its -wal and -shm; then restore.",
    )


@contextmanager
def _ledger(
    settings: Settings, given: _Given, signers: Signers, now: Callable[[], datetime], copy: Path | None,
    seen: tuple[bytes, ...], reached: Reached,
) -> Iterator[tuple[Path, int]]:  # fmt: skip
    """Steps 3 to 5: the public folder and its size, with the lock held until the end."""
    reached("ledger")
    if not journal.segments(settings.log_state):
        if copy is None:
            raise NotInitialised(
                "the data folder has no ledger to go on with",
                next_step="Name a published copy of it with --ledger: the newest that anybody holds.",
            )
        with _locked(settings):
            _check(settings, copy, given, signers, seen)
            _mark(settings, reached)
            reached("log")
            adopt.adopt(copy, settings.ledger, settings.log_state, signers.verifiers, now())
    elif copy is not None and not settings.restoring.exists():
        raise Conflict(
            "the data folder has its own ledger, which is at least as new as any copy", next_step="Leave --ledger out."
        )
    with Log.open(settings.ledger, settings.log_state, signers, clock=now) as log:
        _check(settings, settings.ledger, given, signers, seen)
        _mark(settings, reached)
        yield settings.ledger, log.size


def _check(settings: Settings, public: Path, given: _Given, signers: Signers, seen: tuple[bytes, ...]) -> None:
    """Step 3: the whole folder is this house's, and holds every checkpoint that is known of it."""
    log = signers.verifiers
    try:
        size = fsck(public, log).checkpoint.size
    except Unverified as error:
        raise Unverified(f"the ledger does not hold: {error.message}", next_step=error.next_step) from error
    for head in (given.head, *(open_checkpoint(signed, log) for signed in seen)):
        adopt.contains(public, size, head)
    newer.check(public, settings.log_state, log)


@contextmanager
def _locked(settings: Settings) -> Iterator[None]:
    held = durable.lock(settings.log_state / "lock")
    try:
        yield
    finally:
        os.close(held)


def _mark(settings: Settings, reached: Reached) -> None:
    """Step 4. A mark that is there already is of a restore that was killed: what it staged is begun anew."""
    reached("mark")
    for folder in (settings.data, settings.log_state, settings.restoring):
        files.make_private_folder(folder)
    for left in settings.restoring.iterdir():
        files.remove(left, what="what a restore left")


def _database(
    settings: Settings, given: _Given, told: replay.Since, now: datetime, copy: Path | None
) -> tuple[replay.Replayed, str]:
    """Step 6, in `restoring/`; nothing is left of whom the log says was erased, or there is no house.

    Nor is a promise looser than the log says: the second is what became of the policy set.
    """
    path = settings.restoring / STAGED
    files.write_private(path, given.part("database"), what="the restored database")
    with db.open(path, create=False) as database:
        given.vault.check(database)
        done = replay.replay(database, given.vault, told, given.head.size)
        with database.begin() as connection:
            places = [settings.ledger, *([] if copy is None else [copy])]
            promises = rejoin.follow(connection, told.promises, places, now)
            owed.owe(connection, "backup", backup.words(given.copy, "restored"), Private(), given.copy.id, now)
        database.rewrite()
        if database.contains(*done.traces):
            raise StorageDamaged("an erased record is still in the restored database, so it is not used")
    return done, promises


def _keys(settings: Settings, given: _Given, signers: Signers) -> None:
    """Step 7. The log may have another key by now than when the backup was made: the newest is published."""
    rotation.remember(settings, given.vault, signers)
    for name in KEY_PARTS:
        files.write_private(settings.log_state / name, b"".join(given.part(name)), what="a sealed key")
    for name in backup.PUBLIC:
        own = name == settings.log_vkey.name
        raw = signers.verifier.vkey.encode() + b"\n" if own else b"".join(given.part(name))
        files.write_private(settings.data / name, raw, what="a public key")


def _exchange(settings: Settings) -> None:
    """Step 8. What is left of the old write-ahead log would be taken for the new database's: it goes first."""
    for suffix in ("-wal", "-shm", "-journal"):
        files.remove(settings.data / (settings.database.name + suffix), what="the old database")
    files.move(settings.restoring / STAGED, settings.database, what="the restored database")
