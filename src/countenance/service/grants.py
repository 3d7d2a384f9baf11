"""Grants and their keys, as people with accounts run them: the provider's people all, a customer's people their own.

Another's grant, key or customer and a missing one are one answer. An end and a revocation hold from the next call on,
and whether or not the log can be written (service/owed.py). The keys of a grant that has ended still open the way out:
withdrawal, erasure, export.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy import select, tuple_, update

from countenance.domain import ids
from countenance.domain.errors import Conflict, NotFound
from countenance.service import accounts, admit, auth, history, undone
from countenance.service.gate import Done, Private
from countenance.storage.tables import customers, grants

if TYPE_CHECKING:
    from collections.abc import Callable

    from sqlalchemy import Connection, Row, Select

    from countenance.service.accounts import Account
    from countenance.service.app import House
    from countenance.service.gate import Answered

    Part = tuple[tuple["Held", ...], str]


@dataclass(frozen=True, slots=True)
class Held:
    """A grant, and whose. name: the organisation's. Moments are RFC 3339 UTC; until: exclusive."""

    id: str
    customer: str
    name: str
    purposes: tuple[str, ...]
    modes: tuple[str, ...]
    places: tuple[str, ...]
    created: str
    until: str
    active: bool


@dataclass(frozen=True, slots=True)
class NewKey:
    """A new key. `key` is its text, shown here and never again."""

    id: str
    key: str


def listed(house: House, who: Account, named: str, after: str, limit: int) -> Answered[Part]:
    """Up to `limit` grants, oldest first, and the mark to go on from: a customer's, or all that this person may see."""
    of, missing = accounts.concerned(house, who, named)

    def work() -> Done[Part]:
        if missing is not None:
            raise missing
        return Done(_page(house, of, after, limit), "listed")

    return house.gate.administer(who.act("grant-list", of), Private(customer=of, account=who.id), work)


def end(house: House, who: Account, grant: str) -> Answered[str]:
    """End a grant from the next call on; its id. Raises Refused, NotFound, Conflict where it has ended."""

    def work(found: Row[Any]) -> Done[str]:
        about = Private(found.customer_id, found.id, account=who.id)
        return undone.ending(house, "grant", found.id, "ended", about, lambda made: _end(made, house, found.id))

    return _on(house, who, "grant-end", grant, work)


def keys(house: House, who: Account, grant: str) -> Answered[tuple[auth.Key, ...]]:
    """Every key of a grant, oldest first, without their secrets. Raises Refused, NotFound."""
    return _on(house, who, "key-list", grant, lambda found: Done(auth.keys_of(house.database, found.id), "listed"))


def issue(house: House, who: Account, grant: str) -> Answered[NewKey]:
    """One more key of a grant. Raises Refused, NotFound, Conflict where it has as many as it may or has ended."""

    def work(found: Row[Any]) -> Done[NewKey]:
        if found.until <= ids.utc(house.now()):
            raise _ended()
        text, add = auth.mint(found.id, house.now())
        made = NewKey(auth.key_id(text), text)

        def effect(connection: Connection) -> None:
            if auth.in_force(connection, found.id) >= admit.MOST_KEYS:
                raise admit.too_many_keys()
            add(connection)

        about = Private(found.customer_id, found.id, made.id)
        return Done(made, "issued", effect=effect, about=about)

    return _on(house, who, "key-issue", grant, work)


def revoke(house: House, who: Account, grant: str, key: str) -> Answered[str]:
    """End a key of a grant from the next call on; its id. Raises Refused, NotFound."""

    def work(found: Row[Any]) -> Done[str]:
        named = key if ids.is_id(key, "key") else ""
        about = Private(found.customer_id, found.id, named, account=who.id)
        return undone.ending(
            house, "key", key, "revoked", about, lambda made: auth.revoke(made, found.id, key, house.now())
        )

    return _on(house, who, "key-revoke", grant, work)


def decisions(house: House, who: Account, after: int, limit: int) -> Answered[tuple[tuple[history.Entry, ...], str]]:
    """Up to `limit` leaves about the person's own organisation, oldest first, and the mark to go on from."""

    def work() -> Done[tuple[tuple[history.Entry, ...], str]]:
        found, more = history.page_of(house, who.customer, after, limit)
        return Done((found, "" if more is None else str(more)), "listed")

    return house.gate.administer(
        who.act("decision-list", who.customer), Private(customer=who.customer, account=who.id), work
    )


def _on(house: House, who: Account, act: str, grant: str, work: Callable[[Row[Any]], Done[Any]]) -> Answered[Any]:
    """An act on one grant that this person may see."""
    query = _visible(who).where(grants.c.id == grant)
    with house.database.read() as connection:
        row = connection.execute(query).one_or_none()
    of = who.customer if row is None else row.customer_id

    def found() -> Done[Any]:
        if row is None:
            raise NotFound("there is no such grant", next_step="List the grants.")
        return work(row)

    about = Private(customer=of, grant="" if row is None else row.id, account=who.id)
    return house.gate.administer(who.act(act, of), about, found)


def _end(connection: Connection, house: House, grant: str) -> None:
    now = ids.utc(house.now())
    current = (grants.c.id == grant) & (grants.c.until > now)
    if connection.execute(update(grants).where(current).values(until=now)).rowcount != 1:
        raise _ended()


def _ended() -> Conflict:
    return Conflict("this grant has ended", next_step="Apply for another.")


def _page(house: House, of: str, after: str, limit: int) -> Part:
    created, _, last = after.partition(" ")
    query = _lookup().where(tuple_(grants.c.created, grants.c.id) > tuple_(created, last))
    if of:
        query = query.where(grants.c.customer_id == of)
    with house.database.read() as connection:
        rows = connection.execute(query.order_by(grants.c.created, grants.c.id).limit(limit + 1)).all()
    more = f"{rows[limit - 1].created} {rows[limit - 1].id}" if len(rows) > limit else ""
    now = ids.utc(house.now())
    return tuple(_held(row, now) for row in rows[:limit]), more


def _held(row: Row[Any], now: str) -> Held:
    return Held(
        id=row.id, customer=row.customer_id, name=row.facts["name"], purposes=tuple(row.purposes),
        modes=tuple(row.modes), places=tuple(row.places), created=row.created, until=row.until,
        active=row.status == "active" and now < row.until,
    )  # fmt: skip


def _lookup() -> Select[Any]:
    return select(grants, customers.c.facts).join(customers, customers.c.id == grants.c.customer_id)


def _visible(who: Account) -> Select[Any]:
    return _lookup().where(grants.c.customer_id == who.customer) if who.customer else _lookup()
