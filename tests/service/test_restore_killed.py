"""A restore that is killed: no house opens half-way, and the same command ends it, wherever it was killed."""

from __future__ import annotations

import shutil
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from countenance.domain.errors import HalfRestored, NotInitialised
from tests.service.backed import History, assert_restored, bring_back, kept_key, lose_database, lose_everything

if TYPE_CHECKING:
    from pathlib import Path

    from tests.service.world import World

STEPS = ["file", "place", "ledger", "mark", "database", "keys", "exchange", "mark goes", "end"]
WITH_A_COPY = [*STEPS[:4], "log", *STEPS[4:]]
ALONE = """
import os, sys
from datetime import datetime
from pathlib import Path
from countenance.config import Settings
from countenance.service import restore

data, keys, file, moment, step, *copy = sys.argv[1:]
restore.restore(
    Settings(Path(data), Path(keys)), Path(file), now=lambda: datetime.fromisoformat(moment),
    copy=Path(copy[0]) if copy else None, reached=lambda name: os._exit(9) if name == step else None,
)
"""
"""In a process of its own, which dies at a step: nothing of ours runs after it, no lock is let go, no file removed."""


@pytest.fixture
def history(world: World, tmp_path: Path) -> History:
    return History.of(world, tmp_path)


def killed(past: History, step: str, *copy: Path) -> None:
    settings, moment = past.world.settings, past.world.moment.isoformat()
    words = [str(word) for word in (settings.data, settings.keys, past.file, moment, step, *copy)]
    ended = subprocess.run([sys.executable, "-c", ALONE, *words], capture_output=True, check=False, timeout=60)
    assert ended.returncode == 9, ended.stderr.decode()


def refuses_to_open(past: History) -> None:
    with pytest.raises((HalfRestored, NotInitialised)):
        past.world.open()


def test_the_steps_are_all_that_there_are(history: History, tmp_path: Path) -> None:
    told: list[str] = []
    shutil.copytree(history.world.settings.ledger, tmp_path / "mirror")
    lose_everything(history.world.settings, kept_key(history.world.settings))
    bring_back(history.world, history.file, copy=tmp_path / "mirror", reached=told.append)
    assert list(dict.fromkeys(told)) == WITH_A_COPY


@pytest.mark.parametrize("step", STEPS)
def test_killed_at_any_step_with_the_ledger_in_its_place(history: History, step: str) -> None:
    lose_database(history.world.settings)
    killed(history, step)
    if step != "end":
        refuses_to_open(history)
        bring_back(history.world, history.file)
    history.world.open()
    assert_restored(history)


@pytest.mark.parametrize("step", WITH_A_COPY[3:])
def test_killed_at_any_step_with_a_published_copy(history: History, tmp_path: Path, step: str) -> None:
    shutil.copytree(history.world.settings.ledger, tmp_path / "mirror")
    lose_everything(history.world.settings, kept_key(history.world.settings))
    killed(history, step, tmp_path / "mirror")
    if step != "end":
        refuses_to_open(history)
        bring_back(history.world, history.file, copy=tmp_path / "mirror")
    history.world.open()
    assert_restored(history)


def test_killed_twice_the_third_time_ends_it(history: History) -> None:
    lose_database(history.world.settings)
    killed(history, "exchange")
    killed(history, "mark goes")
    refuses_to_open(history)
    bring_back(history.world, history.file)
    history.world.open()
    assert_restored(history)
