"""Keys that the meter locked, and the two people who have to look before they go on.

Where a measure of the meter is reached and the rules refuse, the key of the ask (or, where the measure is the
customer's over all its keys, every key of it) is locked: in memory from the next call on, and in SQL in one transaction
with the debt of its leaf. A lock is lifted when two people of the provider with different accounts, and so different
keys, have each looked at it; each look is an administrative act with its leaf. The way out (withdrawal, erasure, a
person's own access) is not the policy's to refuse and stays open. No lock runs out. Source: docs/activity.md.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from threading import Lock
from typing import TYPE_CHECKING, Any

from sqlalchemy import insert, select, tuple_, update

from countenance.domain import ids
from countenance.domain.decision import Activity, activity_of
from countenance.domain.errors import Conflict, NotFound
from countenance.service import owed
from countenance.service.gate import Done, Private
from countenance.service.rounds import Rounds
from countenance.storage.metering import locks, looks
from countenance.storage.tables import grants, keys

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy import Connection, Row

    from countenance.service.accounts import Account
    from countenance.service.app import House
    from countenance.service.auth import Principal
    from countenance.service.gate import Answered

LOOKS = 2
"""People who have to look; what core's rule says of itself."""
PACE = 1800.0
"""Seconds between two sweeps of counts that no measure reads any more."""


@dataclass(frozen=True, slots=True)
class Held:
    """A lock. key: empty where it holds every key of the customer; looked: how many people have; released: or None."""

    id: str
    customer: str
    key: str
    reached: tuple[str, ...]
    created: str
    looked: int
    released: str | None


@dataclass(frozen=True, slots=True)
class Looked:
    """What a look came to: of how many people so far, and whether the key goes on."""

    id: str
    looked: int
    released: bool


class Locks:
    """The locks in force, by key or customer, as SQL has them. Thread-safe."""

    def __init__(self, house: House) -> None:
        self._house = house
        self._lock = Lock()
        self._held: dict[str, frozenset[str]] = {}

    def load(self) -> None:
        """What a restart finds locked."""
        with self._house.database.read() as connection:
            rows = connection.execute(select(locks).where(locks.c.released.is_(None))).all()
        with self._lock:
            self._held = {row.key_id or row.customer_id: frozenset(row.reached) for row in rows}

    def standing(self, who: Principal, action: str) -> Activity:
        """What the rules read before anything is decoded: whether this key may go on, and why not."""
        held = [self._held[name] for name in (who.key, who.customer.id) if name in self._held]
        reached = frozenset[str]().union(*held)
        return replace(activity_of(reached, one_to_many=action == "identify"), tripped=bool(held))

    def impose(self, who: Principal, seen: Activity) -> None:
        """Lock the key, or the customer's every key, unless it is. The next call is refused whatever becomes of SQL."""
        name = who.customer.id if seen.whole else who.key
        with self._lock:
            if name in self._held:
                return
            self._held[name] = frozenset(seen.reached)
        about = Private(who.customer.id, "" if seen.whole else who.grant.id, "" if seen.whole else who.key)

        def effect(connection: Connection) -> None:
            row = {
                "id": ids.new("lock"), "customer_id": who.customer.id, "key_id": None if seen.whole else who.key,
                "reached": sorted(seen.reached), "created": ids.utc(self._house.now()), "released": None,
            }  # fmt: skip
            connection.execute(insert(locks), row)

        owed.by_machine(self._house, "lock-impose", about, "locked", effect)

    def lift(self, name: str) -> None:
        """The key, or the customer, goes on."""
        with self._lock:
            self._held.pop(name, None)


class Sweeper(Rounds):
    """While it is entered, counts that no measure reads any more are deleted now and then."""

    def __init__(self, house: House, pace: float = PACE) -> None:
        super().__init__("meter-sweeper", pace)
        self._house = house

    def _once(self) -> bool:
        self._house.meter.sweep(self._house.now())
        return True


def listed(house: House, who: Account, after: str, limit: int) -> Answered[tuple[tuple[Held, ...], str]]:
    """Up to `limit` locks, oldest first, the lifted ones too, and the mark to go on from: the provider's to see."""

    def work() -> Done[tuple[tuple[Held, ...], str]]:
        return Done(_page(house, after, limit), "listed")

    return house.gate.administer(who.act("lock-list", ""), Private(account=who.id), work)


def look(house: House, who: Account, lock: str) -> Answered[Looked]:
    """Look at a lock and let the key go on; it does once two have. Raises Refused, NotFound, Conflict where done."""
    with house.database.read() as connection:
        row = connection.execute(select(locks).where(locks.c.id == lock)).one_or_none()
        looked = set() if row is None else _looked(connection, row.id)
    # A customer's person is refused, and learns of nobody's lock.
    about = Private(customer="" if row is None or who.customer else row.customer_id, account=who.id)

    def work() -> Done[Looked]:
        if row is None:
            raise NotFound("there is no such lock", next_step="List the locks.")
        if row.released is not None or who.id in looked:
            raise _seen()
        count = len(looked) + 1
        made = Looked(row.id, count, count >= LOOKS)
        return Done(
            made, "released" if made.released else "looked",
            effect=lambda connection: _note(connection, house, row, who, made),
            settled=lambda: house.locks.lift(row.key_id or row.customer_id) if made.released else None,
        )  # fmt: skip

    return house.gate.administer(who.act("lock-look", ""), about, work)


def _note(connection: Connection, house: House, row: Row[Any], who: Account, made: Looked) -> None:
    """The look, and with the last of them the release and a fresh start of the counts, in one transaction."""
    moment = ids.utc(house.now())
    if who.id in _looked(connection, row.id) or len(_looked(connection, row.id)) != made.looked - 1:
        raise _seen()
    connection.execute(insert(looks), {"lock_id": row.id, "account_id": who.id, "created": moment})
    if made.released:
        connection.execute(update(locks).where(locks.c.id == row.id).values(released=moment))
        house.meter.absolve(connection, _scopes(connection, row))


def _scopes(connection: Connection, row: Row[Any]) -> Sequence[str]:
    """Whose counts begin anew: the customer's, and those of the key, or of all its keys."""
    if row.key_id:
        return [row.customer_id, row.key_id]
    its = select(keys.c.id).join(grants, grants.c.id == keys.c.grant_id).where(grants.c.customer_id == row.customer_id)
    return [row.customer_id, *connection.execute(its).scalars()]


def _looked(connection: Connection, lock: str) -> set[str]:
    return set(connection.execute(select(looks.c.account_id).where(looks.c.lock_id == lock)).scalars())


def _page(house: House, after: str, limit: int) -> tuple[tuple[Held, ...], str]:
    created, _, last = after.partition(" ")
    query = select(locks).where(tuple_(locks.c.created, locks.c.id) > tuple_(created, last))
    with house.database.read() as connection:
        rows = connection.execute(query.order_by(locks.c.created, locks.c.id).limit(limit + 1)).all()
        found = tuple(_held(row, len(_looked(connection, row.id))) for row in rows[:limit])
    more = f"{rows[limit - 1].created} {rows[limit - 1].id}" if len(rows) > limit else ""
    return found, more


def _held(row: Row[Any], looked: int) -> Held:
    reached = tuple(row.reached)
    return Held(row.id, row.customer_id, row.key_id or "", reached, row.created, looked, row.released)


def _seen() -> Conflict:
    return Conflict("you have looked at this lock, or it is lifted", next_step="It takes two different people.")
