"""What the ledger's tests share: leaves, a clock that stands still, and logs that need no patience."""

# ruff: noqa: S311  (seeded, so that a failure comes again)
from __future__ import annotations

import os
import random
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from countenance.domain.decision import Ask
from countenance.ledger import leaf
from countenance.ledger.log import Log
from countenance.ledger.note import Signer
from tests.ledger.disks import LightDisk

if TYPE_CHECKING:
    from pathlib import Path

LONG = os.environ.get("COUNTENANCE_LONG") == "1"
NOON = datetime(2026, 11, 22, 12, 30, 5, tzinfo=UTC)
SIGNER = Signer.from_seed("example.org/countenance", bytes(range(32)))
DIGEST = "sha256:" + "5a" * 32
DIGESTS: dict[str, leaf.Json] = {"policy": DIGEST, "laws": DIGEST, "model": DIGEST, "wheel": ""}
ASK = Ask("verify", "commercial", "US", "access-control")


def noon() -> datetime:
    return NOON


def closed_part(**given: str) -> bytes:
    parts: dict[str, leaf.Json] = dict.fromkeys(leaf.CLOSED, "")
    return leaf.canonical({**parts, "time": "2026-11-22T12:30:05Z", **given})


def decision(closed: bytes, nonce: bytes, **changed: leaf.Json) -> bytes:
    """A decision's leaf; every one has the same open part but for `changed`."""
    opened: dict[str, leaf.Json] = {
        "v": 1, "kind": "decision", "time": "2026-11-22T12:00:00Z", "ask": leaf.ask_words(ASK),
        "context": {"verified": True, "grant.present": True, "model.groups": 4, "consent.basis": "on-record"},
        "verdict": "allow", "reasons": ["core.permit"], "outside-policy": "", **DIGESTS,
        "commitment": leaf.commitment(closed, nonce),
    }  # fmt: skip
    return leaf.encode({**opened, **changed})


def some_leaf(number: int) -> bytes:
    """The leaf of this number, always the same."""
    nonce = random.Random(number).randbytes(leaf.NONCE_SIZE)
    return decision(closed_part(request=str(number)), nonce)


def make_log(folder: Path, leaves: int = 0) -> Log:
    """A new log with this many leaves, on a disk that does not wait."""
    log = Log.create(folder / "public", folder / "state", SIGNER, clock=noon, disk=LightDisk())
    for number in range(leaves):
        log.append(some_leaf(number))
    return log


def open_log(folder: Path) -> Log:
    return Log.open(folder / "public", folder / "state", SIGNER, clock=noon, disk=LightDisk())
