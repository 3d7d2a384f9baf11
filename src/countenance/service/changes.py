"""Changing a promise: what people of the provider do about it. Proposed in public, approved by two, or withdrawn.

    propose    packs on or off, or another text of one; whether it loosens is found out, and what is not proven loosens
    approve    an approver's signature over the digest of the change, verified before it is kept
    withdraw   one person, at any time before it takes effect
    stop       one person, at once: everything but a person's own data is refused, loudly
    resume     the stop is proposed to be lifted, which loosens, like any other change

What does not loosen takes effect in the transaction that proposes it; what loosens waits (notice.py). A change names
the set that it starts from, and lapses where another comes into force meanwhile. Nobody edits a set or a change.
On the machine itself the same is done without roles; an approval needs a registered key there too.
Source: docs/policy.md, "Changing a promise".
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy import insert, select

from countenance.domain import ids
from countenance.domain.errors import BadInput, Conflict, NotFound
from countenance.policy import packs
from countenance.service import enacted, notice, owed, sets, signed, weighed
from countenance.service.gate import Answered, Done, Private, deed_words
from countenance.service.wish import Wish, files_of
from countenance.storage.promises import policy_changes
from countenance.storage.tables import accounts

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import datetime

    from sqlalchemy import Connection

    from countenance.service.accounts import Account
    from countenance.service.app import House
    from countenance.service.enacted import Effect
    from countenance.service.notice import Change
    from countenance.storage.db import Database

MOST_WAITING = 100  # changes under notice at a time
MOST_DAYS = 366  # of notice, where a change asks for more than the setting


@dataclass(frozen=True, slots=True)
class Acted:
    """An act on the machine itself, and the receipt of its leaf; empty where a running server, or a start, owes it."""

    change: Change
    receipt: str = ""


def propose(house: House, who: Account, wish: Wish) -> Answered[Change]:
    """Propose a change. Raises Refused; BadRecord with file and line for a bad pack; UnknownWord; Conflict."""
    return _change(house, who, "policy-propose", lambda: wished(house, wish))


def stop(house: House, who: Account) -> Answered[Change]:
    """Stop the house, at once. Raises Refused, Conflict where it is stopped."""
    return _change(house, who, "policy-stop", lambda: _stop(house.database))


def resume(house: House, who: Account) -> Answered[Change]:
    """Propose to lift a stop. Raises Refused, Conflict where there is none."""
    return _change(house, who, "policy-resume", lambda: _resume(house))


def approve(house: House, who: Account, change: str, signature: bytes) -> Answered[Change]:
    """Approve a change under notice. Raises Refused, NotFound; BadInput for another's signature; Conflict."""

    def work() -> Done[str]:
        effect = _approval(house, change, who.id, who.public_key, signature)
        return enacted.by_person(house, who, change, "approved", effect)

    return _told(house, house.gate.administer(who.act("policy-approve", ""), _about(house, who, change), work))


def withdraw(house: House, who: Account, change: str) -> Answered[Change]:
    """Withdraw a change under notice. Raises Refused, NotFound, Conflict."""

    def work() -> Done[str]:
        return enacted.by_person(house, who, change, "withdrawn", _withdrawal(house, change))

    return _told(house, house.gate.administer(who.act("policy-withdraw", ""), _about(house, who, change), work))


def listed(house: House, who: Account) -> Answered[tuple[Change, ...]]:
    """Every change, oldest first, with who approved it. Raises Refused."""

    def work() -> Done[tuple[Change, ...]]:
        return Done(known(house.database), "listed")

    return house.gate.administer(who.act("policy-list", ""), Private(account=who.id), work)


def shown(house: House, who: Account, change: str) -> Answered[Change]:
    """One change. Raises Refused, NotFound."""

    def work() -> Done[Change]:
        return Done(one(house.database, change), "shown")

    return house.gate.administer(who.act("policy-show", ""), _about(house, who, change), work)


def propose_here(house: House, wish: Wish) -> Acted:
    """Propose a change on the machine itself. Raises as `propose`."""
    return _here(house, "policy-propose", wished(house, wish))


def resume_here(house: House) -> Acted:
    """Propose on the machine itself to lift a stop. Raises Conflict where there is none."""
    return _here(house, "policy-resume", _resume(house))


def approve_here(house: House, change: str, account: str, signature: bytes) -> Acted:
    """Keep an approval on the machine itself: signed by the key of an approver's account all the same."""
    key = approver(house.database, account)
    effect = _approval(house, change, account, key, signature)
    return _act_here(house, "policy-approve", change, "approved", effect, account)


def withdraw_here(house: House, change: str) -> Acted:
    """Withdraw a change on the machine itself. Raises NotFound, Conflict."""
    return _act_here(house, "policy-withdraw", change, "withdrawn", _withdrawal(house, change))


def stop_beside(database: Database, now: datetime) -> Change:
    """Stop the house without opening it, beside a running server, which sees it within a second and writes the leaves.

    Raises Conflict where it is stopped.
    """
    prepared = _stop(database)
    with database.begin() as connection:
        make(connection, prepared, now)
        words = deed_words("policy-stop", "machine")
        owed.owe(connection, "administration", words, Private(matter=prepared.row["id"]), "stopped", now)
    return one(database, prepared.row["id"])


def known(database: Database) -> tuple[Change, ...]:
    """Every change but the first set, oldest first."""
    with database.read() as connection:
        return tuple(notice.changes(connection))


def one(database: Database, change: str) -> Change:
    """Raises NotFound."""
    with database.read() as connection:
        found = notice.changes(connection, change) if ids.is_id(change, "change") else []
    if not found:
        raise _missing()
    return found[0]


def approver(database: Database, account: str) -> bytes:
    """The public key of an approver of the provider, whose account is in force. Raises NotFound."""
    with database.read() as connection:
        row = connection.execute(select(accounts).where(accounts.c.id == account)).one_or_none()
    if row is None or row.ended is not None or row.customer_id is not None or "approver" not in row.roles:
        raise NotFound("there is no approver of the provider with this account", next_step="List the accounts.")
    key: bytes = row.public_key
    return key


@dataclass(frozen=True, slots=True)
class Prepared:
    """A change that is ready to be made: its row, the set it leads to, and the one it starts from."""

    row: Mapping[str, Any]
    after: sets.Held
    outcome: str


def wished(house: House, wish: Wish) -> Prepared:
    """The change that a wish comes to, not made yet. Raises as `propose`."""
    house.log.check()  # a clock that stands in the log's past would cut a notice short
    before = _current(house.database)
    if not (wish.on or wish.off or wish.texts):
        raise BadInput("this changes nothing", next_step="Name packs to switch on or off, or a file of your own.")
    return _prepared(house, before, sets.made(files_of(before, wish)), _days(house, wish.notice_days), "proposed")


def _stop(database: Database) -> Prepared:
    before = _current(database)
    if before.stopped:
        raise Conflict("this house is stopped already", next_step="Propose to resume, once its cause is gone.")
    after = sets.made([*before.policies.files, packs.stop()])
    row = _row(before, after, loosens=False, days=0, why=())
    return Prepared(row, after, "stopped")


def _resume(house: House) -> Prepared:
    house.log.check()
    before = _current(house.database)
    if not before.stopped:
        raise Conflict("this house is not stopped")
    return _prepared(house, before, _without_stop(before), _days(house, 0), "proposed")


def _prepared(house: House, before: sets.Held, after: sets.Held, days: int, outcome: str) -> Prepared:
    if after.policies.digest == before.policies.digest:
        raise Conflict("that is the set in force already")
    found = weighed.weigh(before.policies, after.policies)
    if before.stopped and after.stopped:
        # While all is refused nothing seems to open: what counts is what will be open once the stop is lifted.
        hidden = weighed.weigh(_without_stop(before).policies, _without_stop(after).policies)
        found = weighed.Weighed(found.loosens or hidden.loosens, (*found.why, *hidden.why))
    with house.database.read() as connection:
        waiting = sum(change.state == "under-notice" for change in notice.changes(connection))
    if waiting >= MOST_WAITING:
        raise Conflict("as many changes are under notice as may be", next_step="Withdraw one.")
    days = days if found.loosens else 0
    return Prepared(_row(before, after, loosens=found.loosens, days=days, why=found.why), after, outcome)


def _row(before: sets.Held, after: sets.Held, *, loosens: bool, days: int, why: tuple[str, ...]) -> dict[str, Any]:
    """All of a change but its moment, which comes when it is made."""
    return {
        "before": before.policies.digest, "after": after.policies.digest, "loosens": loosens, "notice_days": days,
        "why": why, "id": ids.new("change"),
    }  # fmt: skip


def _without_stop(held: sets.Held) -> sets.Held:
    return sets.made([file for file in held.policies.files if file.name != packs.STOP])


def _current(database: Database) -> sets.Held:
    with database.read() as connection:
        row = sets.in_force(connection)
        if row is None:
            raise Conflict("this house has no policy set yet", next_step="Start it once with this version.")
        return sets.load(connection, row.after)


def _days(house: House, wished: int) -> int:
    least = house.settings.notice_days
    if wished and not least <= wished <= MOST_DAYS:
        raise BadInput(f"the notice of a change has {least} to {MOST_DAYS} days here")
    return wished or least


def make(connection: Connection, prepared: Prepared, now: datetime) -> list[int]:
    """Steps of a new change, in the caller's transaction: the debts of its leaves."""
    current, said = sets.in_force(connection), prepared.row
    if current is None or current.after != said["before"]:
        raise Conflict("another set came into force meanwhile", next_step="Look at it, and propose again.")
    sets.keep(connection, prepared.after, now)
    row = notice.change_row(
        said["id"], said["before"], said["after"], now, loosens=said["loosens"], notice_days=said["notice_days"],
        why=said["why"],
    )  # fmt: skip
    connection.execute(insert(policy_changes), row)
    notice.add(connection, row["id"], "proposed", now)
    debts = []
    if prepared.outcome != "stopped":
        words = notice.words(row, "proposed", ())
        debts.append(owed.owe(connection, notice.KIND, words, Private(matter=row["id"]), "proposed", now))
    if not row["loosens"]:
        debts.append(notice.effect(connection, row["id"], now))
    return debts


def _change(house: House, who: Account, act: str, prepare: Callable[[], Prepared]) -> Answered[Change]:
    """An act that makes a change."""

    def work() -> Done[str]:
        prepared = prepare()
        made: str = prepared.row["id"]
        return enacted.by_person(house, who, made, prepared.outcome, _making(house, prepared))

    return _told(house, house.gate.administer(who.act(act, ""), Private(account=who.id), work))


def _told(house: House, answered: Answered[str]) -> Answered[Change]:
    """The change as it is once the act is done."""
    return Answered(one(house.database, answered.result), answered.decision, answered.receipt, answered.index)


def _here(house: House, act: str, prepared: Prepared) -> Acted:
    made: str = prepared.row["id"]
    return _act_here(house, act, made, prepared.outcome, _making(house, prepared))


def _making(house: House, prepared: Prepared) -> Effect:
    return lambda connection: make(connection, prepared, house.now())


def _act_here(house: House, act: str, change: str, outcome: str, effect: Effect, account: str = "") -> Acted:
    receipt = enacted.by_machine(house, act, change, outcome, effect, account)
    return Acted(one(house.database, change), receipt)


def _approval(
    house: House, change: str, account: str, key: bytes, signature: bytes
) -> Callable[[Connection], list[int]]:
    """What an approval adds, once its signature holds. Raises NotFound, Conflict, BadInput."""
    house.log.check()
    found = _waiting(one(house.database, change))
    if not found.loosens or not found.not_before:
        raise Conflict("this change is not public yet", next_step="Try again in a moment.")
    if not signed.verify(key, notice.statement(found.id, found.digest), signature):
        raise BadInput(
            "this is not your signature over this change",
            next_step="Sign its id and digest, as the change shows them: docs/policy.md.",
        )

    def effect(connection: Connection) -> list[int]:
        now = house.now()
        _waiting(notice.changes(connection, change)[0])
        notice.add(connection, change, "approved", now, by=key.hex(), account_id=account, signature=signature)
        after = notice.changes(connection, change)[0]
        row = connection.execute(select(policy_changes).where(policy_changes.c.id == change)).one()
        words = notice.words(row, "approved", after.keys)
        return [owed.owe(connection, notice.KIND, words, Private(account=account, matter=change), "approved", now)]

    if any(each.key == signed.base64_of(key) for each in found.approvals):
        raise Conflict("this key has approved this change already", next_step="Another person has to, too.")
    return effect


def _withdrawal(house: House, change: str) -> Callable[[Connection], list[int]]:
    _waiting(one(house.database, change))

    def effect(connection: Connection) -> list[int]:
        now = house.now()
        _waiting(notice.changes(connection, change)[0])
        notice.add(connection, change, "withdrawn", now)
        row = connection.execute(select(policy_changes).where(policy_changes.c.id == change)).one()
        words = notice.words(row, "withdrawn", ())
        return [owed.owe(connection, notice.KIND, words, Private(matter=change), "withdrawn", now)]

    return effect


def _waiting(change: Change) -> Change:
    if change.state != "under-notice":
        raise Conflict(f"this change is {change.state}", next_step="Only one that is under notice can be decided on.")
    return change


def _about(house: House, who: Account, change: str) -> Private:
    """For the closed part: a change that there is; a customer's people are told of none."""
    there = not who.customer and any(each.id == change for each in known(house.database))
    return Private(account=who.id, matter=change if there else "")


def _missing() -> NotFound:
    return NotFound("there is no such change", next_step="List the changes.")
