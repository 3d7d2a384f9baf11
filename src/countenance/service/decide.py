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

    from countenance.domain.decision import Law, ModelFacts


def question(said: Mapping[str, Sequence[str]], now: datetime, registry: tuple[Law, ...] = ()) -> whatif.WhatIf:
    """What was asked, by flag. Raises BadInput for what cannot be read, an unknown pack among it.

    registry: the laws on record, where the question names none.
    """
    return Questions(now, registry).read(said)


class Questions:
    """Reads many questions of one moment."""

    def __init__(self, now: datetime, registry: tuple[Law, ...] = ()) -> None:
        self._reader = whatif.Reader(now, shipped_model(now.date()), registry)

    def read(self, said: Mapping[str, Sequence[str]]) -> whatif.WhatIf:
        """As `question`."""
        asked = self._reader.read(said)
        _policies(asked.packs)
        return asked

    def check(self, said: Mapping[str, Sequence[str]]) -> None:
        """Raise what `read` would raise."""
        self._reader.check(said)
        _policies(tuple(said["pack"]) if said.get("pack") else None)


def verdict(asked: whatif.WhatIf, *, lifts: bool, policies: cedar.PolicySet | None = None) -> Verdict:
    """What the packs say; an unknown word in the facts is a deny that names it, beside those of the ask.

    policies: the set that answers; that of the question's own packs, or of a fresh install, where it is left out.
    """
    policies = policies or _policies(asked.packs)
    return _named(asked, cedar.decide(policies, asked.ask, asked.facts, lifts=lifts and not asked.errors))


def verdicts(asked: Sequence[whatif.WhatIf]) -> list[Verdict]:
    """The same of many questions, in order, without what would lift a refusal."""
    found: dict[int, Verdict] = {}
    for packs in dict.fromkeys(each.packs for each in asked):
        places = [place for place, each in enumerate(asked) if each.packs == packs]
        said = _many(packs).decide([(asked[place].ask, asked[place].facts) for place in places])
        found |= zip(places, said, strict=True)
    return [_named(each, found[place]) for place, each in enumerate(asked)]


def _named(asked: whatif.WhatIf, said: Verdict) -> Verdict:
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


@lru_cache(maxsize=8)
def _many(names: tuple[str, ...] | None) -> cedar.Many:
    return cedar.Many(_policies(names))
