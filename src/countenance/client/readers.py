"""How each part of an answer is read: from checked JSON fields to the records of the house. It reads and never asks.

The decision is read back into the domain's own type. Its ask and context are not taken from the body but from the
leaf that the receipt proves. Source: docs/api.md; policy/wire.py writes what is read here.
"""

from __future__ import annotations

import math
import re
import struct
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from countenance.client.answers import (
    Advice,
    Candidate,
    Collection,
    ConsentRecord,
    Entry,
    Face,
    Grant,
    Ground,
    Key,
    Likeness,
    Me,
    PackText,
    Policies,
    Reference,
    Subject,
)
from countenance.client.reading import malformed
from countenance.client.witness import unverified
from countenance.domain.decision import Lift, Reason, Verdict
from countenance.domain.errors import BadRecord
from countenance.domain.face import Box, Measure, Quality
from countenance.domain.standing import WHO
from countenance.ledger.note import strict_base64
from countenance.policy.lifts import AtMost

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from countenance.client.reading import Fields

_MOMENT = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}(?:T[0-9]{2}:[0-9]{2}:[0-9]{2}Z)?")
LANDMARKS = 5


def moment(body: Fields, name: str) -> datetime:
    """RFC 3339 in UTC with seconds, or a day alone, which is its midnight."""
    text = body.text(name)
    try:
        if _MOMENT.fullmatch(text):
            return datetime.fromisoformat(text).replace(tzinfo=UTC)
    except ValueError:
        pass
    raise malformed(f"in {body.where}, the field `{name}` is not a moment in UTC")


def face(body: Fields) -> Face:
    box = body.inside("box")
    quality = Quality(body.many("quality", _measure))
    points = tuple(_point(value) for value in body.listed("landmarks"))
    if len(points) != LANDMARKS:
        raise malformed(f"in {body.where}, `landmarks` are {LANDMARKS} points")
    return Face(Box(*(box.number(name) for name in ("x", "y", "width", "height"))), points, quality)


def likeness(body: Fields) -> Likeness:
    return Likeness(
        match=body.truth("match"),
        promised_rate=body.number("promised_rate"),
        false_match_rate=body.rate("false_match_rate"),
        calibration=body.text("calibration"),
    )


def candidate(body: Fields) -> Candidate:
    return Candidate(body.text("subject"), body.text("reference"), body.rate("false_match_rate"))


def collection(body: Fields) -> Collection:
    kept = None if body.null("keep_days") else body.count("keep_days")
    return Collection(body.text("id"), body.text("name"), body.text("purpose"), moment(body, "created"), kept)


def subject(body: Fields) -> Subject:
    return Subject(body.text("id"), body.text("alias"), body.count("references"))


def me(body: Fields) -> Me:
    grant = body.inside("grant")
    purposes, modes, places = (frozenset(grant.texts(name)) for name in ("purposes", "modes", "places"))
    held = Grant(grant.text("id"), purposes, modes, places, moment(grant, "until"), grant.truth("active"))
    return Me(body.text("key"), body.text("customer"), held)


def key(body: Fields) -> Key:
    return Key(body.text("id"), moment(body, "created"), _moment_or_none(body, "revoked"))


def entry(body: Fields) -> Entry:
    words = (body.text(name) for name in ("outcome", "key", "collection", "subject", "request"))
    return Entry(body.count("index"), moment(body, "time"), *words)


def consent_record(body: Fields) -> ConsentRecord:
    return ConsentRecord(
        id=body.text("record_id"),
        subject=body.text("pii_principal_id"),
        evidence=body.text("evidence"),
        events=body.many("events", lambda one: (one.text("event_type"), moment(one, "event_time"))),
        whole=body.of,
    )


def ground(body: Fields) -> Ground:
    return Ground(
        basis=body.text("basis"),
        purpose=body.text("purpose"),
        given_at=moment(body, "given_at"),
        until=moment(body, "until"),
        manner=body.text("manner"),
        notice=body.text("notice"),
        recorded_by=body.text("recorded_by"),
        withdrawn=_moment_or_none(body, "withdrawn"),
    )


def reference(body: Fields) -> Reference:
    held = body.text("reference"), moment(body, "created"), body.text("model_digest")
    return Reference(*held, _template(body.text("template")))


def policies(body: Fields) -> Policies:
    in_force = body.many("in_force", lambda pack: (pack.text("name"), pack.text("digest")))
    return Policies(in_force, body.text("digest"))


def pack(body: Fields) -> PackText:
    return PackText(body.text("name"), body.text("digest"), body.text("text"))


def advice(body: Fields) -> Advice:
    return Advice(verdict(body, {}), moment(body, "on"), body.texts("assumed"))


def verdict(body: Fields, context: Mapping[str, bool | int | str]) -> Verdict:
    """What the policy said. context: the facts as the leaf has them; empty where there is no leaf."""
    said = body.text("decision")
    if said not in ("allow", "deny"):
        raise malformed("in the decision, the field `decision` is neither `allow` nor `deny`")
    return Verdict(
        answer="allow" if said == "allow" else "deny",
        packs=body.many("packs", lambda pack: (pack.text("name"), pack.text("digest"))),
        reasons=body.many("reasons", _reason),
        lifted_when=body.many("lifted_when", _lift),
        duties=body.texts("duties"),
        errors=body.texts("errors"),
        context=context,
    )


def rests_on(body: Fields, *, checked: object) -> Iterator[tuple[str, str]]:
    """Of each fact of the customer whether it was checked; `checked` is what the leaf says of all that it is.

    checked: None where the leaf has no facts, since a word that nobody knows was denied before any was read.
    """
    if "rests_on" not in body.of:
        return  # of a server that does not say so yet; the leaf has `verified` all the same
    told = body.inside("rests_on")
    found = {fact: told.text(fact) for fact in told.of}
    if any(found.get(fact) not in ("declared", "verified") for fact in WHO):
        raise malformed("in the decision, `rests_on` does not say what each fact rests on")
    if checked is not None and all(found[fact] == "verified" for fact in WHO) is not checked:
        raise unverified("it says of its facts what its receipt does not")
    yield from found.items()


def _reason(body: Fields) -> Reason:
    return Reason(*(body.text(name) for name in ("id", "says", "source", "evidence")))


def _lift(body: Fields) -> Lift:
    return Lift(body.many("all", _fact), body.text("says"))


def _fact(body: Fields) -> tuple[str, object]:
    name = body.text("fact")
    if "at_most" in body.of:
        return name, AtMost(body.count("at_most"))
    value = body.of.get("is")
    if not isinstance(value, bool | int | str):
        raise malformed(f"in {body.where}, the field `is` is no fact, and there is no `at_most`")
    return name, value


def _moment_or_none(body: Fields, name: str) -> datetime | None:
    return None if body.null(name) else moment(body, name)


def _template(text: str) -> tuple[float, ...]:
    """(D,) from base64 of little-endian float32."""
    try:
        found = struct.unpack(f"<{len(strict_base64(text)) // 4}f", strict_base64(text))
    except (BadRecord, struct.error):
        found = ()
    if not found or not all(map(math.isfinite, found)):
        raise malformed("a `template` is base64 of one or more numbers, little-endian float32")
    return found


def _measure(body: Fields) -> Measure:
    value, ok = body.number("value"), body.truth("ok")
    return Measure(body.text("name"), value, body.text("unit"), ok=ok, says=body.text("says"))


def _point(value: object) -> tuple[float, float]:
    if isinstance(value, list) and len(value) == 2:
        x, y = value
        if type(x) in (int, float) and type(y) in (int, float):
            return float(x), float(y)
    raise malformed("a landmark is a pair of numbers")
