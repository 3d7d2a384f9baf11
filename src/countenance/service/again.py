"""Deciding again: each logged ask, with the policy set that its leaf names, from the leaf's open part alone.

A set is read from what is published beside the log (`policy/<hex>/`), and believed only where schema and packs give
the digest that the leaves carry. Nothing comes from this installation but the code that asks Cedar, and the names of
packs to look for where the set has no list of its own. It needs no key, no account and no database. What it proves:
that answer, policy and facts fit each other. Not that the facts are true. Sources: docs/policy.md, docs/ledger.md.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from typing import TYPE_CHECKING

from countenance.domain.errors import BadInput, LogDamaged
from countenance.ledger import beside
from countenance.ledger.leaf import UNRECOGNISED
from countenance.policy import cedar, diff, packs, wire

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from countenance.ledger.leaf import Json, Leaf
    from countenance.ledger.source import Source
    from countenance.policy.cedar import PolicySet

MOST_SETS = 64
"""Policy sets kept parsed; about 1 MB each."""
MOST_PACKS = 200
"""Packs of a set at most."""


@dataclass(frozen=True, slots=True)
class Found:
    """What became of deciding again. kind: empty where it agrees, else the kind of the alarm; says: why."""

    kind: str = ""
    says: str = ""


AGREES = Found()


class Again:
    """Decides logged asks again, with the sets that a source publishes. Not thread-safe."""

    def __init__(self, source: Source) -> None:
        self._source = source
        self._sets: dict[str, PolicySet | Found] = {}

    def __call__(self, leaf: Leaf) -> Found:
        """leaf: of the kind `decision`. Raises Unavailable."""
        policies = self.policies(str(leaf.open["policy"]))
        return policies if isinstance(policies, Found) else _decided(policies, leaf.open)

    def policies(self, digest: str) -> PolicySet | Found:
        """The published set of a digest, or why there is none. Raises Unavailable."""
        found = self._sets.get(digest)
        if found is None:
            if len(self._sets) >= MOST_SETS:
                self._sets.clear()
            found = self._sets[digest] = self._load(digest)
        return found

    def document(self, digest: str) -> Found:
        """Whether the document of a change is published under its digest. Raises Unavailable."""
        try:
            raw = self._source(beside.of_change(digest), packs.MAX_BYTES)
        except LogDamaged as error:
            return Found("document", error.message)
        if raw is None or "sha256:" + sha256(raw).hexdigest() != digest:
            return Found("document", f"the document of the change {digest} is not published, or is another one")
        return AGREES

    def opens(self, before: str, after: str) -> Found:
        """Whether the step between two sets opens nothing, the pack of a stop aside. Takes some seconds."""
        old, new = self.policies(before), self.policies(after)
        for each in (old, new):
            if isinstance(each, Found):
                return each
        assert not isinstance(old, Found)
        assert not isinstance(new, Found)
        if not diff.openings(_unstopped(old), _unstopped(new)).loosens:
            return AGREES
        return Found("change", "a change came into force as one that opens nothing, and that is not so")

    def _load(self, digest: str) -> PolicySet | Found:
        folder = beside.of_set(digest)
        try:
            schema = self._source(f"{folder}/{beside.SCHEMA}", packs.MAX_BYTES)
            listed = self._source(f"{folder}/{beside.PACKS}", MOST_PACKS * 200)
            files = [packs.parse(raw, name) for name, raw in self._texts(folder, _names(folder, listed))]
            if schema is None or not files:
                return Found("set-missing", f"the text of the policy set {digest} is not published")
            made = cedar.of(files, schema.decode())
        except (BadInput, LogDamaged, UnicodeDecodeError) as error:
            return Found("set-differs", f"the text of the policy set {digest} is not a policy set: {error}")
        if made.digest != digest or listed not in (None, packs.listing(files).encode()):
            return Found("set-differs", f"the published text is not that of the policy set {digest}")
        return made

    def _texts(self, folder: str, names: Sequence[str]) -> list[tuple[str, bytes]]:
        """Name and bytes of each pack that is there."""
        found = [(name, self._source(f"{folder}/{name}.cedar", packs.MAX_BYTES)) for name in names]
        return [(name, raw) for name, raw in found if raw is not None]


def _names(folder: str, listed: bytes | None) -> list[str]:
    """The packs of a set, `core` first as in every set that decides; without a list, all names that ship."""
    if listed is None:
        return [*packs.shipped(), beside.STOP]
    lines = listed.decode().splitlines()[:MOST_PACKS]
    names = {line.partition(" ")[0] for line in lines}
    return sorted((n for n in names if beside.lasting(f"{folder}/{n}.cedar")), key=lambda name: (name != "core", name))


def _unstopped(policies: PolicySet) -> PolicySet:
    return cedar.assemble([file for file in policies.files if file.name != beside.STOP])


def _decided(policies: PolicySet, opened: Mapping[str, Json]) -> Found:
    """Whether the set says of the ask what the leaf says that it said."""
    ask, verdict, reasons = opened["ask"], opened["verdict"], opened["reasons"]
    context = opened["context"]
    assert isinstance(reasons, list)
    assert isinstance(ask, dict)
    assert isinstance(context, dict)
    if UNRECOGNISED in str(ask):
        unknown = verdict == "deny" and reasons == []
        return AGREES if unknown else Found("differs", "an ask with an unknown word was not denied for that")
    try:
        on = datetime.fromisoformat(str(opened["time"]))
        again = cedar.redecide(policies, wire.ask_of(ask), on, context)
    except BadInput as error:
        return Found("undecided", f"this version can't decide it again: {error.message}")
    rules = [reason.id for reason in again.reasons]
    if again.answer == verdict and sorted(rules) == sorted(map(str, reasons)):  # no digest holds the packs' order
        return AGREES
    said = f"{verdict} ({_listed(reasons)}), and its policy set says {again.answer} ({_listed(rules)})"
    return Found("differs", f"the leaf says {said}")


def _listed(reasons: object) -> str:
    assert isinstance(reasons, list)
    return ", ".join(map(str, reasons)) or "no rule"
