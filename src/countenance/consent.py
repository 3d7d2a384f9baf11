"""Whose faces may be candidates: the bases on record, and what they cover right now.

A basis is a consent (who, for what, when, how, until when, and that the person is an adult), or `demonstration`,
for published portraits that are erased at the end. It covers one purpose. Candidates of a search are narrowed
here before the search; nothing here ever filters a result. Source: ISO/IEC TS 27560:2023 for the fields.
"""

from __future__ import annotations

from dataclasses import dataclass
from threading import Lock
from typing import TYPE_CHECKING

from sqlalchemy import bindparam, insert, or_, select, update

from countenance.domain import ids
from countenance.domain.errors import BadInput
from countenance.storage.fixed import Fixed
from countenance.storage.tables import consents, subjects

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from sqlalchemy import Connection

    from countenance.storage.db import Database

BASES = ("consent", "demonstration")
IN_WRITING = "in-writing"
MANNERS = (IN_WRITING, "electronic", "spoken", "published-portrait")


@dataclass(frozen=True, slots=True)
class Basis:
    """The ground on which one subject may be enrolled and searched for one purpose."""

    basis: str
    purpose: str
    given_at: datetime
    until: datetime
    adult: bool
    manner: str
    notice: str
    recorded_by: str


def check(basis: Basis, now: datetime) -> None:
    """Raise BadInput unless the record can stand: known words, an adult, a term that is open, a notice."""
    problems = [
        (basis.basis not in BASES, f"the basis is one of {', '.join(BASES)}"),
        (basis.manner not in MANNERS, f"the manner is one of {', '.join(MANNERS)}"),
        (not basis.adult, "the record must say that the person is an adult: minors are not enrolled"),
        (basis.given_at > now, "a basis cannot be given in the future"),
        (basis.until <= now, "the term has ended already"),
        (not basis.notice.strip(), "say what the person was told: the notice"),
        (not basis.recorded_by.strip(), "say who recorded it"),
        (basis.basis == "demonstration" and basis.purpose != "demonstration",
         "the basis demonstration serves the purpose demonstration only"),
    ]  # fmt: skip
    for wrong, says in problems:
        if wrong:
            raise BadInput(f"this basis cannot be recorded: {says}")


def record(connection: Connection, subject: str, basis: Basis) -> str:
    """Store a checked basis; returns its id."""
    consent = ids.new("consent")
    row = {
        "id": consent, "subject_id": subject, "purpose": basis.purpose, "basis": basis.basis,
        "given_at": ids.utc(basis.given_at), "until": ids.utc(basis.until), "adult": basis.adult,
        "notice": basis.notice, "manner": basis.manner, "recorded_by": basis.recorded_by, "withdrawn": None,
    }  # fmt: skip
    connection.execute(insert(consents), row)
    return consent


def withdraw(connection: Connection, subject: str, purpose: str | None, now: datetime) -> tuple[str, ...]:
    """Withdraw every open basis of this subject, or those for one purpose; returns their ids."""
    mine = (consents.c.subject_id == subject) & consents.c.withdrawn.is_(None)
    if purpose is not None:
        mine &= consents.c.purpose == purpose
    found = tuple(connection.execute(select(consents.c.id).where(mine).order_by(consents.c.id)).scalars())
    connection.execute(update(consents).where(mine).values(withdrawn=ids.utc(now)))
    return found


class Candidates:
    """Which subjects of a collection are covered for a purpose; cached until a basis changes or ends.

    One house has one process on its folder, so every change passes through `changed`. A search asks `still`
    about its hits before it answers, so even a cache that is behind cannot name a person who left.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self._cache: dict[tuple[str, str], _Covered] = {}
        self._lock = Lock()

    def changed(self) -> None:
        """Forget the cache: a basis was recorded, withdrawn or erased."""
        with self._lock:
            self._cache.clear()

    def active(self, collection: str, purpose: str, now: datetime) -> frozenset[str]:
        """The subjects whose basis covers this purpose now; the same object until something changes."""
        return self._kept(collection, purpose, now).subjects

    def in_writing(self, collection: str, purpose: str, now: datetime) -> bool:
        """Whether there are such subjects, and each of them consented in writing."""
        return self._kept(collection, purpose, now).in_writing

    def basis(self, collection: str, subject: str, purpose: str, now: datetime) -> tuple[str, bool]:
        """The basis on which this subject is covered now, a consent before any other; empty: none. And whether there
        is a consent in writing."""
        asked = _covered(collection, purpose, ids.utc(now))
        found = self._database.rows(_COVERED_ONE, **asked, subject=subject)
        known, written = {row.basis for row in found}, any(_written(row.basis, row.manner) for row in found)
        return next((basis for basis in BASES if basis in known), ""), written

    def still(self, collection: str, of: Iterable[str], purpose: str, now: datetime) -> frozenset[str]:
        """Those of the given subjects that SQL, which is the truth, says are covered at this very moment."""
        asked = {**_covered(collection, purpose, ids.utc(now)), "subjects": list(of)}
        with self._database.read() as connection:
            return frozenset(row.id for row in connection.execute(_COVERED_SOME, asked))

    def _kept(self, collection: str, purpose: str, now: datetime) -> _Covered:
        moment = ids.utc(now)
        with self._lock:
            kept = self._cache.get((collection, purpose))
            if kept is None or moment >= kept.until:
                kept = self._read(collection, purpose, moment)
                self._cache[(collection, purpose)] = kept
            return kept

    def _read(self, collection: str, purpose: str, moment: str) -> _Covered:
        with self._database.read() as connection:
            rows = connection.execute(_COVERED, _covered(collection, purpose, moment)).all()
        subjects = frozenset(row.id for row in rows)
        written = frozenset(row.id for row in rows if _written(row.basis, row.manner))
        until = min((row.until for row in rows), default="9999")
        return _Covered(subjects, bool(subjects) and written == subjects, until)


@dataclass(frozen=True, slots=True)
class _Covered:
    """Who in a collection is covered for a purpose; whether all are in writing; when the first basis ends."""

    subjects: frozenset[str]
    in_writing: bool
    until: str


def _written(basis: str, manner: str) -> bool:
    return basis == "consent" and manner == IN_WRITING


_COVERED = (
    select(subjects.c.id, consents.c.until, consents.c.basis, consents.c.manner)
    .join(consents, consents.c.subject_id == subjects.c.id)
    .where(
        subjects.c.collection_id == bindparam("collection"),
        consents.c.purpose == bindparam("purpose"),
        consents.c.given_at <= bindparam("moment"),
        consents.c.until > bindparam("moment"),
        consents.c.withdrawn.is_(None),
        consents.c.adult,
        or_(consents.c.basis == "consent", consents.c.purpose == "demonstration"),
    )
)
_COVERED_ONE = Fixed(_COVERED.where(subjects.c.id == bindparam("subject")))
_COVERED_SOME = _COVERED.where(subjects.c.id.in_(bindparam("subjects", expanding=True)))


def _covered(collection: str, purpose: str, moment: str) -> dict[str, str]:
    return {"collection": collection, "purpose": purpose, "moment": moment}
