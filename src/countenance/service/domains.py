"""A domain that says so itself: a code that the server made stands in a file of the domain, and the server reads it.

Only where the operator's settings say that domains are asked; else a person looks and records what they saw. It is
asked when an operator of the provider says so, once, and proves what `domain-challenge` can: a name and a contact. How
the file is read, and what is never asked, is http/wellknown.py. A code counts once, for this customer, for seven days.
Source: docs/admission.md.
"""

from __future__ import annotations

import hashlib
import hmac
from typing import TYPE_CHECKING

from sqlalchemy import select, update

from countenance.domain import ids
from countenance.domain.errors import BadInput, Conflict, NotFound
from countenance.service import accounts, checks
from countenance.service.gate import Done, Private
from countenance.storage.admission import challenges

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy import Connection, Row

    from countenance.service.accounts import Account
    from countenance.service.app import House
    from countenance.service.gate import Answered


PATH = "/.well-known/countenance-challenge"
"""Where a domain says it, under https://DOMAIN."""
MOST_LINES = 20  # of the file: codes of several providers may stand in it


def look(house: House, who: Account, customer: str, challenge: str) -> Answered[checks.Proven]:
    """Read a domain's file and record what it proves, in the name of `who`.

    Raises Refused, NotFound for a code that is not out any more, Conflict where this house asks no domain, Unavailable
    where the file can't be read, BadInput where it does not hold the code.
    """
    of, missing = accounts.concerned(house, who, customer)

    def work() -> Done[checks.Proven]:
        if missing is not None:
            raise missing
        row, now = _out(house, of, challenge), house.now()
        _require_code(checks.asking(house)(row.domain), row.hash)
        made, until = ids.new("verification"), (now + checks.TERM).date()
        check = checks.Check(checks.DOMAIN, frozenset(row.facts), f"https://{row.domain}{PATH} held the code", until)

        def effect(connection: Connection) -> None:
            _answered(connection, row.id, now)
            checks.add(connection, checks.row_of(now, made, of, check, who.id))

        about = Private(customer=of, account=who.id, matter=made)
        return Done(checks.Proven(made, tuple(row.facts), until.isoformat()), "verified", effect=effect, about=about)

    return house.gate.administer(who.act("challenge-look", of), Private(customer=of, account=who.id), work)


def _out(house: House, customer: str, challenge: str) -> Row[tuple[object, ...]]:
    its = challenges.c
    here = (its.id == challenge) & (its.customer_id == customer) & its.answered.is_(None)
    here &= (its.method == checks.DOMAIN) & (its.until > ids.utc(house.now()))
    with house.database.read() as connection:
        row = connection.execute(select(challenges).where(here)).one_or_none()
    if row is None:
        raise NotFound("there is no such code out", next_step="Make another for this domain.")
    return row


def _require_code(file: bytes, stored: bytes) -> None:
    """Raise BadInput unless one line of the file is the code."""
    lines = [line.strip() for line in file.split(b"\n")[:MOST_LINES]]
    if not any(hmac.compare_digest(hashlib.sha256(line).digest(), stored) for line in lines):
        raise BadInput(
            "the domain's file does not hold the code", next_step=f"It has to be a line of its own in {PATH}."
        )


def _answered(connection: Connection, challenge: str, now: datetime) -> None:
    its = challenges.c
    once = (its.id == challenge) & its.answered.is_(None)
    if connection.execute(update(challenges).where(once).values(answered=ids.utc(now))).rowcount != 1:
        raise Conflict("this code counted meanwhile", next_step="List the customer's checks.")
