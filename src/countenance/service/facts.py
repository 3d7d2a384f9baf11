"""What a customer's facts are, what they rest on, and what happens when they change: every grant is decided anew.

    1. read         the facts as they are, the grants in force, what was checked
    2. decide       each combination of each grant, as it would be asked for today under the new facts
    3. one transaction: the new facts; records that covered what changed are withdrawn, and what else they covered goes
       on in a record of its own; grants that are denied anything are suspended; and every leaf is owed
    4. the leaves   one for each decision, one for each suspension and withdrawal, one for the act

From 3 on the keys of a suspended grant open nothing but the way out, whether or not the log can be written. It never
revives what has ended: a grant that was suspended stays so, whatever the facts become. A customer's own people declare
what makes the rules stricter; what could make them milder is entered by the provider's. Source: docs/admission.md.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import product
from typing import TYPE_CHECKING, Any

from sqlalchemy import insert, select, update

from countenance.domain import ids
from countenance.domain.errors import BadInput, Conflict, NotFound, UnknownWord
from countenance.domain.standing import FACTS
from countenance.policy import cedar, words
from countenance.service import accounts, admit, owed, standing, undone
from countenance.service.application import TEXT_LIMIT, Customer, customer_of
from countenance.service.gate import Done, Private, decision_words, deed_words
from countenance.service.use import GRAVITY
from countenance.storage.admission import fact_changes, verifications
from countenance.storage.tables import customers, grants

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from sqlalchemy import Connection, Row

    from countenance.domain.decision import Ask, Verdict
    from countenance.service.accounts import Account
    from countenance.service.app import House
    from countenance.service.gate import Answered
    from countenance.service.inforce import Rules

    New = Mapping[str, str | frozenset[str]]  # by field of an application: what it has become

FIELDS = tuple(field for fields in FACTS.values() for field in fields)
"""What may change: the fields of every fact."""
MOST_SHOWN = 100  # changes shown, the newest first


@dataclass(frozen=True, slots=True)
class Redecided:
    """What a change came to for one grant. holds: whether it goes on; reasons: ids of the rules that denied."""

    grant: str
    holds: bool
    reasons: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Changed:
    """facts: that changed; declared: those of them that were verified, and rest on a declaration now."""

    change: str
    customer: str
    facts: tuple[str, ...]
    declared: tuple[str, ...]
    grants: tuple[Redecided, ...]


@dataclass(frozen=True, slots=True)
class Change:
    """One change as it is listed. by: provider, customer or machine; account: whose; created: RFC 3339 UTC."""

    id: str
    created: str
    by: str
    account: str
    before: dict[str, Any]
    after: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Held:
    """A customer's facts now, what each rests on, and the newest changes."""

    customer: str
    facts: dict[str, Any]
    rests_on: dict[str, str]
    changes: tuple[Change, ...]


@dataclass(frozen=True, slots=True)
class _Plan:
    """What a change will do, decided by `rules` and not yet done.

    grants: each with its asks and what the policy says of them.
    """

    change: str
    row: Row[Any]
    after: dict[str, Any]
    changed: tuple[str, ...]
    declared: tuple[str, ...]
    rules: Rules
    grants: tuple[tuple[str, tuple[tuple[Ask, Verdict], ...]], ...]
    now: datetime

    @property
    def redecided(self) -> tuple[Redecided, ...]:
        return tuple(
            Redecided(grant, all(verdict.allowed for _, verdict in decided), _reasons(decided))
            for grant, decided in self.grants
        )

    @property
    def outcome(self) -> Changed:
        return Changed(self.change, self.row.id, self.changed, self.declared, self.redecided)


def shown(house: House, who: Account, customer: str) -> Answered[Held]:
    """A customer's facts. Raises Refused, NotFound."""
    of, missing = accounts.concerned(house, who, customer)

    def work() -> Done[Held]:
        if missing is not None:
            raise missing
        return Done(_held(house, of), "shown")

    return house.gate.administer(who.act("facts-show", of), Private(customer=of, account=who.id), work)


def change(house: House, who: Account, customer: str, new: New) -> Answered[Changed]:
    """Enter what a customer's facts have become. Raises Refused, NotFound, BadInput, UnknownWord, Conflict."""
    of, missing = accounts.concerned(house, who, customer)

    def work() -> Done[Changed]:
        if missing is not None:
            raise missing
        plan, debts = _plan(house, of, new, own=bool(who.customer)), list[int]()
        about = Private(customer=of, account=who.id, matter=plan.change)

        def effect(connection: Connection) -> None:
            debts.extend(_carry_out(connection, house, plan, about, who.by))

        return Done(plan.outcome, "changed", effect=effect, settled=lambda: _pay(house, debts), about=about)

    return house.gate.administer(who.act("facts-change", of), Private(customer=of, account=who.id), work)


def change_here(house: House, customer: str, new: New) -> tuple[Changed, str]:
    """The same on the machine itself, and the receipt of its leaf."""
    plan = _plan(house, customer, new, own=False)
    about = Private(customer=customer, matter=plan.change)
    with house.database.begin() as connection:
        debts = _carry_out(connection, house, plan, about, "machine")
        debt = owed.owe(
            connection, "administration", deed_words("facts-change", "machine"), about, "changed", plan.now
        )  # fmt: skip
    receipt = owed.pay_one(house, debt)
    _pay(house, debts)
    return plan.outcome, receipt


def held_here(house: House, customer: str) -> Held:
    """A customer's facts, for the machine's own command line. Raises NotFound."""
    return _held(house, customer)


def customer_now(house: House, customer: str) -> Customer:
    """A customer that is active, as the gate reads it. Raises NotFound."""
    row = _customer(house, customer)
    return customer_of(row.id, row.facts, row.sealed_key, standing.of(house.database, row.id))


def _plan(house: House, customer: str, new: New, *, own: bool) -> _Plan:
    row, now = _customer(house, customer), house.now()
    after = _after(row.facts, new, own=own)
    changed = standing.changed(row.facts, after)
    if not changed:
        raise Conflict("these are the customer's facts already", next_step="Name what has changed.")
    checked = standing.of(house.database, customer)
    kept = {fact: until for fact, until in checked.items() if fact not in changed}
    then = customer_of(row.id, after, row.sealed_key, kept)
    _check_words(then)
    declared = tuple(
        fact for fact, rests in standing.rests_on(checked, now).items() if fact in changed and rests == "verified"
    )
    rules = house.in_force.at(now)
    return _Plan(ids.new("change"), row, after, changed, declared, rules, _decided(house, rules, then, now), now)


def _decided(
    house: House, rules: Rules, then: Customer, now: datetime
) -> tuple[tuple[str, tuple[tuple[Ask, Verdict], ...]], ...]:
    """Each grant in force with every combination of it, decided under the facts as they will be."""
    facts = replace(admit.provision_facts(house, now, then.name, then.standing), laws=rules.laws)
    with house.database.read() as connection:
        rows = connection.execute(_in_force(then.id, now)).all()

    def said(ask: Ask) -> Verdict:
        paper = house.on_file.paperwork(then.id, house.on_file.use(ask.purpose, ask.place, ask.camera), "", now)
        return cedar.decide(rules.policies, ask, replace(facts, paperwork=paper))

    return tuple((row.id, tuple((ask, said(ask)) for ask in _asks(then, row))) for row in rows)


def _asks(then: Customer, row: Row[Any]) -> list[Ask]:
    combinations = product(sorted(row.purposes), sorted(row.modes), sorted(row.places))
    return [
        then.ask("provision", purpose=purpose, mode=mode, place=place) for purpose, mode, place in combinations
    ]  # fmt: skip


def _carry_out(connection: Connection, house: House, plan: _Plan, about: Private, by: str) -> list[int]:
    """Everything that a change does, within one transaction; the debts of its leaves."""
    its, before = customers.c, plan.row.facts
    same = (its.id == plan.row.id) & (its.facts == before) & (its.status == "active")
    if connection.execute(update(customers).where(same).values(facts=plan.after)).rowcount != 1:
        raise _meanwhile()
    if {row.id for row in connection.execute(_in_force(plan.row.id, plan.now))} != {one for one, _ in plan.grants}:
        raise _meanwhile()
    fields = [field for fact in plan.changed for field in FACTS[fact] if before[field] != plan.after[field]]
    row = {
        "id": plan.change, "customer_id": plan.row.id, "created": ids.utc(plan.now), "by": by,
        "account_id": about.account or None, "before": {field: before[field] for field in fields},
        "after": {field: plan.after[field] for field in fields},
    }  # fmt: skip
    connection.execute(insert(fact_changes), row)
    return [*_fall_back(connection, house, plan, about), *_suspend(connection, house, plan, about)]


def _fall_back(connection: Connection, house: House, plan: _Plan, about: Private) -> list[int]:
    """Withdraw every record that covers what changed; what else it covers goes on until the same day."""
    its, debts = verifications.c, []
    query = select(verifications).where(its.customer_id == plan.row.id, its.withdrawn.is_(None))
    for row in connection.execute(query).all():
        rest = sorted(set(row.facts) - set(plan.changed))
        if len(rest) == len(row.facts):
            continue
        moment = ids.utc(plan.now)
        connection.execute(update(verifications).where(its.id == row.id).values(withdrawn=moment))
        if rest:
            goes_on = {**row._mapping, "id": ids.new("verification"), "facts": rest, "continues": row.id}  # noqa: SLF001
            connection.execute(insert(verifications), goes_on)
        debts.append(undone.owe(connection, house, "verification", row.id, about))
    return debts


def _suspend(connection: Connection, house: House, plan: _Plan, about: Private) -> list[int]:
    """Owe the leaf of every decision, and suspend the grants that do not hold."""
    debts, holds = [], {one.grant: one.holds for one in plan.redecided}
    for grant, decided in plan.grants:
        of = Private(about.customer, grant, account=about.account, matter=about.matter)
        for ask, verdict in decided:
            opened = {**decision_words(ask, verdict), **plan.rules.digests}
            outcome = "allowed" if verdict.allowed else "refused"
            debts.append(owed.owe(connection, "decision", opened, of, outcome, plan.now))
        if not holds[grant]:
            suspended = {"status": "suspended", "until": ids.utc(plan.now)}
            connection.execute(update(grants).where(grants.c.id == grant).values(suspended))
            debts.append(undone.owe(connection, house, "grant", grant, of))
    return debts


def _after(before: Mapping[str, Any], new: New, *, own: bool) -> dict[str, Any]:
    """The facts as they will be, as SQL keeps them. own: declared by the customer's own people."""
    if set(new) - set(FIELDS):
        raise UnknownWord("one of these is no fact of a customer", next_step=f"Known are: {', '.join(FIELDS)}.")
    for field in ("name", "contact"):
        text = new.get(field, "it stays")
        if not isinstance(text, str) or not text.strip() or len(text) > TEXT_LIMIT or not text.isprintable():
            raise BadInput(f"a customer's {field} has 1 to {TEXT_LIMIT} printable characters")
    said = {field: sorted(value) if isinstance(value, frozenset) else value for field, value in new.items()}
    return {**before, **(_own(before, said) if own else said)}


def _own(before: Mapping[str, Any], said: dict[str, Any]) -> dict[str, Any]:
    """What a customer's own people may declare: nothing that could free it from a rule that holds for it now."""
    if "sector" in said and said["sector"] != before["sector"]:
        said["acts_for"] = sorted({*said.get("acts_for", before["acts_for"]), before["sector"]})
    for field, value in said.items():
        if value != before[field] and not _stricter(field, before[field], value):
            raise BadInput(
                f"a customer's own people cannot declare this {field.replace('_', ' ')}",
                next_step="Tell the provider, whose people enter it; end a grant that does not hold any more.",
            )
    return said


def _stricter(field: str, before: Any, value: Any) -> bool:
    if field in GRAVITY:
        order = GRAVITY[field]
        return value in order and before in order and order.index(value) > order.index(before)
    return field in ("sector", "contact") or (field == "acts_for" and set(value) >= set(before))


def _check_words(then: Customer) -> None:
    """Raise UnknownWord for what no rule could read: a slip of the pen suspends nothing."""
    ask = then.ask("provision", purpose="access-control", mode="one-off", place="private")
    if errors := words.unknown(ask):
        raise UnknownWord(errors[0][:500], next_step="Words as in docs/policy.md; nothing was changed.")


def _held(house: House, customer: str) -> Held:
    row = _customer(house, customer)
    facts = {field: row.facts[field] for field in FIELDS}
    rests = standing.rests_on(standing.of(house.database, customer), house.now())
    query = select(fact_changes).where(fact_changes.c.customer_id == customer)
    with house.database.read() as connection:
        rows = connection.execute(query.order_by(fact_changes.c.created.desc(), fact_changes.c.id).limit(MOST_SHOWN))
        changes = tuple(
            Change(one.id, one.created, one.by, one.account_id or "", one.before, one.after) for one in rows
        )
    return Held(customer, facts, rests, changes)


def _customer(house: House, customer: str) -> Row[Any]:
    its = customers.c
    query = select(customers).where(its.id == customer, its.status == "active", its.sealed_key.is_not(None))
    with house.database.read() as connection:
        row = connection.execute(query).one_or_none()
    if row is None:
        raise NotFound("there is no such customer", next_step="List the grants, which name their customers.")
    return row


def _in_force(customer: str, now: datetime) -> Any:
    its = grants.c
    return (
        select(its.id, its.purposes, its.modes, its.places)
        .where(its.customer_id == customer, its.status == "active", its.until > ids.utc(now))
        .order_by(its.created, its.id)
    )


def _reasons(decided: tuple[tuple[Ask, Verdict], ...]) -> tuple[str, ...]:
    found = [reason.id for _, verdict in decided if not verdict.allowed for reason in verdict.reasons]
    return tuple(dict.fromkeys(found))


def _meanwhile() -> Conflict:
    return Conflict("something of this customer changed meanwhile", next_step="Read its facts again, then change them.")


def _pay(house: House, debts: list[int]) -> None:
    for debt in debts:
        owed.pay_one(house, debt)
