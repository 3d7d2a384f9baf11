"""The shapes of what is a person's own: the record of what they agreed to, what is held of them, their page, its link.

Closed like those of shapes.py; nothing here decides or stores. Sources: docs/people.md; ISO/IEC TS 27560:2023 for the
fields of a record.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from countenance.http.shapes import Answer, Entry, Index, Moment, Receipt, Shape

LANGUAGE = r"^([A-Za-z]{2,8}(-[A-Za-z0-9]{1,8})*)?$"


class Purpose(Shape):
    """What is done with which data, for what, on which ground, by whom, and for how long."""

    purpose: str
    lawful_basis: str
    pii_information: list[str]
    pii_controllers: list[str]
    collection_method: str
    processing_method: str
    storage_locations: list[str]
    retention_period: str


class Handling(Shape):
    privacy_notice: str
    language: str
    purposes: list[Purpose]


class ConsentEvent(Shape):
    """consent_given, consent_withdrawn, or consent_refused, which the standard does not have."""

    event_type: Literal["consent_given", "consent_withdrawn", "consent_refused"]
    event_time: Moment
    event_manner: str
    event_location: str
    recorded_by: str


class ConsentRecord(Shape):
    """A record of consent with the fields of ISO/IEC TS 27560:2023. Empty: was not said."""

    schema_version: str
    record_id: str
    pii_principal_id: str
    adult: bool
    pii_processing: Handling
    events: list[ConsentEvent]
    evidence: str


class ConsentRecords(Shape):
    subject: str
    records: list[ConsentRecord]


class Ground(Shape):
    """A basis on record."""

    basis: str
    purpose: str
    given_at: Moment
    until: Moment
    manner: str
    notice: str
    recorded_by: str
    withdrawn: Moment | None
    record: ConsentRecord


class HeldReference(Shape):
    """template: base64 of the unit vector, little-endian float32. It is the person's own."""

    reference: str
    created: Moment
    model_digest: str
    template: str


class Exported(Answer):
    """All that is held about one person."""

    subject: str
    collection: str
    purpose: str
    grounds: list[Ground]
    references: list[HeldReference]
    decisions: list[Entry]


class PersonLink(Shape):
    """token: shown here and never again; whoever holds it sees and ends what is held about this person."""

    id: str
    token: str
    until: Moment


class LinksEnded(Shape):
    ended: int


class AskedAbout(Shape):
    """One time that somebody asked about the person; empty action: no question of faces."""

    index: Index
    time: Moment
    kind: str
    action: str
    purpose: str
    outcome: str


class OwnReference(Shape):
    reference: str
    created: Moment


class AboutMe(Shape):
    """asked: the newest first; more: whether the export has older ones. receipt: of this very look."""

    subject: str
    customer: str
    purpose: str
    grounds: list[Ground]
    references: list[OwnReference]
    asked: list[AskedAbout]
    more: bool
    receipt: Receipt


class AllAboutMe(Shape):
    """Everything, the person's own templates too."""

    subject: str
    customer: str
    purpose: str
    grounds: list[Ground]
    references: list[HeldReference]
    asked: list[AskedAbout]
    receipt: Receipt


class NewConsent(Shape):
    """The ground on which a person may be enrolled and searched for one purpose."""

    alias: Annotated[
        str, Field(min_length=1, max_length=100, description="Your own name for the person.", examples=["member-17"])
    ]
    basis: Literal["consent", "demonstration"] = "consent"
    purpose: Annotated[
        str,
        Field(max_length=64, description="The collection's, where it is left out.", examples=["access-control"]),
    ] = ""
    given_at: Annotated[
        str,
        Field(max_length=40, description="RFC 3339; now, where it is left out.", examples=["2026-11-22T10:30:00Z"]),
    ] = ""
    until: Annotated[str, Field(max_length=40, examples=["2027-11-22T00:00:00Z"])]
    adult: Annotated[bool, Field(description="The person is of age, and said so.", examples=[True])]
    manner: Literal["in-writing", "electronic", "spoken", "published-portrait"]
    notice: Annotated[
        str,
        Field(
            min_length=1, max_length=2000, description="What the person was told.", examples=["The door opens for you."]
        ),
    ]
    recorded_by: Annotated[str, Field(min_length=1, max_length=200, examples=["the sign-up form"])]
    event: Annotated[
        Literal["consent_given", "consent_refused"],
        Field(description="Given, or refused: then the record covers nothing, and nobody need ask again."),
    ] = "consent_given"
    evidence: Annotated[
        str,
        Field(
            max_length=500,
            description="Where the proof is kept; a consent without any is refused.",
            examples=["form 17 in binder 2"],
        ),
    ] = ""
    language: Annotated[
        str, Field(max_length=35, pattern=LANGUAGE, description="The notice's, BCP 47.", examples=["en"])
    ] = ""
    lawful_basis: Annotated[str, Field(max_length=200, examples=["GDPR 9(2)(a)"])] = ""
    controller: Annotated[str, Field(max_length=200, description="Who answers for it; the customer, if empty.")] = ""
    method: Annotated[str, Field(max_length=200, description="How it was collected.", examples=["at the desk"])] = ""
    location: Annotated[str, Field(max_length=200, description="Where it was given.", examples=["the front desk"])] = ""


class Consented(Shape):
    subject: str
    purpose: str
    receipt: Receipt
