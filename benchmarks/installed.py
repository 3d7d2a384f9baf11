"""What an installation weighs: the runtime lock's packages, as they lie on this disk.

Command: `python -m benchmarks.installed [--json]`. There is no goal: it is stated so that nobody is surprised.
"""

from __future__ import annotations

import re
import sys
from importlib import metadata
from pathlib import Path

from benchmarks.rows import Row, report

LOCK = Path(__file__).resolve().parent.parent / "requirements.lock"
PIN = re.compile(r"^([a-z0-9][a-z0-9.-]*)==", re.MULTILINE)
MEBI = 1024 * 1024


def measure() -> list[Row]:
    """MiB of each of the six largest packages, of all together, and of Countenance's own code."""
    sizes = {name: _size(name) for name in PIN.findall(LOCK.read_text(encoding="utf-8")) if _present(name)}
    largest = sorted(sizes, key=lambda name: -sizes[name])[:6]
    own = sum(path.stat().st_size for path in (LOCK.parent / "src/countenance").rglob("*") if _counts(path))
    rows = [Row(f"installed: {name}", sizes[name] / MEBI, "MiB") for name in largest]
    return [
        *rows,
        Row("installed: all", sum(sizes.values()) / MEBI, "MiB"),
        Row("countenance itself", own / MEBI, "MiB"),
    ]


def _present(name: str) -> bool:
    return next(iter(metadata.distributions(name=name)), None) is not None


def _size(name: str) -> int:
    """Bytes of a distribution's files, bytecode left out: Python makes that as it goes."""
    files = metadata.distribution(name).files or []
    return sum(_bytes(Path(str(file.locate()))) for file in files if "__pycache__" not in file.parts)


def _bytes(path: Path) -> int:
    return path.stat().st_size if path.is_file() else 0


def _counts(path: Path) -> bool:
    return path.is_file() and "__pycache__" not in path.parts


if __name__ == "__main__":
    sys.exit(report(measure(), json="--json" in sys.argv))
