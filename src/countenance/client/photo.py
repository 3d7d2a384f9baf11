"""A photograph as it is sent: bytes, or a file that is read here, bounded, and of a kind that the server takes.

It decodes nothing and changes nothing. Source: docs/api.md, "Photographs".
"""

from __future__ import annotations

import os
from pathlib import Path

from countenance.domain.errors import BadInput, EmptyImage, ImageTooLarge, UnsupportedImage

PHOTO_LIMIT = 5 * 2**20
"""Bytes of a photograph; the server's own limit."""

_KINDS = {b"\xff\xd8\xff": "image/jpeg", b"\x89PNG\r\n\x1a\n": "image/png"}


def photo_bytes(photo: object) -> bytes:
    """The bytes of a photograph, in a size and of a kind that the server reads. Raises BadInput, BadImage."""
    raw = _read(photo) if isinstance(photo, Path) else photo
    if not isinstance(raw, bytes):
        raise BadInput("a photograph is bytes or a pathlib.Path")
    if not raw:
        raise EmptyImage("the photograph has no bytes")
    if len(raw) > PHOTO_LIMIT:
        raise ImageTooLarge("the photograph has more than 5 MiB")
    kind_of(raw)
    return raw


def _read(path: Path) -> bytes:
    try:
        with path.open("rb") as source:
            return source.read(PHOTO_LIMIT + 1)
    except OSError as error:
        raise BadInput(f"the photograph cannot be read: {os.strerror(error.errno or 0)}") from None


def kind_of(raw: bytes) -> str:
    """The media type, by the first bytes. Raises UnsupportedImage."""
    for start, kind in _KINDS.items():
        if raw.startswith(start):
            return kind
    raise UnsupportedImage("the photograph is neither JPEG nor PNG")
