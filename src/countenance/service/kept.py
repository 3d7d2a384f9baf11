"""Kept answers: what a call that creates came to, for a day, so that it may be sent again. Rows only.

A row is written in the transaction of the deed, so there is never one without the other. It says who asked and what
in keyed digests alone (a plain hash would find a photograph again), and holds the answer sealed under the customer's
key. Where the leaf of the deed is only owed then, its receipt comes with the transaction that pays it. A row about a
person is bound to the subject, and goes with it. Nothing here decides: `service/repeat.py` does.
Source: docs/adr/0063-idempotency.md.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from sqlalchemy import delete, insert, select, update

from countenance.domain import ids
from countenance.storage.tables import customers, kept_answers

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from sqlalchemy import Connection, Row

    from countenance.service.app import House
    from countenance.service.auth import Principal
    from countenance.storage.db import Database
    from countenance.storage.vault import CustomerKey, Vault

TERM = timedelta(hours=24)  # for which an answer is kept
MOST = 10_000  # answers of one customer; about 60 MB
TRACE = 32  # bytes of a sealed answer that are looked for after an erasure: its nonce is among them


class Once:
    """How the answer of one call is kept. This one keeps nothing: a call without a key is done as often as it comes."""

    __slots__ = ()

    def keep(
        self, connection: Connection, answer: Mapping[str, Any], *, subject: str = "", debt: int | None = None
    ) -> None:
        """Keep the answer in the transaction of its deed.

        subject: whom it is about; empty where nobody. debt: the leaf that is owed, whose receipt the answer lacks.
        """


FREELY = Once()


@dataclass(frozen=True, slots=True)
class Keyed(Once):
    """A call under a key. scope: 32 bytes by which it is found again; request: 32 bytes that another would not have."""

    house: House
    who: Principal
    scope: bytes
    request: bytes

    def keep(
        self, connection: Connection, answer: Mapping[str, Any], *, subject: str = "", debt: int | None = None
    ) -> None:
        plain = json.dumps(answer, ensure_ascii=False, allow_nan=False).encode()
        row = {
            "scope": self.scope, "customer_id": self.who.customer.id, "subject_id": subject or None,
            "request": self.request, "answer": self._key().seal(plain, _place("answer", self.scope)),
            "receipt": None, "debt": debt, "created": ids.utc(self.house.now()),
        }  # fmt: skip
        connection.execute(delete(kept_answers).where(kept_answers.c.scope == self.scope))  # one that is over
        connection.execute(insert(kept_answers), row)

    def found(self) -> Row[Any] | None:
        """The row of this call that is not over, or None."""
        its = kept_answers.c
        query = select(kept_answers).where(its.scope == self.scope, its.created > _oldest(self.house.now()))
        with self.house.database.read() as connection:
            return connection.execute(query).one_or_none()

    def opened(self, row: Row[Any]) -> dict[str, Any]:
        """The answer in a row, with its receipt where there is one. Raises StorageDamaged."""
        key = self._key()
        answer: dict[str, Any] = json.loads(key.open(row.answer, _place("answer", self.scope)))
        if row.receipt is not None:
            answer["receipt"] = key.open(row.receipt, _place("receipt", self.scope)).decode()
        return answer

    def _key(self) -> CustomerKey:
        customer = self.who.customer
        return self.house.vault.open_customer_key(customer.id, customer.sealed_key)


def settle(connection: Connection, vault: Vault, debt: int, receipt: str) -> None:
    """Add the receipt of a leaf that was owed to the answer that waits for it, if one does."""
    its = kept_answers.c
    query = select(its.scope, its.customer_id, customers.c.sealed_key).join(customers).where(its.debt == debt)
    row = connection.execute(query).one_or_none()
    if row is None or row.sealed_key is None:
        return
    key = vault.open_customer_key(row.customer_id, row.sealed_key)
    sealed = key.seal(receipt.encode(), _place("receipt", row.scope))
    connection.execute(update(kept_answers).where(its.scope == row.scope).values(receipt=sealed, debt=None))


def forget(connection: Connection, subject: str) -> tuple[bytes, ...]:
    """Delete every kept answer about a subject; returns the bytes that must not be found again."""
    about = kept_answers.c.subject_id == subject
    rows = connection.execute(select(kept_answers).where(about)).all()
    connection.execute(delete(kept_answers).where(about))
    sealed = [blob[:TRACE] for row in rows for blob in (row.answer, row.receipt) if blob is not None]
    return (*sealed, *(row.scope for row in rows), *(row.request for row in rows))


def sweep(database: Database, now: datetime, customer: str = "") -> int:
    """Delete what is over, and of this customer all but the newest MOST; returns how many rows went."""
    its = kept_answers.c
    newest = select(its.id).where(its.customer_id == customer).order_by(its.id.desc())
    with database.begin() as connection:
        over = connection.execute(delete(kept_answers).where(its.created <= _oldest(now))).rowcount
        first_too_many = connection.execute(newest.offset(MOST).limit(1)).scalar()
        if first_too_many is None:
            return over
        old = (its.customer_id == customer) & (its.id <= first_too_many)
        return over + connection.execute(delete(kept_answers).where(old)).rowcount


def _oldest(now: datetime) -> str:
    return ids.utc(now - TERM)


def _place(what: str, scope: bytes) -> bytes:
    """The associated data of a sealed part: which part, of which row."""
    return f"kept-{what}\n{scope.hex()}".encode()
