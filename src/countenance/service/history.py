"""What a customer was answered: its own decisions, and the receipt of each for as long as its closed part is kept.

It reads; it decides nothing. A leaf of another tenant, one whose closed part was erased and one that never was are
the same answer. Source: docs/ledger.md, for what a closed part holds.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import select

from countenance.domain.errors import NotFound
from countenance.ledger import proof
from countenance.storage.tables import closed_parts

if TYPE_CHECKING:
    from sqlalchemy import ColumnElement

    from countenance.service.app import House
    from countenance.service.auth import Principal

_OLDEST_FIRST = closed_parts.c.leaf_index.asc()
MOST_INDEX = 2**63 - 1  # what an index in SQL can be


@dataclass(frozen=True, slots=True)
class Entry:
    """One leaf about a customer, from its closed part. time: RFC 3339 UTC. Empty: does not apply."""

    index: int
    time: str
    outcome: str
    key: str
    collection: str
    subject: str
    account: str
    matter: str
    request: str


def page(house: House, who: Principal, after: int, limit: int) -> tuple[tuple[Entry, ...], int | None]:
    """Up to `limit` entries of the caller's customer with an index over `after`, oldest first; where to go on."""
    return page_of(house, who.customer.id, after, limit)


def page_of(house: House, customer: str, after: int, limit: int) -> tuple[tuple[Entry, ...], int | None]:
    """The same of a customer by its id, for its own people."""
    found = _entries(house, customer, closed_parts.c.leaf_index > after, limit + 1)
    return found[:limit], found[limit - 1].index if len(found) > limit else None


def about(house: House, who: Principal, subject: str) -> tuple[Entry, ...]:
    """Every entry about one subject of the caller's customer, oldest first."""
    return _entries(house, who.customer.id, closed_parts.c.subject_id == subject, None)


def newest_about(house: House, customer: str, subject: str, most: int | None) -> tuple[Entry, ...]:
    """Up to `most` entries about one subject of a customer, newest first; None: all."""
    return _entries(house, customer, closed_parts.c.subject_id == subject, most, closed_parts.c.leaf_index.desc())


def receipt(house: House, who: Principal, index: int) -> str:
    """The receipt of one of the caller's leaves, in the newest checkpoint. Raises NotFound."""
    mine = (closed_parts.c.leaf_index == index) & (closed_parts.c.customer_id == who.customer.id)
    query = select(closed_parts.c.nonce, closed_parts.c.closed).where(mine)
    with house.database.read() as connection:
        row = connection.execute(query).one_or_none() if 0 <= index <= MOST_INDEX else None
    if row is None:
        raise NotFound("there is no such decision of yours", next_step="List yours with GET /v1/decisions.")
    return proof.Receipt(house.log.prove(index), row.nonce, row.closed).line()


def _entries(
    house: House,
    customer: str,
    which: ColumnElement[bool],
    limit: int | None,
    order: ColumnElement[int] = _OLDEST_FIRST,
) -> tuple[Entry, ...]:
    query = select(closed_parts.c.leaf_index, closed_parts.c.closed).where(
        closed_parts.c.customer_id == customer, which, closed_parts.c.leaf_index < house.log.size
    )
    with house.database.read() as connection:
        rows = connection.execute(query.order_by(order).limit(limit)).all()
    return tuple(entry(row.leaf_index, json.loads(row.closed)) for row in rows)


def entry(index: int, closed: dict[str, str]) -> Entry:
    """What a closed part says of its leaf."""
    names = ("time", "outcome", "key", "collection", "subject", "account", "matter", "request")
    return Entry(index, **{name: closed[name] for name in names})
