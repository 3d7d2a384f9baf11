"""How a server reaches a witness: bounded, without redirects, proxies or credentials of the environment."""

from __future__ import annotations

import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING

import pytest

from countenance.domain.errors import Unavailable
from countenance.http import post
from countenance.service.witnesses import Told

if TYPE_CHECKING:
    from collections.abc import Iterator

HEADERS: list[dict[str, str]] = []


class Door(BaseHTTPRequestHandler):
    """Answers as the path says."""

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        HEADERS.append({name.lower(): value for name, value in self.headers.items()})
        if self.path == "/elsewhere":
            self.send_response(302)
            self.send_header("Location", "/echo")
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        answer = b"x" * (post.MOST + 1) if self.path == "/long" else body
        self.send_response(409 if self.path == "/size" else 200)
        self.send_header("Content-Type", "text/x.tlog.size")
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, *_: object) -> None:
        """Says nothing."""


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Door)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


def test_what_is_sent_comes_back_with_its_status_and_kind(address: str) -> None:
    with post.Post() as send:
        assert send(f"{address}/size", b"5\n") == Told(409, "text/x.tlog.size", b"5\n")


def test_an_answer_is_bounded(address: str) -> None:
    with post.Post() as send, pytest.raises(Unavailable, match="too long"):
        send(f"{address}/long", b"")


def test_a_redirect_is_not_followed(address: str) -> None:
    with post.Post() as send:
        assert send(f"{address}/elsewhere", b"").status == 302


def test_nothing_of_the_environment_goes_along(address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    with post.Post() as send:
        assert send(f"{address}/echo", b"a").body == b"a"
    assert not {"authorization", "cookie"} & set(HEADERS[-1])
