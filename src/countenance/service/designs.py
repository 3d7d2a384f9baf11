"""The two designs of an evaluation: listed pairs, and every photograph with every other.

In a list of pairs the people are not known, so intervals come from drawing photographs again; with labels
they come from drawing people again, and one pair of people is one independent trial (fairness.py). Both
answer the same questions; only labels have groups, only lists have folds.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from countenance import fairness
from countenance.domain.errors import BadInput
from countenance.fairness import Edges
from countenance.service.comparisons import compare_all, compare_listed

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from countenance.service.trials import Labels, Pairs

MOST_FOLDS = 100
MOST_WORDS = 64  # words of one column that are reported as groups
_NEVER = -2.0  # below every cosine: a pair that was not compared is "different"


@dataclass(frozen=True, slots=True, eq=False)
class Embedded:
    """templates: (N, D) float32, unit L2, zero where none; found: (N,) bool; codes: of the failures."""

    templates: NDArray[np.float32]
    found: NDArray[np.bool_]
    codes: tuple[str, ...]
    several: int


@dataclass(frozen=True, slots=True)
class Rates:
    """Errors of one population. None: no figure, because nothing of the kind was compared."""

    fmr: fairness.Rate | None
    fnmr: fairness.Rate | None
    far: fairness.Rate | None
    frr: fairness.Rate | None


@dataclass(frozen=True, slots=True)
class Folds:
    """Accuracy of each fold at the threshold that is best on the others.

    A pair not compared counts as different.
    """

    accuracies: tuple[float, ...]

    @property
    def mean(self) -> float:
        return float(np.mean(self.accuracies))

    @property
    def deviation(self) -> float:
        """Standard deviation over the folds (n - 1)."""
        return float(np.std(self.accuracies, ddof=1))


@dataclass(frozen=True, slots=True)
class GroupRates:
    """Rates among the people of one group. carries: whether it has pairs enough for the promised FMR."""

    column: str
    word: str
    people: int
    photographs: int
    carries: bool
    fta: fairness.Rate
    rates: Rates


def _rate(rate: fairness.Rate) -> fairness.Rate | None:
    return rate if rate.trials else None


class ListedPairs:
    """Pairs from a list. threshold: the operating point, a cosine, or None."""

    people = None

    def __init__(self, embedded: Embedded, pairs: Pairs, threshold: float | None, rng: np.random.Generator) -> None:
        self._threshold, self._fold_names = threshold, pairs.folds
        self._first, self._second = np.array(pairs.first, np.int64), np.array(pairs.second, np.int64)
        self._mated = np.array(pairs.mated, bool)
        self._done = embedded.found[self._first] & embedded.found[self._second]
        first, second, mated = (held[self._done] for held in (self._first, self._second, self._mated))
        self._kept, scores = compare_listed(embedded.templates, first, second, mated.astype(bool), threshold)
        self._scores = np.full(len(self._done), _NEVER, np.float32)
        self._scores[self._done] = scores
        self._weights = fairness.draw_again(len(embedded.found), rng)
        self.mated, self.non_mated = int(self._mated.sum()), int((~self._mated).sum())

    def rates(self) -> Rates:
        """Rates at the operating point."""
        assert self._threshold is not None
        match = self._scores >= np.float32(self._threshold)
        alike, done = self._mated, self._done
        return Rates(
            fmr=self._measured(~alike & done, match),
            fnmr=self._measured(alike & done, ~match),
            far=self._measured(~alike, match),
            frr=self._measured(alike, ~match),
        )

    def fnmr_at(self, fmr: float) -> fairness.Rate | None:
        """FNMR where the observed FMR is at most `fmr`; None where the pairs can't carry that rate."""
        if np.count_nonzero(~self._mated & self._done) < fairness.least_units(fmr):
            return None
        missed = self._scores < np.float32(self._kept.threshold_at(fmr))
        return self._measured(self._mated & self._done, missed)

    def folds(self) -> Folds | None:
        """Accuracy by folds. Raises BadInput for more than MOST_FOLDS."""
        if self._fold_names is None:
            return None
        names, fold = np.unique(self._fold_names, return_inverse=True)
        if len(names) > MOST_FOLDS:
            raise BadInput(f"There are {len(names)} folds; at most {MOST_FOLDS} can be told apart.")
        accuracies = []
        for own in range(len(names)):
            inside = fold == own
            best = best_threshold(self._scores[~inside], self._mated[~inside])
            accuracies.append(float(np.mean((self._scores[inside] >= best) == self._mated[inside])))
        return Folds(tuple(accuracies))

    def groups(self, _promised: float) -> tuple[GroupRates, ...]:
        return ()

    def ungrouped(self) -> Mapping[str, int]:
        return {}

    def _measured(self, among: NDArray[np.bool_], wrong: NDArray[np.bool_]) -> fairness.Rate | None:
        return _rate(fairness.listed(self._edges(among & wrong), self._edges(among), self._weights))

    def _edges(self, chosen: NDArray[np.bool_]) -> Edges:
        return Edges(self._first[chosen], self._second[chosen], np.ones(np.count_nonzero(chosen), np.int64))


def best_threshold(scores: NDArray[np.float32], mated: NDArray[np.bool_]) -> np.float32:
    """The score at or above which calling a pair mated is most often right; the highest of several such.

    scores: (P,); mated: (P,). Above every score where calling none mated is best. The threshold lies at the
    score of a pair, not between two.
    """
    order = np.argsort(-scores, kind="stable")
    falling, right = scores[order], np.cumsum(np.where(mated[order], 1, -1))
    last = np.append(falling[1:] < falling[:-1], True)  # equal scores are called alike
    gains = np.where(last & (falling > np.float32(_NEVER)), right, -1 - len(scores))
    best = int(np.argmax(gains))
    return falling[best] if gains[best] > 0 else np.float32(np.inf)


class EveryPair:
    """Every photograph with every other, by labels. threshold: the operating point, a cosine, or None."""

    def __init__(self, embedded: Embedded, labels: Labels, threshold: float | None, rng: np.random.Generator) -> None:
        self._labels, self._threshold, self._rng = labels, threshold, rng
        self._person, self._found = np.array(labels.person, np.int64), embedded.found
        at = np.flatnonzero(self._found)
        kept = compare_all(embedded.templates[at], self._person[at], threshold)
        self._mated = at[kept.mated_of[0]], at[kept.mated_of[1]]
        self._false = at[kept.false_matches[0]], at[kept.false_matches[1]]
        self._kept = kept
        self.people = int(self._person.max()) + 1
        samples = np.bincount(self._person, minlength=self.people).astype(np.int64)
        self.non_mated = fairness.all_pairs(samples)[0]
        self.mated = int((samples * (samples - 1) // 2).sum())
        self._all = np.ones(len(self._person), bool)

    def rates(self) -> Rates:
        """Rates at the operating point."""
        assert self._threshold is not None
        return self._rates(self._all, self._threshold)

    def fnmr_at(self, fmr: float) -> fairness.Rate | None:
        """FNMR where the observed FMR is at most `fmr`.

        None where the pairs of people can't carry that rate.
        """
        people = len(np.unique(self._person[self._found]))
        if people * (people - 1) // 2 < fairness.least_units(fmr):
            return None
        return self._rates(self._all, self._kept.threshold_at(fmr)).fnmr

    def folds(self) -> Folds | None:
        return None

    def groups(self, promised: float) -> tuple[GroupRates, ...]:
        """Each word of each group column that has people enough for a figure."""
        return tuple(
            self._group(column, word, promised) for column in self._labels.groups for word in self._words(column)[0]
        )

    def ungrouped(self) -> Mapping[str, int]:
        """Per column, the number of words with too few people (or beyond the first MOST_WORDS)."""
        counted = {column: self._words(column)[1] for column in self._labels.groups}
        return {column: count for column, count in counted.items() if count}

    # -- one group -------------------------------------------------------------------------------------------

    def _words(self, column: str) -> tuple[list[str], int]:
        pairs = {(word, one) for word, one in zip(self._labels.groups[column], self._labels.person, strict=True)}
        people = Counter(word for word, _ in pairs if word is not None)
        large = sorted(word for word, count in people.items() if count >= fairness.LEAST_PEOPLE)[:MOST_WORDS]
        return large, len(people) - len(large)

    def _group(self, column: str, word: str, promised: float) -> GroupRates:
        chosen = np.array([own == word for own in self._labels.groups[column]])
        done = chosen & self._found
        people = len(np.unique(self._person[done]))
        nothing = Rates(None, None, None, None)
        return GroupRates(
            column=column,
            word=word,
            people=len(np.unique(self._person[chosen])),
            photographs=int(chosen.sum()),
            carries=promised > 0 and people * (people - 1) // 2 >= fairness.least_units(promised),
            fta=fairness.share(int((chosen & ~self._found).sum()), int(chosen.sum())),
            rates=nothing if self._threshold is None else self._rates(chosen, self._threshold),
        )

    def _rates(self, chosen: NDArray[np.bool_], threshold: float) -> Rates:
        """Rates among the chosen photographs, with people renumbered so that only theirs are drawn."""
        _, own = np.unique(self._person[chosen], return_inverse=True)
        number = np.full(len(chosen), -1)
        number[chosen] = own
        people = int(own.max()) + 1
        asked = np.bincount(own, minlength=people).astype(np.int64)
        done = np.bincount(number[chosen & self._found], minlength=people).astype(np.int64)
        weights = fairness.draw_again(people, self._rng)
        wrong = self._false_matches(chosen, number, people)
        missed = self._missed(chosen, number, people, threshold)
        pairs_asked, pairs_done = asked * (asked - 1) // 2, done * (done - 1) // 2
        return Rates(
            fmr=_rate(fairness.non_mated(wrong, done, weights)),
            fnmr=_rate(fairness.mated(missed, pairs_done, weights)),
            far=_rate(fairness.non_mated(wrong, asked, weights)),
            frr=_rate(fairness.mated(missed + pairs_asked - pairs_done, pairs_asked, weights)),
        )

    def _false_matches(self, chosen: NDArray[np.bool_], number: NDArray[np.int64], people: int) -> Edges:
        first, second = self._false
        inside = chosen[first] & chosen[second]
        one, two = number[first[inside]], number[second[inside]]
        pairs, counts = np.unique(np.minimum(one, two) * people + np.maximum(one, two), return_counts=True)
        return Edges(*np.divmod(pairs, people), counts)

    def _missed(
        self, chosen: NDArray[np.bool_], number: NDArray[np.int64], people: int, threshold: float
    ) -> NDArray[np.int64]:
        first, second = self._mated
        missed = chosen[first] & chosen[second] & (self._kept.mated < np.float32(threshold))
        return np.bincount(number[first[missed]], minlength=people).astype(np.int64)
