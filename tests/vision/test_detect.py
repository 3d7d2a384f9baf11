"""What is read from a detector's answers, with answers made by hand: every number can be checked on paper."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import numpy as np
import pytest

from countenance.vision import models
from countenance.vision.detect import find

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from countenance.vision.manifest import Detector

MODEL = models.shipped().detector
LEVELS = (8, 16, 32)
POINTS = ((1.0, 1.5), (3.0, 1.5), (2.0, 2.5), (1.25, 3.5), (2.75, 3.5))
"""Landmarks in cells from the cell's own corner."""


@dataclass(frozen=True, slots=True)
class Cell:
    """A face said at one cell: stride, column, row, class, objectness, side of its square in strides."""

    stride: int
    column: int
    row: int
    sure: float = 0.9
    objectness: float = 0.9
    side: float = 4.0


@dataclass(slots=True)
class Speaking:
    """A network that says these faces whatever it is shown, and notes the shapes it was shown."""

    cells: tuple[Cell, ...]
    from_side: int = 0
    nothing: float = 0.0
    seen: list[tuple[int, ...]] = field(default_factory=list)

    def __call__(self, pictures: NDArray[np.uint8]) -> list[NDArray[np.float32]]:
        self.seen.append(pictures.shape)
        _, height, width, _ = pictures.shape
        heads: list[list[NDArray[np.float32]]] = [[], [], [], []]
        for stride in LEVELS:
            count = (height // stride) * (width // stride)
            for head, (values, fill) in zip(
                heads, ((1, self.nothing), (1, self.nothing), (4, 0), (10, 0)), strict=True
            ):
                head.append(np.full((1, count, values), fill, np.float32))
        if max(height, width) >= self.from_side:
            for cell in self.cells:
                self._say(heads, cell, width)
        return [answer for head in heads for answer in head]

    def _say(self, heads: list[list[NDArray[np.float32]]], cell: Cell, width: int) -> None:
        level, at = LEVELS.index(cell.stride), cell.row * (width // cell.stride) + cell.column
        heads[0][level][0, at], heads[1][level][0, at] = cell.sure, cell.objectness
        heads[2][level][0, at] = (0.5, 0.25, np.log(cell.side), np.log(cell.side))
        heads[3][level][0, at] = np.ravel(POINTS)


def picture(width: int, height: int) -> NDArray[np.uint8]:
    return np.zeros((height, width, 3), np.uint8)


def test_box_landmarks_and_confidence_are_where_the_cell_says() -> None:
    found = find(picture(320, 320), MODEL, Speaking((Cell(16, 5, 7, 0.81, 1.0, 4),)))
    assert found.boxes.tolist() == [[5.5 * 16 - 32, 7.25 * 16 - 32, 5.5 * 16 + 32, 7.25 * 16 + 32]]
    assert np.allclose(found.landmarks[0], np.add(POINTS, (5, 7)) * 16)
    assert found.confidence.tolist() == pytest.approx([0.9])


@pytest.mark.parametrize("stride", LEVELS)
def test_every_level_counts_its_own_cells(stride: int) -> None:
    found = find(picture(320, 256), MODEL, Speaking((Cell(stride, 3, 4, side=2),)))
    assert found.landmarks[0][0].tolist() == [(3 + 1.0) * stride, (4 + 1.5) * stride]


def test_a_large_picture_is_searched_small_and_answered_in_its_own_pixels() -> None:
    network = Speaking((Cell(16, 5, 7),))
    found = find(picture(1280, 960), MODEL, network)
    assert network.seen == [(1, 256, 320, 3)]
    assert np.allclose(found.landmarks[0], np.add(POINTS, (5, 7)) * 16 * 4)


def test_a_second_size_is_tried_only_where_the_first_shows_nothing() -> None:
    network = Speaking((Cell(16, 5, 7),), from_side=640)
    assert len(find(picture(1280, 960), MODEL, network)) == 1
    assert network.seen == [(1, 256, 320, 3), (1, 480, 640, 3)]


def test_a_small_picture_is_neither_enlarged_nor_searched_twice() -> None:
    network = Speaking(())
    assert len(find(picture(100, 90), MODEL, network)) == 0
    assert network.seen == [(1, 96, 128, 3)]


def test_of_two_boxes_on_one_face_the_surer_stays() -> None:
    found = find(picture(320, 320), MODEL, Speaking((Cell(16, 5, 7, 0.8, 0.8), Cell(16, 6, 7, 0.95, 0.95))))
    assert found.confidence.tolist() == pytest.approx([0.95])


def test_boxes_apart_all_stay_surest_first() -> None:
    cells = (Cell(16, 3, 3, 0.8, 0.8), Cell(16, 14, 14, 0.95, 0.95), Cell(32, 8, 2, 0.9, 0.9, 1))
    assert find(picture(320, 320), MODEL, Speaking(cells)).confidence.tolist() == pytest.approx([0.95, 0.9, 0.8])


def test_a_box_is_cut_at_the_edge_of_the_picture_not_of_its_padding() -> None:
    found = find(picture(300, 290), MODEL, Speaking((Cell(16, 17, 17, side=6),)))
    assert found.boxes[0][2:].tolist() == [300, 290]


def test_what_is_not_finite_is_not_a_face() -> None:
    network = Speaking((Cell(16, 5, 7, float("nan")), Cell(16, 12, 7, side=float("nan"))))
    assert len(find(picture(320, 320), MODEL, network)) == 0


def test_below_the_floor_there_is_no_face() -> None:
    floor = MODEL.finding.confidence
    cells = (Cell(16, 5, 7, floor - 0.01, floor - 0.01),)
    assert len(find(picture(320, 320), MODEL, Speaking(cells))) == 0


def _with(score: str, *, logits: bool = False) -> Detector:
    return replace(MODEL, heads=replace(MODEL.heads, score=score, logits=logits))


def test_the_manifest_says_how_confidence_is_read() -> None:
    network = Speaking((Cell(16, 5, 7, 0.9, 0.8),))
    assert find(picture(320, 320), _with("product"), network).confidence.tolist() == pytest.approx([0.72])
    raw = Speaking((Cell(16, 5, 7, 3.0, 4.0),), nothing=-9.0)
    logistic = [1 / (1 + np.exp(-value)) for value in (3.0, 4.0)]
    expected = float(np.sqrt(logistic[0] * logistic[1]))
    found = find(picture(320, 320), _with("geometric-mean", logits=True), raw)
    assert found.confidence.tolist() == pytest.approx([expected])


def test_a_picture_full_of_faces_stays_bounded() -> None:
    everywhere = tuple(Cell(8, column, row, side=0.5) for column in range(40) for row in range(40))
    assert len(find(picture(320, 320), MODEL, Speaking(everywhere))) <= 1000
