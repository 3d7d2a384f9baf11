"""The shapes of what a customer's facts are and rest on, of demands, and of what is handed on, to the last field.

Closed like those of shapes.py; nothing here decides or stores. Source: docs/admission.md.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from countenance.http.matters import Next, Of, Word  # noqa: TC001  (pydantic reads the annotations)
from countenance.http.shapes import Answer, Fact, Index, Moment, Receipt, RestsOn, Shape

Day = Annotated[str, Field(min_length=10, max_length=10, examples=["2027-11-22"])]
Name = Annotated[str, Field(min_length=1, max_length=200)]
Field_ = Literal[
    "name", "sector", "acts_for", "seat_country", "seat_region", "country", "region", "locality", "contact", "camera",
    "capture", "minors", "legal_effect",
]  # fmt: skip
Instrument = Literal[
    "none", "warrant", "court-order", "subpoena", "exigency", "judicial-authorisation", "request", "other"
]
Records = Literal["account", "subjects", "templates", "decisions", "bases", "everything", "other"]
Untold = Literal["", "forbidden-by-order", "risk-to-life", "not-yet"]
Method = Literal["email-domain-challenge", "domain-challenge"]
Covered = Annotated[list[Fact], Field(min_length=1, max_length=10, examples=[["name", "contact"]])]


class NewFacts(Shape):
    """What has changed; what is left out stays as it is. Words as in docs/policy.md."""

    name: Name | None = None
    sector: Word | None = None
    acts_for: Annotated[list[Word] | None, Field(max_length=32, examples=[["police"]])] = None
    seat_country: Annotated[str | None, Field(max_length=100)] = None
    seat_region: Annotated[str | None, Field(max_length=100)] = None
    country: Annotated[str | None, Field(max_length=100)] = None
    region: Annotated[str | None, Field(max_length=100)] = None
    locality: Annotated[str | None, Field(max_length=100)] = None
    contact: Name | None = None
    camera: Word | None = None
    capture: Word | None = None
    minors: Word | None = None
    legal_effect: Word | None = None


class Redecided(Shape):
    """A grant under the new facts. holds false: it is suspended, and reasons are the rules that denied."""

    grant: str
    holds: bool
    reasons: list[str]


class Changed(Answer):
    """facts: that changed; declared: those of them that were verified, and rest on a declaration now."""

    change: str
    customer: str
    facts: list[Fact]
    declared: list[Fact]
    grants: list[Redecided]


class ChangeOfFacts(Shape):
    """One change: the fields as they were, and as they became. account: empty for the machine itself."""

    id: str
    created: Moment
    by: Literal["provider", "customer", "machine"]
    account: str
    before: dict[Field_, str | list[str]]
    after: dict[Field_, str | list[str]]


class HeldFacts(Answer):
    """changes: the newest first, a hundred at most."""

    customer: str
    facts: dict[Field_, str | list[str]]
    rests_on: RestsOn
    changes: list[ChangeOfFacts]


class NewCheck(Shape):
    """What somebody looked at. until: the day from which it counts no more."""

    method: Literal["domain-challenge", "official-list", "document-seen"]
    facts: Covered
    evidence: Annotated[str, Field(min_length=1, max_length=200, examples=["extract of the register of 2026-11-02"])]
    until: Day


class Check(Shape):
    """account: who looked; `verifier` by name, where it was on the machine itself. continues: the record that this one
    was parted from when facts changed.
    """

    id: str
    created: Moment
    method: str
    facts: list[Fact]
    evidence: str
    verifier: str
    account: str
    until: str
    withdrawn: Moment | None
    continues: str


class Checks(Answer):
    verifications: list[Check]


class Recorded(Answer):
    verification: str


class WithdrawnCheck(Answer):
    """withdrawn: the id of the record that counts no more, from the next call on."""

    withdrawn: str


class NewChallenge(Shape):
    """A domain, to an address of which a code is sent, or in a file of which it will stand; and what that proves."""

    domain: Annotated[str, Field(min_length=4, max_length=253, examples=["example.org"])]
    facts: Covered
    method: Method = "email-domain-challenge"


class Challenge(Answer):
    """code: shown here and never again. By e-mail: send it to an address of the domain; the claim of `application`
    brings it back. Else it goes into https://DOMAIN/.well-known/countenance-challenge, on a line of its own.
    """

    id: str
    method: Method
    application: str
    domain: str
    code: str
    until: Moment


class Code(Shape):
    """A code as it stood in the message."""

    code: Annotated[str, Field(min_length=1, max_length=64, examples=["A" * 22])]


class Looked(Answer):
    """What a code made that was found in the domain's file: these facts are verified until that day, exclusive."""

    verification: str
    facts: list[Fact]
    until: str


class Proven(Shape):
    """What a code that came back made: these facts are verified until that day, exclusive."""

    verification: str
    facts: list[Fact]
    until: str
    receipt: Receipt


class Count(Shape):
    """demands: how many of this kind came to this outcome; told: of how many the customer was told."""

    sector: str
    instrument: Instrument
    outcome: Literal["open", "met", "refused"]
    told: int
    demands: int


class Figures(Answer):
    """customers: active; grants: in force; by what the customer rests on: checked whole, in part, declared alone.

    disclosures: by verdict.
    """

    customers: dict[Literal["verified", "partly", "declared"], int]
    grants: dict[Literal["verified", "partly", "declared"], int]
    disclosures: dict[Literal["allow", "deny"], int]
    demands: list[Count]


class NewDemand(Shape):
    """A demand for a customer's records, as it came in. name: of who asked; untold: why the customer was not told."""

    customer: Annotated[str, Field(min_length=1, max_length=100)]
    sector: Annotated[str, Field(min_length=1, max_length=64, examples=["police"])]
    instrument: Instrument
    records: Annotated[list[Records], Field(min_length=1, max_length=7, examples=[["decisions"]])]
    name: Annotated[str, Field(min_length=1, max_length=200, examples=["Springfield PD"])]
    purpose: Word = "criminal-investigation"
    untold: Untold = ""


class RecordedDemand(Answer):
    demand: str


class Demand(Shape):
    """A demand. name: empty for a customer's people. verdict: of the policy, on the answer; empty before."""

    id: str
    customer: Of
    created: Moment
    sector: str
    instrument: Instrument
    purpose: str
    records: list[Records]
    name: str
    told: bool
    untold: Untold
    state: Literal["open", "met", "refused"]
    verdict: Literal["", "allow", "deny"]
    answered: Moment | None


class Demands(Answer):
    demands: list[Demand]
    next: Next


class DemandAnswer(Shape):
    """met: the records are handed over, if the policy allows it; refused: they are not."""

    outcome: Literal["met", "refused"]


class AnsweredDemand(Answer):
    demand: str
    outcome: Literal["met", "refused"]


class Handing(Shape):
    """Whom a result is to be handed to. purpose: as the result's, where it is left out."""

    recipient: Annotated[str, Field(min_length=1, max_length=64, examples=["commercial"])]
    purpose: Annotated[str, Field(max_length=64)] = ""
    instrument: Instrument = "none"


class Disclosed(Answer):
    disclosure: str


class Disclosure(Shape):
    """decision: the leaf of the result; index: the leaf of the ask to hand it on."""

    id: str
    created: Moment
    decision: Index
    recipient: str
    purpose: str
    instrument: Instrument
    verdict: Literal["allow", "deny"]
    index: Index


class Disclosures(Shape):
    disclosures: list[Disclosure]
