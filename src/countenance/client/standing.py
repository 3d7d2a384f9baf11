"""The calls of admission: a customer's facts and what they rest on, codes, figures, demands, and what is handed on.

As acts.py is for accounts, grants and keys, with the records that come back beside their calls. It sends nothing.
Source: docs/admission.md.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from countenance.client import acts, readers
from countenance.client.answers import Answer, Noted
from countenance.client.said import Said
from countenance.client.sent import JSON, json_body, part
from countenance.client.talk import Call, Pages
from countenance.domain.errors import BadInput

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping
    from datetime import date, datetime

    from countenance.client.matters import Acted
    from countenance.client.proven import Reply
    from countenance.client.reading import Fields


@dataclass(frozen=True, slots=True)
class HeldFacts(Answer):
    """A customer's facts, and of each whether it is `declared` or `verified`."""

    customer: str
    facts: Mapping[str, Any]
    rests_on: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Redecided:
    """A grant under changed facts. holds False: it is suspended; reasons: the rules that denied."""

    grant: str
    holds: bool
    reasons: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Changed(Answer):
    """facts: that changed; declared: those that were verified, and are declared now."""

    customer: str
    change: str
    facts: tuple[str, ...]
    declared: tuple[str, ...]
    grants: tuple[Redecided, ...]


@dataclass(frozen=True, slots=True)
class Check:
    """A check of facts. verifier or account: who looked; until: a day, exclusive; withdrawn: whether it was."""

    id: str
    method: str
    facts: frozenset[str]
    evidence: str
    verifier: str
    account: str
    until: str
    withdrawn: bool


@dataclass(frozen=True, slots=True)
class Checks(Answer):
    """Every check of a customer's facts, oldest first."""

    checks: tuple[Check, ...]


@dataclass(frozen=True, slots=True)
class Challenge(Answer):
    """A code, shown this once. application: the claim of which brings it back; empty for the domain's own file."""

    id: str
    method: str
    application: str
    domain: str
    until: datetime
    code: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Proven(Noted):
    """What a code that came back proved, until a day, exclusive."""

    verification: str
    facts: frozenset[str]
    until: str


@dataclass(frozen=True, slots=True)
class Looked(Answer):
    """What a code that was found in the domain's file proved, until a day, exclusive."""

    verification: str
    facts: frozenset[str]
    until: str


@dataclass(frozen=True, slots=True)
class Figures(Answer):
    """customers, grants: by `verified`, `partly`, `declared`; disclosures: by verdict; demands: by sector, instrument
    and outcome.
    """

    customers: Mapping[str, int]
    grants: Mapping[str, int]
    disclosures: Mapping[str, int]
    demands: Mapping[tuple[str, str, str], int]


@dataclass(frozen=True, slots=True)
class Demand:
    """A demand. name: empty for a customer's people; state: open, met or refused; verdict: empty before the answer."""

    id: str
    customer: str
    created: datetime
    sector: str
    instrument: str
    purpose: str
    records: frozenset[str]
    name: str
    told: bool
    untold: str
    state: str
    verdict: str


@dataclass(frozen=True, slots=True)
class Disclosed(Answer):
    """A result that may be handed on. disclosure: the id of the record."""

    disclosure: str


def facts(customer: str) -> Call[HeldFacts]:
    """A customer's facts and what each rests on. Raises Refused, NotFound."""

    def read(reply: Reply) -> HeldFacts:
        body, proven = reply.fields, reply.administered("shown", customer=customer)
        return HeldFacts(*proven, body.text("customer"), body.inside("facts").of, _words(body.inside("rests_on")))

    return Call("GET", f"{_of(customer)}/facts", read, act="facts-show")


def change_facts(customer: str, **new: str | Collection[str]) -> Call[Changed]:
    """Enter what has changed, such as `acts_for=["police"]`. Raises Refused, NotFound, BadInput, Conflict."""
    said = {name: value if isinstance(value, str) else sorted(value) for name, value in new.items()}

    def read(reply: Reply) -> Changed:
        body, change = reply.fields, reply.fields.text("change")
        proven = reply.administered("changed", customer=customer, matter=change)
        told = body.texts("facts"), body.texts("declared"), body.many("grants", _redecided)
        return Changed(*proven, body.text("customer"), change, *told)

    return _sent(f"{_of(customer)}/facts", said, read, "facts-change")


def checks(customer: str) -> Call[Checks]:
    """Every check of a customer's facts. Raises Refused, NotFound."""

    def read(reply: Reply) -> Checks:
        return Checks(*reply.administered("listed", customer=customer), reply.fields.many("verifications", _check))

    return Call("GET", f"{_of(customer)}/verifications", read, act="verification-list")


def record_check(customer: str, *, method: str, facts: Collection[str], evidence: str, until: date) -> Call[Acted]:
    """Record that you checked facts of a customer; `of` is the record's id. Raises Refused, NotFound, BadInput."""
    said = {"method": method, "facts": sorted(facts), "evidence": evidence, "until": until.isoformat()}
    path = f"customers/{part(customer)}/verifications"
    return acts.acted("POST", path, "verification-record", "recorded", "verification", "matter", json_body(said))


def withdraw_check(customer: str, verification: str) -> Call[Acted]:
    """Let a check count no more. Raises Refused, NotFound."""
    path = f"customers/{part(customer)}/verifications/{part(verification)}"
    return acts.acted("DELETE", path, "verification-withdraw", "withdrawn", "withdrawn", "matter", of=verification)


def challenge(
    customer: str, domain: str, facts: Collection[str], *, method: str = "email-domain-challenge"
) -> Call[Challenge]:
    """A code, to be sent to an address of a domain, or, as `domain-challenge`, to be put into its file.

    Raises Refused, NotFound, BadInput, Conflict.
    """

    def read(reply: Reply) -> Challenge:
        body, made = reply.fields, reply.fields.text("id")
        proven = reply.administered("made", customer=customer, matter=made)
        method, application, domain = (body.text(name) for name in ("method", "application", "domain"))
        return Challenge(*proven, made, method, application, domain, readers.moment(body, "until"), body.text("code"))

    said = {"domain": domain, "facts": sorted(facts), "method": method}
    return _sent(f"{_of(customer)}/challenges", said, read, "challenge-make")


def look_at_domain(customer: str, challenge: str) -> Call[Looked]:
    """Let the server read a domain's file. Raises Refused, NotFound, BadInput, Conflict, Unavailable."""

    def read(reply: Reply) -> Looked:
        body, made = reply.fields, reply.fields.text("verification")
        proven = reply.administered("verified", customer=customer, matter=made)
        return Looked(*proven, made, frozenset(body.texts("facts")), body.text("until"))

    return Call("POST", f"{_of(customer)}/challenges/{part(challenge)}/look", read, act="challenge-look")


def bring_back(application: str, challenge: str, code: str) -> Call[Proven]:
    """Bring back a code that came to an address of your domain. Raises Unauthenticated, NotFound, BadInput."""

    def read(reply: Reply) -> Proven:
        body, made = reply.fields, reply.fields.text("verification")
        stated = {"act": "challenge-answer", "by": "applicant", "verdict": "allow"}
        proven = reply.noted("administration", stated, matter=made, outcome="verified")
        return Proven(*proven, made, frozenset(body.texts("facts")), body.text("until"))

    path = f"v1/applications/{part(application)}/challenges/{part(challenge)}"
    return Call("POST", path, read, content=json_body({"code": code}), headers=JSON)


def figures() -> Call[Figures]:
    """What rests on declarations alone, and the demands, counted. Raises Refused."""

    def read(reply: Reply) -> Figures:
        body, proven = reply.fields, reply.administered("shown")
        customers, grants, handed = (_counts(body.inside(name)) for name in ("customers", "grants", "disclosures"))
        return Figures(*proven, customers, grants, handed, dict(body.many("demands", _count)))

    return Call("GET", f"{acts.UNDER}/figures", read, act="figures-show")


def demands(*, limit: int = 100) -> Pages[Demand]:
    """Demands, oldest first; for a customer's people those that it was told of. Raises Refused."""
    return acts.pages("demands", "demand-list", _demand, limit)


def record_demand(
    customer: str, *, sector: str, instrument: str, records: Collection[str], name: str,
    purpose: str = "criminal-investigation", untold: str = "",
) -> Call[Acted]:  # fmt: skip
    """Record a demand before it is answered; `of` is its id. Raises Refused, NotFound, BadInput."""
    said = {
        "customer": customer, "sector": sector, "instrument": instrument, "records": sorted(records), "name": name,
        "purpose": purpose, "untold": untold,
    }  # fmt: skip
    return acts.acted("POST", "demands", "demand-record", "recorded", "demand", "matter", json_body(said))


def answer_demand(demand: str, outcome: str) -> Call[Acted]:
    """Answer a demand: `met`, where the policy allows it, or `refused`. Raises Refused, NotFound, Conflict."""

    def read(reply: Reply) -> Acted:
        return acts.same_acted(reply, outcome, demand, "demand", "matter")

    body = json_body({"outcome": outcome})
    return Call(
        "POST", f"{acts.UNDER}/demands/{part(demand)}/answer", read, headers=JSON, content=body, act="demand-answer",
        actions=frozenset({"disclose"}), closed={"matter": demand},
    )  # fmt: skip


def disclose(index: int, recipient: str, *, purpose: str = "", instrument: str = "none") -> Call[Disclosed]:
    """Ask whether one of your results may be handed on to a sector. Raises Refused, NotFound, Conflict."""

    def read(reply: Reply) -> Disclosed:
        return Disclosed(*reply.decided(outcome="disclosed"), reply.fields.text("disclosure"))

    if type(index) is not int or index < 0:
        raise BadInput("a leaf is named by its index, a whole number from 0 on")
    body = json_body({"recipient": recipient, "purpose": purpose, "instrument": instrument})
    return Call(
        "POST", f"v1/decisions/{index}/disclosures", read, headers=JSON, content=body, actions=frozenset({"disclose"}),
        said=Said({"requested_by": [recipient], "purpose": purpose}),
    )  # fmt: skip


def _sent(path: str, said: Mapping[str, object], read: Callable[[Reply], Any], act: str) -> Call[Any]:
    return Call("POST", path, read, headers=JSON, content=json_body(said), act=act)


def _of(customer: str) -> str:
    return f"{acts.UNDER}/customers/{part(customer)}"


def _words(body: Fields) -> Mapping[str, str]:
    return {name: body.text(name) for name in body.of}


def _counts(body: Fields) -> Mapping[str, int]:
    return {name: body.count(name) for name in body.of}


def _redecided(body: Fields) -> Redecided:
    return Redecided(body.text("grant"), body.truth("holds"), body.texts("reasons"))


def _check(body: Fields) -> Check:
    evidence, verifier, account, until = (body.text(name) for name in ("evidence", "verifier", "account", "until"))
    covered, withdrawn = frozenset(body.texts("facts")), not body.null("withdrawn")
    return Check(body.text("id"), body.text("method"), covered, evidence, verifier, account, until, withdrawn)


def _count(body: Fields) -> tuple[tuple[str, str, str], int]:
    return (body.text("sector"), body.text("instrument"), body.text("outcome")), body.count("demands")


def _demand(body: Fields) -> Demand:
    sector, instrument, purpose = (body.text(name) for name in ("sector", "instrument", "purpose"))
    name, untold, state, verdict = (body.text(name) for name in ("name", "untold", "state", "verdict"))
    created, records = readers.moment(body, "created"), frozenset(body.texts("records"))
    ids = body.text("id"), body.text("customer")
    return Demand(*ids, created, sector, instrument, purpose, records, name, body.truth("told"), untold, state, verdict)
