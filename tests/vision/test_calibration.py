"""Calibration records: strict bytes, the promise at each threshold, and "no figure" beyond it."""

from __future__ import annotations

import json
from contextlib import suppress
from dataclasses import replace
from datetime import date
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from countenance.domain.errors import BadRecord, NotCalibrated
from countenance.vision import models
from countenance.vision.calibration import (
    SCHEMA,
    Calibration,
    Count,
    DataSet,
    Differentials,
    Group,
    Step,
    model_facts,
)

if TYPE_CHECKING:
    from pathlib import Path


def record() -> Calibration:
    """A small record: women carry 1 in 500, men 1 in 10,000."""
    women = Group(
        "set/women", "set", 120, 7140, 2_000, "enrolled", Count(3, 9_000, 50, 1_900), Count(1, 240, 100, 30_000)
    )
    men = Group("set/men", "set", 900, 404_550, 100, "compared", Count(9, 90_000, 10, 90), None)
    few = Group("set/few", "set", 6, 15, 0, "enrolled", Count(0, 60, 0, 218_000), None)
    return Calibration(
        schema=SCHEMA,
        made_on="2026-11-22",
        model="a-model",
        model_digest="sha256:" + "0" * 64,
        protocol=("As it was done.",),
        seed=1,
        resamples=1000,
        sets=(DataSet("set", "A set", "here", "CC0", "this", "that", 1026, 2052, 1, "sha256:" + "1" * 64, ()),),
        verify_ppm=2_000,
        identify_ppm=100,
        why="because",
        steps=(
            Step(100_000, 200, "set/women (enrolled)", ("set/women", "set/men"), ("set/few",)),
            Step(2_000, 400, "set/women (enrolled)", ("set/women", "set/men"), ("set/few",)),
            Step(500, 430, "set/men (compared)", ("set/men",), ("set/few", "set/women")),
            Step(100, 470, "set/men (compared)", ("set/men",), ("set/few", "set/women")),
        ),
        groups=(women, men, few),
        differentials=Differentials(1_900, ("set/women", "set/men"), 1_000, ("set/women",)),
    )


# -- bytes ------------------------------------------------------------------------------------------------------


def test_a_record_comes_back_byte_for_byte() -> None:
    raw = record().encode()
    assert Calibration.parse(raw) == record()
    assert Calibration.parse(raw).encode() == raw


def test_the_shipped_record_is_of_the_shipped_model() -> None:
    shipped = Calibration.of(models.shipped())
    assert shipped == Calibration.shipped()
    assert shipped.model_digest == models.shipped().digest


def changed(**over: Any) -> bytes:
    return (json.dumps(json.loads(record().encode()) | over, indent=1, ensure_ascii=False) + "\n").encode()


STEP = json.loads(record().encode())["steps"][0]
GROUPS = json.loads(record().encode())["groups"]
IMPOSSIBLE = GROUPS[0] | {"false_match": {"errors": 2, "trials": 1, "low_ppm": 0, "high_ppm": 1}}
BROKEN = GROUPS[0] | {"false_match": {"errors": 9, "trials": 900, "low_ppm": 0, "high_ppm": 2001}}
UNKNOWN = {"fmr_milli": 1, "fmr_groups": ["nobody"], "fnmr_milli": 1, "fnmr_groups": []}
NOBODY = {"fmr_milli": 1, "fmr_groups": [], "fnmr_milli": 1, "fnmr_groups": []}


@pytest.mark.parametrize(
    ("raw", "says"),
    [
        (b"", "not JSON"),
        (b"\xff\xfe", "not JSON"),
        (b"[" * 100_000, "not JSON"),
        (b" " * (1 << 20) + b"x", "larger"),
        (b"[]", "exactly the fields"),
        (changed(extra=1), "exactly the fields"),
        (changed(seed=1.0), "record.seed is not a whole number"),
        (changed(seed=True), "record.seed is not a whole number"),
        (changed(seed=-1), "record.seed is not a whole number"),
        (changed(seed=1 << 60), "record.seed is not a whole number"),
        (changed(why=None), "record.why is not text"),
        (changed(protocol="x"), "record.protocol is not a list"),
        (changed(protocol=[1]), "record.protocol[0] is not text"),
        (record().encode()[:-1], "canonical"),
        (record().encode().replace(b"\n", b"\r\n"), "canonical"),
        (b'{"schema": "x", ' + record().encode()[1:], "canonical"),
        (changed(schema="countenance-calibration-2"), "schema"),
        (changed(made_on="22.11.2026"), "date"),
        (changed(made_on="20261122"), "date"),
        (changed(steps=[]), "lists no rate"),
        (changed(steps=[STEP, STEP]), "do not fall"),
        (changed(steps=[STEP | {"rate_ppm": 1_000_000}]), "below 1"),
        (changed(verify_ppm=1_234), "operating point"),
        (changed(groups=GROUPS + GROUPS[:1]), "named twice"),
        (changed(groups=GROUPS[:2]), "each group once"),
        (changed(groups=[IMPOSSIBLE, *GROUPS[1:]]), "more errors"),
        (changed(groups=[BROKEN, *GROUPS[1:]]), "promise is broken"),
        (changed(differentials=UNKNOWN), "unknown group"),
        (changed(differentials=NOBODY), "compares no groups"),
    ],
)  # fmt: skip
def test_what_is_not_exactly_a_record_is_refused(raw: bytes, says: str) -> None:
    with pytest.raises(BadRecord, match=says.replace("[", r"\[")):
        Calibration.parse(raw)


@pytest.mark.parametrize("milli", [100, 1_001])
def test_thresholds_rise_and_stay_cosines(milli: int) -> None:
    steps = list(record().steps)
    steps[-1] = replace(steps[-1], threshold_milli=milli)
    with pytest.raises(BadRecord, match="threshold"):
        Calibration.parse(replace(record(), steps=tuple(steps)).encode())


@given(st.data())
def test_any_change_of_a_byte_is_another_record_or_none(data: st.DataObject) -> None:
    raw = bytearray(record().encode())
    at = data.draw(st.integers(0, len(raw) - 1))
    raw[at] ^= data.draw(st.integers(1, 255))
    with suppress(BadRecord):
        assert Calibration.parse(bytes(raw)).digest != record().digest


# -- what it is asked -------------------------------------------------------------------------------------------


def test_a_record_of_another_model_states_nothing() -> None:
    record().check_model("sha256:" + "0" * 64)
    with pytest.raises(NotCalibrated, match="another model") as refused:
        record().check_model("sha256:" + "2" * 64)
    assert "docs/accuracy.md" in refused.value.next_step


def test_an_operator_s_record_lies_beside_the_manifest(tmp_path: Path) -> None:
    own = replace(models.shipped(), calibration="mine")
    with pytest.raises(NotCalibrated, match="no calibration record of this name"):
        Calibration.of(own, beside=tmp_path)
    (tmp_path / "mine.json").write_bytes(replace(record(), model_digest=own.digest).encode())
    assert Calibration.of(own, beside=tmp_path).model == "a-model"
    (tmp_path / "mine.json").write_bytes(record().encode())
    with pytest.raises(NotCalibrated, match="another model"):
        Calibration.of(own, beside=tmp_path)
    with pytest.raises(NotCalibrated, match="names no calibration"):
        Calibration.of(replace(own, calibration=""))


def test_a_record_that_cannot_be_opened(tmp_path: Path) -> None:
    with pytest.raises(BadRecord, match="cannot be opened"):
        Calibration.read(tmp_path)


@pytest.mark.parametrize(
    ("target", "references", "wanted"),
    [
        (0.1, 1, 0.2), (0.5, 1, 0.2), (0.099, 1, 0.4), (Fraction(1, 500), 1, 0.4), (0.0019, 1, 0.43),
        (Fraction(1, 500), 4, 0.43), (Fraction(1, 500), 20, 0.47), (Fraction(1, 500), 21, None),
        (0.0001, 1, 0.47), (0.00009, 1, None), (1e-9, 1, None),
    ],
)  # fmt: skip
def test_the_threshold_of_a_target(target: float, references: int, wanted: float | None) -> None:
    assert record().threshold(target, references) == wanted


@pytest.mark.parametrize(
    ("score", "references", "fmr"),
    [
        (-1.0, 1, None), (0.1999, 1, None), (0.2, 1, Fraction(1, 10)), (0.2, 2, None), (0.3999, 1, Fraction(1, 10)),
        (0.4, 1, Fraction(1, 500)), (0.4, 50, Fraction(1, 10)), (0.4, 51, None), (1.0, 1, Fraction(1, 500)),
    ],
)  # fmt: skip
def test_a_score_earns_a_figure_or_none(score: float, references: int, fmr: Fraction | None) -> None:
    """A score far above every threshold still earns no more than what is promised to women too."""
    figure = record().rate(score, references)
    assert (figure and figure.fmr) == fmr
    assert figure is None or figure.record == record().digest


@given(st.floats(-1, 1), st.floats(-1, 1))
def test_a_higher_score_never_earns_a_worse_rate(one: float, other: float) -> None:
    low, high = (record().rate(score) for score in sorted((one, other)))
    assert low is None or (high is not None and high.fmr <= low.fmr)


def test_who_cannot_be_promised_a_rate_is_named() -> None:
    assert record().cannot_carry(Fraction(1, 500)) == ("set/few",)
    assert record().cannot_carry(0.0005) == ("set/few", "set/women")
    assert record().cannot_carry(1e-9) == ("set/women", "set/men", "set/few")


def test_identification_is_bounded_by_the_union_and_then_not_stated() -> None:
    at = record().identify_rate
    assert record().identification_rate(at, 1) == Fraction(1, 500)
    assert record().identification_rate(at, 50) == Fraction(1, 10)
    assert record().identification_rate(at, 500) is None
    exact = 1 - (1 - Fraction(1, 500)) ** 50
    bound = record().identification_rate(at, 50)
    assert bound is not None
    assert bound >= exact


@pytest.mark.parametrize("references", [0, -3])
def test_nothing_is_searched_among_no_references(references: int) -> None:
    with pytest.raises(ValueError, match="at least one"):
        record().identification_rate(Fraction(1, 500), references)


# -- facts for the policy ---------------------------------------------------------------------------------------


def test_facts_say_the_worst_group() -> None:
    facts = model_facts(record(), "unknown", date(2026, 12, 1))
    assert (facts.evaluated, facts.current, facts.provenance) == (True, True, "unknown")
    assert (facts.worst_fmr_ppm, facts.worst_fnmr_ppm) == (1_900, 30_000)
    assert (facts.fmr_max_geomean_milli, facts.fnmr_max_geomean_milli, facts.groups) == (1_900, 1_000, 2)


@pytest.mark.parametrize(
    ("today", "current"),
    [("2026-11-21", False), ("2026-11-22", True), ("2027-11-21", True), ("2027-11-22", False)],
)
def test_a_record_goes_stale_and_does_not_come_from_the_future(today: str, current: bool) -> None:  # noqa: FBT001
    assert model_facts(record(), "unknown", date.fromisoformat(today)).current is current


def test_without_a_record_nothing_is_claimed() -> None:
    facts = model_facts(None, "unknown", date(2026, 12, 1))
    assert (facts.evaluated, facts.current, facts.worst_fmr_ppm, facts.worst_fnmr_ppm) == (False, False, 10**6, 10**6)
