"""The ledger's figures: what a durable leaf costs beside one fsync of the same disk, and how writers share them.

    python -m benchmarks.ledger [--json] [--folder DIR] [--leaves N]

An append is timed in alternation with writing and fsyncing as many bytes to a plain file in the same folder; both
medians come from the same seconds of the same disk, so their ratio survives a busy machine better than either.
Fsyncs are counted where the log calls them. Opening is timed on a log whose tiles were laid out beforehand.
"""

from __future__ import annotations

import argparse
import os
import statistics
import sys
import tempfile
import threading
import time
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

from benchmarks.rows import Row, report, seconds
from countenance.domain.decision import Ask
from countenance.ledger import checkpoint, journal, leaf, publish
from countenance.ledger.durable import PRIVATE_FILE, Disk, write_all
from countenance.ledger.edge import Edge
from countenance.ledger.log import Bounds, Log
from countenance.ledger.note import Signer

DIGEST = "sha256:" + "5a" * 32
WRITERS = 16


class CountingDisk(Disk):
    """A real disk that counts the fsyncs of the journal's own file."""

    def __init__(self) -> None:
        self.journal_fsyncs = 0
        self._journals: set[int] = set()

    def open(self, path: Path, flags: int, mode: int) -> int:
        fd = super().open(path, flags, mode)
        if flags & os.O_APPEND:
            self._journals.add(fd)
        return fd

    def fsync(self, fd: int) -> None:
        self.journal_fsyncs += fd in self._journals
        super().fsync(fd)


def a_leaf() -> bytes:
    """A decision's leaf of the size that the gate writes (about 40 facts)."""
    nonce = os.urandom(leaf.NONCE_SIZE)
    context: dict[str, leaf.Json] = {f"paperwork.fact_{number}.holds": True for number in range(40)}
    return leaf.encode({
        "v": 1, "kind": "decision", "time": "2026-11-22T12:00:00Z", "context": context, "verdict": "allow",
        "ask": leaf.ask_words(Ask("verify", "commercial", "US", "access-control")), "reasons": ["core.permit"],
        "outside-policy": "", "policy": DIGEST, "laws": DIGEST, "model": DIGEST, "wheel": DIGEST,
        "commitment": leaf.commitment(b"", nonce),
    })  # fmt: skip


def new_log(folder: Path, disk: Disk) -> Log:
    signer = Signer.generate("example.org/benchmark")
    Log.create(folder / "public", folder / "state", signer).close()
    return Log.open(folder / "public", folder / "state", signer, disk=disk)


def one_writer(folder: Path, leaves: int) -> list[Row]:
    """An append against one write and fsync of its record's size, in turn."""
    entries = [a_leaf() for _ in range(leaves)]
    appends, fsyncs = [], []
    plain = os.open(folder / "plain", os.O_WRONLY | os.O_CREAT | os.O_APPEND, PRIVATE_FILE)
    with new_log(folder, Disk()) as log:
        size = len(journal.Record(0, 0, (entries[0],), log.checkpoint).encode())
        for entry in entries:
            appends.append(seconds(partial(log.append, entry)))
            fsyncs.append(seconds(lambda: write_and_fsync(plain, size)))
    os.close(plain)
    append, fsync = statistics.median(appends), statistics.median(fsyncs)
    ratio = append / fsync
    return [
        Row("append to durable leaf / one fsync", ratio, "ratio", "at most 5", ratio <= 5),
        Row("append to durable leaf, median", append * 1e6, "us"),
        Row("one write and fsync of the same bytes, median", fsync * 1e6, "us"),
    ]


def many_writers(folder: Path, leaves: int) -> list[Row]:
    """Sixteen threads, each appending its share; leaves by fsyncs of the journal."""
    disk = CountingDisk()
    with new_log(folder, disk) as log:
        before, started = disk.journal_fsyncs, time.perf_counter()

        def write() -> None:
            for _ in range(leaves // WRITERS):
                log.append(a_leaf())

        writers = [threading.Thread(target=write) for _ in range(WRITERS)]
        for thread in writers:
            thread.start()
        for thread in writers:
            thread.join()
        taken, fsyncs = time.perf_counter() - started, disk.journal_fsyncs - before
        shared = log.size / fsyncs
        rate = log.size / taken
    return [
        Row(f"leaves per fsync, {WRITERS} writers", shared, "leaves", "at least 3", shared >= 3),
        Row(f"leaves a second, {WRITERS} writers", rate, "1/s"),
    ]


def opening(folder: Path, size: int) -> Row:
    """Opening a log of this size; its tiles are laid out without waiting for the disk."""
    signer, entry = Signer.generate("example.org/benchmark"), a_leaf()
    public, state = folder / "public", folder / "state"
    edge, settled = Edge(public), 0
    for number in range(1, size + 1):
        edge.push(entry)
        if number % 4096 == 0 or number == size:
            for tile, raw in publish.grown(edge, settled, number):
                path = public / tile.path
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(raw)
            edge.settle(number)
            settled = number
    signed = signer.sign(checkpoint.Checkpoint(signer.name, size, edge.root()).text)
    (public / publish.CHECKPOINT).write_bytes(signed)
    state.mkdir()
    (state / f"journal-{size:020d}").write_bytes(journal.Record(0, size, (), signed).encode())
    took = seconds(lambda: Log.open(public, state, signer, clock=lambda: datetime.now(UTC), bounds=Bounds()).close())
    return Row(f"open a log of {size:,} leaves", took, "s", "at most 0.5", took <= 0.5)


def write_and_fsync(fd: int, size: int) -> None:
    """What the disk itself takes for a record of this size."""
    write_all(Disk(), fd, b"\0" * size)
    os.fsync(fd)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", action="store_true", help="print one JSON line a row")
    parser.add_argument("--folder", type=Path, help="where to write: the disk that is measured (default: temporary)")
    parser.add_argument("--leaves", type=int, default=600, help="appends of one writer (default 600)")
    parser.add_argument("--size", type=int, default=100_000, help="leaves of the log that is opened")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=given.folder) as made:
        folder = Path(made)
        for part in ("one", "many", "open"):
            (folder / part).mkdir()
        rows = one_writer(folder / "one", given.leaves)
        rows += many_writers(folder / "many", given.leaves * 4)
        rows.append(opening(folder / "open", given.size))
    return report(rows, given.json)


if __name__ == "__main__":
    sys.exit(main())
