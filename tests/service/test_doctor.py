"""The doctor: well where all is well, also beside a running house; and each ill is found, named and told apart."""

from __future__ import annotations

import os
import shutil
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from countenance.config import Settings
from countenance.ledger import durable
from countenance.service import doctor, founding
from countenance.storage.vault import Vault
from tests.service.world import new_world

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from countenance.service.doctor import Check

NAMES = [
    "house", "disk", "modes", "master key", "clock", "log", "database", "backup", "models", "calibration", "policy",
]  # fmt: skip


@pytest.fixture(scope="module")
def founded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A house with a few leaves, closed."""
    folder = tmp_path_factory.mktemp("founded")
    world = new_world(folder)
    world.customer()
    world.house.close()
    return folder


@pytest.fixture
def where(founded: Path, tmp_path: Path) -> Settings:
    """A copy of it, to be spoiled."""
    shutil.copytree(founded, tmp_path / "copy")
    return Settings(tmp_path / "copy/data", tmp_path / "copy/keys")


def now() -> datetime:
    return datetime.now(UTC)


def ills(settings: Settings, at: datetime | None = None) -> dict[str, Check]:
    """What is not well, by name; every ill says what to do next, and nothing shows a path."""
    checks = doctor.examine(settings, at or now())
    assert [check.name for check in checks] == NAMES
    assert all(check.says and str(settings.data.parent) not in check.says + check.next_step for check in checks)
    assert all(bool(check.next_step) is not check.ok for check in checks)
    return {check.name: check for check in checks if not check.ok}


def test_a_house_that_is_well(where: Settings) -> None:
    before = {path: path.read_bytes() for path in where.data.rglob("*") if path.is_file()}
    assert ills(where) == {}
    assert {path: path.read_bytes() for path in where.data.rglob("*") if path.is_file()} == before


def test_it_works_beside_a_running_house(tmp_path: Path) -> None:
    world = new_world(tmp_path)
    world.customer()
    world.house.log.publish()
    checks = {check.name: check for check in doctor.examine(world.settings, now())}
    assert [name for name, check in checks.items() if not check.ok] == []
    assert "in use by a running server" in checks["log"].says
    world.customer(name="Another")
    world.house.close()
    assert "recovers" in next(check.says for check in doctor.examine(world.settings, now()) if check.name == "log")


def test_where_there_is_no_house_everything_of_it_is_told(tmp_path: Path) -> None:
    found = ills(Settings(tmp_path / "data", tmp_path / "keys"))
    assert {"house", "disk", "master key", "clock", "log", "database", "backup"} == set(found)
    assert "countenance init" in found["house"].next_step


def _damage_database(where: Settings) -> None:
    where.database.write_bytes(b"not a database at all " * 400)


def _another_master_key(where: Settings) -> None:
    where.master_key.unlink()
    Vault.create_master_key(where.master_key)


def _another_house(where: Settings) -> None:
    """A log.vkey that belongs to another log, as after a mix-up of two folders."""
    other = Settings(where.data.parent / "other", where.data.parent / "other-keys")
    founding.found(other, "other.example/log")
    shutil.copy(other.log_vkey, where.log_vkey)


def _nonsense_vkey(where: Settings) -> None:
    where.log_vkey.write_text("nonsense")


SPOILT: list[tuple[str, Callable[[Settings], object], set[str]]] = [
    ("keys for all", lambda where: where.master_key.chmod(0o644), {"modes", "master key"}),
    ("folder for all", lambda where: where.data.chmod(0o755), {"modes"}),
    ("sealed for all", lambda where: (where.log_state / "log.sealed").chmod(0o640), {"modes", "master key"}),
    ("no key", lambda where: where.master_key.unlink(), {"master key"}),
    ("other key", _another_master_key, {"master key"}),
    ("other house", _another_house, {"master key", "log"}),
    ("nonsense", _nonsense_vkey, {"house", "master key", "log"}),
    ("database", _damage_database, {"database", "backup"}),
    ("no database", lambda where: where.database.unlink(), {"database", "backup"}),
    ("half restored", lambda where: where.restoring.mkdir(), {"house"}),
    ("checkpoint", lambda where: (where.ledger / "checkpoint").write_bytes(b"nonsense\n"), {"log"}),
    ("no checkpoint", lambda where: (where.ledger / "checkpoint").unlink(), {"log", "clock"}),
    ("tiles", lambda where: shutil.rmtree(where.ledger / "tile"), {"log"}),
    ("journal", lambda where: next(where.log_state.glob("journal-*")).write_bytes(b"\0" * 99), {"log", "clock"}),
]


@pytest.mark.parametrize(("spoil", "found"), [row[1:] for row in SPOILT], ids=[row[0] for row in SPOILT])
def test_each_ill_is_found_where_it_is(where: Settings, spoil: Callable[[Settings], object], found: set[str]) -> None:
    spoil(where)
    assert set(ills(where)) == found


def test_a_clock_in_the_logs_past(where: Settings) -> None:
    assert set(ills(where, datetime(2026, 11, 22, 10, 0, tzinfo=UTC))) == {"clock"}


def test_a_policy_that_nobody_checked_for_too_long(where: Settings) -> None:
    found = ills(where, now() + timedelta(days=3650))
    assert set(found) == {"policy"}
    assert "core" in found["policy"].says


def test_a_full_disk(where: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "SPARE", 1 << 60)
    found = ills(where)
    assert set(found) == {"disk"}
    assert "MiB" in found["disk"].says


def test_model_files_that_are_not_the_manifests(where: Settings, tmp_path: Path) -> None:
    manifest = tmp_path / "manifest.toml"
    manifest.write_text("name = 'mine'\n")
    assert set(ills(replace(where, manifest=manifest))) == {"models", "calibration"}


def test_a_reading_that_a_server_disturbs_is_made_again() -> None:
    tries: list[int] = []

    def read() -> int:
        tries.append(1)
        if len(tries) == 1:
            raise FileNotFoundError
        return len(tries)

    assert doctor._stable(read) == 2  # noqa: SLF001


@pytest.fixture
def held(where: Settings) -> Iterator[Settings]:
    descriptor = durable.lock(where.log_state / "lock")
    yield where
    os.close(descriptor)


def test_a_held_log_whose_checkpoint_is_another_keys_is_not_well(held: Settings) -> None:
    _another_house(held)
    assert "log" in ills(held)
