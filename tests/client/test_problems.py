"""Errors come back as the classes of the house's tree, with all that the server said, and nothing of the key."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from countenance.client.problems import ONLY_FROM_WORK, classes
from countenance.domain import errors
from countenance.domain.errors import BadRecord, CountenanceError, Misconfigured, Unavailable, Unverified
from tests.client.asks import ALL, PNG
from tests.client.server import COLLECTION, KEY, SUBJECT, Server

CODES = sorted(set(classes()) - {"refused"})
PROBLEM = {"content-type": "application/problem+json"}


def test_every_class_of_the_tree_has_its_code() -> None:
    declared = {each for each in vars(errors).values() if isinstance(each, type) and issubclass(each, CountenanceError)}
    assert set(classes().values()) == declared
    assert all(code == each.code for code, each in classes().items())
    assert set(classes()) >= ONLY_FROM_WORK


@pytest.mark.parametrize("code", CODES)
def test_every_code_comes_back_as_its_class(client: Any, server: Server, code: str) -> None:
    server.states = {"outside-policy": code}
    server.before = [server.problem(422, code, outcome="none", retry=code == "conflict")]
    with pytest.raises(CountenanceError) as found:
        client.verify(COLLECTION, SUBJECT, PNG)
    error = found.value
    assert type(error) is classes()[code]
    assert (error.code, error.message, str(error), error.next_step) == (
        code,
        "It went wrong.",
        "It went wrong.",
        "Do this.",
    )
    assert error.retry is (code == "conflict")
    assert error.receipt
    assert len(server.seen) == 1


def test_a_code_that_nobody_knows_yet_keeps_its_name(client: Any, server: Server) -> None:
    server.before = [server.problem(418, "teapot", retry=True)]
    with pytest.raises(CountenanceError) as found:
        client.me()
    assert type(found.value) is CountenanceError
    assert (found.value.code, found.value.retry, found.value.receipt) == ("teapot", True, "")
    assert CountenanceError.code == "error"
    assert CountenanceError.retry is False


@pytest.mark.parametrize("name", ["code", "detail", "next_step", "retry"])
def test_a_problem_lacks_nothing(client: Any, server: Server, name: str) -> None:
    wrong: tuple[object, ...] = (None, 3, [], {})
    for value in wrong:
        server.body = lambda body, value=value: {**body, name: value}  # type: ignore[misc]
        server.before = [server.problem(409, "conflict")]
        with pytest.raises(BadRecord, match=f"`{name}`"):
            client.me()


@pytest.mark.parametrize("raw", [b"", b"{", b"[]", b"\xff", b'{"code": NaN}', b'{"code":"a","code":"b"}', b"[" * 9999])
def test_a_problem_that_cannot_be_read_says_so(client: Any, server: Server, raw: bytes) -> None:
    server.before = [httpx.Response(500, content=raw, headers=PROBLEM)]
    with pytest.raises(BadRecord, match=r"JSON|twice|number"):
        client.me()


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_not_followed(client: Any, server: Server, status: int) -> None:
    server.before = [httpx.Response(status, headers={"location": "https://elsewhere.example/"})]
    with pytest.raises(Misconfigured, match="redirect"):
        client.detect(PNG)
    assert len(server.seen) == 1


@pytest.mark.parametrize(
    ("status", "error"), [(404, BadRecord), (500, BadRecord), (502, Unavailable), (504, Unavailable)]
)
def test_a_page_of_somebody_else_is_not_an_answer(client: Any, server: Server, status: int, error: type) -> None:
    server.before = [httpx.Response(status, html="<h1>Not here</h1>")]
    with pytest.raises(error, match=str(status)):
        client.detect(PNG)


def test_a_result_that_is_no_json_is_malformed(client: Any, server: Server) -> None:
    server.before = [httpx.Response(200, html="<h1>Sign in</h1>")]
    with pytest.raises(BadRecord, match="not JSON"):
        client.detect(PNG)


@pytest.mark.parametrize("name", ALL)
def test_no_error_holds_the_key(client: Any, server: Server, name: str) -> None:
    """Not in its text, not in what it was raised from, even where the server repeats it."""
    says = f"the key {KEY} is not in force"
    server.answer = lambda _, request: server.problem(  # type: ignore[method-assign, assignment]
        401, "unauthenticated", detail=says, next_step=f"Not {request.headers.get('authorization')}."
    )
    with pytest.raises(errors.Unauthenticated) as found:
        ALL[name](client)
    if name in ("decide", "policies", "policy", "log", "transparency"):
        return  # they send no key, but the server here made one up
    error: BaseException | None = found.value
    assert "[the key]" in str(error)
    while error is not None:
        assert KEY not in repr(vars(error)) + repr(error.args)
        assert not isinstance(error, httpx.HTTPError)
        error = error.__cause__ or error.__context__


def test_an_errors_text_can_steer_no_terminal(client: Any, server: Server) -> None:
    server.before = [server.problem(409, "conflict", detail="\x1b[2Jgone\r\n")]
    with pytest.raises(errors.Conflict) as found:
        client.me()
    assert found.value.message == "\ufffd[2Jgone\ufffd\ufffd"


def test_a_refusal_without_a_decision_is_malformed(client: Any, server: Server) -> None:
    server.states = {"verdict": "deny"}
    server.before = [server.problem(403, "refused", outcome="refused")]
    with pytest.raises((BadRecord, Unverified), match="decision"):
        client.verify(COLLECTION, SUBJECT, PNG)
