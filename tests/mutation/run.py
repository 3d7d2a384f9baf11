"""Run the tests that should notice against each mutant of a module: `python -m tests.mutation.run cedar [--sample 5]`.

The package is copied once and each mutant written into the copy. The tests run in a child that was forked after the
libraries were loaded, stop at the first failure, and are ended after three times what they take of the module as it
is: a mutant that hangs is noticed.
Prints one JSON line for each survivor, then one with the counts; exit code 1 where one survives that is not listed.
"""

from __future__ import annotations

import argparse
import importlib
import json
import os
import random
import shutil
import signal
import sys
import tempfile
import time
from pathlib import Path

from tests.mutation.mutator import Mutant, mutants

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
        "service/test_gate.py", "service/test_rules.py", "service/test_leaves.py", "service/test_owed.py",
        "service/test_line.py",
    )),
}  # fmt: skip
"""What is mutated, and the tests that should notice, those that notice most first."""


def equivalent() -> dict[str, str]:
    """Mutants that change nothing anybody could see, each with the reason: name and sentence in equivalent.txt."""
    lines = (Path(__file__).parent / "equivalent.txt").read_text(encoding="utf-8").splitlines()
    return dict(line.split(": ", 1) for line in lines if line and not line.startswith("#"))


def survivors(module: str, sample: int | None) -> tuple[list[Mutant], int]:
    """The mutants that no test noticed, and how many were tried. sample: so many of them, seeded; None: all."""
    path, tests = MODULES[module]
    source = (PACKAGE / path).read_text(encoding="utf-8")
    chosen = [*mutants(source)]
    if sample is not None:
        chosen = random.Random(20200611).sample(chosen, min(sample, len(chosen)))  # noqa: S311
    _load_libraries()
    with tempfile.TemporaryDirectory() as folder:
        copied = Path(folder) / "countenance"
        shutil.copytree(PACKAGE, copied, ignore=shutil.ignore_patterns("__pycache__"))
        begun = time.monotonic()
        if _noticed(Mutant("as-it-is", 1, source), copied / path, tests, AS_IT_IS):
            raise SystemExit(f"the tests of {module} fail as it is, so they say nothing of its mutants")
        longest = 3 * (time.monotonic() - begun) + 20
        alive = [mutant for mutant in chosen if not _noticed(mutant, copied / path, tests, longest)]
    return alive, len(chosen)


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
        os._exit(_tested(path, tests))
    until = time.monotonic() + longest
    while time.monotonic() < until:
        done, status = os.waitpid(child, os.WNOHANG)
        if done:
            return os.waitstatus_to_exitcode(status) != 0
        time.sleep(0.01)
    os.kill(child, signal.SIGKILL)
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
        where = [str(ROOT / "tests" / test) for test in tests if (ROOT / "tests" / test).exists()]
        options = ["-x", "-q", "--assert=plain", "-p", "no:cacheprovider", "-p", "no:xdist", "--rootdir", str(ROOT)]
        return int(pytest.main([*options, *where]))
    except BaseException:
        return 1


def main() -> int:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("module", choices=MODULES)
    options.add_argument("--sample", type=int)
    chosen = options.parse_args()
    begun, known = time.monotonic(), equivalent()
    alive, tried = survivors(chosen.module, chosen.sample)
    unlisted = [mutant for mutant in alive if f"{chosen.module}.{mutant.name}" not in known]
    for mutant in unlisted:
        print(json.dumps({"survives": f"{chosen.module}.{mutant.name}", "line": mutant.line}))
    seconds = round(time.monotonic() - begun)
    print(json.dumps({"tried": tried, "equivalent": len(alive) - len(unlisted), "seconds": seconds}))
    return 1 if unlisted else 0


if __name__ == "__main__":
    sys.exit(main())
