"""The native API in a process of its own, for the tests of what goes wrong in the middle of a call.

`python -m tests.http.painted FOLDER` serves the house that a test made there. While `FOLDER/hold` exists, a photograph
that is looked at is held: so a test knows that a call is under way, and ends it when it likes.
"""

from __future__ import annotations

import sys
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from countenance.config import Serving, Settings
from countenance.http.server import Lines, serve
from countenance.service.app import House
from tests.service.world import PaintedFaces, calibration

if TYPE_CHECKING:
    from countenance.domain.face import Face
    from countenance.domain.image import Image


class Held(PaintedFaces):
    """Painted eyes that say when they look, and wait while they are held."""

    hold: Path
    lines: Lines

    def detect(self, image: Image) -> tuple[Face, ...]:
        self.lines({"event": "inside"})
        while self.hold.exists():
            time.sleep(0.01)
        return super().detect(image)


def main(folder: Path) -> None:
    record, lines = calibration(datetime.now(UTC)), Lines()
    eyes = Held(record.model_digest)
    eyes.hold, eyes.lines = folder / "hold", lines
    vision: Any = lambda _: (eyes, record)  # noqa: E731
    house = House.open(Settings(folder / "data", folder / "keys"), vision=vision)
    serve(house, Serving(port=0), ready=lambda at: lines({"event": "listening", "at": at}), log=lines)
    lines({"event": "closed"})


if __name__ == "__main__":
    main(Path(sys.argv[1]))
