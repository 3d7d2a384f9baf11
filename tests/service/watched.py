"""A log that is watched: the leaves of a house after many asks of all kinds, published anew under the tests' own key.

So a test can be the provider, and sign what no honest house would.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from hashlib import sha256
from typing import TYPE_CHECKING, Any

from countenance.ledger import adopt, beside, checkpoint, leaf, publish
from countenance.ledger.edge import Edge
from countenance.ledger.source import folder
from countenance.policy import cedar, packs
from countenance.service import detect
from countenance.service.monitor import Look, Monitor, Seen
from countenance.service.use import Use
from tests.ledger.world import SIGNER, closed_part
from tests.service.test_leaves import full_run
from tests.service.world import new_world, photo

if TYPE_CHECKING:
    from pathlib import Path

    from countenance.ledger.note import Signer
    from countenance.policy.cedar import PolicySet

NONCE = bytes(32)
KEYS = ["sha256:" + f"{number:02x}" * 32 for number in range(1, 4)]


@dataclass
class Told:
    """What a provider publishes. leaves: the bytes of each; sets: whose texts lie beside; documents: of changes."""

    leaves: list[bytes]
    sets: list[PolicySet]
    documents: list[bytes] = field(default_factory=list)

    def publish(self, public: Path, signer: Signer = SIGNER) -> None:
        """Everything, from nothing."""
        write_log(public, self.leaves, signer)
        for each in self.sets:
            write_set(public, each)
        for raw in self.documents:
            path = public / beside.of_change(digest(raw))
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(raw)

    def add(self, kind: str, time: datetime, **words: Any) -> None:
        """A leaf more, as a house writes it."""
        same = {key: leaf.parse(self.leaves[-1]).open[key] for key in ("policy", "laws", "model", "wheel")}
        opened: dict[str, leaf.Json] = {"v": 1, "kind": kind, "time": hour(time), **same, **words}
        self.leaves.append(leaf.encode({**opened, "commitment": leaf.commitment(closed_part(), NONCE)}))

    def changed(self, index: int, **words: Any) -> None:
        """Another open part of one leaf."""
        found = leaf.parse(self.leaves[index])
        self.leaves[index] = leaf.Leaf({**found.open, **words}, found.commitment).encode()

    def loosened(self, start: datetime, *, days: int = 30, approving: list[str], counted: list[str]) -> None:
        """A change from the first set to the second, from its proposal to the day on which it holds."""
        document = json.dumps({"change": days, "keys": [*approving, *counted]}).encode()
        self.documents.append(document)
        said: dict[str, Any] = {
            "change": digest(document), "before": self.sets[0].digest, "after": self.sets[1].digest, "loosens": True,
            "notice": 30,
        }  # fmt: skip
        self.add("policy-change", start, **said, step="proposed", keys=[])
        for key in approving:
            self.add("policy-change", start, **said, step="approved", keys=[key])
        self.add("policy-change", start + timedelta(days=days), **said, step="in-force", keys=counted)


def digest(raw: bytes) -> str:
    return "sha256:" + sha256(raw).hexdigest()


def hour(time: datetime) -> str:
    return f"{time:%Y-%m-%dT%H}:00:00Z"


def write_log(public: Path, leaves: list[bytes], signer: Signer = SIGNER) -> None:
    edge = Edge(public)
    for entry in leaves:
        edge.push(entry)
    for tile, raw in publish.grown(edge, 0, len(leaves)):
        (public / tile.path).parent.mkdir(parents=True, exist_ok=True)
        (public / tile.path).write_bytes(raw)
    head = checkpoint.Checkpoint(signer.name, len(leaves), edge.root())
    (public / publish.CHECKPOINT).write_bytes(signer.sign(head.text))


def write_set(public: Path, policies: PolicySet) -> None:
    """As docs/ledger.md says that the text of a set is published."""
    inside = public / beside.of_set(policies.digest)
    inside.mkdir(parents=True, exist_ok=True)
    (inside / beside.SCHEMA).write_text(packs.schema())
    (inside / beside.PACKS).write_text(packs.listing(policies.files))
    for file in policies.files:
        (inside / f"{file.name}.cedar").write_text(file.text)


def told(home: Path) -> Told:
    """The leaves of a house: asks of every kind, allowed, refused, ended early; more than one bundle of them."""
    world = new_world(home)
    full_run(world)
    who = world.customer(verified=False, name="canary unverified")
    for number in range(260):
        detect.detect(world.house, who, photo(1 + number % 3), Use())
        world.later(minutes=number % 40)
    policies = world.house.policies
    world.house.close()
    size = int((world.settings.ledger / "checkpoint").read_text().split("\n")[1])
    leaves = [entry for _, entry in adopt.leaves(world.settings.ledger, 0, size)]
    found = Told(leaves, [policies, cedar.load(["core"])])
    found.loosened(newest(found), approving=KEYS[:2], counted=KEYS[:2])
    return found


def newest(found: Told) -> datetime:
    return max(datetime.fromisoformat(str(leaf.parse(entry).open["time"])) for entry in found.leaves)


def look(public: Path, seen: Seen, now: int = 1_800_000_000, **more: Any) -> Look:
    return Monitor(folder(public), [SIGNER.verifier], **more).look(seen, now)


def alarms(public: Path, seen: Seen | None = None) -> set[str]:
    """The kinds of alarms of one look."""
    seen = seen or Seen()
    look(public, seen)
    return {alarm.kind for alarm in seen.alarms}
