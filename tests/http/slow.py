"""A real server for the tests, in a process of its own: `python -m tests.http.slow FOLDER [CERTIFICATE KEY]`.

A painted house in FOLDER behind the real server; `POST /slow` takes a second and then writes leaves.
"""

from __future__ import annotations

import sys
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from fastapi import FastAPI, Request

from countenance.config import Serving, Settings
from countenance.http.server import Lines, serve
from tests.service.world import World

if TYPE_CHECKING:
    from countenance.service.app import House

SECONDS = 1.0


def main(folder: Path, files: list[Path]) -> None:
    world = World(Settings(folder / "data", folder / "keys"), datetime.now(UTC))
    lines = Lines()

    def create(house: House) -> FastAPI:
        app = FastAPI()

        @app.post("/slow")
        def slow() -> dict[str, int]:
            lines({"event": "inside"})
            time.sleep(SECONDS)
            world.customer(name="The Late Customer")
            return {"size": house.log.size}

        @app.post("/read")
        async def read(request: Request) -> dict[str, int]:
            return {"read": len(await request.body())}

        return app

    certificate, key = files or (None, None)
    serving = Serving(port=0, tls_certificate=certificate, tls_key=key, body_seconds=1, in_flight=4, connections=20)
    serve(world.house, serving, ready=lambda at: lines({"event": "listening", "at": at}), log=lines, create=create)
    lines({"event": "closed"})


if __name__ == "__main__":
    main(Path(sys.argv[1]), [Path(name) for name in sys.argv[2:]])
