"""The line to the server: encrypted, certified, bounded; nothing from the environment, and a key that nobody sees."""

from __future__ import annotations

import pickle
import ssl
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import TYPE_CHECKING

import httpx
import pytest

from countenance.client import AsyncClient, Client
from countenance.domain.errors import BadInput, Misconfigured, Unavailable
from tests.client.authority import make_certificate
from tests.client.server import KEY
from tests.ledger.world import SIGNER

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

VKEY = SIGNER.vkey


@pytest.mark.parametrize(
    "address",
    ["http://127.0.0.1:8000", "http://127.9.9.9", "http://[::1]:81", "http://localhost", "https://x.example/faces/"],
)
def test_an_address_that_is_safe_is_taken(address: str) -> None:
    with Client(address, KEY, log_key=VKEY) as client:
        assert address.rstrip("/") in repr(client)


@pytest.mark.parametrize(
    "address",
    ["http://x.example", "http://10.0.0.1", "http://localhost.example", "http://0.0.0.0", "http://[::2]",
     "http://127.0.0.1.example"],
)  # fmt: skip
def test_plain_http_to_another_machine_is_refused(address: str) -> None:
    for kind in (Client, AsyncClient):
        with pytest.raises(Misconfigured, match="plain HTTP"):
            kind(address, KEY, log_key=VKEY)


@pytest.mark.parametrize(
    "address",
    ["", "x.example", "ftp://x.example", "https://", "https://a:b@x.example", "https://x.example?a=b", "https://x#y",
     "https://x.example:port", "https://x.example\n"],
)  # fmt: skip
def test_what_is_no_address_is_refused(address: str) -> None:
    with pytest.raises(BadInput, match="address"):
        Client(address, KEY, log_key=VKEY)


@pytest.mark.parametrize("key", [KEY[:-1], KEY + "x", KEY + "\n", " " + KEY, KEY.upper(), "Bearer " + KEY])
def test_what_is_no_key_is_refused_without_being_shown(key: str) -> None:
    with pytest.raises(BadInput) as found:
        Client("https://x.example", key, log_key=VKEY)
    assert key not in str(found.value) + found.value.next_step


@pytest.mark.parametrize("timeout", [0, -1, 601, float("inf"), float("nan")])
def test_a_timeout_has_bounds(timeout: float) -> None:
    with pytest.raises(BadInput, match="timeout"):
        Client("https://x.example", KEY, log_key=VKEY, timeout=timeout)


def test_the_key_is_in_no_repr_and_no_client_is_pickled() -> None:
    with Client("https://x.example", KEY, log_key=VKEY) as client:
        shown = [repr(client), repr(client.__dict__), *(repr(vars(each)) for each in (client._line.witness,))]  # noqa: SLF001
        assert not [text for text in shown if KEY in text or KEY[37:] in text]
        with pytest.raises((TypeError, AttributeError, pickle.PicklingError)):
            pickle.dumps(client)
    assert repr(AsyncClient("https://x.example", KEY, log_key=VKEY)) == "AsyncClient('https://x.example')"


def test_nothing_is_taken_from_the_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A proxy would see whom one asks about, and a .netrc would send another password."""
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    (tmp_path / ".netrc").write_text("machine 127.0.0.1 login a password b\n")
    monkeypatch.setenv("NETRC", str(tmp_path / ".netrc"))
    with answering() as (address, seen), Client(address, log_key=VKEY) as client:
        assert client.log().size == 5
    assert seen == [("/v1/log", None)]


def test_a_certificate_is_verified(tmp_path: Path) -> None:
    """Against an authority of one's own, by name; without it, or for another name, nothing is sent."""
    ca, chain = make_certificate(tmp_path, "localhost")
    with answering(chain) as (address, seen):
        with Client(address, KEY, log_key=VKEY, ca=ca) as client:
            assert client.log().size == 5
        waited: list[float] = []
        for where, authority in ((address, None), (address.replace("localhost", "127.0.0.1"), ca)):
            made = Client(where, KEY, log_key=VKEY, ca=authority, sleep=waited.append)
            with made as stranger, pytest.raises(Misconfigured, match="certificate is not trusted"):
                stranger.me()
    assert (seen, waited) == ([("/v1/log", None)], [])


def test_an_authority_that_cannot_be_read_is_refused(tmp_path: Path) -> None:
    (tmp_path / "empty.pem").write_text("")
    for name in ("missing.pem", "empty.pem"):
        with pytest.raises(Misconfigured, match="authority"):
            Client("https://x.example", KEY, log_key=VKEY, ca=tmp_path / name)


def test_nobody_there_is_unavailable_after_a_few_tries() -> None:
    waited: list[float] = []
    with answering() as (address, _):
        pass
    made = Client(address, KEY, log_key=VKEY, sleep=waited.append)
    with made as client, pytest.raises(Unavailable, match="no connection came about"):
        client.detect(b"\xff\xd8\xff")
    assert waited == [0.5, 1.0, 2.0]


def test_an_answer_that_drips_is_cut_at_the_timeout() -> None:
    """Each byte comes in time, the whole does not."""
    ticks = iter(range(0, 10_000, 10))

    def drip(_: httpx.Request) -> httpx.Response:
        return httpx.Response(200, content=(b" " for _ in range(100)))

    transport = httpx.MockTransport(drip)
    made = Client("https://x.example", KEY, log_key=VKEY, transport=transport, clock=lambda: float(next(ticks)))
    with made as client, pytest.raises(Unavailable, match="took too long"):
        client.detect(b"\xff\xd8\xff")
    assert next(ticks) <= 60


@contextmanager
def answering(chain: Path | None = None) -> Iterator[tuple[str, list[tuple[str, str | None]]]]:
    """A server on this machine that answers `log`; its address, and each path with the Authorization that came."""
    seen: list[tuple[str, str | None]] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            seen.append((self.path, self.headers["Authorization"]))
            body = f'{{"origin": "{SIGNER.name}", "vkey": "{VKEY}", "size": 5}}'.encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    class Quiet(HTTPServer):
        def handle_error(self, *_: object) -> None:
            """A client that hangs up on a certificate is what is tested."""

    with Quiet(("127.0.0.1", 0), Handler) as server:
        if chain is not None:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(chain)
            server.socket = context.wrap_socket(server.socket, server_side=True)
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield f"{'https://localhost' if chain else 'http://127.0.0.1'}:{server.server_port}", seen
        finally:
            server.shutdown()
            thread.join()
