"""The watch at the door: every request gets an id, a bound on what it may send and for how long, and one line of log.

It stands before the application and before any proxy's word: what is too long, too slow or too much is answered here.
A line of log holds no key, name, address, query, body or id of a record, and a route's template in place of its path.
It never changes what the application answers, but for headers it adds. Sources: the ASGI specification 3.0; RFC 9110
(sections 8.6, 15.5.9, 15.5.14, 15.6.4); RFC 9112, section 6.3, for a length that is stated twice.
"""

from __future__ import annotations

import asyncio
import time
import traceback
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, NoReturn
from urllib.parse import unquote_to_bytes

from countenance.domain import ids
from countenance.domain.errors import BadInput, BodyTooLarge, InternalError, NotFound, Overloaded, Unavailable
from countenance.http import problems

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from countenance.domain.errors import CountenanceError
    from countenance.http.metrics import Metrics

    Log = Callable[[Mapping[str, object]], None]

METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
ALWAYS = frozenset({"/healthz", "/readyz", "/metrics"})
"""Paths that are answered however busy the house is: they are how its operator sees that it is."""

ADDED = ((b"x-content-type-options", b"nosniff"), (b"cache-control", b"no-store"))
"""Headers of every answer that does not set them itself: an answer about a face is nobody's to keep on the way."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What one request may take, and all of them together.

    headers: bytes of target and headers, which the parser bounds only while they are not complete.
    body: bytes of a body; two photographs of 5 MiB in base64 fit. body_seconds: of waiting for one body, in all.
    patience, pace: a caller may be silent for `patience` seconds, and then owes `pace` bytes for each more.
    in_flight: requests at once. watchers: requests at once for the paths of ALWAYS.
    """

    headers: int = 16 * 1024
    body: int = 16 * 2**20
    body_seconds: float = 30.0
    patience: float = 5.0
    pace: int = 8 * 1024
    in_flight: int = 64
    watchers: int = 16

    def waits(self, received: int) -> float:
        """Seconds of waiting that a caller has used up at most when this many bytes have come."""
        return min(self.body_seconds, self.patience + received / self.pace)


class _Stopped(BaseException):
    """The request was given up while its body was read; never leaves this module.

    No Exception, since no handler of the application may take a slow caller, or one that left, for a defect of ours.
    """


@dataclass(slots=True)
class _Passage:
    """One request on its way through."""

    limits: Limits
    request: str
    receive: Receive
    send: Send
    began: float = field(default_factory=time.perf_counter)
    waited: float = 0.0
    read: int = 0
    ended: bool = False
    written: int = 0
    status: int = 0
    stopped: tuple[int, CountenanceError] | None = None

    async def take(self) -> Message:
        """Receive for the application: counted, and timed until the body is whole."""
        if self.stopped is not None:
            raise _Stopped
        message = await self.receive() if self.ended else await self._timely()
        if message["type"] == "http.request":
            self.read += len(message.get("body", b""))
            self.ended = not message.get("more_body", False)
            if self.read > self.limits.body:
                self.stop(413, _too_large(self.limits))
        elif not self.ended:
            raise _Stopped  # the caller left in the middle of the body: nothing is done, and nobody hears of it
        return message

    async def _timely(self) -> Message:
        """Only the waiting counts: how long the application takes between two reads is not the caller's."""
        before = time.perf_counter()
        try:
            async with asyncio.timeout(max(0.0, self.limits.waits(self.read) - self.waited)):
                return await self.receive()
        except TimeoutError:
            self.stop(408, Unavailable("the body came too slowly", next_step="Send it again over a faster line."))
        finally:
            self.waited += time.perf_counter() - before

    def stop(self, status: int, error: CountenanceError) -> NoReturn:
        """Give the request up: whatever the application makes of this, its caller gets our answer."""
        self.stopped = (status, error)
        raise _Stopped

    async def give(self, message: Message) -> None:
        """Send for the application; once the request is stopped, nothing that was not begun goes out."""
        if self.stopped is not None and not self.status:
            return
        if message["type"] == "http.response.start":
            self.status = message["status"]
            message = {**message, "headers": self._headers(message.get("headers", ()))}
        elif message["type"] == "http.response.body":
            self.written += len(message.get("body", b""))
        await self.send(message)

    def _headers(self, given: Any) -> list[tuple[bytes, bytes]]:
        there = {bytes(name).lower() for name, _ in given}
        added = [(name, value) for name, value in ADDED if name not in there]
        return [*given, (b"request-id", self.request.encode()), *added]

    async def answer(self, status: int, error: CountenanceError) -> None:
        """Answer in place of the application, where it has not begun to; the connection ends with it."""
        if self.status:
            return
        self.stopped = None
        made = problems.response(error, self.request, {"Connection": "close"}, status)
        await self.give({"type": "http.response.start", "status": status, "headers": made.raw_headers})
        await self.give({"type": "http.response.body", "body": bytes(made.body)})


class Watched:
    """The application with the watch before it. log: takes one dict a request, and one a defect."""

    def __init__(self, app: ASGIApp, *, metrics: Metrics, log: Log, limits: Limits | None = None) -> None:
        self._app = app
        self._metrics = metrics
        self._log = log
        self._limits = limits or Limits()
        self._at_once = {True: 0, False: 0}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        passage = _Passage(self._limits, ids.new("request"), receive, send)
        scope.setdefault("state", {})["request"] = passage.request
        aside = scope["path"] in ALWAYS
        self._at_once[aside] += 1
        self._metrics.begin()
        try:
            await self._pass(scope, passage, aside=aside)
        finally:
            self._at_once[aside] -= 1
            self._tell(scope, passage)

    async def _pass(self, scope: Scope, passage: _Passage, *, aside: bool) -> None:
        most = self._limits.watchers if aside else self._limits.in_flight
        if self._at_once[aside] > most:
            await passage.answer(503, Overloaded("too many requests are under way"))
            return
        refused = _refused(scope, self._limits)
        if refused is not None:
            await passage.answer(*refused)
            return
        try:
            await self._app(scope, passage.take, passage.give)
        except _Stopped:
            pass  # what it was stopped for is answered below, if anybody is there
        except Exception as error:  # whatever it is, the caller gets a document and the operator a line
            if passage.stopped is None:
                self._log(defect(error, passage.request))
                await passage.answer(500, InternalError("the server could not answer"))
        if passage.stopped is not None:
            await passage.answer(*passage.stopped)

    def _tell(self, scope: Scope, passage: _Passage) -> None:
        seconds = time.perf_counter() - passage.began
        route = getattr(scope.get("route"), "path", "") or "none"
        method = scope["method"] if scope["method"] in METHODS else "other"
        status = passage.status or 499  # nothing was sent: the caller left, or the server is ending
        self._metrics.end(route, method, status, seconds)
        self._log(
            {
                "time": now(), "event": "request", "request": passage.request, "method": method, "route": route,
                "status": status, "ms": round(seconds * 1000, 1), "bytes_in": passage.read,
                "bytes_out": passage.written,
            }
        )  # fmt: skip


def defect(error: BaseException, request: str = "") -> dict[str, object]:
    """A line about a defect of ours: the kinds of error and where, never their messages, which may hold anything."""
    kinds: list[str] = []
    where: list[list[str]] = []
    seen: BaseException | None = error
    while seen is not None and len(kinds) < 8:
        kinds.append(type(seen).__name__)
        frames = traceback.extract_tb(seen.__traceback__)[-6:]
        where.append([f"{_module(frame.filename)}:{frame.lineno} {frame.name}" for frame in frames])
        seen = seen.__cause__ or seen.__context__
    return {"time": now(), "event": "defect", "request": request, "kinds": kinds, "where": where}


def _module(filename: str) -> str:
    """The end of a file's name: enough to find the line, and nothing of the machine."""
    return "/".join(filename.rsplit("/", 3)[1:])


def now() -> str:
    """The time of a line: RFC 3339, UTC, milliseconds."""
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _refused(scope: Scope, limits: Limits) -> tuple[int, CountenanceError] | None:
    """Why a request is not let in, from its headers alone."""
    if not _names_one_place(scope.get("raw_path") or b""):
        return 404, NotFound(
            "there is no such address: an encoded slash, and what is not UTF-8, stand in none",
            next_step="Name it by the id that the server gave it.",
        )
    lengths = [value for name, value in scope["headers"] if name == b"content-length"]
    chunked = any(name == b"transfer-encoding" for name, _ in scope["headers"])
    target = len(scope.get("raw_path") or b"") + len(scope["query_string"])
    if target + sum(len(name) + len(value) for name, value in scope["headers"]) > limits.headers:
        return 431, BadInput(
            "the address and the headers are too long together", next_step="Send fewer or shorter ones."
        )
    if len(lengths) + chunked > 1 or not all(len(length) <= 18 and length.isdigit() for length in lengths):
        return 400, BadInput("the length of the body is not stated once, in plain digits")
    if lengths and int(lengths[0]) > limits.body:
        return 413, _too_large(limits)
    return None


def _names_one_place(raw: bytes) -> bool:
    """Whether a path is read in one way alone: `ada%2Fconsents` would be decoded to two parts and name another."""
    if b"%" not in raw:
        return True
    try:
        unquote_to_bytes(raw).decode()
    except UnicodeDecodeError:
        return False
    return b"%2f" not in raw.lower()


def _too_large(limits: Limits) -> BodyTooLarge:
    return BodyTooLarge(f"a body has at most {limits.body:,} bytes here")
