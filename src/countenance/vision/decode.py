"""Bytes in, one upright photograph out: the only door through which a stranger's picture enters.

`decode` takes JPEG and PNG by content, reads every limit from the header before a pixel is decoded, and hands
the codec only what draws pixels (see headers.py). It never opens a path or an address, never guesses, never
keeps the bytes, and lets no foreign exception out. The codec (Pillow) is imported here and nowhere else.

Colours are taken as sRGB whatever profile was attached; alpha is laid over white; 16 bits become 8.
Sources: docs/images.md says what is read and refused; Exif 2.32, section 4.6.4 (orientation).
"""

from __future__ import annotations

import functools
import io
import math
import os
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from countenance.domain.errors import (
    DamagedImage,
    EmptyImage,
    ImageTooLarge,
    ImageTooSmall,
    TooManyPixels,
    UnsupportedImage,
)
from countenance.domain.image import Image as Photograph
from countenance.vision.headers import Header, read_header

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from PIL.Image import Image as Picture


@dataclass(frozen=True, slots=True)
class Limits:
    """What is accepted: raw bytes, pixels in all, and pixels of the shorter side.

    keep: pixels of the longer side below which a large photograph is not reduced while it is decoded.
    """

    raw_bytes: int = 5 * 1024 * 1024
    pixels: int = 25_000_000
    side: int = 80
    keep: int = 1280


LIMITS = Limits()

_AT_ONCE = threading.BoundedSemaphore(max(2, os.cpu_count() or 1))
"""Pictures decoded at one time: bounds what a burst of 25-megapixel files can take in memory."""


def decode(raw: bytes, *, limits: Limits = LIMITS) -> Photograph:
    """Decode one still photograph: rgb (H, W, 3) uint8, sRGB, upright.

    One whose longer side is at least twice `limits.keep` is reduced by 2, 4 or 8 (scale 0.5, 0.25, 0.125), for a
    JPEG inside the decoder.
    Raises a BadImage: EmptyImage, UnsupportedImage, DamagedImage, AnimatedImage, ImageTooLarge,
    TooManyPixels, ImageTooSmall.
    """
    if not raw:
        raise EmptyImage("There are no bytes in this photograph.")
    if len(raw) > limits.raw_bytes:
        raise ImageTooLarge(f"The photograph has {len(raw)} bytes; at most {limits.raw_bytes} are read.")
    header = read_header(raw)
    _check_size(header, limits)
    shrink = _shrink(header, limits)
    with _AT_ONCE:
        header.check_lines()
        stored = _pixels(header, shrink)
        return Photograph(_upright(stored, header.orientation), 1.0 / shrink)


def _check_size(header: Header, limits: Limits) -> None:
    width, height = header.width, header.height
    if width < limits.side or height < limits.side:
        raise ImageTooSmall(f"The photograph is {width} x {height} pixels; at least {limits.side} are needed.")
    if width * height > limits.pixels:
        raise TooManyPixels(f"The photograph is {width} x {height} pixels; at most {limits.pixels} are read.")


def _shrink(header: Header, limits: Limits) -> int:
    """1, 2, 4 or 8: the largest that leaves `keep` pixels on the longer and `side` on the shorter side."""
    longer, shorter = max(header.width, header.height), min(header.width, header.height)
    fits = [k for k in (2, 4, 8) if longer // k >= limits.keep and shorter // k >= limits.side]
    return fits[-1] if fits else 1


@functools.cache
def _codec() -> Any:
    """Pillow's Image module, loaded when the first picture comes, its lenient mode off."""
    from PIL import Image, ImageFile

    ImageFile.LOAD_TRUNCATED_IMAGES = False
    return Image


def _pixels(header: Header, shrink: int) -> NDArray[np.uint8]:
    """(H, W, 3) uint8 as stored, reduced by `shrink`. Raises DamagedImage, UnsupportedImage."""
    try:
        with _codec().open(io.BytesIO(header.pixels), formats=(header.kind,)) as picture:
            if header.kind == "JPEG" and shrink > 1:
                picture.draft("RGB", (header.width // shrink, header.height // shrink))
            picture.load()
            rgb = _to_rgb(picture)
    except Exception as error:  # whatever a codec throws at hostile bytes is the picture's fault, not ours
        raise DamagedImage("The photograph's pixels cannot be decoded.") from error
    expected = math.ceil(header.height / shrink), math.ceil(header.width / shrink)
    if rgb.shape[:2] == (header.height, header.width) and shrink > 1:
        rgb = np.asarray(_codec().fromarray(rgb).reduce(shrink))
    if rgb.shape != (*expected, 3):
        raise UnsupportedImage("The photograph decodes to another size than it states.")
    return rgb


def _to_rgb(picture: Picture) -> NDArray[np.uint8]:
    """Any mode that a JPEG or PNG can have, as (H, W, 3) uint8."""
    if picture.mode.startswith("I"):
        return _from_16_bits(np.asarray(picture))
    if picture.mode in ("LA", "PA", "RGBA") or "transparency" in picture.info:
        layer = picture.convert("RGBA")
        ground = _codec().new("RGBA", layer.size, "white")
        ground.alpha_composite(layer)
        picture = ground
    return np.asarray(picture if picture.mode == "RGB" else picture.convert("RGB"))


def _from_16_bits(grey: NDArray[Any]) -> NDArray[np.uint8]:
    """(H, W) of 0 to 65535 as (H, W, 3) uint8, rounded: 65535 = 255 * 257."""
    eight = ((grey.astype(np.uint32) + 128) // 257).astype(np.uint8)
    return np.repeat(eight[:, :, None], 3, axis=2)


def _upright(stored: NDArray[np.uint8], orientation: int) -> NDArray[np.uint8]:
    """Apply an Exif orientation: 2-4 mirror or turn by 180 degrees, 5-8 exchange the axes first."""
    turned = stored.transpose(1, 0, 2) if orientation >= 5 else stored
    if orientation in (2, 3, 6, 7):
        turned = turned[:, ::-1]
    if orientation in (3, 4, 7, 8):
        turned = turned[::-1]
    return np.ascontiguousarray(turned)
