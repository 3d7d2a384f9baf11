"""Collections, subjects and the bases on record, as a customer keeps them; and the way out: withdrawal.

Every look-up goes through the caller's own customer id, so another tenant's id and a missing one are one answer.
A subject has a random id; the customer's own name for it (`alias`) is sealed at rest and found by a keyed digest.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any

from sqlalchemy import bindparam, func, insert, select

from countenance import consent
from countenance.domain import ids
from countenance.domain.errors import BadInput, Conflict, NotFound
from countenance.service import owed, undone
from countenance.service.gate import Private
from countenance.service.kept import FREELY, Once
from countenance.storage.fixed import Fixed
from countenance.storage.tables import collections, subjects, templates

if TYPE_CHECKING:
    from sqlalchemy import Connection, Row, Select

    from countenance.consent import Basis
    from countenance.service.app import House
    from countenance.service.auth import Principal
    from countenance.storage.vault import CustomerKey

CONSENT_FACTS = {"consent": "on-record", "demonstration": "demonstration", "": "none"}  # basis: the policy's word
MOST_KEPT = 3650  # days of a collection's own term of retention
NAME_LIMIT = 100  # characters of a collection's name or a subject's alias
_OWN = select(collections).where(collections.c.customer_id == bindparam("customer")).order_by(collections.c.name)
_MINE = Fixed(_OWN)
_TWO = Fixed(_OWN.limit(2))  # enough to tell the only one from one of several
_NAMED = Fixed(_OWN.where((collections.c.id == bindparam("name")) | (collections.c.name == bindparam("name"))).limit(2))
_SUBJECT = Fixed(
    select(subjects.c.id).where(
        subjects.c.collection_id == bindparam("collection"),
        (subjects.c.id == bindparam("name")) | (subjects.c.alias_digest == bindparam("digest")),
    )
)


@dataclass(frozen=True, slots=True)
class Collection:
    """One gallery of one customer for one purpose. keep_days: its own term of retention; None: it has none."""

    id: str
    name: str
    purpose: str
    created: str
    keep_days: int | None = None


@dataclass(frozen=True, slots=True)
class Subject:
    """A person in a collection, under the customer's own name for them."""

    id: str
    alias: str
    references: int


def create_collection(
    house: House, who: Principal, name: str, purpose: str, once: Once = FREELY, *, keep_days: int | None = None
) -> Collection:
    """A new, empty collection for one purpose of the caller's grant. once: how the answer is kept for a repeat."""
    _check_name(name)
    if keep_days is not None and not 1 <= keep_days <= MOST_KEPT:
        raise BadInput(f"people are kept for 1 to {MOST_KEPT} days after they were last met")
    if purpose not in who.grant.purposes:
        raise BadInput(
            "a collection serves one purpose of the grant",
            next_step=f"Choose one of: {', '.join(sorted(who.grant.purposes))}.",
        )
    made = Collection(ids.new("collection"), name, purpose, ids.utc(house.now()), keep_days)
    row = {**asdict(made), "customer_id": who.customer.id}
    with house.database.begin() as connection:
        if connection.execute(_OWN.where(collections.c.name == name), {"customer": who.customer.id}).first():
            raise Conflict("a collection of this name exists", next_step="Choose another name, or use that one.")
        connection.execute(insert(collections), row)
        once.keep(connection, asdict(made))
    return made


def list_collections(house: House, who: Principal) -> tuple[Collection, ...]:
    """The caller's collections, by name."""
    return tuple(map(_collection, house.database.rows(_MINE, customer=who.customer.id)))


def collection(house: House, who: Principal, name_or_id: str) -> Collection:
    """One of the caller's collections, by id or name; the only one where the text is empty."""

    def read() -> Collection:
        rows = house.database.rows(_NAMED if name_or_id else _TWO, customer=who.customer.id, name=name_or_id)
        if rows and (name_or_id or len(rows) == 1):
            return _collection(rows[0])
        raise NotFound(
            "there is no such collection",
            next_step="List yours with `countenance collection list`, or make one with "
            "`countenance collection create`.",
        )

    return house.database.recent.look_up(_name(who, name_or_id), read)


def recall(house: House, who: Principal, name_or_id: str) -> Collection | None:
    """The collection, where `collection` has just answered so and nothing was written since; None: ask it."""
    found = house.database.recent.recall(_name(who, name_or_id))
    return found if isinstance(found, Collection) else None


def _name(who: Principal, collection: str) -> tuple[str, str, str]:
    return "collection", who.customer.id, collection


def subject_id(house: House, who: Principal, inside: Collection, alias_or_id: str) -> str:
    """The id of a subject of this collection, by id or alias. Raises NotFound."""
    digest = alias_digest(customer_key(house, who), inside, alias_or_id)
    found = house.database.rows(_SUBJECT, collection=inside.id, name=alias_or_id, digest=digest)
    if len(found) != 1:
        raise NotFound(
            "there is no such subject in this collection",
            next_step="List the subjects with `countenance subject list`; record a basis for a new one with "
            "`countenance consent give`.",
        )
    return str(found[0].id)


@dataclass(frozen=True, slots=True)
class Target:
    """The subject of a call, as the gate wants it: what is on record, or why there is nobody."""

    subject: str
    about: Private
    consent: str
    written: bool
    problem: NotFound | None


def target(house: House, who: Principal, inside: Collection, alias_or_id: str, purpose: str) -> Target:
    """Find the subject of a call and whether a basis covers this purpose now. Never raises NotFound itself."""
    about = Private(who.customer.id, who.grant.id, who.key, inside.id)
    now = house.now()

    def read() -> tuple[str, str, bool]:
        subject = subject_id(house, who, inside, alias_or_id)
        return subject, *house.candidates.basis(inside.id, subject, purpose, now)

    try:
        # A basis begins and ends on a second, so within one the answer is the same until something is written.
        name = ("target", inside.id, alias_or_id, purpose, ids.utc(now))
        subject, basis, written = house.database.recent.look_up(name, read)
    except NotFound as missing:
        return Target("", about, "none", False, missing)  # noqa: FBT003
    return Target(subject, replace(about, subject=subject), CONSENT_FACTS[basis], written, None)


def nothing_enrolled() -> NotFound:
    """For a subject with a basis but no reference yet."""
    return NotFound(
        "this subject has no reference yet", next_step="Enrol a photograph with `countenance subject enrol`."
    )


def list_subjects(house: House, who: Principal, inside: Collection) -> tuple[Subject, ...]:
    """The subjects of a collection with their aliases unsealed, by alias."""
    found = _subjects(house, who, inside, _with_references(inside))
    return tuple(sorted(found, key=lambda subject: subject.alias))


def page_of_subjects(
    house: House, who: Principal, inside: Collection, after: str, limit: int
) -> tuple[tuple[Subject, ...], str]:
    """Up to `limit` subjects whose id comes after this one, by id; and the id to go on from, empty at the end."""
    query = _with_references(inside).where(subjects.c.id > after).order_by(subjects.c.id).limit(limit + 1)
    found = _subjects(house, who, inside, query)
    return found[:limit], found[limit - 1].id if len(found) > limit else ""


def _with_references(inside: Collection) -> Select[tuple[str, bytes, int]]:
    return (
        select(subjects.c.id, subjects.c.alias, func.count(templates.c.id).label("n"))
        .outerjoin(templates, templates.c.subject_id == subjects.c.id)
        .where(subjects.c.collection_id == inside.id)
        .group_by(subjects.c.id)
    )


def _subjects(
    house: House, who: Principal, inside: Collection, query: Select[tuple[str, bytes, int]]
) -> tuple[Subject, ...]:
    key = customer_key(house, who)
    with house.database.read() as connection:
        rows = connection.execute(query).all()
    return tuple(Subject(row.id, key.open(row.alias, _alias_aad(inside, row.id)).decode(), row.n) for row in rows)


@dataclass(frozen=True, slots=True)
class Recorded:
    """A basis on record: whose, for what, and the receipt of its leaf."""

    subject: str
    purpose: str
    receipt: str


def give_consent(
    house: House, who: Principal, inside: Collection, alias: str, basis: Basis, once: Once = FREELY
) -> Recorded:
    """Record a basis for a person, who becomes a subject of the collection if new. The leaf is owed with it."""
    _check_name(alias)
    consent.check(basis, house.now())
    if basis.purpose != inside.purpose:
        raise BadInput(f"this collection is for {inside.purpose}: a basis for another purpose does not belong in it")
    words = {"purpose": basis.purpose, "basis": "refused" if basis.refused else basis.basis}
    with house.database.begin() as connection:
        subject = subject_row(connection, house, who, inside, alias)
        record = consent.record(connection, subject, basis, customer_key(house, who))
        about = Private(who.customer.id, who.grant.id, who.key, inside.id, subject)
        debt = owed.owe(connection, "consent", words, about, record, house.now())
        once.keep(connection, {"subject": subject, "purpose": basis.purpose}, subject=subject, debt=debt)
    house.candidates.changed()
    return Recorded(subject, basis.purpose, owed.pay_one(house, debt))


def withdraw(house: House, who: Principal, inside: Collection, alias_or_id: str) -> str:
    """Withdraw every open basis of a subject. In force before this returns; returns the leaf's receipt.

    Never asked of the policy: leaving always works. The leaf is owed in the same transaction, so a log that
    cannot be written now does not stop the withdrawal; it is written at the next start.
    """
    subject = subject_id(house, who, inside, alias_or_id)
    return withdraw_all(house, inside, Private(who.customer.id, who.grant.id, who.key, inside.id, subject))


def withdraw_all(house: House, inside: Collection, about: Private) -> str:
    """The same of the subject that the closed part will name, whoever asks for it. Raises Conflict: nothing is open."""
    subject = about.subject
    with house.database.begin() as connection:
        withdrawn = consent.withdraw(connection, subject, None, house.now())
        if not withdrawn:
            raise Conflict("nothing to withdraw: no basis of this subject is open")
        debts = [
            owed.owe(connection, "withdrawal", {"purpose": inside.purpose, **words}, about, "withdrawn", house.now())
            for words in (undone.undoes(house.vault, "withdrawal", share) for share in undone.shares(withdrawn))
        ]
    house.candidates.changed()
    receipts = [owed.pay_one(house, debt) for debt in debts]
    return receipts[0]


def customer_key(house: House, who: Principal) -> CustomerKey:
    """The caller's own key, unwrapped for one request."""
    return house.vault.open_customer_key(who.customer.id, who.customer.sealed_key)


def alias_digest(key: CustomerKey, inside: Collection, alias: str) -> bytes:
    return key.digest(f"{inside.id}\n{alias}".encode())


def subject_row(connection: Connection, house: House, who: Principal, inside: Collection, alias: str) -> str:
    """The id of the subject of this alias, made where it is new."""
    key = customer_key(house, who)
    digest = alias_digest(key, inside, alias)
    query = select(subjects.c.id).where(subjects.c.collection_id == inside.id, subjects.c.alias_digest == digest)
    found = connection.execute(query).scalar_one_or_none()
    if found is not None:
        return str(found)
    made = ids.new("subject")
    row = {
        "id": made, "collection_id": inside.id, "alias": key.seal(alias.encode(), _alias_aad(inside, made)),
        "alias_digest": digest, "created": ids.utc(house.now()),
    }  # fmt: skip
    connection.execute(insert(subjects), row)
    return made


def _collection(row: Row[Any]) -> Collection:
    return Collection(row.id, row.name, row.purpose, row.created)


def _alias_aad(inside: Collection, subject: str) -> bytes:
    return f"alias\n{inside.id}\n{subject}".encode()


def _check_name(name: str) -> None:
    if not name.strip() or len(name) > NAME_LIMIT or not name.isprintable():
        raise BadInput(f"a name has 1 to {NAME_LIMIT} printable characters")
