"""A person's own page, without an account: a link to it, what it shows, and the three ways on from there.

A link is for one subject, ends by itself, can be ended before, and goes with an erasure. Its secret is shown once and
kept as a hash. Nothing here is asked of the policy: what is held about somebody is theirs to see, take and end, also
when the customer's grant has ended. Every opening of the page is a leaf of kind `access`, which names nobody.
An unknown link, a wrong secret, one that ended and a customer that left are one answer. Source: docs/people.md.
"""

from __future__ import annotations

import re
import secrets
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from sqlalchemy import bindparam, func, insert, select, update

from countenance.domain import ids
from countenance.domain.errors import BadInput, NotFound, Unauthenticated
from countenance.ledger import leaf
from countenance.service import erase, history, people, standing
from countenance.service.application import customer_of
from countenance.service.export import grounds
from countenance.service.gate import Private
from countenance.service.people import Collection
from countenance.service.secret import hashed, opens
from countenance.storage.fixed import Fixed
from countenance.storage.tables import collections, customers, person_links, subjects

if TYPE_CHECKING:
    from countenance.gallery.faces import Held
    from countenance.service.app import House
    from countenance.service.application import Customer
    from countenance.service.auth import Principal
    from countenance.service.erase import Erased
    from countenance.service.export import Ground

DAYS = 7
"""For which a link opens the page where its maker says nothing."""
MOST_DAYS = 30
NEWEST = 100  # decisions that the page shows; the export has all of them
_TOKEN = re.compile(r"lnk_([0-9a-f]{32})_([A-Za-z0-9_-]{43})", re.ASCII)
_HASH = Fixed(select(func.max(person_links.c.hash).label("hash")).where(person_links.c.id == bindparam("link")))
_LOOKUP = Fixed(
    select(
        person_links.c.subject_id, person_links.c.until, person_links.c.revoked,
        collections.c.id, collections.c.name, collections.c.purpose, collections.c.created,
        customers.c.id.label("customer"), customers.c.facts, customers.c.sealed_key,
    )
    .join(subjects, subjects.c.id == person_links.c.subject_id)
    .join(collections, collections.c.id == subjects.c.collection_id)
    .join(customers, customers.c.id == collections.c.customer_id)
    .where(person_links.c.id == bindparam("link"))
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Link:
    """A new link. token: shown here and never again; until: RFC 3339 UTC."""

    id: str
    token: str
    until: str


@dataclass(frozen=True, slots=True)
class Visitor:
    """Who holds a link that is in force: one subject of one collection."""

    link: str
    customer: Customer
    inside: Collection
    subject: str

    @property
    def about(self) -> Private:
        return Private(customer=self.customer.id, collection=self.inside.id, subject=self.subject)


@dataclass(frozen=True, slots=True)
class Asked:
    """One time that somebody asked about this person. time: RFC 3339 UTC; action empty: no question of faces."""

    index: int
    time: str
    kind: str
    action: str
    purpose: str
    outcome: str


@dataclass(frozen=True, slots=True)
class About:
    """What is held about a person, in short. asked: the newest, newest first. receipt: of this very look."""

    subject: str
    customer: str
    purpose: str
    grounds: tuple[Ground, ...]
    references: tuple[tuple[str, str], ...]
    asked: tuple[Asked, ...]
    more: bool
    receipt: str


@dataclass(frozen=True, slots=True)
class Whole:
    """All of it. references hold the person's own templates."""

    subject: str
    customer: str
    purpose: str
    grounds: tuple[Ground, ...]
    references: tuple[Held, ...]
    asked: tuple[Asked, ...]
    receipt: str


def link(house: House, who: Principal, inside: Collection, alias_or_id: str, days: int = DAYS) -> Link:
    """A new link for a subject of the caller's. Raises NotFound, BadInput for a term that is too long."""
    if not 1 <= days <= MOST_DAYS:
        raise BadInput(f"a link is for 1 to {MOST_DAYS} days")
    subject = people.subject_id(house, who, inside, alias_or_id)
    made, secret, now = ids.new("link"), secrets.token_urlsafe(32), house.now()
    row = {
        "id": made, "subject_id": subject, "hash": hashed(secret), "created": ids.utc(now),
        "until": ids.utc(now + timedelta(days=days)), "revoked": None,
    }  # fmt: skip
    with house.database.begin() as connection:
        connection.execute(insert(person_links), row)
    return Link(made, f"lnk_{made.removeprefix('lnk_')}_{secret}", str(row["until"]))


def end_links(house: House, who: Principal, inside: Collection, alias_or_id: str) -> int:
    """End every link of a subject, from the next call on; how many there were. Raises NotFound where there is none."""
    subject = people.subject_id(house, who, inside, alias_or_id)
    now = ids.utc(house.now())
    its = (person_links.c.subject_id == subject) & person_links.c.revoked.is_(None) & (person_links.c.until > now)
    with house.database.begin() as connection:
        ended = connection.execute(update(person_links).where(its).values(revoked=now)).rowcount
    if not ended:
        raise NotFound("this subject has no link in force", next_step="There is nothing to end.")
    return ended


def enter(house: House, token: str) -> Visitor:
    """Who holds this link. Raises Unauthenticated: one answer for every way to fail."""
    found = _TOKEN.fullmatch(token)
    if found is None:
        raise _nobody()
    made, secret = f"lnk_{found[1]}", found[2]
    (stored,) = house.database.rows(_HASH, link=made)
    if not opens(secret, stored.hash):
        raise _nobody()
    row = next(iter(house.database.rows(_LOOKUP, link=made)), None)
    if row is None or row.revoked is not None or row.until <= ids.utc(house.now()) or row.sealed_key is None:
        raise _nobody()
    inside = Collection(row.id, row.name, row.purpose, row.created)
    kept = standing.of(house.database, row.customer)
    return Visitor(made, customer_of(row.customer, row.facts, row.sealed_key, kept), inside, row.subject_id)


def look(house: House, who: Visitor) -> About:
    """What is held about the holder of a link, for what, who asked and when."""
    whole = _whole(house, who, NEWEST + 1, "shown")
    references = tuple((one.reference, one.created) for one in whole.references)
    return About(
        who.subject, whole.customer, whole.purpose, whole.grounds, references, whole.asked[:NEWEST],
        len(whole.asked) > NEWEST, whole.receipt,
    )  # fmt: skip


def take(house: House, who: Visitor) -> Whole:
    """All that is held about the holder of a link, templates too."""
    return _whole(house, who, None, "exported")


def withdraw(house: House, who: Visitor) -> str:
    """Withdraw every open basis, in force before this returns; the leaf's receipt. Raises Conflict: none is open."""
    return people.withdraw_all(house, who.inside, who.about)


def leave(house: House, who: Visitor) -> Erased:
    """Erase the person, with this and every other link."""
    return erase.erase_subject(house, who.customer.id, who.inside.id, who.subject)


def _whole(house: House, who: Visitor, most: int | None, outcome: str) -> Whole:
    seal = house.vault.open_customer_key(who.customer.id, who.customer.sealed_key)
    entries = history.newest_about(house, who.customer.id, who.subject, most)
    held = (
        grounds(house, seal, who.customer.name, who.subject), house.faces.held(seal.templates, who.subject),
        tuple(_asked(house, entry) for entry in entries),
    )  # fmt: skip
    _, receipt = house.gate.note("access", {}, who.about, outcome)
    return Whole(who.subject, who.customer.name, who.inside.purpose, *held, receipt)


def _asked(house: House, entry: history.Entry) -> Asked:
    """The words of a leaf, beside what its closed part says."""
    opened: dict[str, Any] = leaf.parse(house.log.prove(entry.index).extra).open
    ask = opened.get("ask", {})
    purpose = ask.get("purpose", opened.get("purpose", ""))
    return Asked(entry.index, entry.time, opened["kind"], ask.get("action", ""), purpose, entry.outcome)


def _nobody() -> Unauthenticated:
    return Unauthenticated("this link is not in force here", next_step="Ask who gave it to you for a new one.")
