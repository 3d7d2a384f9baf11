"""Each system call of a short life of a log, failed once and killed once: nothing acknowledged is ever lost.

A killed call is followed by three power cuts: nothing that was not fsynced is left; all of it is; some of it is.
The default run takes a seeded share of the calls, COUNTENANCE_LONG=1 all of them. States of the disk that were
checked before are not checked again: most calls change nothing that a power cut would leave.
"""

# ruff: noqa: S311  (seeded, so that a failure comes again)
from __future__ import annotations

import errno
import random
import shutil
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from countenance.domain.errors import CountenanceError, DiskFull, LogUnavailable, NotInitialised
from countenance.ledger import proof
from countenance.ledger.fsck import fsck
from countenance.ledger.log import Appended, Bounds, Log
from tests.ledger.disks import FailingDisk, Killed, LightDisk, PowerCutDisk, ShortDisk, by_chance, everything, nothing
from tests.ledger.world import LONG, SIGNER, make_log, noon, open_log, some_leaf

if TYPE_CHECKING:
    from collections.abc import Callable

    from countenance.ledger.durable import Disk

SLOW = Bounds(pace=3600)  # publishing happens where the scenario says, so that calls have one order
BORDER = 254  # leaves of the log that fills its first tile in the scenario


def life(folder: Path, disk: Disk, acked: list[Appended], *, start: int) -> None:
    """A log is made (or found with `start` leaves), written, published, closed, opened and written again."""
    if start == 0:
        Log.create(folder / "public", folder / "state", SIGNER, clock=noon, disk=disk).close()
    for _ in range(2):
        log = Log.open(folder / "public", folder / "state", SIGNER, clock=noon, disk=disk, bounds=SLOW)
        try:
            for _ in range(2):
                acked.append(log.append(some_leaf(log.size)))
                log.publish()
        finally:
            log.close()


def calls_of(tmp_path: Path, seed: Path, start: int) -> int:
    """How many calls that life takes when nothing goes wrong."""
    disk = LightDisk()
    life(copied(seed, tmp_path / "calm"), disk, [], start=start)
    return disk.calls.total()


def begun(folder: Path, start: int) -> Path:
    """What every life of a test begins with; made once, since how many partial tiles it has is a matter of chance."""
    folder.mkdir()
    if start:
        make_log(folder, start).close()
    return folder


def copied(seed: Path, folder: Path) -> Path:
    return Path(shutil.copytree(seed, folder))


def check(folder: Path, acked: list[Appended], start: int) -> None:
    """What must hold of whatever is found: all that was acknowledged is there, and the log goes on."""
    try:
        log = open_log(folder)
    except NotInitialised:
        assert not acked
        log = make_log(folder)
    with log:
        assert log.size >= start + len(acked)
        for done in acked:
            assert proof.verify_receipt(proof.Receipt(done.proof), SIGNER.verifier).index == done.index
            assert log.prove(done.index).extra == done.proof.extra
        log.append(some_leaf(log.size))
        size = log.size
    report = fsck(folder / "public", SIGNER.verifier)
    assert report.checkpoint.size == size


def state_of(folder: Path) -> bytes:
    """A digest of every name and byte under a folder."""
    digest = sha256()
    for path in sorted(folder.rglob("*")):
        digest.update(f"{path.relative_to(folder)}\n".encode())
        digest.update(path.read_bytes() if path.is_file() else b"")
    return digest.digest()


def points(calls: int, *, share: int) -> list[int]:
    """Which calls to break: all, or a seeded share of them."""
    every = range(1, calls + 1)
    return [*every] if LONG else sorted(random.Random(2026).sample(every, calls // share))


@pytest.mark.parametrize(("start", "share"), [(0, 3), (BORDER, 30)])
def test_a_killed_call_loses_nothing_that_was_acknowledged(tmp_path: Path, start: int, share: int) -> None:
    seed = begun(tmp_path / "seed", start)
    checked: set[tuple[bytes, int]] = set()
    for at in points(calls_of(tmp_path, seed, start), share=share):
        folder = copied(seed, tmp_path / f"killed{at}")
        acked: list[Appended] = []
        disk = PowerCutDisk(folder, at)
        with pytest.raises(Killed):
            life(folder, disk, acked, start=start)
        rules: list[Callable[[], bool]] = [nothing, everything, by_chance(random.Random(at))]
        for number, keep in enumerate(rules):
            found = tmp_path / f"found{at}-{number}"
            disk.after(found, keep)
            if (state := (state_of(found), len(acked))) not in checked:
                check(found, acked, start)
                checked.add(state)
            shutil.rmtree(found)
        shutil.rmtree(folder)


@pytest.mark.parametrize("code", [errno.EIO, errno.ENOSPC])
@pytest.mark.parametrize(("start", "share"), [(0, 6), (BORDER, 40)])
def test_a_failed_call_stops_the_log_and_loses_nothing(tmp_path: Path, start: int, share: int, code: int) -> None:
    seed = begun(tmp_path / "seed", start)
    for at in points(calls_of(tmp_path, seed, start), share=share):
        folder = copied(seed, tmp_path / f"failed{at}")
        acked: list[Appended] = []
        with pytest.raises(DiskFull if code == errno.ENOSPC else LogUnavailable) as stopped:
            life(folder, FailingDisk(at, code), acked, start=start)
        assert str(folder) not in stopped.value.message
        check(folder, acked, start)
        shutil.rmtree(folder)


def test_writes_that_take_only_a_part_are_gone_on_with(tmp_path: Path) -> None:
    acked: list[Appended] = []
    disk, calm = ShortDisk(), LightDisk()
    life(tmp_path / "short", disk, acked, start=0)
    life(tmp_path / "calm", calm, [], start=0)
    assert disk.calls["write"] > 5 * calm.calls["write"]
    assert disk.calls["fsync"] == calm.calls["fsync"]
    check(tmp_path / "short", acked, 0)


def test_after_a_failed_fsync_the_log_neither_answers_nor_writes(tmp_path: Path) -> None:
    """It would be wrong to try again: the kernel may have dropped the pages and call them clean."""
    make_log(tmp_path).close()
    calm = LightDisk()
    Log.open(tmp_path / "public", tmp_path / "state", SIGNER, clock=noon, disk=calm, bounds=SLOW).close()
    disk = FailingDisk(calm.calls.total() + 2)  # the write of the first record, then its fsync
    log = Log.open(tmp_path / "public", tmp_path / "state", SIGNER, clock=noon, disk=disk, bounds=SLOW)
    with pytest.raises(LogUnavailable):
        log.append(some_leaf(0))
    assert disk.failed
    calls = disk.calls.total()
    for attempt in (lambda: log.append(some_leaf(0)), log.publish):
        with pytest.raises(LogUnavailable):
            attempt()
    log.close()
    assert disk.calls.total() == calls


def write_until_it_stops(log: Log) -> None:
    for number in range(1, 1_000_000):
        log.append(some_leaf(number))


def test_a_disk_that_fails_the_publisher_stops_the_writers(tmp_path: Path) -> None:
    """A log whose leaves nobody can see is no log: the next append says so."""
    make_log(tmp_path).close()
    calm = LightDisk()
    Log.open(tmp_path / "public", tmp_path / "state", SIGNER, clock=noon, disk=calm, bounds=SLOW).close()
    disk = FailingDisk(calm.calls.total() + 4, errno.ENOSPC)
    log = Log.open(tmp_path / "public", tmp_path / "state", SIGNER, clock=noon, disk=disk, bounds=Bounds(pace=0))
    log.append(some_leaf(0))
    with pytest.raises(DiskFull):
        write_until_it_stops(log)
    log.close()
    check(tmp_path, [], 1)


def test_the_power_cut_disk_forgets_what_was_not_synced(tmp_path: Path) -> None:
    """The control: a writer that leaves out one fsync is caught by it."""

    class Careless(PowerCutDisk):
        def fsync(self, fd: int) -> None:  # noqa: ARG002
            self.before("fsync")

    (tmp_path / "root").mkdir()
    disk = Careless(tmp_path / "root", 10**9)
    acked: list[Appended] = []
    life(tmp_path / "root", disk, acked, start=0)
    disk.after(tmp_path / "found", nothing)
    with pytest.raises((AssertionError, CountenanceError)):
        check(tmp_path / "found", acked, 0)
