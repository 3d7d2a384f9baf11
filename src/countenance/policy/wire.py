"""The JSON of an answer, and the words of an ask as JSON: what callers see and what a leaf's open part holds.

Shapes only; nothing is decided here. Parsing is strict and round-trips. Source: docs/policy.md, "What every
answer carries".
"""

from __future__ import annotations

from dataclasses import fields
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from countenance.domain.decision import Ask, Verdict
from countenance.domain.errors import BadRecord
from countenance.policy.lifts import AtMost

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from countenance.domain.decision import Lift

_FIELDS = tuple(field.name for field in fields(Ask))
_SETS = frozenset({"acts_for", "requested_by"})


def answer(verdict: Verdict, on: datetime, assumed: Sequence[str] = ()) -> dict[str, object]:
    """The answer to one ask, as every door gives it. `on`: the aware time it was decided for."""
    return {
        "decision": verdict.answer,
        "on": when(on),
        "packs": [{"name": name, "digest": digest} for name, digest in verdict.packs],
        "reasons": [
            {"id": each.id, "says": each.says, "source": each.source, "evidence": each.evidence}
            for each in verdict.reasons
        ],
        "lifted_when": [_lift(each) for each in verdict.lifted_when],
        "duties": list(verdict.duties),
        "assumed": list(assumed),
        "errors": list(verdict.errors),
    }


def when(on: datetime) -> str:
    """A day where the time is midnight in UTC, which is what a date means here; else RFC 3339 in UTC."""
    moment = on.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    return moment.removesuffix("T00:00:00Z")


def ask_words(ask: Ask) -> dict[str, str | list[str]]:
    """The words of an ask under the names of docs/policy.md; sets are sorted lists. Enough to ask again."""
    return {
        name.replace("_", "-"): sorted(value) if isinstance(value := getattr(ask, name), frozenset) else value
        for name in _FIELDS
    }


def ask_of(found: Mapping[str, object]) -> Ask:
    """The ask whose words these are; BadRecord names a word that is missing, strange or not in canonical form."""
    names = {name.replace("_", "-"): name for name in _FIELDS}
    if odd := sorted(set(found) ^ set(names)):
        raise BadRecord(f"ask: {odd[0]!r} is missing or not a word of an ask")
    words: dict[str, Any] = {name: _word(flag, found[flag], many=name in _SETS) for flag, name in names.items()}
    return Ask(**words)


def _word(flag: str, value: object, *, many: bool) -> str | frozenset[str]:
    if not many and isinstance(value, str):
        return value
    if many and isinstance(value, list) and all(isinstance(each, str) for each in value):
        if sorted(set(value)) == value:
            return frozenset(value)
        raise BadRecord(f"ask: {flag}: must be sorted and without repetition")
    raise BadRecord(f"ask: {flag}: must be a {'list of words' if many else 'word'}")


def _lift(lift: Lift) -> dict[str, object]:
    return {"all": [_fact(name, value) for name, value in lift.all], "says": lift.says}


def _fact(name: str, value: object) -> dict[str, object]:
    if isinstance(value, AtMost):
        return {"fact": name, "at_most": value.limit}
    return {"fact": name, "is": value}
