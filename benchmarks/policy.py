"""The policy with every shipped pack loaded: a verdict beside the bare Cedar call, what would lift it, and the matrix.

A verdict and the bare call on the same policies take turns over the same asks in short blocks, and the least of each is
compared (as in gate.py, which measures a fresh installation's packs). p99 is of single verdicts, the least of several
rounds; what `lifted_when` adds is the most that any of the asks took, each at its best, sought anew every time. All of
it is this thread's processor time, so a neighbour who takes the core away is not counted.

The matrix is the command itself on a table of its own. Its rate is by processor time, too: what the printing process
took, and half of what the two that answer took, none of it counted as overlapping. The clock's rate stands beside it:
on a machine of one's own it is the higher one.

    python -m benchmarks.policy [--json] [--rows 20000]
"""

from __future__ import annotations

import argparse
import csv
import random
import subprocess
import sys
import tempfile
import time
from datetime import timedelta
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING

import cedarpy

from benchmarks.gate import GOAL, MODEL, ON, alternating, prepared
from benchmarks.rows import Row, report
from countenance.cli.matrix import cores
from countenance.domain.decision import Ask, Facts
from countenance.policy import cedar, packs, words

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from countenance.policy.cedar import PolicySet

ASKED, ROUNDS, SINGLE = 64, 5, 1_000
P99, LIFTING, RATE = 1.5, 15.0, 4_000  # milliseconds, milliseconds, verdicts a second on two cores
ROWS = 20_000
COLUMNS = ("action", "sector", "country", "purpose", "mode", "place", "acts-for", "on")
WHERE = (
    ("US", "US-WA", "Seattle, WA"),
    ("US", "US-IL", ""),
    ("US", "US-OR", "Portland, OR"),
    ("DE", "", ""),
    ("FR", "", ""),
)
"""Countries, regions and cities: those of the packs' territories, and others."""


def asks(number: int, rng: random.Random) -> list[Ask]:
    """Asks of every kind, half of them such as an ordinary customer makes."""
    found = []
    for place in range(number):
        country, region, locality = rng.choice(WHERE)
        usual = place % 2 == 0
        found.append(
            Ask(
                "identify" if usual else rng.choice(words.ACTIONS),
                "commercial" if usual else rng.choice(words.SECTORS),
                country, rng.choice(words.PURPOSES), region=region, locality=locality,
                mode="one-off" if usual else rng.choice(words.MODES),
                place="private" if usual else rng.choice(words.PLACES),
            )
        )  # fmt: skip
    return found


def verdicts(policies: PolicySet, asked: Sequence[Ask]) -> list[Row]:
    """The gate's verdict over the bare call, and the p99 of single verdicts."""
    bare = [prepared(ask, Facts(ON, MODEL)) for ask in asked]
    hours = anew()

    def gate() -> None:
        facts = next(hours)
        for ask in asked:
            cedar.decide(policies, ask, facts)

    def cedar_alone() -> None:
        for each in bare:
            cedarpy.is_authorized(each.request, policies.handle, each.entities)

    ours, theirs, ratio = alternating(gate, cedar_alone)
    p99 = min(_p99(policies, asked, hours) for _ in range(ROUNDS))
    return [
        Row("rules loaded", len(policies.rules), "rules"),
        Row("verdict over bare Cedar, every pack loaded", ratio, "ratio", f"at most {GOAL}", ratio <= GOAL),
        Row("one verdict", ours * 1e6 / len(asked), "microseconds"),
        Row("one bare Cedar call", theirs * 1e6 / len(asked), "microseconds"),
        Row("one verdict, p99", p99, "milliseconds", f"at most {P99}", p99 <= P99),
    ]


def anew() -> Iterator[Facts]:
    """The same facts an hour later each time: a verdict is kept for its hour, and none may be told from memory here."""
    return (Facts(ON + timedelta(hours=hour), MODEL) for hour in count())


def _p99(policies: PolicySet, asked: Sequence[Ask], hours: Iterator[Facts]) -> float:
    taken = sorted(_milliseconds(policies, asked[place % len(asked)], next(hours)) for place in range(SINGLE))
    return taken[SINGLE * 99 // 100]


def _milliseconds(policies: PolicySet, ask: Ask, facts: Facts, *, lifts: bool = False) -> float:
    begun = time.thread_time()
    cedar.decide(policies, ask, facts, lifts=lifts)
    return (time.thread_time() - begun) * 1e3


def lifting(policies: PolicySet, asked: Sequence[Ask]) -> list[Row]:
    """What finding out what lifts a refusal adds to the verdict: the most of any ask, each at its best."""
    hours, added = anew(), []
    for ask in asked:
        plain = min(_milliseconds(policies, ask, next(hours)) for _ in range(ROUNDS))
        added.append(min(_milliseconds(policies, ask, next(hours), lifts=True) for _ in range(ROUNDS)) - plain)
    most = max(added)
    return [
        Row("lifted_when adds, at most", most, "milliseconds", f"at most {LIFTING:g}", most <= LIFTING),
        Row("lifted_when adds, in the mean", sum(added) / len(added), "milliseconds"),
    ]


def matrix(rows: int, rng: random.Random) -> list[Row]:
    """The command on a table of so many rows, with every pack."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "asks.csv"
        _write(path, rows, rng)
        chosen = [part for name in packs.shipped() for part in ("--pack", name)]
        command = ["decide", "--matrix", str(path), "--json", *chosen]
        own, children, wall = min((_run(command, rows) for _ in range(2)), key=lambda taken: taken[0] + taken[1])
    busy = rows / (own + children / 2)
    goal = f"at least {RATE:,}"
    return [
        Row("matrix, by processor time of two cores", busy, "verdicts a second", goal, busy >= RATE),
        Row(f"matrix, by the clock, {cores()} cores shared with others", rows / wall, "verdicts a second"),
    ]


_TOLD = """
import atexit, resource, runpy, sys
used = lambda of: sum(resource.getrusage(of)[:2])
atexit.register(lambda: print(used(resource.RUSAGE_SELF), used(resource.RUSAGE_CHILDREN), file=sys.stderr))
runpy.run_module("countenance.cli.main", run_name="__main__")
"""
"""The command, which says at its end what it and the processes that it waited for have used."""


def _run(command: Sequence[str], rows: int) -> tuple[float, float, float]:
    """Processor seconds of the process that prints, of those that answer, and seconds by the clock."""
    begun = time.perf_counter()
    done = subprocess.run([sys.executable, "-c", _TOLD, *command], capture_output=True, check=True, text=True)
    wall = time.perf_counter() - begun
    assert len(done.stdout.splitlines()) == rows
    own, children = map(float, done.stderr.splitlines()[-1].split())
    return own, children, wall


def _write(path: Path, rows: int, rng: random.Random) -> None:
    known = (
        words.ACTIONS, words.SECTORS, ("US", "DE", "FR", "GB"), words.PURPOSES, words.MODES, words.PLACES,
        ("", "police", "military;sheriff"), ("2020-06-10", "2020-06-11", "2021-07-01", "2026-11-22"),
    )  # fmt: skip
    with path.open("w", encoding="utf-8", newline="") as file:
        table = csv.writer(file)
        table.writerow(COLUMNS)
        table.writerows([rng.choice(of) for of in known] for _ in range(rows))


def main() -> int:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--rows", type=int, default=ROWS)
    options.add_argument("--json", action="store_true", help="one JSON line per row")
    chosen = options.parse_args()
    rng = random.Random(20200611)  # noqa: S311
    policies, asked = cedar.load(packs.shipped()), asks(ASKED, rng)
    return report([*verdicts(policies, asked[:4]), *lifting(policies, asked), *matrix(chosen.rows, rng)], chosen.json)


if __name__ == "__main__":
    sys.exit(main())
