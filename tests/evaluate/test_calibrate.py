"""A record made from synthetic people: the worst group sets it, brute force agrees, small groups are named."""

from __future__ import annotations

from datetime import date

import numpy as np
import pytest

from countenance.domain.errors import BadInput
from countenance.service.calibrate import Embedded, calibrate
from countenance.vision.calibration import Calibration, DataSet

PEOPLE, ALIKE, DIMENSIONS = 220, 105, 48


def synthetic(people: int = PEOPLE, *, alike: int = ALIKE) -> Embedded:
    """Random people with two photographs each; the first `alike` share a direction and so look alike."""
    rng = np.random.default_rng(7)
    faces = rng.normal(size=(people, DIMENSIONS))
    faces[:alike, 0] += 2.5
    person = np.repeat(np.arange(people), 2)
    probes = faces[person] + 0.3 * rng.normal(size=(2 * people, DIMENSIONS))
    probes /= np.linalg.norm(probes, axis=1, keepdims=True)
    first = np.arange(people) < alike
    few = np.arange(people) < 6
    about = DataSet("made", "made up", "", "", "", "", people, 2 * people, 0, "", ())
    groups = {"everyone": np.ones(people, bool), "alike": first, "others": ~first, "few": few}
    unit = probes.astype(np.float32)
    return Embedded(about, person, unit, unit, groups, mated=True)


@pytest.fixture(scope="module")
def record() -> Calibration:
    return calibrate([synthetic()], model="m", model_digest="sha256:0", made_on=date(2026, 11, 22), why="")


def test_the_record_is_one_that_can_be_read(record: Calibration) -> None:
    assert Calibration.parse(record.encode()) == record


def test_the_group_that_looks_alike_sets_the_promised_threshold(record: Calibration) -> None:
    promised = next(step for step in record.steps if step.rate_ppm == record.verify_ppm)
    assert promised.decided_by.startswith("alike")
    assert "few" in promised.too_small
    assert set(promised.carried_by) == {"everyone", "alike", "others"}


def test_the_counts_are_those_of_two_loops(record: Calibration) -> None:
    held = synthetic()
    promised = next(step for step in record.steps if step.rate_ppm == record.verify_ppm)
    threshold = promised.threshold_milli / 1000
    scores = held.probes @ held.probes.T
    group = next(group for group in record.groups if group.name == "alike")
    inside = [at for at in range(len(held.person)) if held.person[at] < ALIKE]
    wrong = sum(
        bool(scores[i, j] >= np.float32(threshold)) for i in inside for j in inside if held.person[i] != held.person[j]
    )
    ordered = group.false_match.trials if group.way == "enrolled" else 2 * group.false_match.trials
    assert ordered == 4 * ALIKE * (ALIKE - 1)
    assert wrong == group.false_match.errors * (1 if group.way == "enrolled" else 2)
    assert group.false_match.high_ppm <= record.verify_ppm


def test_mated_pairs_are_counted_per_person(record: Calibration) -> None:
    everyone = next(group for group in record.groups if group.name == "everyone")
    assert everyone.false_non_match is not None
    assert everyone.false_non_match.trials == 2 * PEOPLE


def test_too_few_people_make_no_record() -> None:
    with pytest.raises(BadInput, match="too few"):
        calibrate([synthetic(40, alike=10)], model="m", model_digest="", made_on=date(2026, 11, 22), why="")
