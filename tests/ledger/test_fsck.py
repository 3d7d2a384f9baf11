"""fsck finds every changed byte of a published ledger, and takes what a publisher leaves behind for what it is."""

# ruff: noqa: S311  (seeded, so that a failure comes again)
from __future__ import annotations

import random
import shutil
from typing import TYPE_CHECKING

import pytest

from countenance.domain.errors import Unverified
from countenance.ledger import checkpoint, tiles
from countenance.ledger.edge import Edge
from countenance.ledger.fsck import fsck
from countenance.ledger.note import Signer
from tests.ledger.test_tiles import write_tiles
from tests.ledger.world import LONG, SIGNER, make_log, open_log, some_leaf

if TYPE_CHECKING:
    from pathlib import Path

KEY = SIGNER.verifier


@pytest.fixture
def public(tmp_path: Path) -> Path:
    """Three leaves, published one by one: the newest tiles, and the narrower ones before them."""
    with make_log(tmp_path) as log:
        for number in range(3):
            log.append(some_leaf(number))
            log.publish()
    return tmp_path / "public"


def test_it_says_what_it_checked(public: Path) -> None:
    report = fsck(public, KEY)
    assert (report.checkpoint.size, report.bundles, report.tiles) == (3, 1, 1)
    assert (report.spare, report.ahead, report.drafts) == (4, 0, 0)
    assert (report.kinds, report.answers) == ({"decision": 3}, {"allow": 3})
    assert report.first == report.last == "2026-11-22T12:00:00Z"


@pytest.mark.parametrize("size", [0, 1, 255, 256, 257, 600])
def test_it_computes_the_same_root_as_the_log(tmp_path: Path, size: int) -> None:
    make_log(tmp_path, size).close()
    seen: list[tuple[int, int]] = []
    report = fsck(tmp_path / "public", KEY, lambda done, of: seen.append((done, of)))
    assert report.checkpoint.size == size
    assert seen == ([(size, size)] if size else [])  # once for each stretch of 4,096


@pytest.mark.parametrize("size", [256 * 3 + 5, *([256 * 256 + 257] if LONG else [])])
def test_it_checks_the_higher_levels(tmp_path: Path, size: int) -> None:
    """A hash on level 1 that is not the root of its tile below; the long run has a tree of three levels."""
    edge = Edge(tmp_path)
    for _ in range(size):
        edge.push(some_leaf(0))
    write_tiles(tmp_path, edge, size)
    head = checkpoint.Checkpoint(SIGNER.name, size, edge.root())
    (tmp_path / "checkpoint").write_bytes(SIGNER.sign(head.text))
    assert fsck(tmp_path, KEY).tiles == sum(len(tiles.tiles_between(n, 0, size)) for n in tiles.levels(size))
    path = tmp_path / tiles.tiles_between(1, 0, size)[0].path
    raw = bytearray(path.read_bytes())
    raw[40] ^= 1
    path.write_bytes(raw)
    with pytest.raises(Unverified, match="tile/1/000"):
        fsck(tmp_path, KEY)


def test_it_finds_every_changed_byte(public: Path) -> None:
    """Every byte of every file in turn; by default one bit of every 29th byte."""
    rng = random.Random(2026)
    for path in sorted(p for p in public.rglob("*") if p.is_file()):
        raw = path.read_bytes()
        for at in range(0, len(raw), 1 if LONG else 29):
            changed = bytearray(raw)
            changed[at] ^= 1 << rng.randrange(8)
            path.write_bytes(changed)
            with pytest.raises(Unverified):
                fsck(public, KEY)
        path.write_bytes(raw)
    fsck(public, KEY)


def test_it_finds_every_file_that_is_cut_or_longer_or_gone(public: Path) -> None:
    needed = {public / "checkpoint", public / "tile/0/000.p/3", public / "tile/entries/000.p/3"}
    for path in sorted(p for p in public.rglob("*") if p.is_file()):
        raw = path.read_bytes()
        for changed in (raw[:-1], raw + b"\0", b"", raw + raw):
            path.write_bytes(changed)
            with pytest.raises(Unverified):
                fsck(public, KEY)
        path.write_bytes(raw)
        if path in needed:
            path.unlink()
            with pytest.raises(Unverified):
                fsck(public, KEY)
            path.write_bytes(raw)


def test_a_file_that_is_no_tile_does_not_belong(public: Path) -> None:
    for name in ("tile/0/1", "tile/notes.txt", "tile/0/000.p/0", "tile/entries/x000/000"):
        path = public / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"")
        with pytest.raises(Unverified):
            fsck(public, KEY)
        path.unlink()
    (public / "robots.txt").write_text("the folder is the operator's, only `tile/` is the log's")
    fsck(public, KEY)


def test_what_a_publisher_left_behind_is_counted_and_no_fault(tmp_path: Path) -> None:
    """Killed before the checkpoint: tiles ahead of it and a draft; they must still agree with it."""
    make_log(tmp_path, 3).close()
    shutil.copytree(tmp_path / "public", tmp_path / "old")
    with open_log(tmp_path) as log:
        log.append(some_leaf(3))
    shutil.copy(tmp_path / "old/checkpoint", tmp_path / "public/checkpoint")
    (tmp_path / "public/tile/0/.001.new").write_bytes(b"half")
    report = fsck(tmp_path / "public", KEY)
    assert (report.checkpoint.size, report.ahead, report.drafts) == (3, 2, 1)
    ahead = tmp_path / "public/tile/0/000.p/4"
    ahead.write_bytes(b"\0" + ahead.read_bytes()[1:])
    with pytest.raises(Unverified, match="differs"):
        fsck(tmp_path / "public", KEY)


def test_a_full_tile_stands_in_for_its_partial(tmp_path: Path) -> None:
    """The specification lets a log drop partial tiles once the full one is there, whatever a reader asks for."""
    make_log(tmp_path, 255).close()
    checkpoint_255 = (tmp_path / "public/checkpoint").read_bytes()
    with open_log(tmp_path) as log:
        log.append(some_leaf(255))
    assert not (tmp_path / "public/tile/0/000.p").exists()
    (tmp_path / "public/checkpoint").write_bytes(checkpoint_255)
    assert fsck(tmp_path / "public", KEY).checkpoint.size == 255


def test_another_key_or_no_checkpoint_is_no_log(public: Path) -> None:
    with pytest.raises(Unverified, match="no signature"):
        fsck(public, Signer.generate(SIGNER.name).verifier)
    (public / "checkpoint").unlink()
    with pytest.raises(Unverified, match="checkpoint"):
        fsck(public, KEY)


def test_a_leaf_outside_its_schema_is_named(tmp_path: Path) -> None:
    """Signed and hashed as it should be, and still not what a leaf may say."""
    edge = Edge(tmp_path)
    edge.push(b'{"name":"John"}')
    write_tiles(tmp_path, edge, 1)
    head = checkpoint.Checkpoint(SIGNER.name, 1, edge.root())
    (tmp_path / "checkpoint").write_bytes(SIGNER.sign(head.text))
    with pytest.raises(Unverified, match="leaf 0"):
        fsck(tmp_path, KEY)
