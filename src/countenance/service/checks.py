"""Checks of a customer's facts: recorded by a named person, withdrawn, and codes that go to a domain and come back.

A record has a method, the facts that it covers, the evidence, who looked, and a last day; standing.py says what it
makes of a customer. A code is for an address of a domain: the server makes it, a person of the provider sends it, and
the applicant brings it back with the claim; or it is for a file of the domain, which domains.py reads where the
settings say so. This opens no connection. A code is shown once and hashed at rest. A withdrawal holds from the next
call on, and after a restore. Source: docs/admission.md.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
from dataclasses import dataclass
from datetime import date, timedelta
from functools import partial
from typing import TYPE_CHECKING, Any

from sqlalchemy import insert, select, update

from countenance.domain import ids
from countenance.domain.errors import BadInput, Conflict, NotFound
from countenance.service import accounts, applications, facts, owed, standing, undone
from countenance.service.application import TEXT_LIMIT
from countenance.service.gate import Done, Private, deed_words
from countenance.storage.admission import challenges, verifications

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from sqlalchemy import Connection, Row

    from countenance.service.accounts import Account
    from countenance.service.app import House
    from countenance.service.gate import Answered

    Look = Callable[[str], bytes]  # the file of a domain; raises Unavailable

EMAIL = "email-domain-challenge"
DOMAIN = "domain-challenge"
LONGEST = timedelta(days=2 * 366)  # a check is older than that, and nobody knows what is true
TERM = timedelta(days=365)  # of what a code that came back proves
ANSWER_TIME = timedelta(days=7)  # a code may be brought back so long
MOST_OPEN = 20  # codes of one customer that may still come back
_DOMAIN = re.compile(r"(?=.{4,253}\Z)(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z](?:[a-z0-9-]{0,61}[a-z0-9])?")
_CODE = re.compile(r"[A-Za-z0-9_-]{22}")


@dataclass(frozen=True, slots=True)
class Check:
    """What a person has looked at. until: a date, exclusive; verifier: a name, on the machine itself alone."""

    method: str
    facts: frozenset[str]
    evidence: str
    until: date
    verifier: str = ""


@dataclass(frozen=True, slots=True)
class Record:
    """A check as it is listed. account: who looked, or `verifier` by name. withdrawn None: not; continues: a record's
    id, of which a change of facts left this one.
    """

    id: str
    created: str
    method: str
    facts: tuple[str, ...]
    evidence: str
    verifier: str
    account: str
    until: str
    withdrawn: str | None
    continues: str


@dataclass(frozen=True, slots=True)
class Challenge:
    """A code for a domain. `code` is shown here and never again. until: RFC 3339 UTC.

    By method: one that is sent to an address there comes back by the claim of `application`, by which the customer
    came; one that is put into the domain's file is looked for there, and `application` is empty.
    """

    id: str
    method: str
    application: str
    domain: str
    code: str
    until: str


@dataclass(frozen=True, slots=True)
class Proven:
    """What a code made that came back, or was found: a record over these facts until this day, exclusive."""

    verification: str
    facts: tuple[str, ...]
    until: str


@dataclass(frozen=True, slots=True)
class BroughtBack(Proven):
    """The same, of a code that an applicant brought back, with the receipt of its leaf."""

    receipt: str


def listed(house: House, who: Account, customer: str) -> Answered[tuple[Record, ...]]:
    """Every check of a customer's facts, oldest first, the withdrawn ones too. Raises Refused, NotFound."""
    of, missing = accounts.concerned(house, who, customer)

    def work() -> Done[tuple[Record, ...]]:
        if missing is not None:
            raise missing
        return Done(records_of(house, of), "listed")

    return house.gate.administer(who.act("verification-list", of), Private(customer=of, account=who.id), work)


def records_of(house: House, customer: str) -> tuple[Record, ...]:
    """The checks of a customer by its id."""
    its = verifications.c
    query = select(verifications).where(its.customer_id == customer).order_by(its.created, its.id)
    with house.database.read() as connection:
        return tuple(_record(row) for row in connection.execute(query))


def record(house: House, who: Account, customer: str, check: Check) -> Answered[str]:
    """Record a check, in the name of `who`; its id. Raises Refused, NotFound, BadInput, UnknownWord."""
    of, missing = accounts.concerned(house, who, customer)
    made = ids.new("verification")

    def work() -> Done[str]:
        if missing is not None:
            raise missing
        row = row_of(house.now(), made, of, _sound(house, check), who.id)
        about = Private(customer=of, account=who.id, matter=made)
        return Done(made, "recorded", effect=lambda connection: add(connection, row), about=about)

    return house.gate.administer(who.act("verification-record", of), Private(customer=of, account=who.id), work)


def record_here(house: House, customer: str, check: Check) -> tuple[str, str]:
    """Record a check on the machine itself, by whom `verifier` names; its id, and the receipt of its leaf."""
    if not check.verifier.strip() or len(check.verifier) > TEXT_LIMIT or not check.verifier.isprintable():
        raise BadInput("a check is somebody's", next_step="Name who looked: --by NAME.")
    of, made = facts.customer_now(house, customer).id, ids.new("verification")
    row = row_of(house.now(), made, of, _sound(house, check), "")
    about = Private(customer=of, matter=made)
    return made, owed.by_machine(house, "verification-record", about, "recorded", partial(add, row=row))


def withdraw(house: House, who: Account, customer: str, verification: str) -> Answered[str]:
    """Let a check count no more, from the next call on; its id. Raises Refused, NotFound."""
    of, missing = accounts.concerned(house, who, customer)

    def work() -> Done[str]:
        if missing is not None:
            raise missing
        if not ids.is_id(verification, "verification"):
            raise _no_check()
        about = Private(customer=of, account=who.id, matter=verification)
        return undone.ending(
            house, "verification", verification, "withdrawn", about, lambda made: _end(made, of, verification, house)
        )

    return house.gate.administer(who.act("verification-withdraw", of), Private(customer=of, account=who.id), work)


def withdraw_here(house: House, customer: str, verification: str) -> str:
    """The same on the machine itself; the receipt of its leaf."""
    about = Private(customer=customer, matter=verification)

    def effect(connection: Connection) -> list[int]:
        _end(connection, customer, verification, house)
        return [undone.owe(connection, house, "verification", verification, about)]

    return owed.by_machine(house, "verification-withdraw", about, "withdrawn", effect)


def challenge(
    house: House, who: Account, customer: str, domain: str, wanted: frozenset[str], method: str = EMAIL
) -> Answered[Challenge]:
    """A code for a domain: by e-mail, to be sent to an address there by a person; else for a file of the domain.

    Raises Refused, NotFound, BadInput, UnknownWord, Conflict.
    """
    of, missing = accounts.concerned(house, who, customer)
    made, code, until = ids.new("challenge"), secrets.token_urlsafe(16), ids.utc(house.now() + ANSWER_TIME)

    def work() -> Done[Challenge]:
        if missing is not None:
            raise missing
        if not _DOMAIN.fullmatch(domain):
            raise BadInput("this is no domain", next_step="Write it in lower case, as in example.org.")
        covered = sorted(standing.checked(method, wanted, by_hand=(EMAIL, DOMAIN)))
        application = _way_back(house, facts.customer_now(house, of).id, method)
        row = {
            "id": made, "customer_id": of, "account_id": who.id, "created": ids.utc(house.now()), "until": until,
            "domain": domain, "facts": covered, "hash": _digest(code), "answered": None, "method": method,
        }  # fmt: skip
        about = Private(customer=of, account=who.id, matter=made)
        effect = _adding(of, row, house.now())
        return Done(Challenge(made, method, application, domain, code, until), "made", effect=effect, about=about)

    return house.gate.administer(who.act("challenge-make", of), Private(customer=of, account=who.id), work)


def answer(house: House, application: str, claim: str, challenge: str, code: str) -> BroughtBack:
    """Bring a code back, with the claim of the application that the customer came by.

    Raises Unauthenticated for the claim; NotFound for a code that is not, not any more or not this customer's to bring
    back; BadInput for a wrong one.
    """
    customer, now = applications.customer_of_claim(house, application, claim), house.now()
    its, made = challenges.c, ids.new("verification")
    with house.database.begin() as connection:
        here = (its.id == challenge) & (its.customer_id == customer) & (its.method == EMAIL) & its.answered.is_(None)
        row = connection.execute(select(challenges).where(here, its.until > ids.utc(now))).one_or_none()
        if row is None:
            raise NotFound("there is no such code to bring back", next_step="Ask the provider for another.")
        if not _CODE.fullmatch(code) or not hmac.compare_digest(_digest(code), row.hash):
            raise BadInput("this is not the code that was sent", next_step="Send it as it stands in the message.")
        connection.execute(update(challenges).where(here).values(answered=ids.utc(now)))
        until = (now + TERM).date()
        evidence = f"a code sent to an address at {row.domain} came back"
        check = Check(EMAIL, frozenset(row.facts), evidence, until)
        add(connection, row_of(now, made, customer, check, row.account_id))
        about = Private(customer=customer, matter=made)
        words = deed_words("challenge-answer", "applicant")
        debt = owed.owe(connection, "administration", words, about, "verified", now)
    return BroughtBack(made, tuple(row.facts), until.isoformat(), owed.pay_one(house, debt))


def _way_back(house: House, customer: str, method: str) -> str:
    """The application whose claim brings a code back; empty where the server looks itself. Raises Conflict."""
    if method == EMAIL:
        return applications.claimed_by(house, customer)
    asking(house)
    return ""


def asking(house: House) -> Look:
    """What reads the file of a domain. Raises Conflict where this house asks none."""
    if house.look is None:
        raise Conflict(
            "this house asks no domain",
            next_step="Look yourself and record that, or have the operator set COUNTENANCE_DOMAIN_CHECKS=https.",
        )
    return house.look


def _adding(customer: str, row: dict[str, Any], now: datetime) -> Any:
    its = challenges.c

    def effect(connection: Connection) -> None:
        waiting = (its.customer_id == customer) & its.answered.is_(None) & (its.until > ids.utc(now))
        if len(connection.execute(select(its.id).where(waiting)).all()) >= MOST_OPEN:
            raise Conflict(f"a customer has at most {MOST_OPEN} codes out", next_step="Wait until some have run out.")
        connection.execute(insert(challenges), row)

    return effect


def _sound(house: House, check: Check) -> Check:
    """The check, once it says what, on what evidence, and until when. Raises BadInput, UnknownWord."""
    standing.checked(check.method, check.facts)
    if not check.evidence.strip() or len(check.evidence) > TEXT_LIMIT or not check.evidence.isprintable():
        raise BadInput(f"evidence has 1 to {TEXT_LIMIT} printable characters", next_step="Say what was looked at.")
    today = house.now().date()
    if not today < check.until <= today + LONGEST:
        raise BadInput("a check holds until a day within two years from now", next_step="Then look again.")
    return check


def row_of(now: datetime, made: str, customer: str, check: Check, account: str) -> dict[str, Any]:
    """The row of a check that is sound."""
    return {
        "id": made, "customer_id": customer, "created": ids.utc(now), "method": check.method,
        "facts": sorted(check.facts), "evidence": check.evidence, "verifier": check.verifier,
        "account_id": account or None, "until": check.until.isoformat(), "withdrawn": None, "continues": None,
    }  # fmt: skip


def add(connection: Connection, row: dict[str, Any]) -> None:
    """Write it down."""
    connection.execute(insert(verifications), row)


def _end(connection: Connection, customer: str, verification: str, house: House) -> None:
    its = verifications.c
    here = (its.id == verification) & (its.customer_id == customer) & its.withdrawn.is_(None)
    if connection.execute(update(verifications).where(here).values(withdrawn=ids.utc(house.now()))).rowcount != 1:
        raise _no_check()


def _record(row: Row[Any]) -> Record:
    return Record(
        row.id, row.created, row.method, tuple(row.facts), row.evidence, row.verifier, row.account_id or "", row.until,
        row.withdrawn, row.continues or "",
    )  # fmt: skip


def _no_check() -> NotFound:
    return NotFound("there is no such check in force", next_step="List the customer's.")


def _digest(code: str) -> bytes:
    return hashlib.sha256(code.encode("ascii", "replace")).digest()
