"""An exception by name, in real calls: a name that nobody checked opens nothing, and the refusal says what would."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from countenance.domain.errors import Refused
from countenance.policy import cedar
from countenance.policy.context import EXCEPTIONS
from countenance.service import admit, detect
from countenance.service.application import Application
from countenance.service.use import Use
from tests.service.world import photo, ruled

if TYPE_CHECKING:
    from tests.service.world import World

RESCUE: dict[str, Any] = {
    "sector": "nonprofit", "acts_for": frozenset({"police"}), "country": "FR", "contact": "A. Person",
    "purposes": frozenset({"trafficking-rescue"}), "attested_by": "A. Person",
}  # fmt: skip


@pytest.fixture
def amazon(world: World) -> World:
    ruled(world.house, policies=cedar.load(["amazon-2021"]))
    return world


def refused(world: World, name: str) -> Refused:
    with pytest.raises(Refused) as denied:
        admit.apply(world.house, Application(name=name, **RESCUE))
    return denied.value


def lifts(denied: Refused) -> list[tuple[tuple[str, object], ...]]:
    assert denied.decision is not None
    return [lift.all for lift in denied.decision.verdict.lifted_when]


@pytest.mark.parametrize("name", EXCEPTIONS)
def test_an_unchecked_name_is_refused_and_told_that_being_verified_lifts_it(amazon: World, name: str) -> None:
    denied = refused(amazon, name)
    assert [reason.id for reason in denied.decision.verdict.reasons] == ["amazon-2021.police"]
    assert denied.decision.verdict.context["exception"] == ""
    assert lifts(denied) == [(("verified", True),)]
    leaf = amazon.proven(denied.receipt).leaf.open
    assert leaf["context"]["exception"] == ""  # type: ignore[index,call-overload]


def test_no_other_name_is_told_so(amazon: World) -> None:
    assert lifts(refused(amazon, "Thorn Ltd")) == []


def test_a_name_opens_while_it_is_checked_and_a_refused_call_says_that_checking_it_again_would(amazon: World) -> None:
    check = replace(amazon.verification(), until=(amazon.moment + timedelta(days=2)).date())
    who = amazon.customer(name="Thorn", verification=check, **RESCUE)
    assert detect.detect(amazon.house, who, photo(1), Use()).decision.verdict.context["exception"] == "thorn"
    amazon.later(days=2)
    with pytest.raises(Refused) as denied:
        detect.detect(amazon.house, who, photo(1), Use())
    assert [reason.id for reason in denied.value.decision.verdict.reasons] == ["amazon-2021.police"]
    assert lifts(denied.value) == [(("verified", True),)]
