"""The promise to the worst group, held against thresholds found by trying each of them."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from countenance import fairness
from countenance.fairness import Population

GRID = [milli / 1000 for milli in range(50, 1001, 25)]


def population(name: str, people: int, mean: float, seed: int) -> Population:
    """One photograph each of `people`; normal scores around `mean`."""
    rng = np.random.default_rng(seed)
    first, second = (side.astype(np.int64) for side in np.triu_indices(people, 1))
    scores = rng.normal(mean, 0.1, len(first)).clip(-1, 1).astype(np.float32)
    kept = scores >= 0.05
    return Population(
        name, scores[kept], first[kept], second[kept], np.ones(people, np.int64), floor=0.05, rng=rng, draws=60
    )


def refuses(group: Population, threshold: float, target: float) -> bool:
    """The rule of docs/accuracy.md, spelt out once more."""
    rate = group.rate(threshold)
    if group.units >= 10 / target:
        return rate.interval.high > target
    if group.units >= 1 / target:
        return rate.errors / rate.trials > target
    return rate.interval.low > target


@settings(max_examples=8, deadline=None)
@given(st.integers(0, 10_000), st.lists(st.integers(3, 60), min_size=1, max_size=4), st.sampled_from([0.1, 0.02]))
def test_the_lowest_threshold_that_no_group_refuses(seed: int, sizes: list[int], target: float) -> None:
    groups = [population(f"g{at}", size, 0.1 * at, seed + at) for at, size in enumerate(sizes)]
    found = fairness.lowest_threshold(groups, target, GRID)
    if not any(group.carries(target) for group in groups):
        assert found is None
        return
    tried = [t for t in GRID if not any(refuses(group, t, target) for group in groups)]
    assert found == (min(tried) if tried else None)


def test_the_harder_group_drives_the_threshold() -> None:
    easy, hard = population("easy", 150, 0.0, 1), population("hard", 60, 0.25, 2)
    alone = fairness.lowest_threshold([easy], 0.01, GRID)
    both = fairness.lowest_threshold([easy, hard], 0.01, GRID)
    assert alone is not None
    assert both is not None
    assert both > alone + 0.1
    assert hard.rate(both).interval.high <= 0.01
    assert hard.rate(alone).interval.low > 0.01, "the average would have broken the promise to this group"


def test_a_small_group_contradicts_but_never_promises() -> None:
    """Eight people are too few to carry 1 in 100, but not too few to show that it is broken."""
    large, small = population("large", 150, 0.0, 1), population("small", 8, 0.5, 2)
    alone = fairness.lowest_threshold([large], 0.01, GRID)
    both = fairness.lowest_threshold([large, small], 0.01, GRID)
    assert fairness.lowest_threshold([small], 0.01, GRID) is None
    assert alone is not None
    assert both is not None
    assert both > alone


@pytest.mark.parametrize("target", [0.001, 0.0001])
def test_what_nobody_can_carry_has_no_threshold(target: float) -> None:
    assert fairness.lowest_threshold([population("few", 40, 0.0, 1)], target, GRID) is None


def test_bounds_only_fall_as_the_threshold_rises() -> None:
    """The search halves because of this, and the confidence of the chosen threshold rests on it."""
    group = population("any", 50, 0.2, 5)
    rates = [group.rate(threshold).interval for threshold in GRID]
    for looser, stricter in pairwise(rates):
        assert stricter.high <= looser.high
        assert stricter.low <= looser.low


def test_below_the_floor_nothing_was_kept() -> None:
    with pytest.raises(ValueError, match="floor"):
        population("any", 10, 0.0, 1).rate(0.01)


def test_a_score_at_the_threshold_is_a_match() -> None:
    scores = np.array([0.3, 0.5, 0.5], np.float32)
    people = np.array([0, 0, 1]), np.array([1, 2, 2])
    group = Population(
        "three", scores, *people, np.ones(3, np.int64), floor=0.0, rng=np.random.default_rng(1), draws=10
    )
    assert [group.rate(t).errors for t in (0.3, 0.4, 0.5, 0.51)] == [3, 2, 2, 0]
