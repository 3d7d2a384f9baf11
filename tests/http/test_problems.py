"""Errors on the wire: the table is whole, each answer is a problem, and nothing inside leaves with it."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from countenance.domain.errors import CountenanceError, Refused, tree
from countenance.http import problems, shapes
from tests.service.world import photo

if TYPE_CHECKING:
    from tests.http.conftest import Doors


def test_every_class_of_the_tree_has_a_status_and_every_status_a_title() -> None:
    assert set(problems.STATUS) == set(tree())
    assert set(problems.STATUS.values()) <= set(problems.TITLES)


@pytest.mark.parametrize("kind", [kind for kind in tree() if kind is not Refused])
def test_a_problem_has_the_shape_that_is_described(kind: type[CountenanceError]) -> None:
    error = kind("a sentence")
    error.receipt = "abc"
    answer = problems.response(error, "req_1")
    shape = shapes.Problem.model_validate_json(bytes(answer.body))
    assert (shape.code, shape.detail, shape.request, shape.receipt) == (kind.code, "a sentence", "req_1", "abc")
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.headers["countenance-receipt"] == "abc"
    assert ("retry-after" in answer.headers) == kind.retry
    assert answer.status_code == shape.status == problems.STATUS[kind]


def test_a_defect_of_ours_tells_nothing_of_the_inside(doors: Doors, caplog: pytest.LogCaptureFixture) -> None:
    del doors.world.house.in_force
    broken = doors.client.get("/v1/policies")
    assert broken.status_code == 500
    body = shapes.Problem.model_validate_json(broken.content)
    assert body.code == "internal-error"
    assert "policies" not in broken.text
    assert "AttributeError" in caplog.text


@pytest.mark.parametrize(
    ("method", "path", "code"),
    [("GET", "/v1/nothing", "not-found"), ("PUT", "/v1/detect", "wrong-method"), ("GET", "/v1/log/", "not-found"),
     ("GET", "/v1/%2e%2e/log", "not-found"), ("GET", "/v1/collections/a%2Fb/subjects", "not-found")],
)  # fmt: skip
def test_what_is_no_address_is_a_problem_too(doors: Doors, method: str, path: str, code: str) -> None:
    answer = doors.client.request(method, path, headers=doors.key)
    assert shapes.Problem.model_validate_json(answer.content).code == code


def test_methods_cannot_be_overridden(doors: Doors) -> None:
    sent = {**doors.key, "X-HTTP-Method-Override": "DELETE", "Content-Type": "image/png"}
    assert doors.client.post("/v1/detect?_method=DELETE", headers=sent, content=photo(1)).status_code == 400
    assert doors.client.get("/v1/me", headers=sent).status_code == 200


def test_the_page_puts_each_code_at_its_status() -> None:
    page = Path(__file__).resolve().parents[2] / "docs" / "api.md"
    rows = re.findall(r"^\| ([0-9]{3}) \| (.*) \|$", page.read_text(encoding="utf-8"), re.MULTILINE)
    by_code = {kind.code: str(status) for kind, status in problems.STATUS.items()}
    told = {code: status for status, says in rows for code in re.findall(r"`([a-z-]+)`", says)}
    assert told
    assert told == {code: by_code[code] for code in told}
    assert {status for status, _ in rows} == {str(status) for status in problems.STATUS.values()}
