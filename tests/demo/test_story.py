"""The whole story on pictures of one colour: as told with a house that works, and caught where it doesn't."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, cast

import pytest

from countenance.demo.stage import perform
from countenance.demo.tell import WIDTH, scene_lines
from countenance.domain.errors import Conflict, Unverified
from countenance.ledger.note import Verifier
from countenance.ledger.proof import read_receipt, verify_receipt
from countenance.vision.calibration import Calibration
from tests.demo.stand_in import ColourEngine, company

if TYPE_CHECKING:
    from pathlib import Path

    from countenance.config import Settings
    from countenance.demo.scene import Scene
    from countenance.vision.engine import Engine


def _vision(*, blind: bool = False):  # type: ignore[no-untyped-def]
    def load(_: Settings) -> tuple[Engine, Calibration]:
        record = Calibration.shipped()
        engine = ColourEngine(record.model_digest, 128, blind=blind)
        return cast("Engine", engine), record

    return load


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[Scene]]:
    out = tmp_path_factory.mktemp("demo") / "out"
    return out, list(perform(company(), out, None, vision=_vision()))


def test_every_scene_is_as_told(told: tuple[Path, list[Scene]]) -> None:
    assert [scene.title for scene in told[1] if not scene.as_told] == []


def test_the_outcomes_are_those_of_the_story(told: tuple[Path, list[Scene]]) -> None:
    assert [scene.outcome for scene in told[1]] == [
        "open", "admitted", "enrolled", "enrolled", "enrolled", "match", "no match", "match", "no match", "refused",
        "refused", "match", "erased", "no match", "erased", "proven",
    ]  # fmt: skip


def test_a_house_that_takes_everybody_for_one_is_caught(tmp_path: Path) -> None:
    """With an engine to which all faces are one, the story must fail, and say where."""
    scenes = list(perform(company(), tmp_path / "out", None, vision=_vision(blind=True)))
    untold = {scene.title for scene in scenes if not scene.as_told}
    assert {"Another person", "A stranger"} <= untold
    assert "not what the story said" in "\n".join(scene_lines(1, next(s for s in scenes if not s.as_told)))


def test_the_police_are_refused_with_promise_source_and_what_lifts_it(told: tuple[Path, list[Scene]]) -> None:
    quotes = dict(next(scene for scene in told[1] if "police" in scene.title).quotes)
    assert quotes["rule"] == "microsoft-2020.us-police"
    assert quotes["source"].startswith("https://")
    assert "law" in quotes["lifted"]


def test_every_published_receipt_holds_and_says_nothing_of_anybody(told: tuple[Path, list[Scene]]) -> None:
    public = told[0] / "public"
    log = Verifier.from_vkey((public / "log.vkey").read_text().strip())
    receipts = [read_receipt(path.read_bytes()) for path in sorted((public / "receipts").iterdir())]
    assert len(receipts) == sum(len(scene.proofs) for scene in told[1])
    assert all(verify_receipt(receipt, log).closed is None for receipt in receipts)


def test_an_altered_receipt_does_not_hold(told: tuple[Path, list[Scene]]) -> None:
    public = told[0] / "public"
    log = Verifier.from_vkey((public / "log.vkey").read_text().strip())
    raw = (public / "receipts" / "leaf-00.receipt").read_bytes()
    with pytest.raises(Unverified):
        verify_receipt(read_receipt(raw.replace(b"index 0\n", b"index 1\n")), log)


def test_nobody_is_left_and_nothing_private_is_public(told: tuple[Path, list[Scene]]) -> None:
    public = sorted(path.name for path in (told[0] / "public").iterdir())
    assert public == ["certificate.vkey", "index.html", "ledger", "log.vkey", "receipts"]
    page = (told[0] / "public" / "index.html").read_text()
    private = [proof.receipt for scene in told[1] for proof in scene.proofs]
    assert not [receipt for receipt in private if receipt in page]


def test_it_is_readable_without_colour_and_not_too_wide(told: tuple[Path, list[Scene]]) -> None:
    from click import unstyle

    lines = [unstyle(line) for number, scene in enumerate(told[1], 1) for line in scene_lines(number, scene)]
    unbroken = ("https://", "— ", "localhost/")
    assert not [line for line in lines if len(line) > WIDTH and not any(mark in line for mark in unbroken)]


def test_a_scene_is_json_without_a_photograph(told: tuple[Path, list[Scene]]) -> None:
    for scene in told[1]:
        body = json.loads(json.dumps(scene.to_wire()))
        assert body["as_told"] is True
        assert len(body["receipts"]) == len(scene.proofs)


def test_a_second_run_replaces_the_first(tmp_path: Path) -> None:
    for _ in range(2):
        assert all(scene.as_told for scene in perform(company(), tmp_path / "out", None, vision=_vision()))


def test_a_folder_that_is_somebody_elses_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "letter.txt").write_text("dear")
    with pytest.raises(Conflict):
        list(perform(company(), tmp_path, None, vision=_vision()))
    assert (tmp_path / "letter.txt").read_text() == "dear"


def test_a_house_that_exists_is_never_played_in(tmp_path: Path) -> None:
    list(perform(company(), tmp_path / "one", tmp_path / "state", vision=_vision()))
    with pytest.raises(Conflict):
        list(perform(company(), tmp_path / "two", tmp_path / "state", vision=_vision()))
