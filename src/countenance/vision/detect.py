"""Find faces: picture in, boxes and five landmarks out, for detectors of the YuNet family.

Anchor-free: each cell of a grid of stride s says how sure it is, and where box and landmarks lie relative to
it: centre = (cell + offset) * s, size = exp(log size) * s, landmark = (cell + offset) * s. It measures nothing
about who a person is and keeps nothing. cv2 is used to resize, for nothing else.

Sources: Wu, Peng, Yu: "YuNet: A Tiny Millisecond-level Face Detector" (2023), section 3; Neubeck, Van Gool:
"Efficient Non-Maximum Suppression" (2006), the greedy algorithm.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import cv2
import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from numpy.typing import NDArray

    from countenance.vision.manifest import Detector, Heads

MAX_CANDIDATES = 1000
"""Cells that are looked at after the floor of confidence, surest first: bounds the work."""


@dataclass(frozen=True, slots=True, eq=False)
class Found:
    """Faces in pixels of the picture searched, surest first.

    boxes: (F, 4) float32, left, top, right, bottom, inside the picture. landmarks: (F, 5, 2) float32.
    confidence: (F,) float32 in [0, 1].
    """

    boxes: NDArray[np.float32]
    landmarks: NDArray[np.float32]
    confidence: NDArray[np.float32]

    def __len__(self) -> int:
        return len(self.confidence)


def find(
    rgb: NDArray[np.uint8], model: Detector, run: Callable[[NDArray[np.uint8]], list[NDArray[np.float32]]]
) -> Found:
    """Search rgb (H, W, 3) uint8 at the manifest's sizes in turn, until one of them shows a face."""
    found = _NOTHING
    for width, height in _sizes(rgb.shape[1], rgb.shape[0], model.finding.sides):
        answers = run(_canvas(rgb, width, height, model.picture.multiple))
        found = _read(answers, model, width, height)
        if len(found):
            break
        # nothing at this size: a larger one shows smaller faces
    return _enlarge(found, rgb.shape[1] / max(1, width), rgb.shape[0] / max(1, height))


_NOTHING = Found(np.zeros((0, 4), np.float32), np.zeros((0, 5, 2), np.float32), np.zeros(0, np.float32))


def _sizes(width: int, height: int, sides: tuple[int, ...]) -> Iterator[tuple[int, int]]:
    """(width, height) for each longer side; a picture is never enlarged, and no size comes twice."""
    seen = set()
    for side in sides:
        factor = min(1.0, side / max(width, height))
        size = max(1, round(width * factor)), max(1, round(height * factor))
        if size not in seen:
            seen.add(size)
            yield size


def _canvas(rgb: NDArray[np.uint8], width: int, height: int, multiple: int) -> NDArray[np.uint8]:
    """(1, H, W, 3) uint8: the picture at this size, padded right and below with black to a multiple."""
    rows, columns = -(-height // multiple) * multiple, -(-width // multiple) * multiple
    canvas = np.zeros((1, rows, columns, 3), np.uint8)
    if (width, height) == (rgb.shape[1], rgb.shape[0]):
        canvas[0, :height, :width] = rgb
    else:
        canvas[0, :height, :width] = cv2.resize(rgb, (width, height), interpolation=cv2.INTER_AREA)
    return canvas


def _read(answers: list[NDArray[np.float32]], model: Detector, width: int, height: int) -> Found:
    heads, count = model.heads, len(model.heads.strides)
    columns = -(-width // model.picture.multiple) * model.picture.multiple
    parts = []
    for i, stride in enumerate(heads.strides):
        classes, *middle, boxes, points = [answers[j][0] for j in range(i, len(answers), count)]
        sure = _confidence(classes[:, 0], middle[0][:, 0] if middle else None, heads)
        cells = np.flatnonzero(sure >= model.finding.confidence)
        at = np.stack([cells % (columns // stride), cells // (columns // stride)], axis=1).astype(np.float32)
        parts.append(_place(at, boxes[cells], points[cells], sure[cells], stride))
    found = Found(*(np.concatenate(arrays) for arrays in zip(*parts, strict=True)))
    return _strongest(_inside(found, width, height), model.finding.overlap)


def _confidence(
    classes: NDArray[np.float32], objectness: NDArray[np.float32] | None, heads: Heads
) -> NDArray[np.float32]:
    """(cells,) float32 in [0, 1]; a cell that is not a number is not a face."""
    product = np.ones_like(classes)
    for score in (classes, objectness):
        if score is not None:
            chance = 1 / (1 + np.exp(-np.clip(score, -60, 60))) if heads.logits else score
            product = product * np.clip(chance, 0, 1)
    sure: NDArray[np.float32] = np.sqrt(product) if heads.score == "geometric-mean" else product
    return sure


def _place(
    at: NDArray[np.float32],
    boxes: NDArray[np.float32],
    points: NDArray[np.float32],
    sure: NDArray[np.float32],
    stride: int,
) -> tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.float32]]:
    """Cells (F, 2) and what they say -> boxes (F, 4), landmarks (F, 5, 2) and confidence, as in Found."""
    centre = (at + boxes[:, :2]) * stride
    half = np.exp(np.clip(boxes[:, 2:4], -20, 20)) * (stride / 2)
    landmarks = (points.reshape(-1, 5, 2) + at[:, None, :]) * stride
    return np.concatenate([centre - half, centre + half], axis=1), landmarks.astype(np.float32), sure


def _inside(found: Found, width: int, height: int) -> Found:
    """Boxes cut at the picture's edges; what is not finite or has no area left is dropped."""
    boxes = np.clip(found.boxes, 0, np.array([width, height, width, height], np.float32)).astype(np.float32)
    finite = np.isfinite(found.boxes).all(axis=1) & np.isfinite(found.landmarks).all(axis=(1, 2))
    kept = finite & (boxes[:, 2] - boxes[:, 0] > 1) & (boxes[:, 3] - boxes[:, 1] > 1)
    return Found(boxes[kept], found.landmarks[kept], found.confidence[kept])


def _strongest(found: Found, overlap: float) -> Found:
    """Greedy non-maximum suppression: of boxes that overlap more than this share, the surest stays."""
    order = np.argsort(-found.confidence, kind="stable")[:MAX_CANDIDATES]
    kept: list[int] = []
    while len(order):
        first, rest = int(order[0]), order[1:]
        kept.append(first)
        order = rest[_overlap(found.boxes[first], found.boxes[rest]) <= overlap]
    return Found(found.boxes[kept], found.landmarks[kept], found.confidence[kept])


def _overlap(box: NDArray[np.float32], others: NDArray[np.float32]) -> NDArray[np.float32]:
    """Intersection over union of one box (4,) with each of (F, 4)."""
    low, high = np.maximum(box[:2], others[:, :2]), np.minimum(box[2:], others[:, 2:])
    common = np.prod(np.clip(high - low, 0, None), axis=1)
    union = np.prod(box[2:] - box[:2]) + np.prod(others[:, 2:] - others[:, :2], axis=1) - common
    ratio: NDArray[np.float32] = common / union
    return ratio


def _enlarge(found: Found, across: float, down: float) -> Found:
    factor = np.array([across, down], np.float32)
    return Found(found.boxes * np.tile(factor, 2), found.landmarks * factor, found.confidence)
