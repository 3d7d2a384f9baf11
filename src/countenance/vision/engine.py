"""One engine for all requests: find faces, judge their pictures, embed only those that are asked for.

`detect` says where faces are and how good their pictures; `embed` makes templates of the faces it is given,
and `faces` of the largest alone. A template is never logged, stored or shown from here. The networks run
behind one bounded queue (desk.py); when it is full, callers get Overloaded.

`many` is for evaluation and measurement: it keeps all cores busy, in order, with bounded memory.
"""

from __future__ import annotations

import os
from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from typing import TYPE_CHECKING, Self

import cv2
import numpy as np

from countenance.domain.errors import CountenanceError, ModelAltered, NoFace, SeveralFaces
from countenance.domain.face import Box, Face
from countenance.domain.image import Image
from countenance.vision import align, models, quality
from countenance.vision.decode import decode
from countenance.vision.desk import Desk
from countenance.vision.detect import find

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from pathlib import Path
    from types import TracebackType

    from numpy.typing import NDArray

    from countenance.vision.detect import Found
    from countenance.vision.manifest import Manifest

SECOND_FACE = 0.25
"""A second face counts where its box has at least this share of the first one's area (half its width)."""


def only_face(faces: Sequence[Face]) -> Face:
    """The one face of a photograph, where people in the background are small. Raises NoFace, SeveralFaces."""
    if not faces:
        raise NoFace("No face was found in the photograph.")
    rivals = sum(face.box.area >= SECOND_FACE * faces[0].box.area for face in faces)
    if rivals > 1:
        raise SeveralFaces(f"There are {rivals} faces of similar size in the photograph; one is asked for.")
    return faces[0]


class Engine:
    """A detector and an embedder, loaded. Thread-safe; a context manager.

    manifest: what it was loaded from. model_digest: "sha256:..." over all that a template depends on.
    dimension: numbers in a template.
    """

    def __init__(self, prepared: models.Prepared, *, threads: int = 0) -> None:
        self.manifest = prepared.manifest
        self.model_digest = prepared.manifest.digest
        self.dimension = prepared.manifest.embedder.dimension
        self.threads = threads or _cores()
        cv2.setNumThreads(1)  # requests are the parallelism; OpenCV's own pool would fight for the cores
        self._detector = models.Network.load(prepared, self.manifest.detector)
        self._embedder = models.Network.load(prepared, self.manifest.embedder)
        self._desk = Desk(self.threads)

    @classmethod
    def load(cls, manifest: Manifest, cache: Path, *, threads: int = 0) -> Engine:
        """Prepare (once) and load. threads: cores to use, 0 for all that this process may run on.

        Raises ModelMissing, ModelAltered, BadRecord, DiskFull, Misconfigured.
        """
        return cls(models.prepare(manifest, cache), threads=threads)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Let what was accepted finish, then refuse (Unavailable). Twice is once."""
        self._desk.close()

    @property
    def overloads(self) -> int:
        """How often it was too busy to take a photograph, since it was loaded."""
        return self._desk.overloads

    def detect(self, image: Image) -> tuple[Face, ...]:
        """All faces, largest box first, quality filled, no templates. Raises Overloaded, Unavailable."""
        found = find(image.rgb, self.manifest.detector, self._run_detector)
        faces = [self._face(image, found, i) for i in range(len(found))]
        return tuple(sorted(faces, key=lambda face: (-face.box.area, face.box.x, face.box.y)))

    def faces(self, image: Image, *, mirror: bool = False) -> tuple[Face, ...]:
        """As `detect`, with the template of the first (largest) face only."""
        found = self.detect(image)
        return (*self.embed(image, found[:1], mirror=mirror), *found[1:])

    def embed(self, image: Image, faces: Sequence[Face], *, mirror: bool = False) -> tuple[Face, ...]:
        """The same faces with templates: (D,) float32, unit L2.

        mirror: the unit mean with the mirrored face's template; it costs a second run, and is for references.
        Raises PoorQuality where landmarks coincide, Overloaded, Unavailable, ModelAltered.
        """
        squares = [self._square(image, face.landmarks * image.scale)[None] for face in faces]
        if mirror:
            squares += [np.ascontiguousarray(square[:, :, ::-1]) for square in squares]
        answers = self._desk.ask(self._embedder.run, squares, together=self._embedder.together)
        rows = [_unit(answer[0][0]) for answer in answers]
        if mirror:
            rows = [_unit(one + other) for one, other in zip(rows, rows[len(faces) :], strict=False)]
        return tuple(replace(face, template=row) for face, row in zip(faces, rows, strict=True))

    def many(
        self, pictures: Iterable[bytes | Image | Callable[[], bytes]], *, mirror: bool = False
    ) -> Iterator[tuple[Face, ...] | CountenanceError]:
        """`faces` of each picture, in order, on all cores; an error of a picture takes its place.

        A picture is raw bytes, a decoded Image, or a call that gives bytes when its turn comes. At most a few
        pictures per core are in memory at a time, however many there are.
        """
        feeders = self.threads + 1  # one more than cores: while one waits for a network, another decodes
        with ThreadPoolExecutor(feeders, thread_name_prefix="vision-feed") as pool:
            waiting: deque[Future[tuple[Face, ...] | CountenanceError]] = deque()
            try:
                for picture in pictures:
                    waiting.append(pool.submit(self._one_of_many, picture, mirror))
                    if len(waiting) > 2 * feeders:
                        yield waiting.popleft().result()
                while waiting:
                    yield waiting.popleft().result()
            finally:
                pool.shutdown(wait=True, cancel_futures=True)

    def _one_of_many(
        self,
        picture: bytes | Image | Callable[[], bytes],
        mirror: bool,  # noqa: FBT001
    ) -> tuple[Face, ...] | CountenanceError:
        try:
            raw = picture() if callable(picture) else picture
            return self.faces(raw if isinstance(raw, Image) else decode(raw), mirror=mirror)
        except CountenanceError as error:
            return error

    def _run_detector(self, canvas: NDArray[np.uint8]) -> list[NDArray[np.float32]]:
        return self._desk.ask(self._detector.run, [canvas])[0]

    def _square(self, image: Image, landmarks: NDArray[np.float32]) -> NDArray[np.uint8]:
        embedder = self.manifest.embedder
        return align.aligned(image.rgb, landmarks, embedder.template, embedder.picture.size)

    def _face(self, image: Image, found: Found, i: int) -> Face:
        left, top, right, bottom = (float(edge) / image.scale for edge in found.boxes[i])
        square = self._square(image, found.landmarks[i])
        return Face(
            Box(left, top, right - left, bottom - top),
            found.landmarks[i] / np.float32(image.scale),
            float(found.confidence[i]),
            quality.assess(square, found.landmarks[i], image.scale),
        )


def _cores() -> int:
    """Cores that this process may run on; all of the machine's where the system doesn't tell."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _unit(row: NDArray[np.float32]) -> NDArray[np.float32]:
    """(D,) at unit L2 length, float32."""
    length = float(np.linalg.norm(row.astype(np.float64)))
    if not (np.isfinite(length) and length > 0):
        raise ModelAltered("The embedder gave no finite template.")
    unit: NDArray[np.float32] = (row / np.float32(length)).astype(np.float32)
    return unit
