"""The policy sets of a house: every one that was ever in force or proposed, whole, in SQL and beside the ledger.

A set is never edited: another text is another set, under another digest. What is read back is parsed, checked against
the schema it was kept with, and its digest computed anew; what does not hold is StorageDamaged, and no house opens on
it. It decides nothing, and says nothing of who wanted what: changes.py does. Source: docs/policy.md.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy import func, insert, select

from countenance.domain import ids
from countenance.domain.errors import BadInput, Misconfigured, StorageDamaged
from countenance.ledger import beside
from countenance.policy import cedar, packs
from countenance.storage import files
from countenance.storage.promises import law_events, policy_changes, policy_events, policy_sets

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime
    from pathlib import Path

    from sqlalchemy import Connection, Row

    from countenance.policy.cedar import PolicySet

TAKES_EFFECT = ("in-force", "stopped", "resumed")
"""The steps by which a set comes into force."""

CURRENT = """
SELECT policy_sets.digest, policy_sets.schema, policy_sets.packs FROM policy_events
JOIN policy_changes ON policy_changes.id = policy_events.change_id
JOIN policy_sets ON policy_sets.digest = policy_changes.after
WHERE policy_events.step IN ('in-force', 'stopped', 'resumed') ORDER BY policy_events.id DESC LIMIT 1
"""
"""The set in force, for who looks at a database that no house has open."""


@dataclass(frozen=True, slots=True)
class Held:
    """A set, and the text of the schema that it was checked under."""

    policies: PolicySet
    schema: str

    @property
    def stopped(self) -> bool:
        """Whether it has the pack of an emergency stop."""
        return any(file.name == packs.STOP for file in self.policies.files)


def made(found: Sequence[packs.PackFile]) -> Held:
    """A set of these packs under this installation's schema. BadRecord names file and line of what is wrong."""
    return Held(cedar.assemble(found), packs.schema())


def keep(connection: Connection, held: Held, now: datetime) -> None:
    """Put a set into the table, unless it is there."""
    digest = held.policies.digest
    if connection.execute(select(policy_sets.c.digest).where(policy_sets.c.digest == digest)).first() is None:
        texts = [{"name": file.name, "text": file.text} for file in held.policies.files]
        row = {"digest": digest, "created": ids.utc(now), "schema": held.schema, "packs": texts}
        connection.execute(insert(policy_sets), row)


def load(connection: Connection, digest: str) -> Held:
    """The set of this digest. Raises StorageDamaged where it is not there, or not what was kept."""
    row = connection.execute(select(policy_sets).where(policy_sets.c.digest == digest)).one_or_none()
    if row is None:
        raise _damaged("it is not in the table")
    return checked(digest, row.schema, row.packs)


def checked(digest: str, schema: str, texts: Sequence[dict[str, str]]) -> Held:
    """The set of this digest from the columns of its row. Raises StorageDamaged."""
    try:
        held = Held(cedar.of([_pack(each) for each in texts], schema), schema)
    except (BadInput, KeyError, TypeError, AttributeError) as error:
        says = error.message if isinstance(error, BadInput) else "it is not of the form that was written"
        raise _damaged(says) from error
    if held.policies.digest != digest:
        raise _damaged("its text is not the one that its digest names")
    return held


def renewed(held: Held) -> Held:
    """The same packs under this installation's schema. Raises Misconfigured where they don't fit it."""
    try:
        return made(held.policies.files)
    except BadInput as error:
        raise Misconfigured(
            f"the policy set in force does not fit this version: {error.message}",
            next_step="Go back to the version before, change the pack there, then install this one again.",
        ) from error


def in_force(connection: Connection) -> Row[Any] | None:
    """The newest event by which a set came into force, with the change it is of; None in a new house."""
    joined = select(policy_changes, policy_events.c.step, policy_events.c.id.label("event")).join(
        policy_events, policy_events.c.change_id == policy_changes.c.id
    )
    taking = joined.where(policy_events.c.step.in_(TAKES_EFFECT)).order_by(policy_events.c.id.desc()).limit(1)
    found: Row[Any] | None = connection.execute(taking).one_or_none()
    return found


def history(connection: Connection) -> list[Any]:
    """Each set that was in force: `after`, `since`, `change`, oldest first."""
    query = (
        select(policy_changes.c.after, policy_events.c.created.label("since"), policy_changes.c.id.label("change"))
        .join(policy_events, policy_events.c.change_id == policy_changes.c.id)
        .where(policy_events.c.step.in_(TAKES_EFFECT))
    )
    found: list[Any] = [*connection.execute(query.order_by(policy_events.c.id)).all()]
    return found


def newest(connection: Connection) -> int:
    """A number that grows with every event of a change or a law, whichever process wrote it."""
    return sum(
        connection.execute(select(func.coalesce(func.max(table.c.id), 0))).scalar_one()
        for table in (policy_events, law_events)
    )


def publish(public: Path, held: Held) -> None:
    """The text of a set beside the ledger, under its digest, once. Raises DiskFull, Misconfigured."""
    folder = public / beside.of_set(held.policies.digest)
    texts = {
        **{f"{file.name}.cedar": file.text for file in held.policies.files},
        beside.PACKS: packs.listing(held.policies.files),
        beside.SCHEMA: held.schema,  # last: where it is, the whole set is
    }
    for name, text in texts.items():
        if not (folder / name).exists():
            files.write_public(folder / name, text.encode(), what="the text of a policy set")


def read_published(public: Path, digest: str) -> Held | None:
    """The set of this digest from a published folder; None where it is not there, whole."""
    folder = public / beside.of_set(digest)
    try:
        schema = files.read_bounded(folder / beside.SCHEMA, packs.MAX_BYTES).decode()
        names = packs.names_in(folder)
        core_first = sorted(names, key=lambda name: (name != "core", name))
        held = Held(cedar.of([packs.read_file(folder / f"{name}.cedar") for name in core_first], schema), schema)
    except (BadInput, Misconfigured, UnicodeDecodeError):
        return None
    return held if held.policies.digest == digest else None


def _pack(kept: dict[str, str]) -> packs.PackFile:
    return packs.parse(kept["text"].encode(), kept["name"])


def _damaged(says: str) -> StorageDamaged:
    return StorageDamaged(f"the policy set in force is damaged: {says}")
