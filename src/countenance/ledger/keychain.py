"""From one pinned key of a log to its later ones: a new key counts only where a leaf under a known key announces it.

An announcement is a tlog-proof of a leaf of the kind `log-key`, under a checkpoint that the key before it signed; the
log publishes them as `keys/1`, `keys/2`, ... A key that comes any other way is not believed. It asks nobody and reads
no file. What it can't see: whether who announced a key had stolen the one before. Source: docs/witness.md.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from countenance.domain.errors import BadRecord, Unverified
from countenance.ledger import publish
from countenance.ledger.note import Verifier
from countenance.ledger.proof import Receipt, TlogProof, VerifiedReceipt, verify_receipt

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

KIND = "log-key"
MOST = publish.MOST_KEYS
"""Announcements read at most."""

MAX_ANNOUNCEMENT = 1 << 16
"""Bytes of an announcement at most."""


def learned(pinned: Sequence[Verifier], announcements: Iterable[bytes]) -> tuple[Verifier, ...]:
    """The pinned keys and those that follow from them, in order. What a known key did not sign is passed over.

    Raises Unverified for what is no announcement, or is one of another log's key.
    """
    known = tuple(pinned)
    for count, raw in enumerate(announcements, start=1):
        if count > MOST:
            raise Unverified(f"more than {MOST} keys of a log are announced")
        parsed = _parsed(raw)
        if not _signed_by(parsed, known):
            continue
        after, _ = announced(parsed, known)
        if after not in known:
            known = (*known, after)
    return known


def announced(proof: TlogProof, known: Sequence[Verifier]) -> tuple[Verifier, VerifiedReceipt]:
    """The key that a proven leaf announces, and the leaf. Raises Unverified unless it holds under a known key."""
    found = verify_receipt(Receipt(proof), known)
    if found.leaf.kind != KIND:
        raise Unverified(f"a key is announced by a leaf of kind {KIND}, not by one of kind {found.leaf.kind}")
    after = Verifier.from_vkey(str(found.leaf.open["vkey"]))
    if after.name != found.checkpoint.origin:
        raise Unverified("the announced key is of another log")
    return after, found


def _parsed(raw: bytes) -> TlogProof:
    if len(raw) > MAX_ANNOUNCEMENT:
        raise Unverified("the announcement of a key is too long")
    try:
        return TlogProof.parse(raw)
    except BadRecord as error:
        raise Unverified(f"this announces no key: {error.message}") from None


def _signed_by(proof: TlogProof, known: Sequence[Verifier]) -> bool:
    """Whether any line under its checkpoint says that it is of a known key; `announced` then has it hold."""
    from countenance.ledger import note

    try:
        lines = note.parse(proof.checkpoint).signatures
    except BadRecord as error:
        raise Unverified(f"this announces no key: {error.message}") from None
    return any((line.name, line.key_id) == (key.name, key.id) for line in lines for key in known)
