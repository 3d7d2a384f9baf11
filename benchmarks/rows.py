"""The one table that every benchmark prints: what was measured, what was wanted, and whether it holds.

A benchmark measures and hands its rows to `report`; it never prints a figure of its own, so that each figure
stands beside its goal. A ratio is taken in one run, its sides in turn. A time is the least of several rounds, as
`timeit` has it: what else the machine does can only add to it. Where the median says something else, it is a row
of its own.
"""

from __future__ import annotations

import json
import sys
import time
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

_HEADS = ("what", "value", "unit", "goal", "holds")


@dataclass(frozen=True, slots=True)
class Row:
    """One figure. `goal`: the bound in words (`at least 1.8`), "" for context; `ok`: None where none is set."""

    name: str
    value: float
    unit: str
    goal: str = ""
    ok: bool | None = None


def report(rows: Sequence[Row], json: bool) -> int:  # noqa: FBT001  (the flag's own name, `--json`)
    """Print the rows as a table, or as one JSON line each; 0 where every goal holds, else 1 (no rows: 1)."""
    print("\n".join(_lines(rows)) if json else _table(rows))
    missed = [row.name for row in rows if row.ok is False]
    if missed:
        print("missed: " + ", ".join(missed), file=sys.stderr)
    return 1 if missed or not rows else 0


def skipped(what: str) -> Row:
    """In place of figures that need photographs which are not there."""
    return Row(f"{what}: skipped, needs the folder of photographs beside the repository", 0, "")


def seconds(call: Callable[[], object]) -> float:
    """How long one call takes."""
    begun = time.perf_counter()
    call()
    return time.perf_counter() - begun


def least(rounds: int, *sides: Callable[[], object]) -> list[float]:
    """The least seconds of each side, taken in turn; the first turn warms up and does not count."""
    turns = [[seconds(side) for side in sides] for _ in range(rounds + 1)]
    return [min(taken) for taken in zip(*turns[1:], strict=True)]


def held_back() -> Row:
    """How much slower than at its best this machine is just now: a fixed loop, 200 times, whole / least.

    Near 1 on a machine of one's own; 4 where a neighbour or a quota takes three quarters of it. Absolute times of
    more than a moment are that much longer than the machine needs.
    """
    taken = [seconds(lambda: sum(range(200_000))) for _ in range(200)]
    return Row("this machine, meanwhile: its usual time / its best", sum(taken) / len(taken) / min(taken), "times")


def _lines(rows: Sequence[Row]) -> list[str]:
    return [json.dumps(asdict(row)) for row in rows]


def _table(rows: Sequence[Row]) -> str:
    cells = [_HEADS, *(_cells(row) for row in rows)]
    widths = [max(len(line[column]) for line in cells) for column in range(len(_HEADS))]
    ruled = [cells[0], tuple("-" * width for width in widths), *cells[1:]]
    return "\n".join(_line(line, widths) for line in ruled)


def _line(cells: tuple[str, ...], widths: list[int]) -> str:
    return "  ".join(cell.ljust(width) for cell, width in zip(cells, widths, strict=True)).rstrip()


def _cells(row: Row) -> tuple[str, ...]:
    value = f"{row.value:,.4g}" if abs(row.value) < 10_000 else f"{row.value:,.0f}"
    return (row.name, value, row.unit, row.goal or "-", {True: "yes", False: "NO", None: "-"}[row.ok])
