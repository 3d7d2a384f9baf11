"""Exact search: the best subjects of a collection for a probe, and nothing approximate about them.

    1. the scores of all rows, in float32: matrix products over blocks
    2. the mask is added: who may not be a candidate has minus infinity before any score is compared
    3. of each strip of rows only the best score is kept
    4. strips are visited best first, as long as they could still change the answer: their rows that could reach
       the podium are scored again in float64; it keeps the best subjects, by score, ties by id

A subject's score is the best of its references'. Step 4 makes subjects, order and scores those of a naive loop in
float64: a dot product of D float32 factors errs by at most D·u/(1 - D·u) times the norms (Higham, "Accuracy and
Stability of Numerical Algorithms", 2nd ed., 3.1, with u = 2^-24), and nothing within twice that of the bar is
passed over. A probe of a stranger ends at step 3. Nothing here locks or checks: `gallery.index` does.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from countenance.gallery.rows import BLOCK, NEVER

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from countenance.gallery.rows import Floats, Mask, Rows

WIDE = 64  # probes in one product
STRIP = 1024  # rows: small enough to be looked through again for a few microseconds a visit
_SCORES = 2 * STRIP * WIDE  # numbers in the scores of one product, 512 KiB: they stay in a core's cache
_AT_ONCE = 64  # rows scored again at a time; grows while a strip has more


@dataclass(frozen=True, slots=True)
class Hit:
    """A candidate at or over the threshold. score: cosine of its best reference, in [-1, 1] to rounding."""

    subject: str
    reference: str
    score: float


@dataclass(frozen=True, slots=True)
class Found:
    """The answer to a search; no hits is "no match".

    hits: best first, ties by id. margin: the best score less the second-best subject's, whether or not that
    one reached the threshold; None without a hit or without a second candidate. references: how many
    references of candidates the probe was compared with.
    """

    hits: tuple[Hit, ...] = ()
    margin: float | None = None
    references: int = 0


@dataclass(frozen=True, slots=True)
class Best:
    """A comparison with one subject: the best score over its references, and how many there were."""

    score: float
    reference: str
    references: int


class Podium:
    """The best `size` subjects so far for one probe, and the bar that the next one must reach."""

    __slots__ = ("_best", "_size", "bar")

    def __init__(self, size: int) -> None:
        self._size = size
        self._best: dict[str, tuple[float, str]] = {}  # subject: (-score, reference)
        self.bar = -2.0  # below every cosine

    def offer(self, subjects: Sequence[str], references: Sequence[str], scores: Sequence[float]) -> None:
        for subject, reference, score in zip(subjects, references, scores, strict=True):
            mine = (-score, reference)
            if score >= self.bar and mine < self._best.get(subject, (3.0, "")):
                self._best[subject] = mine
        ranked = self._ranked()[: self._size]
        self._best = {subject: mine for mine, subject in ranked}
        if len(ranked) == self._size:
            self.bar = -ranked[-1][0][0]

    def need(self, threshold: float) -> float:
        """The least score that could still change the answer: a hit, or the margin once there is one."""
        scores = [-mine[0] for mine, _ in self._ranked()]
        if not scores or scores[0] < threshold:
            return threshold
        return min(max(threshold, self.bar), scores[1] if len(scores) > 1 else self.bar)

    def found(self, threshold: float, top: int, references: int) -> Found:
        ranked = self._ranked()
        hits = [Hit(subject, mine[1], -mine[0]) for mine, subject in ranked[:top] if -mine[0] >= threshold]
        if not hits or len(ranked) < 2:
            return Found(tuple(hits), None, references)
        return Found(tuple(hits), ranked[1][0][0] - ranked[0][0][0], references)

    def _ranked(self) -> list[tuple[tuple[float, str], str]]:
        """By score downwards, then by subject."""
        return sorted(((mine, subject) for subject, mine in self._best.items()), key=lambda item: (item[0][0], item[1]))


def exact(templates: Floats, probe: Floats) -> NDArray[np.float64]:
    """Cosines in float64. templates: (n, D), probe: (D,), both unit. (n,).

    Summed row by row in one fixed order, whatever n is: equal templates have equal scores, to the last bit.
    """
    products = np.multiply(templates, probe, dtype=np.float64)
    scores: NDArray[np.float64] = products.sum(axis=1)
    products.fill(0)  # with the probe it would give the templates away
    return scores


def search(rows: Rows, probes: Floats, mask: Mask, threshold: float, top: int) -> tuple[Found, ...]:
    """The best `top` subjects at or over the threshold for each probe. probes: (Q, D) float32 unit."""
    references = sum(mask.count)
    found: list[Found] = []
    for start in range(0, len(probes), WIDE):
        wide = probes[start : start + WIDE]
        for probe, maxima in zip(wide, _maxima(rows, wide, mask), strict=True):
            podium = Podium(max(top, 2))
            _visit(rows, probe, mask, maxima, threshold, podium)
            found.append(podium.found(threshold, top, references))
    return tuple(found)


def compare(rows: Rows, subject: str, probe: Floats) -> Best | None:
    """The best score over a subject's references, ties by reference id. probe: (D,) float32 unit."""
    mine = rows.of(subject)
    if not mine:
        return None
    picked = np.stack([rows.blocks[row // BLOCK][row % BLOCK] for row in mine])
    scores = exact(picked, probe).tolist()
    picked.fill(0)
    best, reference = min((-score, rows.references[row]) for row, score in zip(mine, scores, strict=True))
    return Best(-best, reference, len(mine))


def _maxima(rows: Rows, probes: Floats, mask: Mask) -> Floats:
    """The best masked score of each strip for each probe: (Q, strips) float32, strips as in `_visit`."""
    step = max(_SCORES // len(probes) // STRIP, 1) * STRIP
    room = np.empty(len(probes) * min(step, BLOCK), np.float32)
    maxima = []
    for number, block in enumerate(rows.blocks):
        end = _whole_strips(rows.filled(number), len(block))
        for start in range(0, end, step):
            stop = min(start + step, end)
            scores = room[: len(probes) * (stop - start)].reshape(stop - start, len(probes))
            if not mask.count[number]:
                scores.fill(NEVER)
            else:
                _multiply(block[start:stop], probes, scores)
            if mask.count[number] < end:
                np.add(scores, mask.bias[number][start:stop, None], out=scores)
            maxima.append(_best_of_strips(scores.reshape(-1, min(STRIP, stop - start), len(probes))))
    return np.concatenate(maxima).T if maxima else np.empty((len(probes), 0), np.float32)


def _whole_strips(filled: int, size: int) -> int:
    """Rows up to the end of the last strip in use; a block that is shorter than a strip is one."""
    return min(-(-filled // STRIP) * STRIP, size)


def _multiply(block: Floats, probes: Floats, scores: Floats) -> None:
    """Scores (rows, Q): a matrix-vector product for one probe, a matrix product for more."""
    if len(probes) == 1:
        np.matmul(block, probes[0], out=scores[:, 0])
    else:
        np.matmul(block, probes.T, out=scores)


def _best_of_strips(scores: Floats) -> Floats:
    """(strips, Q) float32, the best of each strip's rows. scores: (strips, rows, Q), overwritten.

    Halves against halves, which numpy does in vectors; its own maximum along the middle takes three times as long.
    """
    count = scores.shape[1]
    while count > 1:
        half = -(-count // 2)
        np.maximum(scores[:, : count - half], scores[:, half:count], out=scores[:, : count - half])
        count = half
    return scores[:, 0].copy()


def _visit(rows: Rows, probe: Floats, mask: Mask, maxima: Floats, threshold: float, podium: Podium) -> None:
    """Offer strips to the podium, best first, until none is left that could change the answer."""
    slack = 2 * _error_bound(len(probe))
    if not len(maxima) or maxima.max() < threshold - slack:
        return
    for strip in np.argsort(-maxima, kind="stable").tolist():
        if maxima[strip] < podium.need(threshold) - slack or maxima[strip] == NEVER:
            return
        number, start = divmod(strip * STRIP, BLOCK)
        scores = rows.blocks[number][start : start + STRIP] @ probe
        scores += mask.bias[number][start : start + STRIP]
        _offer(rows, strip * STRIP, probe, scores, podium, slack)


def _offer(rows: Rows, first: int, probe: Floats, scores: Floats, podium: Podium, slack: float) -> None:
    """Score again in float64, best first, the rows of a strip that could reach the podium. first: its row 0."""
    open_ = np.flatnonzero(scores >= podium.bar - slack)
    at_once = _AT_ONCE
    while len(open_):
        if len(open_) > at_once:
            open_ = open_[np.argpartition(scores[open_], len(open_) - at_once)[::-1]]
        _offer_rows(rows, probe, first + open_[:at_once], podium)
        rest = open_[at_once:]
        open_ = rest[scores[rest] >= podium.bar - slack]
        at_once *= 4


def _offer_rows(rows: Rows, probe: Floats, places: NDArray[np.intp], podium: Podium) -> None:
    block = rows.blocks[int(places[0]) // BLOCK]
    picked = block[places % BLOCK]
    scores = exact(picked, probe).tolist()
    picked.fill(0)
    numbers = places.tolist()
    podium.offer([rows.subjects[row] for row in numbers], [rows.references[row] for row in numbers], scores)


def _error_bound(dimension: int) -> float:
    """How far a float32 dot product of two unit vectors may be from the true one; doubled for norms near
    1."""
    unit = dimension * 2.0**-24
    return 2 * unit / (1 - unit)
