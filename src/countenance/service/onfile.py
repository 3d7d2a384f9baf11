"""What is on file under a statute, as the gate reads it: the papers of each agency, kept in memory until one is added.

The gate asks of every call, so what it gets here is looked up once for each use, key and day; a customer that is no
public agency and acts for none has nothing on file. An authority that a call names may only narrow it: a call that lies
outside is refused, also where it would need none. It writes nothing: service/filings.py does.
Source: docs/washington.md, "What the gate reads".
"""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from sqlalchemy import bindparam, select

from countenance.domain.decision import Paperwork
from countenance.domain.errors import Conflict, NotFound
from countenance.policy.words import LAW_ENFORCEMENT
from countenance.service.known import known
from countenance.statute import book as books
from countenance.statute import reading, standing
from countenance.statute.book import Book, Filing, Use
from countenance.storage.fixed import Fixed
from countenance.storage.tables import accounts, customers, filings

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import date

    from sqlalchemy import Row

    from countenance.domain.decision import Ask, Authority
    from countenance.domain.errors import CountenanceError
    from countenance.service.app import House
    from countenance.service.auth import Principal

PUBLIC = frozenset({*LAW_ENFORCEMENT, "public-agency"})
"""Sectors whose paperwork is looked up, in a customer or in whom it acts for."""

_REMEMBERED = 256  # uses of one agency, and agencies
_ENDED = Fixed(
    select(accounts.c.id).where(accounts.c.customer_id == bindparam("customer"), accounts.c.ended.is_not(None))
)


@dataclass(frozen=True, slots=True)
class OnRecord:
    """What is on record for one call. outside: why the authority that it names does not cover it, or None."""

    paperwork: Paperwork
    authority: Authority | None = None
    outside: CountenanceError | None = None


NOTHING = OnRecord(Paperwork())


@dataclass(slots=True)
class _Held:
    """An agency's book, and what was worked out of it."""

    book: Book
    found: dict[standing.Asked, Paperwork] = field(default_factory=dict)


class OnFile:
    """The papers of a house. Thread-safe."""

    def __init__(self, house: House) -> None:
        self._house = house
        self._held: dict[str, _Held] = {}
        self._tests: tuple[Book, ...] | None = None
        self._changes = 0
        self._lock = threading.Lock()
        self._remedied = frozenset(known(house, Book(())).remedied)

    def record(self, who: Principal, ask: Ask, under: str, collection: str, now: datetime) -> OnRecord:
        """What is on record for an ask. under: the id of the authority that the call names; empty: none."""
        if not under and not (ask.sector in PUBLIC or ask.acts_for & PUBLIC or ask.requested_by & PUBLIC):
            return NOTHING
        held = self._of(who.customer.id)
        paper = self._paperwork(held, who.customer.id, self.use(ask.purpose, ask.place, ask.camera), who.key, now)
        if not under:
            return OnRecord(paper)
        filing = held.book.named(under, "authority")
        if filing is None:
            return OnRecord(paper, None, NotFound("there is no such authority", next_step="List what was filed."))
        called = standing.Called(filing, held.book, ask.purpose, ask.mode, collection)
        says = called.outside(now)
        step = "Name an authority that covers this call, or none."
        return OnRecord(paper, called.fact(now), Conflict(says, next_step=step) if says else None)

    def paperwork(self, customer: str, use: Use, key: str, now: datetime) -> Paperwork:
        """What is on record for a use under a key of a customer."""
        return self._paperwork(self._of(customer), customer, use, key, now)

    def book(self, customer: str) -> Book:
        """Every paper of a customer, with what is sealed left sealed."""
        return self._of(customer).book

    def agency(self, customer: str) -> str:
        """The name of an organisation, as it applied."""
        with self._house.database.read() as connection:
            facts = connection.execute(select(customers.c.facts).where(customers.c.id == customer)).scalar_one()
        return str(facts["name"])

    def use(self, purpose: str, place: str, camera: str) -> Use:
        """A use with the model and the thresholds that are in use now."""
        return Use(purpose, place, camera, self._house.engine.model_digest, self._house.calibration.digest)

    def overdue(self, now: datetime) -> tuple[books.Mitigating, ...]:
        """Mitigations that are late, whichever agency's test they answer."""
        with self._lock:
            found, changes = self._tests, self._changes
        if found is None:
            rows = self._rows(filings.c.kind.in_(("independent-test", "mitigation")))
            found = (Book(tuple(map(filing_of, rows))),)
            with self._lock:
                self._tests = found if changes == self._changes else None
        return books.overdue(found, _day(now))

    def changed(self, customer: str) -> None:
        """A paper of this customer was added: look at all of them anew."""
        with self._lock:
            self._changes += 1
            self._held.pop(customer, None)
            self._tests = None

    def ended(self, customer: str) -> frozenset[str]:
        """The accounts of a customer that are in force no more."""
        return frozenset(row.id for row in self._house.database.rows(_ENDED, customer=customer))

    def _paperwork(self, held: _Held, customer: str, use: Use, key: str, now: datetime) -> Paperwork:
        asked = standing.Asked(use, key, self.ended(customer), self._remedied, _day(now))
        found = held.found.get(asked)
        if found is None:
            if len(held.found) >= _REMEMBERED:
                held.found.clear()
            found = held.found[asked] = standing.paperwork(held.book, asked)
        return found

    def _of(self, customer: str) -> _Held:
        with self._lock:
            found, changes = self._held.get(customer), self._changes
        if found is not None:
            return found
        made = _Held(Book(tuple(map(filing_of, self._rows(filings.c.customer_id == customer)))))
        with self._lock:
            if changes == self._changes:
                if len(self._held) >= _REMEMBERED:
                    self._held.clear()
                self._held[customer] = made
        return made

    def _rows(self, which: Any) -> Iterable[Row[Any]]:
        with self._house.database.read() as connection:
            return connection.execute(select(filings).where(which).order_by(filings.c.number)).all()


def filing_of(row: Row[Any]) -> Filing:
    """A filing from its SQL row, sealed fields left sealed."""
    return Filing(
        id=row.id, kind=row.kind, about=row.about or "", at=datetime.fromisoformat(row.created),
        paper=reading.kept(row.kind, row.facts["said"], row.facts["sealed"]), model=row.model, threshold=row.threshold,
        digest=row.digest,
    )  # fmt: skip


def _day(now: datetime) -> date:
    return now.astimezone(UTC).date()
