"""What becomes of a change of a promise by itself: its notice runs, it is published, it takes effect.

    proposed       a row, and a leaf; notice runs from the moment when that leaf is in the log and the text is public
    approved       by two people of the provider whose accounts are in force when it takes effect, with different keys
    in force       at the first look after its notice, if it loosens; at once if it does not
    overtaken      for good, where another set came into force meanwhile: it was a step from one set to another
    withdrawn      by a person of the provider, at any time before

Everything is read from rows that are only added to. A change never takes effect before its text is public.
Source: docs/policy.md, "Changing a promise".
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from sqlalchemy import insert, select

from countenance.domain import ids
from countenance.ledger import beside, leaf
from countenance.ledger.slow import SIGNATURES
from countenance.policy import packs
from countenance.service import owed, sets, signed
from countenance.service.gate import Private
from countenance.storage import files
from countenance.storage.promises import policy_changes, policy_events, policy_sets
from countenance.storage.tables import accounts, outbox

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

    from sqlalchemy import Column, Connection, Row, Table

    from countenance.ledger.leaf import Json
    from countenance.service.app import House

KIND = "policy-change"
FAR = datetime(9999, 1, 1, tzinfo=UTC)
INDEX_MOST = 1 << 28  # bytes
APPROVAL = "countenance-policy-approval@v1"
_KEYED = b"countenance/approver/v1\n"


@dataclass(frozen=True, slots=True)
class Approval:
    """An approval as it is kept. key: base64; signature: base64. counts: the account is still one of an approver."""

    account: str
    key: str
    signature: str
    created: str
    counts: bool


@dataclass(frozen=True, slots=True)
class Change:
    """A change and what became of it. Moments are RFC 3339 UTC; not_before: empty until its notice runs.

    state: under-notice, in-force, was-in-force, withdrawn or overtaken. why: by what it might loosen.
    """

    id: str
    created: str
    before: str
    after: str
    loosens: bool
    notice_days: int
    digest: str
    why: tuple[str, ...]
    state: str
    not_before: str
    since: str
    approvals: tuple[Approval, ...]

    @property
    def keys(self) -> list[str]:
        """The keys of the approvals that count, as leaves name them."""
        return sorted({key_digest(self.digest, each.key) for each in self.approvals if each.counts})

    def due(self, now: datetime) -> bool:
        """Whether it takes effect: under notice, its notice over, and approved by two keys."""
        over = self.not_before != "" and self.not_before <= ids.utc(now)
        return self.state == "under-notice" and over and len(self.keys) >= SIGNATURES


def change_row(
    made: str, before: str, after: str, now: datetime, *, loosens: bool, notice_days: int, why: Iterable[str]
) -> dict[str, Any]:
    """The row of a new change. `document` is what is published; its digest is what approvers sign and leaves name."""
    document = {
        "change": made, "proposed": ids.utc(now), "before": before, "after": after, "loosens": loosens,
        "notice_days": notice_days, "why": [*why],
    }  # fmt: skip
    return {
        "id": document["change"], "created": document["proposed"], "before": before, "after": after,
        "loosens": loosens, "notice_days": notice_days, "document": document,
        "digest": f"sha256:{hashlib.sha256(text_of(document)).hexdigest()}",
    }  # fmt: skip


def text_of(document: Mapping[str, Any]) -> bytes:
    """Canonical JSON: UTF-8, keys sorted, no spaces."""
    return leaf.canonical(document)


def words(row: Mapping[str, Any] | Row[Any], step: str, keys: Sequence[str]) -> dict[str, Json]:
    """What a leaf says of a step of a change."""
    said = row if not hasattr(row, "_mapping") else row._mapping  # noqa: SLF001  the documented way to a row's names
    return {
        "step": step, "change": said["digest"], "before": said["before"], "after": said["after"],
        "loosens": said["loosens"], "notice": said["notice_days"], "keys": [*keys],
    }  # fmt: skip


def statement(change: str, digest: str) -> bytes:
    """What an approver signs: which change, and the digest of its document."""
    return f"{APPROVAL}\n{change}\n{digest}\n".encode()


def key_digest(change: str, key: str) -> str:
    """How leaves about one change name a public key (base64): two keys differ, and no two changes name one alike."""
    return f"sha256:{hashlib.sha256(_KEYED + change.encode() + key.encode()).hexdigest()}"


def changes(connection: Connection, only: str = "") -> list[Change]:
    """Every change but the first set of the house, oldest first; or one."""
    current = sets.in_force(connection)
    events: dict[str, list[Row[Any]]] = {}
    joined = select(policy_events, accounts.c.public_key, accounts.c.roles, accounts.c.ended, accounts.c.customer_id)
    query = joined.outerjoin(accounts, accounts.c.id == policy_events.c.account_id).order_by(policy_events.c.id)
    for event in connection.execute(query).all():
        events.setdefault(event.change_id, []).append(event)
    rows = select(policy_changes).where(policy_changes.c.before != "").order_by(policy_changes.c.created)
    rows = rows.where(policy_changes.c.id == only) if only else rows
    found = [(row, events.get(row.id, [])) for row in connection.execute(rows).all()]
    return [_change(row, its, current) for row, its in found]


def next_due(connection: Connection, now: datetime) -> datetime:
    """When the next change under notice may take effect; those that lack an approval then are not waited for."""
    stamp = ids.utc(now)
    waiting = [
        each.not_before
        for each in changes(connection)
        if each.state == "under-notice" and each.not_before and (each.not_before > stamp or each.due(now))
    ]
    return signed.moment(min(waiting)) if waiting else FAR


def take_effect(house: House, now: datetime) -> bool:
    """Bring the one change into force that is due, its leaf in the log before anything is decided by it."""
    with house.database.read() as connection:
        if not any(change.due(now) for change in changes(connection)):
            return False
    owed.pay(house, KIND)
    with house.database.begin() as connection:
        due = next((change for change in changes(connection) if change.due(now)), None)
        if due is None:
            return False
        debt = effect(connection, due.id, now, keys=due.keys)
    owed.pay_one(house, debt)
    return True


def effect(connection: Connection, change: str, now: datetime, *, keys: Sequence[str] = ()) -> int:
    """A set comes into force, in the caller's transaction; returns the debt of its leaf."""
    row = connection.execute(select(policy_changes).where(policy_changes.c.id == change)).one()
    step = _step(_stops(connection, row.before), _stops(connection, row.after))
    add(connection, change, step, now)
    return owed.owe(connection, KIND, words(row, step, keys), Private(matter=change), step, now)


def add(connection: Connection, change: str, step: str, now: datetime, **more: Any) -> None:
    """One event more. Raises Conflict where it is there: each happens once, an approval once for each key."""
    row = {"change_id": change, "step": step, "by": "", "created": ids.utc(now), **more}
    connection.execute(insert(policy_events), row)


def publish(house: House) -> None:
    """The text of every set and change beside the ledger, and the index; then notice runs. Raises DiskFull, ..."""
    public = house.settings.ledger
    with house.database.read() as connection:
        digests = connection.execute(select(policy_sets.c.digest)).scalars().all()
        missing = [digest for digest in digests if not (public / beside.of_set(digest) / beside.SCHEMA).exists()]
        kept = [sets.load(connection, digest) for digest in missing]
        documents = connection.execute(select(policy_changes.c.digest, policy_changes.c.document)).all()
    for held in kept:
        sets.publish(public, held)
    for row in documents:
        if not (public / beside.of_change(row.digest)).exists():
            files.write_public(public / beside.of_change(row.digest), text_of(row.document), what="a change")
    _begin_notice(house)
    with house.database.read() as connection:
        write_index(public, f"{beside.POLICY}/{beside.INDEX}", index(connection))


def index(connection: Connection) -> dict[str, Any]:
    """Which set was in force from when, and what is under notice."""
    past = sets.history(connection)
    ends = [*(row.since for row in past[1:]), ""]
    waiting = [each for each in changes(connection) if each.state == "under-notice"]
    return {
        "sets": [{"digest": row.after, "from": row.since, "until": end} for row, end in zip(past, ends, strict=True)],
        "under_notice": [
            {"change": each.digest, "before": each.before, "after": each.after, "loosens": each.loosens,
             "not_before": each.not_before}
            for each in waiting
        ],
    }  # fmt: skip


def write_index(public: Path, name: str, document: Mapping[str, Any]) -> None:
    """An index beside the ledger, where it says something else than before."""
    raw = json.dumps(document, indent=1, sort_keys=True, ensure_ascii=False).encode() + b"\n"
    path = public / name
    if not path.exists() or files.read_bounded(path, INDEX_MOST, what="an index beside the ledger") != raw:
        files.write_public(path, raw, what="an index beside the ledger")


def _begin_notice(house: House) -> None:
    """Notice runs from when text and leaf are public: what was proposed when the log stood still waits for it."""
    with house.database.begin() as connection:
        for change in newly_public(connection, KIND, "change", policy_changes, policy_events.c.change_id):
            add(connection, change, "published", house.now())


def newly_public(connection: Connection, kind: str, named: str, table: Table, of: Column[Any]) -> list[str]:
    """Ids of rows of `table` that no event calls published, and whose `proposed` leaf is in the log.

    kind: of their leaves, which name the row's digest as `named`. of: the column of their events that has the id.
    """
    begun = select(of).where(of.table.c.step == "published")
    rows = connection.execute(select(table.c.id, table.c.digest).where(table.c.id.not_in(begun))).all()
    query = select(outbox.c.open).where(outbox.c.kind == kind)
    owing = {words[named] for words in connection.execute(query).scalars() if words["step"] == "proposed"}
    return [row.id for row in rows if row.digest not in owing]


def _change(row: Row[Any], events: list[Row[Any]], current: Row[Any] | None) -> Change:
    by_step = {event.step: event for event in events}
    effects = [by_step[step] for step in sets.TAKES_EFFECT if step in by_step]
    published = by_step["published"].created if "published" in by_step else ""
    return Change(
        id=row.id, created=row.created, before=row.before, after=row.after, loosens=row.loosens,
        notice_days=row.notice_days, digest=row.digest, why=tuple(row.document["why"]),
        state=_state(row, by_step, effects, current),
        not_before=end_of(published, row.notice_days) if row.loosens else "",
        since=effects[0].created if effects else "",
        approvals=tuple(_approval(event) for event in events if event.step == "approved"),
    )  # fmt: skip


def _state(row: Row[Any], by_step: Mapping[str, Row[Any]], effects: list[Row[Any]], current: Row[Any] | None) -> str:
    if effects:
        return "in-force" if current is not None and current.id == row.id else "was-in-force"
    if "withdrawn" in by_step:
        return "withdrawn"
    lapsed = current is None or current.after != row.before or current.event > by_step["proposed"].id
    return "overtaken" if lapsed else "under-notice"


def _approval(event: Row[Any]) -> Approval:
    counts = event.ended is None and event.customer_id is None and "approver" in (event.roles or ())
    return Approval(
        event.account_id or "", signed.base64_of(bytes.fromhex(event.by)), signed.base64_of(event.signature or b""),
        event.created, counts=counts,
    )  # fmt: skip


def end_of(published: str, days: int) -> str:
    """The first whole hour after so many days; empty where they do not run yet."""
    if not published:
        return ""
    end = signed.moment(published) + timedelta(days=days)
    cut = end.replace(minute=0, second=0, microsecond=0)
    return ids.utc(cut if cut == end else cut + timedelta(hours=1))


def _stops(connection: Connection, digest: str) -> bool:
    found = connection.execute(select(policy_sets.c.packs).where(policy_sets.c.digest == digest)).scalar()
    return any(each["name"] == packs.STOP for each in found or ())


def _step(before: bool, after: bool) -> str:  # noqa: FBT001
    if before == after:
        return "in-force"
    return "stopped" if after else "resumed"
