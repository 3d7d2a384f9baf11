"""Records of consent as the person gets them: the receipt of what they agreed to, or refused.

It writes what is stored and adds nothing but what this program itself does with the data. Fields are those of ISO/IEC
TS 27560:2023, 6.3 (header, processing, parties, events) and 6.4 (receipt); a refusal has an event of our own, since
the standard has none. Source: docs/people.md.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import select

from countenance import consent
from countenance.service import people
from countenance.storage.tables import consents

if TYPE_CHECKING:
    from sqlalchemy import Row

    from countenance.service.app import House
    from countenance.service.auth import Principal
    from countenance.service.people import Collection
    from countenance.storage.vault import CustomerKey

SCHEMA = "ISO/IEC TS 27560:2023"
WHAT = ("a biometric template of the face", "the customer's own name for the person", "this record")
HOW = "the template is made from a photograph, which is not kept, and compared with others by a machine"
WHERE = ("the operator's database, sealed under a key of the customer",)


def of_subject(
    house: House, who: Principal, inside: Collection, alias_or_id: str
) -> tuple[str, tuple[dict[str, Any], ...]]:
    """The id of a subject and its records, oldest first. Raises NotFound."""
    subject = people.subject_id(house, who, inside, alias_or_id)
    return subject, tuple(
        record for _, record in of(house, people.customer_key(house, who), who.customer.name, subject)
    )


def of(house: House, seal: CustomerKey, controller: str, subject: str) -> tuple[tuple[Row[Any], dict[str, Any]], ...]:
    """Rows and records of one subject, oldest first. controller: who answers where a record names nobody."""
    query = select(consents).where(consents.c.subject_id == subject).order_by(consents.c.given_at, consents.c.id)
    with house.database.read() as connection:
        rows = connection.execute(query).all()
    return tuple((row, _record(row, consent.details(seal, row.id, row.details), controller)) for row in rows)


def _record(row: Row[Any], said: dict[str, str], controller: str) -> dict[str, Any]:
    return {
        "schema_version": SCHEMA,
        "record_id": row.id,
        "pii_principal_id": row.subject_id,
        "adult": row.adult,
        "pii_processing": _processing(row, said, controller),
        "events": _events(row, said["location"]),
        "evidence": said["evidence"],
    }


def _processing(row: Row[Any], said: dict[str, str], controller: str) -> dict[str, Any]:
    purpose = {
        "purpose": row.purpose, "lawful_basis": said["lawful_basis"] or row.basis, "pii_information": [*WHAT],
        "pii_controllers": [said["controller"] or controller], "collection_method": said["method"],
        "processing_method": HOW, "storage_locations": [*WHERE], "retention_period": f"until {row.until}",
    }  # fmt: skip
    return {"privacy_notice": row.notice, "language": said["language"], "purposes": [purpose]}


def _events(row: Row[Any], location: str) -> list[dict[str, str]]:
    first = {
        "event_type": row.event, "event_time": row.given_at, "event_manner": row.manner, "event_location": location,
        "recorded_by": row.recorded_by,
    }  # fmt: skip
    if row.withdrawn is None:
        return [first]
    left = dict.fromkeys(("event_manner", "event_location", "recorded_by"), "")
    return [first, {**left, "event_type": consent.WITHDRAWN, "event_time": row.withdrawn}]
