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

import hashlib
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from typing import TYPE_CHECKING, Any

from sqlalchemy import insert, select

from countenance.domain import ids
from countenance.domain.decision import Signature
from countenance.domain.errors import BadInput, Conflict, NotFound, StorageDamaged
from countenance.ledger import beside
from countenance.ledger.slow import OUTSIDE, SIGNATURES
from countenance.policy import context, laws
from countenance.service import notice, owed, signed
from countenance.service.gate import Answered, Done, Private, deed_words
from countenance.storage import files
from countenance.storage.tables import accounts, law_events, outbox
from countenance.storage.tables import laws as records

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from sqlalchemy import Connection, Row

    from countenance.domain.decision import Law
    from countenance.ledger.leaf import Json
    from countenance.policy.laws import Record
    from countenance.service.accounts import Account
    from countenance.service.app import House
    from countenance.storage.db import Database

KIND = "law"
WORDS_MOST = 2000  # characters of an objection
MOST_OBJECTIONS = 1000  # of one record
_KEYED = b"countenance/signer/v1\n"


@dataclass(frozen=True, slots=True)
class Objection:
    """What somebody said against a record, and whose person it is: of the provider or of a customer."""

    created: str
    by: str
    words: str


@dataclass(frozen=True, slots=True)
class Held:
    """A record of the registry. Moments are RFC 3339 UTC, empty where there is none yet.

    state: proposed, recorded, repealed or superseded. not_before: from when it may be recorded. digest: of the record.
    """

    id: str
    title: str
    jurisdiction: str
    level: str
    state: str
    created: str
    not_before: str
    recorded: str
    ended: str
    supersedes: str
    digest: str
    signatures: tuple[Signature, ...]
    objections: tuple[Objection, ...]
    record: Record

    @property
    def law(self) -> Law:
        """As the rules read it, with its signatures."""
        return self.record.registered(self.signatures)

    def keys(self, *, outside: bool = False) -> list[str]:
        """Those who signed, as leaves name them; only those from outside."""
        found = {key_digest(self.digest, one.key) for one in self.signatures if one.outside or not outside}
        return sorted(found)


@dataclass(frozen=True, slots=True)
class Acted:
    """An act on the machine itself, and the receipt of its leaf."""

    law: Held
    receipt: str


def propose(house: House, who: Account, raw: bytes) -> Answered[Held]:
    """Propose a record, the bytes of a TOML file. Raises Refused; BadRecord naming line or field; Conflict."""

    def work() -> Done[str]:
        record = _new(house, raw)
        return _done(house, who, record.law.id, "proposed", _proposal(house, record))

    return _told(house, house.gate.administer(who.act("law-propose", ""), Private(account=who.id), work))


def sign(house: House, who: Account, law: str, signature: bytes) -> Answered[Held]:
    """Sign a record that is proposed. Raises Refused, NotFound, Conflict, BadInput for another's signature."""

    def work() -> Done[str]:
        effect = _signing(house, one(house.database, law), who.id, who.public_key, signature)
        return _done(house, who, law, "signed", effect)

    return _told(house, house.gate.administer(who.act("law-sign", ""), _about(house, who, law), work))


def object_to(house: House, who: Account, law: str, words: str) -> Answered[Held]:
    """Object to a record that is proposed, in words that everybody can read. Raises Refused, NotFound, Conflict."""

    def work() -> Done[str]:
        effect = _objection(house, one(house.database, law), who.id, words)
        return _done(house, who, law, "objected", effect)

    return _told(house, house.gate.administer(who.act("law-object", ""), _about(house, who, law), work))


def record(house: House, who: Account, law: str) -> Answered[Held]:
    """Record a law, and end what it supersedes. Raises Refused, NotFound; Conflict where period or signatures lack."""

    def work() -> Done[str]:
        return _done(house, who, law, "recorded", _recording(house, one(house.database, law)))

    return _told(house, house.gate.administer(who.act("law-record", ""), _about(house, who, law), work))


def repeal(house: House, who: Account, law: str) -> Answered[Held]:
    """End a recorded law, at once. Raises Refused, NotFound, Conflict where it is not one."""

    def work() -> Done[str]:
        return _done(house, who, law, "repealed", _repeal(house, one(house.database, law)))

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


def known(database: Database) -> tuple[Held, ...]:
    """Every record, oldest first."""
    with database.read() as connection:
        return tuple(_all(connection))


def one(database: Database, law: str) -> Held:
    """Raises NotFound."""
    with database.read() as connection:
        return _one(connection, law)


def key_digest(record: str, key: str) -> str:
    """How leaves about one record name a public key (base64)."""
    return f"sha256:{hashlib.sha256(_KEYED + record.encode() + key.encode()).hexdigest()}"


def in_force(connection: Connection, now: datetime) -> tuple[tuple[Law, ...], datetime]:
    """The laws in force at a moment, by id, and when the time alone may change that."""
    day = now.date() if now.year > 1 else date.min
    held = [each for each in _all(connection) if each.state in ("recorded", "superseded") and not _ended(each)]
    ended = {each.supersedes for each in held if each.supersedes and each.record.law.start <= day}
    standing = [each.law for each in held if each.id not in ended]
    edges = {edge for each in standing for edge in (each.start, each.until) if edge is not None and edge > day}
    until = datetime.combine(min(edges), time(), UTC) if edges else notice.FAR
    return tuple(sorted((law for law in standing if context.in_force(law, day)), key=lambda law: law.id)), until


def publish(house: House) -> None:
    """Every record, the laws in force as one text, and the index, beside the ledger; then their periods run."""
    public, now = house.settings.ledger, house.now()
    _begin_period(house)
    with house.database.read() as connection:
        held, (standing, _) = _all(connection), in_force(connection, now)
    texts = {each.digest: each.record.canonical for each in held}
    texts[laws.registry_digest(standing)] = laws.registry_text(standing)
    for digest, text in texts.items():
        if not (public / beside.of_laws(digest)).exists():
            files.write_public(public / beside.of_laws(digest), text, what="the record of a law")
    index = {"in_force": laws.registry_digest(standing), "records": [_indexed(each) for each in held]}
    notice.write_index(public, f"{beside.LAWS}/{beside.INDEX}", index)


def _indexed(held: Held) -> dict[str, Any]:
    return {
        "id": held.id, "record": held.digest, "state": held.state, "proposed": held.created,
        "not_before": held.not_before, "recorded": held.recorded, "ended": held.ended, "supersedes": held.supersedes,
        "signatures": [{"key": each.key, "outside": each.outside, "signature": each.signature}
                       for each in held.signatures],
    }  # fmt: skip


def _new(house: House, raw: bytes) -> Record:
    """A record that may be proposed. Raises BadRecord, Conflict."""
    house.log.check()  # a clock that stands in the log's past would cut the period short
    record = laws.read_record(raw, "the record")
    with house.database.read() as connection:
        there = {each.id: each for each in _all(connection)}
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
        _require(_one(connection, held.id), "proposed")
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
        _require(_one(connection, held.id), "proposed")
        more = {"by": ids.new("objection"), "account_id": account or None, "words": words}
        return _event(connection, held.id, "objected", house.now(), account, **more)

    return effect


def _recording(house: House, held: Held) -> Callable[[Connection], list[int]]:
    house.log.check()
    _recordable(held, house.now())

    def effect(connection: Connection) -> list[int]:
        now, found = house.now(), _one(connection, held.id)
        _recordable(found, now)
        debts = _event(connection, found.id, "recorded", now)
        if found.supersedes:
            _require(_one(connection, found.supersedes), "recorded")
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
        _standing(_one(connection, held.id))
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
    held = _one(connection, law)
    period: int = connection.execute(select(records.c.notice_days).where(records.c.id == law)).scalar_one()
    words: Mapping[str, Json] = {
        "step": step, "record": held.digest, "notice": period, "keys": [*held.keys()],
        "outside": [*held.keys(outside=True)],
    }  # fmt: skip
    return [owed.owe(connection, KIND, words, Private(account=account, matter=law), step, now)]


def _begin_period(house: House) -> None:
    """The period of objection runs from when the record's leaf is in the log."""
    with house.database.begin() as connection:
        begun = select(law_events.c.law_id).where(law_events.c.step == "published")
        rows = connection.execute(select(records).where(records.c.id.not_in(begun))).all()
        query = select(outbox.c.open).where(outbox.c.kind == KIND)
        owing = {words["record"] for words in connection.execute(query).scalars() if words["step"] == "proposed"}
        for row in rows:
            if row.digest not in owing:
                event = {"law_id": row.id, "step": "published", "by": "", "created": ids.utc(house.now())}
                connection.execute(insert(law_events), event)


def _done(house: House, who: Account, law: str, outcome: str, effect: Callable[[Connection], list[int]]) -> Done[str]:
    debts: list[int] = []

    def settled() -> None:
        for debt in debts:
            owed.pay_one(house, debt)
        house.in_force.renew()

    return Done(
        law, outcome, effect=lambda connection: debts.extend(effect(connection)), settled=settled,
        about=Private(account=who.id, matter=law),
    )  # fmt: skip


def _about(house: House, who: Account, law: str) -> Private:
    """For the closed part: a law that there is, which everybody can see."""
    there = any(each.id == law for each in known(house.database))
    return Private(account=who.id, matter=law if there else "")


def _told(house: House, answered: Answered[str]) -> Answered[Held]:
    return Answered(one(house.database, answered.result), answered.decision, answered.receipt, answered.index)


def _here(
    house: House, act: str, law: str, outcome: str, effect: Callable[[Connection], list[int]], account: str = ""
) -> Acted:
    with house.database.begin() as connection:
        debts = effect(connection)
        about = Private(account=account, matter=law)
        debt = owed.owe(connection, "administration", deed_words(act, "machine"), about, outcome, house.now())
    for each in debts:
        owed.pay_one(house, each)
    receipt = owed.pay_one(house, debt)
    house.in_force.renew()
    return Acted(one(house.database, law), receipt)


def _one(connection: Connection, law: str) -> Held:
    found = next((each for each in _all(connection) if each.id == law), None)
    if found is None:
        raise NotFound("there is no such law", next_step="List the laws.")
    return found


def _all(connection: Connection) -> list[Held]:
    events: dict[str, list[Row[Any]]] = {}
    joined = select(law_events, accounts.c.customer_id, accounts.c.roles)
    query = joined.outerjoin(accounts, accounts.c.id == law_events.c.account_id).order_by(law_events.c.id)
    for event in connection.execute(query).all():
        events.setdefault(event.law_id, []).append(event)
    rows = connection.execute(select(records).order_by(records.c.created, records.c.id)).all()
    return [_held(row, events.get(row.id, [])) for row in rows]


def _held(row: Row[Any], events: Sequence[Row[Any]]) -> Held:
    at = {event.step: event.created for event in events}
    state = next((step for step in ("repealed", "superseded", "recorded") if step in at), "proposed")
    found = _record(row)
    return Held(
        id=row.id, title=found.law.title, jurisdiction=found.law.jurisdiction, level=found.law.level, state=state,
        created=row.created, not_before=notice.end_of(at.get("published", ""), row.notice_days),
        recorded=at.get("recorded", ""), ended=at.get("repealed", at.get("superseded", "")),
        supersedes=row.supersedes, digest=row.digest,
        signatures=tuple(_signature(event) for event in events if event.step == "signed"),
        objections=tuple(_objected(event) for event in events if event.step == "objected"), record=found,
    )  # fmt: skip


def _record(row: Row[Any]) -> Record:
    try:
        found = laws.record_of(row.document)
    except BadInput as error:
        raise StorageDamaged(f"a record of the registry of laws is damaged: {error.message}") from error
    if found.digest != row.digest or found.law.id != row.id:
        raise StorageDamaged("a record of the registry of laws is not the one that its digest names")
    return found


def _ended(held: Held) -> bool:
    return held.state == "repealed"


def _signature(event: Row[Any]) -> Signature:
    outside = "assessor" in (event.roles or ())
    key, signature = signed.base64_of(bytes.fromhex(event.by)), signed.base64_of(event.signature or b"")
    return Signature(name="", outside=outside, key=key, signature=signature)


def _objected(event: Row[Any]) -> Objection:
    by = "customer" if event.customer_id else "provider"
    return Objection(event.created, by, event.words or "")
