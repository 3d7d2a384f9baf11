"""Each measure notices what it is for, says so in a sentence, and leaves the others alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np
import pytest

from countenance.vision import models
from countenance.vision.align import aligned
from countenance.vision.quality import assess
from tests.vision.drawn import draw

if TYPE_CHECKING:
    from countenance.domain.face import Quality

TEMPLATE = models.shipped().embedder.template
FRONTAL = np.array([[126.7, 178.4], [196.1, 179.3], [161.7, 220.2], [129.6, 247.9], [191.0, 249.0]], np.float32)


def judged(rgb: np.ndarray, landmarks: np.ndarray = FRONTAL, scale: float = 1.0) -> Quality:
    square = aligned(rgb, landmarks.astype(np.float32), TEMPLATE, 112)
    return assess(square, landmarks.astype(np.float32), scale)


def failed(quality: Quality) -> set[str]:
    return {measure.name for measure in quality.measures if not measure.ok}


def test_a_good_picture_has_no_complaint() -> None:
    quality = judged(draw())
    assert quality.ok
    assert quality.complaints == ()
    assert all(measure.says and measure.unit for measure in quality.measures)


def test_darkness_and_glare_are_told_apart() -> None:
    dark, bright = judged((draw() * 0.08).astype(np.uint8)), judged(np.clip(draw() * 5.0, 0, 255).astype(np.uint8))
    assert "brightness" in failed(dark)
    assert any("too dark" in says for says in dark.complaints)
    assert "brightness" in failed(bright)
    assert any("too bright" in says for says in bright.complaints)


def test_fog_is_a_lack_of_contrast() -> None:
    assert failed(judged((draw() * 0.06 + 150).astype(np.uint8))) == {"contrast"}


def test_blur_is_a_lack_of_sharpness() -> None:
    assert failed(judged(cv2.GaussianBlur(draw(), (0, 0), 9))) == {"sharpness"}


def test_size_is_counted_in_pixels_of_the_original() -> None:
    small = cv2.resize(draw(), None, fx=0.1, fy=0.1, interpolation=cv2.INTER_AREA)
    assert "size" in failed(judged(small, FRONTAL * 0.1))
    assert "size" not in failed(judged(small, FRONTAL * 0.1, scale=0.1))


@pytest.mark.parametrize(
    ("moved", "name"),
    [((2, 34.0, 0.0), "yaw"), ((2, -34.0, 0.0), "yaw"), ((2, 0.0, -30.0), "pitch"), ((2, 0.0, 24.0), "pitch")],
)
def test_a_turned_head_moves_the_nose(moved: tuple[int, float, float], name: str) -> None:
    landmarks = FRONTAL.copy()
    landmarks[moved[0]] += moved[1:]
    assert name in failed(judged(draw(), landmarks))


def test_a_tilted_photograph_is_roll_and_nothing_else() -> None:
    middle = FRONTAL.mean(axis=0)
    turned = (FRONTAL - middle) @ np.array([[0.0, 1.0], [-1.0, 0.0]]) + middle
    rgb = np.ascontiguousarray(np.rot90(draw(400, 400), -1))
    assert "roll" in failed(judged(rgb, turned))
    assert failed(judged(rgb, turned)) & {"yaw", "pitch", "size"} == set()
