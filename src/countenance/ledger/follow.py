"""Following a log from outside: is what it shows now the continuation of what it showed before?

It keeps of the tree only its peaks, the roots of the perfect subtrees that the leaves split into. The peaks give the
root that was signed, so they need no trust; the new leaves are pushed onto them, and where that gives the root that is
signed now, the old leaves are a prefix of the new ones and each new leaf is under the signature, both at once. It keeps
no clock and no file, and what a leaf says is for the monitor. What it can't see: what was shown to others only.
Sources: RFC 6962, section 2.1; C2SP tlog-tiles, tlog-checkpoint.
"""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import sha256
from typing import TYPE_CHECKING

from countenance.domain.errors import BadInput, BadRecord, LogDamaged, Unverified
from countenance.ledger import note, publish, source, tiles
from countenance.ledger.checkpoint import Checkpoint, open_checkpoint
from countenance.ledger.merkle import EMPTY, node_hash, verify_consistency

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from countenance.ledger.note import Verifier
    from countenance.ledger.source import Source


@dataclass(frozen=True, slots=True)
class Alarm:
    """Something that should not be. kind: a word of docs/transparency.md; index: of the leaf, or -1."""

    kind: str
    says: str
    index: int = -1


class _Alarmed(Exception):
    """What was shown is not the continuation of what was seen. `listening` turns it into its alarm."""

    def __init__(self, kind: str, says: str) -> None:
        super().__init__(says)
        self.alarm = Alarm(kind, says)


@contextmanager
def listening(tell: Callable[[Alarm], None], kind: str, before: str = "") -> Iterator[None]:
    """Tell the alarm that ends what is done within, instead of raising it.

    kind, before: of the alarm for whatever does not hold otherwise. Unavailable is raised.
    """
    try:
        yield
    except _Alarmed as alarmed:
        tell(alarmed.alarm)
    except (LogDamaged, Unverified) as error:
        tell(Alarm(kind, before + error.message))


class Peaks:
    """A tree known by its peaks: by level, the root of a perfect subtree or None."""

    def __init__(self, size: int = 0, peaks: Sequence[bytes] = ()) -> None:
        """peaks: smallest first. Raises BadRecord where they are not as many as the size has."""
        levels = [level for level in range(size.bit_length()) if size >> level & 1]
        if len(levels) != len(peaks) or any(len(peak) != 32 for peak in peaks):
            raise BadRecord("the peaks of a tree are one for each bit of its size, 32 bytes each")
        self.size = size
        self._at: list[bytes | None] = [None] * size.bit_length()
        for level, peak in zip(levels, peaks, strict=True):
            self._at[level] = peak

    @property
    def peaks(self) -> tuple[bytes, ...]:
        return tuple(peak for peak in self._at if peak is not None)

    def copy(self) -> Peaks:
        return Peaks(self.size, self.peaks)

    def push(self, entry: bytes) -> None:
        """One leaf more."""
        found, level = sha256(b"\x00" + entry).digest(), 0
        while level < len(self._at) and (left := self._at[level]) is not None:
            found, self._at[level] = node_hash(left, found), None
            level += 1
        if level == len(self._at):
            self._at.append(None)
        self._at[level] = found
        self.size += 1

    def root(self) -> bytes:
        found: bytes | None = None
        for peak in self.peaks:
            found = peak if found is None else node_hash(peak, found)
        return EMPTY if found is None else found


def newest(source: Source, known: Sequence[Verifier]) -> tuple[bytes, Checkpoint]:
    """The published checkpoint, signed by the log. Raises _Alarmed, Unavailable."""
    try:
        raw = source(publish.CHECKPOINT, note.MAX_NOTE)
        if raw is None:
            raise _Alarmed("missing", "there is no `checkpoint` any more")
        return raw, open_checkpoint(raw, known)
    except (BadRecord, Unverified, LogDamaged) as error:
        raise _Alarmed("forged", f"the checkpoint is not one of this log: {error.message}") from None


def cosigned(source: Source, known: Sequence[Verifier], head: Checkpoint) -> bytes | None:
    """The cosigned checkpoint, where there is one, a prefix of `head`. Raises _Alarmed, Unavailable."""
    try:
        raw = source(publish.COSIGNED, note.MAX_NOTE)
        if raw is None:
            return None
        older = open_checkpoint(raw, known)
    except (BadRecord, Unverified, LogDamaged) as error:
        raise _Alarmed("forged", f"the cosigned checkpoint is not one of this log: {error.message}") from None
    if older.size > head.size:
        raise _Alarmed("rolled-back", f"the log has {head.size:,} leaves, and {older.size:,} were cosigned")
    agree(source, older, head)
    return raw


def agree(source: Source, older: Checkpoint, head: Checkpoint) -> None:
    """Raise _Alarmed unless the one is a prefix of the other, which is as large at least. Raises Unavailable."""
    if older.size == head.size and older.root != head.root:
        raise _Alarmed("fork", f"two checkpoints of {head.size:,} leaves have different roots, both signed")
    if older.size in (0, head.size):
        return
    try:
        proof = source_proof(source, older.size, head.size)
        verify_consistency(older.size, head.size, proof, older.root, head.root)
    except (LogDamaged, BadInput, IndexError) as error:
        raise _Alarmed("missing", f"the tiles do not prove an older checkpoint: {error}") from None
    except Unverified:
        raise _Alarmed("fork", "an older checkpoint is of another history than the newest one") from None


def hold(source: Source, found: Checkpoint, head: Checkpoint) -> None:
    """Raise _Alarmed unless a receipt's checkpoint is a prefix of the newest one. Raises Unavailable."""
    if found.size > head.size:
        says = f"a receipt is of a log of {found.size:,} leaves, and {head.size:,} are published"
        raise _Alarmed("rolled-back", says)
    agree(source, found, head)


def source_proof(given: Source, old: int, new: int) -> tuple[bytes, ...]:
    """The consistency proof between two sizes, made of published tiles. Raises LogDamaged, Unavailable."""
    return source.Told(given, new).consistency(old)


def compare(seen: Checkpoint, head: Checkpoint) -> None:
    """Raise _Alarmed where a checkpoint can't follow the one that was seen."""
    if head.size < seen.size:
        raise _Alarmed("rolled-back", f"the log had {seen.size:,} leaves when it was seen, and now has {head.size:,}")
    if head.size == seen.size and head.root != seen.root:
        raise _Alarmed("fork", f"two checkpoints of {head.size:,} leaves have different roots")


def leaves(given: Source, start: int, size: int) -> Iterator[tuple[int, bytes]]:
    """Index and bytes of each leaf from `start` on, as the source tells them. Raises _Alarmed, Unavailable."""
    for bundle in tiles.tiles_between(tiles.ENTRIES, start, size):
        try:
            found = source.entries(given, bundle)
        except LogDamaged as error:
            raise _Alarmed("missing", error.message) from None
        for index, entry in enumerate(found, bundle.start):
            if index >= start:
                yield index, entry


def settle(given: Source, grown: Peaks, head: Checkpoint, start: int) -> None:
    """Raise _Alarmed unless the peaks, the leaves from `start` on pushed onto them, give the signed root.

    Which alarm: where all leaves together give it, only the old ones were others when they were seen.
    """
    if grown.root() == head.root:
        return
    if start and _root(entry for _, entry in leaves(given, 0, head.size)) == head.root:
        raise _Alarmed("rewrite", f"the first {start:,} leaves are not those that were seen")
    raise _Alarmed("broken", "the leaves do not give the root that the checkpoint states")


def _root(entries: Iterable[bytes]) -> bytes:
    peaks = Peaks()
    for entry in entries:
        peaks.push(entry)
    return peaks.root()
