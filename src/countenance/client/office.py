"""The clients of people with accounts and of applicants, each blocking and for asyncio, from one source.

What each call sends and how its answer is read is in acts.py and standing.py; how it is carried out in carried.py. A
person's calls are signed with the private key, which never leaves this process. Source: docs/client.md.
"""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

from countenance.client import acts, standing
from countenance.client.carried import Awaiting, Blocking, awaited, awaited_list, blocking, listed
from countenance.client.hand import Hand
from countenance.client.line import Line

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from pathlib import Path

    import httpx


class Administration(Blocking):
    """A person with an account, who administers; it blocks. A context manager, and safe to share between threads.

    address, log_key, ca, timeout: as for `Client`. account: its id. key: the text of the private key file. wall: Unix
    seconds, which a signature says. Raises BadInput, BadRecord or Misconfigured for what it can't work with.
    """

    def __init__(
        self,
        address: str,
        account: str,
        key: str,
        *,
        log_key: str,
        ca: Path | None = None,
        timeout: float = 30.0,
        transport: httpx.BaseTransport | None = None,
        sleep: Callable[[float], None] = time.sleep,
        clock: Callable[[], float] = time.monotonic,
        wall: Callable[[], float] = time.time,
    ) -> None:
        line = Line(address, "", (log_key, ""), timeout, clock, Hand(account, key, wall))
        super().__init__(line, ca, transport, sleep)

    accounts = listed(acts.accounts)
    register = blocking(acts.register)
    end_account = blocking(acts.end_account)
    applications = listed(acts.applications)
    application = blocking(acts.application)
    approve = blocking(acts.approve)
    refuse = blocking(acts.refuse)
    grants = listed(acts.grants)
    end_grant = blocking(acts.end_grant)
    grant_keys = blocking(acts.grant_keys)
    issue_key = blocking(acts.issue_key)
    revoke_key = blocking(acts.revoke_key)
    decisions = listed(acts.decisions)
    facts = blocking(standing.facts)
    change_facts = blocking(standing.change_facts)
    checks = blocking(standing.checks)
    record_check = blocking(standing.record_check)
    withdraw_check = blocking(standing.withdraw_check)
    challenge = blocking(standing.challenge)
    figures = blocking(standing.figures)
    demands = listed(standing.demands)
    record_demand = blocking(standing.record_demand)
    answer_demand = blocking(standing.answer_demand)


class AsyncAdministration(Awaiting):
    """The same for asyncio. See `Administration`."""

    def __init__(
        self,
        address: str,
        account: str,
        key: str,
        *,
        log_key: str,
        ca: Path | None = None,
        timeout: float = 30.0,
        transport: httpx.AsyncBaseTransport | None = None,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        clock: Callable[[], float] = time.monotonic,
        wall: Callable[[], float] = time.time,
    ) -> None:
        line = Line(address, "", (log_key, ""), timeout, clock, Hand(account, key, wall))
        super().__init__(line, ca, transport, sleep)

    accounts = awaited_list(acts.accounts)
    register = awaited(acts.register)
    end_account = awaited(acts.end_account)
    applications = awaited_list(acts.applications)
    application = awaited(acts.application)
    approve = awaited(acts.approve)
    refuse = awaited(acts.refuse)
    grants = awaited_list(acts.grants)
    end_grant = awaited(acts.end_grant)
    grant_keys = awaited(acts.grant_keys)
    issue_key = awaited(acts.issue_key)
    revoke_key = awaited(acts.revoke_key)
    decisions = awaited_list(acts.decisions)
    facts = awaited(standing.facts)
    change_facts = awaited(standing.change_facts)
    checks = awaited(standing.checks)
    record_check = awaited(standing.record_check)
    withdraw_check = awaited(standing.withdraw_check)
    challenge = awaited(standing.challenge)
    figures = awaited(standing.figures)
    demands = awaited_list(standing.demands)
    record_demand = awaited(standing.record_demand)
    answer_demand = awaited(standing.answer_demand)


class Applicant(Blocking):
    """Who asks to be admitted; it blocks. claim: as `apply` gave it, for what comes after. The rest as for `Client`."""

    def __init__(
        self,
        address: str,
        claim: str = "",
        *,
        log_key: str,
        ca: Path | None = None,
        timeout: float = 30.0,
        transport: httpx.BaseTransport | None = None,
        sleep: Callable[[float], None] = time.sleep,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        super().__init__(Line(address, claim, (log_key, ""), timeout, clock), ca, transport, sleep)

    apply = blocking(acts.apply)
    progress = blocking(acts.progress)
    take_key = blocking(acts.take_key)
    bring_back = blocking(standing.bring_back)


class AsyncApplicant(Awaiting):
    """The same for asyncio. See `Applicant`."""

    def __init__(
        self,
        address: str,
        claim: str = "",
        *,
        log_key: str,
        ca: Path | None = None,
        timeout: float = 30.0,
        transport: httpx.AsyncBaseTransport | None = None,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        super().__init__(Line(address, claim, (log_key, ""), timeout, clock), ca, transport, sleep)

    apply = awaited(acts.apply)
    progress = awaited(acts.progress)
    take_key = awaited(acts.take_key)
    bring_back = awaited(standing.bring_back)
