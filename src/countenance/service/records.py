"""The registry of laws as it stands: what each record says, what became of it, and which laws are in force.

Read from rows that are only added to; a record whose bytes are not those of its digest keeps the house shut. It
publishes what is public beside the ledger, and lets a period of objection run from then on; it proposes and records
nothing (registry.py). Source: docs/laws.md.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from typing import TYPE_CHECKING, Any

from sqlalchemy import insert, select

from countenance.domain import ids
from countenance.domain.decision import Signature
from countenance.domain.errors import BadInput, NotFound, StorageDamaged
from countenance.ledger import beside
from countenance.policy import context, laws
from countenance.service import notice, signed
from countenance.storage import files
from countenance.storage.promises import law_events
from countenance.storage.promises import laws as records
from countenance.storage.tables import accounts

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy import Connection, Row

    from countenance.domain.decision import Law
    from countenance.policy.laws import Record
    from countenance.service.app import House
    from countenance.storage.db import Database

KIND = "law"
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


def known(database: Database) -> tuple[Held, ...]:
    """Every record, oldest first."""
    with database.read() as connection:
        return tuple(all_of(connection))


def one(database: Database, law: str) -> Held:
    """Raises NotFound."""
    with database.read() as connection:
        return one_of(connection, law)


def key_digest(record: str, key: str) -> str:
    """How leaves about one record name a public key (base64)."""
    return f"sha256:{hashlib.sha256(_KEYED + record.encode() + key.encode()).hexdigest()}"


def in_force(connection: Connection, now: datetime) -> tuple[tuple[Law, ...], datetime]:
    """The laws in force at a moment, by id, and when the time alone may change that."""
    day = now.date() if now.year > 1 else date.min
    held = [each for each in all_of(connection) if each.state in ("recorded", "superseded") and not _ended(each)]
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
        held, (standing, _) = all_of(connection), in_force(connection, now)
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


def _begin_period(house: House) -> None:
    """The period of objection runs from when the record's leaf is in the log."""
    with house.database.begin() as connection:
        for law in notice.newly_public(connection, KIND, "record", records, law_events.c.law_id):
            event = {"law_id": law, "step": "published", "by": "", "created": ids.utc(house.now())}
            connection.execute(insert(law_events), event)


def one_of(connection: Connection, law: str) -> Held:
    found = next((each for each in all_of(connection) if each.id == law), None)
    if found is None:
        raise NotFound("there is no such law", next_step="List the laws.")
    return found


def all_of(connection: Connection) -> list[Held]:
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
