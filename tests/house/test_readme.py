"""The README's commands, run as they stand: every `sh` block, in one shell, in a copy of the repository.

They take minutes and ask pip's registry, so they run where COUNTENANCE_README=1 is set: in `.ci/run`.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from countenance.demo import fetch
from tests.house.sources import ROOT, files

BLOCK = re.compile(r"^```sh\n(?P<commands>.*?)^```$", re.MULTILINE | re.DOTALL)
ASKED = os.environ.get("COUNTENANCE_README") == "1"


def blocks() -> list[str]:
    """The README's commands, without the clone itself: the copy is the clone."""
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    lines = "\n".join(found["commands"] for found in BLOCK.finditer(text)).splitlines()
    return [line for line in lines if line and not line.startswith(("git clone", "cd "))]


def test_the_first_screen_holds_the_two_commands() -> None:
    assert {"make demo", "make test"} <= set(blocks())


def test_every_command_of_ours_in_it_exists() -> None:
    from countenance.cli.main import COMMANDS

    ours = {line.split()[1] for line in blocks() if line.startswith("countenance ")}
    assert ours
    assert ours <= set(COMMANDS)


@pytest.mark.skipif(not ASKED, reason="set COUNTENANCE_README=1: it takes minutes and asks pip's registry")
@pytest.mark.timeout(1500)
def test_the_commands_do_what_they_say(tmp_path: Path) -> None:
    """In a copy with its own HOME; `make test` is left out, since it is what runs this."""
    clone, home = _copy(tmp_path / "clone"), tmp_path / "home"
    home.mkdir()
    for name, photo in zip(("first.jpg", "second.jpg"), _two_photographs(), strict=True):
        (clone / name).write_bytes(photo)
    script = "\n".join(["set -eu", *(line for line in blocks() if line != "make test")])
    run = subprocess.run(
        ["bash", "-c", script], cwd=clone, env=_environment(home), capture_output=True, text=True, check=False
    )
    assert run.returncode == 0, run.stdout[-4000:] + run.stderr[-4000:]


def _copy(to: Path) -> Path:
    for name in files():
        (to / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(ROOT / name, to / name)
    return to


def _two_photographs() -> list[bytes]:
    """Of one person: the demo's, which are fetched once."""
    return [photo.raw for photo in fetch.portraits(fetch.cache_folder(os.environ)).enrolled[0].photos]


def _environment(home: Path) -> dict[str, str]:
    """A new user's, but for the cache of downloads."""
    cache = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    ours = {"HOME": str(home), "XDG_CACHE_HOME": cache, "PYTHON": sys.executable}
    dropped = ("VIRTUAL_ENV", "XDG_DATA_HOME", "XDG_CONFIG_HOME", "MAKEFLAGS", "MAKELEVEL")
    kept = {name: value for name, value in os.environ.items() if name not in dropped}
    return {name: value for name, value in kept.items() if not name.startswith("COUNTENANCE_")} | ours
