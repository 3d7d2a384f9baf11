"""Where a client is bound to: the address, the key, the pinned log, and the bounds on what comes back.

TLS is always verified; plain HTTP goes to this machine only; redirects are not followed; neither proxies nor keys are
taken from the environment; an answer is bounded in size and time. It opens no connection itself. The key is in no
`repr` and no error: httpx's own, which hold the request, end in `broken`. Source: httpx.
"""

from __future__ import annotations

import ipaddress
import re
import ssl
from typing import TYPE_CHECKING, Any

import httpx

from countenance import __version__
from countenance.client.proven import Raw
from countenance.client.reading import malformed
from countenance.client.talk import MOST, Broken, Call
from countenance.client.witness import Witness
from countenance.domain.errors import BadInput, Misconfigured
from countenance.ledger.note import Verifier

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from countenance.client.hand import Hand

CONNECT = 5.0
"""Seconds for a connection to come about."""

LONGEST_TIMEOUT = 600.0
"""Seconds for one answer at most."""

_KEY = re.compile(r"(?:cnt|cla)_[0-9a-f]{32}_[A-Za-z0-9_-]{43}")  # of a grant, or an applicant's claim
_NOTHING_SENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout)
_HEADERS = {
    "Accept": "application/json", "Accept-Encoding": "identity", "User-Agent": f"countenance/{__version__}",
}  # fmt: skip


class Line:
    """What every client is made of: where to, with which key or whose hand, under which log."""

    def __init__(
        self,
        address: str,
        key: str,
        pinned: tuple[str, str],
        timeout: float,
        clock: Callable[[], float],
        hand: Hand | None = None,
    ) -> None:
        if key and not _KEY.fullmatch(key):
            raise BadInput("the key is not one: it looks like cnt_ and two parts", next_step="Give it as it was shown.")
        if not 0 < timeout <= LONGEST_TIMEOUT:
            raise BadInput(f"a timeout is between 0 and {LONGEST_TIMEOUT:.0f} seconds")
        self.address = _address(address)
        self.key = key
        self.hand = hand
        log, certificates = (Verifier.from_vkey(vkey.strip()) if vkey else None for vkey in pinned)
        if log is None:
            raise BadInput("no answer counts without the log's key", next_step="Give its vkey as `log_key`.")
        self.witness = Witness(log, certificates)
        self.timeout = timeout
        self.clock = clock

    def settings(self, ca: Path | None) -> dict[str, Any]:
        """For httpx: nothing from the environment, no redirects, certificates verified."""
        limits = httpx.Timeout(self.timeout, connect=min(CONNECT, self.timeout))
        return {
            "base_url": self.address, "verify": _authority(ca), "trust_env": False, "follow_redirects": False,
            "timeout": limits, "headers": _HEADERS,
        }  # fmt: skip

    def request(self, call: Call[Any]) -> dict[str, Any]:
        """The arguments of httpx's `stream`."""
        headers = {**call.headers, **call.said.headers}
        query = {**call.query, **call.said.query}
        if self.hand is not None and call.keyed:
            return self._signed(self.hand, call, query, headers)
        if self.key and call.keyed:
            headers["Authorization"] = f"Bearer {self.key}"
        return {
            "method": call.method, "url": call.path, "params": query, "headers": headers, "content": call.content,
            "files": call.files,
        }  # fmt: skip

    def _signed(
        self, hand: Hand, call: Call[Any], query: Mapping[str, str], headers: Mapping[str, str]
    ) -> dict[str, Any]:
        """The same, signed over the address as it will be sent."""
        url = httpx.URL(f"{self.address}/{call.path}")
        url = url.copy_merge_params(query) if query else url
        body = call.made(hand) if call.made is not None else call.content
        headers = {**headers, **hand.headers(call.method, url.raw_path, body)}
        return {"method": call.method, "url": url, "headers": headers, "content": body}

    @property
    def account(self) -> str:
        """The id of the account that signs; empty where none does."""
        return self.hand.account if self.hand is not None else ""

    def intake(self) -> Intake:
        return Intake(self.clock() + self.timeout, self.clock)


class Intake:
    """The bytes of one answer as they come: no more than fit, no later than the end."""

    def __init__(self, end: float, clock: Callable[[], float]) -> None:
        self._end = end
        self._clock = clock
        self._body = bytearray()

    def add(self, chunk: bytes) -> None:
        self._body += chunk
        if len(self._body) > MOST:
            raise malformed(f"the answer is longer than {MOST:,} bytes")
        if self._clock() > self._end:
            raise httpx.ReadTimeout("the answer did not end in time")

    def raw(self, response: httpx.Response) -> Raw:
        headers = {name.lower(): value for name, value in response.headers.items()}
        return Raw(response.status_code, headers, bytes(self._body))


def broken(error: httpx.HTTPError) -> Broken:
    """What a failed exchange comes to; httpx's own error, which holds the request, ends here."""
    if "CERTIFICATE_VERIFY_FAILED" in str(error):
        return Broken("its certificate is not trusted", begun=False, trusted=False)
    if isinstance(error, httpx.TimeoutException):
        says = "it took too long"
    elif isinstance(error, _NOTHING_SENT):
        says = "no connection came about"
    else:
        says = "the connection broke"
    return Broken(says, begun=not isinstance(error, _NOTHING_SENT))


def _address(text: str) -> str:
    """The checked address of a server, without a slash at its end."""
    try:
        url = httpx.URL(text)
    except (httpx.InvalidURL, TypeError):
        raise BadInput("the address is not a URL") from None
    if url.scheme not in ("http", "https") or not url.host or url.userinfo or url.query or url.fragment:
        raise BadInput("the address is like https://faces.example.com, without user, query or fragment")
    if url.scheme == "http" and not _is_this_machine(url.host):
        says = "plain HTTP would show faces and the key to everybody on the way"
        raise Misconfigured(says, next_step="Use https://; http:// is for this machine only, such as http://127.0.0.1.")
    return str(url).rstrip("/")


def _is_this_machine(host: str) -> bool:
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _authority(ca: Path | None) -> ssl.SSLContext | bool:
    """Whose certificates are trusted: the public authorities, or those of the file alone."""
    if ca is None:
        return True
    try:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.load_verify_locations(cafile=ca)
    except (OSError, ssl.SSLError):
        raise Misconfigured(
            "the authority's certificate cannot be read", next_step="Name a PEM file as `ca`."
        ) from None
    return context
