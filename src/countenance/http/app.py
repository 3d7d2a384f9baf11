"""The application: every door of one open house, and how an error leaves by any of them.

It wires and decides nothing: routes come from their modules, errors from the house's tree, the description from both.
A defect of ours becomes `internal-error`; its traceback goes to the operator's log and not to the caller.
Source: docs/api.md.
"""

from __future__ import annotations

import json
import logging
from typing import TYPE_CHECKING, Any

from fastapi import Depends, FastAPI
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException

from countenance.domain.errors import BadInput, CountenanceError, InternalError, NotFound, WrongMethod
from countenance.http import (
    administration,
    applying,
    asked,
    customers,
    demanding,
    fresh,
    keeping,
    links,
    native,
    person,
    reports,
    rules,
    shapes,
    statute,
    transparency,
)
from countenance.http.budget import Budget
from countenance.http.callers import known_query
from countenance.http.problems import response

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

    from countenance.service.app import House

DESCRIPTION = "/v1/openapi.json"
LOG = logging.getLogger("countenance.http")
ROUTERS = (
    native.router, keeping.router, applying.router, administration.router, customers.router, demanding.router,
    rules.router, statute.router, asked.router, reports.router, person.router, person.pages,
    transparency.router, transparency.pages,
)  # fmt: skip
ABOUT = (
    "Faces, for those whom the operator's public promises and the law allow. Every answer and every refusal carries "
    "a receipt: proof that it is in a transparency log which outsiders can check."
)


def create_app(house: House) -> FastAPI:
    """The ASGI application of an open house. The caller keeps the house open for as long as it serves."""
    app = FastAPI(
        title="Countenance", version="1", description=ABOUT, docs_url=None, redoc_url=None,
        openapi_url=None, redirect_slashes=False,
    )  # fmt: skip
    app.state.house = house
    app.state.applying = Budget()
    app.state.commenting = Budget()
    for router in ROUTERS:
        app.include_router(router, dependencies=[Depends(known_query)])
    for kind in (CountenanceError, RequestValidationError, HTTPException, Exception):
        app.add_exception_handler(kind, _told)
    app.add_route(DESCRIPTION, _description, include_in_schema=False)
    _describe(app)
    return app


def _describe(app: FastAPI) -> None:
    """Make the document once, add what no route names, and note each route's query parameters."""
    document = app.openapi()
    document["components"]["schemas"].update(_problem_schemas())
    for path in document["paths"].values():
        for operation in path.values():
            _drop_fastapis(operation["responses"])
            document["components"]["schemas"].update(_inner_shapes(operation))
    links.connect(document)
    app.state.queries = {
        (path, method.upper()): {
            parameter["name"]: parameter["schema"].get("type") == "array"
            for parameter in operation.get("parameters", ())
            if parameter["in"] == "query"
        }
        for path, operations in document["paths"].items()
        for method, operation in operations.items()
    }
    app.openapi_schema = document
    app.state.description = json.dumps(document, ensure_ascii=False, separators=(",", ":")).encode()


async def _description(request: Request) -> Response:
    """GET /v1/openapi.json: the bytes that were made at the start."""
    return fresh.tagged(request, request.app.state.description, "application/json")


def _inner_shapes(operation: dict[str, Any]) -> dict[str, Any]:
    """The shapes inside that of a body which is read by hand; they move to where references look for them."""
    body = operation.get("requestBody", {}).get("content", {}).get("application/json", {})
    found: dict[str, Any] = body.get("schema", {}).pop("$defs", {})
    return found


def _drop_fastapis(responses: dict[str, Any]) -> None:
    """Take out the 422 that FastAPI adds by itself; ours are problems."""
    if "application/json" in responses.get("422", {}).get("content", {}):
        del responses["422"]


def _problem_schemas() -> dict[str, Any]:
    whole = shapes.Problem.model_json_schema(ref_template="#/components/schemas/{model}")
    return {**whole.pop("$defs", {}), shapes.Problem.__name__: whole}


async def _told(request: Request, error: Exception) -> Response:
    """Any exception as a problem."""
    headers = error.headers if isinstance(error, HTTPException) else None
    return response(_ours(error), getattr(request.state, "request", ""), headers)


def _ours(error: Exception) -> CountenanceError:
    """The error of the tree that stands for this exception."""
    if isinstance(error, CountenanceError):
        return error
    if isinstance(error, RequestValidationError):
        first = error.errors()[0]
        says = str(first["msg"])
        return BadInput(f"{'.'.join(map(str, first['loc'][1:]))}: {says[:1].lower()}{says[1:]}")
    if isinstance(error, HTTPException) and error.status_code == 404:
        return NotFound("there is no such address", next_step="See GET /v1/openapi.json for those there are.")
    if isinstance(error, HTTPException) and error.status_code == 405:
        return WrongMethod("this address does not take this method")
    LOG.error("a request broke", exc_info=error)
    return InternalError("something went wrong inside, and no result was given")
