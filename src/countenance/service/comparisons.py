"""Scores of many comparisons at once, kept only as far as rates need them.

All pairs are compared by blocks of a matrix product, so memory does not grow with the number of pairs: scores
of different people become a histogram of 2^20 bins, scores of one person stay as they are, and of the false
matches at the operating threshold it is kept between which photographs they lie. Bins are 2^-19 wide and
their edges exact in float32, so a count at or above an edge is exact; thresholds are bin edges.

Cosines never leave this module and evaluate.py.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from countenance.domain.errors import BadInput

if TYPE_CHECKING:
    from numpy.typing import NDArray

BINS = 1 << 20
_PER_UNIT = 1 << 19  # bins per unit of cosine
_BLOCK = 1 << 22  # scores per block: 16 MB of float32
MOST_KEPT = 1 << 24  # mated pairs or false matches kept, each two int64: at most 268 MB

Pair = tuple["NDArray[np.int64]", "NDArray[np.int64]"]


@dataclass(frozen=True, slots=True, eq=False)
class Scores:
    """mated.

    (M,) float32 with their photographs; non_mated: (BINS,) int64 histogram; false_matches: photographs.
    """

    mated: NDArray[np.float32]
    mated_of: Pair
    non_mated: NDArray[np.int64]
    false_matches: Pair

    def threshold_at(self, fmr: float) -> float:
        """The lowest bin edge at which no more than `fmr` of the non-mated scores lie at or above it."""
        above = np.cumsum(self.non_mated[::-1])[::-1]
        allowed = np.flatnonzero(above <= fmr * above[0])
        return float((allowed[0] if len(allowed) else BINS) / _PER_UNIT - 1)


def compare_all(templates: NDArray[np.float32], person: NDArray[np.int64], threshold: float | None) -> Scores:
    """Every photograph with every other one. templates: (N, D) float32, unit L2; person: (N,).

    threshold: false matches at or above it are kept; None keeps none. Raises BadInput where more than
    MOST_KEPT would have to be kept.
    """
    histogram = np.zeros(BINS, np.int64)
    mated: list[tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float32]]] = []
    false: list[Pair] = []
    kept, at = 0, 0
    while at < len(templates):
        rows = max(1, _BLOCK // (len(templates) - at))
        scores = templates[at : at + rows] @ templates[at:].T
        later = np.arange(len(scores))[:, None] < np.arange(scores.shape[1])[None, :]
        same = person[at : at + rows, None] == person[None, at:]
        histogram += _binned(scores[later & ~same])
        row, column = np.nonzero(later & same)
        mated.append((row + at, column + at, scores[row, column]))
        wrong = np.nonzero(later & ~same & (scores >= np.float32(2 if threshold is None else threshold)))
        false.append((wrong[0] + at, wrong[1] + at))
        kept += max(len(row), len(wrong[0]))
        if kept > MOST_KEPT:
            raise BadInput(
                "More pairs are mated, or match falsely, than can be kept: the subjects may be mislabelled.",
                next_step="Check the subject column, or evaluate the set in parts.",
            )
        at += rows
    first, second, mated_scores = (np.concatenate(part) for part in zip(*mated, strict=True)) if mated else _none()
    left, right = (np.concatenate(part) for part in zip(*false, strict=True)) if false else _none()[:2]
    return Scores(mated_scores.astype(np.float32), (first, second), histogram, (left, right))


def compare_listed(
    templates: NDArray[np.float32],
    first: NDArray[np.int64],
    second: NDArray[np.int64],
    mated: NDArray[np.bool_],
    threshold: float | None,
) -> tuple[Scores, NDArray[np.float32]]:
    """The listed pairs of photographs.

    Beside the `Scores`, each pair's score in the order of the list, (P,).
    """
    scores = np.empty(len(first), np.float32)
    rows = max(1, _BLOCK // max(1, templates.shape[1]))
    for at in range(0, len(first), rows):
        part = slice(at, at + rows)
        scores[part] = np.einsum("pd,pd->p", templates[first[part]], templates[second[part]])
    wrong = ~mated & (scores >= np.float32(2 if threshold is None else threshold))
    held = Scores(scores[mated], (first[mated], second[mated]), _binned(scores[~mated]), (first[wrong], second[wrong]))
    return held, scores


def _binned(scores: NDArray[np.float32]) -> NDArray[np.int64]:
    bins = np.floor((scores.astype(np.float64) + 1) * _PER_UNIT).astype(np.int64)
    return np.bincount(np.clip(bins, 0, BINS - 1), minlength=BINS)


def _none() -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float32]]:
    return np.zeros(0, np.int64), np.zeros(0, np.int64), np.zeros(0, np.float32)
