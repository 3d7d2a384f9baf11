"""What nobody wrote down: generated requests against every described operation, good and bad.

No answer may be a 5xx, and none outside its description: status, media type and shape. `make long` asks 200 times an
operation, `make test` a seeded share. The key is a real one; the house is painted.
"""

from __future__ import annotations

import json
import os
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
from tests.http.conftest import admit_customer, bearer
from tests.http.test_described import COMMITTED, operations
from tests.service.world import new_world

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.service.world import World

OPERATIONS = [
    (method.upper(), path) for method, path, _ in operations(json.loads(COMMITTED.read_text(encoding="utf-8")))
]
EXAMPLES = 200 if os.environ.get("COUNTENANCE_LONG") else 8
CHECKS = (
    not_a_server_error, status_code_conformance, content_type_conformance, response_headers_conformance,
    response_schema_conformance,
)  # fmt: skip


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    made = new_world(tmp_path_factory.mktemp("fuzzed"))
    yield made
    made.house.close()


@pytest.fixture(scope="module")
def described(world: World) -> Any:
    return schemathesis.openapi.from_asgi("/v1/openapi.json", create_app(world.house))


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
        case.call_and_validate(headers=key, checks=CHECKS)

    ask()
