"""What a log has learnt of a newer or another history of itself: kept on the disk until the log holds it.

While it is there and the log does not hold what it says, the log signs nothing: whoever opens it asks here first. So
that a restored copy, which is older than what others hold, can't begin a second history; not even where the witness
that said so is silent at the next start. A log that holds it (the newest copy was put back) forgets it. Where only a
size is known, that many leaves have to be there; a fork stays for the operator to look into.
Source: docs/witness.md, "A log that was rolled back".
"""

from __future__ import annotations

import base64
from dataclasses import dataclass
from typing import TYPE_CHECKING

from countenance.domain.errors import BadRecord, LogDamaged, LogRolledBack, Unverified
from countenance.ledger import checkpoint, durable, merkle, note, publish
from countenance.ledger.published import Tree

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

NAME = "newer"
HEADER = "countenance-newer@v1"
FORK = 0
"""The size that stands for a fork: somebody holds another history, no larger than ours. No log ever holds that."""


@dataclass(frozen=True, slots=True)
class Claim:
    """Somebody holds this log with `size` leaves. root: 32 bytes, or empty where it is not known; by: who says so."""

    size: int
    root: bytes
    by: str

    @property
    def says(self) -> str:
        if self.size == FORK:
            return f"{self.by} has seen another history of this log"
        return f"{self.by} holds this log with {self.size:,} leaves, and this house does not have them"

    @property
    def weight(self) -> float:
        return float("inf") if self.size == FORK else self.size

    def encode(self) -> bytes:
        return f"{HEADER}\n{self.size}\n{base64.b64encode(self.root).decode()}\n{self.by}\n".encode()

    @classmethod
    def parse(cls, raw: bytes) -> Claim:
        """Strict: `parse(b).encode() == b`. Raises BadRecord."""
        try:
            header, size, root, by, end = raw.decode("utf-8").split("\n")
        except ValueError:
            raise BadRecord("what is known of a newer log is four lines") from None
        hashed = note.strict_base64(root)
        if header != HEADER or end or not by or len(hashed) not in (0, merkle.HASH_SIZE):
            raise BadRecord("what is known of a newer log is not readable")
        return cls(checkpoint.number(size), hashed, by)


def keep(state: Path, claim: Claim, disk: durable.Disk | None = None) -> None:
    """Remember a claim; a weightier one that is there already stays. Raises LogUnavailable, DiskFull, LogDamaged."""
    there = read(state)
    if there is None or there.weight < claim.weight:
        with durable.disk_errors():
            durable.put(disk or durable.Disk(), state / NAME, claim.encode(), mode=durable.PRIVATE_FILE)


def read(state: Path) -> Claim | None:
    """What is remembered, if anything is. Raises LogDamaged, LogUnavailable."""
    with durable.disk_errors():
        try:
            return Claim.parse((state / NAME).read_bytes())
        except FileNotFoundError:
            return None
        except BadRecord as error:
            raise LogDamaged(error.message) from None


def require(public: Path, state: Path, log: Sequence[note.Verifier], disk: durable.Disk | None = None) -> None:
    """As `check`; and forget what the log holds."""
    check(public, state, log)
    with durable.disk_errors():
        if (state / NAME).exists():
            durable.remove(disk or durable.Disk(), state / NAME)


def check(public: Path, state: Path, log: Sequence[note.Verifier]) -> None:
    """Raise LogRolledBack where the published log does not hold what is known of it. It changes nothing.

    What is known: the claim that was kept, and the cosigned checkpoint in the published folder. Raises LogDamaged too.
    """
    with durable.disk_errors():
        size = _opened((public / publish.CHECKPOINT).read_bytes(), log).size
        tree = Tree(public, size)
        cosigned = public / publish.COSIGNED
        if cosigned.exists():
            head = _opened(cosigned.read_bytes(), log)
            _hold(tree, Claim(head.size, head.root, "the cosigned checkpoint in the published folder"))
        claim = read(state)
        if claim is not None:
            _hold(tree, claim)


def _hold(tree: Tree, claim: Claim) -> None:
    if claim.size == FORK or claim.size > tree.size or (claim.root and tree.root(claim.size) != claim.root):
        raise LogRolledBack(claim.says)


def _opened(signed: bytes, log: Sequence[note.Verifier]) -> checkpoint.Checkpoint:
    try:
        return checkpoint.open_checkpoint(signed, log)
    except (BadRecord, Unverified) as error:
        raise LogDamaged(f"a published checkpoint of the log does not hold: {error.message}") from None
