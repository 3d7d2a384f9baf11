"""Error rates of a face comparison and how sure one may be of them, by group of people.

Rates are those of ISO/IEC 19795-1: FMR, FNMR on completed comparisons; FAR, FRR where a face that was not
found counts too. Every rate carries a 95 % interval that is the wider of two:

- Clopper and Pearson (1934), exact for independent trials. Comparisons are not independent: all those of one
  pair of people look at the same two faces. So a pair of people (a person, for mated comparisons) is one
  trial here, however many photographs were compared.
- The bootstrap over people: people are drawn again with replacement, and a comparison counts as often as both
  its people were drawn (the pigeonhole bootstrap; Owen 2007, arXiv:0712.1111: never too narrow on average, up
  to a factor of about the square root of 3 too wide where pairs of people hardly depend on each other).

It never averages a group away, never states a rate for a group that has too few pairs to carry it, and reads
no image, file or label: it sees counts and numbers of people.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from numpy.typing import NDArray

CONFIDENCE = 0.95  # two-sided; each end is missed with probability 0.025
RESAMPLES = 1000  # draws of people; the 97.5 % point then rests on 25 draws
LEAST_PEOPLE = 5  # fewer in a group: a figure would be about persons, so none is given
_HARDLY_ANY = 1e-6  # errors; the lower end is then 0, and the series would lose its digits
_DENSE_PEOPLE = 2048  # up to here a table of all pairs (16 MB) and one matrix product are faster
LEAST_EXPECTED = 10  # errors expected at a rate, for a group to carry it
_EDGES_AT_ONCE = 1024  # comparisons per step of the bootstrap: about 8 MB of float64, so it stays in cache


@dataclass(frozen=True, slots=True)
class Interval:
    """A 95 % interval of a rate, 0 <= low <= high <= 1."""

    low: float
    high: float

    def join(self, other: Interval) -> Interval:
        """The smallest interval that holds both."""
        return Interval(min(self.low, other.low), max(self.high, other.high))


NOTHING_KNOWN = Interval(0.0, 1.0)


@dataclass(frozen=True, slots=True)
class Rate:
    """`errors` of `trials` comparisons, made by `units` independent units (people, or pairs of people)."""

    errors: int
    trials: int
    units: int
    interval: Interval

    @property
    def value(self) -> float | None:
        """The observed rate, or None where nothing was compared: no figure."""
        return self.errors / self.trials if self.trials else None


# -- one rate, exact -----------------------------------------------------------------------------------------


def clopper_pearson(errors: float, trials: int, confidence: float = CONFIDENCE) -> Interval:
    """The exact interval for `errors` of `trials` independent trials; [0, 1] for no trials.

    A broken number of errors lies between its neighbours (Korn and Graubard 1998). Raises ValueError unless 0
    <= errors <= trials.
    """
    if not 0 <= errors <= trials:
        raise ValueError("errors must lie between 0 and the number of trials")
    if trials == 0:
        return NOTHING_KNOWN
    miss = (1 - confidence) / 2
    low = 0.0 if errors < _HARDLY_ANY else _beta_quantile(miss, errors, trials - errors + 1)
    high = 1.0 if errors == trials else _beta_quantile(1 - miss, errors + 1, trials - errors)
    return Interval(low, high)


def clustered(errors: int, trials: int, units: int) -> Interval:
    """Clopper-Pearson where only `units` of the `trials` are independent: the same rate among `units`.

    Source: Korn and Graubard, Survey Methodology 24 (1998), with the number of clusters as the effective
    sample.
    """
    if not trials:
        return NOTHING_KNOWN
    units = min(units, trials)
    return clopper_pearson(errors / trials * units if errors < trials else units, units)


def least_units(rate: float) -> int:
    """How many independent units a group needs to carry `rate`: LEAST_EXPECTED errors would be expected at it.

    Below 3.7 the upper bound can't come down to the rate even without an error. Up to some seven, it can't with one
    (5.6 by Clopper-Pearson, more by the bootstrap), and the threshold would be the score of the two most alike
    people of the smallest group: sisters, or one person under two names.
    """
    if not 0 < rate < 1:
        raise ValueError("a rate lies between 0 and 1")
    return math.ceil(LEAST_EXPECTED / Fraction(str(rate)))


def _beta_quantile(probability: float, a: float, b: float) -> float:
    """x with I_x(a, b) = probability, by bisection to 1e-12 of x."""
    low, high = 0.0, 1.0
    while high - low > 1e-12 * high:
        middle = (low + high) / 2
        if not low < middle < high:
            break
        if _incomplete_beta(middle, a, b) < probability:
            low = middle
        else:
            high = middle
    return high


def _incomplete_beta(x: float, a: float, b: float) -> float:
    """The regularised incomplete beta function I_x(a, b); DLMF 8.17(v), continued fraction 8.17.22."""
    if x <= 0:
        return 0.0
    if x >= 1:
        return 1.0
    if x > (a + 1) / (a + b + 2):  # the fraction converges fast on the other side only
        return 1 - _incomplete_beta(1 - x, b, a)
    scale = math.lgamma(a + b) - math.lgamma(a) - math.lgamma(b)
    front = math.exp(scale + a * math.log(x) + b * math.log1p(-x)) / a
    return front / _beta_fraction(x, a, b)


def _beta_fraction(x: float, a: float, b: float) -> float:
    """1 + d1/(1 + d2/(1 + ...)) of DLMF 8.17.22, by the modified Lentz method (Thompson and Barnett 1986)."""
    tiny = 1e-300
    value = c = 1.0
    d = 0.0
    for step in range(1, 200 + 20 * math.isqrt(int(a + b))):
        m, odd = divmod(step, 2)
        if odd:
            term = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1))
        else:
            term = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m))
        d = 1 / ((1 + term * d) or tiny)
        c = (1 + term / c) or tiny
        value *= c * d
        if abs(c * d - 1) < 1e-15:
            return value
    raise ArithmeticError("the incomplete beta function did not converge")


# -- people drawn again --------------------------------------------------------------------------------------


def draw_again(people: int, rng: np.random.Generator, draws: int = RESAMPLES) -> NDArray[np.uint8]:
    """How often each of `people` is drawn in each resample: (people, draws) uint8."""
    weights = np.zeros((people, draws), np.uint8)
    for draw in range(draws if people else 0):
        drawn = np.bincount(rng.integers(people, size=people), minlength=people)
        weights[:, draw] = np.minimum(drawn, 255)  # more than 255 times the same person: never, in practice
    return weights


@dataclass(frozen=True, slots=True, eq=False)
class Edges:
    """Counts on pairs of people.

    `counts[e]` between the people numbered `first[e]` and `second[e]`, each (E,) int64.
    """

    first: NDArray[np.int64]
    second: NDArray[np.int64]
    counts: NDArray[np.int64]

    def total(self) -> int:
        return int(self.counts.sum())

    def drawn(self, weights: NDArray[np.uint8]) -> NDArray[np.float64]:
        """The counts in each resample, (draws,): a pair of people counts as often as both were drawn."""
        people = len(weights)
        if people <= _DENSE_PEOPLE and len(self.counts) > people:
            table = np.zeros((people, people), np.float32)
            table[self.first, self.second] = self.counts
            both: NDArray[np.float64] = np.einsum("pd,pd->d", table @ weights.astype(np.float32), weights, dtype=float)
            return both
        total = np.zeros(weights.shape[1])
        for at in range(0, len(self.counts), _EDGES_AT_ONCE):
            part = slice(at, at + _EDGES_AT_ONCE)
            drawn = weights[self.first[part]].astype(np.float64) * weights[self.second[part]]
            total += self.counts[part].astype(np.float64) @ drawn
        return total


def all_pairs(samples: NDArray[np.int64]) -> tuple[int, int]:
    """Comparisons between different people, and pairs of people, when all are compared.

    samples: (people,) photographs of each; people without one count nowhere.
    """
    total, people = int(samples.sum()), int(np.count_nonzero(samples))
    return (total * total - int(samples @ samples)) // 2, people * (people - 1) // 2


def all_pairs_drawn(samples: NDArray[np.int64], weights: NDArray[np.uint8]) -> NDArray[np.float64]:
    """`all_pairs` in each resample, (draws,): a person drawn twice is not compared with themself."""
    total, own = np.zeros((2, weights.shape[1]))
    for at in range(0, len(samples), _EDGES_AT_ONCE):
        part = slice(at, at + _EDGES_AT_ONCE)
        drawn = weights[part].astype(np.float64) * samples[part, None]
        total += drawn.sum(axis=0)
        own += (drawn**2).sum(axis=0)
    comparisons: NDArray[np.float64] = (total**2 - own) / 2
    return comparisons


def bootstrap(errors: NDArray[np.float64], trials: NDArray[np.float64]) -> Interval:
    """The middle 95 % of errors / trials over the resamples that hold any trial, ends taken outwards."""
    held = trials > 0
    if np.count_nonzero(held) * 2 < len(trials):
        return NOTHING_KNOWN
    rates = errors[held] / trials[held]
    miss = (1 - CONFIDENCE) / 2
    low = np.quantile(rates, miss, method="lower")
    return Interval(float(low), float(np.quantile(rates, 1 - miss, method="higher")))


def non_mated(errors: Edges, samples: NDArray[np.int64], weights: NDArray[np.uint8], per_pair: int = 1) -> Rate:
    """The false match rate when every photograph is compared with every one of another person.

    per_pair: comparisons per pair of photographs (2 where reference and probe are made differently).
    """
    comparisons, units = all_pairs(samples)
    trials, wrong = comparisons * per_pair, errors.total()
    drawn = bootstrap(errors.drawn(weights), all_pairs_drawn(samples, weights) * per_pair)
    return Rate(wrong, trials, units, clustered(wrong, trials, units).join(drawn))


def mated(errors: NDArray[np.int64], trials: NDArray[np.int64], weights: NDArray[np.uint8]) -> Rate:
    """The false non-match rate from counts per person, both (people,)."""
    wrong, total, units = int(errors.sum()), int(trials.sum()), int(np.count_nonzero(trials))
    drawn = bootstrap(*(np.einsum("p,pd->d", counts.astype(np.float64), weights) for counts in (errors, trials)))
    return Rate(wrong, total, units, clustered(wrong, total, units).join(drawn))


def listed(errors: Edges, trials: Edges, weights: NDArray[np.uint8]) -> Rate:
    """The rate of listed comparisons of photographs whose people are not known.

    What is drawn is photographs.
    """
    wrong, total = errors.total(), trials.total()
    drawn = bootstrap(errors.drawn(weights), trials.drawn(weights))
    return Rate(wrong, total, total, clopper_pearson(wrong, total).join(drawn))


def share(errors: int, trials: int) -> Rate:
    """A plain proportion of independent trials, such as photographs in which no face was found."""
    return Rate(errors, trials, trials, clopper_pearson(errors, trials))


# -- groups --------------------------------------------------------------------------------------------------


def max_geomean(rates: Sequence[float]) -> float | None:
    """Largest over geometric mean: 1 is parity; NIST IR 8429. None without groups.

    A rate of zero has no place in a geometric mean: pass upper bounds, which are never zero, and drop no
    group.
    """
    if not rates:
        return None
    if min(rates) <= 0:
        raise ValueError("pass upper bounds: a rate of zero has no geometric mean, and no group is dropped")
    return max(rates) / math.exp(math.fsum(map(math.log, rates)) / len(rates))


class Population:
    """The non-mated comparisons of one group in one way of comparing, to ask for its FMR at any threshold.

    scores: (K,) cosines of all comparisons at or above `floor`, any order; first, second: (K,) numbers of
    their people, below len(samples); samples: (people,) photographs of each.
    """

    def __init__(
        self,
        name: str,
        scores: NDArray[np.float32],
        first: NDArray[np.int64],
        second: NDArray[np.int64],
        samples: NDArray[np.int64],
        *,
        floor: float,
        rng: np.random.Generator,
        per_pair: int = 1,
        draws: int = RESAMPLES,
    ) -> None:
        order = np.argsort(-scores, kind="stable")
        self.name, self.floor, self.samples, self.per_pair = name, floor, samples, per_pair
        self._scores, people = scores[order], len(samples)
        low, high = np.minimum(first, second), np.maximum(first, second)
        self._pair = (low * people + high)[order]
        self._weights = draw_again(people, rng, draws)
        self._known: dict[float, Rate] = {}
        self.comparisons, self.units = (n * k for n, k in zip(all_pairs(samples), (per_pair, 1), strict=True))

    def carries(self, rate: float) -> bool:
        """Whether the group has pairs enough for its upper bound to reach `rate` at all."""
        return self.units >= least_units(rate)

    def rate(self, threshold: float) -> Rate:
        """The FMR at `threshold` (score >= threshold is a match); threshold >= floor."""
        if threshold not in self._known:
            self._known[threshold] = self._measure(threshold)
        return self._known[threshold]

    def errors(self, threshold: float) -> int:
        """False matches at `threshold`; threshold >= floor."""
        if threshold < self.floor:
            raise ValueError("scores below the floor were not kept")
        return int(np.searchsorted(-self._scores, -np.float32(threshold), side="right"))

    def _measure(self, threshold: float) -> Rate:
        pairs, counts = np.unique(self._pair[: self.errors(threshold)], return_counts=True)
        first, second = np.divmod(pairs, max(len(self.samples), 1))
        return non_mated(Edges(first, second, counts), self.samples, self._weights, self.per_pair)

    def allows(self, threshold: float, target: float) -> bool:
        """Whether `threshold` may be offered for `target` as far as this group knows.

        A group that carries the rate must stay at or under it by its upper bound. A smaller one can't promise it
        but can contradict it: by its observed rate where at least one error would be expected, and by its lower
        bound where it is smaller still.
        """
        errors = self.errors(threshold)
        if self.carries(target):
            hopeless = clustered(errors, self.comparisons, self.units).high > target  # spares the bootstrap
            return not hopeless and self.rate(threshold).interval.high <= target
        if self.units * target >= 1:
            return errors <= target * self.comparisons
        return self.rate(threshold).interval.low <= target


def lowest_threshold(populations: Iterable[Population], target: float, grid: Sequence[float]) -> float | None:
    """The lowest threshold of the ascending `grid` that every group allows for `target`; None if there is
    none.

    None also where no group can carry the target. Both bounds only fall as the threshold rises, so the search
    halves; and for the same reason choosing the lowest passing threshold costs no confidence: to be wrong, a
    group's bound at its own true threshold must already have failed, which happens in 2.5 % of samples.
    """
    held = list(populations)
    if not any(group.carries(target) for group in held):
        return None
    low = 0
    for group in held:
        if low < len(grid) and group.allows(grid[low], target):
            continue
        high = len(grid)
        while low < high:
            middle = (low + high) // 2
            if group.allows(grid[middle], target):
                high = middle
            else:
                low = middle + 1
    return grid[low] if low < len(grid) else None
