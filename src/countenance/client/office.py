"""The clients of people with accounts and of applicants, each blocking and for asyncio, from one source.

What each call sends and how its answer is read is in acts.py and standing.py; how it is carried out in carried.py. A
person's calls are signed with the private key, which never leaves this process. Source: docs/client.md.
"""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

from countenance.client import acts, rules
from countenance.client import papers as filed
from countenance.client import standing as checked
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
    apply = blocking(acts.apply_for_agency)
    approve = blocking(acts.approve)
    refuse = blocking(acts.refuse)
    grants = listed(acts.grants)
    end_grant = blocking(acts.end_grant)
    grant_keys = blocking(acts.grant_keys)
    issue_key = blocking(acts.issue_key)
    revoke_key = blocking(acts.revoke_key)
    locks = listed(acts.locks)
    look_at_lock = blocking(acts.look_at_lock)
    decisions = listed(acts.decisions)
    file_paper = blocking(filed.file_paper)
    mitigate = blocking(filed.mitigate)
    papers = listed(filed.papers)
    paper = blocking(filed.paper)
    standing = blocking(filed.standing)
    draft_report = blocking(filed.draft_report)
    disclosure = blocking(filed.disclosure)
    january = blocking(filed.january)
    policy_changes = blocking(rules.changes)
    policy_change = blocking(rules.change)
    propose_change = blocking(rules.propose)
    approve_change = blocking(rules.approve)
    withdraw_change = blocking(rules.withdraw)
    stop_house = blocking(rules.stop)
    resume_house = blocking(rules.resume)
    laws = blocking(rules.laws)
    law = blocking(rules.law)
    propose_law = blocking(rules.propose_law)
    sign_law = blocking(rules.sign_law)
    object_to_law = blocking(rules.object_to_law)
    record_law = blocking(rules.record_law)
    repeal_law = blocking(rules.repeal_law)
    facts = blocking(checked.facts)
    change_facts = blocking(checked.change_facts)
    checks = blocking(checked.checks)
    record_check = blocking(checked.record_check)
    withdraw_check = blocking(checked.withdraw_check)
    challenge = blocking(checked.challenge)
    look_at_domain = blocking(checked.look_at_domain)
    figures = blocking(checked.figures)
    demands = listed(checked.demands)
    record_demand = blocking(checked.record_demand)
    answer_demand = blocking(checked.answer_demand)


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
    apply = awaited(acts.apply_for_agency)
    approve = awaited(acts.approve)
    refuse = awaited(acts.refuse)
    grants = awaited_list(acts.grants)
    end_grant = awaited(acts.end_grant)
    grant_keys = awaited(acts.grant_keys)
    issue_key = awaited(acts.issue_key)
    revoke_key = awaited(acts.revoke_key)
    locks = awaited_list(acts.locks)
    look_at_lock = awaited(acts.look_at_lock)
    decisions = awaited_list(acts.decisions)
    file_paper = awaited(filed.file_paper)
    mitigate = awaited(filed.mitigate)
    papers = awaited_list(filed.papers)
    paper = awaited(filed.paper)
    standing = awaited(filed.standing)
    draft_report = awaited(filed.draft_report)
    disclosure = awaited(filed.disclosure)
    january = awaited(filed.january)
    policy_changes = awaited(rules.changes)
    policy_change = awaited(rules.change)
    propose_change = awaited(rules.propose)
    approve_change = awaited(rules.approve)
    withdraw_change = awaited(rules.withdraw)
    stop_house = awaited(rules.stop)
    resume_house = awaited(rules.resume)
    laws = awaited(rules.laws)
    law = awaited(rules.law)
    propose_law = awaited(rules.propose_law)
    sign_law = awaited(rules.sign_law)
    object_to_law = awaited(rules.object_to_law)
    record_law = awaited(rules.record_law)
    repeal_law = awaited(rules.repeal_law)
    facts = awaited(checked.facts)
    change_facts = awaited(checked.change_facts)
    checks = awaited(checked.checks)
    record_check = awaited(checked.record_check)
    withdraw_check = awaited(checked.withdraw_check)
    challenge = awaited(checked.challenge)
    look_at_domain = awaited(checked.look_at_domain)
    figures = awaited(checked.figures)
    demands = awaited_list(checked.demands)
    record_demand = awaited(checked.record_demand)
    answer_demand = awaited(checked.answer_demand)


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
    bring_back = blocking(checked.bring_back)


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
    bring_back = awaited(checked.bring_back)
