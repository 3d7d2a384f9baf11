"""A real house with painted eyes behind the real application: over ASGI, or listening on this machine in a thread."""

from __future__ import annotations

import threading
import time
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import uvicorn

from countenance.config import Settings
from countenance.http.app import create_app
from countenance.service import admit
from countenance.service.application import Application
from tests.service.world import World

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from fastapi import FastAPI


@dataclass
class Doors:
    """The world, its application, and the key of an admitted customer."""

    world: World
    app: FastAPI
    key: str

    @property
    def pinned(self) -> dict[str, str]:
        """The two public keys, as a client is given them."""
        data = self.world.settings.data
        return {name: (data / f"{name.split('_')[0]}.vkey").read_text() for name in ("log_key", "certificate_key")}

    def customer(self, **changed: Any) -> str:
        facts: dict[str, Any] = {
            "name": "Harbour Gym", "sector": "commercial", "country": "DE", "contact": "A. Person",
            "purposes": frozenset({"access-control"}), "attested_by": "A. Person",
            "verification": self.world.verification(),
        }  # fmt: skip
        return admit.apply(self.world.house, Application(**{**facts, **changed})).key


@contextmanager
def opened(folder: Path) -> Iterator[Doors]:
    """The house of a folder, at the present time, with one customer."""
    world = World(Settings(folder / "data", folder / "keys"), datetime.now(UTC))
    try:
        doors = Doors(world, create_app(world.house), "")
        doors.key = doors.customer()
        yield doors
    finally:
        world.house.close()


@contextmanager
def listening(app: FastAPI) -> Iterator[str]:
    """The address of a real server of this application, in a thread."""
    config = uvicorn.Config(app, port=0, lifespan="off", ws="none", log_config=None, access_log=False)
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        while not server.started:
            assert thread.is_alive()
            time.sleep(0.01)
        yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join()
