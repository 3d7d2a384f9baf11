"""What the house says of its log and its witnesses, and a leaf's proof under a checkpoint that they cosigned.

The proof is public, as the leaf is: a receipt's holder comes back with its index and gets what witnesses vouch for,
without the closed part, which stays with the holder. Unwitnessed, there is none. Source: C2SP tlog-proof.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from countenance.domain.errors import BadInput, BadRecord, NotFound
from countenance.ledger import checkpoint, durable
from countenance.ledger.published import Tree
from countenance.service import rotation

if TYPE_CHECKING:
    from countenance.service.app import House


def log(house: House) -> dict[str, Any]:
    """The document of GET /v1/log."""
    held, found = house.log, house.witnesses.witnessed
    return {
        "origin": held.verifier.name, "vkey": held.verifier.vkey, "size": held.size,
        "keys": [raw.decode() for raw in rotation.announcements(house.settings)],
        "state": "witnessed" if found else "unwitnessed",
        "witnesses": list(house.witnesses.names), "quorum": house.witnesses.quorum,
        "witnessed": found and {
            "size": found.head.size, "by": list(found.by), "at": found.at, "checkpoint": found.note.decode(),
        },
    }  # fmt: skip


def proof(house: House, index: str) -> bytes:
    """The tlog-proof of a leaf in the newest cosigned checkpoint. Raises NotFound, LogUnavailable, LogDamaged."""
    found = house.witnesses.witnessed
    try:
        number = checkpoint.number(index)
    except BadRecord:
        raise NotFound("a leaf is named by its index, in plain digits") from None
    if found is None or number >= found.head.size:
        raise NotFound(
            "no checkpoint that witnesses cosigned holds this leaf yet",
            next_step="Ask again in a minute; GET /v1/log says how far witnesses have come.",
        )
    try:
        with durable.disk_errors():
            return Tree(house.settings.ledger, found.head.size).prove(number, found.note).encode()
    except BadInput as error:
        raise NotFound(error.message) from None
