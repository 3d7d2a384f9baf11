"""Admission: an application is decided by the gate, and only what every promise and law allows becomes a grant.

Nobody can grant what the policy denies. What comes over HTTP waits for a person of the provider, who may refuse what
the policy allows (service/applications.py); what is applied for on the machine itself is granted at once.
Each combination of purpose, mode and place is one ask and one leaf; one deny refuses the application.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, NoReturn

from sqlalchemy import insert, update

from countenance.domain import ids
from countenance.domain.decision import Decision, Facts
from countenance.domain.errors import BadInput, Conflict, Refused
from countenance.service import agencies, attestation, auth, owed, standing, undone
from countenance.service.application import as_checked, check, facts_row
from countenance.service.gate import Answered, Private, deed_words, next_step
from countenance.service.kept import FREELY, Once
from countenance.storage.admission import verifications
from countenance.storage.tables import applications, customers, grants

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sqlalchemy import Connection

    from countenance.ledger.leaf import Json
    from countenance.service.app import House
    from countenance.service.application import Application, Verification
    from countenance.service.attestation import Attestation
    from countenance.service.auth import Principal
    from countenance.service.standing import Standing

GRANT_TERM = timedelta(days=365)  # a grant ends after a year unless set shorter
MOST_KEYS = 20  # keys of one grant in force at a time


@dataclass(frozen=True, slots=True)
class Admitted:
    """A customer's way in. `key` is shown here and never again. Moments are RFC 3339 UTC."""

    customer: str
    grant: str
    key: str
    until: str
    answers: tuple[Answered[bool], ...]


def apply(
    house: House, application: Application, *, until: datetime | None = None, customer: str = "",
    attested: Attestation | None = None,
) -> Admitted:  # fmt: skip
    """Decide an application. Raises Refused with the decision, its receipt and what would lift it.

    customer: an agency that was registered to file its paperwork before it is admitted; else a new one is made.
    attested: signed by who attests it; a typed name where it is left out.
    """
    check(application)
    attested = attestation.accepted(application, attested, house.now())
    end = ending(house.now(), until)
    if customer:
        agencies.require(house, customer, application)
    answers = decide(house, application, Private(customer=customer), customer)
    if (refused := refusal(answers)) is not None:
        record(house, application, "refused", None, refused[0], attested)
        raise refused[1]
    return _admit(house, application, answers, end, customer, attested)


def ending(now: datetime, until: datetime | None) -> datetime:
    """When a grant that begins now ends: as was wished, and after a year at most. Raises BadInput."""
    end = min(until or now + GRANT_TERM, now + GRANT_TERM)
    if end <= now:
        raise BadInput("a grant cannot end before it begins")
    return end


def decide(house: House, application: Application, about: Private, customer: str = "") -> tuple[Answered[bool], ...]:
    """What the policy says of each ask of an application now; each has its leaf. customer: whose papers are on file."""
    facts, answers = _facts(house, application, house.now()), list[Answered[bool]]()
    for ask in application.asks():
        use = house.on_file.use(ask.purpose, ask.place, ask.camera)
        paper = house.on_file.paperwork(customer, use, "", facts.on) if customer else facts.paperwork
        answers += house.gate.admit((ask,), replace(facts, paperwork=paper), about)
    return tuple(answers)


def refusal(
    answers: tuple[Answered[bool], ...], what: str = "the application is refused"
) -> tuple[int, Refused] | None:
    """The first deny among them, as the index of its leaf and an error; None: all are allowed."""
    refused = next((answer for answer in answers if not answer.result), None)
    return None if refused is None else (refused.index, _refusal(refused, what))


def _admit(
    house: House, application: Application, answers: tuple[Answered[bool], ...], end: datetime, agency: str,
    attested: Attestation,
) -> Admitted:  # fmt: skip
    customer, grant = agency or ids.new("customer"), ids.new("grant")
    with house.database.begin() as connection:
        make(connection, house, application, customer, grant, end, known=bool(agency))
        key = auth.issue(connection, grant, house.now())
    house.gate.note("grant", grant_words(application), Private(customer, grant, auth.key_id(key)), "granted")
    record(house, application, "admitted", customer, answers[0].index, attested)
    return Admitted(customer, grant, key, ids.utc(end), answers)


def make(
    connection: Connection, house: House, application: Application, customer: str, grant: str, end: datetime,
    *, known: bool = False,
) -> None:  # fmt: skip
    """The rows of a customer with one grant, and the record of what was checked before.

    known: the customer is there, and says something new of itself.
    """
    moment = ids.utc(house.now())
    row = {
        "id": customer, "created": moment, "facts": facts_row(application), "status": "active",
        "sealed_key": house.vault.new_customer_key(customer),
    }  # fmt: skip
    granted = {
        "id": grant, "customer_id": customer, "created": moment, "until": ids.utc(end), "status": "active",
        "purposes": sorted(application.purposes), "modes": sorted(application.modes),
        "places": sorted(application.places),
    }  # fmt: skip
    if known:
        agencies.require_within(connection, customer, application)
        connection.execute(update(customers).where(customers.c.id == customer).values(facts=row["facts"]))
    else:
        connection.execute(insert(customers), row)
    connection.execute(insert(grants), granted)
    if (kept := application.verification) is not None:
        covered = sorted(as_checked(application))
        connection.execute(insert(verifications), _checked_row(customer, moment, kept, covered))


def _checked_row(customer: str, moment: str, kept: Verification, facts: list[str]) -> dict[str, Any]:
    return {
        "id": ids.new("verification"), "customer_id": customer, "created": moment, "method": kept.method,
        "facts": facts, "evidence": kept.evidence, "verifier": kept.by, "account_id": None,
        "until": kept.until.isoformat(), "withdrawn": None, "continues": None,
    }  # fmt: skip


def grant_words(application: Application) -> dict[str, Json]:
    """What the public leaf of a grant says: for what sort of customer, where, for what; never for whom."""
    words: dict[str, Json] = {"sector": application.sector, "country": application.country}
    for name in ("purposes", "modes", "places"):
        words[name] = [*sorted(getattr(application, name))]
    return words


def _facts(house: House, application: Application, now: datetime) -> Facts:
    return provision_facts(house, now, application.name, as_checked(application))


def provision_facts(house: House, now: datetime, name: str, checked: Standing) -> Facts:
    """What the rules read of a customer where no grant is used, so nothing of it can be outside one."""
    return Facts(
        on=now, model=house.model_facts(now), verified=standing.verified(checked, now), organisation=name,
        laws=house.laws, rests_on=tuple(standing.rests_on(checked, now).items()),
    )  # fmt: skip


def record(
    house: House, application: Application, outcome: str, customer: str | None, leaf: int, attested: Attestation
) -> None:
    """Keep what was applied for, who attested it, and what came of it."""
    row = {
        "id": ids.new("application"), "created": ids.utc(house.now()), "facts": facts_row(application),
        "outcome": outcome, "customer_id": customer, "leaf_index": leaf,
    }  # fmt: skip
    with house.database.begin() as connection:
        connection.execute(insert(applications), row)
        attestation.keep(connection, str(row["id"]), attested, facts_row(application))


def _refusal(answer: Answered[bool], what: str) -> Refused:
    decision: Decision = answer.decision
    says = "; ".join(reason.says for reason in decision.verdict.reasons) or "; ".join(decision.verdict.errors)
    after = next_step(decision.verdict)
    return Refused(f"{what}: {says}", decision=decision, receipt=answer.receipt, next_step=after)


@dataclass(frozen=True, slots=True)
class Issued:
    """A new key. `key` is its text, shown here and never again."""

    id: str
    key: str
    receipt: str


def issue(house: House, who: Principal, once: Once = FREELY) -> Issued:
    """One more key for the caller's grant. Raises Conflict where it has as many as it may.

    Of its text nothing is kept: a repeat comes to `issued_already`.
    """
    with house.database.begin() as connection:
        if auth.in_force(connection, who.grant.id) >= MOST_KEYS:
            raise too_many_keys()
        text = auth.issue(connection, who.grant.id, house.now())
        about = Private(who.customer.id, who.grant.id, auth.key_id(text))
        debt = owed.owe(connection, "administration", deed_words("key-issue", "key"), about, "issued", house.now())
        once.keep(connection, {"id": about.key}, debt=debt)
    return Issued(about.key, text, owed.pay_one(house, debt))


def issued_already(kept: Mapping[str, Any]) -> NoReturn:
    """What a repeat of `issue` comes to: its text was shown once. Raises Conflict, with the receipt of the first."""
    error = Conflict(
        "a key was issued for this call already, and its text is shown once only",
        next_step=f"Where that answer was lost, revoke {kept['id']} and issue another under a new Idempotency-Key.",
    )
    error.receipt = kept["receipt"]
    raise error


def too_many_keys() -> Conflict:
    """For a grant that has as many keys in force as it may."""
    return Conflict(f"a grant has at most {MOST_KEYS} keys in force", next_step="Revoke one that is not used.")


def revoke(house: House, who: Principal, key: str = "") -> str:
    """End a key of the caller's grant, the caller's own where none is named, from the next call on.

    The leaf is owed with it; returns its receipt. Raises NotFound for a key of another grant, or one that has ended.
    """
    ended = key or who.key
    about = Private(who.customer.id, who.grant.id, ended)
    with house.database.begin() as connection:
        auth.revoke(connection, who.grant.id, ended, house.now())
        debt = undone.owe(connection, house, "key", ended, about)
    return owed.pay_one(house, debt)
