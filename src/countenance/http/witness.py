"""The doors of a witness: a checkpoint comes in, a cosignature goes out; and for monitors what was cosigned last.

The statuses are those of the specification, one for each way to decline, with one sentence as plain text. Nobody shows
a key here: the log's signature over the checkpoint is what counts, and is looked at before anything is remembered.
Source: C2SP tlog-witness at v1.0.0. `GET /{digest}/checkpoint` is an addition, after the drafts that followed it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from fastapi import APIRouter, FastAPI, Request, Response
from starlette.concurrency import run_in_threadpool

from countenance.domain.errors import BadRecord, CountenanceError
from countenance.http import metrics as exposition
from countenance.http import problems
from countenance.http.metrics import Metrics
from countenance.http.watch import Limits, Watched
from countenance.ledger.witness import MAX_SUBMISSION, SIZE_MEDIA, Declined

if TYPE_CHECKING:
    from collections.abc import Mapping

    from starlette.types import ASGIApp

    from countenance.config import Serving
    from countenance.http.watch import Log
    from countenance.ledger.memory import Memory
    from countenance.ledger.witness import Reason

STATUS: Mapping[Reason, int] = {
    "malformed": 400,
    "unknown-log": 404,
    "unsigned": 403,
    "stale": 409,
    "fork": 409,
    "inconsistent": 422,
}
PLAIN = "text/plain; charset=utf-8"


def compose(memory: Memory, serving: Serving, log: Log) -> ASGIApp:
    """The whole application of a witness: the watch, then the doors."""
    metrics = Metrics()
    app = FastAPI(docs_url=None, redoc_url=None, openapi_url=None, redirect_slashes=False)
    app.include_router(router(memory, metrics))
    limits = Limits(body=MAX_SUBMISSION, body_seconds=float(serving.body_seconds), in_flight=serving.in_flight)
    return Watched(app, metrics=metrics, log=log, limits=limits)


def router(memory: Memory, metrics: Metrics) -> APIRouter:
    """POST /add-checkpoint, GET /{digest}/checkpoint, /healthz and /metrics."""
    doors = APIRouter(include_in_schema=False)

    @doors.post("/add-checkpoint")
    async def add_checkpoint(request: Request) -> Response:
        return await run_in_threadpool(answer, memory, await request.body())

    @doors.get("/healthz")
    async def healthz() -> dict[str, bool]:
        return {"alive": True}

    @doors.get("/metrics")
    async def counts() -> Response:
        return Response(metrics.text(), media_type=exposition.CONTENT_TYPE)

    @doors.get("/{digest}/checkpoint")
    def latest(digest: str, request: Request) -> Response:
        try:
            return Response(memory.latest(digest), media_type=PLAIN)
        except CountenanceError as error:
            return problems.response(error, str(getattr(request.state, "request", "")))

    return doors


def answer(memory: Memory, raw: bytes) -> Response:
    """What a submission comes to."""
    try:
        found = memory.add(raw)
    except BadRecord as error:
        return _plain(400, error.message)
    except CountenanceError as error:
        return _plain(503, error.message)
    if not isinstance(found, Declined):
        return _plain(200, found.line.encode().removesuffix("\n"))
    if found.reason == "stale":
        return Response(f"{found.latest}\n", 409, {"Content-Type": SIZE_MEDIA})
    return _plain(STATUS[found.reason], found.says)


def _plain(status: int, says: str) -> Response:
    return Response(f"{says}\n", status, {"Content-Type": PLAIN})
