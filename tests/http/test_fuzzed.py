"""What nobody wrote down: generated requests against every described operation, good and bad, alone and in chains.

No answer may be a 5xx, and none outside its description: status, media type and shape. Three phases: the edges of each
description (odd methods, headers, content types, the least and the most of everything), requests at random, and calls
that follow the description's links with what an answer before them named. `make long` asks 200 times an operation,
`make test` a seeded share. The key is a real one, so are the people who sign what is administered, and an applicant
comes with the claim; the whole application stands behind its watch; the eyes are painted. Nothing here names an
operation: what is described is asked.
"""

from __future__ import annotations

import json
import os
import secrets
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
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

from benchmarks.alike import in_memory
from countenance.config import Serving
from countenance.domain.errors import CountenanceError
from countenance.http import server
from countenance.http.budget import Budget, Rate
from countenance.ledger import vocabulary
from countenance.service import accounts, applications, auth, signed
from tests.http.conftest import admit_customer, b64, bearer
from tests.http.people import new_key
from tests.http.test_described import COMMITTED, operations
from tests.service.world import new_world, photo

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from fastapi import FastAPI
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from countenance.service.app import House
    from tests.service.world import World

LONG = os.environ.get("COUNTENANCE_LONG") == "1"
EXAMPLES = 200 if LONG else 8
CHAINS, STEPS = (200, 30) if LONG else (40, 24)
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
OFTEN = st.integers(0, 3).map(lambda drawn: drawn < 3)  # true where it is drawn the least of all
PERSONS = st.integers(1, 3)
DOCUMENT = json.loads(COMMITTED.read_text(encoding="utf-8"))
STOP = "/v1/administration/policy-stop"
"""Which ends every chain, so that it is left to the tests of it, and with it what lifts it."""
LINKED = {
    f"{method.upper()} {path}"
    for method, path, operation in operations(DOCUMENT)
    if any("links" in answer for answer in operation["responses"].values())
    and path not in (STOP, "/v1/administration/policy-resume")
}
"""What leads somewhere: where it never gives a good answer, no chain tries what comes after it."""
LASTING = tuple(
    path
    for method, path, words in operations(DOCUMENT)
    if method == "delete"
    and words["responses"]["200"]["content"]["application/json"]["schema"]["$ref"].endswith(("/Ended", "/Withdrawn"))
)
"""What is ended and stays on record: a grant shows its keys still, and says of a second end that it has ended, and
records of consent show the withdrawn ones too."""
PLACES = {
    name: words["examples"][0]
    for *_, operation in operations(DOCUMENT)
    for kind in operation.get("requestBody", {"content": {}})["content"].values()
    for name, words in kind["schema"].get("properties", {}).items()
    if name in ("public_key", "signature")
}
"""The examples that stand in the place of somebody's own."""
SCHEMA = schemathesis.openapi.from_path(COMMITTED)

ROLES = vocabulary.ROLES - {"assessor"}  # who comes from outside, and has no other role


@dataclass
class Fuzzed:
    """The whole application of a world, and what it said of defects."""

    world: World
    app: Signing = field(init=False)
    defects: list[Mapping[str, object]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.app = Signing(server.compose(self.world.house, Serving(), self.log, _applying_freely), self.world)

    def key(self) -> dict[str, str]:
        """The key of a new customer, who has the collection and the person of the examples; a new person signs."""
        admitted = admit_customer(self.world)
        self.app.take_turns(admitted.customer)
        made = bearer(admitted.key)
        who = auth.authenticate(self.world.house.database, made["Authorization"].removeprefix("Bearer "))
        self.world.consents(who, self.world.collection(who, "staff"), "member-17")
        return made

    def log(self, line: Mapping[str, object]) -> None:
        if line["event"] != "request":
            self.defects.append(line)


class Signing:
    """The application behind the hands of people with every role, who sign whatever is sent under their own path.

    The provider's person signs; where that is refused, the customer's, whose answer counts. In a document they put
    their own where the examples can only show whose place it is: a key that is new, the signature of an approval. An
    applicant sends the claim that this application was answered with.
    """

    def __init__(self, app: ASGIApp, world: World) -> None:
        self._app, self._world = app, world
        self._claims: dict[str, str] = {}
        self._people: list[tuple[accounts.Account, signed.PersonKey]] = []
        self.take_turns()

    def take_turns(self, customer: str = "") -> None:
        """Others sign from here on: those before may have ended their own account."""
        self._people = [self._person(of) for of in dict.fromkeys(("", customer))]

    def _person(self, customer: str) -> tuple[accounts.Account, signed.PersonKey]:
        key = new_key()
        new = accounts.NewAccount("Ada Person", ROLES, key.public, customer)
        made = accounts.register_here(self._world.house, new).id
        return accounts.Account(made, customer, ROLES, signed.public_key(key.public)), key

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self._world.later(seconds=1)  # so that lists, which are by moment, have one order
        if scope["type"] != "http" or not scope["path"].startswith(("/v1/administration/", "/v1/applications")):
            await self._app(scope, receive, send)
            return
        body = b""
        while True:
            message = await receive()
            body += message.get("body", b"")
            if not message.get("more_body"):
                break
        for message in await self._answered(scope, body):
            await send(message)

    async def _answered(self, scope: Scope, body: bytes) -> list[Message]:
        answer: list[Message] = []
        if scope["path"].startswith("/v1/applications"):
            answer = await self._sent(scope, body, self._claimed(scope))
            self._remember(answer)
            return answer
        for account, key in self._people:
            whole = self._own(scope, body, account, key)
            answer = await self._sent(scope, whole, self._signed(scope, whole, account, key))
            if answer[0]["status"] != 403:
                break
        return answer

    async def _sent(self, scope: Scope, body: bytes, headers: Mapping[bytes, bytes]) -> list[Message]:
        """The messages of the answer. headers: in place of those of the same names."""
        messages: list[Message] = []

        async def whole() -> Message:
            return {"type": "http.request", "body": body, "more_body": False}

        async def keep(message: Message) -> None:
            messages.append(message)

        kept = [(name, value) for name, value in scope["headers"] if name.lower() not in headers]
        await self._app({**scope, "headers": [*kept, *headers.items()]}, whole, keep)
        return messages

    def _claimed(self, scope: Scope) -> dict[bytes, bytes]:
        claim = self._claims.get(scope["path"].split("/")[3]) if scope["path"].count("/") > 2 else None
        return {b"authorization": f"Bearer {claim}".encode()} if claim else {}

    def _remember(self, answer: list[Message]) -> None:
        if answer[0]["status"] == 201:
            made = json.loads(b"".join(message.get("body", b"") for message in answer[1:]))
            self._claims |= {made["application"]: made["claim"]} if "claim" in made else {}

    def _own(self, scope: Scope, body: bytes, account: accounts.Account, key: signed.PersonKey) -> bytes:
        """The document, with what only this person can say in the place of the examples."""
        try:
            said = json.loads(body)
        except ValueError:
            return body
        if not isinstance(said, dict):
            return body
        own = {}
        if said.get("public_key") == PLACES["public_key"]:
            own["public_key"] = new_key().public
        if said.get("signature") == PLACES["signature"] and isinstance(until := said.get("until", ""), str):
            own["signature"] = self._approval(scope["path"].split("/")[4], until, account, key)
        return json.dumps({**said, **own}).encode() if own else body

    def _approval(self, application: str, until: str, account: accounts.Account, key: signed.PersonKey) -> str:
        """The signature over an application, as the server shows it to them; over nothing's where it shows none."""
        try:
            facts = applications.shown(self._world.house, account, application).result.facts
        except CountenanceError:
            facts = {}
        statement = signed.statement(application, facts, until)
        return signed.base64_of(key.sign(statement.encode("utf-8", "replace")))

    def _signed(
        self, scope: Scope, body: bytes, account: accounts.Account, key: signed.PersonKey
    ) -> dict[bytes, bytes]:
        target = scope["raw_path"] + (b"?" + scope["query_string"] if scope["query_string"] else b"")
        made = key.headers(
            account.id, scope["method"], target, body or None,
            created=int(self._world.moment.timestamp()), nonce=secrets.token_urlsafe(signed.NONCE_BYTES),
        )  # fmt: skip
        length = {b"content-length": str(len(body)).encode()} if body else {}
        return {**length, **{name.lower().encode(): value.encode() for name, value in made.items()}}


def _applying_freely(house: House) -> FastAPI:
    """The application as it is, but that one address may apply for as often as the chains do."""
    app = server.native(house)
    app.state.applying = Budget(Rate(10_000, 1.0), Rate(10_000, 1.0))
    return app


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
    """Three times of four what has to be said, by the examples; else each field so often; and photographs are some."""
    kinds = _words(context).get("requestBody", {"content": {}})["content"]
    schema = kinds.get("application/json", {"schema": {}})["schema"]
    return _better(body, schema.get("properties", {}), schema.get("required", ()))


@st.composite
def _better(draw: st.DrawFn, made: Any, fields: Mapping[str, Any], required: Sequence[str]) -> Any:
    if not isinstance(made, dict):
        return Binary(photo(draw(PERSONS))) if isinstance(made, Binary) and draw(OFTEN) else made
    least = draw(OFTEN)
    if least and made.keys() >= set(required):
        made = {name: made[name] for name in required}
    for name, its in fields.items():
        if "examples" in its and (name in made if least else draw(OFTEN)):
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


@pytest.mark.timeout(600)  # 40 s on two quiet cores: a house for each chain
def test_no_chain_of_calls_breaks_a_door() -> None:
    """Each call takes its ids from an answer before it; what was erased or withdrawn stays away.

    Each chain has a house of its own, so that the same calls get the same answers whatever other chains did before.
    """
    answered: set[tuple[str, int]] = set()

    class Chain(SCHEMA.exclude(path=STOP).as_state_machine()):  # type: ignore[misc]
        def setup(self) -> None:
            self.folder = tempfile.TemporaryDirectory(dir=in_memory())
            self.fuzzed = Fuzzed(new_world(Path(self.folder.name)))
            self.key = self.fuzzed.key()

        def teardown(self) -> None:
            self.fuzzed.world.house.close()
            self.folder.cleanup()

        def get_call_kwargs(self, case: Any) -> dict[str, Any]:
            del case
            return {"app": self.fuzzed.app, "headers": self.key}

        def validate_response(self, response: Any, case: Any, **kwargs: Any) -> None:
            del kwargs
            answered.add((case.operation.label, response.status_code))
            checks = [*CHECKS] if case.path.startswith(LASTING) else [*CHECKS, use_after_free]
            case.validate_response(response, checks=checks, recorder=self.recorder, headers=self.key)
            assert not self.fuzzed.defects

    phases = (Phase.generate,)
    Chain.run(settings=settings(max_examples=CHAINS, stateful_step_count=STEPS, phases=phases, **QUIET))
    reached = {label for label, status in answered if status < 300}
    assert len(reached & LINKED) >= len(LINKED) * (0.75 if LONG else 0.55), LINKED - reached
