"""What stands now, for anybody who asks without a key: the set in force, what is under notice, the registry of laws.

It shows and changes nothing, and says of no change who approved it. A question to the policy is answered by what this
house has in force, unless it names packs or laws of its own.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from countenance.policy import packs
from countenance.policy.laws import registry_digest
from countenance.service import decide, notice, records, sets

if TYPE_CHECKING:
    from countenance.domain.decision import Verdict
    from countenance.policy.packs import PackFile
    from countenance.policy.whatif import WhatIf
    from countenance.service.app import House
    from countenance.service.notice import Change
    from countenance.service.records import Held


def policies(house: House) -> dict[str, Any]:
    """The set in force and since when, the changes under notice, the sets that were in force before."""
    rules = house.in_force.at(house.now())
    with house.database.read() as connection:
        past = sets.history(connection)
        waiting = [each for each in notice.changes(connection) if each.state == "under-notice"]
    ends = [*(row.since for row in past[1:]), ""]
    return {
        "in_force": [{"name": name, "digest": digest} for name, digest in rules.policies.packs],
        "digest": rules.policies.digest, "since": past[-1].since, "stopped": rules.stopped,
        "under_notice": [_under_notice(each) for each in waiting],
        "history": [{"digest": row.after, "since": row.since, "until": end}
                    for row, end in zip(past, ends, strict=True)],
    }  # fmt: skip


def pack(house: House, name: str) -> PackFile:
    """A pack as it is in force, else as it ships. Raises UnknownWord."""
    for file in house.policies.files:
        if file.name == name:
            return file
    return packs.read(name)


def verdict(house: House, asked: WhatIf) -> Verdict:
    """What this house would say to a question."""
    rules = house.in_force.at(house.now())
    return decide.verdict(asked, lifts=True, policies=rules.policies if asked.packs is None else None)


def laws(house: House) -> dict[str, Any]:
    """Every record, and the digest of the laws in force that every leaf carries."""
    in_force = house.laws
    return {
        "in_force": [law.id for law in in_force], "digest": registry_digest(in_force),
        "laws": [law_words(each) for each in records.known(house.database)],
    }  # fmt: skip


def law(house: House, name: str) -> dict[str, Any]:
    """One record, whole, with its text. Raises NotFound."""
    found = records.one(house.database, name)
    return {**law_words(found), "document": dict(found.record.document)}


def law_words(held: Held) -> dict[str, Any]:
    """What is shown of a record."""
    names = (
        "id", "title", "jurisdiction", "level", "state", "created", "not_before", "recorded", "ended", "supersedes",
    )  # fmt: skip
    return {
        **{name: getattr(held, name) for name in names}, "record": held.digest,
        "signatures": [{"key": one.key, "outside": one.outside, "signature": one.signature}
                       for one in held.signatures],
        "objections": [{"created": one.created, "by": one.by, "words": one.words} for one in held.objections],
    }  # fmt: skip


def _under_notice(change: Change) -> dict[str, Any]:
    return {
        "change": change.id, "document": change.digest, "before": change.before, "after": change.after,
        "loosens": change.loosens, "notice_days": change.notice_days, "not_before": change.not_before,
        "approvals": len(change.keys), "why": [*change.why],
    }  # fmt: skip
