"""Signed notes: text under one or more Ed25519 signatures, and the keys that make and check them.

`Signer` holds a private key and never shows it; `Verifier` is the public half, written as a vkey,
`<name>+<key id>+<base64 key>`. Opening a note checks every signature of the known keys and skips, without an
error, lines of keys and algorithms that it does not know (that is how witnesses' cosignatures travel).
Source: C2SP signed-note, https://c2sp.org/signed-note; Ed25519 is RFC 8032.
"""

from __future__ import annotations

import base64
import binascii
import re
from dataclasses import dataclass, field
from hashlib import sha256
from typing import TYPE_CHECKING, Protocol

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from countenance.domain.errors import BadRecord, Unverified

if TYPE_CHECKING:
    from collections.abc import Sequence

ED25519 = b"\x01"
"""The signature type of plain Ed25519 note signatures."""

MAX_SIGNATURES = 100
"""Signature lines read at most. The specification asks for at least 16."""

MAX_NOTE = 1 << 20
"""Bytes of a note read at most; post-quantum cosignatures come to 5 kB each."""

_DASH = "\u2014 "
_VKEY = re.compile(r"(?P<name>[^+\s]+)\+(?P<id>[0-9a-f]{8})\+(?P<key>[A-Za-z0-9+/]+={0,2})")


@dataclass(frozen=True, slots=True)
class Verifier:
    """A public key: its name, its 4-byte id and the 32 bytes of RFC 8032."""

    name: str
    key: bytes
    id: bytes
    _public: Ed25519PublicKey = field(repr=False, compare=False)

    @classmethod
    def from_key(cls, name: str, key: bytes) -> Verifier:
        """Raises BadRecord for a name that a note cannot carry or a key that is not 32 bytes."""
        return cls(name, key, key_id(name, ED25519, key), Ed25519PublicKey.from_public_bytes(key))

    @classmethod
    def from_vkey(cls, text: str) -> Verifier:
        """Parse `<name>+<key id>+<base64 key>`; strict, the id is recomputed. Raises BadRecord."""
        return cls.from_key(*parse_vkey(text, ED25519))

    @property
    def vkey(self) -> str:
        return write_vkey(self.name, ED25519, self.key)

    def verify(self, text: str, signature: bytes) -> None:
        """Raises Unverified unless `signature` (64 bytes) is this key's over the text."""
        try:
            self._public.verify(signature, text.encode())
        except InvalidSignature:
            raise Unverified(f"the signature of {self.name} does not fit the text") from None


class Signer:
    """A named Ed25519 private key. It signs note texts, and nothing shows the key again."""

    __slots__ = ("_private", "verifier")

    def __init__(self, name: str, private: Ed25519PrivateKey) -> None:
        self._private = private
        self.verifier = Verifier.from_key(name, private.public_key().public_bytes_raw())

    @classmethod
    def generate(cls, name: str) -> Signer:
        """A fresh key from the system's random source."""
        return cls(name, Ed25519PrivateKey.generate())

    @classmethod
    def from_seed(cls, name: str, seed: bytes) -> Signer:
        """The key of these 32 bytes (RFC 8032). Raises BadRecord for another length."""
        if len(seed) != 32:
            raise BadRecord("the seed of an Ed25519 key has 32 bytes")
        return cls(name, Ed25519PrivateKey.from_private_bytes(seed))

    @property
    def name(self) -> str:
        return self.verifier.name

    @property
    def vkey(self) -> str:
        return self.verifier.vkey

    @property
    def seed(self) -> bytes:
        """The 32 private bytes, for whoever seals them. Never write them in the clear."""
        return self._private.private_bytes_raw()

    @property
    def verifiers(self) -> tuple[Verifier, ...]:
        return (self.verifier,)

    def sign(self, text: str) -> bytes:
        """The signed note of `text`, which ends in a newline. Raises BadRecord if no note can carry it."""
        _check_text(text)
        return f"{text}\n{self.line(text).encode()}".encode()

    def line(self, text: str) -> SignatureLine:
        """This key's line for a note of this text."""
        return SignatureLine(self.name, self.verifier.id, self._private.sign(text.encode()))


class Signing(Protocol):
    """What a log signs with: one key, or two in a period in which the second takes over (signers.py)."""

    @property
    def name(self) -> str: ...

    @property
    def verifier(self) -> Verifier:
        """The key that signs."""

    @property
    def verifiers(self) -> tuple[Verifier, ...]:
        """Every key that this log has signed with, or does."""

    def sign(self, text: str) -> bytes:
        """The signed note of `text`."""


@dataclass(frozen=True, slots=True)
class SignatureLine:
    """One line under a note: the key's name, its id and the bytes after the id, not yet verified."""

    name: str
    key_id: bytes
    signature: bytes

    def encode(self) -> str:
        return f"{_DASH}{self.name} {base64.b64encode(self.key_id + self.signature).decode()}\n"


@dataclass(frozen=True, slots=True)
class Note:
    """A parsed note: its text (with the final newline) and its signature lines, not yet verified."""

    text: str
    signatures: tuple[SignatureLine, ...]

    def encode(self) -> bytes:
        return (self.text + "\n" + "".join(line.encode() for line in self.signatures)).encode()


def parse(note: bytes) -> Note:
    """The one door for a note's bytes: strict, and `parse(b).encode() == b`. Raises BadRecord."""
    if len(note) > MAX_NOTE:
        raise BadRecord("the signed note is too long")
    try:
        whole = note.decode("utf-8")
    except UnicodeDecodeError:
        raise BadRecord("the signed note is not UTF-8") from None
    text, gap, tail = whole.rpartition("\n\n")
    if not gap or not tail.endswith("\n"):
        raise BadRecord("a signed note is a text, an empty line and signature lines")
    _check_text(text + "\n")
    lines = tail[:-1].split("\n")
    if len(lines) > MAX_SIGNATURES:
        raise BadRecord("the signed note carries too many signatures")
    return Note(text + "\n", tuple(parse_line(line) for line in lines))


def open_note(note: bytes, known: Sequence[Verifier]) -> str:
    """The note's text, once a known key signed it and no known key's signature fails.

    Unknown keys are ignored, even those that share a name or an id (but not both) with a known one.
    Raises BadRecord for bytes that are no note, Unverified otherwise.
    """
    parsed = parse(note)
    keys = {(key.name, key.id): key for key in known}
    signed = False
    for line in parsed.signatures:
        if key := keys.get((line.name, line.key_id)):
            key.verify(parsed.text, line.signature)
            signed = True
    if not signed:
        raise Unverified("the note carries no signature of the given key")
    return parsed.text


def key_id(name: str, kind: bytes, key: bytes) -> bytes:
    """The 4 bytes that stand for a named Ed25519 key of this signature type. Raises BadRecord where it is none."""
    _check_name(name)
    if len(key) != 32:
        raise BadRecord("an Ed25519 public key has 32 bytes")
    return sha256(name.encode() + b"\n" + kind + key).digest()[:4]


def parse_vkey(text: str, kind: bytes) -> tuple[str, bytes]:
    """Name and key of a vkey of this signature type; strict, its id is computed anew. Raises BadRecord."""
    match = _VKEY.fullmatch(text)
    if match is None:
        raise BadRecord("a verifier key looks like name+1a2b3c4d+base64")
    packed = strict_base64(match["key"])
    if packed[:1] != kind:
        raise BadRecord(f"the verifier key is not of the type 0x{kind.hex()} that is asked for here")
    if key_id(match["name"], kind, packed[1:]).hex() != match["id"]:
        raise BadRecord("the id in the verifier key does not belong to its name and key")
    return match["name"], packed[1:]


def write_vkey(name: str, kind: bytes, key: bytes) -> str:
    """`<name>+<key id>+<base64 key>`."""
    return f"{name}+{key_id(name, kind, key).hex()}+{base64.b64encode(kind + key).decode()}"


def parse_line(line: str) -> SignatureLine:
    """One signature line, without its newline: strict, `parse_line(t).encode() == t + newline`. Raises BadRecord."""
    parts = line.removeprefix(_DASH).split(" ")
    if not line.startswith(_DASH) or len(parts) != 2:
        raise BadRecord("a signature line is a dash, a key name and base64")
    name, encoded = parts
    _check_name(name)
    packed = strict_base64(encoded)
    if len(packed) < 5:
        raise BadRecord("a signature line is too short")
    return SignatureLine(name, packed[:4], packed[4:])


def strict_base64(text: str) -> bytes:
    """Standard base64 (RFC 4648, section 4) in its one canonical spelling. Raises BadRecord."""
    try:
        raw = base64.b64decode(text.encode("ascii"), validate=True)
    except (UnicodeEncodeError, binascii.Error):
        raise BadRecord("this is not base64") from None
    if base64.b64encode(raw).decode() != text:
        raise BadRecord("this base64 is not in its canonical form")
    return raw


def _check_name(name: str) -> None:
    if not name or "+" in name or any(c.isspace() or c < " " for c in name):
        raise BadRecord("a key's name is not empty and has no spaces and no plus sign")
    _check_utf8(name)


def _check_text(text: str) -> None:
    if not text.endswith("\n") or any(c < " " and c != "\n" for c in text):
        raise BadRecord("a note's text ends in a newline and has no other control characters")
    _check_utf8(text)


def _check_utf8(text: str) -> None:
    try:
        text.encode()
    except UnicodeEncodeError:
        raise BadRecord("the text cannot be written as UTF-8") from None
