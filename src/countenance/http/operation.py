"""The operator's doors: is it alive, is it ready, what does it count; and the public ledger, file by file.

None of them asks for a key. The ledger's door gives checkpoints, tiles, announcements of keys and the texts beside them
(ledger/beside.py) under their one spelling, any leaf's proof in the newest cosigned checkpoint (`witnessed/INDEX`), and
nothing else: no other path of the machine can be named, and no symbolic link is followed. It repairs nothing.
Source: C2SP tlog-tiles ("Merkle tree", "Log entries"); RFC 8246 for `immutable`.
"""

from __future__ import annotations

import os
import re
import stat
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from fastapi import APIRouter, Request, Response

from countenance.domain.errors import CountenanceError, LogUnavailable, NotFound
from countenance.http import fresh, problems, witnessed
from countenance.http import metrics as exposition
from countenance.ledger import beside, publish, tiles

if TYPE_CHECKING:
    from pathlib import Path

    from fastapi import FastAPI

    from countenance.http.metrics import Metrics
    from countenance.service.app import House

STALE = 30.0
"""Seconds for which a durable leaf may wait to be published: a hundred rounds of the publisher."""

LEDGER = "/ledger/"
FOR_EVER = "public, max-age=31536000, immutable"
"""Of a tile: its name says its width, so its bytes never change; a partial one may go away when it is full."""

PLAIN = "text/plain; charset=utf-8"
CHANGING = frozenset({publish.CHECKPOINT, publish.COSIGNED, publish.HISTORY})
_ANNOUNCEMENT = re.compile(rf"{publish.KEYS}/[1-9][0-9]?")

_READY = os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW


def attach(app: FastAPI, house: House, metrics: Metrics) -> None:
    """Give an application these doors."""
    app.include_router(router(house, metrics))


def router(house: House, metrics: Metrics) -> APIRouter:
    """GET /healthz, /readyz, /metrics and GET or HEAD /ledger/witnessed/{index}, /ledger/{path}.

    The first three wait for no thread and no disk: they answer while everything else is busy.
    """
    doors = APIRouter(include_in_schema=False)

    @doors.get("/healthz")
    async def healthz() -> dict[str, bool]:
        return {"alive": True}

    @doors.get("/readyz", response_model=None)
    async def readyz(request: Request) -> dict[str, bool] | Response:
        try:
            require_ready(house)
        except CountenanceError as error:
            return problems.response(error, request_id(request))
        return {"ready": True, **({"stopped": True} if house.in_force.held.stopped else {})}

    @doors.get("/metrics")
    async def counts() -> Response:
        return Response(metrics.text(), media_type=exposition.CONTENT_TYPE)

    @doors.api_route(LEDGER + "witnessed/{index}", methods=["GET", "HEAD"])
    def cosigned(index: str, request: Request) -> Response:
        try:
            raw = witnessed.proof(house, index)
        except CountenanceError as error:
            return problems.response(error, request_id(request))
        return fresh.tagged(request, raw, PLAIN)

    @doors.api_route(LEDGER + "{path:path}", methods=["GET", "HEAD"])
    def published(request: Request) -> Response:
        # Not the router's word for the path, whose pattern would let a last line break pass.
        return serve_file(house.settings.ledger, str(request.scope["path"]).removeprefix(LEDGER), request)

    return doors


def require_ready(house: House) -> None:
    """Raise what keeps the house from answering: LogUnavailable, DiskFull, ClockWentBack, LogRolledBack.

    A witness that is missing does not.
    """
    house.log.check()
    if house.log.overdue > STALE:
        raise LogUnavailable("the published checkpoint is behind the log")
    house.signers.check()


def serve_file(public: Path, path: str, request: Request) -> Response:
    """A file of the published folder, or 304, or 404."""
    try:
        raw = read_published(public, path)
    except NotFound as error:
        return problems.response(error, request_id(request))
    if _is_text(path) or beside.lasting(path) or beside.renewed(path):
        media = "application/json" if path.endswith(".json") else PLAIN
        return fresh.tagged(request, raw, media, FOR_EVER if beside.lasting(path) else fresh.ASK_FIRST)
    return fresh.tagged(request, raw, "application/octet-stream", FOR_EVER)


def read_published(public: Path, path: str) -> bytes:
    """The bytes of a file that is published. Raises NotFound for any other name, LogUnavailable."""
    known = _is_text(path) or beside.lasting(path) or beside.renewed(path)
    if not known and tiles.parse_path(path) is None:
        raise NotFound("the ledger has no file of this name")
    try:
        descriptor = _open_below(public, PurePosixPath(path).parts)
    except (FileNotFoundError, NotADirectoryError):
        raise NotFound("the ledger has no such file, or not any more") from None
    except OSError as error:
        raise LogUnavailable(f"the ledger cannot be read: {os.strerror(error.errno or 0)}") from error
    with os.fdopen(descriptor, "rb") as file:
        return file.read()


def _is_text(path: str) -> bool:
    return path in CHANGING or _ANNOUNCEMENT.fullmatch(path) is not None


def request_id(request: Request) -> str:
    """The id that the watch gave the request; empty where there is no watch."""
    return str(getattr(request.state, "request", ""))


def _open_below(folder: Path, parts: tuple[str, ...]) -> int:
    """A descriptor of a regular file below a folder, reached without following a symbolic link."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_CLOEXEC | os.O_DIRECTORY)
    for place, part in enumerate(parts, start=1):
        kind = os.O_NONBLOCK if place == len(parts) else os.O_DIRECTORY
        above = descriptor
        try:
            descriptor = os.open(part, _READY | kind, dir_fd=above)
        finally:
            os.close(above)
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise FileNotFoundError
    return descriptor
