"""Another tenant's id and a missing one: the same answer, to the byte, in the same time.

For every operation that takes an id, in its path, its query or its document, and for the id inside a key, a claim and a
signature, three calls take turns in random order through the whole application: a missing id, another missing id, and
one that another tenant has. Each is asked with what its door takes of the caller: the key, the claim, or a signature,
made anew for each call before the clock starts. The labels are drawn, so drawing them anew says how far chance alone
moves the difference of two medians; what is further than SPREADS standard deviations of that is no chance (less than
once in a million comparisons, whatever else the machine does meanwhile). The two missing ids, held to the same bound,
show that the bound holds; a delay of our own, that it is not blind. The clock of the house stands still, so that an
answer which says the moment says the same one.

    python -m benchmarks.alike [--json] [--calls 2000]
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import re
import sys
import tempfile
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from benchmarks.rows import Row, report
from benchmarks.strange import Asked, Three, tenant, threes
from countenance.config import Serving, Settings
from countenance.http import server
from countenance.http.problems import RECEIPT
from countenance.ledger import proof
from countenance.service import founding
from countenance.service.app import House

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator, Sequence

    from numpy.typing import NDArray

    App = Callable[[Any, Any, Any], Awaitable[None]]

CALLS = 2_000
SPREADS = 5.0
RELABELLINGS = 400
WARMING = 20  # calls before the first that counts
SEEN = 100e-6  # seconds of a delay of our own that has to be found
ROUNDS = 4  # of CALLS, until a difference of SEEN would stand out

_REQUEST = re.compile(rb"req_[0-9a-f]{32}")
_IN_BODY = re.compile(rb'"receipt":"([^"]*)"')
_PASSING = frozenset({"request", "time"})  # of the closed part of a leaf: what is each call's own


@dataclass(frozen=True, slots=True)
class Found:
    """What came of one interleaved run.

    spread: standard deviation, in seconds, of the difference of two medians by chance. between_missing, theirs:
    median of the other missing id, and of the other tenant's, less the median of the missing one, in seconds.
    answers: the different answers of each side.
    """

    spread: float
    between_missing: float
    theirs: float
    answers: tuple[frozenset[bytes], ...]

    @property
    def bound(self) -> float:
        return SPREADS * self.spread

    @property
    def alike(self) -> bool:
        return abs(self.theirs) <= self.bound and len(frozenset.union(*self.answers)) == 1


def compared(app: App, three: Three, calls: int, rng: np.random.Generator) -> Found:
    """Ask the three sides in random order, so many calls in all."""
    order = rng.permutation(np.arange(calls) % 3)
    seconds, answers = asyncio.run(_asked(app, three.sides, order))
    sides = [seconds[order == side] for side in range(3)]
    medians = [float(np.median(side)) for side in sides]
    told = tuple(
        frozenset(answer for answer, of in zip(answers, order, strict=True) if of == side) for side in range(3)
    )
    return Found(spread(sides[0], sides[2], rng), medians[1] - medians[0], medians[2] - medians[0], told)


def spread(first: NDArray[np.float64], second: NDArray[np.float64], rng: np.random.Generator) -> float:
    """How far chance alone moves the difference of the two medians: its standard deviation over new labels."""
    both = np.concatenate([first, second])
    drawn = both[np.argsort(rng.random((RELABELLINGS, len(both))), axis=1)]
    differences = np.median(drawn[:, : len(first)], axis=1) - np.median(drawn[:, len(first) :], axis=1)
    return float(differences.std())


async def _asked(app: App, sides: Sequence[Asked], order: NDArray[np.int64]) -> tuple[NDArray[np.float64], list[bytes]]:
    for place in range(WARMING):
        await _one(app, sides[place % 3])
    seconds, answers = np.empty(len(order)), []
    for place, side in enumerate(order):
        seconds[place], answer = await _one(app, sides[side])
        answers.append(answer)
    return seconds, answers


async def _one(app: App, asked: Asked) -> tuple[float, bytes]:
    """Seconds from the request to the end of its answer, and the answer without what is its own."""
    sent: list[Any] = []

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": asked.body, "more_body": False}

    async def send(message: Any) -> None:
        sent.append(message)

    scope = asked.scope
    begun = time.perf_counter()
    await app(scope, receive, send)
    taken = time.perf_counter() - begun
    return taken, _told(sent)


def _told(sent: Sequence[Any]) -> bytes:
    """Status, headers and body, without the request's id and the length that a receipt changes.

    Of a receipt, what its holder reads of their call in it: the closed part of the leaf.
    """
    proven = RECEIPT.lower().encode()
    receipted = any(name == proven for name, _ in sent[0]["headers"])
    kept = [
        name + b": " + (_closed(value) if name == proven else value)
        for name, value in sent[0]["headers"]
        if not (receipted and name == b"content-length")
    ]
    body = b"".join(message.get("body", b"") for message in sent[1:])
    body = _IN_BODY.sub(lambda found: _closed(found[1]), body)
    return _REQUEST.sub(b"req", b"\n".join([str(sent[0]["status"]).encode(), *kept, b"", body]))


def _closed(receipt: bytes) -> bytes:
    """The closed part that a receipt shows its holder, without what is each call's own."""
    shown = json.loads(proof.read_receipt(receipt).closed)
    return json.dumps({name: word for name, word in shown.items() if name not in _PASSING}).encode()


def delayed(app: App, path: str, by: float) -> App:
    """The application, slower for one path: what `compared` has to find."""

    async def slower(scope: Any, receive: Any, send: Any) -> None:
        until = time.perf_counter() + (by if scope["path"] == path else 0.0)
        while time.perf_counter() < until:
            pass
        await app(scope, receive, send)

    return slower


def control(app: App, three: Three, calls: int, rng: np.random.Generator) -> Found:
    """The same run with a delay of SEEN for the other tenant's id, with more calls where the machine is noisy."""
    slower = delayed(app, three.sides[2].path, SEEN)
    found = compared(slower, three, calls, rng)
    for times in range(2, ROUNDS + 1):
        if found.bound >= SEEN / 2:
            found = compared(slower, three, times * calls, rng)
    return found


def in_memory() -> str | None:
    """A folder of the memory, where the machine has one: the moods of a disk hide more than a look-up takes."""
    return "/dev/shm" if os.access("/dev/shm", os.W_OK) else None  # noqa: S108


def measure(house: House, calls: int) -> Iterator[Row]:
    """A row for each operation and id, then those of the instrument."""
    rng = np.random.default_rng(1)
    me, other = tenant(house, "Harbour Gym"), tenant(house, "Harbour Pool")
    app = server.compose(house, Serving(), lambda _: None)
    asked = [*threes(server.native(house).openapi(), me, other)]
    found = [compared(app, three, calls, rng) for three in asked]
    for three, of in zip(asked, found, strict=True):
        goal = f"at most {of.bound * 1e6:.0f} either way, and one answer"
        yield Row(f"{three.name}, theirs less missing", of.theirs * 1e6, "microseconds", goal, of.alike)
    quiet = max(abs(of.between_missing) / of.bound for of in found)
    yield Row("two missing ids, the furthest apart of all / its bound", quiet, "ratio", "at most 1", quiet <= 1)
    quietest = min((of.bound, place) for place, of in enumerate(found) if asked[place].by_path)[1]
    seen = control(app, asked[quietest], calls, rng)
    ok = seen.theirs > seen.bound
    yield Row("a delay of 100 microseconds of our own", seen.theirs * 1e6, "microseconds", "found", ok)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--calls", type=int, default=CALLS)
    parser.add_argument("--json", action="store_true", help="one JSON line per row")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=in_memory()) as folder:
        settings, begun = Settings(Path(folder) / "data", Path(folder) / "keys"), datetime.now(UTC)
        founding.found(settings, "benchmark/log")
        with House.open(settings, clock=lambda: begun) as house:
            return report([*measure(house, options.calls)], json=options.json)


if __name__ == "__main__":
    sys.exit(main())
