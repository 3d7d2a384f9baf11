"""The doctor: what an operator would look at first, looked at. One sentence a finding, and what to do about it.

It reads and changes nothing, asks no network, opens no template and no picture, and works while a server runs and on a
house that no server could open. No finding names a key's content, a person or a customer.
"""

from __future__ import annotations

import json
import os
import shutil
import stat
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, TypeVar

from countenance.domain import ids
from countenance.domain.errors import (
    ClockWentBack,
    CountenanceError,
    DiskFull,
    LogDamaged,
    LogRolledBack,
    Misconfigured,
    NotCalibrated,
    NotInitialised,
    StorageDamaged,
)
from countenance.ledger import durable, journal, keychain, newer, publish
from countenance.ledger.checkpoint import open_checkpoint
from countenance.ledger.note import Verifier
from countenance.ledger.recovery import recover
from countenance.service import founding
from countenance.storage import db, files
from countenance.storage.vault import Vault

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from countenance.config import Settings
    from countenance.policy.cedar import PolicySet

T = TypeVar("T")

SPARE = 512 * 2**20
"""Bytes that should be free beside what writing the database anew takes: weeks of leaves."""
SOON = timedelta(days=30)
CLOCK_SLACK = timedelta(seconds=2)
"""By which a file may be newer than the clock: file systems round, and time daemons step."""
KEY_BYTES = 4096


@dataclass(frozen=True, slots=True)
class Check:
    """One finding. name: what was looked at; says: one safe sentence; next_step: empty where nothing is to be done."""

    name: str
    ok: bool
    says: str
    next_step: str = ""


def examine(settings: Settings, now: datetime) -> tuple[Check, ...]:
    """Every check, in the order in which to mend things. It raises nothing."""
    checks: dict[str, Callable[[], str]] = {
        "house": lambda: _house(settings),
        "disk": lambda: _disk(settings),
        "modes": lambda: _modes(settings),
        "master key": lambda: _master_key(settings),
        "clock": lambda: _clock(settings, now),
        "log": lambda: _log(settings),
        "database": lambda: _database(settings),
        "backup": lambda: _backup(settings, now),
        "models": lambda: _models(settings),
        "calibration": lambda: _calibration(settings),
        "policy": lambda: _policy(settings, now),
    }
    return tuple(_checked(name, look) for name, look in checks.items())


def _checked(name: str, look: Callable[[], str]) -> Check:
    try:
        return Check(name, ok=True, says=look())
    except CountenanceError as error:
        return Check(name, ok=False, says=error.message, next_step=error.next_step)
    except OSError as error:
        reason = os.strerror(error.errno) if error.errno else "unknown error"
        step = "Run it as the server's user; check owners and modes of the data and keys folders."
        return Check(name, ok=False, says=f"it cannot be looked at: {reason}", next_step=step)


def _house(settings: Settings) -> str:
    founding.require(settings)
    return f"the log is called {_verifier(settings).name}"


def _disk(settings: Settings) -> str:
    """Free space for leaves and for writing the database anew (twice its size), and whether it takes writes."""
    if not os.access(settings.data, os.W_OK | os.X_OK):
        raise Misconfigured("the data folder cannot be written to", next_step="Run it as the server's user; see mount.")
    free = shutil.disk_usage(settings.data).free
    wanted = SPARE + 2 * (settings.database.stat().st_size if settings.database.exists() else 0)
    if free < wanted or os.statvfs(settings.data).f_favail == 0 < os.statvfs(settings.data).f_files:
        raise DiskFull(
            f"{free / 2**20:,.0f} MiB are free on the data folder's disk, {wanted / 2**20:,.0f} MiB should be",
            next_step="Free space, or move the data folder to a larger disk while no server runs.",
        )
    return f"{free / 2**30:,.1f} GiB free"


def _modes(settings: Settings) -> str:
    """Only the server's user may read what is secret or personal."""
    folders = [settings.data, settings.keys, settings.log_state]
    secrets = [settings.master_key, settings.own_key, settings.database, *sorted(settings.log_state.glob("*.sealed"))]
    there = [path for path in (*folders, *secrets) if path.exists()]
    open_ones = [path.name for path in there if not _private(path)]
    if open_ones:
        raise Misconfigured(
            f"others on this machine could read or change {', '.join(open_ones)}",
            next_step="Make the server's user the owner; chmod 700 folders and 600 files; ask whether a key leaked.",
        )
    return f"{len(there)} folders and files are closed to others"


def _private(path: Path) -> bool:
    found = path.stat()
    return found.st_uid == os.geteuid() and not stat.S_IMODE(found.st_mode) & 0o077


def _master_key(settings: Settings) -> str:
    """That it opens what this house sealed, and that the sealed key is the one the world knows."""
    signer = founding.signer(settings, Vault.read(settings.master_key), "log")
    if signer.verifier != _verifier(settings):
        raise StorageDamaged("the sealed key of the log is not the one in log.vkey")
    return "it opens the log's signing key"


def _clock(settings: Settings, now: datetime) -> str:
    """Against the newest batch of the log, and against what the file system wrote last."""
    records = _stable(lambda: journal.read_newest(settings.log_state))
    newest = datetime.fromtimestamp(records[-1].time if records else 0, UTC)
    written = datetime.fromtimestamp((settings.ledger / publish.CHECKPOINT).stat().st_mtime, UTC)
    for moment, what in ((newest, "the newest leaf of the log"), (written, "the last change of its checkpoint")):
        if now < moment - CLOCK_SLACK:
            raise ClockWentBack(f"the clock stands {moment - now} before {what}")
    return f"it stands at {now.astimezone(UTC):%Y-%m-%d %H:%M} UTC, after the newest leaf of the log"


def _log(settings: Settings) -> str:
    """That it recovers; while a server holds it, that its published checkpoint is its own."""
    if durable.locked(settings.log_state / "lock"):
        signed = (settings.ledger / publish.CHECKPOINT).read_bytes()
        size = open_checkpoint(signed, _verifier(settings)).size
        claim = newer.read(settings.log_state)
        if claim is not None:
            raise LogRolledBack(claim.says)
        return f"in use by a running server; {size:,} leaves are published"
    known = _keys(settings)
    found = _stable(lambda: recover(settings.ledger, settings.log_state, known))
    newer.check(settings.ledger, settings.log_state, known)
    return f"it recovers with {found.last.end:,} leaves, {found.published:,} of them published"


def _stable(read: Callable[[], T]) -> T:
    """Read twice where the first reading fails: a server may have begun a new segment in the middle of it."""
    try:
        return read()
    except (LogDamaged, FileNotFoundError):
        return read()


def _database(settings: Settings) -> str:
    revision = db.inspect(settings.database)
    size = settings.database.stat().st_size
    waits = "" if revision == db.HEAD else "; its schema is another version's, and the next start says more"
    return f"its structure is whole, {size / 2**20:,.1f} MiB{waits}"


def _backup(settings: Settings, now: datetime) -> str:
    """When the last one was made: a house without one is not ill, and is told."""
    rows = db.look(settings.database, "SELECT created, until, removed FROM backups ORDER BY created DESC")
    kept = [(created, until) for created, until, removed in rows if removed is None]
    if not kept:
        return "WARNING: there is none; make one with `countenance backup make FILE`"
    created, until = kept[0]
    if until <= ids.utc(now):
        return f"WARNING: the last one, made {created}, could be restored until {until}; make another, destroy that one"
    return f"the last one was made {created} and may be restored until {until}"


def _models(settings: Settings) -> str:
    """Each file against the SHA-256 of the manifest."""
    from countenance.vision import models

    manifest = models.chosen(settings.manifest)
    for model in (manifest.detector, manifest.embedder):
        models.read_source(model.file)
    return f"{manifest.detector.file.title} and {manifest.embedder.file.title} are the files of the manifest"


def _calibration(settings: Settings) -> str:
    from countenance.vision import models
    from countenance.vision.calibration import Calibration

    manifest = models.chosen(settings.manifest)
    record = Calibration.of(manifest, settings.manifest.parent if settings.manifest else None)
    record.check_model(manifest.digest)
    if record.threshold(record.verify_rate) is None:
        raise NotCalibrated("the calibration record cannot carry its own operating point")
    return f"made on {record.made_on}, with this model"


def _policy(settings: Settings, now: datetime) -> str:
    """The set that this house has in force; that of a fresh install where it has none yet."""
    policies = _in_force(settings)
    names = ", ".join(file.name for file in policies.files)
    if now.date() > policies.good_until:
        stale = ", ".join(file.name for file in policies.files if file.stale(now.date()))
        raise Misconfigured(
            f"{stale}: checked too long ago to allow anything",
            next_step="Install a version whose packs were checked again.",
        )
    soon = "; renew them soon" if policies.good_until - now.date() < SOON else ""
    return f"{names} load, and are good until {policies.good_until}{soon}"


def _in_force(settings: Settings) -> PolicySet:
    from countenance.policy import cedar
    from countenance.service import sets

    try:
        found = db.look(settings.database, sets.CURRENT)
    except CountenanceError:
        found = []  # why it can't be read is for the check of the database to say
    if not found:
        return cedar.load()
    digest, schema, texts = found[0]
    return sets.checked(digest, schema, json.loads(texts)).policies


def _verifier(settings: Settings) -> Verifier:
    raw = files.read_bounded(settings.log_vkey, KEY_BYTES, what="the log's public key", missing=NotInitialised)
    return Verifier.from_vkey(raw.decode("ascii", "replace").strip())


def _keys(settings: Settings) -> tuple[Verifier, ...]:
    """The log's key, and those before it from which the published announcements lead to it; no master key is needed."""
    own, history = _verifier(settings), settings.ledger / publish.HISTORY
    if not history.exists():
        return (own,)
    first = Verifier.from_vkey(history.read_bytes().decode("utf-8", "replace").partition("\n")[0])
    found = keychain.learned([first], publish.announcements(settings.ledger))
    return found if own in found else (own,)
