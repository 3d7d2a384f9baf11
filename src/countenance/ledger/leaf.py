"""The leaf, schema `countenance-leaf@v1`: what the log says for ever, and the closed part it commits to.

A leaf is canonical JSON and says nothing about a person: hour, words of the ask, facts as the booleans and
numbers the rules read, verdict, digests, and a commitment. Customer, subject, outcome and exact time are
in the closed part, held by the server and the caller; the leaf has its HMAC-SHA-256 under a fresh nonce,
so that erasing both leaves a leaf that verifies and says nothing.

What an outsider can still learn: the hour and the order of decisions; how many there are of each
combination of words; which of them were refused and why. Rare words (a locality, a rare purpose) make a
rare combination, and two leaves with the same rare combination may well be of the same customer: that is
what their open parts have in common. Nothing else joins two leaves. A word that is in no vocabulary is
never written: it could be a name.
What undoes something also names it by a digest under a key of the house, so that a restored backup can undo it
again; to everybody else that is a random value which occurs once.
Sources: docs/ledger.md; the JSON is the subset of RFC 8785 without floats; HMAC is RFC 2104.
"""

from __future__ import annotations

import base64
import hmac
import json
import re
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from hashlib import sha256
from typing import TYPE_CHECKING, NoReturn

from countenance.domain.errors import BadRecord, Unverified
from countenance.domain.strict import json_object
from countenance.ledger.note import ED25519, parse_vkey, strict_base64
from countenance.ledger.vocabulary import ACTS, BY, FILINGS, KINDS, ROLES, STEPS, WORDS

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from countenance.domain.decision import Ask

Json = bool | int | str | list["Json"] | dict[str, "Json"]

LEAF_SCHEMA = "countenance-leaf@v1"
VERSION = 1

NONCE_SIZE = 32
"""Bytes of a nonce: the key of the commitment, random and used once."""

MAX_LEAF = 16_384
"""Bytes of a leaf at most; an entry bundle could carry 65,535."""

MAX_CLOSED = 16_384
"""Bytes of a closed part at most."""

MAX_UNDONE = 64
"""Digests that one leaf undoes at most; a deed that undoes more has more leaves."""

MAX_VKEY = 300
"""Characters of a vkey in a leaf at most: a name of 200, an id and a key."""

MAX_INT = 2**53 - 1
"""The largest integer that every JSON reader keeps exact (RFC 8785)."""

UNRECOGNISED = "unrecognised"
"""Stands in a leaf for a word of the ask that is in no vocabulary."""

ALWAYS = ("v", "kind", "time", "policy", "laws", "model", "wheel", "commitment")
"""The keys of every leaf."""

MOST_NOTICE = 3660
"""Days of notice at most."""

CLOSED = (
    "customer", "grant", "key", "collection", "subject", "account", "matter", "outcome", "time", "request",
)  # fmt: skip
"""The keys of every closed part; all strings, empty where one does not apply."""

_WORD = re.compile(r"[a-z0-9]+(?:-[a-z0-9]+)*")
_FACT = re.compile(r"[A-Za-z0-9]+(?:[._-][A-Za-z0-9]+)*")
_REASON = re.compile(r"[a-z0-9]+(?:[.-][a-z0-9]+)*")
_COUNTRY = re.compile(r"[A-Z]{2}")
_REGION = re.compile(r"[A-Z]{2}-[A-Z0-9]{1,3}")
_LOCALITY = re.compile(r"[^\W\d_](?:[^\W\d_]|[ .',-]){0,79}")
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
_HOUR = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:00:00Z")
_SECOND = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z")
_BACKUP = re.compile(r"bak_[0-9a-f]{32}")
_LONGEST = 100
_REMEMBERED = 2048  # words of one form that need no second look: most leaves say what others said


@dataclass(frozen=True, slots=True)
class Leaf:
    """A leaf that fits its schema. open: every key but the commitment; commitment: 32 bytes."""

    open: dict[str, Json]
    commitment: bytes

    @property
    def kind(self) -> str:
        return str(self.open["kind"])

    def encode(self) -> bytes:
        return encode({**self.open, "commitment": base64.b64encode(self.commitment).decode()})


def canonical(value: Mapping[str, Json]) -> bytes:
    """Canonical JSON: UTF-8, keys sorted, no spaces; str, bool, int, list and dict only. Raises BadRecord."""
    _check_json(value, depth=0)
    return _written(value)


def _written(value: Mapping[str, Json]) -> bytes:
    try:
        return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()
    except UnicodeEncodeError:
        raise BadRecord("the text cannot be written as UTF-8") from None


def parse_canonical(raw: bytes) -> dict[str, Json]:
    """An object from canonical JSON, strict: `canonical(parse_canonical(b)) == b`. Raises BadRecord."""
    value = _read(raw)
    _check_json(value, depth=0)
    return value


def _read(raw: bytes) -> dict[str, Json]:
    """The object, canonically written; of what its values are, the caller's schema has the say."""
    value: dict[str, Json] = json_object(raw, lambda says: BadRecord(f"this {says}"), fraction=_no_float)
    if _written(value) != raw:
        raise BadRecord("this JSON is not in its canonical form")
    return value


class Entry(bytes):
    """A leaf's bytes of which it is known that they fit the schema: `encode` makes them, and nobody else."""


def encode(opened: Mapping[str, Json]) -> Entry:
    """A leaf's bytes, once every key fits the schema. Raises BadRecord."""
    _check_leaf(opened)  # says more than `canonical` would
    raw = _written(opened)
    if len(raw) > MAX_LEAF:
        raise BadRecord("a leaf has at most 16 KiB")
    return Entry(raw)


def parse(raw: bytes) -> Leaf:
    """The one door for a leaf's bytes: strict, `parse(b).encode() == b`. Raises BadRecord."""
    if len(raw) > MAX_LEAF:
        raise BadRecord("a leaf has at most 16 KiB")
    opened = _read(raw)
    _check_leaf(opened)
    return Leaf(opened, strict_base64(str(opened.pop("commitment"))))


def ask_words(ask: Ask) -> dict[str, Json]:
    """The ask as the leaf writes it. A word in no vocabulary or a place of no known form: `unrecognised`."""
    words: dict[str, Json] = {}
    for key in _ASK:
        value = getattr(ask, key.replace("-", "_"))
        if isinstance(value, frozenset):
            words[key] = [*sorted({_known(key, word) for word in value})]
        else:
            words[key] = _known(key, value)
    return words


def commitment(closed: bytes, nonce: bytes) -> str:
    """Base64 of HMAC-SHA-256 of the closed part under the nonce, as the leaf carries it."""
    return base64.b64encode(commit(closed, nonce)).decode()


def commit(closed: bytes, nonce: bytes) -> bytes:
    """HMAC-SHA-256 of the closed part, 32 bytes. Raises BadRecord unless the nonce has 32 bytes."""
    if len(nonce) != NONCE_SIZE:
        raise BadRecord("a nonce has 32 bytes")
    return hmac.digest(nonce, closed, sha256)


def open_closed(closed: bytes, nonce: bytes, committed: bytes) -> dict[str, str]:
    """The closed part, once it is the one committed to. Raises Unverified, or BadRecord for another form."""
    if not hmac.compare_digest(commit(closed, nonce), committed):
        raise Unverified("the closed part is not the one that the leaf committed to")
    if len(closed) > MAX_CLOSED:
        raise BadRecord("a closed part has at most 16 KiB")
    found = parse_canonical(closed)
    if set(found) != set(CLOSED) or not all(isinstance(value, str) for value in found.values()):
        raise BadRecord("a closed part has other keys than its schema")
    if not _is_time(_SECOND, found["time"]):
        raise BadRecord("a closed part's time is in UTC with seconds")
    return {key: str(value) for key, value in found.items()}


def _known(key: str, word: str) -> str:
    known = word in WORDS[key] if key in WORDS else _ASK[key](word)
    return word if known else UNRECOGNISED


def _check_json(value: object, *, depth: int) -> None:
    if depth > 8:
        raise BadRecord("the JSON is nested too deeply")
    if isinstance(value, dict):
        if not all(type(key) is str for key in value):
            raise BadRecord("a key in JSON is a string")
        for inner in value.values():
            _check_json(inner, depth=depth + 1)
    elif isinstance(value, list):
        for inner in value:
            _check_json(inner, depth=depth + 1)
    elif type(value) is int:
        if abs(value) > MAX_INT:
            raise BadRecord("an integer is too large for JSON")
    elif type(value) not in (str, bool):
        raise BadRecord("canonical JSON here has strings, booleans, integers, lists and objects only")


def _no_float(_: str) -> NoReturn:
    raise BadRecord("canonical JSON here has no fractions")


def _check_leaf(opened: Mapping[str, Json]) -> None:
    if opened.get("v") != VERSION or type(opened.get("v")) is not int:
        raise BadRecord("the leaf is not of version 1 of its schema; a newer verifier may read it")
    kind = opened.get("kind")
    if not isinstance(kind, str) or kind not in KINDS:
        raise BadRecord("the leaf is of no known kind")
    if set(opened) != {*ALWAYS, *KINDS[kind]}:
        raise BadRecord(f"a leaf of kind {kind} has other keys than its schema")
    if "step" in opened and opened["step"] not in STEPS[kind]:
        raise BadRecord("the leaf's `step` does not fit its schema")
    for key, value in opened.items():
        if not _FIELDS[key](value):
            raise BadRecord(f"the leaf's `{key}` does not fit its schema")


def _text(pattern: re.Pattern[str], *, empty: bool = False) -> Callable[[Json], bool]:
    @lru_cache(maxsize=_REMEMBERED)
    def matches(value: str) -> bool:
        return pattern.fullmatch(value) is not None or (empty and not value)

    return lambda value: isinstance(value, str) and len(value) <= _LONGEST and matches(value)


def _place(pattern: re.Pattern[str], *, empty: bool) -> Callable[[Json], bool]:
    inner = _text(pattern, empty=empty)
    return lambda value: inner(value) or value == UNRECOGNISED


def _set_of(fits: Callable[[Json], bool]) -> Callable[[Json], bool]:
    """A list without twins in ascending order."""

    def check(value: Json) -> bool:
        if not isinstance(value, list) or not all(isinstance(v, str) and fits(v) for v in value):
            return False
        words = [str(v) for v in value]
        return words == sorted(set(words))

    return check


def _is_reasons(value: Json) -> bool:
    """Ids in the order of the policy, no twins."""
    if not isinstance(value, list) or not all(_reason(v) for v in value):
        return False
    return len({str(v) for v in value}) == len(value)


def _is_context(value: Json) -> bool:
    if not isinstance(value, dict) or not all(_fact(key) for key in value):
        return False
    return all(_is_number(fact) or _value(fact) for fact in value.values())


def _is_number(fact: Json) -> bool:
    return isinstance(fact, int) and abs(fact) <= MAX_INT  # a boolean is one


def _is_ask(value: Json) -> bool:
    return isinstance(value, dict) and set(value) == set(_ASK) and all(_ASK[k](v) for k, v in value.items())


def _is_time(form: re.Pattern[str], value: Json) -> bool:
    if not isinstance(value, str) or not form.fullmatch(value):
        return False
    try:
        datetime.fromisoformat(value)
    except ValueError:
        return False
    return True


def _is_commitment(value: Json) -> bool:
    return isinstance(value, str) and len(strict_base64(value)) == sha256().digest_size


def _is_vkey(value: Json) -> bool:
    """A log's public key: whose name is the log's own, which every checkpoint says."""
    return isinstance(value, str) and len(value) <= MAX_VKEY and bool(parse_vkey(value, ED25519))


def _is_undone(value: Json) -> bool:
    """Keyed digests of what was undone, 32 bytes each in base64, ascending without twins; what for: docs/ledger.md."""
    return isinstance(value, list) and len(value) <= MAX_UNDONE and _set_of(_is_commitment)(value)


_word = _text(_WORD)
_fact = _text(_FACT)
_reason = _text(_REASON)
_value = _text(_REASON, empty=True)
_words = _set_of(_word)
_digest = _text(_DIGEST, empty=True)

_ASK: dict[str, Callable[[Json], bool]] = {
    "action": _word,
    "sector": _word,
    "acts-for": _words,
    "requested-by": _words,
    "country": _place(_COUNTRY, empty=False),
    "region": _place(_REGION, empty=True),
    "locality": _place(_LOCALITY, empty=True),
    "seat-country": _place(_COUNTRY, empty=True),
    "seat-region": _place(_REGION, empty=True),
    "purpose": _word,
    "mode": _word,
    "place": _word,
    "camera": _word,
    "probe": _word,
    "capture": _word,
    "minors": _word,
    "legal-effect": _word,
}

_FIELDS: dict[str, Callable[[Json], bool]] = {
    "v": lambda value: value == VERSION,
    "kind": _word,
    "time": lambda value: _is_time(_HOUR, value),
    "policy": _text(_DIGEST),
    "laws": _digest,
    "model": _digest,
    "wheel": _digest,
    "commitment": _is_commitment,
    "ask": _is_ask,
    "context": _is_context,
    "verdict": lambda value: value in ("allow", "deny"),
    "reasons": _is_reasons,
    "outside-policy": _text(_WORD, empty=True),
    "sector": _word,
    "country": _place(_COUNTRY, empty=False),
    "purposes": _words,
    "modes": _words,
    "places": _words,
    "purpose": _word,
    "basis": _word,
    "of": lambda value: value in ("grant", "key", "account", "verification"),
    "act": lambda value: isinstance(value, str) and value in ACTS,
    "by": lambda value: isinstance(value, str) and value in BY,
    "roles": _set_of(lambda value: value in ROLES),
    "undoes": _is_undone,
    "step": _word,
    "backup": _text(_BACKUP),
    "until": lambda value: _is_time(_HOUR, value),
    "filed": lambda value: isinstance(value, str) and value in FILINGS,
    "document": _text(_DIGEST),
    "vkey": _is_vkey,
    "day": lambda value: isinstance(value, str) and _is_time(_HOUR, f"{value}T00:00:00Z"),
    "because": _set_of(_reason),
    "becomes": _set_of(lambda value: value in ("allow", "deny")),
    "sectors": _words,
    "countries": _set_of(_place(_COUNTRY, empty=False)),
    "change": _text(_DIGEST),
    "before": _digest,
    "after": _text(_DIGEST),
    "loosens": lambda value: isinstance(value, bool),
    "record": _text(_DIGEST),
    "notice": lambda value: type(value) is int and 0 <= value <= MOST_NOTICE,
    "keys": _set_of(_text(_DIGEST)),
    "outside": _set_of(_text(_DIGEST)),
}
