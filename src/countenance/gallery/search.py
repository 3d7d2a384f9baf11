"""Exact search: the best subjects of a collection for a probe, and nothing approximate about them.

    1. a block's scores for the probe (or probes): one matrix product in float32
    2. the mask is added: who may not be a candidate has minus infinity before any score is compared
    3. rows that could still reach the podium, by the float32 error's bound, are scored again in float64
    4. the podium keeps the best subjects: by score, ties by id

A subject's score is the best of its references'. Step 3 makes the order that of a naive loop in float64: a
dot product of D float32 factors errs by at most D·u/(1 - D·u) times the norms (Higham, "Accuracy and
Stability of Numerical Algorithms", 2nd ed., 3.1, with u = 2^-24), and no row within twice that of the bar
is passed over. Nothing here locks or checks: `gallery.index` does.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from countenance.gallery.rows import BLOCK

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from countenance.gallery.rows import Floats, Mask, Rows

WIDE = 64  # probes in one product; its scores take 2 MiB
_AT_ONCE = 64  # rows scored again at a time; grows while a block has more


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
    podiums = [Podium(max(top, 2)) for _ in probes]
    for start in range(0, len(probes), WIDE):
        _search_wide(rows, probes[start : start + WIDE], mask, podiums[start : start + WIDE])
    references = sum(mask.count)
    return tuple(podium.found(threshold, top, references) for podium in podiums)


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


def _search_wide(rows: Rows, probes: Floats, mask: Mask, podiums: list[Podium]) -> None:
    slack = 2 * _error_bound(probes.shape[1])
    room = np.empty((len(probes), BLOCK), np.float32)
    for number, block in enumerate(rows.blocks):
        used = rows.used(number)
        if not mask.count[number]:
            continue
        scores = _scores(block[:used], probes, room[:, :used])
        if mask.count[number] < used:
            np.add(scores, mask.bias[number][:used], out=scores)
        for one in np.flatnonzero(scores.max(axis=1) >= [podium.bar - slack for podium in podiums]).tolist():
            _offer(rows, number, probes[one], scores[one], podiums[one], slack)


def _scores(block: Floats, probes: Floats, room: Floats) -> Floats:
    """(Q, rows) float32 in `room`: a matrix-vector product for one probe, a matrix product for more."""
    if len(probes) == 1:
        np.matmul(block, probes[0], out=room[0])
    else:
        np.matmul(probes, block.T, out=room)
    return room


def _offer(rows: Rows, number: int, probe: Floats, scores: Floats, podium: Podium, slack: float) -> None:
    """Score again in float64, best first, the rows of a block that could reach the podium."""
    open_ = np.flatnonzero(scores >= podium.bar - slack)
    at_once = _AT_ONCE
    while len(open_):
        if len(open_) > at_once:
            open_ = open_[np.argpartition(scores[open_], len(open_) - at_once)[::-1]]
        now = open_[:at_once]
        _offer_rows(rows, number, probe, now, podium)
        rest = open_[at_once:]
        open_ = rest[scores[rest] >= podium.bar - slack]
        at_once *= 4


def _offer_rows(rows: Rows, number: int, probe: Floats, now: NDArray[np.intp], podium: Podium) -> None:
    picked = rows.blocks[number][now]
    scores = exact(picked, probe).tolist()
    picked.fill(0)
    places = (now + number * BLOCK).tolist()
    podium.offer([rows.subjects[row] for row in places], [rows.references[row] for row in places], scores)


def _error_bound(dimension: int) -> float:
    """How far a float32 dot product of two unit vectors may be from the true one; doubled for norms near
    1."""
    unit = dimension * 2.0**-24
    return 2 * unit / (1 - unit)
