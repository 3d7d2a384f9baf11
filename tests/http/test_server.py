"""The server as a process: where it listens, what it bears, and how it ends."""

from __future__ import annotations

import asyncio
import io
import json
import logging
import signal
import socket
import ssl
import subprocess
import sys
import threading
import time
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from typing import TYPE_CHECKING, Any, Self

import httpx
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.x509.oid import NameOID
from fastapi import FastAPI, Request

from countenance.config import Serving
from countenance.domain.errors import Misconfigured
from countenance.http import server
from countenance.ledger.checkpoint import open_checkpoint
from countenance.ledger.note import Verifier
from tests.house.sources import ROOT
from tests.service.world import World, new_world

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

PATIENCE = 60  # seconds for a start on a busy machine


class Running:
    """A server in a process of its own, and the lines it prints. module: what the process runs."""

    module = "tests.http.slow"

    def __init__(self, folder: Path, *files: Path) -> None:
        self.folder = folder
        command = [sys.executable, "-m", self.module, str(folder), *map(str, files)]
        self.child = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        self.lines: list[dict[str, Any]] = []
        self.changed = threading.Condition()
        self.reader = threading.Thread(target=self._read, daemon=True)
        self.reader.start()
        self.at = str(self.until("listening")["at"])
        self.host, _, port = self.at.partition("//")[2].rpartition(":")
        self.port = int(port)

    def _read(self) -> None:
        assert self.child.stdout is not None
        for text in self.child.stdout:
            with self.changed:
                self.lines.append(json.loads(text))
                self.changed.notify_all()

    def until(self, event: str) -> dict[str, Any]:
        """The first line of this event."""
        with self.changed:
            assert self.changed.wait_for(lambda: self.of(event), PATIENCE), self.lines
            return self.of(event)[0]

    def of(self, event: str) -> list[dict[str, Any]]:
        return [line for line in self.lines if line["event"] == event]

    def speak(self, raw: bytes) -> bytes:
        """All that comes back over a connection of its own until the server closes it."""
        with socket.create_connection((self.host, self.port), PATIENCE) as line:
            line.sendall(raw)
            return b"".join(iter(lambda: line.recv(65536), b""))

    def end(self, *, signals: int = 1) -> tuple[int, str]:
        for _ in range(signals):
            self.child.send_signal(signal.SIGTERM)
        _, said = "", self.child.stderr.read() if self.child.stderr else ""
        code = self.child.wait(PATIENCE)
        self.reader.join(PATIENCE)
        return code, said

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.child.kill()
        self.child.wait(PATIENCE)
        for stream in (self.child.stdout, self.child.stderr):
            if stream is not None:
                stream.close()


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    with Running(tmp_path_factory.mktemp("running")) as child:
        yield child


def test_it_ends_with_the_answer_given_and_its_leaf_published(tmp_path: Path) -> None:
    """SIGTERM, twice, with a request under way: it finishes, nothing new is taken, the checkpoint covers its leaf."""
    with Running(tmp_path) as child:
        answers: list[httpx.Response] = []
        asking = threading.Thread(target=lambda: answers.append(httpx.post(f"{child.at}/slow", timeout=PATIENCE)))
        asking.start()
        child.until("inside")
        child.child.send_signal(signal.SIGTERM)
        deadline = time.monotonic() + PATIENCE
        while _listens(child) and time.monotonic() < deadline:
            time.sleep(0.02)
        assert not _listens(child)
        code, said = child.end()
        asking.join(PATIENCE)
        assert (code, said) == (0, "")
        assert answers[0].status_code == 200
        assert child.of("closed")
    verifier = Verifier.from_vkey((tmp_path / "data/log.vkey").read_text().strip())
    checkpoint = open_checkpoint((tmp_path / "data/ledger/checkpoint").read_bytes(), verifier)
    assert checkpoint.size == answers[0].json()["size"] > 0


def _listens(child: Running) -> bool:
    try:
        socket.create_connection((child.host, child.port), 1).close()
    except OSError:
        return False
    return True


def test_it_listens_on_this_machine_and_says_nothing_of_what_it_is(running: Running) -> None:
    answer = httpx.get(f"{running.at}/readyz", timeout=PATIENCE)
    assert (answer.status_code, running.host) == (200, "127.0.0.1")
    assert "server" not in answer.headers
    assert answer.headers["request-id"].startswith("req_")


def test_every_line_is_json_without_the_path(running: Running) -> None:
    httpx.get(f"{running.at}/secret-alias?key=secret", timeout=PATIENCE)
    with running.changed:
        assert running.changed.wait_for(lambda: any(line.get("status") == 404 for line in running.lines), PATIENCE)
    assert "secret" not in json.dumps(running.lines)


@pytest.mark.parametrize(
    "raw",
    [
        b"GET / HTTP/1.1\r\nHost: x\r\nContent-Length: 4_2\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
        b"POST /read HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        b"nonsense\r\n\r\n",
    ],
)
def test_a_request_that_is_none_is_refused_and_the_connection_closed(running: Running, raw: bytes) -> None:
    answer = running.speak(raw)
    assert answer.startswith(b"HTTP/1.1 400 ")
    assert b"content-type: application/problem+json\r\n" in answer
    told = json.loads(answer.partition(b"\r\n\r\n")[2])
    assert told["code"] == "bad-input"
    assert f"request-id: {told['request']}\r\n".encode() in answer.lower()


def test_a_body_that_stops_being_http_is_given_up_without_a_defect(running: Running) -> None:
    chunked = b"POST /read HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
    answer = running.speak(chunked + b"3\r\nabc\r\nnonsense\r\n")
    assert answer.startswith(b"HTTP/1.1 400 ")
    assert answer.count(b"HTTP/1.1 400 ") == 1
    assert json.loads(answer.partition(b"\r\n\r\n")[2])["next_step"]
    assert httpx.get(f"{running.at}/healthz", timeout=PATIENCE).status_code == 200
    assert not running.of("defect")


def test_one_connection_too_many_is_asked_to_come_again_and_the_others_are_served(running: Running) -> None:
    """The child's bound is 20 connections."""
    held = [socket.create_connection((running.host, running.port), PATIENCE) for _ in range(20)]
    try:
        answer = running.speak(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
        assert answer.startswith(b"HTTP/1.1 503 ")
        assert b"\r\nretry-after: " in answer.lower()
        assert json.loads(answer.partition(b"\r\n\r\n")[2])["code"] == "overloaded"
        held[0].sendall(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
        assert held[0].recv(65536).startswith(b"HTTP/1.1 200 ")
    finally:
        for line in held:
            line.close()


@pytest.mark.parametrize("size", [server.HEADER_BYTES, 10**6])
@pytest.mark.parametrize("before", [b"GET /", b"GET /?q=", b"GET / HTTP/1.1\r\nX-Long: "])
def test_headers_are_bounded_whether_they_come_at_once_or_not(running: Running, before: bytes, size: int) -> None:
    after = b"\r\n" if b"\r\n" in before else b" HTTP/1.1\r\n"
    try:
        answer = running.speak(before + b"a" * size + after + b"Host: x\r\n\r\n")
    except OSError:  # it may close before all was sent
        return
    assert answer.startswith((b"HTTP/1.1 400 ", b"HTTP/1.1 431 "))


def test_a_body_without_a_stated_length_is_stopped_at_a_bound(running: Running) -> None:
    """At that of bytes, or at that of time where the machine is slow; test_watch holds each for itself."""
    stopped = (408, 413)

    def endless() -> Iterator[bytes]:
        for _ in range(32):
            yield b"\0" * 2**20

    try:
        answer = httpx.post(f"{running.at}/read", content=endless(), timeout=PATIENCE)
    except httpx.TransportError:  # the server may close before all of it was sent
        pass
    else:
        assert answer.status_code in stopped
    assert httpx.post(f"{running.at}/read", content=b"ok", timeout=PATIENCE).json() == {"read": 2}
    with running.changed:
        assert running.changed.wait_for(lambda: any(line.get("status") in stopped for line in running.lines), PATIENCE)


def test_who_stops_sending_is_let_go(running: Running) -> None:
    """In the middle of a body after a second, here; in the middle of the headers after ten."""
    began = time.monotonic()
    assert running.speak(b"POST /read HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\nab").startswith(b"HTTP/1.1 408 ")
    assert running.speak(b"GET / HTTP/1.1\r\nHost: x\r\nX-Slow: ") == b""
    assert time.monotonic() - began >= server.HEADER_SECONDS


def _certificate(folder: Path, passphrase: bytes = b"") -> tuple[Path, Path]:
    """A certificate for 127.0.0.1, signed by itself."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
        .serial_number(x509.random_serial_number()).not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
        .sign(key, SHA256())
    )  # fmt: skip
    kept = serialization.BestAvailableEncryption(passphrase) if passphrase else serialization.NoEncryption()
    (folder / "chain.pem").write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    form = serialization.PrivateFormat.PKCS8
    (folder / "key.pem").write_bytes(key.private_bytes(serialization.Encoding.PEM, form, kept))
    return folder / "chain.pem", folder / "key.pem"


def test_it_speaks_tls_where_it_has_a_certificate(tmp_path: Path) -> None:
    files = _certificate(tmp_path)
    with Running(tmp_path, *files) as child:
        assert child.at.startswith("https://127.0.0.1:")
        trust = ssl.create_default_context(cafile=str(files[0]))
        assert httpx.get(f"{child.at}/healthz", verify=trust, timeout=PATIENCE).status_code == 200
        assert child.end()[0] == 0


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    made = new_world(tmp_path)
    yield made
    made.house.close()


def plain(_: object) -> FastAPI:
    app = FastAPI()

    @app.get("/who")
    async def who(request: Request) -> dict[str, str]:
        assert request.client is not None
        return {"client": request.client.host, "scheme": request.url.scheme}

    return app


def _refused(world: World, serving: Serving) -> str:
    with pytest.raises(Misconfigured) as refused:
        server.serve(world.house, serving, log=lambda _: None, create=plain)
    assert refused.value.next_step
    return refused.value.message


def test_tls_files_that_cannot_be_used_are_named_and_no_passphrase_is_asked_for(world: World, tmp_path: Path) -> None:
    none = Serving(tls_certificate=tmp_path / "none.pem", tls_key=tmp_path / "none.pem")
    locked = _certificate(tmp_path, b"passphrase")
    assert "TLS" in _refused(world, none)
    assert "TLS" in _refused(world, Serving(tls_certificate=locked[0], tls_key=locked[1]))


def test_a_port_that_is_taken_is_named_and_the_house_closed(world: World) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        assert str(port) in _refused(world, Serving(port=port))
    world.restart()


def test_nothing_is_served_in_the_clear_to_others_whoever_calls(world: World) -> None:
    assert "TLS" in _refused(world, Serving("192.0.2.7"))


def ask(world: World, serving: Serving, client: str, **headers: str) -> httpx.Response:
    app = server.compose(world.house, serving, lambda _: None, plain)
    transport = httpx.ASGITransport(app, client=(client, 5000))

    async def run() -> httpx.Response:
        async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as asking:
            return await asking.get("/who", headers=headers)

    return asyncio.run(run())


SAID = {"X-Forwarded-For": "203.0.113.5", "X-Forwarded-Proto": "https"}


def test_only_the_declared_proxy_is_believed(world: World) -> None:
    behind = Serving("192.0.2.7", trusted_proxy=("10.0.3.0/24",))
    assert ask(world, behind, "10.0.3.9", **SAID).json() == {"client": "203.0.113.5", "scheme": "https"}
    assert ask(world, Serving(), "10.0.3.9", **SAID).json() == {"client": "10.0.3.9", "scheme": "http"}
    assert ask(world, Serving(), "127.0.0.1", **SAID).json() == {"client": "127.0.0.1", "scheme": "http"}
    assert ask(world, behind, "127.0.0.1", **SAID).json() == {"client": "127.0.0.1", "scheme": "http"}


@pytest.mark.parametrize("stranger", ["192.0.2.200", "10.0.4.1", "testclient"])
def test_who_goes_past_the_proxy_is_turned_away_unless_there_is_tls(world: World, stranger: str) -> None:
    behind = Serving("192.0.2.7", trusted_proxy=("10.0.3.0/24",))
    answer = ask(world, behind, stranger, **SAID)
    assert (answer.status_code, answer.json()["code"]) == (421, "bad-input")
    assert answer.json()["request"] == answer.headers["request-id"]


def test_what_the_libraries_say_is_a_line_too_and_a_traceback_has_no_words() -> None:
    lines: list[Any] = []
    with server._logged(lines.append):  # noqa: SLF001
        logging.getLogger("uvicorn.error").warning("Invalid HTTP request received.\nsecond line")
        logging.getLogger("uvicorn.error").info("not told")
        try:
            raise ValueError("secret")
        except ValueError:
            logging.getLogger("countenance.http").exception("secret too")
    assert [line["event"] for line in lines] == ["server", "defect"]
    assert (lines[0]["says"], lines[0]["level"]) == ("Invalid HTTP request received.", "warning")
    assert "secret" not in json.dumps(lines)


class _Gone(io.StringIO):
    """A pipe whose reader has left."""

    def write(self, _: str) -> int:
        raise BrokenPipeError


def test_lines_are_whole_and_a_log_that_nobody_reads_ends_nothing(tmp_path: Path) -> None:
    with (tmp_path / "log").open("w", encoding="utf-8") as stream:
        lines = server.Lines(stream)

        def twenty() -> None:
            for _ in range(20):
                lines({"é": "a\nb" * 500})

        threads = [threading.Thread(target=twenty) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    written = (tmp_path / "log").read_text(encoding="utf-8").splitlines()
    assert [json.loads(line) for line in written] == [{"é": "a\nb" * 500}] * 80
    server.Lines(_Gone())({"event": "lost"})
