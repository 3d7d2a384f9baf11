"""Make a calibration record: `python -m benchmarks.calibrate --faces DIR --out FILE` (docs/accuracy.md).

With `--manifest` it calibrates an operator's own model, with `--sets` on an operator's own photographs. It embeds
each photograph twice, plain and averaged with its mirror image, and hands the rest to service/calibrate.py.
"""

from __future__ import annotations

import argparse
import csv
import hashlib
import sys
import tempfile
import tomllib
from dataclasses import dataclass
from datetime import UTC, date, datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from countenance.domain.errors import CountenanceError
from countenance.fairness import LEAST_PEOPLE
from countenance.service.calibrate import Embedded, calibrate
from countenance.vision import models
from countenance.vision.calibration import DataSet
from countenance.vision.engine import Engine

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

HERE = Path(__file__).resolve().parent
SETS = HERE / "calibration.toml"
FACES = HERE.parent.parent / "shared" / "faces"
_UNKNOWN = ("", "NA")


@dataclass(frozen=True, slots=True)
class Described:
    """One set of the TOML file, and the rows of its labels."""

    folder: Path
    words: Mapping[str, Any]
    rows: Sequence[Mapping[str, str]]

    @classmethod
    def read(cls, faces: Path, words: Mapping[str, Any]) -> Described:
        folder = faces / words["folder"]
        with (folder / "labels.csv").open(encoding="utf-8", newline="") as file:
            return cls(folder, words, list(csv.DictReader(file)))

    @property
    def name(self) -> str:
        return str(self.words["folder"])

    def files(self) -> list[Path]:
        return [self.folder / row["file"] for row in self.rows]

    def digest(self) -> str:
        """SHA-256 over the sorted SHA-256 of the photographs."""
        each = sorted(hashlib.sha256(file.read_bytes()).hexdigest() for file in self.files())
        return "sha256:" + hashlib.sha256("\n".join(each).encode()).hexdigest()

    def groups(self, people: Sequence[str]) -> dict[str, NDArray[np.bool_]]:
        """Everyone, and each combination of the named columns: who belongs to it, (P,) in the order of `people`."""
        rows = {row["subject"]: row for row in self.rows}
        found: dict[str, NDArray[np.bool_]] = {f"{self.name}/everyone": np.ones(len(people), bool)}
        for columns in self.words["groups"]:
            for at, one in enumerate(people):
                words = [self._word(rows[one], column) for column in columns]
                if not set(words) & set(_UNKNOWN):
                    name = ",".join(f"{column}={word}" for column, word in zip(columns, words, strict=True))
                    found.setdefault(f"{self.name}/{name}", np.zeros(len(people), bool))[at] = True
        return dict(sorted(found.items(), key=lambda held: (held[0].count("="), held[0])))

    def _word(self, row: Mapping[str, str], column: str) -> str:
        if column != "age":
            return row[column]
        if "birthday" in row:
            return band(age_on(date.fromisoformat(row["birthday"]), self.words["age-on"]))
        return row["age"] if row["age"] in _UNKNOWN else band(int(row["age"]))


def age_on(birthday: date, day: date) -> int:
    """Whole years lived on that day."""
    return day.year - birthday.year - ((day.month, day.day) < (birthday.month, birthday.day))


def band(age: int) -> str:
    """Ten years, open at both ends."""
    return "under-30" if age < 30 else "80-and-over" if age >= 80 else f"{age // 10 * 10}-{age // 10 * 10 + 9}"


def embedded(engine: Engine, described: Described) -> Embedded:
    """The set with its templates; photographs without a face are counted and left out."""
    plain, mirrored = (_templates(engine, described, mirror=mirror) for mirror in (False, True))
    both = [
        (at, one, two)
        for at, (one, two) in enumerate(zip(plain, mirrored, strict=True))
        if one is not None and two is not None
    ]
    people = sorted({row["subject"] for row in described.rows})
    number = {one: at for at, one in enumerate(people)}
    groups = described.groups(people)
    small = tuple(name for name, members in groups.items() if members.sum() < LEAST_PEOPLE)
    words = described.words
    about = DataSet(
        name=described.name,
        title=words["title"],
        source=words["source"],
        licence=words["licence"],
        good_for=words["good-for"],
        not_good_for=words["not-good-for"],
        people=len(people),
        photographs=len(described.rows),
        not_found=len(described.rows) - len(both),
        photographs_digest=described.digest(),
        unmeasured=small,
    )
    return Embedded(
        about,
        np.array([number[described.rows[at]["subject"]] for at, _, _ in both], np.int64),
        np.stack([two for _, _, two in both]),
        np.stack([one for _, one, _ in both]),
        {name: members for name, members in groups.items() if name not in small},
        bool(words["mated"]),
    )


def _templates(engine: Engine, described: Described, *, mirror: bool) -> list[NDArray[np.float32] | None]:
    templates: list[NDArray[np.float32] | None] = []
    pictures = (partial(file.read_bytes) for file in described.files())
    for at, faces in enumerate(engine.many(pictures, mirror=mirror), start=1):
        templates.append(None if isinstance(faces, CountenanceError) or not faces else faces[0].template)
        if at % 100 == 0:
            print(f"{described.name}: {at} of {len(described.rows)}", file=sys.stderr)
    return templates


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description="Make a calibration record.")
    parser.add_argument("--faces", type=Path, default=FACES, help="the folder that holds the sets")
    parser.add_argument("--sets", type=Path, default=SETS, help="what to measure (TOML)")
    parser.add_argument("--manifest", type=Path, help="an own model's manifest; the shipped models without it")
    parser.add_argument("--date", type=date.fromisoformat, default=datetime.now(UTC).date())
    parser.add_argument("--out", type=Path, required=True)
    asked = parser.parse_args(arguments)
    sets = tomllib.loads(asked.sets.read_text(encoding="utf-8"))
    manifest = models.chosen(asked.manifest)
    with tempfile.TemporaryDirectory() as cache, Engine.load(manifest, Path(cache)) as engine:
        measured = [embedded(engine, Described.read(asked.faces, words)) for words in sets["set"]]
    record = calibrate(measured, model=manifest.name, model_digest=manifest.digest, made_on=asked.date, why=sets["why"])
    asked.out.write_bytes(record.encode())
    print(f"{record.digest}: {', '.join(str(step.rate_ppm) for step in record.steps)} ppm")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
