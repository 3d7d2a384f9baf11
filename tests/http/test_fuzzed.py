"""What nobody wrote down: generated requests against every described operation, good and bad.

No answer may be a 5xx, and none outside its description: status, media type and shape. `make long` asks 200 times an
operation, `make test` a seeded share. The key is a real one, and so is the person who signs
what is administered; the house is painted.
"""

from __future__ import annotations

import json
import os
import secrets
from typing import TYPE_CHECKING, Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from countenance.http.app import create_app
from countenance.ledger import leaf
from countenance.service import accounts, signed
from tests.http.conftest import admit_customer, bearer
from tests.http.people import new_key
from tests.http.test_described import COMMITTED, operations
from tests.service.world import new_world

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fastapi import FastAPI
    from starlette.types import Message, Receive, Scope, Send

    from tests.service.world import World

OPERATIONS = [
    (method.upper(), path) for method, path, _ in operations(json.loads(COMMITTED.read_text(encoding="utf-8")))
]
EXAMPLES = 200 if os.environ.get("COUNTENANCE_LONG") else 8
CHECKS = (
    not_a_server_error, status_code_conformance, content_type_conformance, response_headers_conformance,
    response_schema_conformance,
)  # fmt: skip


class Signing:
    """The application behind the hand of a person with every role, who signs whatever is sent under its own path."""

    def __init__(self, app: FastAPI, world: World) -> None:
        self._app, self._world, self._key = app, world, new_key()
        new = accounts.NewAccount("Ada Person", leaf.ROLES, self._key.public)
        self._account = accounts.register_here(world.house, new).id

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or not scope["path"].startswith("/v1/administration/"):
            await self._app(scope, receive, send)
            return
        body = b""
        while True:
            message = await receive()
            body += message.get("body", b"")
            if not message.get("more_body"):
                break

        async def whole() -> Message:
            return {"type": "http.request", "body": body, "more_body": False}

        await self._app({**scope, "headers": self._signed(scope, body)}, whole, send)

    def _signed(self, scope: Scope, body: bytes) -> list[tuple[bytes, bytes]]:
        target = scope["raw_path"] + (b"?" + scope["query_string"] if scope["query_string"] else b"")
        made = self._key.headers(
            self._account, scope["method"], target, body or None,
            created=int(self._world.moment.timestamp()), nonce=secrets.token_urlsafe(16),
        )  # fmt: skip
        names = {name.lower().encode() for name in signed.HEADERS}
        kept = [(name, value) for name, value in scope["headers"] if name.lower() not in names]
        return [*kept, *((name.lower().encode(), value.encode()) for name, value in made.items())]


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    made = new_world(tmp_path_factory.mktemp("fuzzed"))
    yield made
    made.house.close()


@pytest.fixture(scope="module")
def described(world: World) -> Any:
    return schemathesis.openapi.from_asgi("/v1/openapi.json", Signing(create_app(world.house), world))


@pytest.fixture(scope="module")
def key(world: World) -> dict[str, str]:
    return bearer(admit_customer(world).key)


@pytest.mark.parametrize(("method", "path"), OPERATIONS)
def test_no_generated_request_breaks_a_door(described: Any, key: dict[str, str], method: str, path: str) -> None:
    @settings(
        max_examples=EXAMPLES, deadline=None, derandomize=True, database=None,
        phases=(Phase.explicit, Phase.generate), suppress_health_check=list(HealthCheck),
    )  # fmt: skip
    @given(described[path][method].as_strategy())
    def ask(case: Any) -> None:
        answer = case.call_and_validate(headers=key, checks=CHECKS)
        seen.add(answer.status_code)

    seen: set[int] = set()
    ask()
    if path.startswith("/v1/administration/"):
        assert 401 not in seen, "the person was nobody"
