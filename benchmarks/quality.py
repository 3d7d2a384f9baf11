"""What a poor picture costs: how the likeness of mated pairs falls as one photograph of each is made worse.

    python -m benchmarks.quality [--photos DIR] [--only STEP] [--json]

For each person, the first photograph is degraded step by step and compared with the second, untouched one. A row
says, for one step, the measure that notices it (median over people) and the share of people whose pair still
scores above the 99.9th percentile of the non-mated scores of the untouched photographs. The floors of
vision/quality.py are the values at which that share has fallen below nine in ten; docs/models.md has the table.
"""

from __future__ import annotations

import argparse
import tempfile
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import cv2
import numpy as np
from numpy.typing import NDArray

from benchmarks.calibrate import FACES
from benchmarks.rows import Row, report
from countenance.domain.errors import CountenanceError
from countenance.domain.image import Image
from countenance.vision import models
from countenance.vision.decode import decode
from countenance.vision.engine import Engine

if TYPE_CHECKING:
    from countenance.domain.face import Face

Pixels = NDArray[np.uint8]
Worse = Callable[[Pixels, float], Pixels]


@dataclass(frozen=True, slots=True)
class Step:
    """One way to spoil a photograph, how far, and the measure that should notice."""

    name: str
    worse: Worse
    amounts: tuple[float, ...]
    measure: str


def _shrink(rgb: Pixels, factor: float) -> Pixels:
    size = round(rgb.shape[1] * factor), round(rgb.shape[0] * factor)
    smaller: Pixels = np.asarray(cv2.resize(rgb, size, interpolation=cv2.INTER_AREA), np.uint8)
    return smaller


def _blur(rgb: Pixels, sigma: float) -> Pixels:
    blurred: Pixels = np.asarray(cv2.GaussianBlur(rgb, (0, 0), sigma), np.uint8)
    return blurred


def _light(rgb: Pixels, factor: float) -> Pixels:
    lit: Pixels = np.clip(rgb * factor, 0, 255).astype(np.uint8)
    return lit


def _fog(rgb: Pixels, share: float) -> Pixels:
    foggy: Pixels = np.clip(rgb * (1 - share) + 170 * share, 0, 255).astype(np.uint8)
    return foggy


STEPS = (
    Step("shrink", _shrink, (0.5, 0.3, 0.2, 0.15, 0.1, 0.08, 0.06, 0.05), "size"),
    Step("blur", _blur, (1, 2, 4, 6, 8, 10, 12), "sharpness"),
    Step("darken", _light, (0.5, 0.25, 0.15, 0.1, 0.06, 0.03), "brightness"),
    Step("brighten", _light, (1.5, 2.0, 2.5, 3.0, 4.0, 5.0), "brightness"),
    Step("fog", _fog, (0.5, 0.7, 0.8, 0.9, 0.95, 0.97), "contrast"),
)


def _people(folder: Path, most: int) -> list[tuple[Path, Path]]:
    """(first, second) photograph of each person: names begin with the person and an underscore."""
    by_person = defaultdict(list)
    for photo in sorted(folder.glob("*.jpg")):
        by_person[photo.name.split("_")[0]].append(photo)
    return [(photos[0], photos[1]) for photos in by_person.values() if len(photos) > 1][:most]


def _faces(engine: Engine, pictures: Iterator[Image]) -> list[Face | None]:
    answers = engine.many(pictures)
    return [a[0] if not isinstance(a, CountenanceError) and a else None for a in answers]


def _templates(faces: list[Face | None]) -> NDArray[np.float32]:
    rows = [face.template for face in faces if face is not None and face.template is not None]
    return np.array(rows, np.float32)


def _row(faces: list[Face | None], second: NDArray[np.float32], threshold: float, measure: str) -> tuple[float, float]:
    """(median of the measure, share of people still recognised); a face not found is not recognised."""
    values, recognised = [], 0
    for face, other in zip(faces, second, strict=True):
        if face is None or face.template is None:
            continue
        values.append(next(m.value for m in face.quality.measures if m.name == measure))
        recognised += float(face.template @ other) >= threshold
    return float(np.median(values)) if values else float("nan"), recognised / len(faces)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--photos", type=Path, default=FACES / "london")
    parser.add_argument("--people", type=int, default=102)
    parser.add_argument("--only", choices=[step.name for step in STEPS])
    parser.add_argument("--json", action="store_true")
    asked = parser.parse_args()
    if not asked.photos.is_dir():
        return report(
            [Row("photographs of london", 0, "", "skipped: needs the folder beside the repository")], asked.json
        )
    steps = [step for step in STEPS if asked.only in (None, step.name)]
    with tempfile.TemporaryDirectory() as cache, Engine.load(models.shipped(), Path(cache)) as engine:
        return report(list(rows(engine, _people(asked.photos, asked.people), steps)), asked.json)


def rows(engine: Engine, pairs: list[tuple[Path, Path]], steps: list[Step]) -> Iterator[Row]:
    """Untouched first, then two rows for each amount of each step: the measure, and who is still recognised."""
    first = [decode(one.read_bytes()) for one, _ in pairs]
    second = _templates(_faces(engine, (decode(other.read_bytes()) for _, other in pairs)))
    scores = _templates(_faces(engine, iter(first))) @ second.T
    threshold = float(np.quantile(scores[~np.eye(len(pairs), dtype=bool)], 0.999))
    yield Row("untouched: recognised", float(np.mean(np.diag(scores) >= threshold)), "of people")
    for step in steps:
        for amount in step.amounts:
            worse = (Image(step.worse(image.rgb, amount)) for image in first)
            value, share = _row(_faces(engine, worse), second, threshold, step.measure)
            yield Row(f"{step.name} {amount:g}: {step.measure}", value, "as docs/models.md has it")
            yield Row(f"{step.name} {amount:g}: recognised", share, "of people")


if __name__ == "__main__":
    raise SystemExit(main())
