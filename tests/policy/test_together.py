"""A rule that ends only when several facts hold is lifted in one step; one that ends otherwise too is no such rule."""

from __future__ import annotations

from dataclasses import replace

import pytest

from countenance.domain.decision import Ask, ModelFacts
from countenance.policy import cedar, residual
from countenance.policy.lifts import AtMost
from tests.policy.asks import MODEL, facts
from tests.policy.test_lifts import own_pack, rule

ASK = Ask("detect", "commercial", "DE", "access-control", seat_country="DE")
NOTICE, TRAINED = "context.paperwork.notice_of_intent", "context.paperwork.training_valid"
UNEQUAL: ModelFacts = replace(MODEL, fmr_max_geomean_milli=5000)


def lifted(condition: str) -> list[list[tuple[str, object]]]:
    own = own_pack(rule("both", condition))
    verdict = cedar.decide(own, ASK, facts(model=UNEQUAL), lifts=True)
    return [list(lift.all) for lift in verdict.lifted_when]


BOTH: list[tuple[str, object]] = [("paperwork.notice_of_intent", True), ("paperwork.training_valid", True)]
LESS: list[tuple[str, object]] = [("model.fmr_max_geomean_milli", AtMost(4000))]


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        (f"!({NOTICE} && {TRAINED})", [BOTH]),
        (f'resource.mode == "one-off" && !({NOTICE} && {TRAINED})', [BOTH]),
        (f"!({NOTICE} || {TRAINED})", [[BOTH[0]], [BOTH[1]]]),
        (f"!{NOTICE} && !{TRAINED}", [[BOTH[0]], [BOTH[1]]]),
        (f"!{NOTICE} || !{TRAINED}", [BOTH]),
        (f"context.model.fmr_max_geomean_milli > 4000 && !({NOTICE} && {TRAINED})", [LESS, BOTH]),
        (f'context.on < datetime("2027-06-10") && !({NOTICE} && {TRAINED})', [[("on", "2027-06-10")], BOTH]),
        (f"!{NOTICE} && !({NOTICE} && {TRAINED})", [[BOTH[0]]]),
        (f"!({NOTICE} && context.activity.tripped)", []),  # which would need a meter that tripped: core forbids it
    ],
)
def test_what_ends_a_rule_is_found_whatever_its_form(condition: str, expected: list[list[tuple[str, object]]]) -> None:
    assert lifted(condition) == expected


def test_only_a_rule_that_ends_no_other_way_is_taken_as_one_step() -> None:
    context = {"unknown": [{"Value": "context"}]}
    first, second = ({".": {"left": context, "attr": name}} for name in ("verified", "other"))
    both = {"!": {"arg": {"&&": {"left": first, "right": second}}}}

    def read(body: object) -> bool:
        return residual.read([{"kind": "when", "body": body}]).together

    assert read(both)
    assert read({"&&": {"left": {"Value": True}, "right": both}})
    assert not read({"&&": {"left": {"!": {"arg": {".": {"left": context, "attr": "third"}}}}, "right": both}})
    assert not read({"||": {"left": both, "right": both}})
    assert not read({"!": {"arg": {"||": {"left": first, "right": second}}}})
    assert not read(first)
