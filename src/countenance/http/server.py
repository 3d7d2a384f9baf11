"""The server: one process that listens, answers, and ends without losing an answer or a leaf.

It listens on this machine alone unless TLS files or a proxy that speaks TLS are named. At SIGTERM or SIGINT it takes
nothing new, lets what is under way finish for a bounded time, and then closes the house, which publishes the last
checkpoint. What it prints is one JSON document a line. It has no workers, no reloading, no switch for debugging.
Sources: uvicorn's settings and `Server`; RFC 9112, section 9.3.
"""

from __future__ import annotations

import ipaddress
import json
import logging
import resource
import signal
import sys
import threading
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any, TextIO

import h11
import uvicorn
from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware
from uvicorn.protocols.http.h11_impl import H11Protocol

from countenance.config import checked_serving
from countenance.domain import ids
from countenance.domain.errors import BadInput, Misconfigured, Overloaded
from countenance.http import operation, problems, watch
from countenance.http.metrics import Metrics
from countenance.http.watch import Limits, Watched
from countenance.service.counting import Counter
from countenance.service.schedule import Announcer

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable, Iterator, Mapping
    from contextlib import AbstractContextManager

    from fastapi import FastAPI, Response
    from starlette.types import ASGIApp, Receive, Scope, Send

    from countenance.config import Serving
    from countenance.domain.errors import CountenanceError
    from countenance.service.app import House

    Log = Callable[[Mapping[str, object]], None]
    Ready = Callable[[str], None]

HEADER_BYTES = Limits().headers  # that are read before a request is whole
HEADER_SECONDS = 10.0  # for which a connection may take to send them
KEEP_ALIVE = 15  # seconds for which a connection may be idle between two requests
BACKLOG = 512  # connections that the kernel holds until they are taken
OWN_FILES = 256  # descriptors beside those of connections: database, log, tiles
ENDINGS = (signal.SIGTERM, signal.SIGINT)
LOGGERS = ("uvicorn.error", "asyncio", "countenance")


class Lines:
    """Prints one JSON document a line. Thread-safe."""

    def __init__(self, stream: TextIO | None = None) -> None:
        self._stream = stream or sys.stdout
        self._lock = threading.Lock()

    def __call__(self, line: Mapping[str, object]) -> None:
        text = json.dumps(line, ensure_ascii=False) + "\n"
        with self._lock, suppress(OSError):  # a log that nobody reads any more ends no answer
            self._stream.write(text)
            self._stream.flush()


def native(house: House) -> FastAPI:
    """The application of the native API."""
    from countenance.http.app import create_app

    return create_app(house)


def compose(house: House, serving: Serving, log: Log, create: Callable[[House], FastAPI] = native) -> ASGIApp:
    """The whole application: the watch, the word of the proxy, the doors. create: the application itself."""
    metrics = Metrics(house)
    app = create(house)
    operation.attach(app, house, metrics)
    limits = Limits(body_seconds=float(serving.body_seconds), in_flight=serving.in_flight)
    return Watched(_behind(app, serving), metrics=metrics, log=log, limits=limits)


def serve(
    house: House,
    serving: Serving,
    *,
    ready: Ready | None = None,
    log: Log | None = None,
    create: Callable[[House], FastAPI] = native,
) -> None:
    """Serve until a signal, then close the house. ready: called with the address once it listens.

    Raises Misconfigured where the address, the TLS files or the port cannot be used.
    """
    log = log or Lines()
    held = _announcing(house, log)
    listen(lambda: compose(house, serving, log, create), held, serving, ready=ready, log=log)


@contextmanager
def _announcing(house: House, log: Log) -> Iterator[None]:
    """The house, and beside it who announces what is coming and who counts leaves; the house is closed last."""
    with house, Announcer(house, log), Counter(house.counting):
        yield


def listen(
    make: Callable[[], ASGIApp],
    held: AbstractContextManager[object],
    serving: Serving,
    *,
    ready: Ready | None,
    log: Log,
) -> None:
    """Serve an application until a signal, then close what it rests on. Raises as `serve`."""
    with _ending() as end, _logged(log), held:
        checked_serving(serving)
        _room_for(serving.connections)
        server = _Server(_config(make(), serving), ready)
        end(server)
        server.run()
        if server.refused:
            raise Misconfigured(
                f"port {serving.port} of this address cannot be listened on",
                next_step="See whether another server has it, or name another with --port.",
            )


def _config(app: ASGIApp, serving: Serving) -> uvicorn.Config:
    config = uvicorn.Config(
        app, host=serving.host, port=serving.port, loop="asyncio", ws="none", lifespan="off",
        http=type("_Bounded", (_Timed,), {"most": serving.connections}),
        log_config=None, access_log=False, server_header=False, proxy_headers=False, backlog=BACKLOG,
        timeout_keep_alive=KEEP_ALIVE,
        timeout_graceful_shutdown=serving.grace_seconds, h11_max_incomplete_event_size=HEADER_BYTES,
        ssl_certfile=serving.tls_certificate, ssl_keyfile=serving.tls_key,
        ssl_keyfile_password="none, and none is asked for",  # noqa: S106  else OpenSSL would ask the terminal
    )  # fmt: skip
    try:
        config.load()
    except OSError as error:  # ssl.SSLError is one
        raise Misconfigured(
            "the TLS certificate or its key cannot be used",
            next_step="Name PEM files that belong together, the key without a passphrase and readable by this user.",
        ) from error
    return config


class _Server(uvicorn.Server):
    """uvicorn's, which tells where it listens, and says that it can't instead of leaving the process."""

    def __init__(self, config: uvicorn.Config, ready: Ready | None) -> None:
        super().__init__(config)
        self._ready = ready
        self.refused = False

    async def startup(self, sockets: Any = None) -> None:
        try:
            await super().startup(sockets)
        except SystemExit:
            self.refused = self.should_exit = True
            return
        if self._ready is not None:
            self._ready(self._address())

    def _address(self) -> str:
        """https://127.0.0.1:8440"""
        host, port = self.servers[0].sockets[0].getsockname()[:2]
        scheme = "https" if self.config.is_ssl else "http"
        return f"{scheme}://[{host}]:{port}" if ":" in host else f"{scheme}://{host}:{port}"


class _Timed(H11Protocol):
    """uvicorn's protocol, which does not wait for ever for the headers of a request, and speaks in problems.

    most: connections at once; who comes when there are as many is asked to come again, and no one else.
    """

    most = 1
    _deadline: asyncio.TimerHandle | None = None

    def connection_made(self, transport: Any) -> None:
        super().connection_made(transport)
        if len(self.connections) > self.most:
            self.app = _crowded
        self._wait_for_headers()

    def send_400_response(self, msg: str) -> None:  # noqa: ARG002  uvicorn's own sentence
        """Answer what is no HTTP. A call whose body it was is given up: nobody can tell where that ends."""
        cycle: Any = self.cycle  # None before the first request
        if cycle is not None and not cycle.response_complete:
            cycle.disconnected = True
            cycle.message_event.set()
        if self.conn.our_state in (h11.IDLE, h11.SEND_RESPONSE):
            step = "Send HTTP/1.1 as RFC 9112 has it, with the length of the body stated once."
            made = _closing(BadInput("this is not a request that can be read", next_step=step))
            answer = h11.Response(status_code=made.status_code, headers=made.raw_headers, reason=b"Bad Request")
            for event in (answer, h11.Data(data=bytes(made.body)), h11.EndOfMessage()):
                self.transport.write(self.conn.send(event))
        self.transport.close()

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        if self.conn.their_state is h11.IDLE:
            self._wait_for_headers()
        else:
            self._stop_waiting()

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop_waiting()
        super().connection_lost(exc)

    def _wait_for_headers(self) -> None:
        if self._deadline is None and not self.transport.is_closing():
            self._deadline = self.loop.call_later(HEADER_SECONDS, self.transport.abort)

    def _stop_waiting(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None


async def _crowded(scope: Scope, receive: Receive, send: Send) -> None:
    await _closing(Overloaded("too many connections are open"))(scope, receive, send)


def _closing(error: CountenanceError) -> Response:
    """The answer to what never came to the watch, with the end of its connection."""
    request = ids.new("request")
    return problems.response(error, request, {"Request-Id": request, "Connection": "close"})


class _Via:
    """Takes requests from the proxy and from this machine alone: past the proxy they would come in the clear."""

    def __init__(self, app: ASGIApp, proxies: tuple[str, ...]) -> None:
        self._app = app
        self._networks = [ipaddress.ip_network(proxy) for proxy in proxies]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and not self._expected(scope.get("client")):
            error = BadInput("this address is reached through its proxy alone", next_step="Use the public address.")
            await problems.response(error, scope["state"]["request"], status=421)(scope, receive, send)
            return
        await self._app(scope, receive, send)

    def _expected(self, client: tuple[str, int] | None) -> bool:
        try:
            address = ipaddress.ip_address(client[0] if client else "")
        except ValueError:
            return False
        return address.is_loopback or any(address in network for network in self._networks)


def _behind(app: ASGIApp, serving: Serving) -> ASGIApp:
    """Believe the declared proxy, and nobody else, about who asks."""
    if not serving.trusted_proxy:
        return app
    inner: Any = ProxyHeadersMiddleware(app, list(serving.trusted_proxy))  # type: ignore[arg-type]
    return inner if serving.tls_certificate is not None else _Via(inner, serving.trusted_proxy)


def _room_for(connections: int) -> None:
    """Let this process have a descriptor for each connection, as far as the system allows."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = connections + OWN_FILES
    allowed = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
    if soft != resource.RLIM_INFINITY and soft < allowed:
        resource.setrlimit(resource.RLIMIT_NOFILE, (allowed, hard))


@contextmanager
def _ending() -> Iterator[Callable[[_Server], None]]:
    """From here to the end of the house a signal ends the server and nothing else, however often it comes.

    uvicorn raises the signals it caught once more when it is through; they come here, and find that it is over.
    """
    servers: list[_Server] = []

    def end(*_: object) -> None:
        for server in servers:
            server.should_exit = True

    ours = ENDINGS if threading.current_thread() is threading.main_thread() else ()
    before = {number: signal.signal(number, end) for number in ours}
    try:
        yield servers.append
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


class _Records(logging.Handler):
    """Log records of the libraries, as lines of ours."""

    def __init__(self, log: Log) -> None:
        super().__init__(logging.WARNING)
        self._log = log

    def emit(self, record: logging.LogRecord) -> None:
        error = record.exc_info[1] if record.exc_info else None
        if error is not None:
            self._log(watch.defect(error))
        else:
            says = (record.getMessage().splitlines() or [""])[0]
            self._log({"time": watch.now(), "event": "server", "level": record.levelname.lower(), "says": says})


@contextmanager
def _logged(log: Log) -> Iterator[None]:
    """Loggers speak through `log` meanwhile, from warnings on; nothing else prints a traceback with its messages."""
    handler = _Records(log)
    loggers = [logging.getLogger(name) for name in LOGGERS]
    before = [(logger.level, logger.propagate) for logger in loggers]
    for logger in loggers:
        logger.addHandler(handler)
        logger.setLevel(logging.WARNING)
        logger.propagate = False
    try:
        yield
    finally:
        for logger, (level, propagate) in zip(loggers, before, strict=True):
            logger.removeHandler(handler)
            logger.setLevel(level)
            logger.propagate = propagate
