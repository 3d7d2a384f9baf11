"""Whether a change of the policy set loosens, and by what: what is not proven to be no looser counts as looser.

The texts are compared first: a set that has every forbid of the other and no permit beside is no looser, which takes no
time. Else every class of asks is enumerated (policy/diff.py). It decides nothing.
Source: docs/policy.md, "Changing a promise".
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from countenance.policy import diff
from countenance.policy import weigh as texts

if TYPE_CHECKING:
    from countenance.policy.cedar import PolicySet


MOST_SENTENCES = 200
"""That say why in the document of a change; `countenance policy diff` on the published sets has them all."""


@dataclass(frozen=True, slots=True)
class Weighed:
    """loosens: it opens a door, or nobody can say that it doesn't. why: a sentence for each way."""

    loosens: bool
    why: tuple[str, ...]


def weigh(old: PolicySet, new: PolicySet) -> Weighed:
    """What a step from `old` to `new` opens. Some seconds at most."""
    if not texts.may_loosen(old, new):
        return Weighed(loosens=False, why=())
    found = diff.openings(old, new)
    why = [*(opening.says for opening in (*found.openings, *found.eased)), *found.unproven]
    return Weighed(found.loosens, tuple(why[:MOST_SENTENCES]))
