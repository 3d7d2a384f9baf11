"""A writer in a process of its own, killed at moments nobody chose: nothing it acknowledged is lost.

15 kills by default, 200 with COUNTENANCE_LONG=1. The writer prints a line for each receipt it was given, and only
then; what it printed must be in the log, and verify.
"""

# ruff: noqa: S311  (seeded, so that a failure comes again)
from __future__ import annotations

import random
import subprocess
import sys
import threading
from typing import TYPE_CHECKING

from countenance.ledger import proof
from countenance.ledger.fsck import fsck
from countenance.ledger.log import Log
from tests.ledger.world import LONG, SIGNER, noon, open_log

if TYPE_CHECKING:
    from pathlib import Path

KILLS = 200 if LONG else 15
WRITER = """
import os, pathlib, sys, threading
from countenance.ledger import proof
from countenance.ledger.log import Bounds, Log
from tests.ledger.world import SIGNER, noon, some_leaf
folder = pathlib.Path(sys.argv[1])
log = Log.open(folder / "public", folder / "state", SIGNER, clock=noon, bounds=Bounds(segment=60_000, pace=0.01))
def write():
    while True:
        done = log.append(some_leaf(log.size))
        os.write(1, proof.Receipt(done.proof).line().encode() + b"\\n")
for _ in range(3):
    threading.Thread(target=write).start()
"""


def test_a_killed_writer_has_lost_nothing_it_acknowledged(tmp_path: Path) -> None:
    rng = random.Random(2026)
    Log.create(tmp_path / "public", tmp_path / "state", SIGNER, clock=noon).close()
    acked: dict[int, bytes] = {}
    for kill in range(KILLS):
        lines = write_until_killed(tmp_path, rng.uniform(0, 0.25))
        for line in lines:
            receipt = proof.Receipt.from_line(line)
            found = proof.verify_receipt(receipt, SIGNER.verifier)
            assert acked.setdefault(found.index, receipt.proof.extra) == receipt.proof.extra
        with open_log(tmp_path) as log:
            assert log.size > max(acked, default=-1), f"after kill {kill}"
            for index in rng.sample(sorted(acked), min(20, len(acked))):
                assert log.prove(index).extra == acked[index]
    assert len(acked) > KILLS, "the writers hardly wrote, so the kills proved nothing"
    report = fsck(tmp_path / "public", SIGNER.verifier)
    assert report.checkpoint.size > max(acked)


def write_until_killed(folder: Path, seconds: float) -> list[str]:
    """Let the writer write its first line and then a moment more; the whole lines that came before SIGKILL."""
    writer = subprocess.Popen([sys.executable, "-c", WRITER, str(folder)], stdout=subprocess.PIPE, bufsize=0)
    assert writer.stdout is not None
    first = writer.stdout.readline()
    timer = threading.Timer(seconds, writer.kill)
    timer.start()
    rest = writer.stdout.read()
    writer.wait(60)
    writer.stdout.close()
    return [line.decode() for line in (first + rest).split(b"\n")[:-1]]
