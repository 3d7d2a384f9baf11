"""`countenance doctor` as it is typed: findings in words and as JSON, and an exit code to act on."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from tests.cli.test_errors import run

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("home")
    assert run(made, "init").code == 0
    return made


def test_well_is_zero_and_one_line_each(home: Path) -> None:
    ended = run(home, "doctor")
    assert ended.code == 0
    assert all(line.startswith("ok ") for line in ended.out.splitlines())
    assert len(ended.out.splitlines()) == 11


def test_ill_is_one_with_what_to_do(home: Path) -> None:
    (home / "keys/master.key").chmod(0o644)
    try:
        said, told = run(home, "doctor"), run(home, "doctor", "--json")
    finally:
        (home / "keys/master.key").chmod(0o600)
    assert (said.code, told.code) == (1, 1)
    assert "ILL  modes" in said.out
    assert "next: Make the server's user the owner" in said.out
    body = json.loads(told.out)
    assert body["ok"] is False
    assert {check["name"] for check in body["checks"] if not check["ok"]} == {"modes", "master key"}
    assert all(set(check) == {"name", "ok", "says", "next_step"} for check in body["checks"])


def test_no_secret_is_shown(home: Path) -> None:
    secret = (home / "keys/master.key").read_text().strip().partition(":")[2]
    ended = run(home, "doctor", "--json")
    assert len(secret) == 64
    assert secret not in ended.out


def test_without_a_house_it_says_how_to_make_one(tmp_path: Path) -> None:
    ended = run(tmp_path, "doctor")
    assert ended.code == 1
    assert "countenance init" in ended.out
