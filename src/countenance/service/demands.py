"""Demands for a customer's records: each is a record of its own, met or refused, and all are counted.

Somebody, mostly law enforcement, wants what is held for a customer from the provider itself. What is kept: the sector,
by what instrument, for what purpose and which kinds of records; whether the customer was told, or why not; and the
answer. An answer is decided by the gate as `disclose`, asked for by that sector: what the policy denies can't be met
here, and a person may refuse what it allows. The name of who asked is sealed and is in no leaf. It hands nothing over
itself. Source: docs/admission.md.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from sqlalchemy import func, insert, select, tuple_, update

from countenance.domain import ids
from countenance.domain.errors import BadInput, Conflict, NotFound, UnknownWord
from countenance.policy import words
from countenance.service import admit, facts, owed
from countenance.service.application import TEXT_LIMIT
from countenance.service.disclose import INSTRUMENTS
from countenance.service.gate import Done, Private
from countenance.storage.admission import demands

if TYPE_CHECKING:
    from collections.abc import Callable

    from sqlalchemy import Connection, Row

    from countenance.service.accounts import Account
    from countenance.service.app import House
    from countenance.service.gate import Answered

RECORDS = ("account", "subjects", "templates", "decisions", "bases", "everything", "other")
"""The kinds of records that are asked for. There are no photographs to ask for."""
UNTOLD = ("forbidden-by-order", "risk-to-life", "not-yet")
"""Why a customer was not told."""
OUTCOMES = ("met", "refused")


@dataclass(frozen=True, slots=True)
class NewDemand:
    """A demand as it came in. name: of who asked; untold: why the customer was not told, empty where it was."""

    customer: str
    sector: str
    instrument: str
    records: frozenset[str]
    name: str
    purpose: str = "criminal-investigation"
    untold: str = ""


@dataclass(frozen=True, slots=True)
class Demand:
    """A demand as it is listed. name: empty for a customer's people. state: open, met or refused; verdict: what the
    policy said of the answer, empty before. Moments are RFC 3339 UTC; answered None: not yet.
    """

    id: str
    customer: str
    created: str
    sector: str
    instrument: str
    purpose: str
    records: tuple[str, ...]
    name: str
    told: bool
    untold: str
    state: str
    verdict: str
    answered: str | None


@dataclass(frozen=True, slots=True)
class Count:
    """How many demands of one kind came to one outcome, and how many of them the customer was told of."""

    sector: str
    instrument: str
    outcome: str
    told: int
    demands: int


def record(house: House, who: Account, new: NewDemand) -> Answered[str]:
    """Record a demand; its id. Raises Refused, NotFound, BadInput, UnknownWord."""
    made = ids.new("demand")

    def work() -> Done[str]:
        row = _row(house, made, new)
        about = Private(customer=new.customer, account=who.id, matter=made)
        return Done(made, "recorded", effect=lambda connection: _add(connection, row), about=about)

    return house.gate.administer(who.act("demand-record", ""), Private(account=who.id), work)


def record_here(house: House, new: NewDemand) -> tuple[str, str]:
    """The same on the machine itself; the id, and the receipt of its leaf."""
    made = ids.new("demand")
    row, about = _row(house, made, new), Private(customer=new.customer, matter=made)
    return made, owed.by_machine(house, "demand-record", about, "recorded", partial(_add, row=row))


def answer(house: House, who: Account, demand: str, outcome: str) -> Answered[str]:
    """Meet a demand or refuse it; its id. Raises Refused where the policy denies what is to be met; NotFound, Conflict.

    Either way the gate decides first, and the leaf of that decision stands.
    """
    row = None if who.customer else _found(house, demand)

    def work() -> Done[str]:
        found = _open(row)
        about = Private(customer=found.customer_id, account=who.id, matter=found.id)
        effect = _answering(house, found, outcome, about)
        return Done(found.id, outcome, effect=effect, about=about)

    about = Private(account=who.id, matter="" if row is None else row.id)
    return house.gate.administer(who.act("demand-answer", ""), about, work)


def answer_here(house: House, demand: str, outcome: str) -> str:
    """The same on the machine itself; the receipt of its leaf."""
    found = _open(_found(house, demand))
    about = Private(customer=found.customer_id, matter=found.id)
    return owed.by_machine(house, "demand-answer", about, outcome, _answering(house, found, outcome, about))


def listed(house: House, who: Account, after: str, limit: int) -> Answered[tuple[tuple[Demand, ...], str]]:
    """Up to `limit` demands, oldest first, and the mark to go on from: all, or those that a customer was told of."""

    def work() -> Done[tuple[tuple[Demand, ...], str]]:
        return Done(page(house, who.customer, after, limit), "listed")

    about = Private(customer=who.customer, account=who.id)
    return house.gate.administer(who.act("demand-list", who.customer), about, work)


def page(house: House, of: str, after: str, limit: int) -> tuple[tuple[Demand, ...], str]:
    """A part of the list: every demand, or those that the customer of this id was told of."""
    its, (created, _, last) = demands.c, after.partition(" ")
    query = select(demands).where(tuple_(its.created, its.id) > tuple_(created, last))
    if of:
        query = query.where(its.customer_id == of, its.told.is_(True))
    with house.database.read() as connection:
        rows = connection.execute(query.order_by(its.created, its.id).limit(limit + 1)).all()
    more = f"{rows[limit - 1].created} {rows[limit - 1].id}" if len(rows) > limit else ""
    return tuple(_demand(house, row, named=not of) for row in rows[:limit]), more


def counted(house: House) -> tuple[Count, ...]:
    """How many demands there were, by sector, instrument and outcome (`open`: not answered yet)."""
    its = demands.c
    kind = (its.sector, its.instrument, its.state)
    query = select(*kind, func.sum(its.told), func.count()).group_by(*kind).order_by(*kind)
    with house.database.read() as connection:
        return tuple(Count(row[0], row[1], row[2], int(row[3]), int(row[4])) for row in connection.execute(query))


def _answering(house: House, row: Row[Any], outcome: str, about: Private) -> Callable[[Connection], None]:
    """Decide the answer, and give what writes it down. Raises Refused, BadInput."""
    if outcome not in OUTCOMES:
        raise BadInput("a demand is met or refused", next_step="Answer with `met` or `refused`.")
    customer, now = facts.customer_now(house, row.customer_id), house.now()
    ask = customer.ask("disclose", purpose=row.purpose, requested_by=frozenset({row.sector}))
    known = admit.provision_facts(house, now, customer.name, customer.standing)
    answers = house.gate.admit((ask,), known, about)
    if outcome == "met" and (refused := admit.refusal(answers, "the demand can't be met")) is not None:
        raise refused[1]
    waits = (demands.c.id == row.id) & (demands.c.state == "open")
    values = {
        "state": outcome, "answered": ids.utc(now), "verdict": "allow" if answers[0].result else "deny",
        "leaf_index": answers[0].index,
    }  # fmt: skip

    def effect(connection: Connection) -> None:
        if connection.execute(update(demands).where(waits).values(values)).rowcount != 1:
            raise _closed()

    return effect


def _row(house: House, made: str, new: NewDemand) -> dict[str, Any]:
    """The row of a new demand, once its words are known. Raises NotFound, BadInput, UnknownWord."""
    customer = facts.customer_now(house, new.customer).id
    for word, known, what in (
        (new.sector, words.SECTORS, "sector"), (new.instrument, INSTRUMENTS, "instrument"),
        (new.purpose, words.PURPOSES, "purpose"), (new.untold, ("", *UNTOLD), "reason not to tell"),
    ):  # fmt: skip
        if word not in known:
            raise UnknownWord(f"this is no {what}", next_step=f"Known are: {', '.join(filter(None, known))}.")
    if not new.records or new.records - set(RECORDS):
        raise UnknownWord("a demand is for kinds of records", next_step=f"Known are: {', '.join(RECORDS)}.")
    if not new.name.strip() or len(new.name) > TEXT_LIMIT or not new.name.isprintable():
        raise BadInput(f"the name of who asked has 1 to {TEXT_LIMIT} printable characters")
    return {
        "id": made, "customer_id": customer, "created": ids.utc(house.now()), "sector": new.sector,
        "instrument": new.instrument, "purpose": new.purpose, "records": sorted(new.records),
        "name": house.vault.seal(new.name.encode(), label=_label(made)), "told": not new.untold,
        "untold": new.untold, "state": "open", "verdict": None, "leaf_index": None, "answered": None,
    }  # fmt: skip


def _add(connection: Connection, row: dict[str, Any]) -> None:
    connection.execute(insert(demands), row)


def _demand(house: House, row: Row[Any], *, named: bool) -> Demand:
    name = house.vault.open(row.name, label=_label(row.id)).decode() if named else ""
    return Demand(
        row.id, row.customer_id, row.created, row.sector, row.instrument, row.purpose, tuple(row.records), name,
        row.told, row.untold, row.state, row.verdict or "", row.answered,
    )  # fmt: skip


def _found(house: House, demand: str) -> Row[Any] | None:
    with house.database.read() as connection:
        return connection.execute(select(demands).where(demands.c.id == demand)).one_or_none()


def _open(row: Row[Any] | None) -> Row[Any]:
    if row is None:
        raise NotFound("there is no such demand", next_step="List the demands.")
    if row.state != "open":
        raise _closed()
    return row


def _closed() -> Conflict:
    return Conflict("this demand was answered", next_step="Record a new one, should it be demanded again.")


def _label(demand: str) -> str:
    return f"demand\n{demand}"
