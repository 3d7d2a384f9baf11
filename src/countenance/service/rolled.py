"""A checkpoint or receipt that somebody shows the log: either the log holds it, or it signs nothing any more.

What is shown is signed by the log's own key, so nobody can make it up: that it is newer than the log, or of another
history, means that this log was rolled back or that its key signs elsewhere. `show` is asked of an open house, by
anybody; `show_closed` of the folders, beside a running server or without one. Source: docs/witness.md.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING

from countenance.domain.errors import BadInput, BadRecord, LogDamaged, LogRolledBack, Unverified
from countenance.ledger import durable, merkle, newer, publish
from countenance.ledger.checkpoint import Checkpoint, open_checkpoint
from countenance.ledger.proof import MAX_LINE, read_receipt
from countenance.ledger.published import Tree
from countenance.ledger.recovery import recover
from countenance.service import founding, rotation
from countenance.storage.vault import Vault

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import datetime

    from countenance.config import Settings
    from countenance.ledger.note import Verifier
    from countenance.ledger.recovery import Recovered
    from countenance.service.app import House

LOG = logging.getLogger("countenance.log")
BY = "somebody"


@dataclass(frozen=True, slots=True)
class Held:
    """What was shown is of this log's one history. shown: leaves under it; size: leaves of the log."""

    shown: int
    size: int


def show(house: House, raw: bytes) -> Held:
    """Show an open house a checkpoint or a receipt. Raises BadInput for neither, LogRolledBack where it is not held."""
    head = signed_head(raw, house.signers.verifiers)
    size = house.log.size
    if head.size > size:
        raise _stopped(house, head)
    if head.size > _published(house):
        house.log.publish()  # what was signed a moment ago
    if Tree(house.settings.ledger, _published(house)).root(head.size) != head.root:
        raise _stopped(house, head)
    return Held(head.size, size)


def show_closed(settings: Settings, raw: bytes, clock: Callable[[], datetime]) -> Held:
    """The same of a house's folders. A running server stops within seconds, a later one does not open."""
    founding.require(settings)
    known = rotation.signers(settings, Vault.read(settings.master_key), clock).verifiers
    head = signed_head(raw, known)
    found = _recovered(settings, known)
    if head.size > found.edge.size or merkle.mth(0, head.size, found.edge.node) != head.root:
        claim = _claim(head)
        newer.keep(settings.log_state, claim)
        raise LogRolledBack(claim.says)
    return Held(head.size, found.edge.size)


def look(house: House) -> None:
    """Stop signing where another process has kept a claim (`show_closed`). Raises LogDamaged, LogUnavailable."""
    claim = newer.read(house.settings.log_state)
    if claim is not None:
        house.signers.stop(LogRolledBack(claim.says))


def signed_head(raw: bytes, known: Sequence[Verifier]) -> Checkpoint:
    """The checkpoint in these bytes, which are one or a receipt of any form. Raises BadInput."""
    if len(raw) > MAX_LINE:
        raise BadInput("a receipt or checkpoint is shorter than this")
    try:
        signed = read_receipt(raw).proof.checkpoint
    except BadRecord:
        signed = raw
    try:
        return open_checkpoint(signed, known)
    except (BadRecord, Unverified) as error:
        raise BadInput(
            f"this is neither a checkpoint nor a receipt of this log: {error.message}",
            next_step="Show one that this log signed, as it was given.",
        ) from None


def _recovered(settings: Settings, known: Sequence[Verifier]) -> Recovered:
    """Read twice where the first reading fails: a server may have begun a new segment in the middle of it."""
    with durable.disk_errors():
        try:
            return recover(settings.ledger, settings.log_state, known)
        except (LogDamaged, FileNotFoundError):
            return recover(settings.ledger, settings.log_state, known)


def _published(house: House) -> int:
    with durable.disk_errors():
        signed = (house.settings.ledger / publish.CHECKPOINT).read_bytes()
    return open_checkpoint(signed, house.signers.verifiers).size


def _stopped(house: House, head: Checkpoint) -> LogRolledBack:
    claim = _claim(head)
    error = LogRolledBack(claim.says)
    house.signers.stop(error)
    LOG.critical("SIGNING HAS STOPPED: %s", claim.says)
    newer.keep(house.settings.log_state, claim)
    return error


def _claim(head: Checkpoint) -> newer.Claim:
    return newer.Claim(head.size, head.root, BY)
