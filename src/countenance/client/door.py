"""The two clients of a customer, one source: what each call sends and how its answer is read is in calls.py.

`Client` blocks, `AsyncClient` is for asyncio; they differ in nothing else. What they never do is in line.py and
talk.py. Sources: docs/client.md; httpx.
"""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

from countenance.client import calls, posted, standing
from countenance.client import reports as published
from countenance.client.carried import Awaiting, Blocking, awaited, awaited_list, blocking, listed
from countenance.client.line import Line

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from pathlib import Path

    import httpx


class Client(Blocking):
    """A client that blocks; a context manager, and safe to share between threads.

    address: such as https://faces.example.com. log_key: the log's vkey, from whoever you trust, never from the server.
    certificate_key: the vkey of certificates of erasure; where it is given, their signature is checked. ca: PEM file
    of an authority of your own, instead of the public ones. timeout: seconds for one answer.
    Raises BadInput, BadRecord or Misconfigured for what it can't work with.
    """

    def __init__(
        self,
        address: str,
        key: str = "",
        *,
        log_key: str,
        certificate_key: str = "",
        ca: Path | None = None,
        timeout: float = 30.0,
        transport: httpx.BaseTransport | None = None,
        sleep: Callable[[float], None] = time.sleep,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        super().__init__(Line(address, key, (log_key, certificate_key), timeout, clock), ca, transport, sleep)

    me = blocking(calls.me)
    collections = listed(calls.collections)
    create_collection = blocking(calls.create_collection)
    subjects = listed(calls.subjects)
    record_consent = blocking(calls.record_consent)
    consents = blocking(calls.consents)
    withdraw = blocking(calls.withdraw)
    enrol = blocking(calls.enrol)
    verify = blocking(calls.verify)
    identify = blocking(calls.identify)
    detect = blocking(calls.detect)
    compare = blocking(calls.compare)
    erase = blocking(calls.erase)
    export = blocking(calls.export)
    decisions = listed(calls.decisions)
    decision = blocking(calls.decision)
    disclose = blocking(standing.disclose)
    decide = blocking(calls.decide)
    policies = blocking(calls.policies)
    policy = blocking(calls.policy)
    reports = listed(published.reports)
    report = blocking(published.report)
    keys = blocking(calls.keys)
    new_key = blocking(calls.new_key)
    revoke_key = blocking(calls.revoke_key)
    log = blocking(calls.log)
    transparency = blocking(posted.transparency)


class AsyncClient(Awaiting):
    """The same for asyncio: each call is awaited, each list is iterated with `async for`. See `Client`."""

    def __init__(
        self,
        address: str,
        key: str = "",
        *,
        log_key: str,
        certificate_key: str = "",
        ca: Path | None = None,
        timeout: float = 30.0,
        transport: httpx.AsyncBaseTransport | None = None,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        super().__init__(Line(address, key, (log_key, certificate_key), timeout, clock), ca, transport, sleep)

    me = awaited(calls.me)
    collections = awaited_list(calls.collections)
    create_collection = awaited(calls.create_collection)
    subjects = awaited_list(calls.subjects)
    record_consent = awaited(calls.record_consent)
    consents = awaited(calls.consents)
    withdraw = awaited(calls.withdraw)
    enrol = awaited(calls.enrol)
    verify = awaited(calls.verify)
    identify = awaited(calls.identify)
    detect = awaited(calls.detect)
    compare = awaited(calls.compare)
    erase = awaited(calls.erase)
    export = awaited(calls.export)
    decisions = awaited_list(calls.decisions)
    decision = awaited(calls.decision)
    disclose = awaited(standing.disclose)
    decide = awaited(calls.decide)
    policies = awaited(calls.policies)
    policy = awaited(calls.policy)
    reports = awaited_list(published.reports)
    report = awaited(published.report)
    keys = awaited(calls.keys)
    new_key = awaited(calls.new_key)
    revoke_key = awaited(calls.revoke_key)
    log = awaited(calls.log)
    transparency = awaited(posted.transparency)
