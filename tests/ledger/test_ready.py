"""What a log says of itself without writing: whether it could append, how far publishing is behind, who holds it."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from countenance.domain.errors import ClockWentBack, LogUnavailable
from countenance.ledger import durable
from countenance.ledger.log import Bounds, Log
from tests.ledger.disks import FailingDisk, LightDisk
from tests.ledger.world import NOON, SIGNER, make_log, noon, open_log, some_leaf

if TYPE_CHECKING:
    from pathlib import Path


def test_a_log_says_whether_it_could_append(tmp_path: Path) -> None:
    log = make_log(tmp_path, 1)
    log.check()
    log.close()
    with pytest.raises(LogUnavailable):
        log.check()


def test_a_log_says_that_its_clock_went_back_or_its_disk_failed(tmp_path: Path) -> None:
    moment, disk = [NOON], FailingDisk(10**9)
    log = Log.create(tmp_path / "public", tmp_path / "state", SIGNER, clock=lambda: moment[0], disk=disk)
    moment[0] -= timedelta(hours=1)
    with pytest.raises(ClockWentBack):
        log.check()
    moment[0] = NOON
    log.check()
    disk.at = disk.calls.total() + 1
    with pytest.raises(LogUnavailable):
        log.append(some_leaf(0))
    with pytest.raises(LogUnavailable):
        log.check()
    log.close()


def test_a_log_says_for_how_long_a_leaf_waits_to_be_published(tmp_path: Path) -> None:
    slow = Bounds(pace=60)
    make_log(tmp_path).close()
    with Log.open(tmp_path / "public", tmp_path / "state", SIGNER, clock=noon, disk=LightDisk(), bounds=slow) as log:
        assert log.overdue == 0
        log.append(some_leaf(0))
        first = log.overdue
        log.append(some_leaf(1))
        assert 0 < first < log.overdue
        log.publish()
        assert log.overdue == 0


def test_asking_for_the_lock_neither_takes_nor_makes_it(tmp_path: Path) -> None:
    log = make_log(tmp_path)
    assert durable.locked(tmp_path / "state" / "lock")
    log.close()
    assert not durable.locked(tmp_path / "state" / "lock")
    with pytest.raises(FileNotFoundError):
        durable.locked(tmp_path / "none")
    open_log(tmp_path).close()
