"""Handing a result on to somebody else: an ask of its own, decided by the policy, with a leaf, and kept on record.

The ask has the words of the use that the result came of, with `disclose` for its action and the recipient as who asked
for it: whatever a promise or a law says of that sector, "by or for", it says of this. An instrument that the recipient
shows (a warrant, a court order) is noted, and lifts nothing: what a caller says of an authority is no authority on
file. It hands nothing over itself and keeps no name. Source: docs/admission.md.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from sqlalchemy import insert, select

from countenance.domain import ids
from countenance.domain.errors import Conflict, CountenanceError, NotFound, Refused, UnknownWord
from countenance.ledger import leaf, proof
from countenance.policy import wire, words
from countenance.service import history
from countenance.service.gate import Answered, Done, Permit, Private
from countenance.storage.admission import disclosures

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from countenance.domain.decision import Ask
    from countenance.service.app import House
    from countenance.service.auth import Principal

INSTRUMENTS = (
    "none", "warrant", "court-order", "subpoena", "exigency", "judicial-authorisation", "request", "other",
)  # fmt: skip
"""By what somebody asks for records. `request`: nothing obliges."""
RESULTS = frozenset({"detect", "enrol", "verify", "identify"})
"""Actions whose answer is a result that could be handed on."""


@dataclass(frozen=True, slots=True)
class Handing:
    """What is to be handed to whom. recipient: a sector; purpose: as the result's where it is empty."""

    recipient: str
    purpose: str = ""
    instrument: str = "none"


@dataclass(frozen=True, slots=True)
class Disclosure:
    """A result that was handed on, or was not (verdict `deny`). decision: the index of the result's leaf."""

    id: str
    created: str
    decision: int
    recipient: str
    purpose: str
    instrument: str
    verdict: str
    index: int


def disclose(house: House, who: Principal, index: int, handing: Handing) -> Answered[str]:
    """Ask whether one of the caller's own results may be handed on; the id of the record.

    Raises UnknownWord before anything is asked; Refused, which is on record too; NotFound for a leaf that is not the
    caller's, Conflict for one without a result.
    """
    if handing.instrument not in INSTRUMENTS:
        raise UnknownWord("this is no instrument", next_step=f"Known are: {', '.join(INSTRUMENTS)}.")
    if handing.recipient not in words.SECTORS:
        raise UnknownWord("this is no sector", next_step=f"Known are: {', '.join(words.SECTORS)}.")
    ask, about, problem = _found(house, who, index, handing)
    row = {
        "id": ids.new("disclosure"), "customer_id": who.customer.id, "created": ids.utc(house.now()),
        "decision": index, "sector": handing.recipient, "purpose": ask.purpose, "instrument": handing.instrument,
    }  # fmt: skip

    def work(_: Permit) -> Done[str]:
        return Done(str(row["id"]), "disclosed", effect=lambda _: None, keep=keep)

    def keep(connection: Connection, answered: Answered[str]) -> None:
        connection.execute(insert(disclosures), {**row, "verdict": "allow", "leaf_index": answered.index})

    try:
        return house.gate.run(who, ask, work, about=about, problem=problem)
    except Refused as refused:
        _keep_refused(house, row, refused)
        raise


def listed(house: House, who: Principal, index: int) -> tuple[Disclosure, ...]:
    """What was asked to be handed on of one of the caller's results, oldest first. Raises NotFound."""
    history.receipt(house, who, index)
    its = disclosures.c
    query = select(disclosures).where(its.customer_id == who.customer.id, its.decision == index)
    with house.database.read() as connection:
        rows = connection.execute(query.order_by(its.leaf_index)).all()
    return tuple(
        Disclosure(
            row.id, row.created, row.decision, row.sector, row.purpose, row.instrument, row.verdict, row.leaf_index
        )
        for row in rows
    )


def _found(house: House, who: Principal, index: int, handing: Handing) -> tuple[Ask, Private, CountenanceError | None]:
    """The ask, what its leaf is about, and why there is nothing to hand on."""
    about = Private(who.customer.id, who.grant.id, who.key)
    grant = who.grant
    least = who.customer.ask(
        "disclose", purpose=handing.purpose or min(grant.purposes), mode=min(grant.modes), place=min(grant.places),
        requested_by=frozenset({handing.recipient}),
    )  # fmt: skip
    try:
        held = proof.read_receipt(history.receipt(house, who, index).encode())
    except NotFound as missing:
        return least, about, missing
    opened, closed = leaf.parse(held.proof.extra).open, leaf.parse_canonical(held.closed)
    if not _has_result(opened):
        return least, about, Conflict("this leaf has no result that could be handed on", next_step="Name another.")
    about = replace(about, collection=str(closed["collection"]), subject=str(closed["subject"]))
    return _of_result(who, opened, handing), about, None


def _has_result(opened: dict[str, Any]) -> bool:
    if opened["kind"] != "decision" or opened["verdict"] != "allow" or opened["outside-policy"]:
        return False
    return opened["ask"]["action"] in RESULTS


def _of_result(who: Principal, opened: dict[str, Any], handing: Handing) -> Ask:
    """The ask of a result, handed on: its use as it was, its customer as it is now."""
    was = wire.ask_of(opened["ask"])
    use = {name: getattr(was, name) for name in ("mode", "place", "camera", "probe", "capture", "minors")}
    return who.customer.ask(
        "disclose", purpose=handing.purpose or was.purpose, legal_effect=was.legal_effect,
        requested_by=was.requested_by | {handing.recipient}, **use,
    )  # fmt: skip


def _keep_refused(house: House, row: dict[str, Any], refused: Refused) -> None:
    index = proof.read_receipt(refused.receipt.encode()).proof.index
    with house.database.begin() as connection:
        connection.execute(insert(disclosures), {**row, "verdict": "deny", "leaf_index": index})
