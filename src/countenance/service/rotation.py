"""A new signing key for the log: made, announced under the old one, for a while beside it, then alone.

    1. made        sealed like the first, in log-keys.sealed (`begin`); a running house sees it within seconds
    2. announced   a leaf of the kind `log-key`, in a checkpoint that the old key alone signed; its proof is published
                   as keys/1, keys/2, ..., for whoever knows the old key to learn the new one from
    3. both sign   every checkpoint, until the time that the leaf states
    4. alone       the old key is dropped: remembered as one that signed, its private half overwritten
    5. settled     log.sealed and log.vkey are the new key's

Killed after any step, the same lines go on from there at the next start. A crash between leaf and proof announces the
key once more. What the old key signed verifies under it for ever. Source: docs/witness.md; C2SP signed-note.
"""

from __future__ import annotations

import json
import secrets
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from countenance.domain import ids
from countenance.domain.errors import BadInput, BadRecord, Conflict, StorageDamaged, Unverified
from countenance.ledger import durable, keychain, leaf, publish
from countenance.ledger.note import Signer
from countenance.ledger.proof import Receipt, TlogProof
from countenance.ledger.signers import Signers, keys_of
from countenance.service import founding
from countenance.service.gate import Private
from countenance.storage import files
from countenance.storage.vault import Vault

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from countenance.config import Settings
    from countenance.ledger.note import Verifier
    from countenance.service.app import House

LABEL = "log-keys"
LIMIT = 1 << 16  # bytes of the sealed file
LEAST_DAYS, MOST_DAYS, DAYS = 1, 366, 30


@dataclass(frozen=True, slots=True)
class Keys:
    """What log-keys.sealed holds. past: vkeys; seed: of the next key, or empty; days: for which both will sign."""

    past: tuple[str, ...] = ()
    seed: bytes = b""
    days: int = 0

    def after(self, name: str) -> Signer:
        return Signer.from_seed(name, self.seed)

    def before(self, current: Signer) -> tuple[str, ...]:
        """Those that signed before the current key, which may be listed already where step 4 was interrupted."""
        return tuple(vkey for vkey in self.past if vkey != current.vkey)


def begin(settings: Settings, days: int = DAYS, disk: files.Disk = files.DISK) -> Signer:
    """Step 1. days: for which both keys will sign. Raises BadInput, Conflict where one is under way, NotInitialised."""
    founding.require(settings)
    if not LEAST_DAYS <= days <= MOST_DAYS:
        raise BadInput(f"both keys sign for {LEAST_DAYS} to {MOST_DAYS} days")
    vault = Vault.read(settings.master_key)
    current, keys = founding.signer(settings, vault, "log"), read(settings, vault)
    if keys.seed:
        raise Conflict("a new key is taking over already", next_step="Wait until it signs alone: `GET /v1/log`.")
    if len(keys.past) + 1 >= keychain.MOST:
        raise Conflict(f"a log has at most {keychain.MOST} keys")
    made = replace(keys, seed=secrets.token_bytes(founding.SEED_SIZE), days=days)
    _write(settings, vault, made, disk)
    return made.after(current.name)


def signers(settings: Settings, vault: Vault, clock: Callable[[], datetime], past: Sequence[Verifier] = ()) -> Signers:
    """The log's keys as they stand. past: of which the caller knows besides.

    Raises StorageDamaged, WrongMasterKey, MissingMasterKey, ...
    """
    current, keys = founding.signer(settings, vault, "log"), read(settings, vault)
    before = dict.fromkeys((*(key for key in past if key != current.verifier), *keys_of(keys.before(current))))
    found = Signers(current, clock, tuple(before))
    if keys.seed and keys.after(current.name).verifier != current.verifier:
        until = _announced(settings, keys.after(current.name).verifier, found.verifiers)
        if until is not None:
            found.announced(keys.after(current.name), until)
    return found


def remember(settings: Settings, vault: Vault, found: Signers) -> None:
    """Keep which keys signed before, where the sealed file that said so was lost (restore.py)."""
    if not (settings.log_state / founding.KEYS_SEALED).exists():
        past = tuple(key.vkey for key in found.verifiers if key != found.verifier)
        _write(settings, vault, Keys(past), files.DISK)


def advance(house: House, disk: files.Disk = files.DISK, public: durable.Disk | None = None) -> None:
    """Whatever of steps 2 to 5 is due. Raises LogUnavailable and what writing a file may come to."""
    settings, vault = house.settings, house.vault
    keys = read(settings, vault)
    if not keys.seed:
        return
    current = founding.signer(settings, vault, "log")
    after = keys.after(current.name)
    if after.verifier == current.verifier:
        _settle(settings, vault, keys, current, disk)
        return
    until = _announced(settings, after.verifier, house.signers.verifiers)
    if until is None:
        until = _announce(house, keys.days, after.verifier, public or durable.Disk())
    house.signers.announced(after, until)
    if house.now() >= until:
        _succeed(house, keys, current, after, disk)


def announcements(settings: Settings) -> tuple[bytes, ...]:
    """Every published announcement of a key, oldest first."""
    return publish.announcements(settings.ledger)


def read(settings: Settings, vault: Vault) -> Keys:
    """What is known of other keys than the current one. Raises StorageDamaged, WrongMasterKey."""
    path = settings.log_state / founding.KEYS_SEALED
    if not path.exists():
        return Keys()
    raw = vault.open(files.read_private(path, LIMIT, what="the sealed keys of the log"), label=LABEL)
    found = json.loads(raw)
    return Keys(tuple(found["past"]), bytes.fromhex(found["seed"]), int(found["days"]))


def _write(settings: Settings, vault: Vault, keys: Keys, disk: files.Disk) -> None:
    text = json.dumps({"past": keys.past, "seed": keys.seed.hex(), "days": keys.days})
    sealed = vault.seal(text.encode(), label=LABEL)
    files.write_private(settings.log_state / founding.KEYS_SEALED, sealed, what="the sealed keys of the log", disk=disk)


def _announced(settings: Settings, after: Verifier, known: Sequence[Verifier]) -> datetime | None:
    """Until when the old key signs, from the published announcement; None where there is none yet."""
    for raw in reversed(announcements(settings)):
        try:
            given = TlogProof.parse(raw)
            if leaf.parse(given.extra).open.get("vkey") != after.vkey:
                continue
            _, found = keychain.announced(given, known)
        except (BadRecord, Unverified) as error:
            raise StorageDamaged(f"the published announcement of a key does not hold: {error.message}") from None
        return datetime.fromisoformat(str(found.leaf.open["until"]))
    return None


def _announce(house: House, days: int, after: Verifier, disk: durable.Disk) -> datetime:
    """Step 2."""
    until = (house.now() + timedelta(days=days)).astimezone(UTC).replace(minute=0, second=0, microsecond=0)
    words: dict[str, leaf.Json] = {"vkey": after.vkey, "until": ids.utc(until)}
    _, line = house.gate.note(keychain.KIND, words, Private(), "announced")
    folder, number = house.settings.ledger / publish.KEYS, len(announcements(house.settings)) + 1
    history = dict.fromkeys([*(key.vkey for key in house.signers.verifiers), after.vkey])
    with durable.disk_errors():
        durable.make_folder(disk, folder, mode=durable.PUBLIC_FOLDER)
        text = "".join(f"{vkey}\n" for vkey in history).encode()
        durable.put(disk, house.settings.ledger / publish.HISTORY, text, mode=durable.PUBLIC_FILE)
        proof = Receipt.from_line(line).proof.encode()
        durable.put(disk, folder / str(number), proof, mode=durable.PUBLIC_FILE)
    return until


def _succeed(house: House, keys: Keys, current: Signer, after: Signer, disk: files.Disk) -> None:
    """Steps 4 and 5. The old key is on the list of those that signed before the new one is the only one."""
    settings, vault = house.settings, house.vault
    past = (*keys.before(current), current.vkey)
    _write(settings, vault, replace(keys, past=past), disk)
    founding.replace_signer(settings, vault, after, keys.seed, disk)
    house.signers.succeeded()
    _settle(settings, vault, replace(keys, past=past), after, disk)


def _settle(settings: Settings, vault: Vault, keys: Keys, current: Signer, disk: files.Disk) -> None:
    """Step 5: the public key, then nothing is under way any more."""
    raw = current.vkey.encode() + b"\n"
    files.write_private(settings.log_vkey, raw, what="the log's public key", disk=disk)
    _write(settings, vault, Keys(keys.past), disk)
