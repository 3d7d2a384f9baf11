"""What the decoder reads, what it refuses, and that nothing else ever comes out of it."""

from __future__ import annotations

import io
import struct
import warnings
import zlib
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image as Pillow
from PIL import ImageOps

from countenance.domain.errors import (
    AnimatedImage,
    BadImage,
    DamagedImage,
    EmptyImage,
    ImageTooLarge,
    ImageTooSmall,
    TooManyPixels,
    UnsupportedImage,
)
from countenance.vision.decode import LIMITS, Limits, decode
from countenance.vision.headers import MAX_SCANS, read_header
from tests.vision.drawn import draw, encode

PICTURE = draw(120, 160)
JPEG = encode(PICTURE, "JPEG", quality=90)
PROGRESSIVE = encode(PICTURE, "JPEG", progressive=True)
PNG = encode(PICTURE)


def chunk(name: bytes, body: bytes) -> bytes:
    return len(body).to_bytes(4, "big") + name + body + zlib.crc32(name + body).to_bytes(4, "big")


def png(width: int, height: int, depth: int, colour: int, rows: bytes, *, interlace: int = 0) -> bytes:
    """A PNG made by hand, for what Pillow does not write. rows: filter byte and samples of each line."""
    header = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, interlace)
    parts = [chunk(b"IHDR", header), chunk(b"IDAT", zlib.compress(rows)), chunk(b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


def segment(marker: int, body: bytes) -> bytes:
    return bytes((0xFF, marker)) + (len(body) + 2).to_bytes(2, "big") + body


def with_segment(raw: bytes, added: bytes) -> bytes:
    """`raw` with a segment after its start marker."""
    return raw[:2] + added + raw[2:]


def mpf(kind: int) -> bytes:
    """A multi-picture index that lists a primary photograph and one of this type."""
    entries = struct.pack("<IIIHH", 0x030000, 1000, 0, 0, 0) + struct.pack("<IIIHH", kind, 1000, 2000, 0, 0)
    directory = struct.pack("<H", 1) + struct.pack("<HHII", 0xB002, 7, len(entries), 26) + struct.pack("<I", 0)
    return segment(0xE2, b"MPF\x00" + b"II*\x00" + struct.pack("<I", 8) + directory + entries)


class TestReads:
    def test_a_png_is_read_bit_for_bit(self) -> None:
        photograph = decode(PNG)
        assert np.array_equal(photograph.rgb, PICTURE)
        assert (photograph.width, photograph.height, photograph.scale) == (120, 160, 1.0)
        assert photograph.rgb.flags.c_contiguous
        assert photograph.rgb.dtype == np.uint8

    @pytest.mark.parametrize("raw", [JPEG, PROGRESSIVE], ids=["baseline", "progressive"])
    def test_a_jpeg_is_read_as_its_codec_reads_the_whole_file(self, raw: bytes) -> None:
        assert np.array_equal(decode(raw).rgb, np.asarray(Pillow.open(io.BytesIO(raw))))

    @pytest.mark.parametrize("orientation", range(1, 9))
    @pytest.mark.parametrize("kind", ["PNG", "JPEG"])
    def test_each_orientation_is_applied(self, kind: str, orientation: int) -> None:
        exif = Pillow.Exif()
        exif[0x0112] = orientation
        raw = encode(PICTURE, kind, exif=exif)
        upright = ImageOps.exif_transpose(Pillow.open(io.BytesIO(raw)))
        assert np.array_equal(decode(raw).rgb, np.asarray(upright))

    @pytest.mark.parametrize("block", [b"", b"II*\x00", b"II*\x00\xff\xff\xff\xff", b"XX*\x00" + bytes(40)])
    def test_a_broken_note_about_orientation_leaves_the_pixels_as_stored(self, block: bytes) -> None:
        assert np.array_equal(decode(with_segment(JPEG, segment(0xE1, b"Exif\x00\x00" + block))).rgb, decode(JPEG).rgb)

    @pytest.mark.parametrize("value", [0, 9, 65535])
    def test_an_orientation_that_does_not_exist_is_upright(self, value: int) -> None:
        exif = Pillow.Exif()
        exif[0x0112] = value
        assert np.array_equal(decode(encode(PICTURE, exif=exif)).rgb, PICTURE)

    @pytest.mark.parametrize(("kind", "mode"), [("PNG", m) for m in ("L", "1", "P", "RGB")] + [("JPEG", "L")])
    def test_modes_without_alpha(self, mode: str, kind: str) -> None:
        raw = encode(Pillow.fromarray(PICTURE).convert(mode), kind)
        assert np.array_equal(decode(raw).rgb, np.asarray(Pillow.open(io.BytesIO(raw)).convert("RGB")))

    @pytest.mark.parametrize("mode", ["RGBA", "LA"])
    def test_alpha_is_laid_over_white(self, mode: str) -> None:
        layer = Pillow.fromarray(PICTURE).convert(mode)
        cover = np.zeros((160, 120), np.uint8)
        cover[80:], cover[40:80] = 255, 128
        layer.putalpha(Pillow.fromarray(cover))
        rgb = decode(encode(layer)).rgb
        opaque = np.asarray(Pillow.fromarray(PICTURE).convert(mode[:-1]).convert("RGB"))
        assert (rgb[:40] == 255).all()
        assert np.abs(rgb[40:80].astype(int) - (opaque[40:80].astype(int) * 128 + 255 * 127) / 255).max() <= 1
        assert np.array_equal(rgb[80:], opaque[80:])

    @pytest.mark.parametrize("mode", ["P", "RGB", "L"])
    def test_a_transparent_colour_becomes_white(self, mode: str) -> None:
        plain = np.zeros((90, 90, 3), np.uint8)
        plain[:, 45:] = 204
        picture = Pillow.fromarray(plain).convert(mode)
        pixel = picture.getpixel((0, 0))
        rgb = decode(encode(picture, transparency=pixel)).rgb
        assert (rgb[:, :45] == 255).all()
        assert (rgb[:, 45:] == 204).all()

    def test_16_bits_of_grey_become_8_rounded(self) -> None:
        levels = np.linspace(0, 65535, 90 * 90).reshape(90, 90).astype(">u2")
        rows = b"".join(b"\x00" + line.tobytes() for line in levels)
        expected = np.round(levels.astype(float) / 257)
        assert np.array_equal(decode(png(90, 90, 16, 0, rows)).rgb, np.repeat(expected[:, :, None], 3, axis=2))

    def test_16_bits_of_colour_become_8(self) -> None:
        levels = np.linspace(0, 65535, 90 * 90 * 3).reshape(90, 270).astype(">u2")
        rows = b"".join(b"\x00" + line.tobytes() for line in levels)
        read = decode(png(90, 90, 16, 2, rows)).rgb.reshape(90, 270).astype(float)
        assert np.abs(read - levels / 257).max() <= 1

    @pytest.mark.parametrize("missing", [0, 1])
    def test_an_interlaced_png_is_read_where_all_its_passes_are_there(self, missing: int) -> None:
        """Seven passes of 90 x 91 grey pixels, all of one level: one byte less is damage."""
        sizes = [(12, 12), (11, 12), (23, 11), (22, 23), (45, 23), (45, 46), (90, 45)]
        lines = b"".join((b"\x00" + b"\x4d" * width) * height for width, height in sizes)
        raw = png(90, 91, 8, 0, lines[: len(lines) - missing], interlace=1)
        if missing:
            with pytest.raises(DamagedImage):
                decode(raw)
        else:
            assert (decode(raw).rgb == 0x4D).all()

    @pytest.mark.parametrize("raw", [JPEG, PROGRESSIVE, PNG])
    def test_bytes_after_the_end_are_not_read(self, raw: bytes) -> None:
        for junk in (b"\x00", b"<script>", raw, b"\xff\xd8\xff\xe0" * 50):
            assert np.array_equal(decode(raw + junk).rgb, decode(raw).rgb)

    def test_a_preview_or_gain_map_beside_the_photograph_is_not_read(self) -> None:
        for kind in (0x000000, 0x010001):
            assert np.array_equal(decode(with_segment(JPEG, mpf(kind)) + JPEG).rgb, decode(JPEG).rgb)

    @pytest.mark.parametrize("kind", ["JPEG", "PNG"])
    def test_a_large_photograph_is_reduced_and_says_by_how_much(self, kind: str) -> None:
        large = np.asarray(Pillow.fromarray(PICTURE).resize((2601, 3467)))
        photograph = decode(encode(large, kind))
        assert photograph.rgb.shape == (1734, 1301, 3)
        assert photograph.scale == 0.5
        small = np.asarray(Pillow.fromarray(large).resize((1301, 1734), Pillow.Resampling.BOX))
        assert np.abs(photograph.rgb.astype(int) - small).mean() < 2

    def test_a_long_strip_keeps_its_shorter_side(self) -> None:
        assert decode(encode(np.zeros((90, 6000, 3), np.uint8))).rgb.shape == (90, 6000, 3)


class TestCodecSeesOnlyPixels:
    def test_no_note_profile_or_comment_reaches_it(self) -> None:
        raw = JPEG
        for marker, body in ((0xE1, b"Exif\x00\x00SECRET"), (0xE2, b"ICC_PROFILE\x00SECRET"), (0xFE, b"SECRET")):
            raw = with_segment(raw, segment(marker, body))
        assert b"SECRET" not in read_header(raw).pixels
        assert np.array_equal(decode(raw).rgb, decode(JPEG).rgb)

    def test_a_text_bomb_in_a_png_is_never_unpacked(self) -> None:
        bomb = chunk(b"zTXt", b"note\x00\x00" + zlib.compress(bytes(50_000_000)))
        raw = PNG[:33] + bomb + PNG[33:]
        assert b"zTXt" not in read_header(raw).pixels
        assert np.array_equal(decode(raw).rgb, PICTURE)


BOMB = png(5001, 5000, 8, 2, b"not a picture")
GIF = encode(PICTURE, "GIF")
MANY_SCANS = JPEG[:-2] + segment(0xDA, b"\x01\x01\x00\x00\x3f\x00") * MAX_SCANS + JPEG[-2:]
REFUSED: dict[str, tuple[bytes, type[BadImage]]] = {
    "empty": (b"", EmptyImage),
    "text": (b"hello, this is no photograph", UnsupportedImage),
    "html": (b"<html></html>", UnsupportedImage),
    "gif named jpg": (GIF, UnsupportedImage),
    "webp": (encode(PICTURE, "WEBP"), UnsupportedImage),
    "bmp": (encode(PICTURE, "BMP"), UnsupportedImage),
    "tiff": (encode(PICTURE, "TIFF"), UnsupportedImage),
    "cmyk": (encode(Pillow.fromarray(PICTURE).convert("CMYK"), "JPEG"), UnsupportedImage),
    "12 bits": (JPEG.replace(b"\xff\xc0\x00\x11\x08", b"\xff\xc0\x00\x11\x0c"), UnsupportedImage),
    "lossless jpeg": (JPEG.replace(b"\xff\xc0\x00\x11", b"\xff\xc3\x00\x11"), UnsupportedImage),
    "arithmetic jpeg": (JPEG.replace(b"\xff\xc0\x00\x11", b"\xff\xc9\x00\x11"), UnsupportedImage),
    "scan bomb": (MANY_SCANS, UnsupportedImage),
    "animated png": (
        encode(PICTURE, save_all=True, append_images=[Pillow.fromarray(PICTURE[::-1].copy())]),
        AnimatedImage,
    ),
    "panorama": (with_segment(JPEG, mpf(0x020001)), AnimatedImage),
    "stereo pair": (with_segment(JPEG, mpf(0x020002)), AnimatedImage),
    "only a start": (JPEG[:2] + b"\xff", DamagedImage),
    "start and end": (b"\xff\xd8\xff\xd9", DamagedImage),
    "png signature": (PNG[:8], DamagedImage),
    "png without pixels": (PNG[:33] + chunk(b"IEND", b""), DamagedImage),
    "png with two headers": (PNG[:33] + PNG[8:], DamagedImage),
    "png wrong checksum": (PNG[:40] + bytes((PNG[40] ^ 1,)) + PNG[41:], DamagedImage),
    "png no such depth": (png(90, 90, 4, 2, b"\x00" * 90 * 136), DamagedImage),
    "png too few lines": (png(90, 90, 8, 2, b"\x00" * 271 * 50), DamagedImage),
    "png unknown critical chunk": (PNG[:33] + chunk(b"ABCD", b"") + PNG[33:], UnsupportedImage),
    "jpeg two frames": (JPEG[:2] + segment(0xC0, b"\x08\x00\x5a\x00\x5a\x01\x01\x11\x00") + JPEG[2:], DamagedImage),
    "pixel bomb": (BOMB, TooManyPixels),
    "small": (encode(PICTURE[:79]), ImageTooSmall),
    "thin": (encode(PICTURE[:, :79]), ImageTooSmall),
    "no height": (JPEG.replace(b"\x08\x00\xa0\x00\x78", b"\x08\x00\x00\x00\x78"), ImageTooSmall),
    "large": (PNG + bytes(LIMITS.raw_bytes), ImageTooLarge),
}


class TestRefuses:
    @pytest.mark.parametrize("name", REFUSED)
    def test_with_its_own_error_and_what_to_do(self, name: str) -> None:
        raw, error = REFUSED[name]
        with pytest.raises(error) as refused:
            decode(raw)
        assert type(refused.value) is error
        assert refused.value.message.endswith(".")
        assert refused.value.next_step

    def test_the_size_is_judged_before_a_pixel_is_decoded(self) -> None:
        """The bomb's pixels cannot be decoded at all: were they tried first, it would count as damaged."""
        with pytest.raises(DamagedImage):
            decode(BOMB, limits=Limits(pixels=30_000_000))

    def test_limits_are_inclusive(self) -> None:
        assert decode(PNG, limits=Limits(raw_bytes=len(PNG), pixels=120 * 160, side=120)).width == 120

    @pytest.mark.parametrize("raw", [JPEG, PROGRESSIVE, PNG], ids=["baseline", "progressive", "png"])
    def test_every_truncation_is_damage(self, raw: bytes) -> None:
        for end in [*range(20, len(raw) - 1, 37), len(raw) - 1]:
            with pytest.raises(DamagedImage):
                decode(raw[:end])


SEEDS = [
    JPEG,
    PROGRESSIVE,
    PNG,
    encode(Pillow.fromarray(PICTURE).convert("L"), "JPEG"),
    encode(Pillow.fromarray(PICTURE).convert("P")),
    encode(Pillow.fromarray(PICTURE).convert("RGBA")),
    png(90, 90, 16, 0, b"\x00" * 90 * 181),
    with_segment(JPEG, mpf(0)),
]


@st.composite
def mutated(draw_: Any) -> bytes:
    """A picture with a few bytes changed, cut out, doubled or put in; PNG checksums are made right again."""
    raw = bytearray(draw_(st.sampled_from(SEEDS)))
    for _ in range(draw_(st.integers(1, 6))):
        at = draw_(st.integers(0, max(0, len(raw) - 1)))
        kind = draw_(st.sampled_from(["set", "cut", "double", "insert", "truncate"]))
        length = draw_(st.integers(1, 40))
        if kind == "set" and raw:
            raw[at] = draw_(st.integers(0, 255))
        elif kind == "cut":
            del raw[at : at + length]
        elif kind == "double":
            raw[at:at] = raw[at : at + length]
        elif kind == "insert":
            raw[at:at] = draw_(st.binary(max_size=16))
        elif kind == "truncate" and len(raw) > 100:
            del raw[at:]
    return _right_checksums(bytes(raw)) if draw_(st.booleans()) else bytes(raw)


def _right_checksums(raw: bytes) -> bytes:
    if not raw.startswith(b"\x89PNG\r\n\x1a\n"):
        return raw
    out, at = bytearray(raw), 8
    while at + 12 <= len(out):
        end = at + 12 + int.from_bytes(out[at : at + 4], "big")
        if end > len(out):
            break
        out[end - 4 : end] = zlib.crc32(bytes(out[at + 4 : end - 4])).to_bytes(4, "big")
        at = end
    return bytes(out)


@given(mutated())
def test_hostile_bytes_give_a_photograph_or_one_of_our_errors(raw: bytes) -> None:
    _photograph_or_error(raw)


@given(st.sampled_from([b"", b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n"]), st.binary(max_size=300))
def test_noise_gives_one_of_our_errors(start: bytes, noise: bytes) -> None:
    with pytest.raises(BadImage):
        decode(start + noise)


def _photograph_or_error(raw: bytes) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        try:
            photograph = decode(raw)
        except BadImage:
            return
    assert photograph.rgb.dtype == np.uint8
    assert photograph.rgb.ndim == 3
    assert photograph.rgb.flags.c_contiguous
    assert photograph.width * photograph.height <= LIMITS.pixels
