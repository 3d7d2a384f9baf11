"""Who attests an application: a named person, who signs a text over exactly its facts, or whose name was typed.

The text says what Microsoft has customers acknowledge before they get face recognition: not used by or for a police
department in the United States (unless the facts themselves say that it is), and the documents read. A signature is
Ed25519 over the text. Whose key it is, nobody here can know: what it proves is that the facts are as that key's holder
signed them. Without a key there is a typed name and no more, and every answer and record says so. An attestation is
asked for before the policy is, and opens nothing that the policy denies. Source: docs/admission.md.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from sqlalchemy import insert, select

from countenance.domain import ids
from countenance.domain.errors import BadInput
from countenance.policy import words
from countenance.service import signed
from countenance.service.application import facts_row
from countenance.storage.admission import attestations

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from sqlalchemy import Connection

    from countenance.service.application import Application

NAME = "countenance-attestation@v1"
EARLIEST = timedelta(days=7)
"""How old a signed attestation may be when it comes in: it is of these facts, and of these days."""
AHEAD = timedelta(minutes=5)
"""By how much the signer's clock may be ahead."""
NOT_POLICE = "It is not used by or for a police department in the United States."
POLICE = "It is used by or for a police department in the United States."
READ = "I have read what the server does and does not do, its promises, and the rules in force."
TYPED = "a typed name: nobody signed it"
SIGNED = "signed under a key that nobody here has tied to that person"


@dataclass(frozen=True, slots=True)
class Attestation:
    """name: of the person. moment: RFC 3339 UTC. public_key: 32 bytes, signature: 64; None where it was typed."""

    name: str
    moment: str
    public_key: bytes | None = None
    signature: bytes | None = None


@dataclass(frozen=True, slots=True)
class Told:
    """An attestation as answers have it. says: what it is worth, in a sentence; public_key: base64, or empty."""

    name: str
    moment: str
    signed: bool
    says: str
    statement: str
    public_key: str


def statement(facts: Mapping[str, Any], moment: str) -> str:
    """What is attested: by whom, when, of which facts. facts: as `facts_row` has them and the server shows them."""
    lines = (
        NAME, facts["attested_by"], moment, signed.facts_digest(facts), "These facts are true.",
        POLICE if of_us_police(facts) else NOT_POLICE, READ,
    )  # fmt: skip
    return "".join(f"{line}\n" for line in lines)


def sign(facts: Mapping[str, Any], moment: str, key: signed.PersonKey) -> Attestation:
    """The attestation of whoever holds this key."""
    public = signed.public_key(key.public)
    return Attestation(facts["attested_by"], moment, public, key.sign(statement(facts, moment).encode()))


def of_us_police(facts: Mapping[str, Any]) -> bool:
    """Whether the facts say that it is used by or for police, with seat or use in the United States."""
    parties = {facts["sector"], *facts["acts_for"]}
    return bool(parties & set(words.POLICE)) and "US" in (facts["country"], facts["seat_country"])


def accepted(application: Application, given: Attestation | None, now: datetime) -> Attestation:
    """What is kept of it: a signed one that holds, or the typed name. Raises BadInput for one that does not hold."""
    if given is None:
        return Attestation(application.attested_by, ids.utc(now))
    made = signed.moment(given.moment)
    if not now - EARLIEST <= made <= now + AHEAD:
        raise BadInput("the attestation is not of these days", next_step="Sign it again, with the present time.")
    text = statement(facts_row(application), given.moment).encode()
    if not (given.public_key and given.signature and signed.verify(given.public_key, text, given.signature)):
        raise BadInput(
            "the attestation is not signed by its key over this application",
            next_step="Sign the text that docs/admission.md gives, over exactly the facts that you send.",
        )
    return given


def keep(connection: Connection, application: str, given: Attestation, facts: Mapping[str, Any]) -> None:
    """The row of an attestation, in the transaction of its application."""
    row = {
        "application_id": application, "name": given.name, "moment": given.moment,
        "statement": statement(facts, given.moment), "public_key": given.public_key, "signature": given.signature,
    }  # fmt: skip
    connection.execute(insert(attestations), row)


def told(given: Attestation, facts: Mapping[str, Any]) -> Told:
    """An attestation with what it is worth."""
    return _told(given.name, given.moment, statement(facts, given.moment), given.public_key)


def kept_of(connection: Connection, application: str) -> Told | None:
    """That of an application, by its id; None for one that was made before they were kept."""
    row = connection.execute(select(attestations).where(attestations.c.application_id == application)).one_or_none()
    return None if row is None else _told(row.name, row.moment, row.statement, row.public_key)


def _told(name: str, moment: str, text: str, key: bytes | None) -> Told:
    says = TYPED if key is None else SIGNED
    return Told(name, moment, key is not None, says, text, "" if key is None else signed.base64_of(key))
