"""Every way to hold it wrong ends with a code, a sentence and a next step; no traceback, no path of the server."""

from __future__ import annotations

import io
import json
import os
import shutil
from contextlib import redirect_stderr, redirect_stdout
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING
from unittest.mock import patch

import pytest

from countenance.cli.main import main
from countenance.config import Settings
from countenance.domain.errors import Refused
from countenance.service import founding
from countenance.service.app import House
from countenance.service.myself import settle_in
from tests.service.world import PaintedFaces, photo

if TYPE_CHECKING:
    from pathlib import Path

    from countenance.vision.calibration import Calibration
    from countenance.vision.engine import Engine


class Ended:
    """How a command ended."""

    def __init__(self, code: object, out: str, err: str) -> None:
        self.code, self.out, self.err = code, out, err

    def error(self) -> str:
        """The code of the error that was told as JSON."""
        body = json.loads(self.out.splitlines()[-1])
        assert body["message"]
        assert body["next_step"]
        return str(body["error"])


def run(home: Path, *words: str, manifest: str = "") -> Ended:
    """Run `countenance` with state and keys under `home`; in this process, for its imports take seconds."""
    places = {
        "COUNTENANCE_DATA": str(home / "data"), "COUNTENANCE_KEYS": str(home / "keys"),
        "COUNTENANCE_MANIFEST": manifest,
    }  # fmt: skip
    out, err = io.StringIO(), io.StringIO()
    with patch.dict(os.environ, places), redirect_stdout(out), redirect_stderr(err), pytest.raises(SystemExit) as ended:
        main(words)
    said = out.getvalue() + err.getvalue()
    assert "Traceback" not in said
    assert str(home) not in said
    return Ended(ended.value.code, out.getvalue(), err.getvalue())


@pytest.fixture(scope="module")
def founded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A lone operator's house, made once; a test that changes it takes a copy."""
    home = tmp_path_factory.mktemp("home")
    made = run(home, "init", "--for-myself", "--country", "DE", "--json")
    assert made.code == 0, made.err
    (home / "black.png").write_bytes(photo())
    (home / "notes.txt").write_text("no photograph")
    (home / "empty.jpg").write_bytes(b"")
    return home


@pytest.fixture
def home(founded: Path, tmp_path: Path) -> Path:
    shutil.copytree(founded, tmp_path / "home")
    return tmp_path / "home"


def test_without_a_house_the_next_step_is_to_make_one(tmp_path: Path) -> None:
    ended = run(tmp_path, "subject", "list", "--json")
    assert (ended.code, ended.error()) == (1, "not-initialised")


def test_a_second_house_in_the_same_folder_is_refused(founded: Path) -> None:
    ended = run(founded, "init", "--json")
    assert (ended.code, ended.error()) == (1, "conflict")


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (("subject", "enrol", "me", "{home}/black.png"), "not-found"),
        (("subject", "list", "--collection", "other"), "not-found"),
        (("subject", "identify", "{home}/black.png"), "no-face"),
        (("subject", "identify", "{home}/notes.txt"), "image-unsupported"),
        (("subject", "identify", "{home}/empty.jpg"), "image-empty"),
        (("consent", "give", "me", "--until", "2099-01-01"), "bad-input"),
        (("consent", "give", "me", "--adult", "--until", "2020-01-01"), "bad-input"),
        (("subject", "erase", "nobody"), "not-found"),
    ],
)
def test_bad_input_is_named(founded: Path, words: tuple[str, ...], code: str) -> None:
    ended = run(founded, *(word.format(home=founded) for word in words), "--json")
    assert (ended.code, ended.error()) == (1, code)


def test_a_use_outside_the_grant_is_refused_with_exit_3_and_a_receipt(founded: Path) -> None:
    ended = run(founded, "face", "detect", str(founded / "black.png"), "--purpose", "marketing", "--json")
    assert (ended.code, ended.error()) == (3, "refused")
    body = json.loads(ended.out)
    assert [reason["id"] for reason in body["decision"]["reasons"]] == ["core.grant-purpose"]
    assert body["receipt"]


def test_a_refusal_is_told_to_people_with_its_rule_and_its_source(founded: Path) -> None:
    ended = run(founded, "face", "detect", str(founded / "black.png"), "--purpose", "marketing")
    assert ended.code == 3
    for said in ("core.grant-purpose", "https://", "lifted", "receipt"):
        assert said in ended.err


def test_usage_is_2(founded: Path) -> None:
    assert run(founded, "subject", "fly").code == 2
    assert run(founded, "init", "--for-myself").code == 2


def test_a_key_that_is_none_is_unauthenticated(founded: Path) -> None:
    ended = run(founded, "subject", "list", "--key", str(founded / "keys" / "master.key"), "--json")
    assert (ended.code, ended.error()) == (1, "unauthenticated")


def test_a_missing_master_key(home: Path) -> None:
    (home / "keys" / "master.key").unlink()
    ended = run(home, "subject", "list", "--json")
    assert (ended.code, ended.error()) == (1, "master-key-missing")


def test_a_wrong_master_key(home: Path) -> None:
    key = home / "keys" / "master.key"
    key.write_text(f"countenance-master-key-1:{64 * '0'}\n")
    ended = run(home, "subject", "list", "--json")
    assert (ended.code, ended.error()) == (1, "master-key-wrong")


def test_a_master_key_that_others_can_read(home: Path) -> None:
    (home / "keys" / "master.key").chmod(0o644)
    ended = run(home, "subject", "list", "--json")
    assert (ended.code, ended.error()) == (1, "misconfigured")


def painted(_: Settings) -> tuple[Engine, Calibration]:
    from countenance.vision.calibration import Calibration

    calibration = Calibration.shipped()
    return PaintedFaces(calibration.model_digest), calibration  # type: ignore[return-value]


def test_a_second_process_on_the_folder_is_refused_at_once(home: Path) -> None:
    with House.open(Settings(home / "data", home / "keys"), vision=painted):
        ended = run(home, "subject", "list", "--json")
    assert (ended.code, ended.error()) == (1, "log-locked")


def test_a_clock_in_the_past_does_not_write_into_it(tmp_path: Path) -> None:
    settings = Settings(tmp_path / "data", tmp_path / "keys")
    founding.found(settings, "test.example/log")
    ahead = datetime.now(UTC) + timedelta(days=400)
    with House.open(settings, clock=lambda: ahead, vision=painted) as house, pytest.raises(Refused):
        settle_in(house, ("identity-verification",), "DE")  # a leaf, a year ahead: the model's record is stale then
    ended = run(tmp_path, "subject", "list", "--json")
    assert (ended.code, ended.error()) == (1, "clock-went-back")


def test_a_foreign_model_file_is_refused(home: Path) -> None:
    manifest = home / "manifest.toml"
    manifest.write_text("name = 'mine'\n")
    ended = run(home, "subject", "list", "--json", manifest=str(manifest))
    assert (ended.code, ended.error()) == (1, "bad-record")


def test_a_damaged_ledger_is_named_and_nothing_is_answered(home: Path) -> None:
    (home / "data" / "ledger" / "checkpoint").write_bytes(b"nonsense\n")
    ended = run(home, "subject", "list", "--json")
    assert (ended.code, ended.error()) == (1, "log-damaged")
