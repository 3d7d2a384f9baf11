"""The shapes of the native API: what its documents hold, to the last field. Nothing here decides or stores.

A request's document has no other fields than these; an answer's is checked against them before it leaves, so nothing
that is not named here can leave. Source: docs/api.md, which is made from them.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

Moment = Annotated[str, Field(description="RFC 3339, UTC.", examples=["2026-11-22T10:30:00Z"])]
Rate = Annotated[float, Field(ge=0, le=1)]
Receipt = Annotated[str, Field(description="Proof that the leaf is in the log: one line of base64url.")]
Fact = Literal["name", "sector", "acts-for", "seat", "use", "contact", "camera", "capture", "minors", "legal-effect"]
Index = Annotated[int, Field(ge=0, description="The leaf's index in the log.")]
RestsOn = Annotated[
    dict[Fact, Literal["declared", "verified"]],
    Field(description="Of each fact of the customer, whether somebody checked it; empty where none was asked about."),
]


class Shape(BaseModel):
    """Closed: a field that is not named is an error, in either direction."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Pack(Shape):
    name: str
    digest: str


class Reason(Shape):
    """One rule that decided."""

    id: str
    says: str
    source: str
    evidence: str


class Lift(Shape):
    """Facts that together turn this deny into an allow."""

    all: list[dict[str, Any]]
    says: str


class Decision(Shape):
    """What the policy said, and why."""

    decision: Literal["allow", "deny"]
    on: str
    packs: list[Pack]
    reasons: list[Reason]
    lifted_when: list[Lift]
    duties: list[str]
    assumed: list[str]
    errors: list[str]
    rests_on: RestsOn = Field(default_factory=dict)


class Answer(Shape):
    """What every answer to an ask carries."""

    decision: Decision
    receipt: Receipt
    index: Index


class Box(Shape):
    """Pixels of the upright original, origin top left."""

    x: float
    y: float
    width: float
    height: float


class Measure(Shape):
    name: str
    value: float
    unit: str
    ok: bool
    says: str


class Face(Shape):
    """A found face. landmarks: eye, eye, nose tip, mouth corner, mouth corner, from the image's left."""

    box: Box
    landmarks: list[Annotated[list[float], Field(min_length=2, max_length=2)]]
    quality: list[Measure]


class Likeness(Answer):
    """The answer of one comparison; no score, but how often two different people look this alike.

    promised_rate: the false match rate of the operating point. false_match_rate: the upper bound that this
    likeness has earned, null where the data cannot carry one. calibration: the record's digest.
    """

    match: bool
    promised_rate: Rate
    false_match_rate: Rate | None
    calibration: str


class Verified(Likeness):
    subject: str
    face: Face


class Compared(Likeness):
    faces: Annotated[list[Face], Field(min_length=2, max_length=2)]


class Detected(Answer):
    faces: list[Face]


class Candidate(Shape):
    subject: str
    reference: str
    false_match_rate: Rate | None


class Identified(Answer):
    """No candidates: no match. clear: whether the second subject stays below the threshold."""

    candidates: list[Candidate]
    gallery: int
    false_positive_rate: Rate | None
    clear: bool | None
    runner_up: Rate | None
    calibration: str
    face: Face


class Enrolled(Answer):
    subject: str
    reference: str
    face: Face


class Entry(Shape):
    """One leaf about the caller, from its closed part; an empty text does not apply."""

    index: Index
    time: Moment
    outcome: str
    key: str
    collection: str
    subject: str
    account: str
    matter: str
    request: str


class Entries(Shape):
    decisions: list[Entry]
    next: str | None = Field(description="Give it as `after` for what follows; null at the end.")


class Proof(Shape):
    index: Index
    receipt: Receipt


class NewCollection(Shape):
    name: Annotated[str, Field(min_length=1, max_length=100, examples=["staff", "visitors"])]
    purpose: Annotated[str, Field(min_length=1, max_length=64, examples=["access-control"])]
    keep_days: Annotated[
        int | None,
        Field(
            ge=1, le=3650, description="Days after which a person who was not met again is erased; null: no such term."
        ),
    ] = None


class Collection(Shape):
    id: str
    name: str
    purpose: str
    created: Moment
    keep_days: int | None


class Collections(Shape):
    collections: list[Collection]
    next: str | None = Field(description="Give it as `after` for what follows; null at the end.")


class Subject(Shape):
    id: str
    alias: str
    references: int


class Subjects(Shape):
    subjects: list[Subject]
    next: str | None = Field(description="Give it as `after` for what follows; null at the end.")


class Withdrawn(Shape):
    receipt: Receipt


class Erased(Shape):
    """certificate: a signed note that the person is gone; safe to publish."""

    erasure: str
    certificate: str
    receipt: Receipt


class Key(Shape):
    id: str
    created: Moment
    revoked: Moment | None


class Keys(Shape):
    keys: list[Key]


class NewKey(Shape):
    """key: shown here and never again."""

    id: str
    key: str
    receipt: Receipt


class Revoked(Shape):
    receipt: Receipt


class Grant(Shape):
    id: str
    purposes: list[str]
    modes: list[str]
    places: list[str]
    until: Moment
    active: bool


class Me(Shape):
    """Who asks: the key, its customer and its grant."""

    key: str
    customer: str
    grant: Grant


Digest = Annotated[str, Field(description="`sha256:` and 64 hex digits.")]


class Problem(Shape):
    """An error, as RFC 9457 has it. code: stable, one of docs/errors.md. retry: the same call may succeed later."""

    type: str
    title: str
    status: int
    code: str
    detail: str
    next_step: str
    retry: bool
    request: str | None = None
    decision: Decision | None = None
    receipt: Receipt | None = None
