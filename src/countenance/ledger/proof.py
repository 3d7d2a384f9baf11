"""Proofs and receipts, and the check that a stranger runs offline with nothing but the log's public key.

A `TlogProof` shows that a leaf is in a signed checkpoint; its `extra` line carries the leaf's bytes. A
`Receipt` adds, for its holder, the nonce and the closed part. Verifying needs the standard library and an
Ed25519 check; it reads no file, asks no network, and trusts nothing in a receipt before the log's
signature over the root holds.
Source: C2SP tlog-proof, https://c2sp.org/tlog-proof, at v1.
"""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass
from typing import TYPE_CHECKING

from countenance.domain.errors import BadRecord, Unverified
from countenance.ledger import checkpoint, leaf
from countenance.ledger.cosignature import Cosignature, WitnessKey, cosignatures
from countenance.ledger.merkle import HASH_SIZE, leaf_hash, verify_inclusion
from countenance.ledger.note import Verifier, strict_base64

if TYPE_CHECKING:
    from collections.abc import Sequence

    from countenance.ledger.checkpoint import Checkpoint

PROOF_HEADER = "c2sp.org/tlog-proof@v1"
RECEIPT_HEADER = "countenance-receipt@v1"

MAX_RECEIPT = 1 << 19
"""Bytes of a receipt read at most: a leaf of 64 KiB, a proof of 64 hashes, cosignatures and a closed part fit."""

MAX_LINE = 2 * MAX_RECEIPT
"""Characters of the one-line form read at most."""

LINE_START = base64.urlsafe_b64encode(RECEIPT_HEADER.encode()[:21]).decode()
"""How the one-line form of every receipt begins."""

MAX_PATH = 64
"""Hashes of an inclusion proof at most: a tree has fewer than 2**64 leaves."""


@dataclass(frozen=True, slots=True)
class TlogProof:
    """extra: the leaf's bytes; index: the leaf's; path: 32-byte hashes, leaf to root; checkpoint: a note."""

    extra: bytes
    index: int
    path: tuple[bytes, ...]
    checkpoint: bytes

    def encode(self) -> bytes:
        head = [PROOF_HEADER, f"extra {_base64(self.extra)}", f"index {self.index}"]
        return "\n".join([*head, *map(_base64, self.path), "", ""]).encode() + self.checkpoint

    @classmethod
    def parse(cls, raw: bytes) -> TlogProof:
        """The one door for a proof's bytes: strict, `parse(b).encode() == b`. Raises BadRecord."""
        head, gap, signed = raw.partition(b"\n\n")
        lines = _ascii(head).split("\n")
        if not gap or len(lines) < 3 or lines[0] != PROOF_HEADER:
            raise BadRecord(f"a proof starts with {PROOF_HEADER}, extra and index lines")
        path = tuple(strict_base64(line) for line in lines[3:])
        if len(path) > MAX_PATH or any(len(sibling) != HASH_SIZE for sibling in path):
            raise BadRecord("the hashes of a proof are at most 64, of 32 bytes each")
        extra = strict_base64(_after("extra ", lines[1]))
        return cls(extra, checkpoint.number(_after("index ", lines[2])), path, signed)


@dataclass(frozen=True, slots=True)
class Receipt:
    """A proof with, for its holder, the leaf's nonce (32 bytes) and closed part: both, or neither."""

    proof: TlogProof
    nonce: bytes = b""
    closed: bytes = b""

    def encode(self) -> bytes:
        """The file form: a few lines of text with the whole proof below an empty one."""
        lines = [RECEIPT_HEADER]
        if self.nonce:
            lines += [f"nonce {_base64(self.nonce)}", f"closed {_base64(self.closed)}"]
        return "\n".join([*lines, "", ""]).encode() + self.proof.encode()

    def line(self) -> str:
        """The one-line form for a header: base64url (RFC 4648, section 5) of the file form, without padding."""
        return base64.urlsafe_b64encode(self.encode()).rstrip(b"=").decode()

    @classmethod
    def parse(cls, raw: bytes) -> Receipt:
        """The one door for the file form: strict, `parse(b).encode() == b`. Raises BadRecord."""
        if len(raw) > MAX_RECEIPT:
            raise BadRecord("the receipt is too long")
        head, gap, rest = raw.partition(b"\n\n")
        lines = _ascii(head).split("\n")
        if not gap or lines[0] != RECEIPT_HEADER or len(lines) not in (1, 3):
            raise BadRecord(f"a receipt starts with {RECEIPT_HEADER}")
        proof = TlogProof.parse(rest)
        if len(lines) == 1:
            return cls(proof)
        nonce = strict_base64(_after("nonce ", lines[1]))
        if len(nonce) != leaf.NONCE_SIZE:
            raise BadRecord("a receipt's nonce has 32 bytes")
        return cls(proof, nonce, strict_base64(_after("closed ", lines[2])))

    @classmethod
    def from_line(cls, line: str) -> Receipt:
        """The one door for the one-line form: strict, `from_line(s).line() == s`. Raises BadRecord."""
        if len(line) > MAX_LINE:
            raise BadRecord("the receipt is too long")
        try:
            raw = base64.b64decode(line.encode("ascii") + b"=" * (-len(line) % 4), altchars=b"-_", validate=True)
        except (UnicodeEncodeError, binascii.Error):
            raise BadRecord("a receipt on one line is base64url without padding") from None
        receipt = cls.parse(raw)
        if receipt.line() != line:
            raise BadRecord("this base64url is not in its canonical form")
        return receipt


@dataclass(frozen=True, slots=True)
class VerifiedReceipt:
    """What holds. leaf: the public part; closed: the holder's part, or None where it was erased or not given.

    cosignatures: of the given witnesses, on the checkpoint; none: it is unwitnessed.
    """

    leaf: leaf.Leaf
    index: int
    checkpoint: Checkpoint
    closed: dict[str, str] | None
    cosignatures: tuple[Cosignature, ...] = ()


def read_receipt(raw: bytes) -> Receipt:
    """A receipt from a file in any form: a receipt, one on one line, or a bare tlog-proof. Raises BadRecord."""
    if raw.startswith(PROOF_HEADER.encode() + b"\n"):
        return Receipt(TlogProof.parse(raw))
    if raw.startswith(RECEIPT_HEADER.encode()):
        return Receipt.parse(raw)
    return Receipt.from_line(_ascii(raw.removesuffix(b"\n")))


def verify_receipt(
    receipt: Receipt, log: Verifier | Sequence[Verifier], witnesses: Sequence[WitnessKey] = ()
) -> VerifiedReceipt:
    """Check a receipt against the log's key, or keys. Raises Unverified with the first reason why it does not hold.

    1. The checkpoint is a note that this log signed, and of this log.
    2. The leaf's hash leads by the proof to the checkpoint's root, at the index that the receipt states.
    3. The leaf is one of ours: canonical, and every word of it in its schema.
    4. The closed part, if it is there, is the one that the leaf committed to under this nonce.
    5. What any of the given witnesses cosigned is this checkpoint. That none did is no fault; it is said.
    """
    try:
        head = checkpoint.open_checkpoint(receipt.proof.checkpoint, log)
        entry = receipt.proof.extra
        verify_inclusion(leaf_hash(entry), receipt.proof.index, head.size, receipt.proof.path, head.root)
        found = leaf.parse(entry)
        closed = leaf.open_closed(receipt.closed, receipt.nonce, found.commitment) if receipt.nonce else None
        witnessed = cosignatures(receipt.proof.checkpoint, witnesses)
    except BadRecord as error:
        raise Unverified(error.message) from error
    return VerifiedReceipt(found, receipt.proof.index, head, closed, witnessed)


def _base64(raw: bytes) -> str:
    return base64.b64encode(raw).decode()


def _ascii(raw: bytes) -> str:
    try:
        return raw.decode("ascii")
    except UnicodeDecodeError:
        raise BadRecord("a receipt's own lines are plain ASCII") from None


def _after(prefix: str, line: str) -> str:
    if not line.startswith(prefix):
        raise BadRecord(f"a line that starts with `{prefix.strip()}` is missing")
    return line.removeprefix(prefix)
