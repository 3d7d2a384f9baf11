"""The watch: what it turns away, what it counts, what it writes down, and what it never does."""

from __future__ import annotations

import asyncio
import json
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest
from starlette.applications import Starlette
from starlette.responses import JSONResponse, PlainTextResponse
from starlette.routing import Route

from countenance.http.metrics import Metrics
from countenance.http.watch import Limits, Watched, defect

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping, Sequence

    from starlette.requests import Request
    from starlette.responses import Response
    from starlette.types import Message

    Feed = Callable[[], Awaitable[Message]]

SMALL = Limits(body=1000, body_seconds=0.5, patience=0.2, pace=10_000, in_flight=2, watchers=1)
SECRET = "cnt_do-not-log-me"  # noqa: S105


@dataclass
class Heard:
    """What came back of one request."""

    messages: list[Message] = field(default_factory=list)

    @property
    def status(self) -> int:
        return int(self.messages[0]["status"])

    @property
    def headers(self) -> dict[str, str]:
        return {name.decode().lower(): value.decode() for name, value in self.messages[0]["headers"]}

    @property
    def body(self) -> bytes:
        return b"".join(message.get("body", b"") for message in self.messages[1:])

    @property
    def problem(self) -> dict[str, Any]:
        assert self.headers["content-type"] == "application/problem+json"
        assert int(self.headers["content-length"]) == len(self.body)
        found: dict[str, Any] = json.loads(self.body)
        assert found["request"] == self.headers["request-id"]
        assert found["status"] == self.status
        return found


class Door:
    """A small application behind the watch, and the lines that were written."""

    def __init__(self, limits: Limits = SMALL) -> None:
        self.lines: list[Mapping[str, Any]] = []
        self.read: list[int] = []
        self.gate = asyncio.Event()
        self.inside = 0
        routes = [
            Route("/echo/{secret}", self.echo, methods=["GET", "POST"]),
            Route("/slow", self.slow),
            Route("/healthz", self.slow),
            Route("/broken", self.broken),
            Route("/half", self.half),
        ]
        self.metrics = Metrics()
        self.app = Watched(Starlette(routes=routes), metrics=self.metrics, log=self.lines.append, limits=limits)

    async def echo(self, request: Request) -> Response:
        whole = await request.body()
        self.read.append(len(whole))
        return JSONResponse({"read": len(whole), "method": request.method, "request": request.state.request})

    async def slow(self, _: Request) -> Response:
        self.inside += 1
        await self.gate.wait()
        return PlainTextResponse("done", headers={"Cache-Control": "max-age=5"})

    async def broken(self, _: Request) -> Response:
        raise ValueError(SECRET)

    async def half(self, _: Request) -> Response:
        return _Half()

    async def ask(
        self, path: str, *, method: str = "GET", headers: Sequence[tuple[bytes, bytes]] = (), feed: Feed | None = None
    ) -> Heard:
        heard = Heard()

        async def send(message: Message) -> None:
            heard.messages.append(message)

        scope = {
            "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": method, "path": path,
            "raw_path": path.encode(), "root_path": "", "scheme": "http", "query_string": b"q=" + SECRET.encode(),
            "headers": list(headers), "client": ("192.0.2.9", 5000), "server": ("127.0.0.1", 80),
        }  # fmt: skip
        await self.app(scope, feed or fed(b""), send)
        return heard


class _Half(PlainTextResponse):
    """Begins to answer, and breaks."""

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        del scope, receive
        await send({"type": "http.response.start", "status": 200, "headers": self.raw_headers})
        raise RuntimeError(SECRET)


def fed(*chunks: bytes, every: float = 0.0, ends: bool = True) -> Feed:
    """A body in chunks with pauses; without an end, silence."""
    rest = list(chunks)

    async def receive() -> Message:
        await asyncio.sleep(every)
        if not rest:
            await asyncio.Event().wait()
        chunk = rest.pop(0)
        return {"type": "http.request", "body": chunk, "more_body": bool(rest) or not ends}

    return receive


def ask(path: str, **more: Any) -> tuple[Door, Heard]:
    """One request through a fresh door."""

    async def run() -> tuple[Door, Heard]:
        door = Door()
        return door, await door.ask(path, **more)

    return asyncio.run(run())


def posted(*chunks: bytes, **more: Any) -> tuple[Door, Heard]:
    return ask("/echo/x", method="POST", feed=fed(*chunks, **more))


def test_an_answer_passes_with_an_id_of_its_own_and_is_nobodys_to_keep() -> None:
    door, heard = posted(b"a" * 400, b"b" * 600)
    assert (heard.status, json.loads(heard.body)["read"]) == (200, 1000)
    assert re.fullmatch(r"req_[0-9a-f]{32}", heard.headers["request-id"])
    assert json.loads(heard.body)["request"] == heard.headers["request-id"] == door.lines[0]["request"]
    assert heard.headers["cache-control"] == "no-store"
    assert heard.headers["x-content-type-options"] == "nosniff"
    assert heard.headers["request-id"] != ask("/echo/x")[1].headers["request-id"]


def test_a_header_that_the_application_set_stays() -> None:
    async def run() -> Heard:
        door = Door()
        door.gate.set()
        return await door.ask("/slow")

    assert asyncio.run(run()).headers["cache-control"] == "max-age=5"


@pytest.mark.parametrize(
    ("headers", "status", "code"),
    [
        ([(b"content-length", b"1001")], 413, "body-too-large"),
        ([(b"content-length", b"999999999999999999")], 413, "body-too-large"),
        ([(b"content-length", b"9" * 19)], 400, "bad-input"),
        ([(b"content-length", b"-1")], 400, "bad-input"),
        ([(b"content-length", b"+1")], 400, "bad-input"),
        ([(b"content-length", b"1_0")], 400, "bad-input"),
        ([(b"content-length", b"")], 400, "bad-input"),
        ([(b"content-length", "٢".encode())], 400, "bad-input"),
        ([(b"content-length", b"5"), (b"content-length", b"5")], 400, "bad-input"),
        ([(b"content-length", b"5"), (b"transfer-encoding", b"chunked")], 400, "bad-input"),
    ],
)
def test_a_length_is_judged_before_the_application_hears_of_it(
    headers: list[tuple[bytes, bytes]], status: int, code: str
) -> None:
    door, heard = ask("/echo/x", method="POST", headers=headers, feed=fed(b"x"))
    assert (heard.status, heard.problem["code"], door.read) == (status, code, [])
    assert heard.headers["connection"] == "close"
    assert heard.problem["next_step"]


def test_headers_are_bounded_together() -> None:
    fits, over = ([(b"a" * 10, b"b" * size)] * 2 for size in (8_000, 8_200))
    assert ask("/echo/x", headers=fits)[1].status == 200
    door, heard = ask("/echo/x", headers=over)
    assert (heard.status, heard.problem["code"], door.read) == (431, "bad-input", [])


def test_a_body_that_states_no_length_is_counted_and_stopped() -> None:
    door, heard = posted(b"a" * 600, b"b" * 401, b"c" * 10_000)
    assert (heard.status, heard.problem["code"], door.read) == (413, "body-too-large", [])
    assert door.lines[0]["bytes_in"] == 1001


def test_a_body_at_the_bound_is_read() -> None:
    assert posted(b"a" * 1000)[0].read == [1000]


@pytest.mark.parametrize("chunks", [(b"",), (b"a",), (b"a" * 50,) * 9])
def test_a_body_that_stops_coming_ends_the_request(chunks: tuple[bytes, ...]) -> None:
    door, heard = posted(*chunks, ends=False)
    assert (heard.status, heard.problem["code"], heard.problem["retry"], door.read) == (408, "unavailable", True, [])


def test_a_body_that_trickles_is_too_slow_though_it_never_stops() -> None:
    door, heard = posted(*[b"a"] * 100, every=0.05)
    assert (heard.status, door.read) == (408, [])
    assert 200 <= door.lines[0]["ms"] < 5_000


def test_only_waiting_counts_against_the_caller() -> None:
    """An application that takes its time between two reads does not make its caller slow."""

    async def run() -> Heard:
        door = Door()

        async def reads_late(scope: Any, receive: Any, send: Any) -> None:
            for _ in range(3):
                await asyncio.sleep(0.15)
                await receive()
            await PlainTextResponse("read")(scope, receive, send)

        door.app._app = reads_late  # noqa: SLF001
        return await door.ask("/x", method="POST", feed=fed(b"a", b"b", b"c"))

    assert asyncio.run(run()).status == 200


def test_once_the_body_is_whole_waiting_is_nobodys_fault() -> None:
    """A long answer listens for the caller's leaving; that is no slow body."""

    async def run() -> Heard:
        door = Door()

        async def listens(scope: Any, receive: Any, send: Any) -> None:
            await receive()
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(receive(), 0.6)
            await PlainTextResponse("done")(scope, receive, send)

        door.app._app = listens  # noqa: SLF001
        return await door.ask("/x", method="POST", feed=fed(b"whole"))

    assert asyncio.run(run()).status == 200


def test_the_allowance_grows_with_what_has_come() -> None:
    limits = Limits(body_seconds=30, patience=5, pace=1000)
    assert [limits.waits(received) for received in (0, 1000, 20_000, 10**7)] == [5, 6, 25, 30]


def test_one_too_many_at_once_is_asked_to_come_again_and_the_operators_own_still_pass() -> None:
    async def run() -> tuple[Door, Heard, list[Heard]]:
        door = Door()
        held = [asyncio.create_task(door.ask(path)) for path in ("/slow", "/slow", "/healthz")]
        while door.inside < 3:
            await asyncio.sleep(0)
        refused = await door.ask("/slow")
        door.gate.set()
        return door, refused, [await task for task in held] + [await door.ask("/slow")]

    door, refused, others = asyncio.run(run())
    assert (refused.status, refused.problem["code"], refused.problem["retry"]) == (503, "overloaded", True)
    assert int(refused.headers["retry-after"]) > 0
    assert [heard.status for heard in others] == [200] * 4
    assert b"countenance_requests_in_flight 0.0" in door.metrics.text()


def test_the_method_is_the_one_that_was_sent() -> None:
    names = (b"x-http-method-override", b"x-method-override", b"x-http-method")
    _, heard = ask("/echo/x", method="POST", headers=[(name, b"DELETE") for name in names])
    assert json.loads(heard.body)["method"] == "POST"


def test_a_line_says_what_was_asked_of_which_route_and_nothing_of_whom() -> None:
    headers = [(b"authorization", f"Bearer {SECRET}".encode()), (b"content-length", b"7")]
    door, heard = ask(f"/echo/{SECRET}", method="POST", headers=headers, feed=fed(SECRET[:7].encode()))
    assert len(door.lines) == 1
    line = dict(door.lines[0])
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", line.pop("time"))
    assert 0 <= line.pop("ms") < 5_000
    assert line == {
        "event": "request", "request": heard.headers["request-id"], "method": "POST", "route": "/echo/{secret}",
        "status": 200, "bytes_in": 7, "bytes_out": len(heard.body),
    }  # fmt: skip
    assert SECRET not in json.dumps(door.lines)
    assert "192.0.2.9" not in json.dumps(door.lines)


def test_what_a_caller_made_up_is_no_label_and_in_no_line() -> None:
    door, heard = ask(f"/{SECRET}", method=SECRET)
    assert heard.status == 404
    assert (door.lines[0]["route"], door.lines[0]["method"]) == ("none", "other")
    assert SECRET not in json.dumps(door.lines) + door.metrics.text().decode()


def test_a_defect_is_told_without_its_words_and_written_down_with_its_place() -> None:
    door, heard = ask("/broken")
    assert heard.status == 500
    found, line = door.lines
    assert (found["event"], found["kinds"], found["request"]) == ("defect", ["ValueError"], line["request"])
    assert any(place.endswith(" broken") for place in found["where"][0])
    assert SECRET not in json.dumps(door.lines) + heard.body.decode()
    assert not any(place.startswith("/") for place in found["where"][0])


def test_a_defect_of_an_application_that_does_not_answer_is_answered_here() -> None:
    async def run() -> Heard:
        door = Door()

        async def breaks(*_: Any) -> None:
            raise KeyError(SECRET)

        door.app._app = breaks  # noqa: SLF001
        return await door.ask("/x")

    heard = asyncio.run(run())
    assert (heard.status, heard.problem["code"]) == (500, "internal-error")
    assert SECRET.encode() not in heard.body


def test_an_answer_that_was_begun_is_not_begun_again() -> None:
    door, heard = ask("/half")
    assert [message["type"] for message in heard.messages] == ["http.response.start"]
    assert [line["event"] for line in door.lines] == ["defect", "request"]


def test_a_chain_of_errors_is_followed_to_its_cause() -> None:
    try:
        try:
            raise KeyError(SECRET)
        except KeyError as cause:
            raise ValueError(SECRET) from cause
    except ValueError as error:
        found = defect(error)
    assert found["kinds"] == ["ValueError", "KeyError"]
    assert SECRET not in json.dumps(found)


def test_a_caller_who_leaves_in_the_middle_of_a_body_is_no_defect() -> None:
    async def left() -> Message:
        return {"type": "http.disconnect"}

    door, heard = ask("/echo/x", method="POST", feed=left)
    assert (heard.messages, door.read) == ([], [])
    assert [(line["event"], line["status"]) for line in door.lines] == [("request", 499)]


def test_a_caller_who_leaves_is_counted_and_frees_the_place() -> None:
    async def run() -> Door:
        door = Door()
        task = asyncio.create_task(door.ask("/slow"))
        while not door.inside:
            await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        return door

    door = asyncio.run(run())
    assert [line["status"] for line in door.lines] == [499]
    assert b"countenance_requests_in_flight 0.0" in door.metrics.text()


def test_what_is_no_request_passes_untouched() -> None:
    async def run() -> list[str]:
        seen = []

        async def app(scope: Any, receive: Any, send: Any) -> None:
            del receive, send
            seen.append(scope["type"])

        door = Door()
        door.app._app = app  # noqa: SLF001
        await door.app({"type": "lifespan"}, fed(), None)  # type: ignore[arg-type]
        return seen

    assert asyncio.run(run()) == ["lifespan"]
