"""A toy world: templates on a circle, so that every cosine is known, and an engine that reads them from files."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from countenance.domain.errors import CountenanceError, DamagedImage
from countenance.domain.face import Box, Face, Quality

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from pathlib import Path


class ToyEngine:
    """A file holds an angle in degrees, `none` (no face) or `broken`; more angles are more faces."""

    def __init__(self) -> None:
        self.read = 0

    def many(self, pictures: Iterable[Callable[[], bytes]]) -> Iterator[tuple[Face, ...] | CountenanceError]:
        for picture in pictures:
            self.read += 1
            yield toy_faces(picture().decode())


def toy_faces(word: str) -> tuple[Face, ...] | CountenanceError:
    if word == "none":
        return ()
    if word == "broken":
        return DamagedImage("The picture is broken.")
    return tuple(toy_face(float(angle)) for angle in word.split())


def toy_face(angle: float) -> Face:
    turn = math.radians(angle)
    template = np.array([math.cos(turn), math.sin(turn)], np.float32)
    return Face(Box(0, 0, 9, 9), np.zeros((5, 2), np.float32), 0.9, Quality(()), template)


def write(folder: Path, **words: str) -> None:
    """Files `<name>.jpg` with these words in them."""
    folder.mkdir(exist_ok=True)
    for name, word in words.items():
        (folder / f"{name}.jpg").write_text(word)
