"""A key is for the purposes, modes and places of its grant: every call that reads faces, every way to leave it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from countenance.domain.errors import Refused
from countenance.service import detect, identify, verify
from countenance.service.enrol import enrol
from countenance.service.use import Use
from tests.service.test_line import enrolled
from tests.service.world import World, photo

if TYPE_CHECKING:
    from collections.abc import Callable

CALLS: dict[str, Callable[[World, Any, Any, Use], Any]] = {
    "enrol": lambda world, who, inside, use: enrol(world.house, who, inside, "ada", photo(1), use),
    "verify": lambda world, who, inside, use: verify.verify(world.house, who, inside, "ada", photo(1), use),
    "identify": lambda world, who, inside, use: identify.identify(world.house, who, inside, photo(1), use),
    "detect": lambda world, who, _, use: detect.detect(world.house, who, photo(1), use),
}
OUTSIDE = {
    "core.grant-purpose": Use(purpose="attendance"),
    "core.grant-mode": Use(purpose="access-control", mode="post"),
    "core.grant-place": Use(purpose="access-control", place="own-device"),
}


@pytest.mark.parametrize("rule", OUTSIDE)
@pytest.mark.parametrize("call", CALLS)
def test_a_key_outside_its_grant_is_denied_with_the_rule(world: World, call: str, rule: str) -> None:
    who, inside = enrolled(world, ("ada", 1))
    shown = world.engine.shown
    with pytest.raises(Refused) as refused:
        CALLS[call](world, who, inside, OUTSIDE[rule])
    verdict = refused.value.decision.verdict
    assert rule in [reason.id for reason in verdict.reasons]
    opened = world.proven(refused.value.receipt).leaf.open
    assert isinstance(opened["ask"], dict)
    assert (opened["ask"]["action"], opened["verdict"]) == (call, "deny")
    assert world.engine.shown == shown


@pytest.mark.parametrize("call", CALLS)
def test_within_its_grant_the_same_call_is_answered(world: World, call: str) -> None:
    who, inside = enrolled(world, ("ada", 1))
    answered = CALLS[call](world, who, inside, Use(purpose="access-control"))
    assert dict(answered.decision.rests_on)["sector"] == "verified"
