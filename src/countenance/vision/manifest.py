"""A model manifest: which files, what they take and give, whose they are, and what is known about them.

A manifest is TOML, read strictly: an unknown or missing word is an error, so that a typing mistake is not a
silent default. It names files by package (of this installation) or by path (an operator's own copy, relative
to the manifest), and always by SHA-256: the hash is the identity, the place is not. It holds no code.

Format: docs/models.md. `licence` is what the files may be used for; `provenance` is what is known of the
people whose pictures trained them: a permissive licence says nothing about that.
"""

from __future__ import annotations

import hashlib
import json
import math
import re
import tomllib
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from countenance.domain.errors import BadRecord
from countenance.vision.fields import Fields

SCHEMA = "countenance.model/1"
PIPELINE = "countenance.vision/1"
"""What our own code does between the models (resize, align, average): part of the digest."""

Point = tuple[float, float]
Triple = tuple[float, float, float]


@dataclass(frozen=True, slots=True)
class ModelFile:
    """One file. `place` is a path inside `package`, or (package empty) a path on this machine."""

    title: str
    package: str
    package_version: str
    place: str
    sha256: str
    licence: str
    source: str
    provenance: str
    provenance_note: str


@dataclass(frozen=True, slots=True)
class PictureInput:
    """How the network takes a picture: (pixel - mean) * scale, per channel red, green, blue; pixel 0 to 255.

    order: "RGB" or "BGR". size: pixels of the square it takes, 0 where height and width are free multiples of
    `multiple`.
    """

    name: str
    order: str
    mean: Triple
    scale: Triple
    size: int
    multiple: int


@dataclass(frozen=True, slots=True)
class Heads:
    """Names of the detector's outputs, with `{stride}` in them, and how its confidence is read.

    score: "geometric-mean" (square root of class times objectness), "product", or "class" alone.
    logits: whether class and objectness still need the logistic function.
    """

    strides: tuple[int, ...]
    classes: str
    objectness: str
    boxes: str
    landmarks: str
    score: str
    logits: bool

    def names(self) -> tuple[str, ...]:
        """All outputs: class, objectness (where the score has it), box, landmarks; each by stride."""
        heads = [self.classes, self.objectness, self.boxes, self.landmarks]
        return tuple(h.format(stride=s) for h in heads if h for s in self.strides)


@dataclass(frozen=True, slots=True)
class Finding:
    """The policy of detection: longer sides tried in turn (pixels) until a face is found, and its floors."""

    sides: tuple[int, ...]
    confidence: float
    overlap: float


@dataclass(frozen=True, slots=True)
class Golden:
    """What the prepared model answers to the synthetic picture of models.py, within `tolerance`."""

    values: tuple[float, ...]
    tolerance: float


@dataclass(frozen=True, slots=True)
class Detector:
    file: ModelFile
    picture: PictureInput
    heads: Heads
    finding: Finding
    golden: Golden | None


@dataclass(frozen=True, slots=True)
class Embedder:
    """template: the five landmarks in the aligned square, pixels, in the order of domain.face.Face."""

    file: ModelFile
    picture: PictureInput
    output: str
    dimension: int
    template: tuple[Point, ...]
    golden: Golden | None


@dataclass(frozen=True, slots=True)
class Manifest:
    """A detector and an embedder that belong together. calibration: the name of its record, or empty."""

    name: str
    calibration: str
    detector: Detector
    embedder: Embedder

    @classmethod
    def read(cls, path: Path) -> Manifest:
        """Read a manifest. Raises BadRecord; relative paths in it start at its own folder."""
        try:
            raw = path.read_bytes()
        except OSError as error:
            raise BadRecord("The model manifest cannot be read.") from error
        return parse(raw, path.resolve().parent)

    @property
    def provenance(self) -> str:
        """ "unknown" unless both files state where the people in their training pictures came from."""
        stated = [self.embedder.file.provenance, self.detector.file.provenance]
        return "unknown" if "unknown" in stated else "; ".join(dict.fromkeys(stated))

    @property
    def digest(self) -> str:
        """sha256:<hex> over everything that a template depends on: hashes, geometry, policy of detection.

        Where the files lie, what they are called, licence, provenance and calibration do not enter it.
        """
        canonical = json.dumps(self._essence(), sort_keys=True, separators=(",", ":"), ensure_ascii=True)
        return "sha256:" + hashlib.sha256(canonical.encode("ascii")).hexdigest()

    def _essence(self) -> dict[str, Any]:
        detector, embedder = self.detector, self.embedder
        return {
            "pipeline": PIPELINE,
            "detector": {
                "sha256": detector.file.sha256,
                "picture": asdict(detector.picture),
                "heads": asdict(detector.heads),
                "finding": asdict(detector.finding),
            },
            "embedder": {
                "sha256": embedder.file.sha256,
                "picture": asdict(embedder.picture),
                "output": embedder.output,
                "dimension": embedder.dimension,
                "template": embedder.template,
            },
        }


def parse(raw: bytes, folder: Path) -> Manifest:
    """Strict TOML -> Manifest. Raises BadRecord with the place of the first mistake."""
    try:
        table = tomllib.loads(raw.decode("utf-8"))
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise BadRecord("The model manifest is not TOML.") from error
    with Fields(table, "model manifest") as top:
        top.one_of("schema", (SCHEMA,))
        name = top.text("name", pattern=r"[a-z0-9][a-z0-9.-]{0,62}")
        calibration = top.text("calibration", default="", pattern=r"([a-z0-9][a-z0-9.-]{0,62})?")
        detector = _detector(top.table("detector"), folder)
        embedder = _embedder(top.table("embedder"), folder)
    return Manifest(name, calibration, detector, embedder)


def _detector(fields: Fields, folder: Path) -> Detector:
    with fields:
        file = _file(fields, folder)
        picture = _picture(fields.table("input"), square=False)
        with fields.table("output") as out:
            strides = out.integers("strides", low=1, high=256)
            score = out.one_of("score", ("geometric-mean", "product", "class"))
            names = [out.text(word, pattern=r"[^{}]*\{stride\}[^{}]*") for word in ("classes", "boxes", "landmarks")]
            objectness = "" if score == "class" else out.text("objectness", pattern=r"[^{}]*\{stride\}[^{}]*")
            heads = Heads(strides, names[0], objectness, names[1], names[2], score, out.flag("logits", default=False))
        with fields.table("finding") as find:
            finding = Finding(
                find.integers("sides", low=32, high=4096),
                find.number("confidence", 0.0, 1.0),
                find.number("overlap", 0.0, 1.0),
            )
        return Detector(file, picture, heads, finding, _golden(fields))


def _embedder(fields: Fields, folder: Path) -> Embedder:
    with fields:
        file = _file(fields, folder)
        picture = _picture(fields.table("input"), square=True)
        output = fields.text("output")
        dimension = fields.integer("dimension", low=2, high=4096)
        points = fields.points("template", 5, high=float(picture.size))
        return Embedder(file, picture, output, dimension, points, _golden(fields))


def _file(fields: Fields, folder: Path) -> ModelFile:
    package = fields.text("package", default="", pattern=r"([A-Za-z0-9][A-Za-z0-9._-]{0,62})?")
    version = fields.text("package-version") if package else ""
    place = fields.text("file")
    if package and (".." in Path(place).parts or Path(place).is_absolute()):
        raise BadRecord("The model manifest names a file outside its package.")
    return ModelFile(
        title=fields.text("title"),
        package=package,
        package_version=version,
        place=place if package else str(folder / place),
        sha256=fields.text("sha256", pattern=r"[0-9a-f]{64}"),
        licence=fields.text("licence"),
        source=fields.text("source", default=""),
        provenance=fields.text("provenance"),
        provenance_note=fields.text("provenance-note", default=""),
    )


def _picture(fields: Fields, *, square: bool) -> PictureInput:
    with fields:
        return PictureInput(
            name=fields.text("name"),
            order=fields.one_of("order", ("RGB", "BGR")),
            mean=_triple(fields.numbers("mean", 3, -1e3, 1e3, default=(0.0, 0.0, 0.0))),
            scale=_triple(fields.numbers("scale", 3, 1e-6, 1e3, default=(1.0, 1.0, 1.0))),
            size=fields.integer("size", low=16, high=1024) if square else 0,
            multiple=1 if square else fields.integer("multiple", low=1, high=256),
        )


def _golden(fields: Fields) -> Golden | None:
    if not fields.has("golden"):
        return None
    with fields.table("golden") as golden:
        values = golden.numbers("values", None, -math.inf, math.inf)
        return Golden(values, golden.number("tolerance", 0.0, 1.0))


def _triple(values: tuple[float, ...]) -> Triple:
    red, green, blue = values
    return red, green, blue


_DIGEST = re.compile(r"\Asha256:[0-9a-f]{64}\Z")


def is_digest(text: str) -> bool:
    """Whether `text` has the form of a model digest."""
    return _DIGEST.match(text) is not None
