"""A law may say where not even a sketch of who is not enrolled may be kept; core says what a lock refuses."""

from __future__ import annotations

from dataclasses import replace

import pytest

from countenance.domain.decision import MEASURES, activity_of
from countenance.domain.errors import BadRecord
from countenance.policy import cedar, packs
from tests.policy.asks import FACTS, ask, decided

ILLINOIS = packs.read("illinois-bipa")


@pytest.mark.parametrize("code", ["us-il", "US-", "US-ILLI", "Illinois", "U"])
def test_a_territory_that_is_none_is_named(code: str) -> None:
    raw = ILLINOIS.text.replace("no_sketches: US-IL", f"no_sketches: {code}").encode()
    with pytest.raises(BadRecord, match="no_sketches"):
        packs.parse(raw, ILLINOIS.name)


def test_it_may_stand_more_than_once_and_holds_where_seat_or_use_is() -> None:
    raw = ILLINOIS.text.replace("no_sketches: US-IL", "no_sketches: US-IL\n// no_sketches: NZ").encode()
    policies = cedar.assemble([packs.read("core"), packs.parse(raw, ILLINOIS.name)])
    usual = ask()
    assert packs.sketches(policies.files, usual)
    for elsewhere in ({"region": "US-IL"}, {"seat_region": "US-IL"}, {"country": "NZ"}, {"seat_country": "NZ"}):
        assert not packs.sketches(policies.files, replace(usual, **elsewhere))  # type: ignore[arg-type]


@pytest.mark.parametrize("measure", MEASURES)
def test_what_is_reached_refuses_every_action_but_the_export_of_a_persons_own_data(measure: str) -> None:
    known = replace(FACTS, activity=activity_of({measure}))
    for action in ("enrol", "verify", "identify", "detect", "test", "disclose"):
        found = {reason.id for reason in decided("core", ask(action=action), known).reasons}
        assert {"core.meter", f"core.meter-{measure}"} <= found
    assert decided("core", ask(action="export"), known).allowed
