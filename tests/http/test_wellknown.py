"""How a server reads one file of a domain: where it goes and where never, over TLS that is verified, and how much."""

from __future__ import annotations

import socket
import ssl
import threading
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from countenance.domain.errors import Unavailable
from countenance.http import wellknown
from countenance.http.wellknown import WellKnown, public

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

DOMAIN, PUBLIC = "pool.example", "93.184.215.14"


@pytest.mark.parametrize("address", [PUBLIC, "1.1.1.1", "2606:4700:4700::1111"])
def test_an_address_of_the_public_internet_is_one(address: str) -> None:
    assert public(address)


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1", "10.0.0.8", "172.16.3.4", "192.168.1.1", "169.254.169.254", "100.64.0.1", "0.0.0.0",  # noqa: S104
        "224.0.0.1", "240.0.0.1", "255.255.255.255", "192.0.2.7", "::1", "::", "fe80::1", "fe80::1%eth0", "fc00::1",
        "ff02::1", "::ffff:10.0.0.8", "::ffff:127.0.0.1", "64:ff9b::a00:8", "64:ff9b:1::a00:8", "2002:a00:8::1",
        "2001::1", "2001:db8::1", "", "pool.example", "0x7f000001", "127.1",
    ],
)  # fmt: skip
def test_no_other_address_is(address: str) -> None:
    assert not public(address)


@pytest.mark.parametrize("found", [[], ["10.0.0.8"], [PUBLIC, "10.0.0.8"], ["10.0.0.8", PUBLIC], [PUBLIC, "::1"]])
def test_a_domain_with_one_address_that_is_not_public_is_not_connected_to(found: list[str]) -> None:
    dialled: list[str] = []

    def dial(address: str, _: float) -> socket.socket:
        dialled.append(address)
        raise OSError("nobody should dial")

    with pytest.raises(Unavailable, match="not of the public internet"):
        WellKnown(lambda _: found, dial)(DOMAIN)
    assert dialled == []


class Site:
    """A domain: TLS on this machine, one answer, and what it was asked. named: the domain of its certificate."""

    def __init__(self, folder: Path, answer: bytes, named: str = DOMAIN) -> None:
        self.answer, self.asked, self.dialled = answer, b"", list[str]()
        self._tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.certificate = certificate(folder, named)
        self._tls.load_cert_chain(self.certificate)
        self._door = socket.create_server(("127.0.0.1", 0))
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def reader(self, *, trusted: bool = True) -> WellKnown:
        trust = ssl.create_default_context(cafile=str(self.certificate) if trusted else None)
        return WellKnown(lambda _: [PUBLIC], self._dial, trust)

    def close(self) -> None:
        self._door.close()

    def _dial(self, address: str, seconds: float) -> socket.socket:
        self.dialled.append(address)
        return socket.create_connection(self._door.getsockname(), seconds)

    def _serve(self) -> None:
        with suppress(OSError):
            plain, _ = self._door.accept()
            with self._tls.wrap_socket(plain, server_side=True) as secured:
                self.asked = secured.recv(4096)
                secured.sendall(self.answer)


def certificate(folder: Path, named: str) -> Path:
    """A certificate for a domain, signed by itself, and its key, in one file."""
    key, now = ec.generate_private_key(ec.SECP256R1()), datetime.now(UTC)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, named)])
    made = (
        x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
        .serial_number(x509.random_serial_number()).not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(named)]), critical=False)
        .sign(key, hashes.SHA256())
    )  # fmt: skip
    path, pem = folder / "site.pem", serialization.Encoding.PEM
    private = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    path.write_bytes(made.public_bytes(pem) + private)
    return path


@pytest.fixture
def sites() -> Iterator[list[Site]]:
    made: list[Site] = []
    yield made
    for site in made:
        site.close()


def site(sites: list[Site], folder: Path, answer: bytes, named: str = DOMAIN) -> Site:
    sites.append(Site(folder, answer, named))
    return sites[-1]


GOOD = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\ncode\n"


def test_the_file_of_a_domain_is_asked_for_at_the_address_that_was_looked_at(sites: list[Site], tmp_path: Path) -> None:
    there = site(sites, tmp_path, GOOD)
    assert there.reader()(DOMAIN) == b"code\n"
    assert there.dialled == [PUBLIC]
    lines = there.asked.decode().split("\r\n")
    assert lines[:2] == ["GET /.well-known/countenance-challenge HTTP/1.0", f"Host: {DOMAIN}"]
    assert not [line for line in lines if line.lower().startswith(("cookie", "authorization"))]


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        (b"HTTP/1.1 302 Found\r\nLocation: https://10.0.0.8/\r\nContent-Length: 0\r\n\r\n", "status 302"),
        (b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n", "status 404"),
        (b"HTTP/1.1 200 OK\r\n\r\n" + b"x" * (wellknown.MOST + 1), "too long"),
        (b"HTTP/1.1 200 OK\r\nX: " + b"x" * (wellknown.MOST + 1), "too long"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\ncode\n", "IncompleteRead"),
        (b"SSH-2.0-OpenSSH\r\n", "BadStatusLine"), (b"", "RemoteDisconnected"),
    ],
)  # fmt: skip
def test_what_is_no_file_is_none(sites: list[Site], tmp_path: Path, answer: bytes, says: str) -> None:
    with pytest.raises(Unavailable, match=says):
        site(sites, tmp_path, answer).reader()(DOMAIN)


def test_a_certificate_for_another_name_or_of_nobody_is_not_believed(sites: list[Site], tmp_path: Path) -> None:
    for named, trusted in (("other.example", True), (DOMAIN, False)):
        there = site(sites, tmp_path, GOOD, named)
        with pytest.raises(Unavailable, match="SSLCertVerificationError"):
            there.reader(trusted=trusted)(DOMAIN)
        assert there.asked == b""


def test_a_domain_that_says_nothing_is_hung_up_on() -> None:
    """It takes the connection and not even the handshake; who waits is let go when the other end is shut."""
    door = socket.create_server(("127.0.0.1", 0))

    def dial(_: str, __: float) -> socket.socket:
        return socket.create_connection(door.getsockname(), 0.2)

    with door, pytest.raises(Unavailable, match="not reached"):
        WellKnown(lambda _: [PUBLIC], dial)(DOMAIN)


def test_one_domain_is_asked_at_a_time() -> None:
    within: list[str] = []

    def resolve(domain: str) -> list[str]:
        with pytest.raises(Unavailable) as busy:
            reader("other.example")
        within.append(busy.value.message)
        raise OSError(domain)

    reader = WellKnown(resolve)
    with pytest.raises(Unavailable, match="not reached: OSError"):
        reader(DOMAIN)
    assert within == ["another domain is being asked"]
    with pytest.raises(Unavailable, match="not reached: OSError"):
        reader(DOMAIN)  # the first has let go
