"""Photograph to template: this engine against OpenCV's own classes and face_recognition, and two cores against one.

    python -m benchmarks.vision [--photos DIR] [--peers-python PYTHON] [--json]

Every ratio is taken in one run on the same bytes, in alternation: of each photograph the least time of either side
over all rounds, then the median over photographs. The one-core rows pin the process to one core before any thread
exists. The way measured is the whole way, JPEG bytes to unit template; ours also checks the header, judges quality
and passes its queue.

OpenCV runs the very files that our engine was prepared from. On the same aligned square the networks agree to 4e-7;
the squares themselves differ by one grey level in at most one value in a thousand (its transform is computed in
single precision), which is the difference that the first rows show.

face_recognition runs in an environment of its own (benchmarks/peers.txt) on the same core, one photograph at a time,
in the same alternation; where it is not installed its row says so.

Photographs: one face each, brought to 640 px on the longer side. Without --photos, ../shared/faces/london where it
is there, else faces that the tests draw.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import cv2
import numpy as np

from benchmarks.rows import Row, least, report, seconds
from countenance.vision import models
from countenance.vision.decode import decode
from countenance.vision.engine import Engine
from tests.vision.drawn import ANN, BEN, draw

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from numpy.typing import NDArray

ROOT = Path(__file__).resolve().parent.parent
LONDON = ROOT.parent / "shared" / "faces" / "london"
SIDE = 640
"""Pixels of the longer side of each photograph."""


class OpenCv:
    """FaceDetectorYN and FaceRecognizerSF with the shipped files, the largest face, as their documentation does it."""

    def __init__(self, folder: Path, side: int) -> None:
        self._side = side
        manifest = models.shipped()
        for name, file in (("yunet", manifest.detector.file), ("sface", manifest.embedder.file)):
            (folder / f"{name}.onnx").write_bytes(models.read_source(file))
        floor, overlap = manifest.detector.finding.confidence, manifest.detector.finding.overlap
        self._detector = cv2.FaceDetectorYN.create(str(folder / "yunet.onnx"), "", (side, side), floor, overlap)
        self._recogniser = cv2.FaceRecognizerSF.create(str(folder / "sface.onnx"), "")

    def __call__(self, raw: bytes) -> NDArray[np.float32]:
        bgr = np.asarray(cv2.imdecode(np.frombuffer(raw, np.uint8), cv2.IMREAD_COLOR), np.uint8)
        factor = self._side / max(bgr.shape[:2])
        size = round(bgr.shape[1] * factor), round(bgr.shape[0] * factor)
        small = bgr if factor == 1 else cv2.resize(bgr, size, interpolation=cv2.INTER_AREA)
        self._detector.setInputSize(size)
        _, rows = self._detector.detect(small)
        row = max(rows, key=lambda row: row[2] * row[3]).copy()
        row[:14] /= factor
        feature = self._recogniser.feature(self._recogniser.alignCrop(bgr, row[None]))[0]
        unit: NDArray[np.float32] = feature / np.linalg.norm(feature)
        return unit


class FaceRecognition:
    """face_recognition in another Python, on our core: one line with a path in, one line with seconds out."""

    def __init__(self, python: Path) -> None:
        script = Path(__file__).with_name("peer_face_recognition.py")
        self._child = subprocess.Popen(
            [str(python), str(script)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def seconds(self, photo: Path) -> float:
        if self._child.stdin is None or self._child.stdout is None:
            raise RuntimeError("the peer has no pipes")
        self._child.stdin.write(f"{photo}\n")
        self._child.stdin.flush()
        return float(self._child.stdout.readline())

    def close(self) -> None:
        self._child.communicate()


@contextmanager
def _on(cores: set[int]) -> Iterator[None]:
    """Run on these cores only; threads made meanwhile stay on them."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, cores)
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def _photographs(folder: Path | None, most: int) -> list[bytes]:
    """JPEG bytes, the longer side 640 px."""
    if folder is None and LONDON.is_dir():
        folder = LONDON
    if folder is None:
        pictures = [np.ascontiguousarray(draw(480, 640, look)[:, :, ::-1]) for look in (ANN, BEN)]
    else:
        names = sorted(path for path in folder.rglob("*") if path.suffix.lower() in (".jpg", ".jpeg"))
        pictures = [np.asarray(cv2.imread(str(name)), np.uint8) for name in names[: 2 * most : 2]]
    made = []
    for bgr in pictures:
        factor = SIDE / max(bgr.shape[:2])
        small = cv2.resize(bgr, None, fx=factor, fy=factor, interpolation=cv2.INTER_AREA)
        made.append(bytes(cv2.imencode(".jpg", small, [cv2.IMWRITE_JPEG_QUALITY, 90])[1]))
    return made


def _against(
    ours: Callable[[bytes], object], theirs: Callable[[bytes], object], photos: Sequence[bytes], rounds: int
) -> float:
    """theirs / ours: the least of each photograph, the median over photographs."""
    times = [least(rounds, partial(ours, raw), partial(theirs, raw)) for raw in photos]
    return statistics.median(other / mine for mine, other in times)


def _template(engine: Engine, raw: bytes) -> NDArray[np.float32]:
    template = engine.faces(decode(raw))[0].template
    if template is None:
        raise RuntimeError("no template")
    return template


def _against_opencv(cache: Path, photos: list[bytes], rounds: int) -> list[Row]:
    with tempfile.TemporaryDirectory() as folder, Engine.load(models.shipped(), cache, threads=1) as engine:
        small, large = OpenCv(Path(folder), 320), OpenCv(Path(folder), SIDE)

        def ours(raw: bytes) -> NDArray[np.float32]:
            return _template(engine, raw)

        pairs = [(ours(raw).astype(np.float64), small(raw).astype(np.float64)) for raw in photos]
        turned = max(float(1 - mine @ theirs) for mine, theirs in pairs)
        apart = max(float(np.abs(mine - theirs).max()) for mine, theirs in pairs)
        fast = _against(ours, small, photos, rounds)
        plain = _against(ours, large, photos, rounds)
    return [
        Row("1 - cosine with OpenCV's embedding, worst", turned, "", "at most 1e-4", turned <= 1e-4),
        Row("largest difference of one component", apart, "of unit length"),
        Row("OpenCV / ours, one core, both search at 320 px", fast, "times", "at least 1.8", fast >= 1.8),
        Row("OpenCV at 640 px / ours as shipped, one core", plain, "times"),
    ]


def _against_face_recognition(cache: Path, photos: list[bytes], python: Path | None, rounds: int) -> Row:
    name = "face_recognition (dlib, HOG) / ours, one core"
    if python is None or not python.exists():
        return Row(f"{name}: skipped, not installed", 0.0, "times", "at least 7", None)
    with tempfile.TemporaryDirectory() as folder, Engine.load(models.shipped(), cache, threads=1) as engine:
        files = [Path(folder) / f"{i}.jpg" for i in range(len(photos))]
        for file, raw in zip(files, photos, strict=True):
            file.write_bytes(raw)
        peer = FaceRecognition(python)
        ratios = []
        for file, raw in zip(files, photos, strict=True):
            turns = [(peer.seconds(file), seconds(partial(_template, engine, raw))) for _ in range(rounds + 1)]
            theirs, ours = (min(side) for side in zip(*turns[1:], strict=True))
            ratios.append(theirs / ours)
        peer.close()
    value = statistics.median(ratios)
    return Row(name, value, "times", "at least 7", value >= 7)


def _two_cores(cache: Path, photos: list[bytes], rounds: int) -> Row:
    """Photographs per second on two cores / on one, each with its own engine, in alternation."""
    name, cores = "two cores / one core, batches", sorted(os.sched_getaffinity(0))[:2]
    if len(cores) < 2:
        return Row(f"{name}: skipped, one core", 0.0, "times", "at least 1.8", None)
    batch = photos * max(1, 40 // len(photos))
    with _on({cores[0]}):
        one = Engine.load(models.shipped(), cache, threads=1)
    two = Engine.load(models.shipped(), cache, threads=2)

    def on(these: set[int], engine: Engine) -> None:
        with _on(these):
            list(engine.many(batch))

    alone, together = least(rounds, lambda: on({cores[0]}, one), lambda: on(set(cores), two))
    one.close()
    two.close()
    value = alone / together
    return Row(name, value, "times", "at least 1.8", value >= 1.8)


_START = """
import json, sys, time
from pathlib import Path
from countenance.vision import models
from countenance.vision.engine import Engine
with Engine.load(models.shipped(), Path(sys.argv[1])) as engine:
    ready = time.time() - float(sys.argv[2])
    peak = next(line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM"))
    print(json.dumps([ready, int(peak.split()[1]) / 1024]))
"""


def _start(cache: Path) -> list[Row]:
    """A fresh process until its engine is ready, the prepared models in the cache; median of five."""
    made = []
    for _ in range(5):
        command = [sys.executable, "-c", _START, str(cache), str(time.time())]
        made.append(json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout))
    ready, memory = (statistics.median(column) for column in zip(*made, strict=True))
    return [
        Row("engine alone, process start to ready, median", ready, "s"),
        Row("engine alone, peak memory", memory, "MB"),
    ]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--photos", type=Path, help="folder of photographs with one face each")
    parser.add_argument("--peers-python", type=Path, default=ROOT / ".peers" / "bin" / "python")
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--most", type=int, default=12, help="photographs used")
    parser.add_argument("--json", action="store_true")
    asked = parser.parse_args()
    photos = _photographs(asked.photos, asked.most)
    core = {min(os.sched_getaffinity(0))}
    with tempfile.TemporaryDirectory() as folder:
        cache = Path(folder) / "models"
        models.prepare(models.shipped(), cache)
        with _on(core):
            cv2.setNumThreads(1)
            rows = _against_opencv(cache, photos, asked.rounds)
            rows.append(_against_face_recognition(cache, photos[:10], asked.peers_python, min(6, asked.rounds)))
        rows.append(_two_cores(cache, photos, asked.rounds))
        rows += _start(cache)
    return report(rows, asked.json)


if __name__ == "__main__":
    sys.exit(main())
