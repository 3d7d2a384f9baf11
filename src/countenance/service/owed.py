"""Leaves that are owed: written in the transaction of what they are about, paid right after, or at the next start.

For what must take effect whether or not the log can be written: a withdrawal. A crash between deed and leaf
leaves the debt in SQL; opening the house pays it by the same code.
"""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING

from sqlalchemy import delete, insert, select

from countenance.domain import ids
from countenance.service.gate import Private
from countenance.storage.tables import outbox

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from sqlalchemy import Connection

    from countenance.ledger.leaf import Json
    from countenance.service.app import House


def owe(
    connection: Connection, kind: str, words: Mapping[str, Json], about: Private, outcome: str, now: datetime
) -> int:
    """Note a leaf of this kind as owed; returns the debt's number."""
    row = {
        "kind": kind, "open": dict(words), "private": {**asdict(about), "outcome": outcome},
        "created": ids.utc(now),
    }  # fmt: skip
    inserted = connection.execute(insert(outbox), row).inserted_primary_key
    assert inserted is not None
    return int(inserted[0])


def pay_one(house: House, debt: int) -> str:
    """Write one owed leaf; returns its receipt."""
    return pay_proven(house, debt)[1]


def pay_proven(house: House, debt: int) -> tuple[int, str]:
    """Write one owed leaf; returns its index and receipt."""
    with house.database.read() as connection:
        row = connection.execute(select(outbox).where(outbox.c.id == debt)).one()
    private = dict(row.private)
    outcome = private.pop("outcome")
    written = house.gate.note(row.kind, row.open, Private(**private), outcome)
    with house.database.begin() as connection:
        connection.execute(delete(outbox).where(outbox.c.id == debt))
    return written


def pay(house: House) -> int:
    """Write every owed leaf; returns how many there were."""
    with house.database.read() as connection:
        debts = [row.id for row in connection.execute(select(outbox.c.id).order_by(outbox.c.id))]
    for debt in debts:
        pay_one(house, debt)
    return len(debts)
