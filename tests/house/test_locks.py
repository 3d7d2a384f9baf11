"""The locks: every dependency is in them, pinned, with hashes, and says nothing of where it is fetched from."""

from __future__ import annotations

import re
import tomllib
from typing import Any

import pytest
from packaging.requirements import Requirement
from packaging.version import Version

from tests.house.sources import ROOT

PIN = re.compile(r"^(?P<name>[a-z0-9][a-z0-9.-]*)==(?P<version>\S+)(?P<marker>[^\\]*)\\$")
HASH = re.compile(r"^    --hash=sha256:[0-9a-f]{64}(?: \\)?$")
COMMENT = re.compile(r"^    #")
LOCKS = ("requirements.lock", "requirements-dev.lock")


def _pins(lock: str) -> dict[str, Version]:
    lines = (ROOT / lock).read_text(encoding="utf-8").splitlines()
    return {found["name"]: Version(found["version"]) for found in map(PIN.match, lines) if found}


def _project() -> dict[str, Any]:
    return tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))


def _wanted(lock: str) -> list[Requirement]:
    project = _project()
    groups = project["dependency-groups"]
    wanted = [*project["project"]["dependencies"], *groups["build"], *project["build-system"]["requires"]]
    if lock == "requirements-dev.lock":
        wanted += [each for each in groups["dev"] if isinstance(each, str)]
    return [Requirement(each) for each in wanted]


@pytest.mark.parametrize("lock", LOCKS)
def test_a_lock_satisfies_what_the_project_asks_for(lock: str) -> None:
    pins = _pins(lock)
    for wanted in _wanted(lock):
        assert wanted.specifier.contains(pins[wanted.name]), wanted


@pytest.mark.parametrize("lock", LOCKS)
def test_a_lock_is_pins_hashes_and_comments_only(lock: str) -> None:
    lines = (ROOT / lock).read_text(encoding="utf-8").splitlines()
    assert not [line for line in lines if not (PIN.match(line) or HASH.match(line) or COMMENT.match(line))]


def test_both_locks_agree() -> None:
    runtime, dev = map(_pins, LOCKS)
    assert runtime.items() <= dev.items()
