"""People and applicants, by both kinds of client, against the real application and a real house; and what a server
that lies would have to say to be believed.
"""

from __future__ import annotations

import asyncio
import json
import secrets
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from countenance.client import (
    Administration,
    Applicant,
    AsyncAdministration,
    AsyncApplicant,
    AsyncClient,
)
from countenance.client.hand import Hand
from countenance.domain.errors import (
    BadInput,
    BadRecord,
    Conflict,
    NotFound,
    Refused,
    TooOften,
    Unauthenticated,
    Unverified,
)
from countenance.http.budget import Budget, Rate
from countenance.service import accounts, signed
from tests.client.conftest import Driven
from tests.client.house import Doors, opened
from tests.service.promises import law_text
from tests.service.world import photo

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

ADDRESS = "http://127.0.0.1"
POOL: dict[str, Any] = {
    "name": "Harbour Pool", "sector": "commercial", "country": "DE", "purposes": ["access-control", "attendance"],
    "contact": "B. Person", "attested_by": "B. Person",
}  # fmt: skip


class Between:
    """An ASGI transport that a test may have change what a server says. It remembers what was sent."""

    def __init__(self, doors: Doors) -> None:
        self._inner = httpx.ASGITransport(doors.app)
        self.lie: Callable[[dict[str, Any]], dict[str, Any]] = lambda body: body
        self.sent: list[httpx.Request] = []

    async def handle(self, request: httpx.Request) -> httpx.Response:
        self.sent.append(request)
        answer = await self._inner.handle_async_request(request)
        body = self.lie(json.loads(await answer.aread()))
        headers = {name: value for name, value in answer.headers.items() if name != "content-length"}
        if "countenance-receipt" in headers and body.get("receipt"):
            headers["countenance-receipt"] = body["receipt"]
        return httpx.Response(answer.status_code, headers=headers, content=json.dumps(body).encode())


class Blocked:
    """A client that blocks, over the same transport, with its lists whole: as `Driven` is for asyncio."""

    def __init__(self, client: Any) -> None:
        self.client = client

    def __getattr__(self, name: str) -> Any:
        method = getattr(self.client, name)

        def driven(*arguments: Any, **named: Any) -> Any:
            given = method(*arguments, **named)
            return list(given) if hasattr(given, "__next__") else given

        return driven


class Office:
    """One house, and clients of the kind under test. off: seconds by which their clocks are off."""

    off = 0.0

    def __init__(self, doors: Doors, kind: str, loop: asyncio.AbstractEventLoop) -> None:
        self.doors, self.kind, self.loop = doors, kind, loop
        self.between = Between(doors)
        self.log_key = doors.pinned["log_key"]

    def made(self, blocking: Any, waiting: Any, *given: Any, **named: Any) -> Any:
        handle = self.between.handle if self.kind == "asyncio" else self._handle
        whole = {**named, "log_key": self.log_key, "transport": httpx.MockTransport(handle)}
        if self.kind == "asyncio":
            return Driven(waiting(ADDRESS, *given, **whole), self.loop)
        return Blocked(blocking(ADDRESS, *given, **whole))

    def _handle(self, request: httpx.Request) -> httpx.Response:
        return self.loop.run_until_complete(self.between.handle(request))

    def _wall(self) -> float:
        return self.doors.world.moment.timestamp() + self.off

    def person(self, *roles: str, customer: str = "", key: str = "") -> Any:
        seed = secrets.token_bytes(32)
        new = accounts.NewAccount("Ada Person", frozenset(roles), signed.PersonKey(seed).public, customer)
        made = accounts.register_here(self.doors.world.house, new)
        text = key or signed.private_key_text(seed)
        return self.made(Administration, AsyncAdministration, made.id, text, wall=self._wall)

    def applicant(self, claim: str = "") -> Any:
        return self.made(Applicant, AsyncApplicant, claim)


@pytest.fixture(params=["blocking", "asyncio"])
def office(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Office]:
    loop = asyncio.new_event_loop()
    with opened(tmp_path) as doors:
        yield Office(doors, request.param, loop)
    loop.run_until_complete(loop.shutdown_default_executor())
    loop.close()


def test_from_an_application_to_an_answer(office: Office) -> None:
    asked = office.applicant().apply(**POOL)
    assert asked.claim not in repr(asked)
    assert {one.ask.purpose for one in asked.decisions} == {"access-control", "attendance"}
    assert all(proof.closed and proof.closed["matter"] == asked.application for proof in asked.proofs)
    comes_back = office.applicant(asked.claim)
    assert comes_back.progress(asked.application).state == "pending"
    with pytest.raises(Conflict, match="is pending"):
        comes_back.take_key(asked.application)
    ada = office.person("approver")
    (waiting,) = ada.applications("pending")
    shown = ada.application(waiting.id)
    assert (shown.facts["name"], shown.state) == ("Harbour Pool", "pending")
    made = ada.approve(shown, until=datetime.now(UTC) + timedelta(days=30))
    assert made.decision.act is not None
    assert (made.decision.act.name, made.decision.act.roles) == ("application-approve", frozenset({"approver"}))
    assert comes_back.progress(asked.application).until == made.until
    key = comes_back.take_key(asked.application)
    assert key.key not in repr(key)
    assert (key.grant, comes_back.progress(asked.application).taken) == (made.grant, True)

    async def detect() -> int:
        transport = httpx.MockTransport(office.between.handle)
        async with AsyncClient(ADDRESS, key.key, log_key=office.log_key, transport=transport) as faces:
            return len((await faces.detect(photo(1), purpose="attendance")).faces)

    assert office.loop.run_until_complete(detect()) == 1


def test_people_come_and_go(office: Office) -> None:
    ada = office.person("operator", "auditor")
    key = signed.PersonKey(secrets.token_bytes(32))
    made = ada.register("Bo Person", ["auditor"], key.public)
    assert {(one.name, one.ended is None) for one in ada.accounts(limit=1)} == {
        ("Ada Person", True),
        ("Bo Person", True),
    }
    assert made.proof.closed["matter"] == made.of
    with pytest.raises(Conflict, match="registered already") as twice:
        ada.register("Bo Again", ["auditor"], key.public)
    assert office.doors.world.proven(twice.value.receipt).leaf.open["outside-policy"] == "conflict"
    ada.end_account(made.of)
    with pytest.raises(NotFound) as gone:
        ada.end_account(made.of)
    assert gone.value.receipt
    with pytest.raises(Refused) as refused:
        ada.register("Cy Person", ["approver"], signed.PersonKey(secrets.token_bytes(32)).public)
    assert [reason.id for reason in refused.value.decision.verdict.reasons] == ["roles.own-roles"]
    assert refused.value.decision.act is not None


def test_grants_and_keys_are_run(office: Office) -> None:
    provider = office.person("operator")
    (grant,) = provider.grants()
    own = office.person("operator", customer=grant.customer)
    made = own.issue_key(grant.id)
    assert made.key not in repr(made)
    assert made.id in {one.id for one in provider.grant_keys(grant.id).keys}
    assert provider.revoke_key(grant.id, made.id).of == made.id
    with pytest.raises(NotFound):
        own.revoke_key(grant.id, made.id)
    with pytest.raises(BadInput, match="by its id"):
        own.revoke_key(grant.id, made.key)
    assert own.end_grant(grant.id).of == grant.id
    with pytest.raises(Conflict, match="has ended"):
        provider.issue_key(grant.id)
    found = own.decisions(limit=3)
    assert {"issued", "revoked", "ended"} <= {one.outcome for one in found}
    with pytest.raises(Refused, match="no role of this account"):
        provider.decisions()
    with pytest.raises(NotFound):
        own.grants("cus_" + "0" * 32)


def test_an_application_may_be_refused_by_policy_or_by_people(office: Office) -> None:
    with pytest.raises(Refused) as denied:
        office.applicant().apply(
            **{**POOL, "sector": "police", "country": "US", "purposes": ["criminal-investigation"]}
        )
    assert denied.value.decision.verdict.lifted_when
    assert office.doors.world.proven(denied.value.receipt).leaf.open["verdict"] == "deny"
    asked, bo = office.applicant().apply(**POOL), office.person("operator")
    shown = bo.application(asked.application)
    with pytest.raises(Refused, match="no role"):
        bo.approve(shown)
    assert bo.refuse(asked.application).of == asked.application
    assert office.applicant(asked.claim).progress(asked.application).state == "refused"


def test_an_approval_that_the_policy_now_denies_is_proven_as_that(office: Office) -> None:
    asked, ada = office.applicant().apply(**POOL), office.person("approver")
    shown = ada.application(asked.application)
    office.doors.world.later(days=800)
    with pytest.raises(Refused) as refused:
        ada.approve(shown)
    assert office.doors.world.proven(refused.value.receipt).leaf.kind == "decision"
    assert refused.value.decision.ask.action == "provision"


def test_a_wrong_claim_a_wrong_key_and_a_wrong_clock_are_nobody(office: Office) -> None:
    asked = office.applicant().apply(**POOL)
    with pytest.raises(Unauthenticated):
        office.applicant(asked.claim[:-43] + "A" * 43).progress(asked.application)
    with pytest.raises(Unauthenticated):
        office.person("operator", key=signed.private_key_text(bytes(32))).accounts()
    ada = office.person("operator")
    assert ada.accounts()
    office.off = -120
    with pytest.raises(Unauthenticated):
        ada.accounts()


def test_too_often_is_told_with_the_class_of_its_own(office: Office) -> None:
    office.doors.app.state.applying = Budget(Rate(burst=0, every=60))
    with pytest.raises(TooOften):
        office.applicant().apply(**POOL)
    assert len(office.between.sent) == 1  # it asks for longer than a client waits


def test_each_call_is_signed_anew_and_holds_no_key(office: Office) -> None:
    seed = bytes(range(32))
    hand = Hand("acc_" + "0" * 32, signed.private_key_text(seed))
    ada = office.person("operator")
    ada.accounts()
    ada.accounts()
    first, second = (request.headers["signature-input"] for request in office.between.sent)
    assert first != second
    for shown in (repr(hand), repr(ada.client)):
        assert seed.hex() not in shown
        assert "acc_" not in shown


@pytest.mark.parametrize(
    ("account", "key"),
    [("acc_1", signed.private_key_text(bytes(32))), ("acc_" + "0" * 32, "no key"), ("acc_" + "0" * 32, "")],
)
def test_what_is_no_account_or_key_is_refused_before_anything_is_sent(account: str, key: str) -> None:
    with pytest.raises(BadInput):
        Hand(account, key)


def test_facts_are_checked_and_change_and_a_demand_is_answered(office: Office) -> None:
    asked = office.applicant().apply(**{**POOL, "purposes": ["access-control"]})
    bo, ada = office.person("approver"), office.person("operator")
    customer = bo.approve(bo.application(asked.application)).customer
    sent = ada.challenge(customer, "pool.example", ["name", "contact"])
    assert sent.code not in repr(sent)
    back = office.applicant(asked.claim).bring_back(sent.application, sent.id, sent.code)
    assert back.facts == {"name", "contact"}
    until = (office.doors.world.moment + timedelta(days=90)).date()
    made = ada.record_check(customer, method="official-list", facts=["sector", "seat"], evidence="list", until=until)
    assert {one.id for one in ada.checks(customer).checks} == {made.of, back.verification}
    assert ada.facts(customer).rests_on["sector"] == "verified"
    assert ada.withdraw_check(customer, made.of).of == made.of
    changed = ada.change_facts(customer, minors="yes")
    assert [(one.holds, one.reasons) for one in changed.grants] == [(False, ("core.minors",))]
    wanted = {"sector": "police", "instrument": "warrant", "records": ["decisions"], "name": "County PD"}
    demand = ada.record_demand(customer, **wanted).of
    with pytest.raises(Refused) as refused:
        bo.answer_demand(demand, "met")
    assert refused.value.decision.ask.action == "disclose"
    assert bo.answer_demand(demand, "refused").of == demand
    assert [(one.state, one.verdict) for one in ada.demands(limit=1)] == [("refused", "deny")]
    assert ada.figures().demands == {("police", "warrant", "refused"): 1}


LIES: dict[str, Callable[[Office, dict[str, Any]], dict[str, Any]]] = {
    "no receipt": lambda _, body: {**body, "receipt": ""},
    "another index": lambda _, body: {**body, "index": body["index"] + 1},
    "a deny": lambda _, body: {**body, "decision": {**body["decision"], "decision": "deny"}},
    "other reasons": lambda _, body: {**body, "decision": {**body["decision"], "reasons": []}},
    "what was assumed": lambda _, body: {**body, "decision": {**body["decision"], "assumed": ["x"]}},
}


@pytest.mark.parametrize("lie", LIES)
def test_an_act_that_its_receipt_does_not_prove_is_not_believed(office: Office, lie: str) -> None:
    ada = office.person("operator")
    (grant,) = ada.grants()
    office.between.lie = lambda body: LIES[lie](office, body)
    with pytest.raises(Unverified):
        ada.grant_keys(grant.id)


def test_another_persons_receipt_and_another_acts_are_not_believed(office: Office) -> None:
    ada = office.person("operator")
    (grant,) = ada.grants()
    theirs = office.person("operator").grant_keys(grant.id)
    office.between.lie = lambda body: {**body, "receipt": theirs.receipt, "index": theirs.index}
    with pytest.raises(Unverified, match="another account"):
        ada.grant_keys(grant.id)
    office.between.lie = lambda body: body
    listed = office.person("operator").grant_keys(grant.id)
    office.between.lie = lambda body: {**body, "receipt": listed.receipt, "index": listed.index}
    fresh = office.person("operator")
    with pytest.raises(Unverified, match="is for key-list"):
        fresh.issue_key(grant.id)


def test_an_answer_about_something_else_is_not_believed(office: Office) -> None:
    ada = office.person("approver", "operator")
    one, other = (office.applicant().apply(**{**POOL, "name": name}).application for name in ("One", "Other"))
    office.between.lie = lambda body: {**body, "id": other}
    with pytest.raises(Unverified, match="another than was asked for"):
        ada.application(one)
    office.between.lie = lambda body: {**body, "facts": {**body["facts"], "purposes": ["access-control"]}}
    with pytest.raises(Unverified, match="digest"):
        ada.application(one)
    office.between.lie = lambda body: {**body, "application": other}
    with pytest.raises(Unverified):
        ada.refuse(one)


@pytest.mark.parametrize(
    "lie",
    [
        lambda body: {**body, "receipts": body["receipts"][:1], "decisions": body["decisions"][:1]},
        lambda body: {**body, "receipts": body["receipts"][:1]},
        lambda body: {**body, "receipts": [], "decisions": []},
        lambda body: {**body, "application": "app_" + "0" * 32},
        lambda body: {**body, "receipts": [*body["receipts"][:1], *body["receipts"][:1]]},
    ],
)
def test_an_application_is_proven_whole(office: Office, lie: Callable[[dict[str, Any]], dict[str, Any]]) -> None:
    office.between.lie = lie
    with pytest.raises((Unverified, BadRecord)):
        office.applicant().apply(**POOL)


def test_a_change_of_promises_and_a_law_by_people_with_accounts(office: Office) -> None:
    one, other = office.person("approver", "operator"), office.person("approver")
    proposed = one.propose_change(off=["microsoft-2020"]).change
    assert (proposed.state, proposed.loosens) == ("under-notice", True)
    for person in (one, other):
        person.approve_change(person.policy_change(proposed.id).change)
    with pytest.raises(Conflict):
        one.approve_change(proposed)
    assert len(one.policy_changes().changes[0].approvals) == 2
    assert one.withdraw_change(proposed.id).change.state == "withdrawn"
    assert one.propose_change(on=["microsoft-2020-strict"]).change.state == "in-force"
    law = one.propose_law(law_text().decode()).law
    assessor = office.person("assessor")
    for person in (one, assessor):
        person.sign_law(person.law(law.id))
    assert assessor.object_to_law(law.id, "It tests nobody.").law.objections == ("It tests nobody.",)
    office.doors.world.later(days=31)
    assert one.record_law(law.id).law.state == "recorded"
    assert one.repeal_law(law.id).law.state == "repealed"
    assert [found.id for found in one.laws()] == [law.id]
    assert one.stop_house().change.state == "in-force"
    assert one.resume_house().change.state == "under-notice"
    with pytest.raises(Refused):
        assessor.stop_house()


def test_a_change_that_is_shown_as_another_is_not_signed(office: Office) -> None:
    """A server that shows one change and calls it by the digest of another gets no signature over it."""
    one = office.person("approver", "operator")
    proposed = one.propose_change(off=["microsoft-2020"]).change
    law = one.propose_law(law_text().decode()).law

    def milder(body: dict[str, Any]) -> dict[str, Any]:
        return {**body, "change": {**body["change"], "why": []}}

    office.between.lie = milder
    with pytest.raises(Unverified, match="digest of the change"):
        one.policy_change(proposed.id)
    office.between.lie = lambda body: {**body, "document": {**body["document"], "title": "Another"}}
    with pytest.raises(Unverified, match="digest of the record"):
        one.law(law.id)
