"""Erasures of one person, each in a copy of one house and each killed at a point: `python -m tests.service.killing`.

A point is a number of calls, of Python or of C, that the erasing thread makes before the process kills itself. Which
copies are made, and what each has to come to, is for test_erase_killed.py.
"""

from __future__ import annotations

import os
import shutil
import signal
import sys
from pathlib import Path
from typing import Any

from countenance.config import Settings
from countenance.service import erase
from countenance.service.app import House
from tests.service.world import START, PaintedFaces, calibration


def reopened(folder: Path) -> House:
    """The house in a folder that `new_world` made."""
    known = calibration(START)
    eyes: Any = lambda _: (PaintedFaces(known.model_digest), known)  # noqa: E731
    return House.open(Settings(folder / "data", folder / "keys"), clock=lambda: START, vision=eyes)


def erased(folder: Path, which: tuple[str, str, str], point: int) -> None:
    """Erase, with `acknowledged` written once that is done, and the calls it took; killed at the point, but for 0."""
    seen = 0

    def counted(*_: object) -> None:
        nonlocal seen
        seen += 1
        if seen == point:
            os.kill(os.getpid(), signal.SIGKILL)

    with reopened(folder) as house:
        sys.setprofile(counted)
        try:
            erase.erase_subject(house, *which)
        finally:
            sys.setprofile(None)
        (folder / "acknowledged").write_text(str(seen), encoding="ascii")


def main(home: str, customer: str, collection: str, subject: str, *points: str) -> None:
    """A copy `home-POINT` for each point; a process of its own for each, since it dies."""
    for point in points:
        copy = Path(f"{home}-{point}")
        shutil.copytree(home, copy)
        child = os.fork()
        if child == 0:
            erased(copy, (customer, collection, subject), int(point))
            os._exit(0)
        os.waitpid(child, 0)


if __name__ == "__main__":
    main(*sys.argv[1:])
