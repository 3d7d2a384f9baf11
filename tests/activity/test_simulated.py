"""The simulation of benchmarks/activity.py with drawn faces: small, and its shape, not its figures."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks.activity import HOSTILE, MOST, fought
from benchmarks.honest import lived
from benchmarks.stage import Cast
from countenance.vision import models
from countenance.vision.calibration import Calibration
from tests.activity.toy import face

MANIFEST = models.chosen(None)


@pytest.fixture(scope="module")
def cast() -> Cast:
    people = range(90)
    first, second = (np.stack([face(person, variant) for person in people]) for variant in (0, 1))
    return Cast(first, second, Calibration.of(MANIFEST, None), MANIFEST)


@pytest.mark.parametrize("hostile", [one for one in HOSTILE if one.aimed], ids=lambda one: one.name)
def test_each_hostile_key_is_stopped_through_the_whole_gate(cast: Cast, hostile: object) -> None:
    (run,) = fought(cast, hostile, 1, 3)  # type: ignore[arg-type]
    assert run.stopped
    assert run.photographs < MOST


def test_honest_keys_go_on(cast: Cast) -> None:
    rows = {row.name: row for row in lived(cast, 3, 3)}
    goals = [row for row in rows.values() if row.goal]
    assert len(goals) == 3
    assert all(row.ok for row in goals)
