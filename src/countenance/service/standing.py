"""What a customer's facts rest on: a declaration, or a check by a named person, by a stated method, until a date.

A fact is verified while a record in force covers it; every other is declared. A customer counts as verified where all
of WHO is: without it there is no `identify`, and no exception by name. A method proves only what it can: whoever holds
a domain may be called so and be reached there, and is not thereby a hospital. It decides nothing, and never lets a
record cover what changed since. Source: docs/admission.md.
"""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Any

from sqlalchemy import bindparam, select

from countenance.domain.errors import BadInput, UnknownWord
from countenance.domain.standing import FACTS, WHO
from countenance.storage.admission import verifications
from countenance.storage.fixed import Fixed

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import datetime

    from sqlalchemy import Connection

    from countenance.storage.db import Database

    Standing = Mapping[str, date]  # by fact: until when it is verified, exclusive; what is not in it is declared

COVERS: dict[str, frozenset[str]] = {
    "domain-challenge": frozenset({"name", "contact"}),
    "email-domain-challenge": frozenset({"name", "contact"}),
    "official-list": frozenset({"name", "sector", "acts-for", "seat"}),
    "document-seen": frozenset(FACTS),
    "own-machine": frozenset(FACTS),
}
"""By method: what it can prove at most. `own-machine`: of a lone operator, on the machine itself."""
BY_HAND = ("domain-challenge", "official-list", "document-seen")
"""What a person records who has looked; a code that came back is recorded by the server alone."""
_IN_FORCE = Fixed(
    select(verifications.c.facts, verifications.c.until).where(
        verifications.c.customer_id == bindparam("customer"), verifications.c.withdrawn.is_(None)
    )
)


def of(database: Database, customer: str) -> Standing:
    """What of a customer was checked, by its id."""
    return _joined((row.facts, row.until) for row in database.rows(_IN_FORCE, customer=customer))


def within(connection: Connection, customer: str, but: frozenset[str] = frozenset()) -> Standing:
    """The same within a transaction; without the facts in `but`, which are about to change."""
    its = verifications.c
    query = select(its.facts, its.until).where(its.customer_id == customer, its.withdrawn.is_(None))
    found = _joined((row.facts, row.until) for row in connection.execute(query))
    return {fact: until for fact, until in found.items() if fact not in but}


def all_of(method: str, until: date) -> Standing:
    """What one record by this method makes of a customer of which nothing else was checked."""
    return dict.fromkeys(COVERS[method], until)


def rests_on(standing: Standing, now: datetime) -> dict[str, str]:
    """By fact: `verified` or `declared`."""
    return {fact: "verified" if now.date() < standing.get(fact, date.min) else "declared" for fact in FACTS}


def verified(standing: Standing, now: datetime) -> bool:
    """Whether all of WHO is checked."""
    return all(now.date() < standing.get(fact, date.min) for fact in WHO)


def checked(method: str, facts: Iterable[str], *, by_hand: Sequence[str] = BY_HAND) -> frozenset[str]:
    """The facts that a record is to cover, once such a check can prove them. Raises UnknownWord, BadInput."""
    wanted = frozenset(facts)
    if method not in by_hand:
        raise UnknownWord("this is no method of a check", next_step=f"Known here are: {', '.join(by_hand)}.")
    if wanted - FACTS.keys():
        raise UnknownWord("one of these is no fact of a customer", next_step=f"Known are: {', '.join(FACTS)}.")
    if not wanted:
        raise BadInput("a check covers at least one fact", next_step=f"Name one of: {', '.join(FACTS)}.")
    if beyond := sorted(wanted - COVERS[method]):
        raise BadInput(
            f"{method} cannot prove {', '.join(beyond)}",
            next_step=f"It proves {', '.join(sorted(COVERS[method]))}; for more, look at a document.",
        )
    return wanted


def changed(before: Mapping[str, Any], after: Mapping[str, Any]) -> tuple[str, ...]:
    """The facts that differ, in their order."""
    return tuple(fact for fact, fields in FACTS.items() if any(before[field] != after[field] for field in fields))


def _joined(records: Iterable[tuple[Sequence[str], str]]) -> Standing:
    found: dict[str, date] = {}
    for facts, until in records:
        for fact in facts:
            found[fact] = max(found.get(fact, date.min), date.fromisoformat(until))
    return found
