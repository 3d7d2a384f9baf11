"""What is sealed at rest, and the keys it is sealed under.

    master key (a file outside the data folder)
    ├── check value         tells a wrong master key from damage; in the database, says nothing about the key
    ├── server key          seals the server's own secrets, each under its label
    ├── digest keys         one for each label: keyed digests for look-up
    └── wrapping key        seals one random key for each customer
        └── customer key
            ├── template key    seals templates (gallery.faces)
            ├── record key      seals names and other records
            └── digest key      keyed digests for look-up

Each key has one use: HKDF-SHA-256 (RFC 5869) separates them. Sealing is AES-256-GCM (NIST SP 800-38D) with a
random 96-bit nonce, so one key may seal 2^32 times; the associated data binds a sealed value to its place, so
that a row moved or altered does not open. The vault never writes a key in the clear but for the master
key's own file, and never shows one in `repr` or an error.
"""

from __future__ import annotations

import hmac
import re
import secrets
from typing import TYPE_CHECKING, Self

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from sqlalchemy import exists, insert, select

from countenance.domain.errors import (
    BadInput,
    CountenanceError,
    Misconfigured,
    MissingMasterKey,
    StorageDamaged,
    WrongMasterKey,
)
from countenance.storage import files
from countenance.storage.tables import customers, server

if TYPE_CHECKING:
    from pathlib import Path

    from countenance.storage.db import Database

KEY_SIZE = 32  # bytes: AES-256, and HMAC-SHA-256 at full strength
NONCE_SIZE = 12  # bytes: SP 800-38D, 8.2.2
TAG_SIZE = 16  # bytes
VERSION = b"\x01"  # first byte of all that is sealed
OVERHEAD = len(VERSION) + NONCE_SIZE + TAG_SIZE  # bytes that sealing adds

_CHECK = "master-key-check"
_FILE = re.compile(rb"\Acountenance-master-key-1:([0-9a-f]{64})\n\Z")
_FILE_LIMIT = 256  # bytes
_WHAT = "the master key"


class Seal:
    """One AES-256-GCM key. Sealed: version ‖ nonce ‖ ciphertext ‖ tag."""

    __slots__ = ("_cipher",)

    def __init__(self, key: bytes) -> None:
        self._cipher = AESGCM(key)

    def seal(self, plain: bytes, aad: bytes) -> bytes:
        nonce = secrets.token_bytes(NONCE_SIZE)
        return VERSION + nonce + self._cipher.encrypt(nonce, plain, aad)

    def open(self, sealed: bytes, aad: bytes) -> bytes | None:
        """The plain bytes, or None where key, sealed bytes and associated data do not belong together."""
        if len(sealed) < OVERHEAD or sealed[:1] != VERSION:
            return None
        try:
            return self._cipher.decrypt(sealed[1 : 1 + NONCE_SIZE], sealed[1 + NONCE_SIZE :], aad)
        except InvalidTag:
            return None

    def open_into(self, sealed: bytes, aad: bytes, room: memoryview) -> bool:
        """Open into `room`, which must have exactly the plain bytes' size; False as `open` is None.

        The clear bytes exist nowhere but there; where it fails, `room` holds nothing of them.
        """
        if len(sealed) != OVERHEAD + room.nbytes or sealed[:1] != VERSION:
            return False
        try:
            self._cipher.decrypt_into(sealed[1 : 1 + NONCE_SIZE], sealed[1 + NONCE_SIZE :], aad, room)
        except InvalidTag:
            room[:] = bytes(room.nbytes)  # the cipher wrote before it knew
            return False
        return True


class CustomerKey:
    """The key of one customer, unwrapped. Keep it for one request, no longer."""

    __slots__ = ("_digests", "_records", "templates")

    templates: Seal

    def __init__(self, key: bytes) -> None:
        self.templates = Seal(_derive(key, "templates"))
        self._records = Seal(_derive(key, "records"))
        self._digests = _derive(key, "digests")

    def seal(self, plain: bytes, aad: bytes) -> bytes:
        """`plain` sealed to this customer and to `aad`, which must name the place where it will lie."""
        return self._records.seal(plain, aad)

    def open(self, sealed: bytes, aad: bytes) -> bytes:
        """Raises StorageDamaged where it was altered, moved from its place, or is another customer's."""
        plain = self._records.open(sealed, aad)
        if plain is None:
            raise StorageDamaged("A sealed record was altered or moved.")
        return plain

    def digest(self, content: bytes) -> bytes:
        """32 bytes that find `content` again and say nothing about it to who lacks the key (HMAC-SHA-256)."""
        return hmac.digest(self._digests, content, "sha256")


class Vault:
    """Everything under one master key. Thread-safe."""

    __slots__ = ("_check", "_digests", "_file", "_known", "_server", "_wrapping")

    def __init__(self, master: bytes, *, file: Path | None = None) -> None:
        """master: 32 secret bytes. file: where they were read from, which must not be in the data folder."""
        if len(master) != KEY_SIZE:
            raise BadInput(f"A master key has {KEY_SIZE} bytes.")
        self._file = file
        self._check = _derive(master, "check")
        self._wrapping = Seal(_derive(master, "customer-keys"))
        self._server = Seal(_derive(master, "server"))
        self._digests = _derive(master, "digests")
        self._known = False

    @staticmethod
    def create_master_key(path: Path) -> None:
        """A new master key in a file of mode 0600. Raises Conflict where one lies: it is never replaced."""
        text = f"countenance-master-key-1:{secrets.token_hex(KEY_SIZE)}\n"
        files.create_private(path, text.encode(), what=_WHAT)

    @classmethod
    def read(cls, path: Path) -> Self:
        """The vault of the master key in a file that only its owner can read.

        Raises MissingMasterKey; Misconfigured where others could read it or it is no master key.
        """
        try:
            text = files.read_private(path, _FILE_LIMIT, what=_WHAT, missing=MissingMasterKey)
        except BadInput as error:
            raise _no_key() from error
        found = _FILE.match(text)
        if found is None:
            raise _no_key()
        return cls(bytes.fromhex(found.group(1).decode()), file=path)

    def remember(self, database: Database) -> None:
        """Bind a new database to this master key; for one that is bound already, as `check`."""
        self._refuse_inside(database)
        with database.begin() as connection:
            bound = connection.execute(select(exists().where(server.c.name == _CHECK))).scalar_one()
            if not bound:
                if connection.execute(select(exists(select(customers.c.id)))).scalar_one():
                    raise _no_check()
                connection.execute(insert(server), {"name": _CHECK, "value": self._check})
        self.check(database)

    def check(self, database: Database) -> None:
        """Raise WrongMasterKey unless the database was made under this master key. Call it before `open`."""
        self._refuse_inside(database)
        with database.read() as connection:
            value = connection.execute(select(server.c.value).where(server.c.name == _CHECK)).scalar()
        if value is None:
            raise _no_check()
        if not hmac.compare_digest(value, self._check):
            raise WrongMasterKey("This is not the master key that the data folder was made with.")
        self._known = True

    def new_customer_key(self, customer: str) -> bytes:
        """A fresh random key for a customer, sealed; to be stored in the customer's row and nowhere else."""
        return self._wrapping.seal(secrets.token_bytes(KEY_SIZE), _customer_aad(customer))

    def open_customer_key(self, customer: str, sealed: bytes) -> CustomerKey:
        """Raises StorageDamaged where it was altered or is another's; before `check`, WrongMasterKey."""
        key = self._wrapping.open(sealed, _customer_aad(customer))
        if key is None or len(key) != KEY_SIZE:
            raise self._does_not_open("A customer's key")
        return CustomerKey(key)

    def seal(self, plain: bytes, *, label: str) -> bytes:
        """A secret of the server itself, sealed to its label."""
        return self._server.seal(plain, label.encode())

    def open(self, sealed: bytes, *, label: str) -> bytes:
        """Raises StorageDamaged where it was altered or has another label, WrongMasterKey before `check`."""
        plain = self._server.open(sealed, label.encode())
        if plain is None:
            raise self._does_not_open("A secret of the server")
        return plain

    def digest(self, content: bytes, *, label: str) -> bytes:
        """A keyed digest of 32 bytes; the digests of two labels can't be compared."""
        return hmac.digest(hmac.digest(self._digests, label.encode(), "sha256"), content, "sha256")

    def _does_not_open(self, what: str) -> CountenanceError:
        if self._known:
            return StorageDamaged(f"{what} was altered or moved.")
        return WrongMasterKey(f"{what} does not open under this master key.")

    def _refuse_inside(self, database: Database) -> None:
        if self._file is not None and self._file.resolve().is_relative_to(database.path.parent.resolve()):
            raise Misconfigured(
                "The master key lies in the data folder, where a copy of the data is a copy of the key.",
                next_step="Move it to a folder of its own and name that with --keys.",
            )


def _derive(key: bytes, use: str) -> bytes:
    """One key for one use. The input is uniformly random, so HKDF needs no salt (RFC 5869, 3.1)."""
    return HKDF(SHA256(), KEY_SIZE, salt=None, info=f"countenance/1/{use}".encode()).derive(key)


def _customer_aad(customer: str) -> bytes:
    return f"customer-key\n{customer}".encode()


def _no_key() -> Misconfigured:
    return Misconfigured("The file for the master key does not hold one.")


def _no_check() -> StorageDamaged:
    return StorageDamaged("The database does not say which master key it was made with.")
