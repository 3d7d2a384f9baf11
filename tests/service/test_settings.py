"""Settings: read strictly, documented one by one, and the master key never inside the data folder."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path

import pytest

from countenance.config import Settings, checked, from_environment
from countenance.domain.errors import Misconfigured

DOCS = Path(__file__).parents[2] / "docs" / "settings.md"


def test_every_setting_is_documented() -> None:
    rows = {line.split("|")[1].strip() for line in DOCS.read_text().splitlines() if line.startswith("| ")}
    assert {field.name for field in fields(Settings)} <= rows


def test_the_environment_is_read(tmp_path: Path) -> None:
    env = {"HOME": str(tmp_path), "COUNTENANCE_DATA": str(tmp_path / "d"), "COUNTENANCE_THREADS": "2"}
    found = from_environment(env)
    assert found.data == tmp_path / "d"
    assert found.keys == tmp_path / ".config" / "countenance"
    assert found.threads == 2
    assert found.manifest is None


@pytest.mark.parametrize("threads", ["two", "-1", "٢", "4_0", "1025", " 1"])
def test_a_number_of_threads_that_is_none_is_refused(tmp_path: Path, threads: str) -> None:
    with pytest.raises(Misconfigured):
        from_environment({"HOME": str(tmp_path), "COUNTENANCE_THREADS": threads})


@pytest.mark.parametrize("inside", ["", "keys", "deep/keys"])
def test_the_keys_may_not_lie_in_the_data_folder(tmp_path: Path, inside: str) -> None:
    with pytest.raises(Misconfigured):
        checked(Settings(tmp_path, tmp_path / inside))


def test_nor_may_they_by_a_symbolic_link(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "keys").symlink_to(tmp_path / "data")
    with pytest.raises(Misconfigured):
        checked(Settings(tmp_path / "data", tmp_path / "keys"))
