"""What changes while a call is under way: a key ends, the disk fills. A clear error, and nothing half-done."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from countenance.http.app import create_app
from countenance.http.callers import FRESH
from tests.http.conftest import PURPOSE, b64, consent
from tests.service.test_rules import full_disk
from tests.service.world import photo

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from tests.http.conftest import Doors

STAFF = "/v1/collections/staff"


def _sent_while(doors: Doors, path: str, body: bytes, kind: str, between: Callable[[], object]) -> httpx.Response:
    """The answer to a body that comes in two parts, with something between them."""

    async def parts() -> AsyncIterator[bytes]:
        yield body[:10]
        await asyncio.to_thread(between)
        yield body[10:]

    headers = {"Content-Type": kind}
    return doors.post(path, content=parts(), headers=headers)


@pytest.mark.parametrize("path", [f"{STAFF}/identify", f"{STAFF}/subjects/ada/verify", "/v1/detect"])
def test_a_key_that_ends_while_its_photograph_comes_gets_no_answer(doors: Doors, path: str) -> None:
    """A body may take half a minute. The key was looked up before it alone, so that one revoked meanwhile still got its
    answer, long after the second in which it has to end.
    """
    doors.enrolled("ada", 1)
    own = doors.get("/v1/me").json()["key"]
    size = doors.world.house.log.size

    def end() -> None:
        doors.delete(f"/v1/keys/{own}")
        time.sleep(1.2 * FRESH)

    answer = _sent_while(doors, path, photo(1), "image/png", end)
    assert (answer.status_code, answer.json()["code"]) == (401, "unauthenticated")
    assert doors.world.house.log.size == size + 1  # the key's own end


def test_a_key_that_ends_while_its_document_comes_makes_nothing(doors: Doors) -> None:
    own = doors.get("/v1/me").json()["key"]
    spare = doors.post("/v1/keys").json()["key"]
    body = b'{"name": "staff", "purpose": "access-control"}'

    def end() -> None:
        doors.delete(f"/v1/keys/{own}")
        time.sleep(1.2 * FRESH)

    assert _sent_while(doors, "/v1/collections", body, "application/json", end).status_code == 401
    listed = doors.client.get("/v1/collections", headers={"Authorization": f"Bearer {spare}"})
    assert listed.json()["collections"] == []


def test_a_slow_body_under_a_key_that_holds_is_answered(doors: Doors) -> None:
    doors.enrolled("ada", 1)
    answer = _sent_while(doors, f"{STAFF}/identify", photo(1), "image/png", lambda: time.sleep(1.2 * FRESH))
    assert answer.status_code == 200


WRITING: dict[str, dict[str, Any]] = {
    "POST /v1/detect": {"json": {"photo": b64(photo(1))}},
    f"POST {STAFF}/identify": {"json": {"photo": b64(photo(1))}},
    f"POST {STAFF}/subjects/ada/verify": {"json": {"photo": b64(photo(1))}},
    f"POST {STAFF}/subjects/ada/references": {"json": {"photo": b64(photo(1, variant=2))}},
    f"POST {STAFF}/consents": {"json": consent("bo")},
    f"DELETE {STAFF}/subjects/ada/consents": {},
    f"DELETE {STAFF}/subjects/ada": {},
    f"GET {STAFF}/subjects/ada/export": {},
    "POST /v1/keys": {},
    "POST /v1/collections": {"json": {"name": "visitors", "purpose": PURPOSE}},
}


async def _held(doors: Doors) -> list[Any]:
    """Everything that a customer sees of its own, through a new application of the world's house."""
    paths = ("/v1/collections", f"{STAFF}/subjects", "/v1/keys", "/v1/decisions")
    transport = httpx.ASGITransport(create_app(doors.world.house))
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost", headers=doors.key) as client:
        return [(await client.get(path)).json() for path in paths]


@pytest.mark.parametrize("row", WRITING)
def test_a_disk_that_fills_during_a_call_leaves_nothing_half_done(doors: Doors, row: str) -> None:
    """No answer without its leaf: 503 with what to do, no receipt, and after a start everything is as it was.

    No file can grow here, which the database takes for a disk that is broken (`misconfigured`).
    """
    doors.enrolled("ada", 1)
    before = asyncio.run(_held(doors))
    method, path = row.split()
    with full_disk():
        answer = doors.client.request(method, path, headers=doors.key, **WRITING[row])
    problem = answer.json()
    assert answer.status_code == 503, problem
    assert problem["code"] in ("log-unavailable", "disk-full", "misconfigured")
    assert problem["next_step"]
    assert "receipt" not in problem
    assert "countenance-receipt" not in answer.headers
    doors.world.restart()
    assert asyncio.run(_held(doors)) == before
