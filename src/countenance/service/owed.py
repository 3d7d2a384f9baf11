"""Leaves that are owed: written in the transaction of what they are about, paid right after, or at the next start.

For what must take effect whether or not the log can be written: a withdrawal. A crash between deed and leaf
leaves the debt in SQL; opening the house pays it by the same code. Who owes, who repeats the call and an erasure may
come to pay one debt at the same time: one of them writes the leaf, and all get its receipt. A command that runs beside
the house and has no log of its own (`countenance backup`) owes its leaf too, and the house pays it within seconds.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from concurrent.futures import Future
from dataclasses import asdict
from typing import TYPE_CHECKING

from sqlalchemy import delete, insert, select, true

from countenance.domain import ids
from countenance.domain.errors import CountenanceError, LogUnavailable
from countenance.service import kept
from countenance.service.gate import Private, deed_words
from countenance.service.rounds import Rounds
from countenance.storage.tables import outbox

PACE = 5.0
"""Seconds between two looks for what other processes owe."""

FROM_OUTSIDE = "backup"
"""The kind of leaf that other processes owe, and no request of the house itself; but for an emergency stop."""

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from datetime import datetime

    from sqlalchemy import Connection

    from countenance.ledger.leaf import Json
    from countenance.service.app import House

    Effect = Callable[[Connection], Iterable[int] | None]


REMEMBERED = 256  # debts whose receipt is kept in memory for others who come to pay them; far more than calls at once


class Debts:
    """Which debts are being paid, and the receipts of the newest that were. Thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._proven: OrderedDict[int, Future[tuple[int, str]]] = OrderedDict()

    def claim(self, debt: int) -> tuple[Future[tuple[int, str]], bool]:
        """The receipt to come, and whether the caller is the one to write the leaf."""
        with self._lock:
            found = self._proven.get(debt)
            if found is not None:
                return found, False
            self._proven[debt] = made = Future[tuple[int, str]]()
            for old in [number for number, one in self._proven.items() if one.done()][:-REMEMBERED]:
                del self._proven[old]
            return made, True

    def give_up(self, debt: int) -> None:
        """Let the next one who comes write the leaf."""
        with self._lock:
            self._proven.pop(debt, None)


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


def by_machine(house: House, act: str, about: Private, outcome: str, effect: Effect) -> str:
    """An act on the machine itself: what it changes and the debts of its leaves in one; the receipt of its own leaf.

    effect: writes rows, and gives the debts of other leaves, which are paid before it, where there are any.
    """
    with house.database.begin() as connection:
        debts = [*(effect(connection) or ())]
        words = deed_words(act, "machine")
        debt = owe(connection, "administration", words, about, outcome, house.now())
    for each in debts:
        pay_one(house, each)
    return pay_one(house, debt)


def pay_one(house: House, debt: int) -> str:
    """Write one owed leaf; returns its receipt."""
    return pay_proven(house, debt)[1]


def pay_proven(house: House, debt: int) -> tuple[int, str]:
    """Write one owed leaf, or wait for who writes it; its index and receipt, which a kept answer gets too."""
    proven, mine = house.debts.claim(debt)
    if not mine:
        return proven.result()
    try:
        proven.set_result(_pay(house, debt))
    except BaseException as error:
        house.debts.give_up(debt)
        proven.set_exception(error)
        raise
    return proven.result()


def _pay(house: House, debt: int) -> tuple[int, str]:
    with house.database.read() as connection:
        row = connection.execute(select(outbox).where(outbox.c.id == debt)).one()
    private = dict(row.private)
    outcome = private.pop("outcome")
    written = house.gate.note(row.kind, row.open, Private(**private), outcome)
    with house.database.begin() as connection:
        kept.settle(connection, house.vault, debt, written[1])
        connection.execute(delete(outbox).where(outbox.c.id == debt))
    return written


def pay(house: House, kind: str = "") -> int:
    """Write every owed leaf, or those of one kind; returns how many there were."""
    of_kind = outbox.c.kind == kind if kind else true()
    with house.database.read() as connection:
        debts = [row.id for row in connection.execute(select(outbox.c.id).where(of_kind).order_by(outbox.c.id))]
    for debt in debts:
        pay_one(house, debt)
    return len(debts)


class Payer(Rounds):
    """While it is entered, what other processes owe is paid: a thread of its own, at rest between two looks."""

    def __init__(self, house: House, pace: float = PACE) -> None:
        super().__init__("owed-payer", pace)
        self._house = house

    def _once(self) -> bool:
        try:
            self._look()
        except LogUnavailable:
            return False  # the log stopped, and every append and /readyz say so; the next start pays
        except CountenanceError:
            return True  # the database was busy: the debt stays, and the next look finds it
        return True

    def _look(self) -> None:
        """What other processes left for the house: that the log was rolled back, a leaf that is owed, a new key."""
        from countenance.service import rolled, rotation  # which build on the house

        rolled.look(self._house)
        pay(self._house, FROM_OUTSIDE)
        rotation.advance(self._house)
