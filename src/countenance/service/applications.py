"""Applications that come over HTTP: decided by the policy, then by a person of the provider, who signs.

    1. asked        every combination is decided by the gate, each with its leaf; one deny ends it
    2. pending      the applicant holds a claim, shown once and hashed at rest
    3. approved     decided again on that day, and signed by an approver over exactly these facts; or refused
    4. taken        the applicant takes the first key with the claim, once

An agency that was registered to file its paperwork applies as itself, by its own people and with what is on file; for
who has no account no paper is looked up. Facts from here are declared and never verified. Nobody can approve what the
policy denies. A wrong claim, another's and a missing application are one answer.
"""

from __future__ import annotations

import re
import secrets
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from sqlalchemy import bindparam, func, insert, select, tuple_, update

from countenance.domain import ids
from countenance.domain.errors import BadInput, Conflict, NotFound, TooOften, Unauthenticated
from countenance.service import admit, agencies, attestation, auth, owed, signed
from countenance.service.application import application_of, check, facts_row
from countenance.service.gate import Done, Private, deed_words
from countenance.service.secret import hashed, opens
from countenance.storage.fixed import Fixed
from countenance.storage.tables import applications, approvals, claims, grants

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from sqlalchemy import Connection, Row, Select

    from countenance.service.accounts import Account
    from countenance.service.app import House
    from countenance.service.application import Application
    from countenance.service.attestation import Attestation, Told
    from countenance.service.gate import Answered

STATES = ("pending", "approved", "refused", "admitted")
"""Of an application; `admitted`: on the machine itself."""

MOST_PENDING = 1000  # applications that wait for a person at a time
_CLAIM = re.compile(r"\Acla_([0-9a-f]{32})_([A-Za-z0-9_-]{43})\Z")
_HASH = Fixed(select(func.max(claims.c.hash).label("hash")).where(claims.c.application_id == bindparam("application")))


@dataclass(frozen=True, slots=True)
class Asked:
    """An application that waits. `claim` is shown here and never again."""

    application: str
    claim: str
    answers: tuple[Answered[bool], ...]
    attestation: Told


@dataclass(frozen=True, slots=True)
class State:
    """What became of an application, for whom it concerns. Empty: not yet. until: RFC 3339 UTC."""

    id: str
    created: str
    state: str
    customer: str
    grant: str
    until: str
    taken: bool


@dataclass(frozen=True, slots=True)
class Shown:
    """An application, whole. facts: as they were declared; digest: what an approval signs of them.

    attestation: None for one that was made before they were kept.
    """

    id: str
    created: str
    state: str
    customer: str
    facts: dict[str, Any]
    digest: str
    attestation: Told | None


@dataclass(frozen=True, slots=True)
class Listed:
    id: str
    created: str
    state: str
    customer: str


@dataclass(frozen=True, slots=True)
class Approved:
    """What an approval made. until: RFC 3339 UTC."""

    application: str
    customer: str
    grant: str
    until: str


@dataclass(frozen=True, slots=True)
class FirstKey:
    """The first key of a grant. `key` is its text, shown here and never again."""

    id: str
    key: str
    grant: str
    receipt: str


def ask(house: House, application: Application, attested: Attestation | None = None) -> Asked:
    """Apply. Raises Refused with the decision and its receipt, BadInput, TooOften where too many wait."""
    asked, keep = _ask(house, application, attested, Private())
    with house.database.begin() as connection:
        keep(connection)
    return asked


def ask_for(
    house: House, who: Account, application: Application, attested: Attestation | None = None
) -> Answered[Asked]:
    """Apply for one's own agency, which was registered to file before it is admitted, with what is on file of it.

    Raises Refused, BadInput, TooOften; Conflict where it was admitted before, or says another thing than was checked.
    """
    about = Private(customer=who.customer, account=who.id)

    def work() -> Done[Asked]:
        agencies.require(house, who.customer, application)
        asked, keep = _ask(house, application, attested, about)
        return Done(asked, "asked", effect=keep, about=replace(about, matter=asked.application))

    return house.gate.administer(who.act("application-make", who.customer), about, work)


def _ask(
    house: House, application: Application, attested: Attestation | None, about: Private
) -> tuple[Asked, Callable[[Connection], None]]:
    """What was decided, and what writes it down. about: whose papers are on file, or nobody's."""
    check(application)
    attested, facts = attestation.accepted(application, attested, house.now()), facts_row(application)
    made, secret = ids.new("application"), secrets.token_urlsafe(32)
    with house.database.read() as connection:
        _require_room(connection)
    answers = admit.decide(house, application, replace(about, matter=made), about.customer)
    if (refused := admit.refusal(answers)) is not None:
        admit.record(house, application, "refused", None, refused[0], attested)
        raise refused[1]
    row = {
        "id": made, "created": ids.utc(house.now()), "facts": facts, "outcome": "pending",
        "customer_id": about.customer or None, "leaf_index": answers[0].index,
    }  # fmt: skip

    def keep(connection: Connection) -> None:
        _require_room(connection)
        connection.execute(insert(applications), row)
        attestation.keep(connection, made, attested, facts)
        connection.execute(insert(claims), {"application_id": made, "hash": hashed(secret), "grant_id": None})

    claim = f"cla_{made.removeprefix('app_')}_{secret}"
    return Asked(made, claim, answers, attestation.told(attested, facts)), keep


def state(house: House, application: str, claim: str) -> State:
    """What became of the application that this claim is for. Raises Unauthenticated, one answer."""
    row = _claimed(house, application, claim)
    return State(
        row.id, row.created, row.outcome, row.customer_id or "", row.grant_id or "", row.until or "",
        taken=row.taken is not None,
    )  # fmt: skip


def customer_of_claim(house: House, application: str, claim: str) -> str:
    """The customer that an application became, empty before, for the holder of its claim. Raises Unauthenticated."""
    row = _claimed(house, application, claim)
    return (row.customer_id or "") if row.outcome == "approved" else ""


def claimed_by(house: House, customer: str) -> str:
    """The application by which a customer came with a claim. Raises Conflict for one that was admitted without."""
    query = select(applications.c.id).join(claims).where(applications.c.customer_id == customer)
    query = query.where(applications.c.outcome == "approved")
    with house.database.read() as connection:
        found = connection.execute(query).scalar_one_or_none()
    if found is None:
        raise Conflict(
            "this customer was admitted on the machine itself, and holds no claim to bring a code back with",
            next_step="Look at a document or an official list, and record that.",
        )
    return str(found)


def take_key(house: House, application: str, claim: str) -> FirstKey:
    """The first key of the grant, once. Raises Unauthenticated; Conflict where there is none to take."""
    row = _claimed(house, application, claim)
    if row.outcome != "approved":
        raise Conflict(f"this application is {row.outcome}", next_step="A key is there once it is approved.")
    now = house.now()
    text, add = auth.mint(row.grant_id, now)
    about = Private(row.customer_id, row.grant_id, auth.key_id(text), matter=row.id)
    with house.database.begin() as connection:
        once = (claims.c.application_id == row.id) & claims.c.taken.is_(None)
        if connection.execute(update(claims).where(once).values(taken=ids.utc(now))).rowcount != 1:
            raise Conflict("the first key was taken", next_step="Ask the provider for another, should it be lost.")
        add(connection)
        debt = owed.owe(connection, "administration", deed_words("key-issue", "applicant"), about, "issued", now)
    return FirstKey(about.key, text, row.grant_id, owed.pay_one(house, debt))


def listed(house: House, who: Account, wanted: str, after: str, limit: int) -> Answered[tuple[tuple[Listed, ...], str]]:
    """Up to `limit` applications in a state, or in any, oldest first; and the mark to go on from, empty at the end."""

    def work() -> Done[tuple[tuple[Listed, ...], str]]:
        return Done(_page(house, wanted, after, limit), "listed")

    return house.gate.administer(who.act("application-list", ""), Private(account=who.id), work)


def shown(house: House, who: Account, application: str) -> Answered[Shown]:
    """One application, whole. Raises Refused, NotFound."""
    row = _row(house, who, application)

    def work() -> Done[Shown]:
        found = _required(row)
        digest, of = signed.facts_digest(found.facts), found.customer_id or ""
        with house.database.read() as connection:
            attested = attestation.kept_of(connection, found.id)
        return Done(Shown(found.id, found.created, found.outcome, of, found.facts, digest, attested), "shown")

    return house.gate.administer(who.act("application-show", ""), _about(who, row), work)


def approve(house: House, who: Account, application: str, until: str, signature: bytes) -> Answered[Approved]:
    """Grant what an application asks for. until: RFC 3339 UTC as signed, or empty for a year.

    signature: the approver's own, over `signed.statement`. It is decided again, on this day. Raises Refused, NotFound,
    Conflict where it does not wait any more, BadInput for another signature.
    """
    row = _row(house, who, application)

    def work() -> Done[Approved]:
        found = _waiting(_required(row))
        statement = signed.statement(found.id, found.facts, until)
        if not signed.verify(who.public_key, statement.encode(), signature):
            raise BadInput(
                "this is not your signature over this application",
                next_step="Sign its id, the digest of its facts and the end of the grant: docs/accounts.md.",
            )
        return _grant(house, who, found, until, signature)

    return house.gate.administer(who.act("application-approve", ""), _about(who, row), work)


def refuse(house: House, who: Account, application: str) -> Answered[str]:
    """Turn an application away; its id. Raises Refused, NotFound, Conflict where it does not wait any more."""
    row = _row(house, who, application)

    def work() -> Done[str]:
        found = _waiting(_required(row))
        return Done(found.id, "refused", effect=lambda connection: _close(connection, found.id, "refused", None))

    return house.gate.administer(who.act("application-refuse", ""), _about(who, row), work)


def _grant(house: House, who: Account, row: Row[Any], until: str, signature: bytes) -> Done[Approved]:
    """What an approval does, once its signature holds: decide again, then customer, grant, approval in one.

    An agency that was there before is admitted as itself, by what is on file of it on this day.
    """
    application, agency = application_of(row.facts), row.customer_id or ""
    end = admit.ending(house.now(), signed.moment(until) if until else None)
    if agency:
        agencies.require(house, agency, application)
    answers = admit.decide(house, application, Private(customer=agency, account=who.id, matter=row.id), agency)
    if (refused := admit.refusal(answers)) is not None:
        raise refused[1]
    made = Approved(row.id, agency or ids.new("customer"), ids.new("grant"), ids.utc(end))
    about = Private(made.customer, made.grant, account=who.id, matter=row.id)
    debts: list[int] = []

    def effect(connection: Connection) -> None:
        admit.make(connection, house, application, made.customer, made.grant, end, known=bool(agency))
        _close(connection, row.id, "approved", made.customer)
        connection.execute(update(claims).where(claims.c.application_id == row.id).values(grant_id=made.grant))
        connection.execute(insert(approvals), _approval(house.now(), row.id, who, until, signature))
        words = admit.grant_words(application)
        debts.append(owed.owe(connection, "grant", words, about, "granted", house.now()))

    def settled() -> None:
        for debt in debts:
            owed.pay_one(house, debt)

    return Done(made, "approved", effect=effect, settled=settled, about=about)


def _approval(now: datetime, application: str, who: Account, until: str, signature: bytes) -> dict[str, Any]:
    return {
        "application_id": application, "account_id": who.id, "until": until, "signature": signature,
        "created": ids.utc(now),
    }  # fmt: skip


def _close(connection: Connection, application: str, outcome: str, customer: str | None) -> None:
    """End the waiting of an application, once."""
    waits = (applications.c.id == application) & (applications.c.outcome == "pending")
    closing = update(applications).where(waits).values(outcome=outcome, customer_id=customer)
    if connection.execute(closing).rowcount != 1:
        raise _closed("decided")


def _require_room(connection: Connection) -> None:
    waiting = connection.execute(select(func.count()).where(applications.c.outcome == "pending")).scalar_one()
    if waiting >= MOST_PENDING:
        error = TooOften("as many applications wait as may", next_step="Try again when the provider has decided some.")
        error.wait = 3600
        raise error


def _page(house: House, wanted: str, after: str, limit: int) -> tuple[tuple[Listed, ...], str]:
    columns = applications.c
    created, _, last = after.partition(" ")
    query = select(applications).where(tuple_(columns.created, columns.id) > tuple_(created, last))
    if wanted:
        query = query.where(columns.outcome == wanted)
    with house.database.read() as connection:
        rows = connection.execute(query.order_by(columns.created, columns.id).limit(limit + 1)).all()
    more = f"{rows[limit - 1].created} {rows[limit - 1].id}" if len(rows) > limit else ""
    return tuple(Listed(row.id, row.created, row.outcome, row.customer_id or "") for row in rows[:limit]), more


def _row(house: House, who: Account, application: str) -> Row[Any] | None:
    """The application; for a customer's people none is even looked up: another's is like a missing one to the leaf."""
    if who.customer:
        return None
    with house.database.read() as connection:
        return connection.execute(select(applications).where(applications.c.id == application)).one_or_none()


def _about(who: Account, row: Row[Any] | None) -> Private:
    return Private(account=who.id, matter="" if row is None else row.id)


def _required(row: Row[Any] | None) -> Row[Any]:
    if row is None:
        raise NotFound("there is no such application", next_step="List the applications.")
    return row


def _waiting(row: Row[Any]) -> Row[Any]:
    if row.outcome != "pending":
        raise _closed(row.outcome)
    return row


def _closed(outcome: str) -> Conflict:
    return Conflict(f"this application is {outcome}", next_step="Only one that is pending can be decided on.")


def _claimed(house: House, application: str, claim: str) -> Row[Any]:
    """The application, where the claim is its own. Until the secret is known to be right nothing but its hash is read.

    As in auth.authenticate: an aggregate has a row for a missing one too, and an id that exists takes no longer.
    """
    found = _CLAIM.match(claim)
    number, secret = (found[1], found[2]) if found else ("", "")
    (stored,) = house.database.rows(_HASH, application=f"app_{number}")
    right = opens(secret, stored.hash)
    if not right or application != f"app_{number}":
        raise Unauthenticated("this claim is not in force here", next_step="Send it as it was shown: `cla_…`.")
    with house.database.read() as connection:
        return connection.execute(_lookup().where(applications.c.id == application)).one()


def _lookup() -> Select[Any]:
    return (
        select(applications, claims.c.grant_id, claims.c.taken, grants.c.until)
        .join(claims, claims.c.application_id == applications.c.id)
        .outerjoin(grants, grants.c.id == claims.c.grant_id)
    )
