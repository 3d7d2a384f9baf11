"""`countenance witness` from outside: what it makes, says and refuses."""

from __future__ import annotations

import json
import stat
from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner, Result

from countenance.cli.witness import witness
from countenance.domain.errors import BadInput, Conflict, NotInitialised, StorageDamaged, WrongMasterKey
from countenance.ledger.cosignature import WitnessKey
from tests.ledger.world import SIGNER

if TYPE_CHECKING:
    from pathlib import Path

NAME = "witness.example.org/w1"


@pytest.fixture
def folders(tmp_path: Path) -> list[str]:
    return ["--data", str(tmp_path / "data"), "--keys", str(tmp_path / "keys")]


def run(*arguments: object) -> Result:
    return CliRunner().invoke(witness, [str(argument) for argument in arguments])


def test_a_witness_is_made_once_and_shows_its_key(tmp_path: Path, folders: list[str]) -> None:
    made = run("init", NAME, *folders, "--json")
    assert made.exit_code == 0, made.output
    vkey = json.loads(made.output)["vkey"]
    assert WitnessKey.from_vkey(vkey).name == NAME
    assert (tmp_path / "data/witness.vkey").read_text() == f"{vkey}\n"
    assert json.loads(run("key", *folders, "--json").output) == {"name": NAME, "vkey": vkey, "logs": []}
    assert isinstance(run("init", NAME, *folders).exception, Conflict)
    assert json.loads(run("key", *folders, "--json").output)["vkey"] == vkey


def test_its_key_lies_sealed_and_closed(tmp_path: Path, folders: list[str]) -> None:
    run("init", NAME, *folders)
    sealed = tmp_path / "data/witness.sealed"
    assert stat.S_IMODE(sealed.stat().st_mode) == 0o600
    assert NAME.encode() not in sealed.read_bytes()
    (tmp_path / "keys/master.key").rename(tmp_path / "keys/other")
    run("init", NAME, "--data", tmp_path / "second", "--keys", tmp_path / "keys")
    assert isinstance(run("key", *folders).exception, WrongMasterKey | StorageDamaged)


def test_a_log_is_added_by_text_and_by_file(tmp_path: Path, folders: list[str]) -> None:
    run("init", NAME, *folders)
    (tmp_path / "log.vkey").write_text(SIGNER.vkey + "\n")
    added = run("add-log", tmp_path / "log.vkey", *folders, "--json")
    assert json.loads(added.output) == {"log": SIGNER.name, "keys": [SIGNER.vkey]}
    assert isinstance(run("add-log", SIGNER.vkey, *folders).exception, Conflict)
    assert SIGNER.vkey in run("key", *folders).output
    for wrong in ("nonsense", SIGNER.vkey[:-4], "witness.example/w1+00000000+AAAA"):
        assert isinstance(run("add-log", wrong, *folders).exception, BadInput)


def test_nothing_is_done_before_init(folders: list[str]) -> None:
    for arguments in (["key"], ["add-log", SIGNER.vkey], ["serve", "--port", "0"]):
        assert isinstance(run(*arguments, *folders).exception, NotInitialised)


@pytest.mark.parametrize("name", ["", "a b", "a+b", "ä", "a\n", "x" * 201])
def test_a_name_that_no_key_can_have_is_refused(folders: list[str], name: str) -> None:
    assert isinstance(run("init", name, *folders).exception, BadInput)


def test_a_house_is_no_place_for_a_witness(tmp_path: Path, folders: list[str]) -> None:
    """Who keeps the log must not be who vouches for it, not even by mistake."""
    (tmp_path / "data").mkdir()
    (tmp_path / "data/log.vkey").write_text(SIGNER.vkey)
    assert isinstance(run("init", NAME, *folders).exception, Conflict)
