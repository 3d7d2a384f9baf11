"""A log that several processes check is found to be what one process finds, and a fault is a fault in either."""

from __future__ import annotations

import os
import signal
from typing import TYPE_CHECKING

import pytest

from countenance.domain.errors import InternalError
from countenance.ledger import checkpoint, stretch, tiles
from countenance.ledger.edge import Edge
from countenance.ledger.fsck import fsck
from countenance.ledger.stretch import LEAVES, Checker, Stretch
from tests.ledger.test_tiles import write_tiles
from tests.ledger.world import SIGNER, some_leaf

if TYPE_CHECKING:
    from pathlib import Path

SIZE = 2 * LEAVES + 256 + 3
"""Two whole stretches, and one with a whole bundle and a partial one."""


@pytest.fixture(scope="module")
def public(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("public")
    edge, entries = Edge(folder), [some_leaf(number) for number in range(50)]
    for number in range(SIZE):
        edge.push(entries[number % len(entries)])
    write_tiles(folder, edge, SIZE)
    head = checkpoint.Checkpoint(SIGNER.name, SIZE, edge.root())
    (folder / "checkpoint").write_bytes(SIGNER.sign(head.text))
    return folder


def found_by(public: Path, processes: int, size: int = SIZE) -> list[Stretch]:
    with stretch.checked(Checker(public, size), size, processes) as found:
        return list(found)


def test_two_processes_find_what_one_finds(public: Path) -> None:
    alone, shared = found_by(public, 1), found_by(public, 2)
    assert alone == shared
    assert [each.end for each in alone] == [LEAVES, 2 * LEAVES, SIZE]
    assert [len(each.roots) for each in alone] == [16, 16, 1]
    assert [len(each.rest) for each in alone] == [0, 0, 3]
    assert sum((each.kinds for each in alone[1:]), alone[0].kinds)["decision"] == SIZE
    report = fsck(public, SIGNER.verifier, processes=2)
    assert (report.checkpoint.size, report.bundles, report.tiles) == (SIZE, 34, 35)


def test_a_fault_is_the_same_words_whoever_finds_it(public: Path) -> None:
    path = public / tiles.Tile(tiles.ENTRIES, 20).path
    raw = path.read_bytes()
    path.write_bytes(raw[:400] + b"\0" + raw[401:])
    try:
        for processes in (1, 2):
            assert [bool(each.fault) for each in found_by(public, processes)] == [False, True, False]
            assert found_by(public, processes)[1].fault.startswith(f"leaf {20 * 256}: ")
    finally:
        path.write_bytes(raw)


class Dying(Checker):
    """A checker whose process is killed, as for want of memory."""

    def __reduce__(self) -> tuple[type[Checker], tuple[Path, int]]:
        return Dying, (self._public, self._size)

    def __call__(self, start: int) -> Stretch:
        os.kill(os.getpid(), signal.SIGKILL)
        return super().__call__(start)


def test_a_process_that_dies_is_no_finding(public: Path) -> None:
    with pytest.raises(InternalError, match="died"), stretch.checked(Dying(public, SIZE), SIZE, 2) as found:
        list(found)
