"""What the duties of a pack come to as clocks: from when on, and for how long, a template may still be kept.

A pack says which duty holds for whom (`@duties` of a permit); here stands what each of these words asks, as
docs/policy.md has it. It finds no rule and erases nothing: service/retention.py does.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from countenance.policy import cedar

if TYPE_CHECKING:
    from countenance.domain.decision import Ask, Facts
    from countenance.policy.cedar import PolicySet

PURPOSE_OVER = "purpose-over"
"""From when no basis covers the purpose any more, or no grant does."""
LAST_MET = "last-met"
"""From the last time that the person was enrolled, or recognised."""


@dataclass(frozen=True, slots=True)
class Clock:
    """Runs from `since` on for so many years; at its end what is kept must be gone."""

    since: str
    years: int


CLOCKS: dict[str, tuple[Clock, ...]] = {
    "delete-by": (Clock(PURPOSE_OVER, 0),),
    "delete-within-1-year": (Clock(PURPOSE_OVER, 1),),
    "delete-within-3-years": (Clock(PURPOSE_OVER, 0), Clock(LAST_MET, 3)),
    "erase-on-withdrawal": (Clock(PURPOSE_OVER, 0),),
}
"""By duty; the other duties start no clock."""


def clocks(policies: PolicySet, ask: Ask, facts: Facts) -> tuple[tuple[str, Clock], ...]:
    """Rule ids and the clocks they start for this ask, whatever else refuses it: a refusal stops no clock."""
    found = cedar.decide(cedar.permits(policies), ask, facts)
    duties = [(reason.id, duty) for reason in found.reasons for duty in policies.rules[reason.id].duties]
    return tuple((rule, clock) for rule, duty in duties for clock in CLOCKS.get(duty, ()))
