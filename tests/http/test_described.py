"""The description of the API: it is the code's own, it is committed, and it leaves no answer out."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from countenance.http.problems import MEDIA

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.http.conftest import Doors

COMMITTED = Path(__file__).resolve().parents[2] / "docs" / "openapi.json"


def written(document: dict[str, Any]) -> str:
    return json.dumps(document, indent=1, sort_keys=True, ensure_ascii=False) + "\n"


def operations(document: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            yield method, path, operation


def test_the_committed_description_is_the_codes(doors: Doors) -> None:
    """`python -m tests.http.test_described` writes it anew."""
    document = doors.client.get("/v1/openapi.json").json()
    assert written(document) == COMMITTED.read_text(encoding="utf-8")


def test_every_operation_is_described_whole() -> None:
    document = json.loads(COMMITTED.read_text(encoding="utf-8"))
    for method, path, operation in operations(document):
        at = f"{method} {path}"
        assert operation.get("description"), f"{at} has no sentence"
        good = [status for status in operation["responses"] if status.startswith("2")]
        assert len(good) == 1, f"{at} has no one good answer"
        for status, answer in operation["responses"].items():
            if status == "304":
                assert "content" not in answer, f"{at} says something where nothing has changed"
            elif status not in good:
                assert set(answer["content"]) == {MEDIA}, f"{at} {status} is no problem"
                assert answer["content"][MEDIA]["example"]["status"] == int(status)


def test_every_reference_in_it_leads_somewhere() -> None:
    text = COMMITTED.read_text(encoding="utf-8")
    document = json.loads(text)
    named = {part.split('"')[0] for part in text.split('"$ref": "#/components/schemas/')[1:]}
    assert named <= set(document["components"]["schemas"])


def test_no_other_answer_can_hold_a_template() -> None:
    """The shapes are closed, and none has a field for one but the export of a person's own data."""
    document = json.loads(COMMITTED.read_text(encoding="utf-8"))
    own = "HeldReference"  # of the export of a person's own data
    assert "template" in document["components"]["schemas"][own]["properties"]
    for name, schema in document["components"]["schemas"].items():
        if name == own:
            continue
        fields = set(schema.get("properties", {}))
        assert not fields & {"template", "templates", "embedding", "vector", "score", "cosine", "similarity"}, name


@pytest.mark.parametrize("path", ["/docs", "/redoc", "/openapi.json"])
def test_no_page_is_served_that_asks_another_server(doors: Doors, path: str) -> None:
    assert doors.client.get(path).status_code == 404


def write() -> None:
    """Write the committed description anew, from the routes alone."""
    from types import SimpleNamespace

    from countenance.http.app import create_app

    app = create_app(SimpleNamespace())  # type: ignore[arg-type]
    COMMITTED.write_text(written(app.openapi()), encoding="utf-8")


if __name__ == "__main__":
    write()
