"""Stand-ins for people and the engine: pictures of one colour, and an engine that knows a person by the colour.

The engine keeps the real one's interface and its invariants (unit templates, boxes inside the picture, largest
first), so that house, gate, gallery and ledger are the real ones and nobody's face is needed.
"""

from __future__ import annotations

import io
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image as Pillow

from countenance.demo.cast import Cast, Person, Photo
from countenance.domain.face import Box, Face, Measure, Quality
from countenance.vision import models

if TYPE_CHECKING:
    from collections.abc import Sequence

    from countenance.domain.image import Image

SIDE = 160  # px of the pictures
COLOURS = {"ada": 40, "bea": 90, "cyd": 140, "dot": 190, "eve": 240}


def picture(level: int, kind: str = "JPEG") -> bytes:
    """A grey picture of one level."""
    stream = io.BytesIO()
    Pillow.new("RGB", (SIDE, SIDE), (level, level, level)).save(stream, kind, quality=95)
    return stream.getvalue()


def person(name: str, photos: int) -> Person:
    shown = tuple(Photo(picture(COLOURS[name] + n), f"{name} {n}", "drawn by this test") for n in range(photos))
    return Person(name, shown)


def company() -> Cast:
    """Three people with two pictures each and two strangers with one."""
    enrolled = tuple(person(name, 2) for name in ("ada", "bea", "cyd"))
    return Cast(enrolled, (person("dot", 1), person("eve", 1)), ("Nobody is in these pictures.",))


class ColourEngine:
    """An engine whose faces are pictures and whose people are colours."""

    def __init__(self, model_digest: str, dimension: int, *, blind: bool = False) -> None:
        self.manifest = models.shipped()
        self.model_digest, self.dimension, self.blind = model_digest, dimension, blind

    def __enter__(self) -> ColourEngine:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Nothing is held."""

    def detect(self, image: Image) -> tuple[Face, ...]:
        box = Box(20.0, 20.0, image.width - 40.0, image.height - 40.0)
        quality = Quality((Measure("size", box.width, "px", ok=True, says="large enough"),))
        return (Face(box, np.zeros((5, 2), np.float32), 0.99, quality),)

    def embed(self, image: Image, faces: Sequence[Face], *, mirror: bool = False) -> tuple[Face, ...]:  # noqa: ARG002
        level = 0 if self.blind else round(float(image.rgb.mean()) / 50)
        template = np.zeros(self.dimension, np.float32)
        template[level] = 1.0
        return tuple(replace(face, template=template) for face in faces)
