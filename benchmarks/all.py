"""Every benchmark in turn, each in a process of its own, so that none measures what another left warm.

Run it as `make bench` or `python -m benchmarks.all [--json]`. It exits 1 where a goal is missed or a script
fails. Scripts find their own data; one that needs `../shared` says so in a row of its own.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
NOT_MEASUREMENTS = {"__init__", "all", "calibrate", "long", "peer_face_recognition", "rows"}
"""What is no measurement: calibrate makes the calibration record, long the table of the long tests, a peer
measures itself."""


def scripts() -> list[str]:
    """The names of the benchmarks, in the order they run: those with an entry point."""
    found = (path for path in sorted(HERE.glob("*.py")) if path.stem not in NOT_MEASUREMENTS)
    return [path.stem for path in found if '__name__ == "__main__"' in path.read_text(encoding="utf-8")]


def main(arguments: list[str]) -> int:
    """Run all; 0 where every goal of every script holds."""
    missed = [name for name in scripts() if _run(name, arguments) != 0]
    print("every goal holds" if not missed else f"goals missed in: {', '.join(missed)}", file=sys.stderr)
    return 1 if missed else 0


def _run(name: str, arguments: list[str]) -> int:
    print(f"\npython -m benchmarks.{name}", file=sys.stderr, flush=True)
    return subprocess.run(
        [sys.executable, "-m", f"benchmarks.{name}", *arguments], cwd=HERE.parent, check=False
    ).returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
