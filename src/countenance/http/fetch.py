"""Reading a published log over the network: one GET for each file, bounded in size and time, and nothing is believed.

TLS is always verified, plain HTTP goes to this machine only, redirects are not followed, no proxy and no credential is
taken from the environment. It sends the name of the file and nothing else. Sources: httpx; C2SP tlog-tiles.
"""

from __future__ import annotations

import ipaddress
import time
from typing import Self

import httpx

from countenance import __version__
from countenance.domain.errors import BadInput, LogDamaged, Unavailable

CONNECT = 5.0  # seconds for a connection to come about
ANSWER = 30.0  # seconds for one whole answer
MISSING = (404, 410)


class Fetch:
    """A source (ledger/source.py) over HTTP; a context manager. address: of the folder that holds `checkpoint`."""

    def __init__(self, address: str, transport: httpx.BaseTransport | None = None) -> None:
        self._http = httpx.Client(
            base_url=_checked(address), verify=True, trust_env=False, follow_redirects=False, transport=transport,
            timeout=httpx.Timeout(ANSWER, connect=CONNECT),
            headers={"User-Agent": f"countenance/{__version__}", "Accept-Encoding": "identity"},
        )  # fmt: skip

    def __call__(self, path: str, most: int) -> bytes | None:
        """As `Source` says. Raises Unavailable, LogDamaged."""
        end, found = time.monotonic() + ANSWER, bytearray()
        try:
            with self._http.stream("GET", path) as response:
                if response.status_code in MISSING:
                    return None
                if response.status_code != 200:
                    raise Unavailable(f"the log answers with the status {response.status_code}")
                for chunk in response.iter_bytes():
                    found += chunk
                    if len(found) > most:
                        raise LogDamaged(f"the file {path} of the log is too long")
                    if time.monotonic() > end:
                        raise Unavailable("the log's answer is too slow")
        except httpx.HTTPError as error:
            raise Unavailable(f"the log is not reached: {type(error).__name__}") from None
        return bytes(found)

    def close(self) -> None:
        """Let go of the connections."""
        self._http.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _checked(address: str) -> str:
    """The address of a folder. Raises BadInput."""
    try:
        url = httpx.URL(address)
        near = url.host == "localhost" or (url.scheme == "http" and ipaddress.ip_address(url.host).is_loopback)
    except (httpx.InvalidURL, ValueError):
        near, url = False, httpx.URL()
    if not url.host or url.userinfo or url.query or url.fragment or not (url.scheme == "https" or near):
        raise BadInput(
            "the log's address is an https:// one, without user, query or fragment",
            next_step="Name the folder that holds `checkpoint`, such as https://faces.example.com/ledger; http:// is "
            "for this machine alone.",
        )
    return address.rstrip("/") + "/"
