"""What a photograph's bytes say before a single pixel is decoded.

`read_header` walks the whole structure of a JPEG or PNG (never a pixel), refuses what is not
one complete still photograph, and keeps only the parts that draw pixels: comments, profiles, thumbnails, text
and second pictures never reach the codec. It judges by content; a name or a declared type is not asked for.

Bytes after the end marker belong to no picture and are not read (phones append films and notes there).

Sources: ITU-T T.81 (JPEG) annex B; PNG specification, third edition (W3C 2025), sections 5, 11.2 and 11.3;
TIFF 6.0 section 2 and Exif 2.32 (tag 0x0112, orientation); CIPA DC-007 (multi-picture format), section 5.2.3.
"""

from __future__ import annotations

import re
import zlib
from dataclasses import dataclass
from typing import Literal

from countenance.domain.errors import AnimatedImage, DamagedImage, UnsupportedImage

PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"
JPEG_SIGNATURE = b"\xff\xd8\xff"

MAX_SCANS = 64
"""Scans of one JPEG. A progressive photograph has about 10; each costs a pass over all pixels."""

_OTHER_FORMATS: tuple[tuple[int, bytes, str], ...] = (
    (0, b"GIF8", "GIF"), (0, b"BM", "BMP"), (0, b"II*\x00", "TIFF"), (0, b"MM\x00*", "TIFF"),
    (8, b"WEBP", "WebP"), (4, b"ftypheic", "HEIC"), (4, b"ftypmif1", "HEIF"), (4, b"ftypavif", "AVIF"),
    (0, b"%PDF", "PDF"), (0, b"\x00\x00\x00\x0cjP", "JPEG 2000"), (0, b"\xff\x0a", "JPEG XL"),
    (0, b"<", "text"),
)  # fmt: skip
# A marker that ends entropy-coded bytes: not a stuffed zero, a restart or a fill byte (T.81, B.1.1.5).
_MARKER_IN_SCAN = re.compile(rb"\xff[^\x00\xd0-\xd7\xff]")
_FRAMES = {0xC0: "baseline", 0xC1: "extended", 0xC2: "progressive"}
_OTHER_FRAMES = frozenset({0xC3, 0xC5, 0xC6, 0xC7, 0xC9, 0xCA, 0xCB, 0xCD, 0xCE, 0xCF})
_STANDALONE = frozenset({0x01, *range(0xD0, 0xD8)})
_PNG_DEPTHS = {0: (1, 2, 4, 8, 16), 2: (8, 16), 3: (1, 2, 4, 8), 4: (8, 16), 6: (8, 16)}
_PNG_SAMPLES = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}
_ADAM7 = ((0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2))
"""First column and row, and steps across and down, of each pass of an interlaced PNG (section 8.1)."""
_PNG_DRAWS = frozenset({b"IHDR", b"PLTE", b"tRNS", b"IDAT", b"IEND"})
_MPF_SEVERAL = frozenset({0x020001, 0x020002, 0x020003})
"""MP types with several photographs of one scene: panorama, stereo pair, multi-angle (DC-007, table 4)."""


@dataclass(frozen=True, slots=True)
class Header:
    """What was read. width, height: pixels as stored, before `orientation` (Exif, 1 to 8) is applied.

    pixels: the same picture with only the segments or chunks that draw pixels. deflated: a PNG's packed lines;
    line_bytes: how many bytes they must unpack to.
    """

    kind: Literal["JPEG", "PNG"]
    width: int
    height: int
    orientation: int
    pixels: bytes
    deflated: tuple[bytes, ...] = ()
    line_bytes: int = 0

    def check_lines(self) -> None:
        """Raise DamagedImage where a PNG's packed lines end before its picture does: codecs draw black there."""
        unpack, left = zlib.decompressobj(), self.line_bytes
        try:
            for piece in self.deflated:
                rest, out = piece, b"."
                while left > 0 and not unpack.eof and (rest or out):
                    out = unpack.decompress(rest, 1 << 20)
                    rest = unpack.unconsumed_tail
                    left -= len(out)
        except zlib.error as error:
            raise _damaged("its pixels do not unpack") from error
        if left > 0:
            raise _damaged("some of its lines are missing")


def read_header(raw: bytes) -> Header:
    """Read a JPEG or PNG. Raises UnsupportedImage, DamagedImage or AnimatedImage."""
    if raw.startswith(JPEG_SIGNATURE):
        return _Jpeg(raw).read()
    if raw.startswith(PNG_SIGNATURE):
        return _Png(raw).read()
    for offset, magic, name in _OTHER_FORMATS:
        if raw.startswith(magic, offset):
            raise UnsupportedImage(f"This is {name}, not a JPEG or PNG.")
    raise UnsupportedImage("This is neither a JPEG nor a PNG.")


def _damaged(what: str) -> DamagedImage:
    return DamagedImage(f"The photograph is damaged: {what}.")


class _Jpeg:
    """One walk over the markers of a JPEG, from SOI to EOI."""

    def __init__(self, raw: bytes) -> None:
        self._raw = raw
        self._at = 2
        self._kept: list[bytes] = [raw[:2]]
        self._size: tuple[int, int] | None = None
        self._orientation = 1
        self._scans = 0

    def read(self) -> Header:
        while (marker := self._marker()) != 0xD9:
            self._segment(marker)
        if self._size is None or self._scans == 0:
            raise _damaged("it has no picture in it")
        self._kept.append(b"\xff\xd9")
        width, height = self._size
        return Header("JPEG", width, height, self._orientation, b"".join(self._kept))

    def _marker(self) -> int:
        raw, at = self._raw, self._at
        if raw[at : at + 1] != b"\xff":
            raise _damaged("it ends before its end marker" if at >= len(raw) else "a marker is missing")
        while at < len(raw) and raw[at] == 0xFF:
            at += 1
        if at >= len(raw):
            raise _damaged("it ends before its end marker")
        self._at = at + 1
        return raw[at]

    def _segment(self, marker: int) -> None:
        if marker in _STANDALONE or marker == 0xD8:
            raise _damaged("a marker stands where none may")
        body = self._body()
        if marker in _FRAMES:
            self._frame(body)
        elif marker in _OTHER_FRAMES:
            raise UnsupportedImage("This JPEG is of a kind that cameras do not make (lossless or arithmetic).")
        elif marker == 0xE1 and body.startswith(b"Exif\x00\x00"):
            self._orientation = read_orientation(body[6:])
        elif marker == 0xE2 and body.startswith(b"MPF\x00"):
            _refuse_several(body[4:])
        if marker < 0xE0 or marker in (
            0xE0,
            0xEE,
        ):  # tables, frames and scans; JFIF and Adobe name the colours
            self._kept.append(bytes((0xFF, marker)) + (len(body) + 2).to_bytes(2, "big") + body)
        if marker == 0xDA:
            self._scan()

    def _body(self) -> bytes:
        length = int.from_bytes(self._raw[self._at : self._at + 2], "big")
        body = self._raw[self._at + 2 : self._at + length]
        if length < 2 or len(body) != length - 2:
            raise _damaged("a segment is cut short")
        self._at += length
        return body

    def _frame(self, body: bytes) -> None:
        if self._size is not None:
            raise _damaged("it has two frames")
        if len(body) < 6 or len(body) != 6 + 3 * body[5]:
            raise _damaged("its frame header does not add up")
        precision, components = body[0], body[5]
        if precision != 8:
            raise UnsupportedImage(f"This JPEG has {precision} bits per channel; 8 are read.")
        if components == 4:
            raise UnsupportedImage("This JPEG is CMYK, made for print.", next_step="Save it again as RGB.")
        if components not in (1, 3):
            raise UnsupportedImage(f"This JPEG has {components} channels; 1 and 3 are read.")
        self._size = int.from_bytes(body[3:5], "big"), int.from_bytes(body[1:3], "big")

    def _scan(self) -> None:
        if self._size is None:
            raise _damaged("pixels come before their frame")
        self._scans += 1
        if self._scans > MAX_SCANS:
            raise UnsupportedImage(f"This JPEG has more than {MAX_SCANS} scans.")
        found = _MARKER_IN_SCAN.search(self._raw, self._at)
        if found is None:
            raise _damaged("it ends in the middle of its pixels")
        self._kept.append(self._raw[self._at : found.start()])
        self._at = found.start()


class _Png:
    """One walk over the chunks of a PNG, from IHDR to IEND."""

    def __init__(self, raw: bytes) -> None:
        self._raw = raw
        self._at = len(PNG_SIGNATURE)
        self._kept: list[bytes] = [PNG_SIGNATURE]
        self._seen: set[bytes] = set()
        self._size = (0, 0)
        self._lines = 0
        self._packed: list[bytes] = []
        self._orientation = 1

    def read(self) -> Header:
        self._ihdr(*self._chunk())
        while b"IEND" not in self._seen:
            name, body = self._chunk()
            if name == b"IHDR":
                raise _damaged("it has two headers")
            if name == b"acTL":
                raise AnimatedImage("This PNG is animated.")
            if name == b"IDAT":
                self._packed.append(body)
            if name == b"eXIf":
                self._orientation = read_orientation(body)
        if b"IDAT" not in self._seen:
            raise _damaged("it has no picture in it")
        kept = b"".join(self._kept)
        return Header("PNG", *self._size, self._orientation, kept, tuple(self._packed), self._lines)

    def _chunk(self) -> tuple[bytes, bytes]:
        raw, at = self._raw, self._at
        length = int.from_bytes(raw[at : at + 4], "big")
        end = at + 12 + length
        if end > len(raw) or length >= 1 << 31:
            raise _damaged("it ends before its end chunk")
        name, body = raw[at + 4 : at + 8], raw[at + 8 : end - 4]
        if zlib.crc32(raw[at + 4 : end - 4]) != int.from_bytes(raw[end - 4 : end], "big"):
            raise _damaged("a chunk does not match its checksum")
        if name[:1].isupper() and name not in _PNG_DRAWS:
            raise UnsupportedImage("This PNG needs an extension that is not read.")
        if name in _PNG_DRAWS:
            self._kept.append(raw[at:end])
        self._seen.add(name)
        self._at = end
        return name, body

    def _ihdr(self, name: bytes, body: bytes) -> None:
        if name != b"IHDR" or len(body) != 13:
            raise _damaged("it does not begin with its header")
        depth, colour, compression, filtering, interlace = body[8:13]
        if depth not in _PNG_DEPTHS.get(colour, ()) or compression or filtering or interlace > 1:
            raise _damaged("its header is not one a PNG can have")
        width, height = int.from_bytes(body[:4], "big"), int.from_bytes(body[4:8], "big")
        self._size = width, height
        passes = _ADAM7 if interlace else ((0, 0, 1, 1),)
        self._lines = sum(
            _line_bytes(-((x - width) // across), -((y - height) // down), depth * _PNG_SAMPLES[colour])
            for x, y, across, down in passes
        )


def _line_bytes(width: int, height: int, bits: int) -> int:
    """Bytes of `height` filtered lines of `width` pixels; a pass without pixels has no lines."""
    return height * (1 + (width * bits + 7) // 8) if width > 0 and height > 0 else 0


class _Tiff:
    """A bounded reader of the first directory of a TIFF block, as Exif and MPF use it."""

    def __init__(self, block: bytes) -> None:
        self._block = block
        self._order: Literal["little", "big"] = "little" if block[:2] == b"II" else "big"

    def number(self, at: int, size: int) -> int | None:
        piece = self._block[at : at + size]
        return int.from_bytes(piece, self._order) if len(piece) == size else None

    def entries(self) -> dict[int, int]:
        """tag -> offset of its entry of 12 bytes; empty where the block is not TIFF."""
        if self._block[:4] not in (b"II*\x00", b"MM\x00*"):
            return {}
        start = self.number(4, 4)
        count = self.number(start, 2) if start is not None else None
        if start is None or count is None:
            return {}
        places = (start + 2 + 12 * i for i in range(count))
        return {tag: at for at in places if (tag := self.number(at, 2)) is not None}


def read_orientation(block: bytes) -> int:
    """The Exif orientation, 1 to 8, of a TIFF block; 1 (upright) where it is absent or makes no sense.

    A broken note about the photograph is no fault of its pixels, so nothing is raised.
    """
    tiff = _Tiff(block)
    at = tiff.entries().get(0x0112)
    if at is None or (tiff.number(at + 2, 2), tiff.number(at + 4, 4)) != (3, 1):
        return 1
    value = tiff.number(at + 8, 2)
    return value if value is not None and 1 <= value <= 8 else 1


def _refuse_several(block: bytes) -> None:
    """Raise AnimatedImage where a multi-picture index lists further photographs of the scene.

    Previews and gain maps, which phones add, are not: the first picture is the photograph.
    """
    tiff = _Tiff(block)
    at = tiff.entries().get(0xB002)
    if at is None:
        return
    size, start = tiff.number(at + 4, 4), tiff.number(at + 8, 4)
    for entry in range(start or 0, min((start or 0) + (size or 0), len(block)), 16):
        attribute = tiff.number(entry, 4)
        if attribute is not None and attribute & 0xFFFFFF in _MPF_SEVERAL:
            raise AnimatedImage("This file holds several photographs (multi-picture format).")
