"""The sums over the house's leaves, kept up beside the log and never in its way.

    1. read     the published checkpoint: how many leaves are out
    2. count    those that were not counted, at most MOST_AT_ONCE in one look
    3. keep     the sums in the log's private folder, once in a while and at the end

Each leaf is counted once in the life of a house, whoever asks how often: a page that is asked for counts a bounded
number and shows up to which leaf it has counted. What is kept is a shortcut and is not trusted: where it can't be read,
or is of another history than the log, the leaves are counted anew. It writes no leaf and decides nothing.
Source: docs/transparency-page.md.
"""

from __future__ import annotations

import logging
import threading
from typing import TYPE_CHECKING, Self

from countenance.domain.errors import CountenanceError
from countenance.ledger import adopt, durable, publish, published, sums, tiles
from countenance.ledger.checkpoint import open_checkpoint
from countenance.service.rounds import Rounds

if TYPE_CHECKING:
    from countenance.config import Settings
    from countenance.ledger.signers import Signers
    from countenance.ledger.sums import Sums

MOST_AT_ONCE = 4096
"""Leaves counted in one look: a tenth of a second or so."""

KEPT_EVERY = 65_536
"""Leaves after which the sums are written down; a start counts at most so many again."""

PACE = 0.25
"""Seconds between two looks of the thread, like those of the log's publisher."""

NAME = "sums"
LOG = logging.getLogger("countenance.counting")


class Counting:
    """The sums of one house; a context manager, which writes them down at its end. Thread-safe."""

    def __init__(
        self, where: Settings, signers: Signers, disk: durable.Disk | None = None, most: int = MOST_AT_ONCE
    ) -> None:
        """most: leaves that one look counts, at least a bundle of them."""
        self._where = where
        self._most = most
        self._signers = signers
        self._disk = disk or durable.Disk()
        self._lock = threading.Lock()
        self._sums = self._kept()
        self._written = self._sums.size
        self._shown = self._sums.copy()

    def look(self) -> Sums:
        """Count some leaves more; the sums as they then are, which nobody changes any more.

        Raises LogUnavailable, LogDamaged.
        """
        with self._lock:
            self._count()
            if self._shown.size != self._sums.size:
                self._shown = self._sums.copy()
            return self._shown

    def count(self) -> None:
        """Steps 1 to 3. Raises LogUnavailable, LogDamaged."""
        with self._lock:
            self._count()

    def _count(self) -> None:
        with durable.disk_errors():
            end = self._stop(self._published())
            left = adopt.leaves(self._where.ledger, self._sums.size, end)
            sums.counted(self._sums, (entry for _, entry in left))
        if self._sums.size - self._written >= KEPT_EVERY:
            self._keep()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        with self._lock:
            if self._sums.size != self._written:
                self._keep()

    def _stop(self, size: int) -> int:
        """Up to where one look counts: all that is out, or whole bundles of it, which are files of their own."""
        return min(size, (self._sums.size + self._most) // tiles.WIDTH * tiles.WIDTH)

    def _published(self) -> int:
        signed = (self._where.ledger / publish.CHECKPOINT).read_bytes()
        return open_checkpoint(signed, self._signers.verifiers).size

    def _keep(self) -> None:
        """Step 3. That it fails costs a later start some time and nothing else."""
        try:
            with durable.disk_errors():
                root = published.Tree(self._where.ledger, self._published()).root(self._sums.size)
                raw = self._sums.encode(root)
                durable.put(self._disk, self._where.log_state / NAME, raw, mode=durable.PRIVATE_FILE)
            self._written = self._sums.size
        except CountenanceError as error:
            LOG.warning("the sums over the log are not written down: %s", error.message)

    def _kept(self) -> Sums:
        """What was written down, where it is of this log; else the sums over nothing."""
        path = self._where.log_state / NAME
        try:
            with durable.disk_errors():
                if not path.exists():
                    return sums.Sums()
                found, root = sums.Sums.parse(path.read_bytes())
                size = self._published()
                if found.size <= size and published.Tree(self._where.ledger, size).root(found.size) == root:
                    return found
            LOG.warning("the sums that were kept are of another log: its leaves are counted anew")
        except CountenanceError as error:
            LOG.warning("the sums that were kept cannot be used, and the leaves are counted anew: %s", error.message)
        return sums.Sums()


class Counter(Rounds):
    """A thread that keeps the sums of a house up while it is entered."""

    def __init__(self, counting: Counting, pace: float = PACE) -> None:
        super().__init__("counting", pace)
        self._counting = counting

    def _once(self) -> bool:
        try:
            self._counting.count()
        except CountenanceError as error:
            LOG.warning("the log's leaves could not be counted: %s", error.message)
        return True
