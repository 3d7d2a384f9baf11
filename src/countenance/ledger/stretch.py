"""Stretches of a published log, each checked by itself, so that the cores of one machine can share a long log.

A stretch is some entry bundles in a row and the tiles of hashes above them: each entry must be a leaf, each hash is
computed and compared. What comes back is the roots of its whole tiles, which the caller hashes further up, and what is
counted of the leaves. It knows nothing of the levels above, of checkpoints and of what leaves mean to each other.
Source: C2SP tlog-tiles.
"""

from __future__ import annotations

import signal
from collections import Counter
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from dataclasses import dataclass, field
from multiprocessing import get_context
from typing import TYPE_CHECKING

from countenance.domain.errors import BadRecord, InternalError, LogDamaged, Unverified
from countenance.ledger import merkle, tiles
from countenance.ledger.recall import Recall
from countenance.ledger.slow import KINDS as SLOW_KINDS

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from countenance.ledger.leaf import Leaf
    from countenance.ledger.tiles import Tile

BUNDLES = 16
"""Entry bundles of a stretch: 4,096 leaves, some 20 ms."""
LEAVES = BUNDLES * tiles.WIDTH
AHEAD = 64
"""Stretches for each process that are begun together."""
LONG = 100_000
"""Leaves from which on a process for each core is worth its start, of some 0.3 s."""


@dataclass(slots=True)
class Stretch:
    """What was found. end: index of the first leaf behind it.

    roots: of its whole level-0 tiles; rest: hashes of the leaves behind them; bundles: how many; kinds, answers: leaves
    by kind, decisions by verdict; first, last: hours; slow: index and bytes of each leaf that is held against others;
    fault: the first thing that does not hold, in words; nothing else counts then.
    """

    end: int
    roots: list[bytes] = field(default_factory=list)
    rest: list[bytes] = field(default_factory=list)
    bundles: int = 0
    kinds: Counter[str] = field(default_factory=Counter)
    answers: Counter[str] = field(default_factory=Counter)
    first: str = ""
    last: str = ""
    slow: list[tuple[int, bytes]] = field(default_factory=list)
    fault: str = ""


@dataclass(frozen=True, slots=True, eq=False)
class _Said:
    """What is counted of a leaf. slow: whether it is one of those that are held against each other."""

    kind: str
    time: str
    verdict: str
    slow: bool


def _said(found: Leaf) -> _Said:
    verdict = str(found.open["verdict"]) if found.kind == "decision" else ""
    return _Said(found.kind, str(found.open["time"]), verdict, found.kind in SLOW_KINDS)


class Checker:
    """Checks stretches of the first `size` leaves in a published folder. It may be sent to another process."""

    def __init__(self, public: Path, size: int) -> None:
        self._public = public
        self._size = size
        self._recall = Recall(_said)

    def __reduce__(self) -> tuple[type[Checker], tuple[Path, int]]:
        return Checker, (self._public, self._size)

    def __call__(self, start: int) -> Stretch:
        """The stretch from `start` on, a multiple of LEAVES."""
        found = Stretch(min(start + LEAVES, self._size))
        try:
            for bundle in tiles.tiles_between(tiles.ENTRIES, start, found.end):
                self._take(bundle, found)
        except (BadRecord, LogDamaged, Unverified) as error:
            found.fault = error.message
        return found

    def _take(self, bundle: Tile, found: Stretch) -> None:
        entries = tiles.read_entries(self._public, bundle)
        self._count(bundle, entries, found)
        hashes = merkle.leaf_hashes(entries)
        compare(self._public, tiles.Tile(0, bundle.index, bundle.width), hashes)
        if bundle.width == tiles.WIDTH:
            found.roots.append(tiles.fold(hashes, tiles.HEIGHT)[0])
        else:
            found.rest = hashes
        found.bundles += 1

    def _count(self, bundle: Tile, entries: list[bytes], found: Stretch) -> None:
        said = self._read(bundle, entries)
        for one, times in Counter(said).items():
            found.kinds[one.kind] += times
            if one.verdict:
                found.answers[one.verdict] += times
            if one.slow:
                found.slow += [(bundle.start + at, entries[at]) for at, each in enumerate(said) if each is one]
        found.first, found.last = found.first or said[0].time, said[-1].time

    def _read(self, bundle: Tile, entries: list[bytes]) -> list[_Said]:
        said: list[_Said] = []
        try:
            for entry in entries:
                said.append(self._recall(entry))  # noqa: PERF401  (as far as it got says which leaf it was)
        except BadRecord as error:
            raise Unverified(f"leaf {bundle.start + len(said)}: {error.message}") from error
        return said


def compare(public: Path, tile: Tile, hashes: list[bytes]) -> None:
    """Raise Unverified unless a published tile holds exactly these hashes, LogDamaged where it is missing."""
    if tiles.read_hashes(public, tile) != hashes:
        raise Unverified(f"{tile.path} does not hold the hashes of what lies below it")


@contextmanager
def checked(checker: Checker, size: int, processes: int = 1) -> Iterator[Iterator[Stretch]]:
    """The stretches of `size` leaves in their order, each checked: here, or by so many processes."""
    starts = range(0, size, LEAVES)
    if processes == 1:
        yield map(checker, starts)
        return
    pool = ProcessPoolExecutor(processes, get_context("spawn"), _begin, (checker,))
    try:
        step = AHEAD * processes
        yield (each for at in range(0, len(starts), step) for each in pool.map(_check, starts[at : at + step]))
    except BrokenProcessPool:
        todo = "See whether the machine has memory to spare."
        raise InternalError("a process that checks the log has died", next_step=todo) from None
    finally:
        pool.shutdown(cancel_futures=True)


_CHECKER: list[Checker] = []
"""Of a process that checks stretches."""


def _begin(checker: Checker) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C ends the process that asked, and it ends these
    _CHECKER[:] = [checker]


def _check(start: int) -> Stretch:
    return _CHECKER[0](start)
