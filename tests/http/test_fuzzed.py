"""What nobody wrote down: generated requests against every described operation, good and bad, alone and in chains.

No answer may be a 5xx, and none outside its description: status, media type and shape. Three phases: the edges of each
description (odd methods, headers, content types, the least and the most of everything), requests at random, and calls
that follow the description's links with what an answer before them named. `make long` asks 200 times an operation,
`make test` a seeded share. The key is a real one, and so is the person who signs what is administered; the whole
application stands behind its watch; the eyes are painted.
Nothing here names an operation: what is described is asked.
"""

from __future__ import annotations

import json
import os
import secrets
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
    unsupported_method,
    use_after_free,
)
from schemathesis.transport.serialization import Binary

from countenance.config import Serving
from countenance.http import server
from countenance.ledger import vocabulary
from countenance.service import accounts, auth, signed
from tests.http.conftest import admit_customer, b64, bearer
from tests.http.people import new_key
from tests.http.test_described import COMMITTED, operations
from tests.service.world import new_world, photo

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from tests.service.world import World

LONG = os.environ.get("COUNTENANCE_LONG") == "1"
EXAMPLES = 200 if LONG else 8
CHAINS, STEPS = (200, 20) if LONG else (60, 12)
CHECKS = [
    not_a_server_error, status_code_conformance, content_type_conformance, response_headers_conformance,
    response_schema_conformance, unsupported_method,
]  # fmt: skip
QUIET: dict[str, Any] = {
    "deadline": None,
    "derandomize": True,
    "database": None,
    "suppress_health_check": list(HealthCheck),
}
OFTEN = st.integers(0, 3).map(bool)
PERSONS = st.integers(1, 3)
DOCUMENT = json.loads(COMMITTED.read_text(encoding="utf-8"))
LINKED = {
    f"{method.upper()} {path}"
    for method, path, operation in operations(DOCUMENT)
    if any("links" in answer for answer in operation["responses"].values())
}
"""What leads somewhere: where it never gives a good answer, no chain tries what comes after it."""
SCHEMA = schemathesis.openapi.from_path(COMMITTED)


@dataclass
class Fuzzed:
    """The whole application of a world, what it said of defects, and what was answered to which operation."""

    world: World
    app: Signing = field(init=False)
    defects: list[Mapping[str, object]] = field(default_factory=list)
    answered: Counter[tuple[str, int]] = field(default_factory=Counter)

    def __post_init__(self) -> None:
        self.app = Signing(server.compose(self.world.house, Serving(), self.log), self.world)

    def key(self) -> dict[str, str]:
        """The key of a new customer, who has the collection and the person of the examples; a new person signs."""
        self.app.take_turns()
        made = bearer(admit_customer(self.world).key)
        who = auth.authenticate(self.world.house.database, made["Authorization"].removeprefix("Bearer "))
        self.world.consents(who, self.world.collection(who, "staff"), "member-17")
        return made

    def log(self, line: Mapping[str, object]) -> None:
        if line["event"] != "request":
            self.defects.append(line)


class Signing:
    """The application behind the hand of a person with every role, who signs whatever is sent under its own path."""

    def __init__(self, app: ASGIApp, world: World) -> None:
        self._app, self._world = app, world
        self.take_turns()

    def take_turns(self) -> None:
        """Somebody else signs from here on: the one before may have ended their own account."""
        self._key = new_key()
        new = accounts.NewAccount("Ada Person", vocabulary.ROLES, self._key.public)
        self._account = accounts.register_here(self._world.house, new).id

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
def fuzzed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fuzzed]:
    world = new_world(tmp_path_factory.mktemp("fuzzed"))
    yield Fuzzed(world)
    world.house.close()


@pytest.fixture(scope="module")
def key(fuzzed: Fuzzed) -> dict[str, str]:
    return fuzzed.key()


def _words(context: Any) -> Any:
    """What the description says of the operation that a request is generated for."""
    return DOCUMENT["paths"][context.operation.path][context.operation.method]


@st.composite
def _plain(draw: st.DrawFn, context: Any, where: str, made: Any) -> Any:
    """Three times of four: no more than what has to be said in this place, where there are examples in their words."""
    if not draw(OFTEN):
        return made
    asked = [its for its in _words(context).get("parameters", ()) if its["in"] == where and its.get("required")]
    kept = {its["name"]: made[its["name"]] for its in asked if its["name"] in (made or {})}
    known = {its["name"]: its["schema"]["examples"] for its in asked if "examples" in its["schema"]}
    return {**kept, **{name: draw(st.sampled_from(words)) for name, words in known.items()}}


@SCHEMA.hook
def flatmap_path_parameters(context: Any, path_parameters: Any) -> st.SearchStrategy[Any]:
    return _plain(context, "path", path_parameters)


@SCHEMA.hook
def flatmap_query(context: Any, query: Any) -> st.SearchStrategy[Any]:
    return _plain(context, "query", query)


@SCHEMA.hook
def flatmap_headers(context: Any, headers: Any) -> st.SearchStrategy[Any]:
    return _plain(context, "header", headers)


@SCHEMA.hook
def flatmap_body(context: Any, body: Any) -> st.SearchStrategy[Any]:
    """Each field three times of four as an example has it; and photographs that are some."""
    kinds = _words(context).get("requestBody", {"content": {}})["content"]
    return _better(body, kinds.get("application/json", {"schema": {}})["schema"].get("properties", {}))


@st.composite
def _better(draw: st.DrawFn, made: Any, fields: Mapping[str, Any]) -> Any:
    if not isinstance(made, dict):
        return Binary(photo(draw(PERSONS))) if isinstance(made, Binary) and draw(OFTEN) else made
    for name, its in fields.items():
        if "examples" in its and draw(OFTEN):
            made = {**made, name: draw(st.sampled_from(its["examples"]))}
        elif its.get("contentEncoding") == "base64" and name in made and draw(OFTEN):
            shown = photo(draw(PERSONS))
            made = {**made, name: Binary(shown) if isinstance(made[name], Binary) else b64(shown)}
    return made


@SCHEMA.parametrize()
@settings(max_examples=EXAMPLES, phases=(Phase.explicit, Phase.generate), **QUIET)
def test_no_generated_request_breaks_a_door(case: Any, fuzzed: Fuzzed, key: dict[str, str]) -> None:
    case.call_and_validate(app=fuzzed.app, headers=key, checks=CHECKS)
    assert not fuzzed.defects


def test_no_chain_of_calls_breaks_a_door(fuzzed: Fuzzed) -> None:
    """Each call takes its ids from an answer before it; what was ended stays away."""

    class Chain(SCHEMA.as_state_machine()):  # type: ignore[misc]
        def setup(self) -> None:
            self.key = fuzzed.key()

        def get_call_kwargs(self, case: Any) -> dict[str, Any]:
            del case
            return {"app": fuzzed.app, "headers": self.key}

        def validate_response(self, response: Any, case: Any, **kwargs: Any) -> None:
            del kwargs
            fuzzed.answered[case.operation.label, response.status_code] += 1
            checks = [*CHECKS, use_after_free]
            case.validate_response(response, checks=checks, recorder=self.recorder, headers=self.key)

    phases = (Phase.generate,)
    Chain.run(settings=settings(max_examples=CHAINS, stateful_step_count=STEPS, phases=phases, **QUIET))
    assert not fuzzed.defects
    reached = {label for label, status in fuzzed.answered if status < 300}
    assert len(reached & LINKED) >= len(LINKED) * (1 if LONG else 0.75), LINKED - reached
