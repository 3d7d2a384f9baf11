"""Each system call of an append and its publishing, failed once and killed once, by strace, in a process of its own.

A writer opens a log and waits; strace is attached to it, and from then on every call that names the log's folders
counts. A calm run lists them. Then one run each: the call answers EIO, or ENOSPC, without being done; or the process is
killed as it enters the call. What was told must be in the log and verify, after an error the log must refuse, `fsck`
must find nothing. The default run takes every call on the journal and a seeded share of the others,
COUNTENANCE_LONG=1 all of them.

strace can make a write lie about how much it took, but not make it take less: that would be a broken kernel, no short
write. A true one comes here from a limit on the size of files: the kernel takes a part and refuses the rest. One that
is gone on with, a torn write at the kill and a power cut are in test_crash.py, by the seam in durable.py.
"""

# ruff: noqa: S311  (seeded, so that a failure comes again)
from __future__ import annotations

import ctypes
import random
import re
import resource
import shutil
import signal
import subprocess
from collections import Counter
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import pairwise, takewhile
from multiprocessing import get_context
from typing import TYPE_CHECKING

import pytest

from countenance.domain.errors import LogUnavailable
from countenance.ledger import proof
from countenance.ledger.fsck import fsck
from countenance.ledger.journal import parse_segment, segments
from countenance.ledger.log import Bounds, Log
from tests.ledger.world import LONG, SIGNER, make_log, noon, open_log, some_leaf

if TYPE_CHECKING:
    from collections.abc import Iterator
    from multiprocessing.connection import Connection
    from pathlib import Path

STRACE = shutil.which("strace")
APPENDS = 2
BORDER = 254  # leaves of the log that fills its first tile in the run
SHARE = 20  # the default run takes one in so many of the calls that are not on the journal
SLOW = Bounds(pace=3600)  # the writer publishes by itself, so that its calls have one order and one thread
TRACED = "%file,write,writev,pwrite64,fsync,fdatasync,ftruncate,fallocate,getdents64,close"
SET_PTRACER, ANY = 0x59616D61, ctypes.c_ulong(-1)  # prctl(2): where only parents may trace, let others do it
FAULTS = {"EIO": "error=EIO", "ENOSPC": "error=ENOSPC", "KILL": "signal=KILL"}
REFUSAL = {"EIO": "LogUnavailable", "ENOSPC": "DiskFull"}


@dataclass(frozen=True, slots=True)
class Call:
    """The nth call of this name that the writer made, and the paths in it, from the log's folder on."""

    name: str
    nth: int
    paths: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Told:
    """What the writer said before it ended: receipts, then the names of errors; and its exit code."""

    receipts: list[str]
    refusals: list[str]
    code: int | None


def write(folder: Path, parent: Connection, room: int | None) -> None:
    """Open, wait, append and publish; tell each receipt and each refusal. room: bytes that the journal may yet grow."""
    ctypes.CDLL(None).prctl(SET_PTRACER, ANY)
    log = Log.open(folder / "public", folder / "state", SIGNER, clock=noon, bounds=SLOW)
    parent.send("open")
    parent.recv()
    if room is not None:
        (newest,) = segments(folder / "state")
        resource.setrlimit(resource.RLIMIT_FSIZE, (newest.stat().st_size + room, resource.RLIM_INFINITY))

    def one() -> None:
        parent.send(proof.Receipt(log.append(some_leaf(log.size)).proof).line())

    def works(step: int) -> bool:
        try:
            (log.publish if step % 2 else one)()
        except LogUnavailable as error:
            parent.send(type(error).__name__)
            return False
        return True

    worked = [works(step) for step in range(2 * APPENDS)]  # what comes after an error is tried too
    if not all(worked):
        works(0)
        works(1)


@contextmanager
def traced(pid: int | None, trace: Path, *injection: str) -> Iterator[None]:
    """strace on the process's main thread from here on, until the process ends."""
    command = [STRACE or "", "-y", "-o", str(trace), "-e", f"trace={TRACED}", *injection, "-p", str(pid)]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as tracer:
        assert tracer.stderr is not None
        first = tracer.stderr.readline()
        if "attached" not in first:
            tracer.kill()
            if "not permitted" in first or "not implemented" in first:
                pytest.xfail("ptrace is not allowed here")
            raise AssertionError(first)
        yield


@contextmanager
def untraced() -> Iterator[None]:
    yield


def written(folder: Path, *injection: str, room: int | None = None) -> Told:
    """One run of the writer on a log; traced into `folder.trace`, but for where there is a limit."""
    fork = get_context("forkserver")
    fork.set_forkserver_preload([__name__])
    ours, theirs = fork.Pipe()
    writer = fork.Process(target=write, args=(folder, theirs, room), daemon=True)
    writer.start()
    theirs.close()
    with ours:
        assert ours.recv() == "open"
        trace = folder.with_suffix(".trace")
        with traced(writer.pid, trace, *injection) if room is None else untraced():
            ours.send("go")
            lines = list(heard(ours))
    writer.join(60)
    receipts = list(takewhile(lambda line: line not in REFUSAL.values(), lines))
    return Told(receipts, lines[len(receipts) :], writer.exitcode)


def heard(ours: Connection) -> Iterator[str]:
    while True:
        try:
            yield ours.recv()
        except (EOFError, ConnectionResetError):  # the other end is gone, by its end or by the kill
            return


def calls(folder: Path) -> list[Call]:
    """The calls in a trace that name the log's folder, in their order."""
    found: list[Call] = []
    counted: Counter[str] = Counter()
    for line in folder.with_suffix(".trace").read_text().splitlines():
        if (name := re.match(r"(\w+)\(", line)) is not None:
            counted[name[1]] += 1
            given = line.rpartition(") = ")[0] or line  # without the answer
            if paths := tuple(re.findall(re.escape(str(folder)) + '(/[^">]*)', given)):
                found.append(Call(name[1], counted[name[1]], paths))
    return found


def chosen(found: list[Call], fault: str) -> list[Call]:
    """Those that are broken: all, or the journal's and a share of the others."""
    if LONG:
        return found
    others = [call for call in found if not on_journal(call)]
    share = random.Random(fault).sample(others, len(others) // SHARE)
    return [call for call in found if on_journal(call) or call in share]


def on_journal(call: Call) -> bool:
    return call.paths[0].startswith("/state/journal-")


def check(folder: Path, told: Told, start: int) -> None:
    """What must hold of what is found: all that was told, no more than was asked for, and the log goes on."""
    with open_log(folder) as log:
        assert start + len(told.receipts) <= log.size <= start + APPENDS
        for index, line in enumerate(told.receipts, start):
            receipt = proof.Receipt.from_line(line)
            assert proof.verify_receipt(receipt, SIGNER.verifier).index == index
            assert log.prove(index).extra == receipt.proof.extra
        log.append(some_leaf(log.size))
        size = log.size
    assert fsck(folder / "public", SIGNER.verifier).checkpoint.size == size


def begun(folder: Path, leaves: int) -> Path:
    folder.mkdir()
    make_log(folder, leaves).close()
    return folder


def broken(folder: Path, call: Call, fault: str) -> Told:
    """A run in which that call, and no other, is failed or is the last."""
    told = written(folder, "-e", f"inject={call.name}:{FAULTS[fault]}:when={call.nth}")
    made = calls(folder)
    assert call in made, "another call was broken than the calm run had there"
    if fault == "KILL":
        assert (made[-1], told.code) == (call, -signal.SIGKILL)
    else:
        assert folder.with_suffix(".trace").read_text().count("(INJECTED)") == 1
        assert told.code == 0
    return told


@pytest.mark.skipif(STRACE is None, reason="no strace")
@pytest.mark.timeout(3600 if LONG else 300)
@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("start", [0, BORDER])
def test_a_call_that_the_kernel_fails_or_dies_in_loses_nothing(tmp_path: Path, start: int, fault: str) -> None:
    seed = begun(tmp_path / "seed", start)
    calm = shutil.copytree(seed, tmp_path / "calm")
    told = written(calm)
    assert (len(told.receipts), told.refusals, told.code) == (APPENDS, [], 0)
    found = calls(calm)
    # Python hears no error of this close: a folder was read, and nothing written.
    unheard = {after for before, after in pairwise(found) if (before.name, after.name) == ("getdents64", "close")}
    for call in chosen(found, fault):
        folder = shutil.copytree(seed, tmp_path / "broken")
        told = broken(folder, call, fault)
        durable = [earlier for earlier in found[: found.index(call)] if on_journal(earlier) and earlier.name == "fsync"]
        assert len(told.receipts) == len(durable), f"{call}: told of what was not durable, or not told"
        if fault == "KILL" or call in unheard:
            assert told.refusals == []
        else:
            assert len(told.refusals) >= 3, f"{call} failed and the log went on"  # it, an append, a publishing
            assert {*told.refusals} == {REFUSAL[fault]}
        check(folder, told, start)
        shutil.rmtree(folder)


@pytest.mark.parametrize(("room", "receipts"), [(1, 0), (300, 0), (1200, 1)])
def test_a_write_of_which_the_kernel_takes_a_part_stops_the_log(tmp_path: Path, room: int, receipts: int) -> None:
    folder = begun(tmp_path / "log", 0)
    told = written(folder, room=room)
    assert (len(told.receipts), told.code) == (receipts, 0)
    assert len(told.refusals) >= 3
    assert {*told.refusals} == {"DiskFull"}
    (newest,) = segments(folder / "state")
    raw = newest.read_bytes()
    whole = b"".join(record.encode() for record in parse_segment(raw))
    assert raw.startswith(whole)
    assert len(raw) > len(whole), "no record was torn"
    check(folder, told, 0)
