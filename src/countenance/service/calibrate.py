"""Make a calibration record from embedded photographs of people whose groups are known.

Two ways of comparing are measured, and a threshold must hold in both: `enrolled`, a reference averaged with
its mirror image against a plain probe, as verify and identify do; and `compared`, two plain photographs, as
`face compare` does. Everything compares every photograph with every one of every other person of the same
group (the harder case), and once over everyone.

It reads no files and knows no data set by name: benchmarks/calibrate.py does. The rules for groups and
intervals are fairness.py's; what is promised with them stands in docs/accuracy.md.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from countenance import fairness
from countenance.domain.errors import BadInput
from countenance.vision.calibration import (
    MILLION,
    SCHEMA,
    THOUSAND,
    Calibration,
    Count,
    DataSet,
    Differentials,
    Group,
    Step,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from datetime import date

    from numpy.typing import NDArray

LISTED_PPM = tuple(m * 10**e for e in range(4, -1, -1) for m in (10, 5, 2))  # 0.1, 0.05, 0.02 ... 0.000002
VERIFY_PPM = 2_000  # 1 in 500: the lowest listed rate that women and men each carry in the shipped data
FNMR_CARRIED = 0.5  # groups large enough to carry this (20 people) enter the differential of FNMR
FLOOR_MILLI = 50  # thresholds are looked for from here up, in steps of one thousandth of the cosine
_ROWS = 1024  # photographs per block of the product: 1024 x N float32
PROTOCOL = (
    "Every photograph is compared with every photograph of every other person of the same group; 'everyone' is "
    "the whole set. The largest face of each photograph is used.",
    "Two ways of comparing: 'enrolled' (reference averaged with its mirror image against a plain probe, either "
    "photograph in either role) and 'compared' (two plain photographs). A threshold holds in both, for one "
    "reference per subject.",
    "Intervals are two-sided 95 %, for each group by itself: the wider of Clopper-Pearson with one trial per pair "
    "of people (per person for false non-matches) and of the bootstrap over people.",
    "A group carries a rate if at least ten of its pairs of people would be expected to match falsely at it. The "
    "threshold of a rate is the lowest at which every group that carries it stays at or under it by the upper "
    "bound, and no smaller group contradicts it: by its observed rate where at least one such pair would be "
    "expected, by its lower bound otherwise. Thresholds never fall as rates fall.",
    "Rates are parts per million, rounded outwards; thresholds are thousandths of the cosine.",
)


@dataclass(frozen=True, slots=True, eq=False)
class Embedded:
    """A data set, embedded. N photographs with a found face, P people.

    person: (N,) int64, numbers below P. references, probes: (N, D) float32, unit L2, mirror-averaged and
    plain. groups: name to (P,) bool, who belongs to it. mated: whether its mated pairs are good for a false
    non-match rate.
    """

    about: DataSet
    person: NDArray[np.int64]
    references: NDArray[np.float32]
    probes: NDArray[np.float32]
    groups: Mapping[str, NDArray[np.bool_]]
    mated: bool

    def samples(self) -> NDArray[np.int64]:
        """(P,) photographs of each person."""
        people = len(next(iter(self.groups.values())))
        return np.bincount(self.person, minlength=people).astype(np.int64)


@dataclass(frozen=True, slots=True)
class _Cell:
    """One group, measured in each way."""

    name: str
    set: Embedded
    members: NDArray[np.bool_]
    ways: Mapping[str, fairness.Population]

    def carries(self, rate_ppm: int) -> bool:
        return all(way.carries(rate_ppm / MILLION) for way in self.ways.values())


def calibrate(
    sets: Sequence[Embedded], *, model: str, model_digest: str, made_on: date, why: str, seed: int = 1
) -> Calibration:
    """The record of these sets. Raises BadInput where they can't carry the verification rate.

    1. Collect the non-mated scores of each group, in both ways.
    2. Find the threshold of each listed rate, from the loosest to the strictest that some group carries.
    3. State each group at the verification threshold.
    """
    cells = [cell for at, held in enumerate(sets) for cell in _cells(held, np.random.default_rng([seed, at]))]
    steps = _steps(cells)
    rates = [step.rate_ppm for step in steps]
    if VERIFY_PPM not in rates:
        raise BadInput("These people are too few, or the model too weak, for a false match rate of 1 in 500.")
    threshold = steps[rates.index(VERIFY_PPM)].threshold_milli / THOUSAND
    groups = tuple(_group(cell, rates, threshold, seed) for cell in cells)
    return Calibration(
        schema=SCHEMA,
        made_on=made_on.isoformat(),
        model=model,
        model_digest=model_digest,
        protocol=PROTOCOL,
        seed=seed,
        resamples=fairness.RESAMPLES,
        sets=tuple(held.about for held in sets),
        verify_ppm=VERIFY_PPM,
        identify_ppm=min(rates),
        why=why,
        steps=steps,
        groups=groups,
        differentials=_differentials(groups, steps[rates.index(VERIFY_PPM)].carried_by),
    )


# -- scores --------------------------------------------------------------------------------------------------


def _cells(held: Embedded, rng: np.random.Generator) -> Iterator[_Cell]:
    samples = held.samples()
    scored = {
        "enrolled": (_scores(held.references, held.probes, held.person, both=True), 2),
        "compared": (_scores(held.probes, held.probes, held.person, both=False), 1),
    }
    for name, members in held.groups.items():
        within = np.cumsum(members) - 1
        ways = {}
        for way, ((scores, first, second), per_pair) in scored.items():
            inside = members[first] & members[second]
            ways[way] = fairness.Population(
                f"{name} ({way})",
                scores[inside],
                within[first[inside]],
                within[second[inside]],
                samples[members],
                floor=FLOOR_MILLI / THOUSAND,
                rng=rng,
                per_pair=per_pair,
            )
        yield _Cell(name, held, members, ways)


def _scores(
    references: NDArray[np.float32], probes: NDArray[np.float32], person: NDArray[np.int64], *, both: bool
) -> tuple[NDArray[np.float32], NDArray[np.int64], NDArray[np.int64]]:
    """Scores of different people at or above the floor, and their people.

    Each pair once, or in both roles.
    """
    kept: list[tuple[NDArray[np.float32], NDArray[np.int64], NDArray[np.int64]]] = []
    for at in range(0, len(references), _ROWS):
        rows = slice(at, at + _ROWS)
        scores = references[rows] @ probes.T
        wanted = (scores >= FLOOR_MILLI / THOUSAND) & (person[rows, None] != person[None, :])
        if not both:
            wanted &= np.arange(at, at + len(scores))[:, None] < np.arange(len(probes))[None, :]
        row, column = np.nonzero(wanted)
        kept.append((scores[row, column], person[row + at], person[column]))
    return tuple(np.concatenate(parts) for parts in zip(*kept, strict=True))  # type: ignore[return-value]


# -- steps ---------------------------------------------------------------------------------------------------


def _steps(cells: Sequence[_Cell]) -> tuple[Step, ...]:
    grid = [milli / THOUSAND for milli in range(FLOOR_MILLI, THOUSAND + 1)]
    populations = [way for cell in cells for way in cell.ways.values()]
    steps: list[Step] = []
    for rate_ppm in LISTED_PPM:
        found = fairness.lowest_threshold(populations, rate_ppm / MILLION, grid)
        if found is None:
            break
        milli = round(found * THOUSAND)
        decided_by = _decider(populations, milli, rate_ppm)
        if steps and milli <= steps[-1].threshold_milli:  # fewer groups carry less; the promise does not loosen
            milli, decided_by = steps[-1].threshold_milli, steps[-1].decided_by
        carried = tuple(cell.name for cell in cells if cell.carries(rate_ppm))
        small = tuple(cell.name for cell in cells if not cell.carries(rate_ppm))
        steps.append(Step(rate_ppm, milli, decided_by, carried, small))
    return tuple(steps)


def _decider(populations: Sequence[fairness.Population], milli: int, rate_ppm: int) -> str:
    """The first group that refuses the next lower threshold."""
    lower = max(milli - 1, FLOOR_MILLI) / THOUSAND
    refusing = [group.name for group in populations if not group.allows(lower, rate_ppm / MILLION)]
    return refusing[0] if refusing else "no group: the lowest threshold looked at"


# -- groups at the verification threshold --------------------------------------------------------------------


def _group(cell: _Cell, rates: Sequence[int], threshold: float, seed: int) -> Group:
    way, worst = max(
        ((way, population.rate(threshold)) for way, population in cell.ways.items()),
        key=lambda held: held[1].interval.high,
    )
    carried = [rate for rate in rates if cell.carries(rate)]
    return Group(
        name=cell.name,
        set=cell.set.about.name,
        people=int(np.count_nonzero(cell.members)),
        pairs=worst.units,
        carries_ppm=min(carried, default=0),
        way=way,
        false_match=_count(worst),
        false_non_match=_count(_missed(cell, threshold, seed)) if cell.set.mated else None,
    )


def _missed(cell: _Cell, threshold: float, seed: int) -> fairness.Rate:
    """The false non-match rate of a group, enrolled reference against plain probe, photographs of one person."""
    errors, trials = np.zeros((2, len(cell.members)), np.int64)
    for one in np.flatnonzero(cell.members):
        own = np.flatnonzero(cell.set.person == one)
        scores = cell.set.references[own] @ cell.set.probes[own].T
        other = ~np.eye(len(own), dtype=bool)
        trials[one], errors[one] = other.sum(), np.count_nonzero(scores[other] < np.float32(threshold))
    weights = fairness.draw_again(int(cell.members.sum()), np.random.default_rng([seed, len(errors)]))
    return fairness.mated(errors[cell.members], trials[cell.members], weights)


def _count(rate: fairness.Rate) -> Count:
    low, high = math.floor(rate.interval.low * MILLION), math.ceil(rate.interval.high * MILLION)
    return Count(rate.errors, rate.trials, low, high)


def _differentials(groups: Sequence[Group], carried_by: Sequence[str]) -> Differentials:
    """Max/GeoMean of upper bounds, so that no group drops out for having no error; rounded up.

    The upper bound of a group of a few people says how few they are, not how they fare: compared are groups that
    carry the rate, and the record names all others.
    """
    matched = {g.name: g.false_match.high_ppm for g in groups if g.name in carried_by}
    enough = fairness.least_units(FNMR_CARRIED)
    missed = {g.name: g.false_non_match.high_ppm for g in groups if g.false_non_match and g.people >= enough}
    ratios = [fairness.max_geomean(list(held.values())) for held in (matched, missed)]
    fmr, fnmr = (math.ceil(ratio * THOUSAND) if ratio else 0 for ratio in ratios)
    return Differentials(fmr, tuple(matched), fnmr, tuple(missed))
