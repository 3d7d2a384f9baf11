"""The shapes of what people with accounts administer, and of an application, to the last field.

Closed like those of shapes.py; nothing here decides or stores. Source: docs/accounts.md.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from countenance.http.shapes import Answer, Decision, Entry, Key, Moment, Receipt, Shape

Role = Literal["operator", "approver", "reviewer", "auditor", "assessor"]
PublicKey = Annotated[
    str,
    Field(
        min_length=44, max_length=44, description="The 32 bytes of an Ed25519 public key, base64.",
        examples=["7ANphhjz9nr9opN+2ux51XTlh1MkDDN9HfmS1lSG+ds="],
    ),
]  # fmt: skip
Of = Annotated[str, Field(max_length=100, description="A customer's id; empty for the provider's own.")]
Next = Annotated[str | None, Field(description="Give it as `after` for what follows; null at the end.")]


class NewAccount(Shape):
    """Somebody to register. customer: whose person it will be; your own organisation where it is left out."""

    name: Annotated[str, Field(min_length=1, max_length=100, examples=["Ada Person"])]
    roles: Annotated[list[Role], Field(min_length=1, max_length=4, examples=[["operator"]])]
    public_key: PublicKey
    customer: Of = ""


class Registered(Answer):
    account: str


class Ended(Answer):
    """ended: the id of what has ended, from the next call on."""

    ended: str


class Person(Shape):
    """An account. ended: from when it counts no more."""

    id: str
    name: str
    customer: Of
    roles: list[Role]
    public_key: PublicKey
    created: Moment
    ended: Moment | None


class People(Answer):
    accounts: list[Person]
    next: Next


Word = Annotated[str, Field(min_length=1, max_length=64)]
Short = Annotated[str, Field(max_length=100)]
Until = Annotated[str, Field(max_length=40, description="RFC 3339, UTC, with seconds; empty for a year.")]
Later = Annotated[str, Field(description="Empty as long as there is none.", examples=[""])]
Condition = Literal["pending", "approved", "refused", "admitted"]


class NewAttestation(Shape):
    """The attestation of `attested_by`, signed: docs/admission.md gives the text. moment: when it was signed."""

    moment: Moment
    public_key: PublicKey
    signature: Annotated[str, Field(min_length=88, max_length=88, examples=["A" * 86 + "=="])]


class Attestation(Shape):
    """Who attests an application. signed false: a typed name; `says` tells what it is worth."""

    name: str
    moment: Moment
    signed: bool
    says: str
    statement: str
    public_key: Annotated[str, Field(description="Base64; empty for a typed name.")]


class NewApplication(Shape):
    """A customer's request to be admitted, in the words of docs/policy.md. Declared: nobody has checked it.

    modes: one-off, places: private, where they are left out.
    """

    name: Annotated[str, Field(min_length=1, max_length=200, examples=["Harbour Gym"])]
    sector: Annotated[str, Field(min_length=1, max_length=64, examples=["commercial"])]
    country: Annotated[str, Field(min_length=1, max_length=64, examples=["DE"])]
    purposes: Annotated[list[Word], Field(min_length=1, max_length=32, examples=[["access-control"]])]
    contact: Annotated[str, Field(min_length=1, max_length=200, examples=["A. Person"])]
    attested_by: Annotated[str, Field(min_length=1, max_length=200, examples=["A. Person"])]
    acts_for: Annotated[list[Word], Field(default_factory=list, max_length=32)]
    region: Short = ""
    locality: Short = ""
    seat_country: Short = ""
    seat_region: Short = ""
    modes: Annotated[list[Word], Field(default_factory=lambda: ["one-off"], max_length=32)]
    places: Annotated[list[Word], Field(default_factory=lambda: ["private"], max_length=32)]
    camera: Word = "none"
    capture: Word = "attended"
    minors: Word = "no"
    legal_effect: Word = "no"
    attestation: Annotated[
        NewAttestation | None, Field(description="Left out: `attested_by` is a typed name, and is called that.")
    ] = None


class Asked(Shape):
    """claim: shown here and never again; the applicant comes back with it. A decision and a receipt for each ask."""

    application: str
    state: Literal["pending"]
    claim: str
    decisions: list[Decision]
    receipts: list[Receipt]
    attestation: Attestation


class AskedFor(Answer):
    """As `Asked`, with the receipt of the act."""

    application: str
    state: Literal["pending"]
    claim: str
    decisions: list[Decision]
    receipts: list[Receipt]
    attestation: Attestation


class State(Shape):
    """taken: whether the first key was."""

    id: str
    created: Moment
    state: Condition
    customer: Later
    grant: Later
    until: Later
    taken: bool


class FirstKey(Shape):
    """key: shown here and never again."""

    id: str
    key: str
    grant: str
    receipt: Receipt


class Verification(Shape):
    """Who checked a customer's facts, how, on what evidence, and until when."""

    method: str
    evidence: str
    by: str
    until: str


class Facts(Shape):
    """What a customer said of itself and asked for."""

    name: str
    sector: str
    country: str
    purposes: list[str]
    contact: str
    attested_by: str
    acts_for: list[str]
    region: str
    locality: str
    seat_country: str
    seat_region: str
    modes: list[str]
    places: list[str]
    camera: str
    capture: str
    minors: str
    legal_effect: str
    verification: Verification | None


class ListedApplication(Shape):
    id: str
    created: Moment
    state: Condition
    customer: Of


class Applications(Answer):
    applications: list[ListedApplication]
    next: Next


class ShownApplication(Answer):
    """digest: SHA-256 of the facts as JSON with sorted keys and no spaces: what an approval signs of them."""

    id: str
    created: Moment
    state: Condition
    customer: Of
    facts: Facts
    digest: str
    attestation: Annotated[Attestation | None, Field(description="Null for one that was made before they were kept.")]


class Approval(Shape):
    """signature: base64 of the approver's own, over the statement that docs/accounts.md gives."""

    until: Until = ""
    signature: Annotated[str, Field(min_length=88, max_length=88, examples=["A" * 86 + "=="])]


class Approved(Answer):
    application: str
    customer: str
    grant: str
    until: Moment


class Refusal(Answer):
    application: str


class Held(Shape):
    """A grant, and whose. name: the organisation's. active: in force now."""

    id: str
    customer: str
    name: str
    purposes: list[str]
    modes: list[str]
    places: list[str]
    created: Moment
    until: Moment
    active: bool


class Grants(Answer):
    grants: list[Held]
    next: Next


class ChangedAnswer(Shape):
    """One ask of a grant and what becomes of it. because: the rules that refuse, before or after."""

    action: str
    purpose: str
    mode: str
    place: str
    was: str
    becomes: str
    because: list[str]


class Announced(Shape):
    """What will change for a grant on a day (UTC). name: the organisation's."""

    day: str
    customer: str
    name: str
    grant: str
    changes: list[ChangedAnswer]


class GrantSchedule(Answer):
    schedule: list[Announced]
    next: Next


Measure = Literal["crowd", "nobody", "following", "camera", "places", "trawling"]


class HeldLock(Shape):
    """What the meter locked. key: empty where it is every key of the customer. looked: how many people have, of two."""

    id: str
    customer: str
    key: str
    reached: list[Measure]
    created: Moment
    looked: Annotated[int, Field(ge=0, le=2)]
    released: Moment | None


class Locks(Answer):
    locks: list[HeldLock]
    next: Next


class LookedAtLock(Answer):
    """released: whether the key goes on, since two people have looked."""

    id: str
    looked: Annotated[int, Field(ge=1, le=2)]
    released: bool


class GrantKeys(Answer):
    keys: list[Key]


class IssuedKey(Answer):
    """key: shown here and never again."""

    id: str
    key: str


class OwnEntries(Answer):
    decisions: list[Entry]
    next: Next
