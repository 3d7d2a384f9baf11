"""Laws, authorities and paperwork: TOML files in, strict records out.

A law is a record that is never edited, only superseded. Read for `decide --law` it is a what-if, whose
signatures are only counted. Read for the registry (`registered`) every signature over its assessment is
verified against the registered keys before the record exists. This module never asks whether a law lifts
anything (context.py does). Source: docs/policy.md; Ed25519 is RFC 8032.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
import re
import tomllib
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import date, datetime
from functools import wraps
from typing import TYPE_CHECKING, Any, TypeVar

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from countenance.domain.decision import Authority, Law, Paperwork, Signature
from countenance.domain.errors import BadRecord
from countenance.policy import words
from countenance.policy.table import Table, https, with_line

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
    from pathlib import Path

T = TypeVar("T")
MAX_BYTES = 1_000_000
"""Longest record read, in bytes; the longest real one is a few kilobytes."""
SIGNED_AS = b"countenance/law-assessment/v1\n"
"""Prefix of what is signed, so that no signature made for another end fits here."""
_ID = re.compile(r"(?=.{1,64}\Z)[a-z0-9]+(?:-[a-z0-9]+)*")
_KEY_BYTES, _SIGNATURE_BYTES = 32, 64  # RFC 8032, section 5.1
_REPORT_SECTIONS = tuple("abcdefgh")
ERRORS_SECTION = "f"
"""The item of an accountability report about error rates and how they are dealt with: RCW 43.386.020(2)(f)."""
_ANSWERS = ("yes", "no", "unclear")


@contextmanager
def _lines(path: Path) -> Iterator[None]:
    """Name the line as well in what is wrong with a field of the file."""
    try:
        yield
    except BadRecord as error:
        text = path.read_text("utf-8", errors="replace") if path.is_file() else ""
        raise with_line(error, text) from None


def _placed(read: Callable[[Path], T]) -> Callable[[Path], T]:
    """The same reader, whose errors name the line too."""

    @wraps(read)
    def reads(path: Path) -> T:
        with _lines(path):
            return read(path)

    return reads


@_placed
def read_law(path: Path) -> Law:
    """A law as a what-if: signatures are counted later, not verified. BadRecord names the field."""
    return _law(Table(_parse(path), path.name), path.name)


def registered(path: Path, keys: Collection[str]) -> Law:
    """A law for the registry: every criterion has its source, every signature fits and its key is registered.

    keys: the registered Ed25519 public keys, base64. BadRecord where a source is missing, a key is not
    registered or a signature does not fit.
    """
    raw = _parse(path)
    with _lines(path):
        law = _law(Table(raw, path.name), path.name)
        _signed_by_two(law, path.name)
    _every_criterion_has_a_source(raw, path.name)
    message = signed_message(raw)
    for signature in law.signed:
        if signature.key not in keys:
            raise BadRecord(f"{path.name}: assessment.signed: a key is not registered")
        _verify(signature, message, path.name)
    return law


@dataclass(frozen=True, slots=True)
class Record:
    """A law as it is proposed, without signatures. document: as JSON has it; canonical: the bytes that are public."""

    law: Law
    document: Mapping[str, Any]
    canonical: bytes

    @property
    def digest(self) -> str:
        """`sha256:` of the published bytes: what an assessor signs, and a leaf names."""
        return f"sha256:{hashlib.sha256(self.canonical).hexdigest()}"

    @property
    def message(self) -> bytes:
        """What an assessor signs."""
        return SIGNED_AS + hashlib.sha256(self.canonical).digest()

    def registered(self, signatures: Iterable[Signature]) -> Law:
        """The law with these signatures, which somebody has verified."""
        return replace(self.law, signed=tuple(signatures))


def read_record(raw: bytes, name: str) -> Record:
    """A law to be proposed, from the bytes of a TOML file. BadRecord names the line, or the field that is missing."""
    try:
        return _record(raw, name)
    except BadRecord as error:
        raise with_line(error, raw.decode("utf-8", errors="replace")) from None


def _record(raw: bytes, name: str) -> Record:
    parsed = _parsed(raw, name)
    if isinstance(parsed.get("assessment"), dict) and "signed" in parsed["assessment"]:
        raise BadRecord(f"{name}: assessment.signed: signatures are given to a record that is proposed")
    law = _law(Table(parsed, name), name)
    if not _ID.fullmatch(law.id):
        raise BadRecord(f"{name}: id: must be small letters and digits, parted by hyphens, 64 at most")
    _every_criterion_has_a_source(parsed, name)
    canonical = _canonical(parsed)
    return Record(law, json.loads(canonical), canonical)


def record_of(document: Mapping[str, Any]) -> Record:
    """A record from what the registry holds. BadRecord where it is not one."""
    name, plain = "the registry", dict(document)
    for field in ("from", "until"):
        try:
            plain[field] = date.fromisoformat(plain[field]) if plain.get(field) else ""
        except (TypeError, ValueError):
            raise BadRecord(f"{name}: {field}: must be a date") from None
    return Record(_law(Table(plain, name), name), document, _canonical(document))


def registry_text(laws: Iterable[Law]) -> bytes:
    """The bytes whose SHA-256 is `registry_digest`: the laws in canonical form, ordered by id."""
    return _canonical([_plain(law) for law in sorted(laws, key=lambda w: w.id)])


def signed_message(record: Mapping[str, object]) -> bytes:
    """What an assessor signs: a prefix and the SHA-256 of the record without its `assessment.signed`."""
    assessment = record.get("assessment")
    plain = dict(record)
    if isinstance(assessment, dict):
        plain["assessment"] = {name: value for name, value in assessment.items() if name != "signed"}
    return SIGNED_AS + hashlib.sha256(_canonical(plain)).digest()


@_placed
def read_paperwork(path: Path) -> Paperwork:
    """What is on file for a use. Every part may be missing; BadRecord names a wrong or unknown field."""
    top = Table(_parse(path), path.name)
    report, test = top.table("report"), top.table("operational_test")
    training, review = top.table("training"), top.table("review")
    federal, mitigation = top.table("federal_exemption"), top.table("mitigation")
    sections = report.words("sections", _REPORT_SECTIONS)
    paper = Paperwork(
        notice_of_intent=top.day("notice_of_intent"),
        report_published=report.day("published"),
        report_updated=report.day("updated"),
        meetings=report.count("meetings"),
        report_purposes=report.words("purposes", words.PURPOSES),
        report_sections=sections,
        report_model_version=report.text("model_version", ""),
        report_addresses_errors=report.flag("addresses_errors", default=ERRORS_SECTION in sections),
        operational_test_passed=test.day("passed"),
        training_valid_until=training.day("valid_until"),
        reviewers=review.count("reviewers"),
        public_policy=top.day("public_policy"),
        rights_assessment=top.day("rights_assessment"),
        eu_registered=top.day("eu_registered"),
        federal_reported=federal.day("reported"),
        federal_purposes=federal.words("purposes", words.PURPOSES),
        mitigation_due=mitigation.day("due"),
        nist_evaluated=top.day("nist_evaluated"),
    )
    for table in (report, test, training, review, federal, mitigation, top):
        table.done()
    return paper


@_placed
def read_authority(path: Path) -> Authority:
    """A warrant, court order, exigency or judicial authorisation; all but the times of a request is required."""
    top = Table(_parse(path), path.name)
    authority = Authority(
        kind=top.word("kind", words.AUTHORITY_KINDS),
        issuer=top.text("issuer"),
        names_person=top.flag("names_person"),
        purpose=top.word("purpose", words.PURPOSES),
        start=top.required_day("from"),
        until=top.required_day("until"),
        recognised_by=top.text("recognised_by"),
        requested_at=top.moment("requested_at"),
        granted_at=top.moment("granted_at"),
        refused_at=top.moment("refused_at"),
    )
    top.done()
    if authority.until <= authority.start:
        raise BadRecord(f"{path.name}: until: must be after from")
    return authority


def registry_digest(laws: Iterable[Law]) -> str:
    """`sha256:` over the laws in force in the registry, in canonical form and ordered by id."""
    return "sha256:" + hashlib.sha256(registry_text(laws)).hexdigest()


def _law(top: Table, name: str) -> Law:
    assessment = top.table("assessment")
    law = Law(
        id=top.text("id"),
        title=top.text("title"),
        jurisdiction=top.text("jurisdiction"),
        level=top.word("level", words.LEVELS),
        covers=top.words("covers", words.SECTORS),
        start=top.required_day("from"),
        until=top.day("until"),
        sources=top.urls("sources"),
        recognises=top.words("recognises", words.AUTHORITY_KINDS),
        supersedes=top.text("supersedes", ""),
        assessment={each: assessment.word(each, _ANSWERS, "unclear") for each in words.CRITERIA},
        signed=tuple(_signature(each) for each in assessment.tables("signed")),
    )
    sources = assessment.table("sources")
    for each in words.CRITERIA:
        https(sources.text(each, "https://unnamed"), sources.at(each))
    for table in (sources, assessment, top):
        table.done()
    _coherent(law, name)
    return law


def _coherent(law: Law, name: str) -> None:
    known = {
        "national": law.jurisdiction in words.COUNTRIES,
        "state": words.is_region(law.jurisdiction),
        "city": words.is_locality(law.jurisdiction),
    }
    if not known[law.level]:
        raise BadRecord(f"{name}: jurisdiction: {law.jurisdiction!r} is not one of level {law.level}")
    if law.until is not None and law.until <= law.start:
        raise BadRecord(f"{name}: until: must be after from")


def _signed_by_two(law: Law, name: str) -> None:
    if len({signature.key for signature in law.signed}) < 2 or not any(each.outside for each in law.signed):
        raise BadRecord(f"{name}: assessment.signed: two people sign with different keys, one of them from outside")


def _every_criterion_has_a_source(raw: Mapping[str, object], name: str) -> None:
    sources = Table(raw, name).table("assessment").table("sources")
    for each in words.CRITERIA:
        sources.text(each)


def _signature(table: Table) -> Signature:
    """A claim to have signed; only `registered` verifies it."""
    found = Signature(
        name=table.text("name"),
        outside=table.flag("outside"),
        key=table.text("key").strip(),
        signature=table.text("signature"),
    )
    table.done()
    return found


def _verify(signature: Signature, message: bytes, name: str) -> None:
    key = _bytes(signature.key, _KEY_BYTES, f"{name}: assessment.signed.key")
    raw = _bytes(signature.signature, _SIGNATURE_BYTES, f"{name}: assessment.signed.signature")
    try:
        Ed25519PublicKey.from_public_bytes(key).verify(raw, message)
    except (InvalidSignature, ValueError):
        raise BadRecord(f"{name}: assessment.signed: a signature does not fit the record") from None


def _bytes(text: str, length: int, at: str) -> bytes:
    """Standard base64, canonical: what decodes must encode to the very same text."""
    try:
        raw = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raw = b""
    if len(raw) != length or base64.b64encode(raw).decode() != text:
        raise BadRecord(f"{at}: is not base64 of {length} bytes")
    return raw


def _parse(path: Path) -> dict[str, object]:
    try:
        raw = path.read_bytes()
    except OSError as error:
        raise BadRecord(f"{path.name}: cannot be read ({error.strerror})") from None
    return _parsed(raw, path.name)


def _parsed(raw: bytes, name: str) -> dict[str, Any]:
    if len(raw) > MAX_BYTES:
        raise BadRecord(f"{name}: is longer than {MAX_BYTES} bytes")
    try:
        return tomllib.loads(raw.decode("utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise BadRecord(f"{name}: is not TOML: {error}") from None


def _canonical(value: object) -> bytes:
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, default=_json).encode()


def _json(value: object) -> object:
    if isinstance(value, date | datetime):
        return value.isoformat()
    if isinstance(value, frozenset):
        return sorted(value)
    raise TypeError(type(value).__name__)


def _plain(law: Law) -> dict[str, object]:
    fields = {name: getattr(law, name) for name in law.__slots__}
    fields["signed"] = sorted([s.name, str(s.outside), s.key, s.signature] for s in law.signed)
    return fields
