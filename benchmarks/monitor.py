"""What a monitor costs: leaves a second that are read from a folder, hashed, decoded and decided again.

Each log's asks are of so many different kinds an hour; all leaves differ in their commitment. Run:
python -m benchmarks.monitor [--json] [--leaves N]
"""

from __future__ import annotations

import argparse
import secrets
import sys
import tempfile
import time
from dataclasses import replace
from datetime import datetime
from pathlib import Path

from benchmarks.rows import Row, report
from countenance.domain.decision import Ask, Facts, ModelFacts
from countenance.ledger import beside, checkpoint, leaf, publish
from countenance.ledger.edge import Edge
from countenance.ledger.note import Signer
from countenance.ledger.source import folder
from countenance.policy import cedar, context, packs
from countenance.service.monitor import Monitor, Seen

HOUR = "2026-11-22T12:00:00Z"
MODEL = ModelFacts(True, True, 1000, 20_000, 3700, 1200, 8, "shipped")  # noqa: FBT003
ASK = Ask("identify", "commercial", "DE", "access-control", seat_country="DE")


def a_log(public: Path, leaves: int, kinds: int) -> Signer:
    """A published log of decisions that the policy gives, of so many kinds in one hour."""
    policies, signer = cedar.load(), Signer.generate("example.org/benchmark")
    inside = public / beside.of_set(policies.digest)
    inside.mkdir(parents=True)
    texts = {f"{file.name}.cedar": file.text for file in policies.files}
    texts |= {beside.SCHEMA: packs.schema(), beside.PACKS: packs.listing(policies.files)}
    for name, text in texts.items():
        (inside / name).write_text(text)
    opened = [_opened(policies, replace(ASK, locality=f"Place {_letters(kind)}")) for kind in range(kinds)]
    edge = Edge(public)
    for number in range(leaves):
        commitment = leaf.commitment(b"{}", secrets.token_bytes(32))
        edge.push(leaf.encode({**opened[number % kinds], "commitment": commitment}))
    for tile, raw in publish.grown(edge, 0, leaves):
        (public / tile.path).parent.mkdir(parents=True, exist_ok=True)
        (public / tile.path).write_bytes(raw)
    head = checkpoint.Checkpoint(signer.name, leaves, edge.root())
    (public / publish.CHECKPOINT).write_bytes(signer.sign(head.text))
    return signer


def _opened(policies: cedar.PolicySet, ask: Ask) -> dict[str, leaf.Json]:
    """The open part of the leaf that a house writes for this ask."""
    facts = Facts(datetime.fromisoformat(HOUR), MODEL, verified=True)
    verdict = cedar.decide(policies, ask, facts)
    digests: dict[str, leaf.Json] = {"policy": policies.digest, "laws": "", "model": "", "wheel": ""}
    return {
        "v": 1, "kind": "decision", "time": HOUR, "ask": leaf.ask_words(ask),
        "context": {**context.named(context.derive(ask, facts))}, "verdict": verdict.answer,
        "reasons": [reason.id for reason in verdict.reasons], "outside-policy": "", **digests,
    }  # fmt: skip


def _letters(number: int) -> str:
    """A name of a place for each number, of letters alone."""
    return "".join(chr(ord("a") + int(digit)) for digit in str(number))


def watching(public: Path, leaves: int, kinds: int) -> Row:
    signer, seen = a_log(public, leaves, kinds), Seen()
    started = time.perf_counter()
    Monitor(folder(public), [signer.verifier]).look(seen, int(time.time()))
    took = time.perf_counter() - started
    if seen.alarms or seen.counts["kind decision"] != leaves:
        raise SystemExit(f"the monitor does not agree: {seen.alarms[:1]}")
    return Row(f"decided again, {kinds:,} kinds of asks an hour", leaves / took, "leaves/s")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", action="store_true", help="print one JSON line a row")
    parser.add_argument("--leaves", type=int, default=20_000, help="leaves of each log (default 20,000)")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as made:
        rows = [watching(Path(made) / str(kinds), given.leaves, kinds) for kinds in (1, 100, 2000)]
    return report(rows, given.json)


if __name__ == "__main__":
    sys.exit(main())
