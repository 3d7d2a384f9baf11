"""The ledger's figures: what a durable leaf costs beside one fsync of the same disk, and how writers share them.

    python -m benchmarks.ledger [--json] [--folder DIR] [--leaves N]

An append is timed in alternation with writing and fsyncing as many bytes to a plain file in the same folder; both
medians come from the same seconds of the same disk, so their ratio survives a busy machine better than either.
Fsyncs are counted where the log calls them. Opening is timed on a log whose tiles were laid out beforehand.
"""

from __future__ import annotations

import argparse
import base64
import os
import random
import shutil
import sqlite3
import statistics
import sys
import tempfile
import threading
import time
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

from benchmarks.rows import Row, report, seconds
from countenance.cli.matrix import cores
from countenance.domain.decision import Ask
from countenance.ledger import checkpoint, journal, leaf, merkle, publish, tiles
from countenance.ledger.durable import PRIVATE_FILE, Disk, write_all
from countenance.ledger.edge import Edge
from countenance.ledger.fsck import fsck
from countenance.ledger.log import Bounds, Log
from countenance.ledger.note import Signer
from countenance.ledger.published import Tree

DIGEST = "sha256:" + "5a" * 32
WRITERS = 16
CROWD = 64
UNPUBLISHED = 4000
"""Leaves that a killed log had not published: about `Bounds.behind`."""
ALIKE = 100
"""Leaves that differ in more than their commitment, of the log that fsck checks."""


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
            lay_out(public, edge, settled, number)
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


def crowd(folder: Path, leaves: int) -> list[Row]:
    """Sixty-four threads at once, beside SQLite inserting the same rows with synchronous=FULL, one commit a row."""
    entries = [a_leaf() for _ in range(leaves)]
    with new_log(folder, Disk()) as log:
        shares = [entries[number::CROWD] for number in range(CROWD)]
        writers = [threading.Thread(target=lambda mine=share: [log.append(one) for one in mine]) for share in shares]
        started = time.perf_counter()
        for thread in writers:
            thread.start()
        for thread in writers:
            thread.join()
        rate = log.size / (time.perf_counter() - started)
    inserted = min(leaves, 2000)
    database = sqlite3.connect(folder / "rows.db", isolation_level=None)
    database.executescript("PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; CREATE TABLE leaves (entry BLOB)")
    took = seconds(lambda: [database.execute("INSERT INTO leaves VALUES (?)", (one,)) for one in entries[:inserted]])
    database.close()
    return [
        Row(f"durable appends a second, {CROWD} writers", rate, "1/s", "at least 3,000", rate >= 3000),
        Row("SQLite, the same rows, synchronous=FULL", inserted / took, "1/s"),
    ]


def steady(folder: Path, leaves: int) -> Row:
    """Appends that come 200 a second, each timed from the moment it was due."""
    entries, waits = [a_leaf() for _ in range(leaves)], list[float]()
    with new_log(folder, Disk()) as log:
        started = time.perf_counter()
        for number, entry in enumerate(entries):
            due = started + number / 200
            time.sleep(max(0.0, due - time.perf_counter()))
            log.append(entry)
            waits.append(time.perf_counter() - due)
    p99 = sorted(waits)[int(len(waits) * 0.99)] * 1000
    return Row("append, 200 a second, p99", p99, "ms", "at most 25", p99 <= 25)


def proofs(folder: Path, size: int, samples: int = 200) -> list[Row]:
    """Inclusion proofs of a log of this size. Its leaves are alike, so that the tiles that are read can be laid out."""
    rng, entry = random.Random(2026), a_leaf()  # noqa: S311  (seeded, so that it is the same each time)
    indices = [rng.randrange(size) for _ in range(samples)] + [0, size - 1]
    perfect = alike(folder, entry, size, indices)
    root = merkle.mth(0, size, lambda level, _: perfect[level])
    made, checked, longest = list[float](), list[float](), 0
    for index in indices:
        started = time.perf_counter()
        found = merkle.inclusion_proof(index, size, Tree(folder, size).node)
        made.append(time.perf_counter() - started)
        started = time.perf_counter()
        merkle.verify_inclusion(perfect[0], index, size, found, root)
        checked.append(time.perf_counter() - started)
        longest = max(longest, len(found) * merkle.HASH_SIZE)
    make, check = (sorted(times)[int(len(times) * 0.99)] * 1000 for times in (made, checked))
    what = f"inclusion proof of {size:,} leaves"
    return [
        Row(f"{what}: made, p99", make, "ms", "at most 5", make <= 5),
        Row(f"{what}: verified, p99", check, "ms", "at most 1", check <= 1),
        Row(f"{what}: hashes", longest, "bytes", "at most 768", longest <= 768),
    ]


def alike(folder: Path, entry: bytes, size: int, indices: list[int]) -> list[bytes]:
    """The tiles of a log of one entry over and over that prove some of its leaves. Roots of its perfect subtrees."""
    perfect = [merkle.leaf_hash(entry)]
    while len(perfect) < 64:
        perfect.append(merkle.node_hash(perfect[-1], perfect[-1]))
    for index in indices:
        for level in tiles.levels(size):
            at = min(index >> 8 * level, max(tiles.count(level, size) - 1, 0)) // tiles.WIDTH
            for place in {at, tiles.count(level, size) // tiles.WIDTH}:
                width = min(tiles.WIDTH, tiles.count(level, size) - place * tiles.WIDTH)
                path = folder / tiles.Tile(level, place, width).path
                if width and not path.exists():
                    path.parent.mkdir(parents=True, exist_ok=True)
                    path.write_bytes(perfect[8 * level] * width)
    return perfect


def recovering(folder: Path, size: int) -> Row:
    """Opening a log of this size whose process was killed: UNPUBLISHED of its leaves are in the journal alone."""
    signer, entry, published = Signer.generate("example.org/benchmark"), a_leaf(), size - UNPUBLISHED
    public, state = folder / "public", folder / "state"
    perfect = alike(public, entry, published, [published - 1])
    last = tiles.Tile(tiles.ENTRIES, published // tiles.WIDTH, published % tiles.WIDTH)
    (public / last.path).parent.mkdir(parents=True)
    (public / last.path).write_bytes(tiles.encode_bundle([entry] * last.width))
    root = merkle.mth(0, published, lambda level, _: perfect[level])
    signed = signer.sign(checkpoint.Checkpoint(signer.name, published, root).text)
    (public / publish.CHECKPOINT).write_bytes(signed)
    state.mkdir()
    (state / f"journal-{published:020d}").write_bytes(journal.Record(0, published, (), signed).encode())
    with Log.open(public, state, signer, bounds=Bounds(pace=3600, segment=2**30)) as log:
        for _ in range(UNPUBLISHED):
            log.append(entry)
        shutil.copytree(folder, folder / "killed")  # as the disk has it while the process lives
    public, state = folder / "killed" / "public", folder / "killed" / "state"
    left = size - checkpoint.open_checkpoint((public / publish.CHECKPOINT).read_bytes(), signer.verifier).size
    if left < UNPUBLISHED // 2:
        raise SystemExit("the leaves were published before the log was killed")
    took = seconds(lambda: Log.open(public, state, signer).close())
    return Row(f"recover a log of {size:,} leaves, {left:,} unpublished", took, "s", "at most 2", took <= 2)


def checking(folder: Path, size: int) -> list[Row]:
    """fsck of a whole log, every leaf another; by one process, and as `countenance ledger fsck` does it."""
    signer, alike = Signer.generate("example.org/benchmark"), [_around(number) for number in range(ALIKE)]
    public, edge, settled = folder / "public", Edge(folder / "public"), 0
    for number in range(1, size + 1):
        before, after = alike[number % ALIKE]
        edge.push(before + base64.b64encode(os.urandom(leaf.NONCE_SIZE)) + after)
        if number % 4096 == 0 or number == size:
            lay_out(public, edge, settled, number)
            settled = number
    signed = signer.sign(checkpoint.Checkpoint(signer.name, size, edge.root()).text)
    (public / publish.CHECKPOINT).write_bytes(signed)
    one, all_of = (size / seconds(partial(fsck, public, signer.verifier, processes=n)) for n in (1, cores()))
    what = f"fsck, leaves a second, {ALIKE} kinds of them"
    return [
        Row(f"{what}, {cores()} processes", all_of, "1/s", "at least 200,000", all_of >= 200_000),
        Row(f"{what}, one process", one, "1/s"),
    ]


def _around(number: int) -> tuple[bytes, bytes]:
    """What stands before and behind the commitment, in a leaf that no other number has."""
    found = leaf.parse(a_leaf())
    raw = leaf.Leaf({**found.open, "reasons": [f"core.permit-{number}"]}, found.commitment).encode()
    at = raw.index(base64.b64encode(found.commitment))
    return raw[:at], raw[at + 44 :]


def lay_out(public: Path, edge: Edge, old: int, new: int) -> None:
    """Tiles and bundles up to a size, without waiting for the disk."""
    for tile, raw in publish.grown(edge, old, new):
        path = public / tile.path
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(raw)
    edge.settle(new)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", action="store_true", help="print one JSON line a row")
    parser.add_argument("--folder", type=Path, help="where to write: the disk that is measured (default: temporary)")
    parser.add_argument("--leaves", type=int, default=600, help="appends of one writer (default 600)")
    parser.add_argument("--size", type=int, default=100_000, help="leaves of the log that is opened")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=given.folder) as made:
        folder = Path(made)
        for part in ("one", "many", "open", "recover", "crowd", "steady", "proofs", "checking"):
            (folder / part).mkdir()
        rows = one_writer(folder / "one", given.leaves)
        rows += many_writers(folder / "many", given.leaves * 4)
        rows.append(opening(folder / "open", given.size))
        rows.append(recovering(folder / "recover", 1_000_000))
        rows += crowd(folder / "crowd", given.leaves * 10)
        rows.append(steady(folder / "steady", given.leaves * 2))
        rows += proofs(folder / "proofs", 10_000_000)
        rows += checking(folder / "checking", given.size * 2)
    return report(rows, given.json)


if __name__ == "__main__":
    sys.exit(main())
