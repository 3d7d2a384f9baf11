"""How much `evaluate` costs beyond the engine: `python -m benchmarks.evaluate [--faces DIR] [--json]`.

The same photographs in one run, in alternation: the bare engine (`Engine.many` over all of them) and the whole of
`evaluate` (CSV, engine, all comparisons, intervals, groups). The figure is the ratio of the medians.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from functools import partial
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING

from benchmarks.calibrate import FACES
from benchmarks.rows import Row, report
from countenance.service.evaluate import evaluate
from countenance.service.trials import read_labels
from countenance.vision import models
from countenance.vision.calibration import Calibration
from countenance.vision.engine import Engine

if TYPE_CHECKING:
    from collections.abc import Sequence

GOAL = 1.15  # evaluate / bare engine


def bare(engine: Engine, folder: Path) -> float:
    """Seconds of the engine alone."""
    files = sorted(folder.glob("*.jpg"))
    start = time.perf_counter()
    for _ in engine.many(partial(file.read_bytes) for file in files):
        pass
    return time.perf_counter() - start


def whole(engine: Engine, folder: Path) -> float:
    """Seconds from the CSV to the report."""
    start = time.perf_counter()
    evaluate(engine, Calibration.shipped(), read_labels(folder / "labels.csv", folder))
    return time.perf_counter() - start


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description="The cost of evaluate beyond the engine.")
    parser.add_argument("--faces", type=Path, default=FACES)
    parser.add_argument("--set", default="congress")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--json", action="store_true")
    asked = parser.parse_args(arguments)
    folder = asked.faces / asked.set
    if not folder.is_dir():
        return report([Row("photographs of congress", 0, "", "the folder beside the repository", ok=False)], asked.json)
    with tempfile.TemporaryDirectory() as cache, Engine.load(models.shipped(), Path(cache)) as engine:
        bare(engine, folder)  # the first round warms caches and is not counted
        pairs = [(bare(engine, folder), whole(engine, folder)) for _ in range(asked.rounds)]
    alone, all_of_it = (median(side) for side in zip(*pairs, strict=True))
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
