"""Faces drawn from ellipses: nobody's, and good enough for a detector. Tests need no photograph of anyone."""

from __future__ import annotations

import io
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image as Pillow

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

Colour = tuple[float, float, float]
GROUND: Colour = (120, 140, 160)


@dataclass(frozen=True, slots=True)
class Look:
    """What tells one drawn person from another. Lengths are in units of 1/320 of the picture's width."""

    skin: Colour = (205, 160, 135)
    hair: Colour = (50, 35, 30)
    eyes: float = 34
    mouth: float = 27
    nose: float = 26


ANN = Look()
BEN = Look(skin=(120, 80, 60), hair=(20, 20, 20), eyes=29, mouth=34, nose=18)


def draw(width: int = 320, height: int = 400, look: Look = ANN) -> NDArray[np.uint8]:
    """(height, width, 3) uint8: one face in the middle."""
    return draw_at(width, height, [(width / 2, height / 2, width / 320, look)])


def draw_at(width: int, height: int, faces: Iterable[tuple[float, float, float, Look]]) -> NDArray[np.uint8]:
    """Several faces, each (x and y of the middle, pixels per unit, look)."""
    picture = np.full((height, width, 3), GROUND, np.float64)
    for x, y, unit, look in faces:
        for dx, dy, rx, ry, colour, soft in _parts(look):
            _ellipse(picture, (x + dx * unit, y + dy * unit), (rx * unit, ry * unit), colour, soft)
    return np.clip(picture, 0, 255).astype(np.uint8)


def _parts(look: Look) -> Iterable[tuple[float, float, float, float, Colour, float]]:
    yield 0, 210, 130, 90, (60, 70, 100), 0.15
    yield 0, -20, 100, 128, look.hair, 0.06
    yield 0, 120, 38, 60, _shade(look, 0.85), 0.15
    yield 0, 0, 80, 108, look.skin, 0.06
    for side in (-1, 1):
        yield side * look.eyes, -18, 19, 10, _shade(look, 0.75), 0.4
        yield side * look.eyes, -16, 13, 6, (240, 240, 240), 0.15
        yield side * look.eyes, -16, 6, 6, (40, 25, 20), 0.15
        yield side * look.eyes, -36, 20, 4, look.hair, 0.5
        yield side * 8, 26, 5, 4, _shade(look, 0.6), 0.5
    yield 0, 8, 9, look.nose, _shade(look, 1.08), 0.8
    yield 0, 22, 15, 8, _shade(look, 0.92), 0.6
    yield 0, 55, look.mouth, 8, (165, 80, 80), 0.3
    yield 0, 55, look.mouth - 3, 1.6, (90, 40, 40), 0.5


def _shade(look: Look, factor: float) -> Colour:
    red, green, blue = (channel * factor for channel in look.skin)
    return red, green, blue


def _ellipse(
    picture: NDArray[np.float64], middle: tuple[float, float], radii: tuple[float, float], colour: Colour, soft: float
) -> None:
    y, x = np.ogrid[: picture.shape[0], : picture.shape[1]]
    distance = np.sqrt(((x - middle[0]) / radii[0]) ** 2 + ((y - middle[1]) / radii[1]) ** 2)
    cover = np.clip((1 + soft - distance) / (2 * soft), 0, 1)[..., None]
    picture[:] = picture * (1 - cover) + np.array(colour) * cover


def encode(pixels: NDArray[Any] | Pillow.Image, kind: str = "PNG", **how: Any) -> bytes:
    """The bytes of a PNG or JPEG of these pixels, as Pillow writes it."""
    out = io.BytesIO()
    picture = pixels if isinstance(pixels, Pillow.Image) else Pillow.fromarray(pixels)
    picture.save(out, kind, **how)
    return out.getvalue()
