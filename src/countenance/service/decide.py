"""A question to the policy as this software ships it: what it would say, and why. No grant, no key, no leaf.

It changes nothing and reads nothing of anybody: the facts are those that the question states, or assumes and lists.
The gate does not come here. Source: docs/policy.md, "On the command line".
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

from countenance.domain.decision import Verdict
from countenance.policy import cedar, whatif

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import date, datetime

    from countenance.domain.decision import ModelFacts


def question(said: Mapping[str, Sequence[str]], now: datetime) -> whatif.WhatIf:
    """What was asked, by flag. Raises BadInput for what cannot be read, an unknown pack among it."""
    asked = whatif.read(said, now=now, model=shipped_model(now.date()))
    _policies(asked.packs)
    return asked


def verdict(asked: whatif.WhatIf, *, lifts: bool, policies: cedar.PolicySet | None = None) -> Verdict:
    """What the packs say; an unknown word in the facts is a deny that names it, beside those of the ask.

    policies: the set that answers; that of the question's own packs, or of a fresh install, where it is left out.
    """
    said = cedar.decide(policies or _policies(asked.packs), asked.ask, asked.facts, lifts=lifts and not asked.errors)
    if not asked.errors:
        return said
    return Verdict("deny", said.packs, (), errors=(*said.errors, *asked.errors))


@lru_cache(maxsize=1)
def shipped_model(day: date) -> ModelFacts:
    """The evaluation of the model that comes with the software: the one place where a question gets it."""
    from countenance.vision.calibration import Calibration, model_facts

    return model_facts(Calibration.shipped(), "shipped", day)


@lru_cache(maxsize=64)
def _policies(names: tuple[str, ...] | None) -> cedar.PolicySet:
    return cedar.load(names)
