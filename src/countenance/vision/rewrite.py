"""Rewrite an ONNX graph, once, into one that onnxruntime runs fast: same function, same weights, float32.

Every step keeps the function that the model's authors published; models.py compares before and after. Nothing
here trains, quantises or guesses. The package `onnx` is imported when a model is prepared and not otherwise.

Plan of `rewrite`:
1. Keep only the picture among the inputs (old exporters list weights there too).
2. Evaluate what depends on constants alone (block-quantised weights: DequantizeLinear, Reshape) and store it.
3. Drop Dropout and Identity.
4. Fold each BatchNormalization into the Conv or Gemm before it.
5. Write PReLU(x) as a*x + relu((1 - a)*x), for slopes of at most 1, else as a*x + (1 - a)*relu(x): onnxruntime has
   no PReLU in its blocked layout and would reorder the tensor before and after each one. The first form it runs as
   two convolutions of one pixel, one with the relu in it and one with the sum.
6. Let the picture come as rgb (N, H, W, 3) uint8: the cast, the planes, the order of channels, mean and scale
   become the first nodes of the graph. N is free; H and W are free for a detector.

Sources: ONNX operator specifications (BatchNormalization, PRelu, DequantizeLinear); docs/models.md.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from countenance.domain.errors import BadRecord

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

    from countenance.vision.manifest import PictureInput

REVISION = "2"
"""Part of the cache's key: raise it whenever the graph that `rewrite` makes changes."""

PICTURE = "rgb"
_FOLDABLE = frozenset({"Constant", "DequantizeLinear", "Identity", "Reshape", "Transpose", "Cast", "Unsqueeze"})
_SLOPED = frozenset({"PRelu"})


def rewrite(source: bytes, picture: PictureInput, outputs: Iterable[str], *, faster: bool = True) -> bytes:
    """The prepared model; without steps 4 and 5 where not `faster`, for comparison.

    Raises BadRecord where the bytes are no ONNX model or lack what the manifest names.
    """
    import onnx

    try:
        model = onnx.load_model_from_string(source)
    except Exception as error:  # protobuf raises its own family
        raise BadRecord("A model file is not ONNX.") from error
    graph = _Graph(onnx, model)
    graph.check_names(picture.name, list(outputs))
    graph.evaluate_constants()
    graph.drop_passthrough()
    if faster:
        graph.fold_normalisation()
        graph.split_slopes()
    graph.take_pictures(picture)
    graph.rest_on(list(outputs))
    return graph.serialise()


@dataclass(slots=True)
class _Folded:
    """scale and shift per channel that a BatchNormalization amounts to, float64 (C,)."""

    scale: NDArray[np.float64]
    shift: NDArray[np.float64]


class _Graph:
    """An ONNX graph under the knife: nodes in order, weights by name."""

    def __init__(self, onnx: Any, model: Any) -> None:
        self._onnx = onnx
        self._model = model
        self._graph = model.graph
        self._nodes: list[Any] = list(model.graph.node)
        self._weights: dict[str, NDArray[Any]] = {}
        for tensor in model.graph.initializer:
            if tensor.data_location == onnx.TensorProto.EXTERNAL:
                raise BadRecord("A model file keeps weights in another file; only one file is read.")
            self._weights[tensor.name] = onnx.numpy_helper.to_array(tensor)

    def check_names(self, picture: str, outputs: list[str]) -> None:
        inputs = {value.name for value in self._graph.input}
        made = {value.name for value in self._graph.output}
        if picture not in inputs:
            raise BadRecord(f"The model has no input {picture!r}.")
        for name in outputs:
            if name not in made:
                raise BadRecord(f"The model has no output {name!r}.")

    def evaluate_constants(self) -> None:
        """Replace each node whose inputs are all constants by its value, with onnx's reference evaluator."""
        rest = []
        for node in self._nodes:
            if node.op_type in _FOLDABLE and all(name in self._weights or not name for name in node.input):
                self._weights[node.output[0]] = self._value_of(node)
            else:
                rest.append(node)
        self._nodes = rest

    def _value_of(self, node: Any) -> NDArray[Any]:
        from onnx.reference import ReferenceEvaluator

        helper = self._onnx.helper
        known: dict[str, NDArray[Any]] = {name: self._weights[name] for name in node.input if name}
        inputs = [
            helper.make_tensor_value_info(name, helper.np_dtype_to_tensor_dtype(value.dtype), value.shape)
            for name, value in known.items()
        ]
        graph = helper.make_graph([node], "constant", inputs, [helper.make_empty_tensor_value_info(node.output[0])])
        one = helper.make_model(graph, opset_imports=self._model.opset_import)
        answers: Any = ReferenceEvaluator(one).run(None, known)
        value: NDArray[Any] = answers[0]
        return value

    def drop_passthrough(self) -> None:
        """Dropout and Identity hand their first input on."""
        for node in [n for n in self._nodes if n.op_type in ("Dropout", "Identity")]:
            if node.output[0] in self._output_names():
                continue
            self._nodes.remove(node)
            self._redirect(node.output[0], node.input[0])

    def fold_normalisation(self) -> None:
        """conv(x)*s + t = conv'(x) with weights W*s and bias b*s + t, per output channel; Gemm likewise."""
        for node in [n for n in self._nodes if n.op_type == "BatchNormalization"]:
            maker = self._only_maker(node.input[0])
            if maker is None or not self._is_linear(maker):
                continue
            parts = [self._weights[name].astype(np.float64) for name in node.input[1:5]]
            gamma, beta, mean, variance = parts
            scale = gamma / np.sqrt(variance + self._attribute(node, "epsilon", 1e-5))
            self._scale_weights(maker, _Folded(scale, beta - mean * scale))
            self._nodes.remove(node)
            maker.output[0] = node.output[0]

    def _is_linear(self, node: Any) -> bool:
        if node.op_type == "Gemm":
            plain = self._attribute(node, "alpha", 1.0) == self._attribute(node, "beta", 1.0) == 1.0
            plain = plain and self._attribute(node, "transB", 0) == 1
        else:
            plain = node.op_type == "Conv"
        return plain and all(name in self._weights for name in node.input[1:])

    def _scale_weights(self, node: Any, fold: _Folded) -> None:
        weight = self._weights[node.input[1]]
        bias = self._weights[node.input[2]] if len(node.input) > 2 else np.zeros(len(weight))
        names = [f"{node.output[0]}/weight", f"{node.output[0]}/bias"]
        across = fold.scale.reshape(-1, *[1] * (weight.ndim - 1))
        self._weights[names[0]] = weight * across.astype(np.float32)
        self._weights[names[1]] = (bias * fold.scale + fold.shift).astype(np.float32)
        del node.input[1:]
        node.input.extend(names)

    def split_slopes(self) -> None:
        """PReLU(x) = a*x + (1 - a)*relu(x), where the slopes `a` are constants."""
        written = []
        for node in self._nodes:
            if node.op_type in _SLOPED and node.input[1] in self._weights:
                written.extend(self._split(node))
            else:
                written.append(node)
        self._nodes = written

    def _split(self, node: Any) -> list[Any]:
        x, out = node.input[0], node.output[0]
        slope = self._weights[node.input[1]].astype(np.float32)
        self._weights[f"{out}/below"], self._weights[f"{out}/above"] = slope, (1 - slope).astype(np.float32)
        make = self._onnx.helper.make_node
        if slope.max() <= 1:  # relu may come last: it is then part of the product
            above = make("Mul", [x, f"{out}/above"], [f"{out}/x"]), make("Relu", [f"{out}/x"], [f"{out}/bx"])
        else:
            above = make("Relu", [x], [f"{out}/x"]), make("Mul", [f"{out}/x", f"{out}/above"], [f"{out}/bx"])
        below = make("Mul", [x, f"{out}/below"], [f"{out}/ax"])
        return [below, *above, make("Add", [f"{out}/ax", f"{out}/bx"], [out])]

    def take_pictures(self, picture: PictureInput) -> None:
        """rgb (N, H, W, 3) uint8 -> what the model takes: (N, 3, H, W) float32, (pixel - mean) * scale."""
        helper, across = self._onnx.helper, (3, 1, 1)
        mean, scale = np.array(picture.mean, np.float32), np.array(picture.scale, np.float32)
        planes = np.array([2, 1, 0] if picture.order == "BGR" else [0, 1, 2], np.int64)
        self._weights["picture/planes"] = planes
        self._weights["picture/mean"] = mean[planes].reshape(across)
        self._weights["picture/scale"] = scale[planes].reshape(across)
        steps: list[tuple[str, list[str], dict[str, Any]]] = [
            ("Transpose", [], {"perm": [0, 3, 1, 2]}),
            ("Cast", [], {"to": self._onnx.TensorProto.FLOAT}),
        ]
        if picture.order == "BGR":  # whole planes: picking each pixel apart takes as long as the convolutions
            steps.insert(1, ("Gather", ["picture/planes"], {"axis": 1}))
        if mean.any():
            steps.append(("Sub", ["picture/mean"], {}))
        if (scale != 1).any():
            steps.append(("Mul", ["picture/scale"], {}))
        names = [PICTURE, *(f"picture/{i}" for i in range(1, len(steps))), picture.name]
        self._nodes[:0] = [
            helper.make_node(kind, [source, *more], [made], **how)
            for (kind, more, how), source, made in zip(steps, names[:-1], names[1:], strict=True)
        ]
        side = picture.size or None
        shape = ["N", side or "H", side or "W", 3]
        del self._graph.input[:]
        self._graph.input.append(helper.make_tensor_value_info(PICTURE, self._onnx.TensorProto.UINT8, shape))

    def rest_on(self, outputs: list[str]) -> None:
        """Keep only the named outputs, of free shape, and the nodes and weights they need."""
        helper, needed, kept = self._onnx.helper, set(outputs), []
        for node in reversed(self._nodes):
            if needed & set(node.output):
                needed |= set(node.input)
                kept.append(node)
        self._nodes = kept[::-1]
        self._weights = {name: value for name, value in self._weights.items() if name in needed}
        made = {PICTURE, "", *self._weights, *(name for node in self._nodes for name in node.output)}
        if needed - made:
            raise BadRecord(f"The model wants more than a picture: {min(needed - made)!r}.")
        del self._graph.output[:]
        self._graph.output.extend(
            helper.make_tensor_value_info(name, self._onnx.TensorProto.FLOAT, None) for name in outputs
        )

    def serialise(self) -> bytes:
        graph, helper = self._graph, self._onnx.numpy_helper
        for field in (graph.node, graph.initializer, graph.value_info):
            del field[:]
        graph.node.extend(self._nodes)
        # asarray, not ascontiguousarray: that one would make a scalar a list of one
        graph.initializer.extend(helper.from_array(np.asarray(v, order="C"), k) for k, v in self._weights.items())
        self._model.ir_version = max(self._model.ir_version, 8)
        written: bytes = self._model.SerializeToString()
        return written

    def _attribute(self, node: Any, name: str, default: float) -> Any:
        found = [self._onnx.helper.get_attribute_value(a) for a in node.attribute if a.name == name]
        return found[0] if found else default

    def _output_names(self) -> set[str]:
        return {value.name for value in self._graph.output}

    def _only_maker(self, name: str) -> Any:
        """The node that makes `name`, where nothing else reads it and it is no output of the graph."""
        readers = sum(name in node.input for node in self._nodes)
        if readers != 1 or name in self._output_names():
            return None
        return next((node for node in self._nodes if name in node.output), None)

    def _redirect(self, old: str, new: str) -> None:
        for node in self._nodes:
            for i, name in enumerate(node.input):
                if name == old:
                    node.input[i] = new
