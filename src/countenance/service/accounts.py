"""Who administers: people of the provider and of a customer, each with a registered key and roles.

There is no shared secret: a call is signed (service/signed.py), taken once, within a minute, and only for an account
that is in force. An unknown account, an ended one, another's key and a used signature are one answer. A person's name
is sealed at rest, a customer's people under the customer's own key, and is in no log and no leaf.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy import bindparam, delete, func, insert, select, tuple_, update

from countenance.domain import ids
from countenance.domain.decision import Act
from countenance.domain.errors import BadInput, Conflict, NotFound, UnknownWord
from countenance.ledger.vocabulary import ROLES
from countenance.service import owed, signed, undone
from countenance.service.gate import Done, Private, deed_words
from countenance.storage.fixed import Fixed
from countenance.storage.tables import accounts, customers, nonces

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sqlalchemy import Connection, Row, Select

    from countenance.service.app import House
    from countenance.service.gate import Answered

NAME_LIMIT = 100  # characters of a person's name
MOST_ACCOUNTS = 1000  # accounts of one organisation in force
WINDOW = 60  # seconds by which the moment of a signature may differ from the server's clock
KEPT = 10 * WINDOW  # seconds for which a used signature is remembered: far longer than it could be used again
STAND_IN = signed.public_key(signed.PersonKey(hashlib.sha256(b"countenance: nobody").digest()).public)
"""Verified in place of a key that there is not, so that it takes as long; what it verifies is nobody's all the same."""
_KEY = Fixed(select(func.max(accounts.c.public_key).label("public")).where(accounts.c.id == bindparam("account")))


@dataclass(frozen=True, slots=True)
class Account:
    """An authenticated person. customer: whose person; empty for the provider's."""

    id: str
    customer: str
    roles: frozenset[str]
    public_key: bytes

    @property
    def by(self) -> str:
        return "customer" if self.customer else "provider"

    def act(self, name: str, of: str, *, itself: bool = False, gives: Iterable[str] = ()) -> Act:
        """An act of this person on what is of an organisation: a customer's id, or empty for the provider."""
        return Act(name, self.by, self.roles, own=of == self.customer, itself=itself, gives=frozenset(gives))


@dataclass(frozen=True, slots=True)
class Person:
    """An account as it is listed, its name unsealed. public_key: base64. Moments are RFC 3339 UTC; ended None: not."""

    id: str
    name: str
    customer: str
    roles: tuple[str, ...]
    public_key: str
    created: str
    ended: str | None


@dataclass(frozen=True, slots=True)
class NewAccount:
    """What is to be registered. public_key: base64; customer: whose person it will be, empty for the provider's."""

    name: str
    roles: frozenset[str]
    public_key: str
    customer: str = ""


def authenticate(house: House, call: signed.SignedCall) -> Account:
    """The person who signed this call, or Unauthenticated: one answer for every way to fail. It is used up by it.

    Until the signature is known to hold nothing but the key is read, as an aggregate, which has a row for a missing
    account too: so an account that exists takes no longer than one that does not.
    """
    (stored,) = house.database.rows(_KEY, account=call.account)
    now = int(house.now().timestamp())
    held = signed.verify(stored.public or STAND_IN, call.base, call.signature)
    if not held or stored.public is None or abs(now - call.created) > WINDOW:
        raise signed.nobody()
    with house.database.read() as connection:
        row = connection.execute(_lookup().where(accounts.c.id == call.account)).one()
    if row.ended is not None or row.customer_status not in (None, "active"):
        raise signed.nobody()
    _use_up(house, call, now)
    return Account(row.id, row.customer_id or "", frozenset(row.roles), row.public_key)


def held(house: House, account: str, key: signed.PersonKey) -> Account:
    """The person whose private key is at hand on the machine itself. Raises Unauthenticated: one answer."""
    with house.database.read() as connection:
        row = connection.execute(_lookup().where(accounts.c.id == account)).one_or_none()
    stands = row is not None and row.ended is None and row.customer_status in (None, "active")
    if row is None or not stands or signed.base64_of(row.public_key) != key.public:
        raise signed.nobody()
    return Account(row.id, row.customer_id or "", frozenset(row.roles), row.public_key)


def _use_up(house: House, call: signed.SignedCall, now: int) -> None:
    """Remember a signature that holds, in SQL, so that a restart forgets none; drop those that are too old anyway."""
    try:
        with house.database.begin() as connection:
            connection.execute(delete(nonces).where(nonces.c.seen < now - KEPT))
            row = {"account_id": call.account, "nonce": call.nonce, "seen": call.created}
            connection.execute(insert(nonces), row)
    except Conflict:
        raise signed.nobody() from None


@dataclass(frozen=True, slots=True)
class Registered:
    """A new account, and the receipt of its leaf."""

    id: str
    receipt: str


def register(house: House, who: Account, new: NewAccount) -> Answered[str]:
    """Register a person, in the name of `who`; the id. Raises Refused, NotFound, Conflict, BadInput, UnknownWord."""
    of, missing = concerned(house, who, new.customer)
    made = ids.new("account")

    def work() -> Done[str]:
        if missing is not None:
            raise missing
        key = _checked(new)
        about = Private(customer=of, account=who.id, matter=made)
        return Done(
            made, "registered", effect=lambda connection: _add(house, connection, made, new, of, key), about=about
        )

    act = who.act("account-register", of, gives=new.roles)
    return house.gate.administer(act, Private(customer=of, account=who.id), work)


def register_here(house: House, new: NewAccount) -> Registered:
    """Register a person on the machine itself: whoever can read the master key is where trust begins."""
    key, made = _checked(new), ids.new("account")
    about = Private(customer=new.customer, matter=made)

    def effect(connection: Connection) -> None:
        if new.customer and _customer(connection, new.customer) is None:
            raise _no_customer()
        _add(house, connection, made, new, new.customer, key)

    return Registered(made, owed.by_machine(house, "account-register", about, "registered", effect))


def end(house: House, who: Account, account: str) -> Answered[str]:
    """End an account, from its next call on. Raises Refused; NotFound for one that has ended or is not to be seen."""
    with house.database.read() as connection:
        row = connection.execute(_visible(who).where(accounts.c.id == account)).one_or_none()
    of = who.customer if row is None else (row.customer_id or "")

    def work() -> Done[str]:
        if row is None:
            raise _no_account()
        about = Private(customer=of, account=who.id, matter=account)
        return undone.ending(house, "account", account, "ended", about, lambda made: _end(made, account, house))

    act = who.act("account-end", of, itself=account == who.id)
    return house.gate.administer(act, Private(customer=of, account=who.id, matter=account if row else ""), work)


def end_here(house: House, account: str) -> str:
    """End an account on the machine itself; the receipt of its leaf. Raises NotFound."""
    with house.database.begin() as connection:
        row = connection.execute(_lookup().where(accounts.c.id == account)).one_or_none()
        if row is None:
            raise _no_account()
        _end(connection, account, house)
        about = Private(customer=row.customer_id or "", matter=account)
        words = deed_words("account-end", "machine")
        debt = owed.owe(connection, "administration", words, about, "ended", house.now())
        revocation = undone.owe(connection, house, "account", account, about)
    owed.pay_one(house, revocation)
    return owed.pay_one(house, debt)


def listed(house: House, who: Account, named: str, after: str, limit: int) -> Answered[tuple[tuple[Person, ...], str]]:
    """Up to `limit` accounts of an organisation, oldest first, and the mark to go on from, empty at the end.

    named: a customer's id; the person's own organisation where it is empty.
    """
    of, missing = concerned(house, who, named)

    def work() -> Done[tuple[tuple[Person, ...], str]]:
        if missing is not None:
            raise missing
        return Done(page(house, of, after, limit), "listed")

    return house.gate.administer(who.act("account-list", of), Private(customer=of, account=who.id), work)


def page(house: House, of: str, after: str, limit: int) -> tuple[tuple[Person, ...], str]:
    """A part of the list of an organisation's accounts, as `listed` gives it."""
    mine = accounts.c.customer_id == of if of else accounts.c.customer_id.is_(None)
    query = _lookup().where(mine, tuple_(accounts.c.created, accounts.c.id) > tuple_(*_mark(after)))
    with house.database.read() as connection:
        rows = connection.execute(query.order_by(accounts.c.created, accounts.c.id).limit(limit + 1)).all()
    more = f"{rows[limit - 1].created} {rows[limit - 1].id}" if len(rows) > limit else ""
    return tuple(_person(house, row) for row in rows[:limit]), more


def everybody(house: House) -> tuple[Person, ...]:
    """Every account of the house, oldest first: for the machine's own command line."""
    with house.database.read() as connection:
        rows = connection.execute(_lookup().order_by(accounts.c.created, accounts.c.id)).all()
    return tuple(_person(house, row) for row in rows)


def concerned(house: House, who: Account, named: str) -> tuple[str, NotFound | None]:
    """The organisation that an act concerns, and why there is none of this name for this person.

    A customer's people concern their own, whatever they name: another's and a missing one are the same answer.
    """
    if named in ("", who.customer):
        return who.customer, None
    if who.customer:
        return who.customer, _no_customer()
    with house.database.read() as connection:
        return (named, None) if _customer(connection, named) is not None else ("", _no_customer())


def _mark(after: str) -> tuple[str, str]:
    created, _, last = after.partition(" ")
    return created, last


def _add(house: House, connection: Connection, made: str, new: NewAccount, of: str, key: bytes) -> None:
    """The row of a new account. Raises Conflict for a key that the organisation knows."""
    digest = hashlib.sha256(f"{of or 'provider'}\n".encode() + key).digest()
    if connection.execute(select(accounts.c.id).where(accounts.c.key_digest == digest)).first() is not None:
        raise Conflict(
            "this key is registered already", next_step="One person, one account: make a key of its own for each."
        )
    mine = accounts.c.customer_id == of if of else accounts.c.customer_id.is_(None)
    if len(connection.execute(select(accounts.c.id).where(mine, accounts.c.ended.is_(None))).all()) >= MOST_ACCOUNTS:
        raise Conflict(f"an organisation has at most {MOST_ACCOUNTS} accounts", next_step="End one that is not used.")
    row = {
        "id": made, "customer_id": of or None, "name": _seal(house, connection, made, of, new.name),
        "public_key": key, "key_digest": digest, "roles": sorted(new.roles), "created": ids.utc(house.now()),
        "ended": None,
    }  # fmt: skip
    connection.execute(insert(accounts), row)


def _end(connection: Connection, account: str, house: House) -> None:
    here = (accounts.c.id == account) & accounts.c.ended.is_(None)
    if connection.execute(update(accounts).where(here).values(ended=ids.utc(house.now()))).rowcount != 1:
        raise _no_account()


def _checked(new: NewAccount) -> bytes:
    """The public key, once name and roles are what an account may have."""
    if not new.name.strip() or len(new.name) > NAME_LIMIT or not new.name.isprintable():
        raise BadInput(f"a person's name has 1 to {NAME_LIMIT} printable characters")
    if not new.roles:
        raise BadInput("an account has at least one role", next_step=f"Choose of: {', '.join(sorted(ROLES))}.")
    if odd := sorted(new.roles - ROLES):
        shown = odd[0] if odd[0].isascii() and odd[0].isprintable() and len(odd[0]) <= 40 else "this"
        raise UnknownWord(f"{shown} is not a role", next_step=f"Known are: {', '.join(sorted(ROLES))}.")
    if "assessor" in new.roles and (new.roles != {"assessor"} or new.customer):
        raise BadInput(
            "an assessor is from outside the provider, has no other role, and is no customer's person",
            next_step="Register that person with the one role `assessor`, or without it.",
        )
    return signed.public_key(new.public_key)


def _seal(house: House, connection: Connection, made: str, of: str, name: str) -> bytes:
    if not of:
        return house.vault.seal(name.encode(), label=_label(made))
    row = _customer(connection, of)
    if row is None:
        raise _no_customer()
    return house.vault.open_customer_key(of, row.sealed_key).seal(name.encode(), _label(made).encode())


def _name(house: House, row: Row[Any]) -> str:
    if not row.customer_id:
        return house.vault.open(row.name, label=_label(row.id)).decode()
    if row.sealed_key is None:
        return ""  # the customer has left, and its people's names with it
    key = house.vault.open_customer_key(row.customer_id, row.sealed_key)
    return key.open(row.name, _label(row.id).encode()).decode()


def _label(account: str) -> str:
    return f"account\n{account}"


def _person(house: House, row: Row[Any]) -> Person:
    public = signed.base64_of(row.public_key)
    return Person(row.id, _name(house, row), row.customer_id or "", tuple(row.roles), public, row.created, row.ended)


def _lookup() -> Select[Any]:
    return select(
        accounts, customers.c.status.label("customer_status"), customers.c.sealed_key.label("sealed_key")
    ).outerjoin(customers, customers.c.id == accounts.c.customer_id)


def _visible(who: Account) -> Select[Any]:
    """Accounts in force that a person may name: the provider's people all, a customer's people their own."""
    query = _lookup().where(accounts.c.ended.is_(None))
    return query.where(accounts.c.customer_id == who.customer) if who.customer else query


def _customer(connection: Connection, customer: str) -> Row[Any] | None:
    query = select(customers).where(
        customers.c.id == customer, customers.c.status == "active", customers.c.sealed_key.is_not(None)
    )
    found: Row[Any] | None = connection.execute(query).one_or_none()
    return found


def _no_customer() -> NotFound:
    return NotFound("there is no such customer", next_step="List the grants, which name their customers.")


def _no_account() -> NotFound:
    return NotFound("there is no such account in force", next_step="List the accounts.")
