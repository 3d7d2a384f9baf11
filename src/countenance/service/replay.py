"""What the log says was undone since a backup, undone again in the database that was restored from it.

The leaves after the backup's checkpoint carry keyed digests of the ids that were erased, withdrawn and revoked. Each id
in the database is digested the same way; what is found again is deleted or ended, by the code that did it the first
time. Doing it twice changes nothing. What was added since is in no backup: it is counted, and never guessed at. It
writes no leaf, for the leaves are there; and nobody is named. Source: docs/adr/0062-backups-and-the-ledger.md.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from sqlalchemy import Table, delete, insert, select, update

from countenance.gallery.faces import Faces
from countenance.ledger import adopt, leaf
from countenance.service import rejoin, undone
from countenance.service.erase import remove
from countenance.storage.admission import verifications
from countenance.storage.tables import (
    accounts,
    backups,
    closed_parts,
    consents,
    erasures,
    grants,
    keys,
    outbox,
    person_links,
    subjects,
)

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from sqlalchemy import Connection

    from countenance.ledger.leaf import Leaf
    from countenance.storage.db import Database
    from countenance.storage.vault import Vault


class Ending(NamedTuple):
    """How rows of a table end: which column says when, and is empty, or later, until they do."""

    table: Table
    column: str


ENDINGS: dict[tuple[str, str], Ending] = {
    ("withdrawal", ""): Ending(consents, "withdrawn"),
    ("revocation", "key"): Ending(keys, "revoked"),
    ("revocation", "grant"): Ending(grants, "until"),
    ("revocation", "account"): Ending(accounts, "ended"),
    ("revocation", "verification"): Ending(verifications, "withdrawn"),
}
"""By kind of leaf and its `of`: everything that ends but erasures, which delete."""


@dataclass(slots=True)
class Since:
    """What the log says after a backup.

    leaves: how many, by kind; enrolments: allowed and done; undone: by kind and `of`, the hour of each digest.
    copies: leaves of backups, in order; promises: of changes and laws, in order; commitments: by index.
    """

    leaves: Counter[str] = field(default_factory=Counter)
    enrolments: int = 0
    undone: dict[tuple[str, str], dict[str, str]] = field(default_factory=dict)
    copies: list[Leaf] = field(default_factory=list)
    promises: list[Leaf] = field(default_factory=list)
    commitments: dict[int, bytes] = field(default_factory=dict)

    def take(self, index: int, found: Leaf) -> None:
        """One leaf more."""
        self.leaves[found.kind] += 1
        self.enrolments += _enrols(found)
        self.commitments[index] = found.commitment
        if found.kind == "backup":
            self.copies.append(found)
        if found.kind in rejoin.KINDS:
            self.promises.append(found)
        digests = found.open.get("undoes", [])
        assert isinstance(digests, list)
        known = self.undone.setdefault((found.kind, str(found.open.get("of", ""))), {})
        known.update({str(digest): str(found.open["time"]) for digest in digests})

    def digests(self, kind: str, of: str = "") -> Mapping[str, str]:
        return self.undone.get((kind, of), {})


@dataclass(frozen=True, slots=True)
class Replayed:
    """How many were undone again. traces: bytes that must not be found in the database's files any more."""

    erased: int
    withdrawn: int
    revoked: int
    traces: tuple[bytes, ...]


def since(public: Path, start: int, size: int) -> Since:
    """Read the leaves from `start` on, of a folder that `fsck` found whole. Raises BadRecord, LogDamaged."""
    found = Since()
    for index, entry in adopt.leaves(public, start, size):
        found.take(index, leaf.parse(entry))
    return found


def replay(database: Database, vault: Vault, told: Since, start: int) -> Replayed:
    """Undo again in one transaction what was undone since `start`, the log's size that the backup knows."""
    faces = Faces(database, vault)
    with database.begin() as connection:
        _drop_paid(connection, told)
        ended = {which: _end(connection, vault, which, told) for which in ENDINGS}
        gone, traces = _erase(connection, faces, vault, told)
        traces += _check_closed(connection, told, start)
        _list_copies(connection, told)
        connection.execute(delete(person_links))  # no leaf says which were ended since, so none opens again
    revoked = sum(ended["revocation", of] for of in ("key", "grant", "account", "verification"))
    return Replayed(gone, ended["withdrawal", ""], revoked, traces)


def _enrols(found: Leaf) -> bool:
    ask, opened = found.open.get("ask"), found.open
    done = opened.get("verdict") == "allow" and not opened.get("outside-policy")
    return done and isinstance(ask, dict) and ask["action"] == "enrol"


def _drop_paid(connection: Connection, told: Since) -> None:
    """A leaf that was owed in the backup and is in the log needs no second one, which would be the same digest."""
    for debt in connection.execute(select(outbox)).all():
        known = told.digests(debt.kind, debt.open.get("of", ""))
        if any(digest in known for digest in debt.open.get("undoes", [])) or _is_told(debt.kind, debt.open, told):
            connection.execute(delete(outbox).where(outbox.c.id == debt.id))


def _is_told(kind: str, words: Mapping[str, object], told: Since) -> bool:
    """Whether a leaf about this backup, of this step, is in the log."""
    return kind == "backup" and any(all(copy.open[key] == words[key] for key in words) for copy in told.copies)


def _end(connection: Connection, vault: Vault, which: tuple[str, str], told: Since) -> int:
    """End what these leaves ended and the backup did not know of; returns how many."""
    ending, hours, done = ENDINGS[which], told.digests(*which), 0
    its = ending.table.c
    if not hours:
        return 0
    for row in connection.execute(select(its.id, its[ending.column])).all():
        hour = hours.get(undone.digest(vault, which[0], row.id))
        if hour is not None and (row[1] is None or row[1] > hour):
            connection.execute(update(ending.table).where(its.id == row.id).values({ending.column: hour}))
            done += 1
    return done


def _erase(connection: Connection, faces: Faces, vault: Vault, told: Since) -> tuple[int, tuple[bytes, ...]]:
    """Delete whom these leaves erased, and notes of those erasures that the backup holds unfinished."""
    gone, digests = 0, told.digests("erasure")
    traces: list[bytes] = []
    for note in connection.execute(select(erasures).where(erasures.c.state != "certified")).all():
        kept = note.undoes or undone.digest(vault, "erasure", note.subject_id or "")
        if kept in digests:
            connection.execute(delete(erasures).where(erasures.c.id == note.id))
    for subject in connection.execute(select(subjects.c.id)).scalars().all() if digests else ():
        if undone.digest(vault, "erasure", subject) in digests:
            _drop_debts(connection, subject)
            traces += (*remove(connection, faces, vault, subject), subject.encode())
            gone += 1
    return gone, tuple(traces)


def _drop_debts(connection: Connection, subject: str) -> None:
    """Leaves that were owed about somebody were written before that person was erased."""
    for debt in connection.execute(select(outbox)).all():
        if debt.private["subject"] == subject:
            connection.execute(delete(outbox).where(outbox.c.id == debt.id))


def _check_closed(connection: Connection, told: Since, start: int) -> tuple[bytes, ...]:
    """Closed parts beyond the checkpoint may be of a batch that never came to be: keep what the leaf commits to."""
    traces: list[bytes] = []
    for row in connection.execute(select(closed_parts).where(closed_parts.c.leaf_index >= start)).all():
        if told.commitments.get(row.leaf_index) != leaf.commit(row.closed, row.nonce):
            connection.execute(delete(closed_parts).where(closed_parts.c.leaf_index == row.leaf_index))
            traces.append(row.nonce)
    return tuple(traces)


def _list_copies(connection: Connection, told: Since) -> None:
    """The list of backups as the log knows it: a copy that is newer than this one may exist, too."""
    known = set(connection.execute(select(backups.c.id)).scalars())
    for copy in told.copies:
        backup, hour = str(copy.open["backup"]), str(copy.open["time"])
        if backup not in known:
            row = {"id": backup, "created": hour, "until": str(copy.open["until"]), "removed": None}
            connection.execute(insert(backups), row)
            known.add(backup)
        if copy.open["step"] == "ended":
            connection.execute(update(backups).where(backups.c.id == backup).values(removed=hour))
