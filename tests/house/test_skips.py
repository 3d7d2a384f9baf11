"""Where no skip is allowed, a skipped test and a skipped file fail, and say that they were skipped."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from tests.house.sources import ROOT

if TYPE_CHECKING:
    from pathlib import Path

ONE = "import pytest\n\n\ndef test_it() -> None:\n    pytest.skip('away')\n"
WHOLE = "import pytest\n\npytest.skip('away', allow_module_level=True)\n"
KNOWN = "import pytest\n\n\n@pytest.mark.xfail\ndef test_it() -> None:\n    raise AssertionError\n"


def _run(folder: Path, text: str, no_skip: str) -> int:
    (folder / "conftest.py").write_text((ROOT / "tests/conftest.py").read_text(encoding="utf-8"))
    (folder / "test_one.py").write_text(text)
    env = {**os.environ, "COUNTENANCE_NO_SKIP": no_skip}
    without = ["-p", "no:cacheprovider", "-p", "no:schemathesis"]  # the second is slow to load
    command = [sys.executable, "-m", "pytest", "-q", *without, "--rootdir", str(folder), str(folder)]
    return subprocess.run(command, cwd=folder, env=env, capture_output=True, check=False, timeout=110).returncode


@pytest.mark.parametrize("text", [ONE, WHOLE])
def test_a_skip_fails_where_none_is_allowed(tmp_path: Path, text: str) -> None:
    assert _run(tmp_path, text, "1") not in (0, 5)


@pytest.mark.parametrize(("text", "code"), [(ONE, 0), (WHOLE, 5), (KNOWN, 0)])
def test_a_skip_passes_elsewhere(tmp_path: Path, text: str, code: int) -> None:
    assert _run(tmp_path, text, "") == code


def test_a_failure_that_is_expected_is_no_skip(tmp_path: Path) -> None:
    assert _run(tmp_path, KNOWN, "1") == 0
