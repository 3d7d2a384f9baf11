"""The log as its callers see it: what it gives, whom it refuses, what it survives."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import threading
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import TYPE_CHECKING

import pytest

from countenance.domain.errors import (
    BadRecord,
    ClockWentBack,
    Conflict,
    LogDamaged,
    LogLocked,
    LogUnavailable,
    Misconfigured,
    NotFound,
    NotInitialised,
)
from countenance.ledger import checkpoint, merkle, proof
from countenance.ledger.edge import Edge
from countenance.ledger.fsck import fsck
from countenance.ledger.log import Bounds, Log
from countenance.ledger.note import Signer
from tests.ledger.disks import LightDisk
from tests.ledger.world import NOON, SIGNER, closed_part, decision, make_log, noon, open_log, some_leaf

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

KEY = SIGNER.verifier


def verified(tlog_proof: proof.TlogProof) -> proof.VerifiedReceipt:
    return proof.verify_receipt(proof.Receipt(tlog_proof), KEY)


def test_every_leaf_is_proven_in_the_checkpoint_it_came_with(tmp_path: Path) -> None:
    with make_log(tmp_path) as log:
        for number in range(300):
            done = log.append(some_leaf(number))
            assert done.index == number
            assert verified(done.proof).checkpoint.size == log.size == number + 1
            assert done.checkpoint == log.checkpoint == done.proof.checkpoint


def test_an_old_leaf_is_proven_in_the_newest_checkpoint(tmp_path: Path) -> None:
    with make_log(tmp_path, 520) as log:
        log.publish()
        for index in (0, 1, 254, 255, 256, 300, 511, 512, 519):
            found = verified(log.prove(index))
            assert (found.index, found.checkpoint.size) == (index, 520)
            assert log.prove(index).extra == some_leaf(index)
        for index in (-1, 520):
            with pytest.raises(NotFound):
                log.prove(index)


def test_closing_publishes_all_and_opening_goes_on(tmp_path: Path) -> None:
    for size in (0, 1, 255, 256, 257, 300):
        folder = tmp_path / str(size)
        make_log(folder, size).close()
        assert fsck(folder / "public", KEY).checkpoint.size == size
        with open_log(folder) as log:
            assert log.append(some_leaf(size)).index == size
        assert fsck(folder / "public", KEY).checkpoint.size == size + 1


def test_publishing_follows_by_itself(tmp_path: Path) -> None:
    """Nobody has to close the log for strangers to see its leaves."""
    folder = tmp_path / "public"
    make_log(tmp_path).close()
    with Log.open(folder, tmp_path / "state", SIGNER, clock=noon, disk=LightDisk(), bounds=Bounds(pace=0.01)) as log:
        log.append(some_leaf(0))
        deadline = threading.Event()
        for _ in range(500):
            if checkpoint.open_checkpoint((folder / "checkpoint").read_bytes(), KEY).size == 1:
                break
            deadline.wait(0.01)
        assert fsck(folder, KEY).checkpoint.size == 1


def test_old_checkpoints_are_consistent_with_new_ones(tmp_path: Path) -> None:
    with make_log(tmp_path) as log:
        heads = [log.append(some_leaf(number)).checkpoint for number in range(40)]
        opened = [checkpoint.open_checkpoint(head, KEY) for head in heads]
        whole = Edge(tmp_path)
        for number in range(40):
            whole.push(some_leaf(number))
        for old, new in pairwise(opened):
            path = merkle.consistency_proof(old.size, new.size, whole.node)
            merkle.verify_consistency(old.size, new.size, path, old.root, new.root)


def test_sixteen_writers_share_fsyncs_and_every_proof_holds(tmp_path: Path) -> None:
    """Group commit: with a disk that takes a moment, leaves gather while it does."""

    class SlowDisk(LightDisk):
        def fsync(self, fd: int) -> None:
            super().fsync(fd)
            threading.Event().wait(0.002)

    disk = SlowDisk()
    make_log(tmp_path).close()
    done: dict[int, proof.TlogProof] = {}
    with Log.open(
        tmp_path / "public", tmp_path / "state", SIGNER, clock=noon, disk=disk, bounds=Bounds(pace=60)
    ) as log:
        before = disk.calls["fsync"]

        def write(writer: int) -> None:
            for number in range(20):
                appended = log.append(some_leaf(writer * 20 + number))
                done[appended.index] = appended.proof

        writers = [threading.Thread(target=write, args=(writer,)) for writer in range(16)]
        for thread in writers:
            thread.start()
        for thread in writers:
            thread.join()
        fsyncs = disk.calls["fsync"] - before
    assert sorted(done) == list(range(320))
    assert {verified(made).index for made in done.values()} == set(range(320))
    assert {made.extra for made in done.values()} == {some_leaf(number) for number in range(320)}
    assert fsyncs <= 320 / 3
    assert fsck(tmp_path / "public", KEY).checkpoint.size == 320


def test_the_private_part_is_kept_before_the_leaf_is_durable(tmp_path: Path) -> None:
    kept: list[tuple[int, bytes, object]] = []
    sizes: list[int] = []

    def keep(batch: Sequence[tuple[int, bytes, object]]) -> None:
        sizes.append(log.size)
        kept.extend(batch)

    make_log(tmp_path).close()
    opened = Log.open(tmp_path / "public", tmp_path / "state", SIGNER, clock=noon, disk=LightDisk(), before_commit=keep)
    with opened as log:
        log.append(some_leaf(0), "private")
    assert (kept, sizes) == ([(0, some_leaf(0), "private")], [0])


def test_no_leaf_without_its_private_part(tmp_path: Path) -> None:
    """The hook fails: no leaf, no answer, and the log goes on once the hook works again."""
    broken = [True]

    def keep(_: object) -> None:
        if broken[0]:
            raise RuntimeError("database is locked")

    make_log(tmp_path).close()
    opened = Log.open(tmp_path / "public", tmp_path / "state", SIGNER, clock=noon, disk=LightDisk(), before_commit=keep)
    with opened as log:
        with pytest.raises(LogUnavailable, match="private part") as refused:
            log.append(some_leaf(0))
        assert "locked" not in refused.value.message
        assert log.size == 0
        broken[0] = False
        assert log.append(some_leaf(0)).index == 0


def test_bytes_that_are_no_leaf_never_enter_the_log(tmp_path: Path) -> None:
    with make_log(tmp_path) as log:
        with pytest.raises(BadRecord):
            log.append(b"anything")
        assert log.size == 0


def test_a_clock_that_went_back_stops_the_writing_until_it_is_right(tmp_path: Path) -> None:
    now = [NOON]
    make_log(tmp_path).close()
    with Log.open(tmp_path / "public", tmp_path / "state", SIGNER, clock=lambda: now[0], disk=LightDisk()) as log:
        log.append(some_leaf(0))
        now[0] = NOON - timedelta(hours=1)
        with pytest.raises(ClockWentBack):
            log.append(some_leaf(1))
        now[0] = NOON - timedelta(seconds=1)
        assert log.append(some_leaf(1)).index == 1, "a time daemon's small step is no reason to stop"


def test_a_log_is_not_opened_with_a_clock_in_its_past(tmp_path: Path) -> None:
    make_log(tmp_path, 1).close()
    with pytest.raises(ClockWentBack):
        Log.open(
            tmp_path / "public", tmp_path / "state", SIGNER, clock=lambda: datetime(2020, 1, 1, tzinfo=UTC),
            disk=LightDisk(),
        )  # fmt: skip
    open_log(tmp_path).close()


def test_a_second_opener_is_refused_at_once(tmp_path: Path) -> None:
    with make_log(tmp_path) as log:
        with pytest.raises(LogLocked):
            open_log(tmp_path)
        with pytest.raises(LogLocked):
            make_log(tmp_path)
        log.append(some_leaf(0))
    open_log(tmp_path).close()


def test_a_second_process_is_refused_at_once(tmp_path: Path) -> None:
    code = (
        "import sys, pathlib\n"
        "from countenance.domain.errors import LogLocked\n"
        "from tests.ledger.world import open_log\n"
        "try: open_log(pathlib.Path(sys.argv[1]))\n"
        "except LogLocked: sys.exit(7)\n"
    )
    with make_log(tmp_path):
        ended = subprocess.run([sys.executable, "-c", code, str(tmp_path)], timeout=60, check=False)
    assert ended.returncode == 7


def test_a_log_is_made_once(tmp_path: Path) -> None:
    make_log(tmp_path, 1).close()
    with pytest.raises(Conflict):
        make_log(tmp_path)
    shutil.rmtree(tmp_path / "state")
    with pytest.raises(Conflict):
        make_log(tmp_path)


def test_where_there_is_no_log_none_is_opened(tmp_path: Path) -> None:
    with pytest.raises(NotInitialised):
        open_log(tmp_path)
    (tmp_path / "state").mkdir()
    with pytest.raises(NotInitialised):
        open_log(tmp_path)


def test_another_key_never_signs_this_log(tmp_path: Path) -> None:
    make_log(tmp_path, 1).close()
    with pytest.raises(Misconfigured, match="another key"):
        Log.open(tmp_path / "public", tmp_path / "state", Signer.generate(SIGNER.name), disk=LightDisk())


def test_a_state_older_than_the_published_checkpoint_never_signs(tmp_path: Path) -> None:
    """A restored backup of the private state would give out indices a second time."""
    make_log(tmp_path, 2).close()
    shutil.copytree(tmp_path / "state", tmp_path / "backup")
    with open_log(tmp_path) as log:
        log.append(some_leaf(2))
    shutil.rmtree(tmp_path / "state")
    (tmp_path / "backup").rename(tmp_path / "state")
    with pytest.raises(LogDamaged, match="rolled back"):
        open_log(tmp_path)


def test_a_published_folder_older_than_the_state_is_not_gone_on_with(tmp_path: Path) -> None:
    make_log(tmp_path, 2).close()
    shutil.copytree(tmp_path / "public", tmp_path / "backup")
    with open_log(tmp_path) as log:
        log.append(some_leaf(2))
    open_log(tmp_path).close()
    shutil.rmtree(tmp_path / "public")
    (tmp_path / "backup").rename(tmp_path / "public")
    with pytest.raises(LogDamaged, match="rolled back"):
        open_log(tmp_path)


@pytest.mark.parametrize("name", ["checkpoint", "tile/0/000.p/3", "tile/entries/000.p/3"])
@pytest.mark.parametrize("damage", ["missing", "changed", "cut", "empty"])
def test_a_damaged_right_edge_is_found_when_the_log_is_opened(tmp_path: Path, name: str, damage: str) -> None:
    make_log(tmp_path, 3).close()
    path = tmp_path / "public" / name
    raw = path.read_bytes()
    changed = {"changed": raw[:40] + bytes([raw[40] ^ 1]) + raw[41:], "cut": raw[:-1], "empty": b""}
    path.unlink()
    if damage in changed:
        path.write_bytes(changed[damage])
    with pytest.raises((LogDamaged, Misconfigured)):
        open_log(tmp_path)


def test_a_damaged_journal_is_not_taken_for_a_torn_one(tmp_path: Path) -> None:
    """A flipped bit before a whole record can't be a torn write: it was acknowledged, so it is not dropped."""
    log = make_log(tmp_path, 3)
    journal = next((tmp_path / "state").glob("journal-*"))
    copy = tmp_path / "copy"
    shutil.copytree(tmp_path, copy, ignore=shutil.ignore_patterns("copy"))
    log.close()
    raw = bytearray((copy / "state" / journal.name).read_bytes())
    raw[len(raw) // 2] ^= 1
    (copy / "state" / journal.name).write_bytes(raw)
    with pytest.raises(LogDamaged, match="journal"):
        open_log(copy)


def test_a_torn_tail_was_never_acknowledged_and_goes(tmp_path: Path) -> None:
    log = make_log(tmp_path, 3)
    copy = tmp_path / "copy"
    shutil.copytree(tmp_path, copy, ignore=shutil.ignore_patterns("copy"))
    log.close()
    journal = next((copy / "state").glob("journal-*"))
    whole = journal.read_bytes()
    for cut in (1, 31, 32, 33, 200, 700):
        torn = tmp_path / f"torn{cut}"
        shutil.copytree(copy, torn)
        (torn / "state" / journal.name).write_bytes(whole[:-cut])
        with open_log(torn) as opened:
            assert opened.append(some_leaf(2)).index == 2
        assert fsck(torn / "public", KEY).checkpoint.size == 3


def test_a_closed_log_refuses(tmp_path: Path) -> None:
    log = make_log(tmp_path)
    log.close()
    log.close()
    with pytest.raises(LogUnavailable, match="closed"):
        log.append(some_leaf(0))


def bounded(folder: Path, bounds: Bounds) -> Log:
    make_log(folder).close()
    return Log.open(folder / "public", folder / "state", SIGNER, clock=noon, disk=LightDisk(), bounds=bounds)


def test_a_long_journal_begins_a_new_segment(tmp_path: Path) -> None:
    with bounded(tmp_path, Bounds(segment=4000)) as log:
        for number in range(20):
            assert log.append(some_leaf(number)).index == number
        (segment,) = (tmp_path / "state").glob("journal-*")
        assert segment.name > f"journal-{0:020d}"
        assert segment.stat().st_size < 4000 + 2 * 1200
    assert fsck(tmp_path / "public", KEY).checkpoint.size == 20


def test_writers_wait_for_a_publisher_that_is_far_behind(tmp_path: Path) -> None:
    with bounded(tmp_path, Bounds(behind=5, pace=60)) as log:
        for number in range(12):
            log.append(some_leaf(number))
            seen = checkpoint.open_checkpoint((tmp_path / "public/checkpoint").read_bytes(), KEY)
            assert log.size - seen.size <= 5


def test_the_state_is_for_its_owner_alone_and_the_published_for_everybody(tmp_path: Path) -> None:
    make_log(tmp_path, 1).close()
    for path in (tmp_path / "state", *(tmp_path / "state").iterdir()):
        assert not path.stat().st_mode & 0o077
    before = os.umask(0o022)
    os.umask(before)
    if not before & 0o044:
        assert (tmp_path / "public/tile/entries/000.p/1").stat().st_mode & 0o044 == 0o044


def test_an_interrupted_writer_does_not_stop_the_others(tmp_path: Path) -> None:
    """The leader is interrupted in the middle of its batch: the log stops, says so, and nobody waits for ever."""
    stop = threading.Event()

    def keep(_: object) -> None:
        stop.wait(5)
        raise KeyboardInterrupt

    make_log(tmp_path).close()
    log = Log.open(tmp_path / "public", tmp_path / "state", SIGNER, clock=noon, disk=LightDisk(), before_commit=keep)
    ends: list[type[BaseException]] = []

    def write(number: int) -> None:
        try:
            log.append(some_leaf(number))
        except BaseException as error:
            ends.append(type(error))

    writers = [threading.Thread(target=write, args=(number,)) for number in range(4)]
    for thread in writers:
        thread.start()
    stop.set()
    for thread in writers:
        thread.join(30)
    assert len(ends) == 4
    assert set(ends) <= {KeyboardInterrupt, LogUnavailable}
    log.close()


def test_a_decision_can_be_verified_by_its_line_alone(tmp_path: Path) -> None:
    closed, nonce = closed_part(customer="cus_7"), b"\x07" * 32
    with make_log(tmp_path, 3) as log:
        line = proof.Receipt(log.append(decision(closed, nonce)).proof, nonce, closed).line()
    found = proof.verify_receipt(proof.Receipt.from_line(line), KEY)
    assert found.closed is not None
    assert found.closed["customer"] == "cus_7"
