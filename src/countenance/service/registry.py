"""The registry of laws: records that are proposed, objected to, signed, recorded; and then only repealed or superseded.

    proposed     by a person of the provider: the record is public from here on, and its period of objection runs
    objected     by anybody with an account, in words that are shown to everybody
    signed       by an approver of the provider, and by an assessor, who is from outside: the bytes of the record
    recorded     once the period is over and two different keys have signed, one from outside; in force from its own day
    repealed     by one person, at once
    superseded   by the record of another that names it, from that one's first day on

No record is ever edited: what became of it is rows that are only added to. A law in force is as it was signed, its
signatures with it. Nothing here says whether a law lifts a promise (policy/context.py). Source: docs/laws.md.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy import insert, select

from countenance.domain import ids
from countenance.domain.errors import BadInput, Conflict, NotFound
from countenance.ledger.slow import OUTSIDE, SIGNATURES
from countenance.policy import laws
from countenance.service import enacted, owed, signed
from countenance.service.gate import Answered, Done, Private
from countenance.service.records import KIND, Held, all_of, known, one, one_of
from countenance.storage.promises import law_events
from countenance.storage.promises import laws as records
from countenance.storage.tables import accounts

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import datetime

    from sqlalchemy import Connection

    from countenance.ledger.leaf import Json
    from countenance.policy.laws import Record
    from countenance.service.accounts import Account
    from countenance.service.app import House
    from countenance.service.enacted import Effect

WORDS_MOST = 2000  # characters of an objection
MOST_OBJECTIONS = 1000  # of one record


@dataclass(frozen=True, slots=True)
class Acted:
    """An act on the machine itself, and the receipt of its leaf."""

    law: Held
    receipt: str


def propose(house: House, who: Account, raw: bytes) -> Answered[Held]:
    """Propose a record, the bytes of a TOML file. Raises Refused; BadRecord naming line or field; Conflict."""

    def work() -> Done[str]:
        record = _new(house, raw)
        return enacted.by_person(house, who, record.law.id, "proposed", _proposal(house, record))

    return _told(house, house.gate.administer(who.act("law-propose", ""), Private(account=who.id), work))


def sign(house: House, who: Account, law: str, signature: bytes) -> Answered[Held]:
    """Sign a record that is proposed. Raises Refused, NotFound, Conflict, BadInput for another's signature."""

    def work() -> Done[str]:
        effect = _signing(house, one(house.database, law), who.id, who.public_key, signature)
        return enacted.by_person(house, who, law, "signed", effect)

    return _told(house, house.gate.administer(who.act("law-sign", ""), _about(house, who, law), work))


def object_to(house: House, who: Account, law: str, words: str) -> Answered[Held]:
    """Object to a record that is proposed, in words that everybody can read. Raises Refused, NotFound, Conflict."""

    def work() -> Done[str]:
        effect = _objection(house, one(house.database, law), who.id, words)
        return enacted.by_person(house, who, law, "objected", effect)

    return _told(house, house.gate.administer(who.act("law-object", ""), _about(house, who, law), work))


def record(house: House, who: Account, law: str) -> Answered[Held]:
    """Record a law, and end what it supersedes. Raises Refused, NotFound; Conflict where period or signatures lack."""

    def work() -> Done[str]:
        return enacted.by_person(house, who, law, "recorded", _recording(house, one(house.database, law)))

    return _told(house, house.gate.administer(who.act("law-record", ""), _about(house, who, law), work))


def repeal(house: House, who: Account, law: str) -> Answered[Held]:
    """End a recorded law, at once. Raises Refused, NotFound, Conflict where it is not one."""

    def work() -> Done[str]:
        return enacted.by_person(house, who, law, "repealed", _repeal(house, one(house.database, law)))

    return _told(house, house.gate.administer(who.act("law-repeal", ""), _about(house, who, law), work))


def propose_here(house: House, raw: bytes) -> Acted:
    """Propose a record on the machine itself. Raises as `propose`."""
    record = _new(house, raw)
    return _here(house, "law-propose", record.law.id, "proposed", _proposal(house, record))


def sign_here(house: House, law: str, account: str, signature: bytes) -> Acted:
    """Keep a signature on the machine itself: of the key of an account that may sign."""
    with house.database.read() as connection:
        row = connection.execute(select(accounts).where(accounts.c.id == account)).one_or_none()
    if (
        row is None
        or row.ended is not None
        or row.customer_id is not None
        or not {"approver", "assessor"} & {*row.roles}
    ):
        raise NotFound("there is no approver or assessor with this account", next_step="List the accounts.")
    effect = _signing(house, one(house.database, law), account, row.public_key, signature)
    return _here(house, "law-sign", law, "signed", effect, account)


def object_here(house: House, law: str, words: str) -> Acted:
    """Note an objection on the machine itself, that reached the provider on paper."""
    return _here(house, "law-object", law, "objected", _objection(house, one(house.database, law), "", words))


def record_here(house: House, law: str) -> Acted:
    return _here(house, "law-record", law, "recorded", _recording(house, one(house.database, law)))


def repeal_here(house: House, law: str) -> Acted:
    return _here(house, "law-repeal", law, "repealed", _repeal(house, one(house.database, law)))


def _new(house: House, raw: bytes) -> Record:
    """A record that may be proposed. Raises BadRecord, Conflict."""
    house.log.check()  # a clock that stands in the log's past would cut the period short
    record = laws.read_record(raw, "the record")
    with house.database.read() as connection:
        there = {each.id: each for each in all_of(connection)}
    if record.law.id in there:
        raise Conflict(
            "there is a record of this id", next_step="A record is never edited: propose another, by its id."
        )
    old = record.law.supersedes
    if old and (old not in there or there[old].state != "recorded"):
        raise Conflict("what this record supersedes is not a recorded law", next_step="List the laws.")
    return record


def _proposal(house: House, record: Record) -> Callable[[Connection], list[int]]:
    def effect(connection: Connection) -> list[int]:
        now, law = house.now(), record.law
        row = {
            "id": law.id, "created": ids.utc(now), "digest": record.digest, "supersedes": law.supersedes,
            "notice_days": house.settings.objection_days, "document": dict(record.document),
        }  # fmt: skip
        connection.execute(insert(records), row)
        return _event(connection, law.id, "proposed", now)

    return effect


def _signing(house: House, held: Held, account: str, key: bytes, signature: bytes) -> Callable[[Connection], list[int]]:
    _require(held, "proposed")
    if not held.not_before:
        raise Conflict("this record is not public yet", next_step="Try again in a moment.")
    if not signed.verify(key, held.record.message, signature):
        raise BadInput(
            "this is not your signature over this record",
            next_step="Sign the digest of the record, as it is published: docs/laws.md.",
        )
    if any(each.key == signed.base64_of(key) for each in held.signatures):
        raise Conflict("this key has signed this record already", next_step="Another person has to, too.")

    def effect(connection: Connection) -> list[int]:
        _require(one_of(connection, held.id), "proposed")
        more = {"by": key.hex(), "account_id": account, "signature": signature}
        return _event(connection, held.id, "signed", house.now(), account, **more)

    return effect


def _objection(house: House, held: Held, account: str, words: str) -> Callable[[Connection], list[int]]:
    _require(held, "proposed")
    if not words.strip() or len(words) > WORDS_MOST or not all(c.isprintable() or c == "\n" for c in words):
        raise BadInput(f"an objection has 1 to {WORDS_MOST} printable characters")
    if len(held.objections) >= MOST_OBJECTIONS:
        raise Conflict("as many objections were made as are kept of one record")

    def effect(connection: Connection) -> list[int]:
        _require(one_of(connection, held.id), "proposed")
        more = {"by": ids.new("objection"), "account_id": account or None, "words": words}
        return _event(connection, held.id, "objected", house.now(), account, **more)

    return effect


def _recording(house: House, held: Held) -> Callable[[Connection], list[int]]:
    house.log.check()
    _recordable(held, house.now())

    def effect(connection: Connection) -> list[int]:
        now, found = house.now(), one_of(connection, held.id)
        _recordable(found, now)
        debts = _event(connection, found.id, "recorded", now)
        if found.supersedes:
            _require(one_of(connection, found.supersedes), "recorded")
            debts += _event(connection, found.supersedes, "superseded", now)
        return debts

    return effect


def _recordable(held: Held, now: datetime) -> None:
    """Raise Conflict unless the period is over and two different keys have signed, one from outside."""
    _require(held, "proposed")
    if not held.not_before or ids.utc(now) < held.not_before:
        raise Conflict(
            "its period of objection is not over", next_step=f"Record it from {held.not_before or 'its end'} on."
        )
    if len(held.keys()) < SIGNATURES or len(held.keys(outside=True)) < OUTSIDE:
        raise Conflict(
            "a record needs the signatures of two people with different keys, one of them from outside the provider",
            next_step="Have an approver and an assessor sign it: docs/laws.md.",
        )


def _repeal(house: House, held: Held) -> Callable[[Connection], list[int]]:
    _standing(held)

    def effect(connection: Connection) -> list[int]:
        _standing(one_of(connection, held.id))
        return _event(connection, held.id, "repealed", house.now())

    return effect


def _standing(held: Held) -> None:
    """What is superseded from a day that is still to come can be repealed before it."""
    if held.state not in ("recorded", "superseded"):
        raise Conflict(f"this law is {held.state}", next_step="Only one that is recorded can be repealed.")


def _require(held: Held, state: str) -> None:
    if held.state != state:
        raise Conflict(f"this law is {held.state}", next_step=f"Only one that is {state} can be.")


def _event(connection: Connection, law: str, step: str, now: datetime, account: str = "", **more: Any) -> list[int]:
    """An event and the debt of its leaf, in the caller's transaction."""
    row = {"law_id": law, "step": step, "by": "", "created": ids.utc(now), **more}
    connection.execute(insert(law_events), row)
    held = one_of(connection, law)
    period: int = connection.execute(select(records.c.notice_days).where(records.c.id == law)).scalar_one()
    words: Mapping[str, Json] = {
        "step": step, "record": held.digest, "notice": period, "keys": [*held.keys()],
        "outside": [*held.keys(outside=True)],
    }  # fmt: skip
    return [owed.owe(connection, KIND, words, Private(account=account, matter=law), step, now)]


def _about(house: House, who: Account, law: str) -> Private:
    """For the closed part: a law that there is, which everybody can see."""
    there = any(each.id == law for each in known(house.database))
    return Private(account=who.id, matter=law if there else "")


def _told(house: House, answered: Answered[str]) -> Answered[Held]:
    return Answered(one(house.database, answered.result), answered.decision, answered.receipt, answered.index)


def _here(house: House, act: str, law: str, outcome: str, effect: Effect, account: str = "") -> Acted:
    receipt = enacted.by_machine(house, act, law, outcome, effect, account)
    return Acted(one(house.database, law), receipt)
