"""How good the picture of one face is, in measures that explain themselves. Never age, sex or mood.

All measures come from the five landmarks and the aligned square (the eyes there are always equally far apart,
so that the numbers compare between photographs). Each has a unit, a floor or a range, and a sentence that says
what to do. They advise; what to do with a poor picture is the caller's decision.

The bounds were measured: docs/images.md, "Quality", says on what and how to measure them again.
Vocabulary: ISO/IEC 29794-5 (face image quality).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from countenance.domain.face import Measure, Quality

if TYPE_CHECKING:
    from numpy.typing import NDArray

_LUMA = np.array([0.299, 0.587, 0.114], np.float32)
"""Weights of red, green, blue in luma (ITU-R BT.601)."""


@dataclass(frozen=True, slots=True)
class Range:
    """The bounds of one measure and what is said below, inside and above them."""

    name: str
    unit: str
    low: float
    high: float
    below: str
    above: str
    fine: str

    def judge(self, measured: float) -> Measure:
        value = float(measured)
        says = self.below if value < self.low else self.above if value > self.high else self.fine
        return Measure(self.name, round(value, 3), self.unit, self.low <= value <= self.high, says)


SIZE = Range(
    "size", "pixels between the eyes", 16.0, float("inf"),
    "The face is too small: come closer, or send a larger photograph.", "", "The face is large enough.",
)  # fmt: skip
SHARPNESS = Range(
    "sharpness", "energy of fine detail, per cent", 0.5, float("inf"),
    "The face is blurred: hold still, focus, and do not enlarge a small photograph.", "",
    "The face is sharp.",
)  # fmt: skip
BRIGHTNESS = Range(
    "brightness", "mean luma, 0 to 255", 20.0, 225.0,
    "The face is too dark: light it from the front.", "The face is too bright: take the light away from it.",
    "The face is well lit.",
)  # fmt: skip
CONTRAST = Range(
    "contrast", "standard deviation of luma", 10.0, float("inf"),
    "The face is washed out: avoid fog, glare and dirty lenses.", "", "The face has contrast.",
)  # fmt: skip
YAW = Range(
    "yaw", "offset of the nose, per cent of the eyes' distance", -35.0, 35.0,
    "The face is turned to one side: look at the camera.",
    "The face is turned to one side: look at the camera.", "The face looks straight ahead.",
)  # fmt: skip
PITCH = Range(
    "pitch", "place of the nose between eyes (0) and mouth (100)", 30.0, 80.0,
    "The face looks up: hold the camera level with the eyes.",
    "The face looks down: hold the camera level with the eyes.", "The face is level.",
)  # fmt: skip
ROLL = Range(
    "roll", "degrees of the line of the eyes", -45.0, 45.0,
    "The photograph is tilted: turn it upright.", "The photograph is tilted: turn it upright.",
    "The face is upright.",
)  # fmt: skip


def assess(square: NDArray[np.uint8], landmarks: NDArray[np.float32], scale: float) -> Quality:
    """Quality of one face.

    square: (S, S, 3) uint8 RGB, aligned. landmarks: (5, 2) float32, pixels of the decoded picture.
    scale: decoded pixels per pixel of the original.
    """
    luma = square.astype(np.float32) @ _LUMA
    edge = luma.shape[0] // 8
    face = luma[edge:-edge, edge:-edge]
    eyes, yaw, pitch, roll = _geometry(landmarks)
    return Quality((
        SIZE.judge(eyes / scale),
        SHARPNESS.judge(_fine_detail(face)),
        BRIGHTNESS.judge(float(face.mean())),
        CONTRAST.judge(float(face.std())),
        YAW.judge(yaw),
        PITCH.judge(pitch),
        ROLL.judge(roll),
    ))  # fmt: skip


def _fine_detail(luma: NDArray[np.float32]) -> float:
    """Variance of the Laplacian, per cent of the luma's own variance: blur lowers it, light does not."""
    middle = luma[1:-1, 1:-1]
    laplacian = luma[:-2, 1:-1] + luma[2:, 1:-1] + luma[1:-1, :-2] + luma[1:-1, 2:] - 4 * middle
    return float(100 * laplacian.var() / max(float(luma.var()), 1.0))


def _geometry(landmarks: NDArray[np.float32]) -> tuple[float, float, float, float]:
    """Distance of the eyes in pixels; yaw, pitch and roll as the ranges above define them.

    The frame is the face's own: x along the eyes, y from the eyes to the mouth.
    """
    points = landmarks.astype(np.float64) @ (1, 1j)
    left, right = points[:2]
    between = right - left
    eyes = max(abs(between), 1e-6)
    frame = (points - (left + right) / 2) * between.conjugate() / eyes
    down = float(frame[3:].imag.mean())
    pitch = 100 * float(frame[2].imag) / down if abs(down) > 1e-6 else 0.0
    middle = float(frame[3:].real.mean()) / 2
    yaw = 100 * (float(frame[2].real) - middle) / eyes
    return eyes, yaw, pitch, float(np.degrees(np.angle(between)))
