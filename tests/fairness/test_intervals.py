"""The intervals, against exact binomial tails summed in rational numbers and against closed forms."""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from countenance import fairness
from countenance.fairness import Edges, Interval


def at_most(errors: int, trials: int, p: Fraction) -> Fraction:
    """P(X <= errors) for a binomial X, exactly."""
    terms = (math.comb(trials, k) * p**k * (1 - p) ** (trials - k) for k in range(errors + 1))
    return sum(terms, Fraction(0))


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 120).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_each_end_leaves_exactly_one_fortieth_outside(counts: tuple[int, int]) -> None:
    errors, trials = counts
    interval = fairness.clopper_pearson(errors, trials)
    if errors < trials:
        assert float(at_most(errors, trials, Fraction(interval.high))) == pytest.approx(0.025, abs=1e-9)
    else:
        assert interval.high == 1.0
    if errors > 0:
        beyond = 1 - at_most(errors - 1, trials, Fraction(interval.low))
        assert float(beyond) == pytest.approx(0.025, abs=1e-9)
    else:
        assert interval.low == 0.0


@pytest.mark.parametrize("trials", [1, 36, 3_000, 687_964, 1_200_000_000])
def test_without_an_error_the_upper_end_has_a_closed_form(trials: int) -> None:
    wanted = -math.expm1(math.log(0.025) / trials)
    assert fairness.clopper_pearson(0, trials).high == pytest.approx(wanted, rel=1e-6)


def test_no_trials_say_nothing() -> None:
    assert fairness.clopper_pearson(0, 0) == Interval(0.0, 1.0)
    assert fairness.clustered(0, 0, 0) == Interval(0.0, 1.0)


@pytest.mark.parametrize(("errors", "trials"), [(-1, 3), (4, 3)])
def test_impossible_counts_are_refused(errors: int, trials: int) -> None:
    with pytest.raises(ValueError, match="between 0"):
        fairness.clopper_pearson(errors, trials)


@settings(max_examples=40, deadline=None)
@given(st.integers(1, 10_000), st.integers(1, 8), st.data())
def test_dependent_comparisons_never_narrow_the_interval(units: int, each: int, data: st.DataObject) -> None:
    """Eight looks at the same two faces are not eight times the evidence of one."""
    errors = data.draw(st.integers(0, units * each))
    naive, held = fairness.clopper_pearson(errors, units * each), fairness.clustered(errors, units * each, units)
    assert held.low <= naive.low + 1e-9
    assert held.high >= naive.high - 1e-9


@settings(max_examples=40, deadline=None)
@given(st.integers(2, 5_000), st.data())
def test_broken_counts_lie_between_their_neighbours(trials: int, data: st.DataObject) -> None:
    errors = data.draw(st.floats(0, trials - 1))
    below = fairness.clopper_pearson(math.floor(errors), trials)
    above = fairness.clopper_pearson(math.ceil(errors), trials)
    held = fairness.clopper_pearson(errors, trials)
    assert below.high - 1e-9 <= held.high <= above.high + 1e-9
    assert below.low - 1e-9 <= held.low <= above.low + 1e-9


@pytest.mark.parametrize(("rate", "units"), [(0.1, 100), (0.001, 10_000), (0.002, 5_000), (0.0001, 100_000)])
def test_units_to_carry_a_rate(rate: float, units: int) -> None:
    assert fairness.least_units(rate) == units
    assert fairness.clopper_pearson(1, units).high <= rate


@pytest.mark.parametrize("rate", [0.0, 1.0, -0.1])
def test_what_is_not_a_rate_has_no_units(rate: float) -> None:
    with pytest.raises(ValueError, match="between 0 and 1"):
        fairness.least_units(rate)


# -- people drawn again -----------------------------------------------------------------------------------------


def naive_draws(errors: Edges, samples: np.ndarray, weights: np.ndarray) -> list[tuple[int, int]]:
    """Numerator and denominator of each resample, by two plain loops over people."""
    table = {(int(i), int(j)): int(n) for i, j, n in zip(errors.first, errors.second, errors.counts, strict=True)}
    drawn = []
    for draw in range(weights.shape[1]):
        w, wrong, trials = weights[:, draw].astype(int), 0, 0
        for i in range(len(samples)):
            for j in range(i + 1, len(samples)):
                wrong += w[i] * w[j] * table.get((i, j), 0)
                trials += w[i] * w[j] * samples[i] * samples[j]
        drawn.append((wrong, trials))
    return drawn


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(2, 9))
def test_the_bootstrap_counts_as_two_plain_loops_do(seed: int, people: int) -> None:
    rng = np.random.default_rng(seed)
    samples = rng.integers(0, 4, people)
    first, second = np.triu_indices(people, 1)
    most = samples[first] * samples[second]
    errors = Edges(first.astype(np.int64), second.astype(np.int64), rng.integers(0, most + 1))
    weights = fairness.draw_again(people, rng, 7)
    counted = zip(errors.drawn(weights), fairness.all_pairs_drawn(samples, weights), strict=True)
    assert list(counted) == naive_draws(errors, samples, weights)
    assert fairness.all_pairs(samples)[0] == int(most.sum())


def test_each_resample_draws_as_many_people_as_there_are() -> None:
    weights = fairness.draw_again(50, np.random.default_rng(3), 20)
    assert weights.shape == (50, 20)
    assert (weights.sum(axis=0) == 50).all()


def test_one_pair_of_lookalikes_widens_the_interval_beyond_the_binomial() -> None:
    """All false matches between the same two people: the binomial takes 40 errors for 40 findings, wrongly."""
    people = 30
    samples = np.full(people, 9)
    errors = Edges(np.array([0]), np.array([1]), np.array([40]))
    rate = fairness.non_mated(errors, samples, fairness.draw_again(people, np.random.default_rng(1)))
    assert rate.trials == 435 * 81
    assert rate.units == 435
    assert rate.interval.high > 3 * fairness.clopper_pearson(40, 435 * 81).high


def test_a_person_who_always_fails_counts_once() -> None:
    errors, trials = np.array([20, 0, 0, 0, 0, 0]), np.full(6, 20)
    rate = fairness.mated(errors, trials, fairness.draw_again(6, np.random.default_rng(1)))
    assert (rate.errors, rate.trials, rate.units) == (20, 120, 6)
    assert rate.interval.high >= fairness.clopper_pearson(1, 6).high - 1e-12


def test_hardly_any_resample_with_a_trial_says_nothing() -> None:
    errors, trials = np.array([0.0, 0.0, 1.0]), np.array([0.0, 0.0, 1.0])
    assert fairness.bootstrap(errors, trials) == Interval(0.0, 1.0)


def test_a_rate_without_trials_has_no_value() -> None:
    assert fairness.share(0, 0).value is None
    assert fairness.share(1, 4).value == 0.25


# -- groups -----------------------------------------------------------------------------------------------------


@given(st.lists(st.floats(1e-6, 1.0), min_size=1, max_size=20))
def test_max_over_geometric_mean_is_at_least_parity(rates: list[float]) -> None:
    ratio = fairness.max_geomean(rates)
    assert ratio is not None
    assert ratio >= 1 - 1e-12
    assert ratio == pytest.approx(max(rates) / math.prod(rates) ** (1 / len(rates)), rel=1e-6)


def test_a_group_without_an_error_is_not_dropped_from_the_ratio() -> None:
    with pytest.raises(ValueError, match="no group is dropped"):
        fairness.max_geomean([0.1, 0.0])
    assert fairness.max_geomean([]) is None
