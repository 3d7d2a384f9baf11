"""What a person signs: an HTTP call, and the approval of an application. Pure: no clock, no database, no network.

A call is signed as RFC 9421 (HTTP Message Signatures) has it, narrowed to one form: one signature, over exactly
`@method`, `@path`, `@query` and, where there is a body, `content-digest` (RFC 9530, SHA-256), with `created`, `nonce`
and `keyid`, by Ed25519 (RFC 8032). Whatever else is read is refused. An approval is a text that begins with its own
name, which no call's signature base does, so that the one signature can't stand for the other. Both ends use this
module; the private key is shown by nothing.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import re
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from countenance.domain.errors import BadInput, BadRecord, Unauthenticated
from countenance.ledger.note import strict_base64

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

APPROVAL = "countenance-approval@v1"
BARE = '"@method" "@path" "@query"'
WITH_BODY = f'{BARE} "content-digest"'
HEADERS = ("Signature-Input", "Signature", "Content-Digest")
NONCE_BYTES = 16  # random, of a signer of ours: 22 characters of base64url

_INPUT = re.compile(
    r'(?P<label>[a-z*][a-z0-9_.*-]{0,31})=(?P<params>\((?P<over>[a-z@" -]{0,100})\)'
    r'(?P<tail>(?:;[a-z]{1,16}=(?:[0-9]{1,12}|"[A-Za-z0-9_-]{1,64}"))+))'
)
_PARAMETER = re.compile(r";([a-z]+)=([^;]+)")
_CREATED = re.compile(r"[1-9][0-9]{9,11}")
_NONCE = re.compile(r'"[A-Za-z0-9_-]{22,64}"')
_KEYID = re.compile(r'"acc_[0-9a-f]{32}"')
_DIGEST = re.compile(r"sha-256=:([A-Za-z0-9+/]{43}=):")
_TARGET = re.compile(rb"[\x21-\x7e]*")
_PRIVATE = re.compile(r"countenance-person-key-1:([0-9a-f]{64})\n?")
_MOMENT = "%Y-%m-%dT%H:%M:%SZ"
_P = 2**255 - 19  # of Curve25519 (RFC 7748)
_OF_ORDER_8 = 0x7A03AC9277FDC74EC6CC392CFA53202A0F67100D760B3CBA4FD84D3D706A17C7
_SMALL = frozenset({0, 1, _P - 1, _OF_ORDER_8, _P - _OF_ORDER_8})
"""The y of every point of small order: a signature under such a key fits any text, so it binds nobody."""


@dataclass(frozen=True, slots=True)
class SignedCall:
    """A call's signature as it was sent, not yet verified. base: what it is over; digest: of the body, if any."""

    account: str
    nonce: str
    created: int
    base: bytes
    signature: bytes
    digest: bytes | None

    def check_body(self, body: bytes) -> None:
        """Raise Unauthenticated unless the body is the one that was signed."""
        expected = self.digest if self.digest is not None else hashlib.sha256(b"").digest()
        if not hmac.compare_digest(hashlib.sha256(body).digest(), expected):
            raise nobody()


class PersonKey:
    """A person's private key. It signs, and nothing shows it again."""

    __slots__ = ("_private",)

    def __init__(self, seed: bytes) -> None:
        """seed: the 32 bytes of RFC 8032."""
        if len(seed) != 32:
            raise BadInput("the seed of an Ed25519 key has 32 bytes")
        self._private = Ed25519PrivateKey.from_private_bytes(seed)

    @classmethod
    def parse(cls, text: str) -> PersonKey:
        """From a private key file, as `countenance account keygen` writes it. Raises BadInput."""
        found = _PRIVATE.fullmatch(text)
        if found is None:
            raise BadInput("this is no private key of a person", next_step="Make one: `countenance account keygen`.")
        return cls(bytes.fromhex(found[1]))

    @property
    def public(self) -> str:
        """The public half, base64: what is registered."""
        return base64_of(self._private.public_key().public_bytes_raw())

    def sign(self, text: bytes) -> bytes:
        """64 bytes."""
        return self._private.sign(text)

    def headers(
        self, account: str, method: str, target: bytes, body: bytes | None, *, created: int, nonce: str
    ) -> dict[str, str]:
        """The headers that sign a call. target: path and query, as sent; created: Unix seconds; nonce: base64url."""
        digest = None if body is None else _digest_header(body)
        params = f'({BARE if body is None else WITH_BODY});created={created};nonce="{nonce}";keyid="{account}"'
        path, _, query = target.partition(b"?")
        signature = base64.b64encode(self.sign(_base(method, path, query, digest, params))).decode()
        sent = {"Signature-Input": f"sig={params}", "Signature": f"sig=:{signature}:"}
        return sent if digest is None else {**sent, "Content-Digest": digest}


def base64_of(key: bytes) -> str:
    """A public key as it is registered and shown."""
    return base64.b64encode(key).decode()


def private_key_text(seed: bytes) -> str:
    """The text of a private key file."""
    return f"countenance-person-key-1:{seed.hex()}\n"


def public_key(text: str) -> bytes:
    """The 32 bytes of a public key in base64. Raises BadInput for what is none, and for a key that binds nobody."""
    if _PRIVATE.fullmatch(text):
        raise BadInput("this is a private key, and nobody else may have it", next_step="Give the public key.")
    try:
        raw = strict_base64(text.strip())
    except BadRecord:
        raw = b""
    if len(raw) != 32:
        raise BadInput(
            "this is no Ed25519 public key",
            next_step="Give its 32 bytes in base64, as `countenance account keygen` prints them.",
        )
    if (int.from_bytes(raw, "little") & (2**255 - 1)) % _P in _SMALL:
        raise BadInput("a signature under this key would fit any text", next_step="Make another key.")
    return raw


def signature_of(text: str) -> bytes:
    """The 64 bytes of a signature in base64. Raises BadInput."""
    try:
        raw = strict_base64(text)
    except BadRecord:
        raw = b""
    if len(raw) != 64:
        raise BadInput("a signature is 64 bytes in base64")
    return raw


def verify(key: bytes, text: bytes, signature: bytes) -> bool:
    """Whether the signature is this key's over the text."""
    try:
        Ed25519PublicKey.from_public_bytes(key).verify(signature, text)
    except (InvalidSignature, ValueError):
        return False
    return True


def read(method: str, path: bytes, query: bytes, values: Callable[[str], Sequence[str]]) -> SignedCall:
    """The signature of a call from its headers. values: every value of a header. Raises Unauthenticated, one answer.

    path, query: as they were sent, percent-encoded, the query without its question mark.
    """
    given, signed = _once(values, "Signature-Input"), _once(values, "Signature")
    found = _INPUT.fullmatch(given)
    if found is None or found["over"] not in (BARE, WITH_BODY):
        raise nobody()
    digest = _once(values, "Content-Digest") if found["over"] == WITH_BODY else None
    if digest is None and values("Content-Digest"):
        raise nobody()
    said = _parameters(found["tail"])
    return SignedCall(
        account=said["keyid"].strip('"'),
        nonce=said["nonce"].strip('"'),
        created=int(said["created"]),
        base=_base(method, path, query, digest, found["params"]),
        signature=_signature(signed, found["label"]),
        digest=None if digest is None else _digest(digest),
    )


def statement(application: str, facts: Mapping[str, Any], until: str) -> str:
    """What an approver signs: which application, the digest of its facts, and the end of the grant, or an empty line.

    facts: as the server shows them; until: RFC 3339 UTC with seconds, or empty for a year.
    """
    return f"{APPROVAL}\n{application}\n{facts_digest(facts)}\n{until}\n"


def facts_digest(facts: Mapping[str, Any]) -> str:
    """`sha256:` over an application's facts as JSON: UTF-8, keys sorted, no spaces."""
    text = json.dumps(facts, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    return f"sha256:{hashlib.sha256(text.encode()).hexdigest()}"


def moment(text: str) -> datetime:
    """RFC 3339 in UTC with seconds, in its one spelling. Raises BadInput."""
    try:
        found = datetime.strptime(text, _MOMENT).replace(tzinfo=UTC)
    except ValueError:
        found = None
    if found is None or found.strftime(_MOMENT) != text:
        raise BadInput("a moment here is RFC 3339 in UTC, such as 2027-11-22T00:00:00Z")
    return found


def nobody() -> Unauthenticated:
    """The one answer for every way in which a call is not signed by somebody who is here."""
    error = Unauthenticated(
        "this call is not signed by an account in force",
        next_step="Sign it with a registered key, once and now: docs/accounts.md.",
    )
    error.scheme = "Signature"
    return error


def _once(values: Callable[[str], Sequence[str]], name: str) -> str:
    found = values(name)
    if len(found) != 1:
        raise nobody()
    return found[0]


def _parameters(tail: str) -> dict[str, str]:
    """created, nonce and keyid, each once and of its form; `alg` where it says ed25519."""
    found = _PARAMETER.findall(tail)
    said = dict(found)
    if len(said) != len(found) or set(said) - {"alg"} != {"created", "nonce", "keyid"}:
        raise nobody()
    forms = (("created", _CREATED), ("nonce", _NONCE), ("keyid", _KEYID))
    if said.get("alg", '"ed25519"') != '"ed25519"' or not all(form.fullmatch(said[name]) for name, form in forms):
        raise nobody()
    return said


def _signature(header: str, label: str) -> bytes:
    start, end = f"{label}=:", ":"
    if not header.startswith(start) or not header.endswith(end) or len(header) > 150:
        raise nobody()
    try:
        raw = strict_base64(header[len(start) : -len(end)])
    except BadRecord:
        raise nobody() from None
    if len(raw) != 64:
        raise nobody()
    return raw


def _digest(header: str) -> bytes:
    found = _DIGEST.fullmatch(header)
    try:
        return strict_base64(found[1] if found else "!")
    except BadRecord:
        raise nobody() from None


def _digest_header(body: bytes) -> str:
    return f"sha-256=:{base64.b64encode(hashlib.sha256(body).digest()).decode()}:"


def _base(method: str, path: bytes, query: bytes, digest: str | None, params: str) -> bytes:
    """The signature base (RFC 9421, section 2.5); its text is ASCII without a line break of the caller's."""
    if not _TARGET.fullmatch(path) or not _TARGET.fullmatch(query) or not (method.isascii() and method.isalpha()):
        raise nobody()
    lines = [f'"@method": {method}', f'"@path": {path.decode() or "/"}', f'"@query": ?{query.decode()}']
    if digest is not None:
        lines.append(f'"content-digest": {digest}')
    return "\n".join([*lines, f'"@signature-params": {params}']).encode("latin-1", "replace")
