"""A witness of one's own, for another provider's log: its key, made once and sealed, and its folders.

The key is sealed under a master key that lies outside the witness's folder, as a house's keys are. A witness shares
neither folder nor key with a house: who runs the log must not be who vouches for it. It is never restored from a copy:
one that forgot what it cosigned could cosign a second history, so it is retired instead. Source: docs/witness.md.
"""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING

from countenance.domain.errors import Conflict, NotInitialised
from countenance.ledger import memory
from countenance.ledger.cosignature import Cosigner
from countenance.service.founding import SEED_SIZE, check_origin, wall_clock
from countenance.storage import files
from countenance.storage.vault import Vault

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime
    from pathlib import Path

    from countenance.config import Settings

LABEL = "witness"
SEALED, VKEY = "witness.sealed", "witness.vkey"
SEALED_LIMIT = 4096  # bytes


def begin(where: Settings, name: str) -> Cosigner:
    """Make a witness. name: such as witness.example.org/w1. Raises BadInput, Conflict where the folder is taken."""
    check_origin(name)
    if (where.data / SEALED).exists() or where.log_vkey.exists():
        raise Conflict(
            "there is a witness or a house in this folder already",
            next_step="Name another folder with --data; a witness shares none with a house.",
        )
    files.make_private_folder(where.data)
    if not where.master_key.exists():
        files.make_private_folder(where.keys)
        Vault.create_master_key(where.master_key)
    seed = secrets.token_bytes(SEED_SIZE)
    made = Cosigner.from_seed(name, seed)
    sealed = Vault.read(where.master_key).seal(name.encode() + b"\n" + seed, label=LABEL)
    files.write_private(where.data / VKEY, made.verifier.vkey.encode() + b"\n", what="the witness's public key")
    files.create_private(where.data / SEALED, sealed, what="the witness's sealed key")
    return made


def signer(where: Settings) -> Cosigner:
    """The witness's key, unsealed. Raises NotInitialised, MissingMasterKey, WrongMasterKey or StorageDamaged."""
    if not (where.data / SEALED).exists():
        raise NotInitialised(
            "there is no witness in this folder", next_step="Make one with `countenance witness init NAME`."
        )
    sealed = files.read_private(where.data / SEALED, SEALED_LIMIT, what="the witness's sealed key")
    name, _, seed = Vault.read(where.master_key).open(sealed, label=LABEL).partition(b"\n")
    return Cosigner.from_seed(name.decode(), seed)


def folder(where: Settings) -> Path:
    """Where it keeps what it remembers. Raises NotInitialised."""
    if not (where.data / SEALED).exists():
        signer(where)
    return where.data


def opened(where: Settings, clock: Callable[[], datetime] = wall_clock) -> memory.Memory:
    """The witness, ready to cosign. Raises as `signer`; LogLocked where it runs already."""
    return memory.Memory.open(where.data, signer(where), clock=clock)
