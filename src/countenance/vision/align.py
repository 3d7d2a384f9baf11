"""Turn a found face into the square that an embedder takes: a similarity transform onto five fixed points.

Rotation, one scale and a shift, least squares; never a mirror, never a shear, so the face keeps its shape.

Source: Umeyama, "Least-squares estimation of transformation parameters between two point patterns" (1991).
In the plane the solution without reflection is one complex division: with points as complex numbers about
their means, a = sum(conj(p) q) / sum(|p|^2).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np

from countenance.domain.errors import PoorQuality

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

SMALLEST_SPREAD = 1.0
"""Root mean square distance of the landmarks from their mean, in pixels, below which they are one spot."""


def similarity(landmarks: NDArray[np.float32], template: Sequence[tuple[float, float]]) -> NDArray[np.float64]:
    """The (2, 3) matrix that maps landmarks (5, 2), pixels, closest to `template`, pixels of the square.

    Raises PoorQuality where the landmarks coincide.
    """
    source = landmarks.astype(np.float64) @ (1, 1j)
    target = np.asarray(template, np.float64) @ (1, 1j)
    p, q = source - source.mean(), target - target.mean()
    spread = float((p.conj() * p).real.mean())
    if not spread >= SMALLEST_SPREAD**2:
        raise PoorQuality("The landmarks of the face lie on one spot.")
    turn = (p.conj() * q).mean() / spread
    shift = target.mean() - turn * source.mean()
    return np.array([[turn.real, -turn.imag, shift.real], [turn.imag, turn.real, shift.imag]])


def aligned(
    rgb: NDArray[np.uint8], landmarks: NDArray[np.float32], template: Sequence[tuple[float, float]], size: int
) -> NDArray[np.uint8]:
    """(size, size, 3) uint8: the face of rgb (H, W, 3) whose landmarks (5, 2) are in pixels of rgb.

    Bilinear; outside the picture is black, as in OpenCV's FaceRecognizerSF.
    """
    matrix = similarity(landmarks, template)
    square: NDArray[np.uint8] = cv2.warpAffine(rgb, matrix, (size, size), flags=cv2.INTER_LINEAR)  # type: ignore[assignment]
    return square
