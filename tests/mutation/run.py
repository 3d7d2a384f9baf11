"""Run the tests that should notice against each mutant of a module: `python -m tests.mutation.run cedar [--only NAME]`.

The package is copied once and each mutant written into the copy. The tests run in a child that was forked after the
libraries were loaded, stop at the first failure, and are ended after three times what they take of the module as it
is: a mutant that hangs is noticed. One that is listed in equivalent.txt is not tried. Prints one JSON line for each
survivor, then one with the counts; exit code 1 where one survives.
"""

from __future__ import annotations

import argparse
import importlib
import json
import os
import shutil
import signal
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

from tests.mutation.mutator import Mutant, mutants

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = ROOT / "src" / "countenance"
AS_IT_IS = 600.0  # seconds that the tests may take of the module as it is
MODULES: dict[str, tuple[str, tuple[str, ...]]] = {
    "cedar": ("policy/cedar.py", (
        "policy/test_core.py", "policy/test_packs.py", "policy/test_judge.py", "policy/test_bad_input.py",
        "policy/test_roles.py", "policy/test_many.py", "policy/test_errors_deny.py", "policy/test_lifts.py",
        "policy/test_calendar.py",
    )),
    "gate": ("service/gate.py", (
        "service/test_gate.py", "service/test_gate_acts.py", "service/test_rules.py", "service/test_leaves.py",
        "service/test_owed.py", "service/test_line.py", "service/test_locks.py", "service/test_authority.py",
    )),
}  # fmt: skip
"""What is mutated, and the tests that should notice, those that notice most first."""


def equivalent() -> dict[str, str]:
    """Mutants that change nothing anybody could see, each with the reason: name and sentence in equivalent.txt."""
    lines = (Path(__file__).parent / "equivalent.txt").read_text(encoding="utf-8").splitlines()
    return dict(line.split(": ", 1) for line in lines if line and not line.startswith("#"))


def survivors(module: str, chosen: list[Mutant], *, quick: bool) -> Iterator[Mutant]:
    """Those of these mutants that no test notices. quick: the first of the tests alone."""
    path, tests = MODULES[module]
    source = (PACKAGE / path).read_text(encoding="utf-8")
    _load_libraries()
    with tempfile.TemporaryDirectory() as folder:
        copied = Path(folder) / "countenance"
        shutil.copytree(PACKAGE, copied, ignore=shutil.ignore_patterns("__pycache__"))
        tests, begun = tests[:1] if quick else tests, time.monotonic()
        if _noticed(Mutant("as-it-is", 1, source), copied / path, tests, AS_IT_IS):
            raise SystemExit(f"the tests of {module} fail as it is, so they say nothing of its mutants")
        longest = 3 * (time.monotonic() - begun) + 20
        for mutant in chosen:
            if not _noticed(mutant, copied / path, tests, longest):
                yield mutant


def _load_libraries() -> None:
    """What every child needs and no mutant touches."""
    for name in (
        "cedarpy",
        "fastapi",
        "httpx",
        "hypothesis",
        "numpy",
        "onnxruntime",
        "pytest",
        "sqlalchemy",
        "PIL.Image",
    ):
        importlib.import_module(name)


def _noticed(mutant: Mutant, path: Path, tests: tuple[str, ...], longest: float) -> bool:
    path.write_text(mutant.source, encoding="utf-8")
    child = os.fork()
    if child == 0:
        os.setsid()
        os._exit(_tested(path, tests))
    until = time.monotonic() + longest
    while time.monotonic() < until:
        done, status = os.waitpid(child, os.WNOHANG)
        if done:
            return os.waitstatus_to_exitcode(status) != 0
        time.sleep(0.01)
    os.killpg(child, signal.SIGKILL)
    os.waitpid(child, 0)
    return True


def _tested(path: Path, tests: tuple[str, ...]) -> int:
    """In the child: the tests, of the copy. Nothing that it prints is wanted."""
    import pytest

    package = path.parents[1]
    nowhere = os.open(os.devnull, os.O_WRONLY)
    for stream in (1, 2):
        os.dup2(nowhere, stream)
    os.environ.pop("COUNTENANCE_LONG", None)
    for name in [name for name in sys.modules if name.split(".")[0] in ("countenance", "tests")]:
        del sys.modules[name]
    sys.path.insert(0, str(package.parent))
    sys.dont_write_bytecode = True
    try:
        where = [str(ROOT / "tests" / test) for test in tests]
        options = ["-x", "-q", "--assert=plain", "-p", "no:cacheprovider", "-p", "no:xdist", "--rootdir", str(ROOT)]
        return int(pytest.main([*options, *where]))
    except BaseException:
        return 1


def main() -> int:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("module", choices=MODULES)
    options.add_argument("--only", default="", help="the name of one mutant, for the first of the tests alone")
    chosen = options.parse_args()
    begun, alive = time.monotonic(), 0
    source = (PACKAGE / MODULES[chosen.module][0]).read_text(encoding="utf-8")
    listed = {name.removeprefix(f"{chosen.module}.") for name in equivalent()}
    named = [mutant for mutant in mutants(source) if chosen.only in ("", mutant.name)]
    tried = [mutant for mutant in named if mutant.name not in listed]
    for mutant in survivors(chosen.module, tried, quick=bool(chosen.only)):
        alive += 1
        print(json.dumps({"survives": f"{chosen.module}.{mutant.name}", "line": mutant.line}), flush=True)
    seconds = round(time.monotonic() - begun)
    print(json.dumps({"tried": len(tried), "unnoticed": alive, "listed": len(named) - len(tried), "seconds": seconds}))
    return 1 if alive else 0


if __name__ == "__main__":
    sys.exit(main())
