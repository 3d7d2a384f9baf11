"""The templates of one collection in memory: blocks of rows, changed in place, and who may be a candidate.

A block is a (rows, D) float32 array in anonymous memory; the first one grows, all others have their full
size, so a large collection is never copied. A removed row is overwritten with zeros at once, and used again
by a later one; no row ever moves. A mask says for each row whether its subject may be a candidate, as a
number to add to its score: 0 or minus infinity. It is built once for a set of subjects and kept in step
with every change. Nothing here locks, checks or ranks: `gallery.index` and `gallery.search` do.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from collections.abc import Sequence

Floats = NDArray[np.float32]

BLOCK = 65_536  # rows: 32 MiB of 128-d templates, enough that starting the processor's threads costs little
FIRST = 64  # rows of a new collection
MASKS = 4  # sets of candidates remembered for a collection: one for each purpose, and the one before
NEVER = np.float32(-np.inf)


@dataclass(frozen=True, slots=True, eq=False)
class Mask:
    """Which rows may be candidates: `allowed` turned into one number for each row.

    bias: for each block (rows,) float32, 0 or -inf. count: for each block, how many rows have 0.
    """

    allowed: frozenset[str]
    bias: list[Floats] = field(default_factory=list)
    count: list[int] = field(default_factory=list)

    def put(self, row: int, *, candidate: bool) -> None:
        block, offset = divmod(row, BLOCK)
        was = bool(self.bias[block][offset] == 0)
        self.bias[block][offset] = 0 if candidate else NEVER
        self.count[block] += candidate - was


class Rows:
    """One collection. Row r is row r % BLOCK of block r // BLOCK; `subjects[r]` is empty where it is free."""

    def __init__(self, dimension: int) -> None:
        self.blocks: list[Floats] = [np.zeros((FIRST, dimension), np.float32)]
        self.subjects: list[str] = []
        self.references: list[str] = []
        self._of: dict[str, list[int]] = {}
        self._free: list[int] = []
        self._masks: deque[Mask] = deque(maxlen=MASKS)

    def __len__(self) -> int:
        return len(self.subjects) - len(self._free)

    def of(self, subject: str) -> Sequence[int]:
        """The rows of a subject, none where it is not here."""
        return self._of.get(subject, ())

    def filled(self, block: int) -> int:
        """How many rows of a block have ever been filled."""
        return min(BLOCK, len(self.subjects) - block * BLOCK)

    def add(self, subjects: Sequence[str], references: Sequence[str], templates: Floats) -> None:
        """One row for each. templates: (n, D) float32."""
        rows = self._reserve(len(subjects))
        for block in np.unique(rows // BLOCK):
            inside = rows // BLOCK == block
            picked = templates[inside]
            self.blocks[block][rows[inside] % BLOCK] = picked
            picked.fill(0)  # a copy, which goes back to the allocator
        for row, subject, reference in zip(rows.tolist(), subjects, references, strict=True):
            self.subjects[row], self.references[row] = subject, reference
            self._of.setdefault(subject, []).append(row)
        for mask in self._masks:
            for row, subject in zip(rows.tolist(), subjects, strict=True):
                mask.put(row, candidate=subject in mask.allowed)

    def remove(self, subject: str, reference: str | None = None) -> int:
        """Zero and free the subject's rows, or one reference's; how many there were."""
        mine = self._of.get(subject, [])
        rows = [row for row in mine if reference is None or self.references[row] == reference]
        for row in rows:
            self.blocks[row // BLOCK][row % BLOCK].fill(0)
            self.subjects[row] = self.references[row] = ""
            mine.remove(row)
            for mask in self._masks:
                mask.put(row, candidate=False)
        if not mine:
            self._of.pop(subject, None)
        self._free.extend(rows)
        return len(rows)

    def mask(self, allowed: frozenset[str]) -> Mask:
        """The mask of `allowed`: the one kept for this very object, or a new one, in time linear in the
        rows."""
        for kept in self._masks:
            if kept.allowed is allowed:
                return kept
        made = Mask(allowed)
        candidate = np.fromiter(map(allowed.__contains__, self.subjects), np.bool_, len(self.subjects))
        candidate[self._free] = False
        for number, block in enumerate(self.blocks):
            inside = candidate[number * BLOCK : number * BLOCK + len(block)]
            bias = np.full(len(block), NEVER)
            bias[: len(inside)][inside] = 0
            made.bias.append(bias)
            made.count.append(int(np.count_nonzero(inside)))
        self._masks.append(made)
        return made

    def _reserve(self, many: int) -> NDArray[np.intp]:
        """The numbers of so many rows: free ones first, then new ones at the end."""
        again = [self._free.pop() for _ in range(min(many, len(self._free)))]
        end = len(self.subjects)
        new = many - len(again)
        while end + new > sum(map(len, self.blocks)):
            if len(self.blocks[0]) < BLOCK:
                self._grow_first()
            else:
                self._append_block()
        self.subjects.extend([""] * new)
        self.references.extend([""] * new)
        return np.array([*again, *range(end, end + new)], dtype=np.intp)

    def _grow_first(self) -> None:
        old = self.blocks[0]
        self.blocks[0] = np.zeros((min(2 * len(old), BLOCK), old.shape[1]), np.float32)
        self.blocks[0][: len(old)] = old
        old.fill(0)  # it goes back to the allocator: nothing of a person goes with it
        for mask in self._masks:
            mask.bias[0] = np.concatenate((mask.bias[0], np.full(len(self.blocks[0]) - len(old), NEVER)))

    def _append_block(self) -> None:
        self.blocks.append(np.zeros((BLOCK, self.blocks[0].shape[1]), np.float32))
        for mask in self._masks:
            mask.bias.append(np.full(BLOCK, NEVER))
            mask.count.append(0)
