"""What the log says of promises and laws since a backup, so that a restore brings back nothing looser than it says.

    a law that was repealed or superseded since      is so again; one that was recorded since is recorded anew by people
    a change that was withdrawn since                is withdrawn; approvals since are gone, and are given anew
    a set that came into force since                 is in force, where its text is here or beside the ledger
      else, where every step since only loosened     the backup's set stays, which is the stricter one
      else                                           the house comes back stopped, until two people lift it

Digests are compared; a text counts only under its own. What differs from the log's last word gets a leaf of its own.
Source: docs/adr/0065-promises-change-slowly.md.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import delete, insert, select

from countenance.domain import ids
from countenance.policy import packs
from countenance.service import notice, records, sets
from countenance.storage.promises import law_events, laws, policy_changes, policy_events
from countenance.storage.tables import outbox

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime
    from pathlib import Path

    from sqlalchemy import Connection

    from countenance.ledger.leaf import Leaf

KINDS = (notice.KIND, records.KIND)
NOTHING = ""
AS_LOGGED = "the policy set is the one that the log names last; its text was in the backup or beside the ledger"
STRICTER = "the policy set is the backup's: every change since only loosened it, and no text of theirs was found"
STOPPED = "STOPPED: the log names a later policy set whose text is not beside the ledger; two people have to lift it"


def follow(connection: Connection, told: Sequence[Leaf], places: Iterable[Path], now: datetime) -> str:
    """Bring the tables of a restored database up to the log, in the caller's transaction; what to say of the set."""
    _drop_told(connection, told)
    for leaf in told:
        said = leaf.open
        if leaf.kind == records.KIND and said["step"] in ("repealed", "superseded"):
            _end_law(connection, str(said["record"]), str(said["step"]), str(said["time"]))
        elif leaf.kind == notice.KIND and said["step"] == "withdrawn":
            _withdraw(connection, str(said["change"]), str(said["time"]))
    effects = [leaf for leaf in told if leaf.kind == notice.KIND and leaf.open["step"] in sets.TAKES_EFFECT]
    return _take_over(connection, effects, places, now) if effects else NOTHING


def _take_over(connection: Connection, effects: Sequence[Leaf], places: Iterable[Path], now: datetime) -> str:
    last, before = effects[-1].open, sets.in_force(connection)
    logged = str(last["after"])
    for leaf in effects:
        _effect_again(connection, str(leaf.open["change"]), str(leaf.open["step"]), now)
    current = sets.in_force(connection)
    if before is None or current is None or current.after == logged:
        return NOTHING if before == current else AS_LOGGED
    found = next((held for held in (sets.read_published(place, logged) for place in places) if held is not None), None)
    if found is not None:
        change = _row(connection, current.after, found, now, loosens=last["loosens"] is True)
        notice.add(connection, change, str(last["step"]), now)
        return AS_LOGGED
    held = sets.load(connection, current.after)
    looser_only = all(leaf.open["loosens"] is True for leaf in effects)
    if not looser_only and not held.stopped:
        held = sets.made([*held.policies.files, packs.stop()])
    change = _row(connection, logged, held, now, loosens=False)
    notice.effect(connection, change, now)
    return STRICTER if looser_only else STOPPED


def _effect_again(connection: Connection, digest: str, step: str, now: datetime) -> None:
    """A change that the backup knows under notice came into force since, whatever came into force after it."""
    known = select(policy_changes.c.id).where(policy_changes.c.digest == digest)
    for change in connection.execute(known).scalars().all():
        there = policy_events.c.step.in_(sets.TAKES_EFFECT) & (policy_events.c.change_id == change)
        if connection.execute(select(policy_events.c.id).where(there)).first() is None:
            notice.add(connection, change, step, now)


def _row(connection: Connection, before: str, held: sets.Held, now: datetime, *, loosens: bool) -> str:
    """A change by nobody's wish; its id."""
    sets.keep(connection, held, now)
    made = ids.new("change")
    row = notice.change_row(made, before, held.policies.digest, now, loosens=loosens, notice_days=0, why=())
    connection.execute(insert(policy_changes), row)
    return made


def _drop_told(connection: Connection, told: Sequence[Leaf]) -> None:
    """A leaf that was owed in the backup and is in the log needs no second one."""
    for debt in connection.execute(select(outbox).where(outbox.c.kind.in_(KINDS))).all():
        words: dict[str, Any] = debt.open
        if any(leaf.kind == debt.kind and all(leaf.open[key] == words[key] for key in words) for leaf in told):
            connection.execute(delete(outbox).where(outbox.c.id == debt.id))


def _end_law(connection: Connection, record: str, step: str, hour: str) -> None:
    for law in connection.execute(select(laws.c.id).where(laws.c.digest == record)).scalars().all():
        there = select(law_events.c.id).where(law_events.c.law_id == law, law_events.c.step == step)
        if connection.execute(there).first() is None:
            connection.execute(insert(law_events), {"law_id": law, "step": step, "by": "", "created": hour})


def _withdraw(connection: Connection, digest: str, hour: str) -> None:
    known = select(policy_changes.c.id).where(policy_changes.c.digest == digest)
    for change in connection.execute(known).scalars().all():
        there = (policy_events.c.change_id == change) & (policy_events.c.step == "withdrawn")
        if connection.execute(select(policy_events.c.id).where(there)).first() is None:
            row = {"change_id": change, "step": "withdrawn", "by": "", "created": hour}
            connection.execute(insert(policy_events), row)
