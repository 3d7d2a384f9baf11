"""What a leaf undoes, said so that this house can undo it again and nobody else learns whom it was about.

A leaf of an erasure, a withdrawal or a revocation carries keyed digests of the ids that it undid: HMAC-SHA-256 under a
key that only the master key leads to, with a label for each kind. Ids are random and each is undone once, so to an
outsider a digest is a random value that occurs once and links to nothing. Whoever restores a backup has the key and
the ids, and finds the rows. It never writes an id into a leaf. Source: docs/adr/0062-backups-and-the-ledger.md.
"""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING

from countenance.ledger.leaf import MAX_UNDONE
from countenance.service import owed
from countenance.service.gate import Done

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from sqlalchemy import Connection

    from countenance.ledger.leaf import Json
    from countenance.service.app import House
    from countenance.service.gate import Private
    from countenance.storage.vault import Vault


def digest(vault: Vault, kind: str, what: str) -> str:
    """What a leaf of this kind says of one id: base64 of 32 bytes."""
    return base64.b64encode(vault.digest(what.encode(), label=f"undone:{kind}")).decode()


def undoes(vault: Vault, kind: str, undone: Sequence[str]) -> dict[str, Json]:
    """The words of one leaf that undoes these ids, at most MAX_UNDONE of them."""
    return {"undoes": [*sorted(digest(vault, kind, what) for what in undone)]}


def shares(undone: Sequence[str]) -> list[Sequence[str]]:
    """The ids of one deed, parted as its leaves can carry them."""
    return [undone[at : at + MAX_UNDONE] for at in range(0, len(undone), MAX_UNDONE)]


def owe(connection: Connection, house: House, of: str, ended: str, about: Private) -> int:
    """Note the leaf that a key, a grant or an account was ended, in the transaction that ends it; the debt's number."""
    words: dict[str, Json] = {"of": of, **undoes(house.vault, "revocation", (ended,))}
    return owed.owe(connection, "revocation", words, about, "revoked", house.now())


def ending(
    house: House, of: str, ended: str, outcome: str, about: Private, effect: Callable[[Connection], None]
) -> Done[str]:
    """An administrative act that ends one: beside the leaf of the act a `revocation`, so that a restore knows of it."""
    debts: list[int] = []

    def both(connection: Connection) -> None:
        effect(connection)
        debts.append(owe(connection, house, of, ended, about))

    def settled() -> None:
        for debt in debts:
            owed.pay_one(house, debt)

    return Done(ended, outcome, effect=both, settled=settled, about=about)
