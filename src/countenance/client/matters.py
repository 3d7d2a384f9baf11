"""What people with accounts and applicants get back: frozen records, and how each is read. They decide nothing.

Moments are aware and in UTC. A new key and a claim are in no `repr`. Source: docs/accounts.md.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from countenance.client import readers
from countenance.client.answers import Answer, Noted
from countenance.client.witness import unverified
from countenance.service import signed

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from countenance.client.answers import Key
    from countenance.client.reading import Fields
    from countenance.domain.decision import Decision
    from countenance.ledger.proof import VerifiedReceipt


@dataclass(frozen=True, slots=True)
class Account:
    """A person with an account. customer: whose; empty for the provider's. public_key: base64. ended None: in force."""

    id: str
    name: str
    customer: str
    roles: tuple[str, ...]
    public_key: str
    created: datetime
    ended: datetime | None


@dataclass(frozen=True, slots=True)
class HeldGrant:
    """A grant, and whose. name: the organisation's."""

    id: str
    customer: str
    name: str
    purposes: frozenset[str]
    modes: frozenset[str]
    places: frozenset[str]
    created: datetime
    until: datetime
    active: bool


@dataclass(frozen=True, slots=True)
class ListedApplication:
    """An application in a list. state: pending, approved, refused, or admitted on the machine itself."""

    id: str
    created: datetime
    state: str
    customer: str


@dataclass(frozen=True, slots=True)
class Entry:
    """One leaf about an organisation, from its closed part; an empty text does not apply."""

    index: int
    time: datetime
    outcome: str
    key: str
    collection: str
    subject: str
    account: str
    matter: str


@dataclass(frozen=True, slots=True)
class Acted(Answer):
    """An act that was done. of: the id of what it was done to: an account, a grant, a key, an application."""

    of: str


@dataclass(frozen=True, slots=True)
class ShownApplication(Answer):
    """An application, whole. facts: as they were declared; digest: recomputed here, what an approval signs of them."""

    id: str
    created: datetime
    state: str
    customer: str
    facts: Mapping[str, Any]
    digest: str


@dataclass(frozen=True, slots=True)
class Approved(Answer):
    application: str
    customer: str
    grant: str
    until: datetime


@dataclass(frozen=True, slots=True)
class HeldLock:
    """What the meter locked. key: empty where it is every key of the customer. looked: how many people have, of two."""

    id: str
    customer: str
    key: str
    reached: frozenset[str]
    created: datetime
    looked: int
    released: datetime | None


@dataclass(frozen=True, slots=True)
class Looked(Answer):
    """A look at a lock. released: whether the key goes on, since two people have looked."""

    id: str
    looked: int
    released: bool


@dataclass(frozen=True, slots=True)
class GrantKeys(Answer):
    """The keys of a grant, oldest first."""

    keys: tuple[Key, ...]


@dataclass(frozen=True, slots=True)
class IssuedKey(Answer):
    """One more key of a grant, shown this once."""

    id: str
    key: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Applied:
    """An application that waits for a person. claim: shown this once, keep it. A decision and a proof for each ask."""

    application: str
    claim: str = field(repr=False)
    decisions: tuple[Decision, ...]
    receipts: tuple[str, ...]
    proofs: tuple[VerifiedReceipt, ...]


@dataclass(frozen=True, slots=True)
class Progress:
    """What became of an application. Empty: not yet. taken: whether the first key was."""

    id: str
    created: datetime
    state: str
    customer: str
    grant: str
    until: datetime | None
    taken: bool


@dataclass(frozen=True, slots=True)
class FirstKey(Noted):
    """The first key of a grant, shown this once."""

    id: str
    grant: str
    key: str = field(repr=False)


def account(body: Fields) -> Account:
    ended = None if body.null("ended") else readers.moment(body, "ended")
    identifier, name, customer, key = (body.text(each) for each in ("id", "name", "customer", "public_key"))
    return Account(identifier, name, customer, body.texts("roles"), key, readers.moment(body, "created"), ended)


def grant(body: Fields) -> HeldGrant:
    identifier, customer, name = (body.text(each) for each in ("id", "customer", "name"))
    purposes, modes, places = (frozenset(body.texts(each)) for each in ("purposes", "modes", "places"))
    created, until = readers.moment(body, "created"), readers.moment(body, "until")
    return HeldGrant(identifier, customer, name, purposes, modes, places, created, until, body.truth("active"))


def lock(body: Fields) -> HeldLock:
    identifier, customer, key = (body.text(each) for each in ("id", "customer", "key"))
    released = None if body.null("released") else readers.moment(body, "released")
    created, looked = readers.moment(body, "created"), body.count("looked")
    return HeldLock(identifier, customer, key, frozenset(body.texts("reached")), created, looked, released)


def listed_application(body: Fields) -> ListedApplication:
    return ListedApplication(
        body.text("id"), readers.moment(body, "created"), body.text("state"), body.text("customer")
    )


def entry(body: Fields) -> Entry:
    names = ("outcome", "key", "collection", "subject", "account", "matter")
    return Entry(body.count("index"), readers.moment(body, "time"), *(body.text(name) for name in names))


def facts(body: Fields) -> tuple[Mapping[str, Any], str]:
    """The facts of an application, and their digest, which the server must have computed alike."""
    found, digest = body.inside("facts").of, body.text("digest")
    if signed.facts_digest(found) != digest:
        raise unverified("the digest of the application is not that of its facts")
    return found, digest


def progress(body: Fields) -> Progress:
    until = readers.moment(body, "until") if body.text("until") else None
    state, customer, held = (body.text(name) for name in ("state", "customer", "grant"))
    created = readers.moment(body, "created")
    return Progress(body.text("id"), created, state, customer, held, until, body.truth("taken"))
