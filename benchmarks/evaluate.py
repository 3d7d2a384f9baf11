"""How much `evaluate` costs beyond the engine: `python -m benchmarks.evaluate [--faces DIR] [--json]`.

The same photographs in one run, in alternation: the bare engine (`Engine.many` over all of them) and the whole of
`evaluate` (CSV, engine, all comparisons, intervals, groups). The figure is the ratio of the least times.
"""

from __future__ import annotations

import argparse
import tempfile
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.calibrate import FACES
from benchmarks.rows import Row, least, report
from countenance.service.evaluate import evaluate
from countenance.service.trials import read_labels
from countenance.vision import models
from countenance.vision.calibration import Calibration
from countenance.vision.engine import Engine

if TYPE_CHECKING:
    from collections.abc import Sequence

GOAL = 1.15  # evaluate / bare engine


def bare(engine: Engine, folder: Path) -> None:
    """The engine alone over every photograph."""
    for _ in engine.many(partial(file.read_bytes) for file in sorted(folder.glob("*.jpg"))):
        pass


def whole(engine: Engine, folder: Path) -> None:
    """From the CSV to the report."""
    evaluate(engine, Calibration.shipped(), read_labels(folder / "labels.csv", folder))


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description="The cost of evaluate beyond the engine.")
    parser.add_argument("--faces", type=Path, default=FACES)
    parser.add_argument("--set", default="congress")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--json", action="store_true")
    asked = parser.parse_args(arguments)
    folder = asked.faces / asked.set
    if not folder.is_dir():
        return report(
            [Row("photographs of congress", 0, "", "skipped: needs the folder beside the repository")], asked.json
        )
    with tempfile.TemporaryDirectory() as cache, Engine.load(models.shipped(), Path(cache)) as engine:
        alone, all_of_it = least(asked.rounds, lambda: bare(engine, folder), lambda: whole(engine, folder))
    ratio = all_of_it / alone
    return report(
        [
            Row("evaluate / bare engine", ratio, "ratio", f"at most {GOAL}", ratio <= GOAL),
            Row("bare engine", alone, "s"),
            Row("evaluate", all_of_it, "s"),
        ],
        asked.json,
    )


if __name__ == "__main__":
    raise SystemExit(main())
