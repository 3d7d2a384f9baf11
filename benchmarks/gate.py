"""How much the gate adds to the bare Cedar call, on the same asks with the same inputs prepared.

`decide` derives the context from facts, asks Cedar, checks its diagnostics and builds the verdict. The bare call is
`cedarpy.is_authorized` with parsed policies, parsed entities and the finished request. Both run over the same asks
in alternation, in short blocks, and the least of each is compared. A verdict is kept for its hour, so each call of
`decide` is of an hour of its own, but for the row that says what a kept one takes. Time is this thread's processor
time: neither call waits for anything, so a neighbour who takes the core away is not counted.

    python -m benchmarks.gate [--json]
"""

from __future__ import annotations

import argparse
import sys
import time
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import cedarpy

from benchmarks.rows import Row, report
from countenance.domain.decision import Ask, Facts, ModelFacts
from countenance.policy import cedar, context

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

BLOCKS, CALLS = 500, 4
GOAL = 1.15
ON = datetime(2026, 11, 22, 12, 30, tzinfo=UTC)
MODEL = ModelFacts(True, True, 1000, 20_000, 3700, 1200, 8, "shipped")  # noqa: FBT003
ASKS = (
    Ask("identify", "commercial", "DE", "access-control"),
    Ask("verify", "individual", "US", "identity-verification"),
    Ask("provision", "police", "US", "criminal-investigation"),
    Ask("identify", "public-agency", "FR", "missing-persons", mode="real-time", place="publicly-accessible"),
)


@dataclass(frozen=True, slots=True)
class Bare:
    """What a caller of Cedar would have prepared for one ask."""

    request: dict[str, Any]
    entities: cedarpy.Entities


def prepared(ask: Ask, facts: Facts) -> Bare:
    """The very inputs that `decide` gives to Cedar."""
    ready = cedar.prepare(ask)
    said = context.written(context.derive(ask, facts))
    return Bare({**ready.request, "context": said.at(facts.on)}, ready.entities)


def alternating(first: Callable[[], None], second: Callable[[], None]) -> tuple[float, float, float]:
    """(least seconds of each, ratio of the two) over blocks of CALLS calls."""
    times = [(_block(first), _block(second)) for _ in range(BLOCKS)]
    ours, theirs = (min(column) for column in zip(*times, strict=True))
    return ours, theirs, ours / theirs


def measure() -> Sequence[Row]:
    """Rows for the gate: verdicts without and with what would lift them."""
    policies, facts = cedar.load(), Facts(ON, MODEL)
    bare = [prepared(ask, facts) for ask in ASKS]
    hours = iter([replace(facts, on=ON + timedelta(hours=hour)) for hour in range(BLOCKS * CALLS + 100)])

    def gate() -> None:
        then = next(hours)
        for ask in ASKS:
            cedar.decide(policies, ask, then)

    def kept() -> None:
        for ask in ASKS:
            cedar.decide(policies, ask, facts)

    def cedar_alone() -> None:
        for each in bare:
            cedarpy.is_authorized(each.request, policies.handle, each.entities)

    ours, theirs, ratio = alternating(gate, cedar_alone)
    kept()
    again = min(_block(kept) for _ in range(BLOCKS))
    lifting = _block(lambda: [cedar.decide(policies, ask, next(hours), lifts=True) for ask in ASKS], 10)
    micro = 1e6 / len(ASKS)
    return [
        Row("gate over bare Cedar", ratio, "ratio", f"at most {GOAL}", ratio <= GOAL),
        Row("one verdict", ours * micro, "microseconds"),
        Row("one verdict like one before in its hour", again * micro, "microseconds"),
        Row("one bare Cedar call", theirs * micro, "microseconds"),
        Row("one verdict with what would lift it", lifting * micro, "microseconds"),
    ]


def _block(call: Callable[[], object], calls: int = CALLS) -> float:
    start = time.thread_time()
    for _ in range(calls):
        call()
    return (time.thread_time() - start) / calls


def main() -> int:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--json", action="store_true", help="one JSON line per row")
    return report(measure(), options.parse_args().json)


if __name__ == "__main__":
    sys.exit(main())
