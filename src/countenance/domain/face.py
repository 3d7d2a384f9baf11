"""A found face, how good its picture is, and (inside the house only) its template."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Box:
    """A rectangle in pixels of the upright original image, origin top left."""

    x: float
    y: float
    width: float
    height: float

    @property
    def area(self) -> float:
        return self.width * self.height


@dataclass(frozen=True, slots=True)
class Measure:
    """One quality measure: its value, its unit, the floor (and ceiling) it is held to, and a plain sentence."""

    name: str
    value: float
    unit: str
    ok: bool
    says: str


@dataclass(frozen=True, slots=True)
class Quality:
    """All measures of one face; `ok` only if each is."""

    measures: tuple[Measure, ...]

    @property
    def ok(self) -> bool:
        return all(m.ok for m in self.measures)

    @property
    def complaints(self) -> tuple[str, ...]:
        return tuple(m.says for m in self.measures if not m.ok)


@dataclass(frozen=True, slots=True, eq=False)
class Face:
    """A detected face.

    landmarks: (5, 2) float32, pixels of the upright original, in the order of the image from the left:
        eye, eye, nose tip, mouth corner, mouth corner.
    confidence: the detector's score in [0, 1]; never shown as a likeness.
    template: (D,) float32, unit L2, or None: only the face that is searched is embedded.
    """

    box: Box
    landmarks: NDArray[np.float32]
    confidence: float
    quality: Quality
    template: NDArray[np.float32] | None = None
