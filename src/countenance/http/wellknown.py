"""One file of a domain, read over HTTPS, where the operator's settings say that domains are asked (docs/admission.md).

What it asks is fixed: GET https://DOMAIN/.well-known/countenance-challenge, port 443, one file, once. The domain's
addresses are looked up once, each must be one of the public internet, and the connection goes to an address that was
looked at: a name that changes meanwhile leads nowhere else. TLS is verified for the domain; no redirect is followed, no
proxy and no credential is taken from the environment; the whole answer is bounded in bytes and time, headers included.
Sources: RFC 8615 (well-known addresses), RFC 6890 (special-purpose addresses), RFC 6052 (addresses that hide others).
"""

from __future__ import annotations

import http.client
import io
import ipaddress
import socket
import ssl
import threading
import time
from contextlib import closing, suppress
from typing import TYPE_CHECKING, Any

from countenance import __version__
from countenance.domain.errors import Unavailable
from countenance.service.domains import PATH

if TYPE_CHECKING:
    from collections.abc import Callable

    Resolve = Callable[[str], list[str]]

PORT = 443
SECONDS = 5.0  # for connection, handshake and answer together; the system's resolver has bounds of its own
MOST = 1 << 14  # bytes of the whole answer, headers included
_HIDING = tuple(map(ipaddress.ip_network, ("64:ff9b::/96", "64:ff9b:1::/48", "2002::/16", "2001::/32")))
"""Addresses of version 6 that stand for one of version 4, which could be anybody's own."""


class WellKnown:
    """Reads the file of a domain; safe to share between threads, and asks one domain at a time.

    resolve: every address of a name. dial: a TCP connection to one of them. tls: trust as the system has it.
    """

    def __init__(
        self,
        resolve: Resolve | None = None,
        dial: Callable[[str, float], socket.socket] | None = None,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self._resolve = resolve or addresses
        self._dial = dial or (lambda address, seconds: socket.create_connection((address, PORT), seconds))
        self._tls = tls or ssl.create_default_context()
        self._one = threading.Lock()

    def __call__(self, domain: str) -> bytes:
        """The bytes of the file. Raises Unavailable, which says what was in the way."""
        if not self._one.acquire(blocking=False):
            raise Unavailable("another domain is being asked")
        try:
            return _file(self._whole(domain, _public(self._resolve(domain))))
        except (OSError, http.client.HTTPException) as error:
            raise Unavailable(f"the domain is not reached: {type(error).__name__}") from None
        finally:
            self._one.release()

    def _whole(self, domain: str, address: str) -> bytes:
        """Everything that the domain answers, from its status line on."""
        end = time.monotonic() + SECONDS
        with closing(self._dial(address, SECONDS)) as plain:
            watch = threading.Timer(max(0.0, end - time.monotonic()), _hang_up, (plain,))
            watch.daemon = True
            watch.start()
            try:
                with self._tls.wrap_socket(plain, server_hostname=domain) as secured:
                    secured.sendall(_request(domain))
                    return _read(secured, end)
            finally:
                watch.cancel()


def addresses(domain: str) -> list[str]:
    """Every address of a name, as the system's resolver has them. Raises OSError."""
    found = socket.getaddrinfo(domain, PORT, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))


def _public(found: list[str]) -> str:
    """The first address, once all of them are of the public internet. Raises Unavailable."""
    if not found or not all(map(public, found)):
        raise Unavailable("the domain has an address that is not of the public internet, and is not asked")
    return found[0]


def public(text: str) -> bool:
    """Whether an address is one of the public internet, and hides no other."""
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return False
    apart = address.is_multicast or address.is_reserved or address.is_unspecified
    return address.is_global and not apart and not any(address in network for network in _HIDING)


def _request(domain: str) -> bytes:
    return (
        f"GET {PATH} HTTP/1.0\r\nHost: {domain}\r\nUser-Agent: countenance/{__version__}\r\n"
        "Accept: text/plain\r\nAccept-Encoding: identity\r\nConnection: close\r\n\r\n"
    ).encode("ascii")


def _read(secured: ssl.SSLSocket, end: float) -> bytes:
    found = bytearray()
    while chunk := secured.recv(4096):
        found += chunk
        if len(found) > MOST or time.monotonic() > end:
            raise Unavailable("the domain's answer is too long or too slow")
    return bytes(found)


def _file(answer: bytes) -> bytes:
    """The body of an answer that is one. Raises Unavailable, HTTPException."""
    response = http.client.HTTPResponse(_Said(answer), method="GET")  # type: ignore[arg-type]
    response.begin()
    if response.status != 200:
        raise Unavailable(f"the domain answers with status {response.status}, and no redirect is followed")
    return response.read()


class _Said(io.BytesIO):
    """An answer that was read whole, in the place of the connection it came by."""

    def makefile(self, *_: Any, **__: Any) -> io.BytesIO:
        return self


def _hang_up(plain: socket.socket) -> None:
    with suppress(OSError):
        plain.shutdown(socket.SHUT_RDWR)
