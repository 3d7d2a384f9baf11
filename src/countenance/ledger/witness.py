"""What a witness decides: whether a checkpoint follows from the one it cosigned last. Pure: no file, no clock, no key.

A submission is the size that the sender believes the witness to have seen last, a consistency proof from there, and
the new checkpoint. What a witness remembers of each log is its newest checkpoint; memory.py keeps it.
Source: C2SP tlog-witness at v1.0.0, "add-checkpoint", in the order of its sentences. Of the editor's later drafts it
takes what v1.0.0 leaves open: an empty tree has the empty tree's root, and base64 has one spelling.
"""

from __future__ import annotations

import base64
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from countenance.domain.errors import BadRecord, Unverified
from countenance.ledger import checkpoint, merkle, note

if TYPE_CHECKING:
    from collections.abc import Sequence

    from countenance.ledger.checkpoint import Checkpoint

MAX_PROOF = 63
"""Lines of a consistency proof at most."""

MAX_SUBMISSION = 1 << 16
"""Bytes of a submission at most: ten post-quantum signatures of 5 kB fit."""

SIZE_MEDIA = "text/x.tlog.size"
"""The media type of the size in an answer of 409."""

Reason = Literal["malformed", "unknown-log", "unsigned", "stale", "fork", "inconsistent"]


@dataclass(frozen=True, slots=True)
class Submission:
    """old: size that the witness saw last, as the sender believes; proof: 32-byte hashes; checkpoint: a signed note."""

    old: int
    proof: tuple[bytes, ...]
    checkpoint: bytes

    def encode(self) -> bytes:
        lines = [f"old {self.old}", *(base64.b64encode(one).decode() for one in self.proof), "", ""]
        return "\n".join(lines).encode() + self.checkpoint

    @classmethod
    def parse(cls, raw: bytes) -> Submission:
        """The one door for a submission's bytes: strict, `parse(b).encode() == b`. Raises BadRecord."""
        if len(raw) > MAX_SUBMISSION:
            raise BadRecord("the submission is too long")
        head, gap, signed = raw.partition(b"\n\n")
        try:
            first, *lines = head.decode("ascii").split("\n")
        except UnicodeDecodeError:
            raise BadRecord("the lines before the checkpoint are plain ASCII") from None
        if not gap or not first.startswith("old ") or len(lines) > MAX_PROOF:
            raise BadRecord("a submission is an `old` line, at most 63 hashes, an empty line and a checkpoint")
        proof = tuple(note.strict_base64(line) for line in lines)
        if any(len(one) != merkle.HASH_SIZE for one in proof):
            raise BadRecord("a hash of a consistency proof has 32 bytes")
        return cls(checkpoint.number(first.removeprefix("old ")), proof, signed)


@dataclass(frozen=True, slots=True)
class Accepted:
    """To be cosigned, once it is remembered. text: of the checkpoint; signatures: the log's own lines."""

    head: Checkpoint
    text: str
    signatures: tuple[note.SignatureLine, ...]


@dataclass(frozen=True, slots=True)
class Declined:
    """Not to be cosigned. says: one sentence; latest: where it is `stale`, the size that the witness has seen last."""

    reason: Reason
    says: str
    latest: int = 0


def origin_of(asked: Submission) -> str:
    """Which log a submission says it is of; nothing is verified yet. Raises BadRecord for no checkpoint."""
    return checkpoint.parse_text(note.parse(asked.checkpoint).text).origin


def judge(asked: Submission, keys: Sequence[note.Verifier], latest: Checkpoint | None) -> Accepted | Declined:
    """keys: of the log that the submission names, none where it is unknown; latest: what was cosigned last of it.

    Raises BadRecord where the checkpoint is none.
    """
    parsed = note.parse(asked.checkpoint)
    head = checkpoint.parse_text(parsed.text)
    if not keys:
        return Declined("unknown-log", "this log is not among those that are witnessed here")
    try:
        note.open_note(asked.checkpoint, keys)
    except Unverified as error:
        return Declined("unsigned", error.message)
    seen = latest.size if latest else 0
    if asked.old > head.size:
        return Declined("malformed", "the old size is above that of the checkpoint")
    if asked.old != seen:
        return Declined("stale", "another size was cosigned last", seen)
    fault = _fault(asked, head, latest)
    if fault is not None:
        return fault
    known = {(key.name, key.id) for key in keys}
    own = tuple(line for line in parsed.signatures if (line.name, line.key_id) in known)
    return Accepted(head, parsed.text, own[: len(keys)])


def _fault(asked: Submission, head: Checkpoint, latest: Checkpoint | None) -> Declined | None:
    """Why the checkpoint does not follow from what was seen; None where it does."""
    if head.size == 0 and head.root != merkle.EMPTY:
        return Declined("inconsistent", "an empty log has another root")
    if asked.old == 0:
        return Declined("inconsistent", "there is nothing to prove from the size 0") if asked.proof else None
    assert latest is not None
    if asked.old == head.size and not asked.proof and head.root != latest.root:
        return Declined("fork", "another root was cosigned for this size")
    try:
        merkle.verify_consistency(asked.old, head.size, asked.proof, latest.root, head.root)
    except Unverified as error:
        return Declined("inconsistent", error.message)
    return None
