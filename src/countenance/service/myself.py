"""A lone operator: provider and customer in one person, in one step.

What one person alone can't promise is said aloud: nobody else checks the facts, approves changes or witnesses the
log. The policy is the same, and so is the gate.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from countenance.service import admit, auth, people
from countenance.service.application import Application, Verification
from countenance.storage import files

if TYPE_CHECKING:
    from collections.abc import Sequence

    from countenance.service.admit import Admitted
    from countenance.service.app import House
    from countenance.service.people import Collection

CANNOT_PROMISE = (
    "that your facts are true: you declared them to yourself, and nobody checked",
    "that a change of policy had two approvers: there is one of you",
    "that the log was never rewritten: until others hold its checkpoints or witness it, you could start it again",
)
COLLECTION = "me"


@dataclass(frozen=True, slots=True)
class Alone:
    """What a lone operator got. The key is kept in the keys folder, readable by its owner only."""

    admitted: Admitted
    collection: Collection
    cannot_promise: tuple[str, ...]


def settle_in(house: House, purposes: Sequence[str], country: str, region: str = "") -> Alone:
    """Admit the operator as an individual; the collection is for the first purpose; the key goes to `own_key`."""
    until = (house.now() + timedelta(days=365)).date()
    verification = Verification("own-machine", "the operator's own machine and keys", "the operator", until)
    application = Application(
        name="the operator", sector="individual", country=country, region=region, purposes=frozenset(purposes),
        contact="the operator", attested_by="the operator", verification=verification,
    )  # fmt: skip
    admitted = admit.apply(house, application)
    who = auth.authenticate(house.database, admitted.key)
    collection = people.create_collection(house, who, COLLECTION, purposes[0])
    files.write_private(house.settings.own_key, admitted.key.encode() + b"\n", what="your own key")
    return Alone(admitted, collection, CANNOT_PROMISE)
