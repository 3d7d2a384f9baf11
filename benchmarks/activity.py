"""The meter against mass surveillance on real faces: who is stopped, how soon, and who is stopped wrongly.

Honest: a door with 200 employees, a log-in service, a conference that sends people their own photographs. Hostile: a
street camera, a protest scanned from a folder, a stalker with one photograph a day, a scraper spread over ten keys of
one customer, one photograph run through `verify` against every subject. Each person has two photographs: one enrols,
the other is every probe of theirs. Templates are made once, with the shipped models; the clock is the simulation's.

The hostile go through the whole gate, call by call, until they are locked or 200 photographs have passed. The honest, a
year of each, ask the meter itself, and what trips it is put to the rules; then two people are taken to have looked.
Rows without a goal show what gets by: the meter is not claimed to stop it.

    python -m benchmarks.activity [--json] [--faces DIR] [--people 400] [--runs 20] [--days 365]
"""

from __future__ import annotations

import argparse
import heapq
import sys
import tempfile
import time
import tomllib
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from itertools import islice, repeat
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from benchmarks.alike import in_memory
from benchmarks.calibrate import FACES, SETS, Described
from benchmarks.honest import lived
from benchmarks.rows import Row, report, skipped
from benchmarks.stage import START, Cast, Stage, picture
from countenance.activity.meter import Meter, Probe
from countenance.activity.scopes import DAY, DAYS, HOUR, HOURS, Counts
from countenance.activity.sketches import REMEMBERED
from countenance.config import Metering
from countenance.domain.errors import CountenanceError, Refused
from countenance.service import identify, verify
from countenance.service.use import Use
from countenance.storage import db
from countenance.vision import models
from countenance.vision.calibration import Calibration
from countenance.vision.engine import Engine

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from benchmarks.stage import Templates, Tenant

    Rng = np.random.Generator
    Acts = Iterator["Act"]

MOST = 200  # photographs within which a hostile run has to be stopped
GOAL = 0.95  # of the hostile runs
LEAST_PEOPLE = 60
ENROLLED = 20  # people in the collection of a hostile run


@dataclass(frozen=True, slots=True, order=True)
class Act:
    """One call: seconds from the start, whose photograph, and the subject of a one-to-one call, -1 for a search."""

    at: float
    person: int
    subject: int = -1
    key: int = 0


@dataclass(frozen=True, slots=True)
class Hostile:
    """How it goes on: enrolled people first in `who`, everybody else after them. aimed: the goal speaks of it."""

    name: str
    acts: Callable[[Rng, Sequence[int]], Acts]
    keys: int = 1
    aimed: bool = True


@dataclass(frozen=True, slots=True)
class Run:
    """What one hostile run came to: photographs that were shown, and the second in which it was stopped."""

    photographs: int
    seconds: float | None = None

    @property
    def stopped(self) -> bool:
        return self.seconds is not None


def camera(rng: Rng, who: Sequence[int]) -> Acts:
    """A frame a second; whoever comes by is in three of them; one in twenty lives here."""
    at = 0.0
    while True:
        person = _passer(rng, who, 0.05)
        for _ in range(3):
            at += float(rng.normal(1.0, 0.05))
            yield Act(at, person)


def protest(rng: Rng, who: Sequence[int]) -> Acts:
    """A folder of pictures, each person once, as fast as the calls are answered; one in ten is known."""
    at = 0.0
    for person in rng.permutation([*who[: ENROLLED // 2], *who[ENROLLED:]]):
        at += float(rng.gamma(2.0, 0.4))
        yield Act(at, int(person))


def stalker(rng: Rng, who: Sequence[int], *, known: bool = True) -> Acts:
    """A photograph a day of one person, enrolled or not; on one day in five it shows somebody else."""
    victim, day = int(who[0] if known else who[-1]), 0
    while True:
        shown = victim if rng.random() < 0.8 else _passer(rng, who, 0.0)
        yield Act(day * DAY + float(rng.uniform(0, DAY / 2)), shown)
        day += 1


def scraper(rng: Rng, who: Sequence[int]) -> Acts:
    """Pictures from the internet, by ten keys in turn, at no steady pace."""
    at = 0.0
    for number, person in enumerate(rng.permutation(who[ENROLLED:])):
        at += float(rng.exponential(20.0))
        yield Act(at, int(person), key=number % 10)


def trawler(rng: Rng, who: Sequence[int]) -> Acts:
    """One photograph of somebody, against subject after subject."""
    victim, at = int(who[-1]), 0.0
    while True:
        for subject in rng.permutation(who[: ENROLLED * 2]):
            at += float(rng.uniform(0.2, 2.0))
            yield Act(at, victim, int(subject))


def diluted(rng: Rng, who: Sequence[int]) -> Acts:
    """A crowd, and after each stranger somebody enrolled, so that no more than half of the searches find nobody."""
    at = 0.0
    for number, person in enumerate(rng.permutation(who[ENROLLED:])):
        for shown in (int(person), who[number % ENROLLED], who[(number + 7) % ENROLLED]):
            at += float(rng.exponential(20.0))
            yield Act(at, shown)


def _passer(rng: Rng, who: Sequence[int], known: float) -> int:
    crowd = who[:ENROLLED] if rng.random() < known else who[ENROLLED:]
    return int(rng.choice(crowd))


HOSTILE = (
    Hostile("a street camera", camera),
    Hostile("a protest from a folder", protest),
    Hostile("a stalker, one photograph a day", stalker),
    Hostile("a scraper over ten keys", scraper, keys=10),
    Hostile("one photograph through verify", trawler),
    Hostile("a stalker of somebody not enrolled", partial(stalker, known=False), aimed=False),
    Hostile("a crowd diluted with the enrolled", diluted, aimed=False),
)


def fought(cast: Cast, hostile: Hostile, runs: int, seed: int) -> list[Run]:
    """So many runs side by side in one house, each by a customer of its own, through the whole gate."""
    with tempfile.TemporaryDirectory(dir=in_memory()) as folder, Stage(Path(folder), cast) as stage:
        begun = []
        for number in range(runs):
            rng = np.random.default_rng([seed, number])
            who = [int(person) for person in rng.permutation(len(cast))]
            enrolled = who[: ENROLLED * 2 if hostile.acts is trawler else ENROLLED]
            tenant = stage.tenant(f"Customer {number}", enrolled, hostile.keys)
            begun.append((tenant, islice(hostile.acts(rng, who), MOST)))
        return _side_by_side(stage, begun)


def _side_by_side(stage: Stage, begun: Sequence[tuple[Tenant, Acts]]) -> list[Run]:
    """Every run's acts in the order of their time; a run ends where its key is locked."""
    ended: dict[int, Run] = {}
    done, start = [0] * len(begun), stage.now
    marked = [zip(acts, repeat(number), strict=False) for number, (_, acts) in enumerate(begun)]
    for act, number in heapq.merge(*marked, key=lambda each: each[0].at):
        if number in ended:
            continue
        stage.now, done[number] = max(stage.now, start + timedelta(seconds=act.at)), done[number] + 1
        if _locked(stage, begun[number][0], act):
            ended[number] = Run(done[number], act.at)
    return [ended.get(number, Run(done[number])) for number in range(len(begun))]


def _locked(stage: Stage, tenant: Tenant, act: Act) -> bool:
    """Ask; whether the answer is the meter's refusal, which the next call of that key gets too."""
    who, use = tenant.keys[act.key], Use()
    try:
        if act.subject < 0:
            identify.identify(stage.house, who, tenant.inside, picture(act.person), use)
        else:
            verify.verify(stage.house, who, tenant.inside, tenant.subjects[act.subject], picture(act.person), use)
    except Refused as refused:
        if "core.meter" not in [reason.id for reason in refused.decision.verdict.reasons]:
            raise
        return stage.house.locks.standing(who, "detect").tripped
    return False


def stopped(cast: Cast, runs: int, seed: int) -> Iterator[Row]:
    """Three rows for each hostile scenario, and one for all that the goal speaks of."""
    aimed: list[Run] = []
    for number, hostile in enumerate(HOSTILE):
        found = fought(cast, hostile, runs, seed + number)
        aimed += found if hostile.aimed else []
        caught = [run for run in found if run.stopped]
        yield Row(f"{hostile.name}: stopped", 100 * len(caught) / len(found), f"% of {len(found)} runs")
        if caught:
            yield Row(f"{hostile.name}: photographs until then, median", _median(caught, "photographs"), "photographs")
            yield Row(f"{hostile.name}: time until then, median", _median(caught, "seconds"), "s")
    share = sum(run.stopped for run in aimed) / len(aimed)
    goal = f"at least {GOAL:.0%} within {MOST} photographs"
    yield Row("hostile runs stopped, the five together", 100 * share, f"% of {len(aimed)} runs", goal, share >= GOAL)


def _median(runs: Sequence[Run], what: str) -> float:
    return float(np.median([getattr(run, what) for run in runs]))


def overhead(calls: int = 400) -> Iterator[Row]:
    """What the meter adds to a search where everything that it bounds is full: a key, a customer and an address."""
    rng = np.random.default_rng(1)
    faces = rng.standard_normal((REMEMBERED + calls, 128)).astype(np.float32)
    faces /= np.linalg.norm(faces, axis=1, keepdims=True)
    with tempfile.TemporaryDirectory(dir=in_memory()) as folder, db.open(Path(folder) / "meter.db") as database:
        meter = Meter(database, Metering(), 0.464, 128)
        for face in faces[:REMEMBERED]:
            meter.told(meter.searched(_full(face), b"here", START), None, START)
        _fill(meter)
        taken = []
        for face in faces[REMEMBERED:]:
            begun = time.perf_counter()
            meter.told(meter.searched(_full(face), b"here", START), None, START)
            with meter.drained():
                pass
            taken.append(time.perf_counter() - begun)
    median = 1000 * float(np.median(taken))
    yield Row("the meter, per search, at its bounds, median", median, "ms", "at most 1", median <= 1)
    yield Row("the meter, per search, at its bounds, 99 of 100", 1000 * float(np.quantile(taken, 0.99)), "ms")


def _full(face: Templates) -> Probe:
    return Probe("key", "customer", face, "203.0.113.9")


def _fill(meter: Meter) -> None:
    """Every hour of a day and every day of a month."""
    hour, day = int(START.timestamp() // HOUR), int(START.timestamp() // DAY)
    for scope in meter.scopes():
        scope.hours.update({hour - back: Counts(people=9, searches=9) for back in range(1, HOURS)})
        scope.days.update({day - back: Counts(people=9, searches=9) for back in range(1, DAYS)})


def embedded(faces: Path, most: int) -> Cast:
    """The templates of so many people at most, their first photograph as at enrolment, their second as a probe."""
    manifest = models.chosen(None)
    with tempfile.TemporaryDirectory() as folder, Engine.load(manifest, Path(folder)) as engine:
        first, second = [], []
        for one, two in islice(_pairs(faces), most):
            enrolled, shown = engine.many([one.read_bytes], mirror=True), engine.many([two.read_bytes])
            found = [*enrolled, *shown]
            if any(isinstance(each, CountenanceError) or len(each) != 1 for each in found):
                continue
            templates = [each[0].template for each in found if not isinstance(each, CountenanceError)]
            first.append(templates[0])
            second.append(templates[1])
    calibration = Calibration.of(manifest, None)
    return Cast(np.stack(first), np.stack(second), calibration, manifest)  # type: ignore[arg-type]


def _pairs(faces: Path) -> Iterator[tuple[Path, Path]]:
    for words in tomllib.loads(SETS.read_text("utf-8"))["set"][::-1]:
        described = Described.read(faces, words)
        of: dict[str, list[Path]] = {}
        for row, file in zip(described.rows, described.files(), strict=True):
            of.setdefault(row["subject"], []).append(file)
        yield from ((files[0], files[1]) for files in of.values() if len(files) > 1)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", action="store_true", help="one JSON line per row")
    parser.add_argument("--faces", type=Path, default=FACES, help="the folder that holds the sets")
    parser.add_argument("--people", type=int, default=400, help=f"at most, and at least {LEAST_PEOPLE}")
    parser.add_argument("--runs", type=int, default=20, help="of each hostile scenario")
    parser.add_argument("--days", type=int, default=365, help="of honest use")
    asked = parser.parse_args()
    if not asked.faces.is_dir():
        return report([*overhead(), skipped("detection and false locks")], json=asked.json)
    cast = embedded(asked.faces, max(LEAST_PEOPLE, asked.people))
    rows = [*overhead(), *stopped(cast, asked.runs, 1), *lived(cast, asked.days, 1)]
    return report(rows, json=asked.json)


if __name__ == "__main__":
    sys.exit(main())
