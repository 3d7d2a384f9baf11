"""A log that goes on from its published copy: the same bytes, the same proofs, and never from an older history."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import pytest

from countenance.domain.errors import Conflict, LogDamaged, LogUnavailable, Unverified
from countenance.ledger import adopt, durable
from countenance.ledger.checkpoint import Checkpoint, open_checkpoint
from countenance.ledger.fsck import fsck
from countenance.ledger.proof import Receipt, verify_receipt
from tests.ledger.disks import FailingDisk, LightDisk
from tests.ledger.world import NOON, SIGNER, make_log, open_log, some_leaf

if TYPE_CHECKING:
    from pathlib import Path

SIZES = [0, 1, 2, 255, 256, 257, 700]
LOG = SIGNER.verifier


def published(folder: Path, leaves: int) -> tuple[Path, Checkpoint]:
    """A copy of a published folder, and its checkpoint."""
    make_log(folder / "old", leaves).close()
    shutil.copytree(folder / "old/public", folder / "copy")
    return folder / "copy", open_checkpoint((folder / "copy/checkpoint").read_bytes(), LOG)


def adopted(folder: Path, copy: Path, disk: durable.Disk | None = None) -> None:
    (folder / "state").mkdir(exist_ok=True)
    adopt.adopt(copy, folder / "public", folder / "state", LOG, NOON, disk or LightDisk())


@pytest.mark.parametrize("size", SIZES)
def test_the_log_goes_on_where_the_copy_ends(tmp_path: Path, size: int) -> None:
    copy, head = published(tmp_path, size)
    adopted(tmp_path, copy)
    with open_log(tmp_path) as log:
        assert log.size == size
        added = log.append(some_leaf(size))
        assert added.index == size
        if size:
            verify_receipt(Receipt(log.prove(0)), LOG)
    assert fsck(tmp_path / "public", LOG).checkpoint.size == size + 1
    adopt.contains(tmp_path / "public", size + 1, head)
    assert [entry for _, entry in adopt.leaves(tmp_path / "public", 0, size + 1)] == [
        some_leaf(number) for number in range(size + 1)
    ]


@pytest.mark.parametrize("early", SIZES)
def test_a_folder_holds_every_checkpoint_that_it_ever_had_and_no_other(tmp_path: Path, early: int) -> None:
    _, head = published(tmp_path, early)
    make_log(tmp_path / "new", 701).close()
    adopt.contains(tmp_path / "new/public", 701, head)
    with pytest.raises(Unverified, match="another history"):
        adopt.contains(tmp_path / "new/public", 701, Checkpoint(head.origin, early, b"\1" * 32))


def test_an_older_folder_is_told_from_another(tmp_path: Path) -> None:
    copy, head = published(tmp_path, 5)
    later = Checkpoint(head.origin, 6, head.root)
    with pytest.raises(Unverified, match="older than what was seen"):
        adopt.contains(copy, 5, later)


@pytest.mark.parametrize("start", [0, 1, 255, 256, 300, 699, 700])
def test_leaves_are_read_from_any_index_on(tmp_path: Path, start: int) -> None:
    copy, _ = published(tmp_path, 700)
    assert list(adopt.leaves(copy, start, 700)) == [(number, some_leaf(number)) for number in range(start, 700)]


def test_a_log_that_has_a_journal_is_not_replaced(tmp_path: Path) -> None:
    copy, _ = published(tmp_path, 3)
    adopted(tmp_path, copy)
    with pytest.raises(Conflict):
        adopted(tmp_path, copy)


def test_a_copy_that_lacks_a_file_is_refused(tmp_path: Path) -> None:
    copy, _ = published(tmp_path, 300)
    (copy / "tile/0/000").unlink()
    with pytest.raises(LogDamaged):
        adopted(tmp_path, copy)


def test_failed_at_any_call_the_same_call_does_it_again(tmp_path: Path) -> None:
    copy, _ = published(tmp_path, 300)
    count = LightDisk()
    (tmp_path / "count").mkdir()
    adopted(tmp_path / "count", copy, count)
    for at in range(1, count.calls.total() + 1, 3):
        folder = tmp_path / f"at-{at}"
        folder.mkdir()
        with pytest.raises(LogUnavailable):
            adopted(folder, copy, FailingDisk(at))
        if not any((folder / "state").glob("journal-*")):
            adopted(folder, copy)
        with open_log(folder) as log:
            assert log.size == 300
