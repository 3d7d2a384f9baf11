"""What a server asks of witnesses: a cosignature. It asks nobody else, unless it is set to ask domains (wellknown.py).

TLS is always verified, plain HTTP goes to this machine only (config.py), redirects are not followed, no proxy and no
credential is taken from the environment, and an answer is bounded in size and time. It sends what it is given, once:
when to try again is for who asks. Source: httpx.
"""

from __future__ import annotations

import time
from typing import Self

import httpx

from countenance import __version__
from countenance.domain.errors import Unavailable
from countenance.service.witnesses import Told

CONNECT = 3.0  # seconds for a connection to come about
ANSWER = 5.0  # seconds for one whole answer
MOST = 1 << 16  # bytes of an answer


class Post:
    """Sends bodies by POST over connections that are kept; a context manager, safe to share between threads."""

    def __init__(self) -> None:
        self._http = httpx.Client(
            verify=True, trust_env=False, follow_redirects=False, timeout=httpx.Timeout(ANSWER, connect=CONNECT),
            headers={"User-Agent": f"countenance/{__version__}", "Accept-Encoding": "identity"},
        )  # fmt: skip

    def __call__(self, address: str, body: bytes) -> Told:
        """What came back. Raises Unavailable where nothing did, or too much, or too late."""
        end, found = time.monotonic() + ANSWER, bytearray()
        try:
            with self._http.stream("POST", address, content=body) as response:
                for chunk in response.iter_bytes():
                    found += chunk
                    if len(found) > MOST or time.monotonic() > end:
                        raise Unavailable("the witness's answer is too long or too slow")
                return Told(response.status_code, response.headers.get("content-type", ""), bytes(found))
        except httpx.HTTPError as error:
            raise Unavailable(f"the witness is not reached: {type(error).__name__}") from None

    def close(self) -> None:
        """Let go of the connections."""
        self._http.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
