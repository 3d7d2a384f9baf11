"""Checking a published folder from end to end: every entry, tile, root and signature, computed anew.

It needs the folder and the log's public key, nothing else; it only reads, holds one tile of each level and a stretch
of leaves in memory, shares a long log among processes where it is told to (stretch.py), and stops at the first thing
that does not hold. What it can't see: whether others were shown another history (that takes a witness), and whether a
leaf tells the truth.
Sources: C2SP tlog-tiles; RFC 6962 section 2.1.
"""

from __future__ import annotations

import os
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from countenance.domain.errors import BadRecord, LogDamaged, Unverified
from countenance.ledger import leaf, publish, stretch, tiles
from countenance.ledger.checkpoint import Checkpoint, open_checkpoint
from countenance.ledger.cosignature import cosignatures
from countenance.ledger.merkle import EMPTY, node_hash
from countenance.ledger.published import Tree
from countenance.ledger.slow import Slow

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from countenance.ledger.cosignature import Cosignature, WitnessKey
    from countenance.ledger.note import Verifier
    from countenance.ledger.stretch import Stretch
    from countenance.ledger.tiles import Tile


@dataclass(slots=True)
class Report:
    """What was checked and holds.

    kinds: leaves by kind; answers: decisions by verdict; first, last: hours of the first and last leaf, or "";
    tiles, bundles: files that the checkpoint needs; spare: older partial versions, each a true prefix; ahead:
    files that reach beyond the checkpoint, as a publisher leaves them before it signs; drafts: unfinished files.
    witnessed: leaves under the cosigned checkpoint; cosignatures: on it, of the given witnesses.
    """

    checkpoint: Checkpoint
    kinds: Counter[str] = field(default_factory=Counter)
    answers: Counter[str] = field(default_factory=Counter)
    first: str = ""
    last: str = ""
    tiles: int = 0
    bundles: int = 0
    spare: int = 0
    ahead: int = 0
    drafts: int = 0
    witnessed: int = 0
    cosignatures: tuple[Cosignature, ...] = ()


def fsck(
    public: Path,
    log: Verifier | Sequence[Verifier],
    progress: Callable[[int, int], None] | None = None,
    witnesses: Sequence[WitnessKey] = (),
    processes: int = 1,
) -> Report:
    """Check a published folder, the one that holds `checkpoint`. Raises Unverified with the first fault.

    progress(done, of): leaves so far; processes: that share a long log. The steps:
    1. The checkpoint is signed by this key.
    2. Every entry is a leaf of a known schema, and hashes to its place in its level-0 tile; no promise was loosened and
       no law recorded without two different keys and the time it takes (slow.py).
    3. Every hash of a higher tile is the root of the tile below it.
    4. The rightmost hashes of all levels give the root in the checkpoint.
    5. Every other file under `tile/` is a true prefix, an unfinished draft, or ahead of the checkpoint.
    6. A cosigned checkpoint, where there is one, is of this log, no larger, and a prefix of it.
    """
    try:
        head = open_checkpoint(_read_checkpoint(public), log)
        report = Report(head)
        _Walk(public, head.size, report, progress).run(processes)
        _check_rest(public, head.size, report)
        _check_cosigned(public, log, report, witnesses)
    except (BadRecord, LogDamaged) as error:
        raise Unverified(error.message) from error
    except OSError as error:
        raise Unverified(f"a file of the log cannot be read: {os.strerror(error.errno or 0)}") from error
    return report


def _read_checkpoint(public: Path) -> bytes:
    try:
        return (public / publish.CHECKPOINT).read_bytes()
    except FileNotFoundError:
        raise Unverified("the folder holds no `checkpoint`") from None


class _Walk:
    """One pass over the leaves, with the tile under way at each level."""

    def __init__(self, public: Path, size: int, report: Report, progress: Callable[[int, int], None] | None) -> None:
        self._public = public
        self._size = size
        self._report = report
        self._progress = progress
        self._rows: list[list[bytes]] = [[]]
        self._done: list[int] = [0]
        self._slow = Slow()

    def run(self, processes: int) -> None:
        several = processes if self._size >= stretch.LONG else 1
        with stretch.checked(stretch.Checker(self._public, self._size), self._size, several) as found:
            for each in found:
                self._take(each)
        for level, row in enumerate(self._rows[1:], 1):
            if row:
                self._compare(level, row)
        if self._root() != self._report.checkpoint.root:
            raise Unverified("the leaves do not give the root that the checkpoint states")

    def _take(self, found: Stretch) -> None:
        if found.fault:
            raise Unverified(found.fault)
        for index, entry in found.slow:
            try:
                self._slow.take(leaf.parse(entry))
            except Unverified as error:
                raise Unverified(f"leaf {index}: {error.message}") from error
        self._count(found)
        self._rows[0] = found.rest
        for root in found.roots:
            self._push(1, root)
        if self._progress:
            self._progress(found.end, self._size)

    def _count(self, found: Stretch) -> None:
        report = self._report
        report.kinds += found.kinds
        report.answers += found.answers
        report.first, report.last = report.first or found.first, found.last
        report.bundles += found.bundles
        report.tiles += found.bundles  # one of level 0 for each

    def _push(self, level: int, root: bytes) -> None:
        """The root of a whole tile below `level`. Where it fills a tile there, compare that, and take it further up."""
        if level == len(self._rows):
            self._rows.append([])
            self._done.append(0)
        row = self._rows[level]
        row.append(root)
        if len(row) == tiles.WIDTH:
            self._compare(level, row)
            self._done[level] += 1
            self._push(level + 1, tiles.fold(row, tiles.HEIGHT)[0])
            row.clear()

    def _compare(self, level: int, row: list[bytes]) -> None:
        stretch.compare(self._public, tiles.Tile(level, self._done[level], len(row)), row)
        self._report.tiles += 1

    def _root(self) -> bytes:
        """From the smallest subtree on the right to the largest on the left."""
        found: bytes | None = None
        for row in self._rows:
            for peak in _peaks(row):
                found = peak if found is None else node_hash(peak, found)
        return EMPTY if found is None else found


def _peaks(row: list[bytes]) -> Iterator[bytes]:
    """The roots of the perfect subtrees that a row of hashes splits into, smallest and rightmost first."""
    end = len(row)
    for height in range(tiles.HEIGHT):
        if end >> height & 1:
            start = end - (1 << height)
            yield tiles.fold(row[start:end], height)[0]
            end = start


def _check_rest(public: Path, size: int, report: Report) -> None:
    """Step 5: the files that the checkpoint does not need. Whole tiles that it needs were read before."""
    for folder, _, names in os.walk(public / "tile"):
        for name in names:
            path = (Path(folder) / name).relative_to(public).as_posix()
            if name.startswith(".") and name.endswith(".new"):
                report.drafts += 1
                continue
            tile = tiles.parse_path(path)
            if tile is None:
                raise Unverified("a file under `tile/` is no tile and no entry bundle")
            if tile.width < tiles.WIDTH or tile.start + tile.width > tiles.count(tile.level, size):
                _check_one(public, tile, size, report)


def _check_cosigned(
    public: Path, log: Verifier | Sequence[Verifier], report: Report, witnesses: Sequence[WitnessKey]
) -> None:
    """Step 6. An older `checkpoint` than what witnesses signed is one that was put back."""
    try:
        raw = (public / publish.COSIGNED).read_bytes()
    except FileNotFoundError:
        return
    head, size = open_checkpoint(raw, log), report.checkpoint.size
    if head.size > size:
        raise Unverified(f"the checkpoint has {size:,} leaves, and witnesses cosigned one of {head.size:,}")
    if Tree(public, size).root(head.size) != head.root:
        raise Unverified("the cosigned checkpoint is of another history than these leaves")
    report.cosignatures = cosignatures(raw, witnesses)
    report.witnessed = head.size if report.cosignatures else 0


def _check_one(public: Path, tile: Tile, size: int, report: Report) -> None:
    """That a tile or bundle agrees with the one that the checkpoint needs, as far as both reach."""
    covered = min(tile.width, max(0, tiles.count(tile.level, size) - tile.start))
    needed = tiles.Tile(tile.level, tile.index, min(tiles.WIDTH, tiles.count(tile.level, size) - tile.start))
    raw = (public / tile.path).read_bytes()
    parts = tiles.parse_bundle(raw) if tile.level == tiles.ENTRIES else tiles.split_hashes(raw)
    if len(parts) != tile.width:
        raise Unverified(f"{tile.path} has not as many parts as its name says")
    if covered and parts[:covered] != _verified(public, needed)[:covered]:
        raise Unverified(f"{tile.path} differs from what the checkpoint covers")
    report.ahead += covered < tile.width
    report.spare += covered == tile.width < needed.width


def _verified(public: Path, needed: Tile) -> list[bytes]:
    """What the first pass has verified of a tile or bundle."""
    read = tiles.read_entries if needed.level == tiles.ENTRIES else tiles.read_hashes
    return read(public, needed)
