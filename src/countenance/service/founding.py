"""Founding a house: the data folder, the master key outside it, the log and its first leaf.

1. the folders             private to their owner; an existing house is refused, never overwritten
2. the master key          made outside the data folder, or taken where one lies
3. the database            with the check value of that key
4. three signing keys      log, certificates, approvals: each its own, sealed under the master key
5. the log                 empty, with its first signed checkpoint
-- from here on the folder is a house; whatever was interrupted before is removed and begun again
6. the public keys         `log.vkey` and `certificate.vkey`, for everybody
"""

from __future__ import annotations

import secrets
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from countenance.domain.errors import BadInput, Conflict, HalfRestored, NotInitialised
from countenance.ledger.log import Log
from countenance.ledger.note import Signer
from countenance.storage import db, files
from countenance.storage.vault import Vault

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from countenance.config import Settings

SIGNATURES = ("log", "certificate", "approval")
KEYS_SEALED = "log-keys.sealed"
"""Beside log.sealed: the log's keys before, and the next one while it takes over (rotation.py)."""
SEED_SIZE = 32  # bytes of an Ed25519 seed (RFC 8032)


def wall_clock() -> datetime:
    """Now, in UTC."""
    return datetime.now(UTC)


def found(settings: Settings, origin: str, *, clock: Callable[[], datetime] = wall_clock) -> None:
    """Make a house. origin: the log's name, such as `faces.example.com/log` (C2SP tlog-checkpoint)."""
    check_origin(origin)
    if settings.log_vkey.exists() or settings.restoring.exists():
        raise Conflict("there is a house in this data folder already", next_step="Name another folder with --data.")
    files.make_private_folder(settings.data)
    files.make_private_folder(settings.log_state)
    vault = _vault(settings)
    with db.open(settings.database) as database:
        vault.remember(database)
    signers = {use: _make_signer(settings, vault, origin, use) for use in SIGNATURES}
    Log.create(settings.ledger, settings.log_state, signers["log"], clock=clock).close()
    _publish(settings.data / "certificate.vkey", signers["certificate"])
    _publish(settings.log_vkey, signers["log"])


def require(settings: Settings) -> None:
    """Raise NotInitialised where there is no house, HalfRestored where a restore did not end."""
    if settings.restoring.exists():
        raise HalfRestored("a restore of this house was begun and did not end")
    if not settings.log_vkey.exists():
        raise NotInitialised("there is no house in this data folder")


def signer(settings: Settings, vault: Vault, use: str) -> Signer:
    """The signing key for one use, unsealed."""
    sealed = files.read_private(_sealed(settings, use), 4096, what=f"the sealed {use} key")
    name, _, seed = vault.open(sealed, label=f"signer:{use}").partition(b"\n")
    return Signer.from_seed(name.decode(), seed)


def replace_signer(settings: Settings, vault: Vault, after: Signer, seed: bytes, disk: files.Disk) -> None:
    """Let the log's next key be its only one (rotation.py)."""
    sealed = vault.seal(after.name.encode() + b"\n" + seed, label="signer:log")
    files.write_private(_sealed(settings, "log"), sealed, what="the sealed log key", disk=disk)


def _vault(settings: Settings) -> Vault:
    if not settings.master_key.exists():
        files.make_private_folder(settings.keys)
        Vault.create_master_key(settings.master_key)
    return Vault.read(settings.master_key)


def _make_signer(settings: Settings, vault: Vault, origin: str, use: str) -> Signer:
    name = origin if use == "log" else f"{origin}/{use}"
    seed = secrets.token_bytes(SEED_SIZE)
    sealed = vault.seal(name.encode() + b"\n" + seed, label=f"signer:{use}")
    files.write_private(_sealed(settings, use), sealed, what=f"the sealed {use} key")
    return Signer.from_seed(name, seed)


def _publish(path: Path, of: Signer) -> None:
    files.write_private(path, of.vkey.encode() + b"\n", what="a public key")


def _sealed(settings: Settings, use: str) -> Path:
    return settings.log_state / f"{use}.sealed"


def check_origin(origin: str) -> None:
    """Raise BadInput unless this can be the name of a log or a witness."""
    if not origin.isascii() or not origin.isprintable() or not 0 < len(origin) <= 200 or {" ", "+"} & set(origin):
        raise BadInput(
            "the origin is not a log's name",
            next_step="Use 1 to 200 ASCII characters without spaces or '+', such as faces.example.com/log.",
        )
