"""A house in a folder, and the native API over it in a process of its own, to be ended in the middle of a call."""

from __future__ import annotations

import socket
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import httpx
from sqlalchemy import func, select

from countenance.config import Settings
from countenance.ledger.fsck import fsck
from countenance.service import auth
from countenance.storage.tables import consents, kept_answers, outbox, templates
from tests.http.conftest import admit_customer, bearer, consent
from tests.http.test_server import PATIENCE, Running
from tests.service.world import World, photo

if TYPE_CHECKING:
    from pathlib import Path

ENROL = "/v1/collections/staff/subjects/ada/references"
CONSENTS = "/v1/collections/staff/consents"
UNTIL = "2099-01-01T00:00:00Z"


class Painted(Running):
    """The native API over painted eyes, and one customer with the collection `staff`, in which is Ada."""

    module = "tests.http.painted"

    def __init__(self, scene: Scene) -> None:
        self.scene = scene
        super().__init__(scene.folder)

    def ask(self, method: str, path: str, **more: Any) -> httpx.Response:
        headers = {**self.scene.key, **more.pop("headers", {})}
        return httpx.request(method, self.at + path, headers=headers, timeout=PATIENCE, **more)

    def enrol(self, key: str = "") -> httpx.Response:
        return self.ask("POST", ENROL, content=photo(1), headers={"Content-Type": "image/png", **named(key)})

    def record(self, alias: str, key: str = "") -> httpx.Response:
        return self.ask("POST", CONSENTS, json=consent(alias, until=UNTIL), headers=named(key))

    def begun(self, path: str, body: bytes, kind: str, of: int) -> socket.socket:
        """A connection over which the headers and the first `of` bytes of a body went, and were taken."""
        line = socket.create_connection((self.host, self.port), PATIENCE)
        key = self.scene.key["Authorization"]
        head = (
            f"POST {path} HTTP/1.1\r\nHost: x\r\nAuthorization: {key}\r\nContent-Type: {kind}\r\nConnection: close\r\n"
        )
        line.sendall(head.encode() + f"Content-Length: {len(body)}\r\n\r\n".encode() + body[:of])
        time.sleep(0.5)  # the key is looked up meanwhile; should it not be, the test asks for less
        return line


def rest(line: socket.socket) -> bytes:
    """All that comes until the server closes."""
    return b"".join(iter(lambda: line.recv(65536), b""))


def named(key: str) -> dict[str, str]:
    return {"Idempotency-Key": f'"{key:_<16}"'} if key else {}


@dataclass
class Scene:
    """A folder with a house, which the test opens itself while no server runs."""

    folder: Path
    key: dict[str, str] = field(default_factory=dict)
    inside: str = ""

    def __post_init__(self) -> None:
        self.world = World(Settings(self.folder / "data", self.folder / "keys"), datetime.now(UTC))
        admitted = admit_customer(self.world)
        self.key = bearer(admitted.key)
        who = auth.authenticate(self.world.house.database, admitted.key)
        inside = self.world.collection(who)
        self.inside = inside.id
        self.world.consents(who, inside, "ada")
        self.world.house.close()

    def look(self) -> dict[str, int]:
        """Open the house, count what it holds, and look through its ledger."""
        self.world.moment = datetime.now(UTC)
        with self.world.open() as house:
            tables = (consents, kept_answers, outbox, templates)
            with house.database.read() as connection:
                found = {one.name: connection.execute(_count(one)).scalar_one() for one in tables}
            found["leaves"] = house.log.size
            assert house.index.count(self.inside) == found["templates"]
            fsck(self.world.settings.ledger, house.log.verifier)
        return found


def _count(table: Any) -> Any:
    return select(func.count()).select_from(table)
