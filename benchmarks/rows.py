"""The one table that every benchmark prints: what was measured, what was wanted, and whether it holds.

A benchmark measures and hands its rows to `report`; it never prints a figure of its own, so that each figure
stands beside its goal. Ratios are taken in one run, in alternation, as medians: absolute times are context.
"""

from __future__ import annotations

import json
import sys
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

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
