"""Reading back what is durable: the newest journal segment, held against the published folder.

It only reads. A log goes on from here or not at all: where journal, published checkpoint and tiles do not tell one
history, it says so and repairs nothing, because a log that signs twice for one size has lied to somebody.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from countenance.domain.errors import BadRecord, LogDamaged, Misconfigured, NotInitialised, Unverified
from countenance.ledger import journal, note, publish
from countenance.ledger.checkpoint import open_checkpoint, parse_text
from countenance.ledger.edge import Edge

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    Keys = note.Verifier | Sequence[note.Verifier]


@dataclass(frozen=True, slots=True)
class Recovered:
    """last: the newest durable batch; published: leaves under the published checkpoint; edge: of all leaves."""

    last: journal.Record
    published: int
    edge: Edge


def recover(public: Path, state: Path, log: Keys) -> Recovered:
    """What a log's two folders hold. log: its key, or every key that it has had.

    Raises NotInitialised, LogDamaged, Misconfigured, OSError.

    1. Read the newest journal segment; a torn tail was never acknowledged and is left out.
    2. The published checkpoint must be one that the segment holds, and this key must have signed both.
    3. Load the right edge at the published size; its root must be the published one.
    4. Grow it by the rest of the segment; every signed root must come out again.
    """
    records = journal.read_newest(state)
    if records is None:
        raise NotInitialised("there is no log in this folder")
    published = _published(public, records, log)
    edge = Edge.load(public, published)
    for record in records:
        if record.end > edge.size:
            for entry in record.entries:
                edge.push(entry)
        if record.end == edge.size:
            _check_root(edge, record.checkpoint)
    return Recovered(records[-1], published, edge)


def _published(public: Path, records: list[journal.Record], log: Keys) -> int:
    """The published size, once journal and published checkpoint are of one history and of this key."""
    try:
        published = (public / publish.CHECKPOINT).read_bytes()
    except FileNotFoundError:
        raise LogDamaged("the published checkpoint of the log is missing") from None
    for signed in (published, records[0].checkpoint, records[-1].checkpoint):
        _check_signed(signed, log)
    text = _text(published)
    for record in records:
        if _text(record.checkpoint) == text:
            return record.end
    raise LogDamaged("the journal does not hold the published checkpoint: one of the two was rolled back")


def _check_signed(signed: bytes, log: Keys) -> None:
    try:
        open_checkpoint(signed, log)
    except Unverified:
        raise Misconfigured("the log was signed with another key than the one given") from None
    except BadRecord:
        raise LogDamaged("a checkpoint of the log is not readable") from None


def _check_root(edge: Edge, signed: bytes) -> None:
    try:
        head = parse_text(_text(signed))
    except BadRecord:
        raise LogDamaged("a checkpoint in the journal is not readable") from None
    if (head.size, head.root) != (edge.size, edge.root()):
        raise LogDamaged("the leaves of the log do not give the root that was signed")


def _text(signed: bytes) -> str:
    """A checkpoint without its signatures: witnesses may add theirs to the published one."""
    try:
        return note.parse(signed).text
    except BadRecord:
        raise LogDamaged("a checkpoint of the log is not readable") from None
