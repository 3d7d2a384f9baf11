"""Whose faces may be candidates: the bases on record, and what they cover right now.

A basis is a consent (who, for what, when, how, until when, and that the person is an adult), or `demonstration`,
for published portraits that are erased at the end. It covers one purpose. Candidates of a search are narrowed
here before the search; nothing here ever filters a result. A refusal is on record too, and covers nothing.
Source: ISO/IEC TS 27560:2023 for the fields; `service/agreed.py` writes them as that standard has them.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from threading import Lock
from typing import TYPE_CHECKING

from sqlalchemy import bindparam, insert, or_, select, update

from countenance.domain import ids
from countenance.domain.errors import BadInput, Conflict
from countenance.storage.fixed import Fixed
from countenance.storage.tables import consents, subjects

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from sqlalchemy import Connection

    from countenance.storage.db import Database
    from countenance.storage.vault import CustomerKey

BASES = ("consent", "demonstration")
IN_WRITING = "in-writing"
GIVEN, WITHDRAWN = "consent_given", "consent_withdrawn"
REFUSED = "consent_refused"
"""Events of a record. The standard has no value for a refusal, so this one is ours."""

EVENTS = (GIVEN, REFUSED)
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
    event: str = GIVEN
    evidence: str = ""
    language: str = ""
    lawful_basis: str = ""
    controller: str = ""
    method: str = ""
    location: str = ""

    @property
    def refused(self) -> bool:
        """Whether this records that the person said no."""
        return self.event == REFUSED

    @property
    def details(self) -> dict[str, str]:
        """What may name somebody, and is sealed at rest: empty texts where nothing was said."""
        return {name: getattr(self, name) for name in DETAILS}


DETAILS = ("evidence", "language", "lawful_basis", "controller", "method", "location")
"""Where the proof is kept; BCP 47 tag of the notice; the ground in law; who answers for it; how and where collected."""


def check(basis: Basis, now: datetime) -> None:
    """Raise BadInput unless the record can stand: known words, an adult, an open term, a notice, evidence."""
    problems = [
        (basis.event not in EVENTS, f"the event is one of {', '.join(EVENTS)}"),
        (basis.refused and basis.basis != "consent", "only a consent can be refused"),
        (not basis.purpose.strip(), "say for which purpose"),
        (basis.basis == "consent" and not basis.evidence.strip(),
         "say where its evidence is kept: the signed form, the recording, the entry of the sign-up"),
        (basis.basis not in BASES, f"the basis is one of {', '.join(BASES)}"),
        (basis.manner not in MANNERS, f"the manner is one of {', '.join(MANNERS)}"),
        (not basis.adult and not basis.refused,
         "the record must say that the person is an adult: minors are not enrolled"),
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


def record(connection: Connection, subject: str, basis: Basis, seal: CustomerKey) -> str:
    """Store a checked basis; returns its id. Raises Conflict for a refusal beside an open basis for that purpose."""
    if basis.refused and connection.execute(_OPEN, {"subject": subject, "purpose": basis.purpose}).first():
        raise Conflict("a basis for this purpose is open, so this is no refusal", next_step="Withdraw it instead.")
    consent = ids.new("consent")
    plain = json.dumps(basis.details, sort_keys=True, ensure_ascii=False).encode()
    row = {
        "id": consent, "subject_id": subject, "purpose": basis.purpose, "basis": basis.basis,
        "given_at": ids.utc(basis.given_at), "until": ids.utc(basis.until), "adult": basis.adult,
        "notice": basis.notice, "manner": basis.manner, "recorded_by": basis.recorded_by, "withdrawn": None,
        "event": basis.event, "details": seal.seal(plain, _place(consent)),
    }  # fmt: skip
    connection.execute(insert(consents), row)
    return consent


def details(seal: CustomerKey, consent: str, sealed: bytes | None) -> dict[str, str]:
    """The sealed part of a record; empty texts for one that is older than they are. Raises StorageDamaged."""
    if sealed is None:
        return dict.fromkeys(DETAILS, "")
    found: dict[str, str] = json.loads(seal.open(sealed, _place(consent)))
    return found


def _place(consent: str) -> bytes:
    return f"consent-details\n{consent}".encode()


def withdraw(connection: Connection, subject: str, purpose: str | None, now: datetime) -> tuple[str, ...]:
    """Withdraw every open basis of this subject, or those for one purpose; returns their ids."""
    mine = (consents.c.subject_id == subject) & consents.c.withdrawn.is_(None) & (consents.c.event == GIVEN)
    if purpose is not None:
        mine &= consents.c.purpose == purpose
    found = tuple(connection.execute(select(consents.c.id).where(mine).order_by(consents.c.id)).scalars())
    connection.execute(update(consents).where(mine).values(withdrawn=ids.utc(now)))
    return found


_OPEN = select(consents.c.id).where(
    consents.c.subject_id == bindparam("subject"),
    consents.c.purpose == bindparam("purpose"),
    consents.c.withdrawn.is_(None),
    consents.c.event == GIVEN,
)


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
        consents.c.event == GIVEN,
        consents.c.adult,
        or_(consents.c.basis == "consent", consents.c.purpose == "demonstration"),
    )
)
_COVERED_ONE = Fixed(_COVERED.where(subjects.c.id == bindparam("subject")))
_COVERED_SOME = _COVERED.where(subjects.c.id.in_(bindparam("subjects", expanding=True)))


def _covered(collection: str, purpose: str, moment: str) -> dict[str, str]:
    return {"collection": collection, "purpose": purpose, "moment": moment}
