"""Cosignatures: a witness's timestamped Ed25519 signature over a checkpoint, as one more line under its note.

The statement: at that time, the largest consistent tree of this log that the witness had seen has this root. The words
signed are `cosignature/v1`, the time and the whole text of the checkpoint; the key's id is made with the byte 0x04, so
that a line is never taken for a log's own. Lines of other keys and other algorithms (ML-DSA-44 is 0x06) are ignored.
Source: C2SP tlog-cosignature, https://c2sp.org/tlog-cosignature; which version: docs/witness.md.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from countenance.domain.errors import BadRecord, Unverified
from countenance.ledger import note

if TYPE_CHECKING:
    from collections.abc import Sequence

COSIGNED = b"\x04"
"""The signature type of timestamped Ed25519 cosignatures."""

MAX_TIME = 2**63 - 1
"""The latest time that a cosignature may state, in POSIX seconds."""

_TIME, _SIGNATURE = 8, 64  # bytes


@dataclass(frozen=True, slots=True)
class Cosignature:
    """One line of a witness, not yet verified. time: POSIX seconds; signature: 64 bytes."""

    name: str
    key_id: bytes
    time: int
    signature: bytes

    @classmethod
    def from_line(cls, line: note.SignatureLine) -> Cosignature:
        """The one door for a line's bytes: strict, `from_line(c.line) == c`. Raises BadRecord."""
        if len(line.signature) != _TIME + _SIGNATURE:
            raise BadRecord("a cosignature is a time of 8 bytes and a signature of 64")
        time = int.from_bytes(line.signature[:_TIME], "big")
        if time > MAX_TIME:
            raise BadRecord("the time of a cosignature is below 2**63")
        return cls(line.name, line.key_id, time, line.signature[_TIME:])

    @property
    def line(self) -> note.SignatureLine:
        return note.SignatureLine(self.name, self.key_id, self.time.to_bytes(_TIME, "big") + self.signature)


@dataclass(frozen=True, slots=True)
class WitnessKey:
    """A witness's public key: its name, the 32 bytes of RFC 8032 and its 4-byte id."""

    name: str
    key: bytes
    id: bytes
    _public: Ed25519PublicKey = field(repr=False, compare=False)

    @classmethod
    def from_key(cls, name: str, key: bytes) -> WitnessKey:
        """Raises BadRecord for a name that a note cannot carry or a key that is not 32 bytes."""
        return cls(name, key, note.key_id(name, COSIGNED, key), Ed25519PublicKey.from_public_bytes(key))

    @classmethod
    def from_vkey(cls, text: str) -> WitnessKey:
        """Parse a vkey of the type 0x04, `<name>+<key id>+<base64 key>`; strict. Raises BadRecord."""
        return cls.from_key(*note.parse_vkey(text, COSIGNED))

    @property
    def vkey(self) -> str:
        return note.write_vkey(self.name, COSIGNED, self.key)

    def made(self, line: note.SignatureLine) -> bool:
        """Whether a line says that it is of this key."""
        return (line.name, line.key_id) == (self.name, self.id)

    def verify(self, text: str, found: Cosignature) -> None:
        """Raises Unverified unless it is this key's over the text of a checkpoint."""
        try:
            self._public.verify(found.signature, message(found.time, text))
        except InvalidSignature:
            raise Unverified(f"the cosignature of {self.name} does not fit the checkpoint") from None


class Cosigner:
    """A witness's private key. It cosigns texts of checkpoints, and nothing shows the key again."""

    __slots__ = ("_private", "verifier")

    def __init__(self, name: str, private: Ed25519PrivateKey) -> None:
        self._private = private
        self.verifier = WitnessKey.from_key(name, private.public_key().public_bytes_raw())

    @classmethod
    def from_seed(cls, name: str, seed: bytes) -> Cosigner:
        """The key of these 32 bytes (RFC 8032). Raises BadRecord for another length."""
        if len(seed) != 32:
            raise BadRecord("the seed of an Ed25519 key has 32 bytes")
        return cls(name, Ed25519PrivateKey.from_private_bytes(seed))

    def cosign(self, text: str, time: int) -> Cosignature:
        """The cosignature of a checkpoint's text at a time in POSIX seconds. Raises BadRecord for no such time."""
        if not 0 <= time <= MAX_TIME:
            raise BadRecord("the time of a cosignature is from 0 to 2**63 - 1")
        key = self.verifier
        return Cosignature(key.name, key.id, time, self._private.sign(message(time, text)))


def message(time: int, text: str) -> bytes:
    """The bytes that a witness signs: two lines of its own and the whole text of the checkpoint."""
    return f"cosignature/v1\ntime {time}\n{text}".encode()


def cosignatures(signed: bytes, witnesses: Sequence[WitnessKey]) -> tuple[Cosignature, ...]:
    """Of each known witness that cosigned a note, its newest cosignature, in the order of `witnesses`.

    Lines of all others are ignored. Raises BadRecord for bytes that are no note, and Unverified where any line of a
    known witness fails. Whether the log itself signed is not looked at.
    """
    parsed = note.parse(signed)
    found: dict[str, Cosignature] = {}
    for key in witnesses:
        for line in filter(key.made, parsed.signatures):
            one = _verified(key, parsed.text, line)
            if key.vkey not in found or one.time > found[key.vkey].time:
                found[key.vkey] = one
    return tuple(found[key.vkey] for key in witnesses if key.vkey in found)


def answered(raw: bytes, text: str, witness: WitnessKey) -> Cosignature:
    """The cosignature of this witness in an answer of signature lines. Raises BadRecord, or Unverified without one."""
    try:
        lines = raw.decode("utf-8").split("\n")
    except UnicodeDecodeError:
        raise BadRecord("the witness's answer is not UTF-8") from None
    if lines.pop() or not 0 < len(lines) <= note.MAX_SIGNATURES:
        raise BadRecord("the witness's answer is signature lines, each with its newline")
    mine = [line for line in map(note.parse_line, lines) if witness.made(line)]
    if not mine:
        raise Unverified("the witness's answer carries no cosignature of its key")
    return max((_verified(witness, text, line) for line in mine), key=lambda one: one.time)


def attached(signed: bytes, found: Sequence[Cosignature]) -> bytes:
    """The note with these lines under its own."""
    parsed = note.parse(signed)
    return note.Note(parsed.text, (*parsed.signatures, *(one.line for one in found))).encode()


def _verified(key: WitnessKey, text: str, line: note.SignatureLine) -> Cosignature:
    try:
        one = Cosignature.from_line(line)
    except BadRecord as error:
        raise Unverified(f"the cosignature of {key.name} is none: {error.message}") from None
    key.verify(text, one)
    return one
