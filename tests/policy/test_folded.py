"""What is worked out beforehand in a rule is what Cedar would come to, failures included."""

from __future__ import annotations

import json
import os
import random
from typing import Any

import cedarpy
import pytest

from countenance.policy.folded import cannot_fail, fold, folded

ROUNDS = 6_000 if os.environ.get("COUNTENANCE_LONG") else 300
HUGE = 9_223_372_036_854_775_807
LEAVES = (
    "true", "false", "1 < 2", "2 <= 1", "3 > 3", "3 >= 3", '"a" == "a"', '"a" != "b"', '1 == "1"', "true == true",
    'datetime("2020-06-11") < datetime("2020-06-11T04:00:00Z")', 'datetime("2021-01-01") >= datetime("2020-06-11")',
    'principal.sector == "police"', 'principal.parties.contains("police")', f"principal.number * {HUGE} == 1",
    f"principal.number + {HUGE} > 0", 'action == Action::"a"', '["a", "b"].contains(principal.sector)',
    'principal == Customer::"x"', "principal has nothing", '{"a": 1} == {"a": 1}',
)  # fmt: skip
ENTITIES = json.dumps([
    {"uid": {"type": "Customer", "id": "x"}, "parents": [],
     "attrs": {"sector": "police", "parties": ["police"], "number": 9}},
])  # fmt: skip


def expression(rng: random.Random, depth: int = 0) -> str:
    if depth < 4 and rng.random() < 0.7:
        one, two, three = (expression(rng, depth + 1) for _ in range(3))
        return rng.choice(
            [f"({one} && {two})", f"({one} || {two})", f"!({one})", f"(if {one} then {two} else {three})"]
        )
    return rng.choice(LEAVES)


def parsed(text: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(cedarpy.policies_to_json_str(text))
    return found


def said(document: dict[str, Any]) -> tuple[str, bool]:
    """Cedar's decision, and whether a rule failed."""
    text = cedarpy.policies_from_json_str(json.dumps(document))
    request = {"principal": 'Customer::"x"', "action": 'Action::"a"', "resource": 'Use::"u"', "context": {}}
    found = cedarpy.is_authorized(request, text or "forbid (principal, action, resource) when { false };", ENTITIES)
    return found.decision.value, bool(found.diagnostics.errors)


def test_a_rule_says_what_it_said_before() -> None:
    rng, left_out = random.Random(20200611), 0  # noqa: S311
    for _ in range(ROUNDS):
        conditions = " ".join(
            f"{rng.choice(['when', 'unless'])} {{ {expression(rng)} }}" for _ in range(rng.randrange(1, 4))
        )
        whole = parsed(f"permit (principal, action, resource) {conditions};")
        rules = {name: folded(rule) for name, rule in whole["staticPolicies"].items()}
        left_out += None in rules.values()
        again = {**whole, "staticPolicies": {name: rule for name, rule in rules.items() if rule is not None}}
        assert said(again) == said(whole), conditions
    assert left_out > ROUNDS // 20


def body(text: str) -> Any:
    rule = parsed(f"permit (principal, action, resource) when {{ {text} }};")["staticPolicies"]["policy0"]
    return rule["conditions"][0]["body"]


@pytest.mark.parametrize(
    ("text", "comes_to"),
    [
        ('true && principal.sector == "a"', 'principal.sector == "a"'),
        ('principal.sector == "a" && true', 'principal.sector == "a"'),
        ('principal.sector == "a" && false', "false"),
        (f"principal.number + {HUGE} > 0 && false", f"principal.number + {HUGE} > 0 && false"),
        (f"principal.number + {HUGE} > 0 || true", f"principal.number + {HUGE} > 0 || true"),
        ("true || principal.nothing", "true"),
        ("!(1 < 2)", "false"),
        ('if true then principal.sector == "a" else false', 'principal.sector == "a"'),
        ('1 == "1"', "false"),
        ('datetime("2020-06-11") <= datetime("2020-06-11T00:00:00Z")', "true"),
        ('datetime("2020-06-11") < datetime("2020-06-11T00:00:00Z")', "false"),
        ('1 < principal.number', '1 < principal.number'),
        ('Customer::"x" == Customer::"x"', 'Customer::"x" == Customer::"x"'),
    ],
)  # fmt: skip
def test_what_is_constant_is_worked_out_and_nothing_else(text: str, comes_to: str) -> None:
    assert fold(body(text)) == body(comes_to)


@pytest.mark.parametrize(
    ("text", "sure"),
    [
        ('principal.sector == "a" && ["a"].contains(principal.sector)', True),
        ('{"a": principal.number}.a > 1', True),
        ("principal.number + 1 > 0", False),
        ('{"a": principal.number * 2}.a > 1', False),
        ('decimal("1.0").lessThan(decimal("2.0"))', False),
        ('datetime("2020-06-11").offset(duration("1d")) > datetime("2020-01-01")', False),
    ],
)
def test_what_can_fail_is_known(text: str, sure: bool) -> None:  # noqa: FBT001
    assert cannot_fail(body(text)) is sure
