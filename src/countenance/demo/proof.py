"""The last scene: every receipt and the whole published log, checked with the log's public key and nothing else.

The house is closed by now. What is checked is a copy of the public folder, as a stranger would have it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from countenance.demo.scene import Proof, Scene
from countenance.ledger.fsck import fsck
from countenance.ledger.note import Verifier
from countenance.ledger.proof import Receipt, verify_receipt

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path


def proven(proofs: Sequence[Proof], ledger: Path, vkey: str) -> Scene:
    """Check each receipt and the folder offline. Raises Unverified with the first thing that does not hold."""
    log = Verifier.from_vkey(vkey)
    checked = [verify_receipt(Receipt.from_line(proof.receipt), log) for proof in proofs]
    report = fsck(ledger, log)
    size = report.checkpoint.size
    said = (
        "The house is closed. What is left is a public folder and a public key, and anybody may check one with "
        "the other, without a network and without asking us.",
        f"{len(checked)} receipts hold, each for its own leaf. All {size} leaves of the log hash to the signed root.",
        "A leaf says what was asked and why it was allowed or refused. It names nobody.",
        "This log is unwitnessed: that it was shown to everybody alike, only others who hold its checkpoints can say.",
    )
    indexes = {each.index for each in checked}
    told = len(indexes) == len(checked) and all(index < size for index in indexes)
    return Scene("The proof", "proven", told, said, (("log key", vkey),))


def public_half(receipt: str) -> bytes:
    """A receipt without its holder's part, as a file: what may be shown to everybody."""
    return Receipt(Receipt.from_line(receipt).proof).encode()
