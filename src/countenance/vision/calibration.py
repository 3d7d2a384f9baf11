"""The calibration record: what a score of one model is worth, measured on people who are named as data sets.

A record says, for each of a list of false match rates, the threshold at which every measured group of people
with enough pairs stays at or under that rate by the upper bound of its 95 % interval; and which groups were
too small to be promised it. So a rate is a promise to the worst measured group, not to the average
(docs/accuracy.md).

Scores (cosines) stay inside: outside goes a `Figure`, the smallest listed rate that the score has earned.
Where the record can't carry a rate the answer is None, "no figure", never a number. All numbers in a record
are whole: rates in parts per million, rounded outwards, scores in thousandths of the cosine. Its bytes are
canonical: what does not encode back to the very same bytes is refused, so one digest names one record.

It measures nothing itself (service/calibrate.py does) and never guesses for a model it was not made with.
"""

from __future__ import annotations

import hashlib
import json
import types
import typing
from dataclasses import asdict, dataclass, fields, is_dataclass
from datetime import date, timedelta
from fractions import Fraction
from functools import lru_cache
from importlib import resources
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from countenance.domain.decision import ModelFacts
from countenance.domain.errors import BadRecord, NotCalibrated

if TYPE_CHECKING:
    from pathlib import Path

    from countenance.vision.manifest import Manifest

SCHEMA = "countenance-calibration-1"
SHIPPED = "yunet-sface"
STALE_AFTER = timedelta(days=365)  # models don't age, but people, cameras and what is known do
MILLION, THOUSAND = 1_000_000, 1_000
_MAX_BYTES = 1 << 20
_HOW = "Make a record with benchmarks/calibrate.py and put it beside the manifest: docs/accuracy.md."


@dataclass(frozen=True, slots=True)
class DataSet:
    """Photographs that were measured. `photographs_digest`: SHA-256 over the sorted SHA-256 of the files.

    not_found: photographs without a found face. unmeasured: groups of fewer than five people, given no
    figure.
    """

    name: str
    title: str
    source: str
    licence: str
    good_for: str
    not_good_for: str
    people: int
    photographs: int
    not_found: int
    photographs_digest: str
    unmeasured: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Count:
    """`errors` of `trials` comparisons, with its 95 % interval in parts per million."""

    errors: int
    trials: int
    low_ppm: int
    high_ppm: int


@dataclass(frozen=True, slots=True)
class Group:
    """One group of one set at the verification threshold.

    pairs: pairs of different people in the group, the independent units. carries_ppm: the smallest listed
    rate it has pairs enough for (0: none). way: the way of comparing (`enrolled` or `compared`) with the
    higher false match rate, which is `false_match`. false_non_match: None where the set is not good for it.
    """

    name: str
    set: str
    people: int
    pairs: int
    carries_ppm: int
    way: str
    false_match: Count
    false_non_match: Count | None


@dataclass(frozen=True, slots=True)
class Step:
    """One listed rate.

    The threshold that keeps it, the groups that carry it, those too small, and who decided.
    """

    rate_ppm: int
    threshold_milli: int
    decided_by: str
    carried_by: tuple[str, ...]
    too_small: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Differentials:
    """Max/GeoMean over groups, in thousandths, of upper bounds at the verification threshold.

    And who was compared.
    """

    fmr_milli: int
    fmr_groups: tuple[str, ...]
    fnmr_milli: int
    fnmr_groups: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Figure:
    """What is said outside in place of a score: at most this share of different people score this high.

    fmr: an upper bound, for the worst group that carries it; record: `sha256:...` of the calibration record.
    """

    fmr: Fraction
    record: str


@dataclass(frozen=True, slots=True)
class Calibration:
    """A whole record.

    `verify_ppm`, `identify_ppm`: the listed rates that are the default operating points.
    """

    schema: str
    made_on: str
    model: str
    model_digest: str
    protocol: tuple[str, ...]
    seed: int
    resamples: int
    sets: tuple[DataSet, ...]
    verify_ppm: int
    identify_ppm: int
    why: str
    steps: tuple[Step, ...]
    groups: tuple[Group, ...]
    differentials: Differentials

    def __hash__(self) -> int:
        return hash((self.model_digest, self.made_on, self.seed))  # of little of it: every answer looks something up

    # -- bytes --------------------------------------------------------------------------------------------

    @classmethod
    def parse(cls, raw: bytes) -> Calibration:
        """The record in these bytes.

        Raises BadRecord unless they are its canonical form and it makes sense.
        """
        if len(raw) > _MAX_BYTES:
            raise BadRecord("The calibration record is larger than a record can be (1 MiB).")
        try:
            record: Calibration = _build(cls, json.loads(raw.decode("utf-8")), "record")
        except (ValueError, RecursionError) as wrong:
            reason = str(wrong) if isinstance(wrong, _Shape) else "it is not JSON in UTF-8"
            raise BadRecord(f"The calibration record cannot be read: {reason}.", next_step=_HOW) from None
        if record.encode() != raw:
            raise BadRecord("The calibration record is not in its canonical form: it was edited.", next_step=_HOW)
        _check(record)
        return record

    @classmethod
    def read(cls, path: Path) -> Calibration:
        """The record in this file. Raises BadRecord."""
        try:
            with path.open("rb") as file:
                raw = file.read(_MAX_BYTES + 1)
        except OSError:
            raise BadRecord("The calibration record cannot be opened.", next_step=_HOW) from None
        return cls.parse(raw)

    @classmethod
    def shipped(cls, name: str = SHIPPED) -> Calibration:
        """A record that is in the package. Raises NotCalibrated where none has this name."""
        place = resources.files("countenance.vision") / "calibration" / f"{name}.json"
        if not place.is_file():
            raise NotCalibrated("There is no calibration record of this name, so no match can be stated.")
        return cls.parse(place.read_bytes())

    @classmethod
    def of(cls, manifest: Manifest, beside: Path | None = None) -> Calibration:
        """The record that a manifest names: `<name>.json` in the folder `beside` it, or in the package.

        Raises NotCalibrated where there is none or it was made with another model, and BadRecord.
        """
        if not manifest.calibration:
            raise NotCalibrated("The model's manifest names no calibration record, so no match can be stated.")
        own = beside / f"{manifest.calibration}.json" if beside is not None else None
        record = cls.read(own) if own is not None and own.is_file() else cls.shipped(manifest.calibration)
        record.check_model(manifest.digest)
        return record

    def encode(self) -> bytes:
        """The canonical bytes: JSON, UTF-8, keys in the order of the fields, indented by one space."""
        return (json.dumps(asdict(self), indent=1, ensure_ascii=False) + "\n").encode()

    @property
    def digest(self) -> str:
        """`sha256:` of the canonical bytes; computed once for a record, since every answer names it."""
        return _digest(self)

    # -- what it is asked ---------------------------------------------------------------------------------

    def check_model(self, model_digest: str) -> None:
        """Raises NotCalibrated unless the record was made with the model of this digest."""
        if model_digest != self.model_digest:
            raise NotCalibrated("The calibration record was made with another model, so no match can be stated.")

    @property
    def verify_rate(self) -> Fraction:
        return Fraction(self.verify_ppm, MILLION)

    @property
    def identify_rate(self) -> Fraction:
        return Fraction(self.identify_ppm, MILLION)

    @lru_cache(maxsize=1024)  # noqa: B019  a process has one record, or two
    def threshold(self, target: Fraction | float, references: int = 1) -> float | None:
        """The lowest cosine that is a match at `target`, or None, "no figure", where the data can't carry it.

        target: the false match rate asked for, in (0, 1). references: of the subject, the best of which
        counts; by the union bound each may have its share of the target only.
        """
        each = Fraction(target) * MILLION / _at_least_one(references)
        kept = [step for step in self.steps if step.rate_ppm <= each]
        return kept[0].threshold_milli / THOUSAND if kept else None

    def rate(self, score: float, references: int = 1) -> Figure | None:
        """The smallest rate that this score has earned, or None, "no figure", below the first threshold.

        It ends at the verification rate: what is listed below that is promised to fewer groups, and makes
        thresholds stricter, never claims larger. With several references (the best counts) the rate is
        multiplied: the union bound.
        """
        earned = [step.rate_ppm for step in self.steps if score >= step.threshold_milli / THOUSAND]
        if not earned:
            return None
        fmr = Fraction(max(earned[-1], self.verify_ppm), MILLION) * _at_least_one(references)
        return Figure(fmr, self.digest) if fmr * MILLION <= self.steps[0].rate_ppm else None

    def identification_rate(self, fmr: Fraction, references: int) -> Fraction | None:
        """An upper bound of FPIR when `references` are searched at the threshold of `fmr`, or None, "no
        figure".

        FPIR is 1 - (1 - FMR)^N only for independent comparisons, which those of one probe are not; the union
        bound N * FMR holds always. As in `rate`, no rate below the verification rate is claimed. From 1
        upwards the bound says nothing, so there is no figure.
        """
        bound = max(fmr, self.verify_rate) * _at_least_one(references)
        return bound if bound < 1 else None

    def cannot_carry(self, target: Fraction | float) -> tuple[str, ...]:
        """Measured groups that are too small for the rate at which `threshold(target)` answers."""
        kept = [step for step in self.steps if step.rate_ppm <= Fraction(target) * MILLION]
        return kept[0].too_small if kept else tuple(group.name for group in self.groups)


@lru_cache(maxsize=64)
def model_facts(calibration: Calibration | None, provenance: str, today: date) -> ModelFacts:
    """What the policy reads about the model's evaluation. Without a record: not evaluated, and every rate is 1.

    worst_fmr_ppm is the highest upper bound among the groups that carry the verification rate, which the
    threshold keeps at or under that rate; worst_fnmr_ppm the highest upper bound of all groups measured for
    it.
    """
    if calibration is None:
        return ModelFacts(
            evaluated=False,
            current=False,
            worst_fmr_ppm=MILLION,
            worst_fnmr_ppm=MILLION,
            fmr_max_geomean_milli=0,
            fnmr_max_geomean_milli=0,
            groups=0,
            provenance=provenance,
        )
    made, carried = date.fromisoformat(calibration.made_on), calibration.differentials.fmr_groups
    worst_fmr = max(g.false_match.high_ppm for g in calibration.groups if g.name in carried)
    compared = calibration.differentials.fnmr_groups
    misses = [g.false_non_match.high_ppm for g in calibration.groups if g.false_non_match and g.name in compared]
    return ModelFacts(
        evaluated=True,
        current=made <= today < made + STALE_AFTER,
        worst_fmr_ppm=worst_fmr,
        worst_fnmr_ppm=max(misses, default=MILLION),
        fmr_max_geomean_milli=calibration.differentials.fmr_milli,
        fnmr_max_geomean_milli=calibration.differentials.fnmr_milli,
        groups=len(carried),
        provenance=provenance,
        version=calibration.model_digest,
    )


@lru_cache(maxsize=8)
def _digest(record: Calibration) -> str:
    return "sha256:" + hashlib.sha256(record.encode()).hexdigest()


# -- strict reading ------------------------------------------------------------------------------------------


class _Shape(ValueError):
    """The JSON has another shape than the record."""


def _at_least_one(count: int) -> int:
    if count < 1:
        raise ValueError("at least one reference is compared")
    return count


def _build(kind: Any, value: object, where: str) -> Any:
    """`value` of parsed JSON as `kind`.

    Str, int, a tuple, an optional or a dataclass of these. Raises _Shape.
    """
    if is_dataclass(kind):
        return _build_fields(kind, value, where)
    if typing.get_origin(kind) is tuple:
        if not isinstance(value, list):
            raise _Shape(f"{where} is not a list")
        inner = typing.get_args(kind)[0]
        return tuple(_build(inner, item, f"{where}[{number}]") for number, item in enumerate(value))
    if isinstance(kind, types.UnionType):
        return None if value is None else _build(typing.get_args(kind)[0], value, where)
    if type(value) is not kind or (kind is int and not 0 <= typing.cast("int", value) < 1 << 53):
        raise _Shape(f"{where} is not {'a whole number' if kind is int else 'text'}")
    return value


def _build_fields(kind: Any, value: object, where: str) -> Any:
    names = [field.name for field in fields(kind)]
    if not isinstance(value, dict) or set(value) != set(names):
        raise _Shape(f"{where} does not have exactly the fields {', '.join(names)}")
    hints = typing.get_type_hints(kind)
    return kind(**{name: _build(hints[name], value[name], f"{where}.{name}") for name in names})


def _check(record: Calibration) -> None:
    """Raises BadRecord where the record contradicts itself: a promise is only as good as its order."""
    rates = [step.rate_ppm for step in record.steps]
    thresholds = [step.threshold_milli for step in record.steps]
    names = {group.name for group in record.groups}
    held = {
        f"its schema is not {SCHEMA}": record.schema == SCHEMA,
        "its date is not a date": _is_day(record.made_on),
        "it lists no rate": bool(rates),
        "its rates do not fall": all(a > b > 0 for a, b in pairwise(rates)),
        "a rate is not below 1": all(0 < rate < MILLION for rate in rates),
        "its thresholds do not rise with the rates": thresholds == sorted(thresholds),
        "a threshold is not a cosine": all(0 <= milli <= THOUSAND for milli in thresholds),
        "an operating point is not a listed rate": {record.verify_ppm, record.identify_ppm} <= set(rates),
        "a rate is carried by no group": all(step.carried_by for step in record.steps),
        "a group is named twice": len(names) == len(record.groups),
        "a step does not name each group once": all(
            sorted(step.carried_by + step.too_small) == sorted(names) for step in record.steps
        ),
        "a count has more errors than trials": all(_sound(group) for group in record.groups),
        "a promise is broken by its own counts": all(_kept(record, group) for group in record.groups),
        "a differential names an unknown group": names
        >= {*record.differentials.fmr_groups, *record.differentials.fnmr_groups},
        "it compares no groups": bool(record.differentials.fmr_groups),
    }
    for wrong, holds in held.items():
        if not holds:
            raise BadRecord(f"The calibration record contradicts itself: {wrong}.", next_step=_HOW)


def _is_day(text: str) -> bool:
    try:
        return date.fromisoformat(text).isoformat() == text
    except ValueError:
        return False


def _sound(group: Group) -> bool:
    counts = [group.false_match] + ([group.false_non_match] if group.false_non_match else [])
    return all(c.errors <= c.trials and c.low_ppm <= c.high_ppm <= MILLION for c in counts)


def _kept(record: Calibration, group: Group) -> bool:
    promised = [name for step in record.steps if step.rate_ppm == record.verify_ppm for name in step.carried_by]
    return group.name not in promised or group.false_match.high_ppm <= record.verify_ppm
