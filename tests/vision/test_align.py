"""The similarity transform: exact on what it should recover, and the same square as OpenCV's own class."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from countenance.domain.errors import PoorQuality
from countenance.vision import models
from countenance.vision.align import aligned, similarity
from tests.vision.drawn import draw

TEMPLATE = models.shipped().embedder.template
LANDMARKS = np.array([[126.7, 178.4], [196.1, 179.3], [165.7, 220.2], [129.6, 247.9], [191.0, 249.0]], np.float32)


@given(
    angle=st.floats(-np.pi, np.pi),
    scale=st.floats(0.05, 20),
    x=st.floats(-500, 500),
    y=st.floats(-500, 500),
)
def test_a_turned_scaled_and_moved_face_is_brought_back(angle: float, scale: float, x: float, y: float) -> None:
    cos, sin = scale * np.cos(angle), scale * np.sin(angle)
    moved = np.asarray(TEMPLATE) @ np.array([[cos, sin], [-sin, cos]]) + (x, y)
    matrix = similarity(moved.astype(np.float32), TEMPLATE)
    back = np.c_[moved, np.ones(5)] @ matrix.T
    assert np.abs(back - TEMPLATE).max() < 1e-2


def test_a_mirrored_face_is_not_mirrored_back() -> None:
    matrix = similarity((np.asarray(TEMPLATE) * (-1, 1)).astype(np.float32), TEMPLATE)
    assert np.linalg.det(matrix[:, :2]) > 0


def test_no_other_similarity_is_closer() -> None:
    matrix = similarity(LANDMARKS, TEMPLATE)

    def error(candidate: np.ndarray) -> float:
        return float(((np.c_[LANDMARKS, np.ones(5)] @ candidate.T - TEMPLATE) ** 2).sum())

    a, b, x, y = matrix[0, 0], matrix[1, 0], matrix[0, 2], matrix[1, 2]
    for da, db, dx, dy in np.vstack([np.eye(4), -np.eye(4)]) * 1e-3:
        other = np.array([[a + da, -(b + db), x + dx], [b + db, a + da, y + dy]])
        assert error(other) > error(matrix)


def test_the_square_is_opencvs(tmp_path_factory: pytest.TempPathFactory) -> None:
    """FaceRecognizerSF.alignCrop on the same landmarks gives the same pixels."""
    recogniser = _opencv_recogniser(tmp_path_factory)
    rgb = draw()
    row = np.concatenate([[77, 95, 161, 206], LANDMARKS.ravel(), [0.9]]).astype(np.float32)
    theirs = recogniser.alignCrop(rgb, row[None])
    assert np.abs(aligned(rgb, LANDMARKS, TEMPLATE, 112).astype(int) - theirs.astype(int)).max() <= 1


def _opencv_recogniser(tmp_path_factory: pytest.TempPathFactory) -> cv2.FaceRecognizerSF:
    file = tmp_path_factory.mktemp("opencv") / "sface.onnx"
    file.write_bytes(models.read_source(models.shipped().embedder.file))
    return cv2.FaceRecognizerSF.create(str(file), "")


@pytest.mark.parametrize("spot", [np.zeros((5, 2)), np.full((5, 2), 77.5), np.full((5, 2), np.nan)])
def test_landmarks_on_one_spot_are_refused(spot: np.ndarray) -> None:
    with pytest.raises(PoorQuality):
        similarity(spot.astype(np.float32), TEMPLATE)
