"""No request, however malformed, is allowed through an error: generated rules that fail, and asks that are no asks.

Rules are made at random from what the schema allows and what it does not: arithmetic that overflows, facts that are
not there, extension values that are none, comparisons of what cannot be compared. Asks are made of known words, unknown
ones, and values of the wrong type. An allow has to mean that Cedar, asked once more by itself with the very same input,
said Allow and reported no error, and that every word of the ask is known.
"""

from __future__ import annotations

import json
import os
import random
from dataclasses import fields, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import cedarpy
import pytest

from countenance.domain.decision import Ask, Facts
from countenance.domain.errors import BadRecord, CountenanceError
from countenance.policy import cedar, context, entities, packs, words
from countenance.policy.context import SHAPE
from tests.policy.asks import ASK, MODEL

if TYPE_CHECKING:
    from countenance.domain.decision import Verdict

PAIRS = 10_000 if os.environ.get("COUNTENANCE_LONG") else 400
A_SET = 10
"""Asks for each set of rules that was made."""
HUGE = 9_223_372_036_854_775_807
SOUND = (
    "true", "false", "context.verified", "context.activity.tripped", 'principal.sector == "police"',
    'resource.country == "US"', 'principal.parties.contains("military")', 'context.on < datetime("2021-06-10")',
    "context.model.worst_fmr_ppm > 500", "context.model has nothing && context.model.nothing",
)  # fmt: skip
FAILING = (
    f"context.model.groups * {HUGE} > 0", f"context.model.groups + {HUGE} > 0",
    f"0 - {HUGE} - context.model.groups < 0",
    f"(if context.verified then context.model.groups else 2) * {HUGE} > 0",
)  # fmt: skip
"""Sound by the schema, and failing when they are evaluated: what a strict check at load cannot find."""
UNSOUND = (
    "context.nothing", 'context.on < datetime("tomorrow")',
    'decimal("1.23456").lessThan(decimal("x"))', "context.verified > 1", 'principal.sector > "a"', "resource.purpose",

    'ip(context.model.provenance).isLoopback()', 'principal.nothing == "x"',
)  # fmt: skip
"""What the strict check at load refuses; here they are asked all the same, for the check must not be all there is."""


def condition(rng: random.Random, depth: int = 0) -> str:
    if depth < 3 and rng.random() < 0.5:
        left, right = condition(rng, depth + 1), condition(rng, depth + 1)
        return rng.choice([f"({left} && {right})", f"({left} || {right})", f"!({left})"])
    return rng.choice(FAILING if rng.random() < 0.15 else SOUND)


def rule(rng: random.Random, number: int, made: str) -> str:
    effect = rng.choice(["permit", "forbid"])
    action = rng.choice(["action", 'action == Action::"identify"', 'action in [Action::"verify", Action::"identify"]'])
    kind = rng.choice(["when", "unless"])
    head = f'@id("own.r{number}") @says("No.") @source("https://example.org") @evidence("T")'
    return f"{head} {effect} (principal, {action}, resource) {kind} {{ {made} }};\n"


HEADER = (
    "// pack: own\n// title: T\n// promised_by: P\n// in_force: always\n// status: optional\n"
    "// source: https://example.org\n"
    "// checked_on: 2026-01-01\n// stale_after: 2029-01-01\n// secondary: none\n"
)


def sound_set(rng: random.Random) -> cedar.PolicySet:
    """A set that loads: every rule fits the schema, and some fail when they are evaluated."""
    rules = "".join(rule(rng, number, condition(rng)) for number in range(rng.randrange(1, 6)))
    files = [packs.parse((HEADER + rules).encode(), "own")]
    if rng.random() < 0.7:
        files.insert(0, packs.read("core"))
    return cedar.assemble(files)


def unsound_set(rng: random.Random) -> cedar.PolicySet:
    """A set that no load gives: core and a rule that the strict check would refuse, as if there were no check."""
    base = cedar.load(["core"])
    text = rule(rng, 0, rng.choice(UNSOUND))
    with pytest.raises(BadRecord):
        cedar.assemble([packs.read("core"), packs.parse((HEADER + text).encode(), "own")])
    if rng.random() < 0.5:
        text = rule(rng, 0, f"({rng.choice(SOUND)} || {rng.choice(UNSOUND)})")
    whole = f"{packs.read('core').text}\n{text}"
    reason = replace(base.rules["core.meter"].reason, id="own.r0")
    rules = {**base.rules, "own.r0": replace(base.rules["core.meter"], reason=reason, place=len(base.rules))}
    return replace(base, rules=rules, handle=cedarpy.PolicySet.from_str(whole))


def spoilt(rng: random.Random, name: str, usual: Any) -> Any:
    """Another known word, an unknown one, or what is no word."""
    known = words.VOCABULARY.get(name.replace("_", "-"), ("DE", "US-WA", "Portland, OR", ""))
    odd = rng.choice([*known, "nonsense", "", " ", "\ud800", "POLICE", "é" * 90, 7, None, True, ["police"]])
    return frozenset({odd}) if isinstance(usual, frozenset) and isinstance(odd, str | int) else odd


def ask(rng: random.Random) -> Ask:
    """ASK with none, one or two of its words spoilt."""
    names = rng.sample([field.name for field in fields(Ask)], rng.choice([0, 0, 1, 1, 2]))
    return replace(ASK, **{name: spoilt(rng, name, getattr(ASK, name)) for name in names})


def facts(rng: random.Random) -> Facts:
    on = datetime(rng.choice([2020, 2021, 2026]), rng.randrange(1, 13), 15, rng.randrange(24), tzinfo=UTC)
    changed: dict[str, Any] = {"verified": rng.random() < 0.8}
    if rng.random() < 0.2:
        name = rng.choice(["worst_fmr_ppm", "groups", "provenance", "evaluated"])
        odd: dict[str, Any] = {name: rng.choice([-1, 2**70, "many", None, 1.5, [], True])}
        changed["model"] = replace(MODEL, **odd)
    if rng.random() < 0.1:
        changed |= {"consent": rng.choice(["nonsense", 1, None]), "probe_basis": rng.choice(["notice", "x", 0])}
    return replace(Facts(on, MODEL), **changed)


def known_words(asked: Ask) -> bool:
    texts = [getattr(asked, name) for name in Ask.__slots__ if name not in ("acts_for", "requested_by")]
    return all(isinstance(text, str) for text in texts) and words.unknown(asked) == ()


def alone(policies: cedar.PolicySet, asked: Ask, known: Facts) -> tuple[bool, list[str]]:
    """What Cedar says by itself: no code of ours but what derives the facts."""
    listed = [
        {"uid": {"type": kind, "id": "x"}, "attrs": attributes, "parents": []}
        for kind, attributes in entities.attributes(asked).items()
    ]
    said = context.written(context.derive(asked, known)).at(known.on)
    request = {
        "principal": {"type": "Customer", "id": "x"}, "action": {"type": "Action", "id": asked.action},
        "resource": {"type": "Use", "id": "x"}, "context": said,
    }  # fmt: skip
    found = cedarpy.is_authorized(request, policies.handle, json.dumps(listed))
    return found.decision is cedarpy.Decision.Allow, found.diagnostics.errors


def told(policies: cedar.PolicySet, asked: Ask, known: Facts) -> Verdict | None:
    """The verdict, from one of the three ways to it; None where there is none, but an error that says why."""
    try:
        verdict = cedar.decide(policies, asked, known)
    except (CountenanceError, TypeError, ValueError, AttributeError):
        return None  # no verdict is no allow: the gate raises, and the caller gets nothing
    (many,) = cedar.Many(policies).decide([(asked, known)])
    assert replace(many, errors=()) == replace(verdict, errors=())  # an error names the entity, which has another id
    assert bool(many.errors) == bool(verdict.errors)
    if verdict.context and all(type(verdict.context[name]) is kind for name, kind in SHAPE.items()):
        assert cedar.redecide(policies, asked, known.on, verdict.context) == verdict
    return verdict


@pytest.mark.parametrize("kind", ["sound", "unsound"])
def test_nothing_is_allowed_through_an_error(kind: str) -> None:
    rng = random.Random(f"{kind} 20200611")  # noqa: S311
    allowed = failed = denied = 0
    for _ in range(PAIRS // 2 // A_SET):
        policies = sound_set(rng) if kind == "sound" else unsound_set(rng)
        for _ in range(A_SET):
            asked, known = ask(rng), facts(rng)
            verdict = told(policies, asked, known)
            if verdict is None:
                failed += 1
            elif verdict.allowed or verdict.answer == "allow":
                allowed += 1
                assert verdict.errors == ()
                assert known_words(asked)
                assert alone(policies, asked, known) == (True, [])
            else:
                denied += 1
                assert verdict.reasons or verdict.errors
    assert allowed, (denied, failed)  # each is met, or nothing was tried
    assert denied > PAIRS // 20, (allowed, failed)


@pytest.mark.parametrize("odd", [None, 0, False, []])
def test_what_is_no_word_is_not_taken_for_a_word_left_out(odd: Any) -> None:
    """Found among 10,000 pairs: a region of the seat that was None passed as none given, and the ask was allowed."""
    for name in ("region", "locality", "seat_country", "seat_region"):
        verdict = told(
            cedar.load(["core"]), replace(ASK, **{name: odd}), Facts(datetime(2026, 11, 22, tzinfo=UTC), MODEL)
        )
        assert verdict is None or not verdict.allowed


def test_a_forbid_that_fails_is_a_deny_that_says_so() -> None:
    """The trap: Cedar skips a rule whose evaluation fails, and says Allow."""
    head = '@id("own.r") @says("No.") @source("https://example.org") @evidence("T")'
    text = f"{head} forbid (principal, action, resource) when {{ {FAILING[0]} }};\n"
    policies = cedar.assemble([packs.read("core"), packs.parse((HEADER + text).encode(), "own")])
    known = Facts(datetime(2026, 11, 22, tzinfo=UTC), MODEL)
    by_itself, errors = alone(policies, ASK, known)
    assert by_itself
    assert errors
    verdict = cedar.decide(policies, ASK, known, lifts=True)
    assert (verdict.answer, verdict.allowed, verdict.lifted_when) == ("deny", False, ())
    assert "overflow" in verdict.errors[0]
