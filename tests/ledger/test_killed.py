"""A writer in a process of its own, killed at moments nobody chose: nothing it acknowledged is lost.

50 kills by default, 1,000 with COUNTENANCE_LONG=1, of 16 threads that write at once; every third comes while the log is
still being opened. The writer tells each receipt it was given, and only then; what it told must be in the log, and
verify. Processes are forked from one that has everything imported, so that the kills fall on the writing.
"""

# ruff: noqa: S311  (seeded, so that a failure comes again)
from __future__ import annotations

import os
import random
import threading
from multiprocessing import get_context
from typing import TYPE_CHECKING

import pytest

from countenance.ledger import proof
from countenance.ledger.fsck import fsck
from countenance.ledger.log import Bounds, Log
from tests.ledger.world import LONG, SIGNER, noon, open_log, some_leaf

if TYPE_CHECKING:
    from multiprocessing.connection import Connection
    from pathlib import Path

KILLS = 1000 if LONG else 50
WRITERS = 16
SEED = 2026


def write(folder: Path, told: Connection) -> None:
    """Append for ever, from all threads."""
    bounds = Bounds(segment=60_000, pace=0.01)
    log = Log.open(folder / "public", folder / "state", SIGNER, clock=noon, bounds=bounds)

    def one() -> None:
        while True:
            done = log.append(some_leaf(log.size))
            os.write(told.fileno(), proof.Receipt(done.proof).line().encode() + b"\n")

    for _ in range(WRITERS):
        threading.Thread(target=one).start()


@pytest.mark.timeout(3600 if LONG else 300)
def test_a_killed_writer_has_lost_nothing_it_acknowledged(tmp_path: Path) -> None:
    rng = random.Random(SEED)
    Log.create(tmp_path / "public", tmp_path / "state", SIGNER, clock=noon).close()
    acked: dict[int, bytes] = {}
    for kill in range(KILLS):
        lines = write_until_killed(tmp_path, rng.uniform(0, 0.1), opening=kill % 3 == 0)
        for line in lines:
            receipt = proof.Receipt.from_line(line)
            found = proof.verify_receipt(receipt, SIGNER.verifier)
            assert acked.setdefault(found.index, receipt.proof.extra) == receipt.proof.extra, f"seed {SEED}"
        with open_log(tmp_path) as log:
            assert log.size > max(acked, default=-1), f"after kill {kill} of seed {SEED}"
            for index in rng.sample(sorted(acked), min(20, len(acked))):
                assert log.prove(index).extra == acked[index]
    assert len(acked) > KILLS, "the writers hardly wrote, so the kills proved nothing"
    report = fsck(tmp_path / "public", SIGNER.verifier)
    assert report.checkpoint.size > max(acked)


def write_until_killed(folder: Path, seconds: float, *, opening: bool) -> list[str]:
    """Let it write a moment from its first line on (or, opening, from its start); the whole lines before SIGKILL."""
    fork = get_context("forkserver")
    fork.set_forkserver_preload([__name__])
    ours, theirs = fork.Pipe(duplex=False)
    writer = fork.Process(target=write, args=(folder, theirs))
    writer.start()
    theirs.close()
    with os.fdopen(os.dup(ours.fileno()), "rb", buffering=0) as told:
        ours.close()
        first = b"" if opening else told.readline()
        timer = threading.Timer(seconds, writer.kill)
        timer.start()
        rest = told.read()
    writer.join(60)
    return [line.decode() for line in (first + rest).split(b"\n")[:-1]]
