"""The tests with whole counts, and what they came to: writes docs/long.md, a row for each room.

Command: `make long`, which sets COUNTENANCE_LONG=1. The page says what was run, how many tests passed, and how
long they took; a failure is a row too, and the exit code is pytest's.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import xml.etree.ElementTree as ET
from collections import Counter, defaultdict
from datetime import UTC, datetime
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
HEAD = """# The long tests

The tests with whole counts instead of a seeded share, made by `make long`. Last run: {day}, Python {python}.

| room | passed | failed | skipped | seconds |
| --- | ---: | ---: | ---: | ---: |
"""


def main() -> int:
    """Run pytest with whole counts; returns its exit code."""
    with tempfile.TemporaryDirectory() as folder:
        results = Path(folder) / "results.xml"
        command = [sys.executable, "-m", "pytest", "-n", "2", "--dist", "loadfile", "--timeout", "3600"]
        env = {**os.environ, "COUNTENANCE_LONG": "1"}
        code = subprocess.run([*command, f"--junit-xml={results}"], cwd=ROOT, env=env, check=False).returncode
        day = datetime.now(UTC).date().isoformat()
        python = ".".join(map(str, sys.version_info[:2]))
        text = HEAD.format(day=day, python=python) + _rows(results)
        (ROOT / "docs/long.md").write_text(text, encoding="utf-8")
    return code


def _rows(results: Path) -> str:
    """pytest's own file, written a moment ago: safe to parse."""
    count: Counter[tuple[str, str]] = Counter()
    seconds: defaultdict[str, float] = defaultdict(float)
    for case in ET.parse(results).iter("testcase"):  # noqa: S314
        room = case.get("classname", "").split(".")[1]
        kinds = {child.tag for child in case} & {"failure", "error", "skipped"}
        count[room, "skipped" if kinds == {"skipped"} else "failed" if kinds else "passed"] += 1
        seconds[room] += float(case.get("time", "0"))
    return "".join(_row(room, count, seconds[room]) for room in sorted(seconds))


def _row(room: str, count: Counter[tuple[str, str]], seconds: float) -> str:
    passed, failed, skipped = (count[room, kind] for kind in ("passed", "failed", "skipped"))
    return f"| {room} | {passed} | {failed} | {skipped} | {seconds:.0f} |\n"


if __name__ == "__main__":
    sys.exit(main())
