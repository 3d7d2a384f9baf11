"""A house with a painted engine behind the real application, spoken to over ASGI."""

from __future__ import annotations

import base64
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING, Any

import anyio.from_thread
import httpx
import pytest

from countenance.http.app import create_app
from tests.service.world import World, new_world, photo

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime
    from pathlib import Path

    from anyio.from_thread import BlockingPortal
    from fastapi import FastAPI

    from countenance.service.admit import Admitted

PURPOSE = "access-control"
UNTIL = "2026-12-20T00:00:00Z"


class Client:
    """An application spoken to over ASGI, from a test that does not await."""

    def __init__(self, app: FastAPI, portal: BlockingPortal) -> None:
        self.app = app
        transport = httpx.ASGITransport(app, raise_app_exceptions=False)
        self._client = httpx.AsyncClient(transport=transport, base_url="http://localhost")
        self._portal = portal

    def request(self, method: str, path: str, **more: Any) -> httpx.Response:
        answer: httpx.Response = self._portal.call(partial(self._client.request, method, path, **more))
        return answer

    def get(self, path: str, **more: Any) -> httpx.Response:
        return self.request("GET", path, **more)

    def post(self, path: str, **more: Any) -> httpx.Response:
        return self.request("POST", path, **more)

    def delete(self, path: str, **more: Any) -> httpx.Response:
        return self.request("DELETE", path, **more)


@dataclass
class Doors:
    """The world, a client of its application, and the key of an admitted customer."""

    world: World
    client: Client
    admitted: Admitted

    @property
    def key(self) -> dict[str, str]:
        return bearer(self.admitted.key)

    def get(self, path: str, **more: Any) -> httpx.Response:
        return self.client.get(path, headers=self.key, **more)

    def post(self, path: str, **more: Any) -> httpx.Response:
        headers = {**self.key, **more.pop("headers", {})}
        return self.client.post(path, headers=headers, **more)

    def delete(self, path: str) -> httpx.Response:
        return self.client.delete(path, headers=self.key)

    def show(self, path: str, *persons: int, **more: Any) -> httpx.Response:
        """Post a painted photograph as the raw body."""
        headers = {"Content-Type": "image/png", **more.pop("headers", {})}
        return self.post(path, content=photo(*persons), headers=headers, **more)

    def enrolled(self, alias: str, person: int) -> str:
        """A consenting subject of the collection `staff` with one reference; returns its id."""
        self.post("/v1/collections", json={"name": "staff", "purpose": PURPOSE})
        given = self.post("/v1/collections/staff/consents", json=consent(alias))
        assert given.status_code == 201, given.text
        made = self.show(f"/v1/collections/staff/subjects/{alias}/references", person)
        assert made.status_code == 201, made.text
        return str(given.json()["subject"])

    def another(self, name: str = "Harbour Pool") -> dict[str, str]:
        """The key of another tenant."""
        return bearer(admit_customer(self.world, name).key)

    def ended_grant(self) -> dict[str, str]:
        """The key of a tenant whose grant ends while the others' go on."""
        key = bearer(admit_customer(self.world, "Harbour Cafe", until=self.world.moment + timedelta(hours=1)).key)
        self.world.later(hours=2)
        return key


def bearer(key: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {key}"}


def consent(alias: str, **changed: Any) -> dict[str, Any]:
    whole = {
        "alias": alias, "until": UNTIL, "adult": True, "manner": "in-writing", "notice": "what it is for",
        "recorded_by": "A. Person", "evidence": "form 17",
    }  # fmt: skip
    return {**whole, **changed}


def b64(raw: bytes) -> str:
    return base64.b64encode(raw).decode()


def admit_customer(world: World, name: str = "Harbour Gym", until: datetime | None = None, **changed: Any) -> Admitted:
    from countenance.service import admit
    from countenance.service.application import Application

    facts: dict[str, Any] = {
        "name": name, "sector": "commercial", "country": "DE", "contact": "A. Person",
        "purposes": frozenset({PURPOSE}), "attested_by": "A. Person", "verification": world.verification(),
    }  # fmt: skip
    return admit.apply(world.house, Application(**{**facts, **changed}), until=until)


@pytest.fixture
def doors(tmp_path: Path) -> Iterator[Doors]:
    world = new_world(tmp_path)
    admitted = admit_customer(world)
    with anyio.from_thread.start_blocking_portal() as portal:
        yield Doors(world, Client(create_app(world.house), portal), admitted)
    world.house.close()
