"""Who is there: keys of customers, hashed at rest, shown once, bound to a grant, revocable at once.

A key is `cnt_` + key id + `_` + 43 characters of base64url (256 random bits), so one SHA-256 is hash enough.
An unknown key, a wrong secret, a revoked key and a suspended customer are the same answer.
"""

from __future__ import annotations

import re
import secrets
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from sqlalchemy import bindparam, func, insert, select, update

from countenance.domain import ids
from countenance.domain.errors import NotFound, Unauthenticated
from countenance.service import standing
from countenance.service.application import Customer, customer_of
from countenance.service.secret import hashed, opens
from countenance.storage.fixed import Fixed
from countenance.storage.tables import customers, grants, keys

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from sqlalchemy import Connection

    from countenance.storage.db import Database

_KEY = re.compile(r"\Acnt_([0-9a-f]{32})_([A-Za-z0-9_-]{43})\Z")
_HASH = Fixed(select(func.max(keys.c.hash).label("hash")).where(keys.c.id == bindparam("key")))
_LOOKUP = Fixed(
    select(
        keys.c.id.label("key_id"), keys.c.revoked,
        grants.c.id.label("grant_id"), grants.c.purposes, grants.c.modes, grants.c.places,
        grants.c.until, grants.c.status.label("grant_status"),
        customers.c.id.label("customer_id"), customers.c.facts, customers.c.sealed_key,
        customers.c.status.label("customer_status"),
    )
    .join(grants, grants.c.id == keys.c.grant_id)
    .join(customers, customers.c.id == grants.c.customer_id)
    .where(keys.c.id == bindparam("key"))
)  # fmt: skip
_GRANTED = (
    select(
        grants.c.id.label("grant_id"), grants.c.purposes, grants.c.modes, grants.c.places,
        grants.c.until, grants.c.status.label("grant_status"),
        customers.c.id.label("customer_id"), customers.c.facts, customers.c.sealed_key,
    )
    .join(customers, customers.c.id == grants.c.customer_id)
    .where(customers.c.status == "active")
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Grant:
    """What a customer was granted. `until`: RFC 3339, exclusive."""

    id: str
    purposes: frozenset[str]
    modes: frozenset[str]
    places: frozenset[str]
    until: str
    active: bool


@dataclass(frozen=True, slots=True)
class Principal:
    """An authenticated caller."""

    key: str
    customer: Customer
    grant: Grant


def issue(connection: Connection, grant: str, now: datetime) -> str:
    """A new key for this grant; its text is returned here and never again."""
    text, add = mint(grant, now)
    add(connection)
    return text


def mint(grant: str, now: datetime) -> tuple[str, Callable[[Connection], None]]:
    """The text of a new key for this grant, and what makes it count: the row that `add` writes."""
    key, secret = ids.new("key"), secrets.token_urlsafe(32)
    row = {"id": key, "grant_id": grant, "hash": hashed(secret), "created": ids.utc(now), "revoked": None}

    def add(connection: Connection) -> None:
        connection.execute(insert(keys), row)

    return f"cnt_{key.removeprefix('key_')}_{secret}", add


def revoke(connection: Connection, grant: str, key: str, now: datetime) -> None:
    """End a key of this grant by its id; it fails from the next call on. Raises NotFound, for another grant's too."""
    mine = (keys.c.id == key) & (keys.c.grant_id == grant) & keys.c.revoked.is_(None)
    done = connection.execute(update(keys).where(mine).values(revoked=ids.utc(now)))
    if done.rowcount != 1:
        raise NotFound("there is no such key in force")


@dataclass(frozen=True, slots=True)
class Key:
    """A key without its secret. Moments are RFC 3339 UTC; revoked None: in force."""

    id: str
    created: str
    revoked: str | None


def in_force(connection: Connection, grant: str) -> int:
    """How many keys of a grant are in force."""
    query = select(func.count()).where(keys.c.grant_id == grant, keys.c.revoked.is_(None))
    return int(connection.execute(query).scalar_one())


def keys_of(database: Database, grant: str) -> tuple[Key, ...]:
    """Every key of a grant, by the grant's id, oldest first."""
    query = select(keys.c.id, keys.c.created, keys.c.revoked).where(keys.c.grant_id == grant)
    with database.read() as connection:
        rows = connection.execute(query.order_by(keys.c.created, keys.c.id)).all()
    return tuple(Key(row.id, row.created, row.revoked) for row in rows)


def key_id(text: str) -> str:
    """The public id inside a key's text, to name it when revoking; raises Unauthenticated if malformed."""
    return "key_" + _parts(text)[0]


def authenticate(database: Database, text: str) -> Principal:
    """The caller behind a key's text, or Unauthenticated: one answer for every way to fail.

    Until the secret is known to be right nothing is read but its hash, as an aggregate, which has a row for a missing
    id too: so an id that exists takes no longer than one that does not. Only who was let in is remembered.
    """
    number, secret = _parts(text)
    return database.recent.look_up(_name(number, secret), partial(_looked_up, database, "key_" + number, secret))


def recall(database: Database, text: str) -> Principal | None:
    """The caller, where `authenticate` has just answered so and nothing was written since; None: ask it."""
    found = database.recent.recall(_name(*_parts(text)))
    return found if isinstance(found, Principal) else None


def _name(number: str, secret: str) -> tuple[str, str, bytes]:
    return "key", number, hashed(secret)


def _looked_up(database: Database, key: str, secret: str) -> Principal:
    (stored,) = database.rows(_HASH, key=key)
    if not opens(secret, stored.hash):
        raise _nobody()
    return _in_force(database, key)


def _in_force(database: Database, key: str) -> Principal:
    row = next(iter(database.rows(_LOOKUP, key=key)), None)
    if row is None or row.revoked is not None or row.customer_status != "active":
        raise _nobody()
    return Principal(row.key_id, _customer(database, row), _grant(row))


def still(database: Database, who: Principal) -> Principal:
    """The same caller as they are now. Raises Unauthenticated where the key has ended since it was looked up."""
    return _in_force(database, who.key)


def granted(database: Database, since: datetime) -> tuple[Principal, ...]:
    """Each grant that ends after `since`, of every customer in force, as a caller without a key; by grant."""
    query = _GRANTED.where(grants.c.until > ids.utc(since)).order_by(grants.c.id)
    with database.read() as connection:
        rows = connection.execute(query).all()
    return tuple(Principal("", _customer(database, row), _grant(row)) for row in rows)


def _customer(database: Database, row: Any) -> Customer:
    return customer_of(row.customer_id, row.facts, row.sealed_key, standing.of(database, row.customer_id))


def _parts(text: str) -> tuple[str, str]:
    found = _KEY.match(text.strip())
    if found is None:
        raise _nobody()
    return found.group(1), found.group(2)


def _nobody() -> Unauthenticated:
    return Unauthenticated("this key is not in force here")


def _grant(row: Any) -> Grant:
    purposes, modes, places = map(frozenset, (row.purposes, row.modes, row.places))
    return Grant(row.grant_id, purposes, modes, places, row.until, active=row.grant_status == "active")
