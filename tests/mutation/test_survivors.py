"""No mutant of the gate and of the judge goes unnoticed, but those that are listed with a reason.

`make long` tries every one; `make test` tries one of each module, so that the machinery itself is tried each time.
"""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from tests.house.sources import ROOT
from tests.mutation import run
from tests.mutation.mutator import mutants

ONE = {"cedar": "_said.both-1", "gate": "Permit.observe.if-2"}
SMALL = '''
"""A docstring."""
from typing import TYPE_CHECKING
if TYPE_CHECKING:
    import os

def one(a: int, b: str = "word") -> bool:
    """Another."""
    if not a and b == "x":
        raise ValueError(f"a {b}")
    call(a, key=1)
    return a + 1 > 2 if True else False
'''


def test_each_thing_is_changed_once_and_the_rest_is_not() -> None:
    found = {mutant.name: mutant.source for mutant in mutants(SMALL)}
    assert set(found) == {
        "one.word-1", "one.word-2", "one.if-1", "one.both-1", "one.not-1", "one.compare-1", "one.raise-1",
        "one.statement-1", "one.without-key-1", "one.number-1", "one.number-2", "one.number-3", "one.return-1",
        "one.sides-1", "one.compare-2", "one.sum-1", "one.truth-1", "one.truth-2",
    }  # fmt: skip
    assert len(set(found.values())) == len(found)
    assert "if not a or b == 'x':" in found["one.both-1"]
    assert "if a and b == 'x':" in found["one.not-1"]
    assert "call(a)" in found["one.without-key-1"]
    assert "a - 1 > 2" in found["one.sum-1"]
    assert "return None" in found["one.return-1"]


@pytest.mark.parametrize("module", run.MODULES)
def test_what_is_listed_as_changing_nothing_is_there_and_has_a_reason(module: str) -> None:
    path, tests = run.MODULES[module]
    names = {f"{module}.{mutant.name}" for mutant in mutants((run.PACKAGE / path).read_text(encoding="utf-8"))}
    listed = {name: why for name, why in run.equivalent().items() if name.startswith(f"{module}.")}
    assert set(listed) <= names
    assert all(why.endswith(".") for why in listed.values())
    assert all((ROOT / "tests" / test).exists() for test in tests)


@pytest.mark.parametrize("module", run.MODULES)
def test_no_mutant_goes_unnoticed(module: str) -> None:
    only = [] if os.environ.get("COUNTENANCE_LONG") else ["--only", ONE[module]]
    command = [sys.executable, "-m", "tests.mutation.run", module, *only]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert '"tried": 0' not in done.stdout
