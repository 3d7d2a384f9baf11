"""A model of the operator's own is a manifest away: another detector, and an embedder of any dimension."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import onnx
import pytest
from onnx import helper, numpy_helper

from countenance.domain.errors import BadRecord
from countenance.domain.image import Image
from countenance.vision import models
from countenance.vision.align import aligned
from countenance.vision.engine import Engine
from countenance.vision.manifest import Manifest
from tests.vision.drawn import draw

if TYPE_CHECKING:
    from pathlib import Path

DIMENSION = 7
MEAN, SCALE = 127.5, 1 / 127.5


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


DETECTOR = """
[detector]
title = "{title}"
{file}
licence = "BSD-3-Clause"
provenance = "WIDER FACE"

[detector.input]
name = "input"
order = "BGR"
multiple = 32

[detector.output]
strides = [8, 16, 32]
classes = "cls_{{stride}}"
objectness = "obj_{{stride}}"
boxes = "bbox_{{stride}}"
landmarks = "kps_{{stride}}"
score = "geometric-mean"

[detector.finding]
sides = [320, 640]
confidence = 0.6
overlap = 0.3
"""
EMBEDDER = """
[embedder]
title = "Tiny"
file = "tiny.onnx"
sha256 = "{sha256}"
licence = "CC0-1.0"
provenance = "random numbers"
output = "{output}"
dimension = {dimension}
template = [[38.2946, 51.6963], [73.5318, 51.5014], [56.0252, 71.7366], [41.5493, 92.3655], [70.7299, 92.2041]]

[embedder.input]
name = "{name}"
order = "BGR"
size = 112
mean = [127.5, 127.5, 127.5]
scale = [0.00784313725490196, 0.00784313725490196, 0.00784313725490196]
"""


def shipped_detector() -> str:
    file = models.shipped().detector.file
    place = f'package = "{file.package}"\npackage-version = "1.1.1"\nfile = "{file.place}"\nsha256 = "{file.sha256}"'
    return DETECTOR.format(title="YuNet", file=place)


@dataclass(frozen=True, slots=True)
class Tiny:
    """The weights of a small network in the style of ArcFace: conv, BN, PReLU, BN, flatten, dropout, Gemm, BN."""

    weights: dict[str, np.ndarray]

    @classmethod
    def random(cls) -> Tiny:
        rng = np.random.default_rng(5)
        shapes = {
            "conv": (4, 3, 8, 8), "slope": (4, 1, 1), "fc": (DIMENSION, 4 * 14 * 14), "fc_bias": (DIMENSION,),
            **{f"{bn}_{part}": (n,) for bn, n in (("a", 4), ("b", 4), ("c", DIMENSION)) for part in "gbmv"},
        }  # fmt: skip
        made = {name: rng.uniform(0.1, 1.0, shape).astype(np.float32) - 0.4 for name, shape in shapes.items()}
        return cls({name: np.abs(value) + 0.1 if name.endswith("_v") else value for name, value in made.items()})

    def model(self, batch: str | int = "N", *, more_input: bool = False, external: bool = False) -> bytes:
        node = helper.make_node
        x = "shifted" if more_input else "data"
        nodes = [node("Add", ["data", "other"], ["shifted"])] if more_input else []
        nodes += [
            node("Conv", [x, "conv"], ["c"], strides=[8, 8]),
            node("BatchNormalization", ["c", "a_g", "a_b", "a_m", "a_v"], ["d"], epsilon=1e-3),
            node("PRelu", ["d", "slope"], ["e"]),
            node("BatchNormalization", ["e", "b_g", "b_b", "b_m", "b_v"], ["f"], epsilon=1e-3),
            node("Flatten", ["f"], ["g"]) if batch == "N" else node("Reshape", ["f", "one"], ["g"]),
            node("Dropout", ["g"], ["h"]),
            node("Gemm", ["h", "fc", "fc_bias"], ["i"], transB=1),
            node("BatchNormalization", ["i", "c_g", "c_b", "c_m", "c_v"], ["out"], epsilon=1e-3),
        ]
        inputs = [helper.make_tensor_value_info("data", onnx.TensorProto.FLOAT, [batch, 3, 112, 112])]
        if more_input:
            inputs.append(helper.make_tensor_value_info("other", onnx.TensorProto.FLOAT, [1]))
        graph = helper.make_graph(
            nodes, "tiny", inputs, [helper.make_tensor_value_info("out", onnx.TensorProto.FLOAT, None)],
            [numpy_helper.from_array(v, k) for k, v in {**self.weights, "one": np.array([1, -1])}.items()],
        )  # fmt: skip
        made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
        if external:
            onnx.external_data_helper.set_external_data(made.graph.initializer[0], "weights.bin")
        written: bytes = made.SerializeToString()
        return written

    def answer(self, square: np.ndarray) -> np.ndarray:
        """The unit template of an aligned square (112, 112, 3) RGB, computed with numpy alone."""
        w = self.weights
        x = (square[:, :, ::-1].astype(np.float64) - MEAN) * SCALE
        blocks = x.reshape(14, 8, 14, 8, 3).transpose(0, 2, 4, 1, 3)
        c = np.einsum("yxcij,ocij->oyx", blocks, w["conv"].astype(np.float64))
        d = self._normalised(c, "a")
        e = np.where(d > 0, d, d * w["slope"])
        f = self._normalised(e, "b").reshape(-1)
        out = self._normalised((w["fc"] @ f + w["fc_bias"])[:, None, None], "c").ravel()
        unit: np.ndarray = out / np.linalg.norm(out)
        return unit

    def _normalised(self, x: np.ndarray, name: str) -> np.ndarray:
        g, b, m, v = (self.weights[f"{name}_{part}"][:, None, None] for part in ("g", "b", "m", "v"))
        value: np.ndarray = (x - m) / np.sqrt(v + 1e-3) * g + b
        return value


def own_embedder(folder: Path, content: bytes, **words: Any) -> Manifest:
    (folder / "tiny.onnx").write_bytes(content)
    filled = {"sha256": sha256(content), "output": "out", "name": "data", "dimension": DIMENSION, **words}
    text = 'schema = "countenance.model/1"\nname = "own"\n' + shipped_detector() + EMBEDDER.format(**filled)
    (folder / "own.toml").write_text(text)
    return Manifest.read(folder / "own.toml")


@pytest.mark.parametrize("batch", ["N", 1], ids=["any batch", "a batch of one"])
def test_an_embedder_of_another_dimension_order_and_scale(batch: str | int, tmp_path: Path) -> None:
    tiny = Tiny.random()
    manifest = own_embedder(tmp_path, tiny.model(batch))
    assert manifest.provenance == "random numbers; WIDER FACE"
    rgb = draw()
    with Engine.load(manifest, tmp_path / "models", threads=2) as engine:
        faces = engine.detect(Image(rgb))
        rows = engine.embed(Image(rgb), [*faces] * 5)
        square = aligned(rgb, faces[0].landmarks, manifest.embedder.template, 112)
        for face in rows:
            assert face.template is not None
            assert np.abs(face.template - tiny.answer(square)).max() < 1e-5


WRONG: dict[str, tuple[bytes, dict[str, Any], str]] = {
    "another dimension": (Tiny.random().model(), {"dimension": 9}, "gives"),
    "no such output": (Tiny.random().model(), {"output": "embedding"}, "no output 'embedding'"),
    "no such input": (Tiny.random().model(), {"name": "pixels"}, "no input 'pixels'"),
    "a second input": (Tiny.random().model(more_input=True), {}, "more than a picture"),
    "weights elsewhere": (Tiny.random().model(external=True), {}, "in another file"),
}


@pytest.mark.parametrize("name", WRONG)
def test_a_model_that_is_not_what_its_manifest_says(name: str, tmp_path: Path) -> None:
    content, words, says = WRONG[name]
    with pytest.raises(BadRecord, match=says):
        models.prepare(own_embedder(tmp_path, content, **words), tmp_path / "models")


def test_another_detector(shared: Path, tmp_path: Path) -> None:
    """The YuNet of its authors' own training repository, with free sizes and plain float weights."""
    place = shared / "models" / "yunet_n_dynamic.onnx"
    words = f'file = "{place}"\nsha256 = "{sha256(place.read_bytes())}"'
    content = Tiny.random().model()
    (tmp_path / "tiny.onnx").write_bytes(content)
    tiny = EMBEDDER.format(sha256=sha256(content), output="out", name="data", dimension=DIMENSION)
    text = 'schema = "countenance.model/1"\nname = "own"\n' + DETECTOR.format(title="YuNet n", file=words) + tiny
    (tmp_path / "own.toml").write_text(text)
    photo = (shared / "faces" / "london" / "001_neutral.jpg").read_bytes()
    with Engine.load(Manifest.read(tmp_path / "own.toml"), tmp_path / "models", threads=1) as engine:
        answer = next(iter(engine.many([photo])))
    assert isinstance(answer, tuple)
    assert len(answer) == 1
    assert np.abs(answer[0].landmarks[:2] - [[213, 242], [291, 240]]).max() < 8
