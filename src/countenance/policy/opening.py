"""For whom a change of the policy opens a door: the answer of `policy diff`, as data, as JSON and as sentences.

An opening is a box of asks (one clause for each attribute that matters) together with one ask from it that
Cedar itself denied before and allows now. Nothing is found here: diff.py looks. Source: docs/policy.md,
"What a change opens".
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from countenance.policy import wire

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from countenance.domain.decision import Ask
    from countenance.policy.context import Value

Kind = Literal["forbid", "permit", "stale", "duty", "unread"]
"""Why a door opens: a forbid is gone or narrower, a permit is new or wider, sources were read again, an allow
obliges to less, or a rule says something that could not be followed and so counts as open."""


@dataclass(frozen=True, slots=True)
class Clause:
    """One attribute of an ask and the values it may have, at least one of them.

    attribute: a flag of `decide` (`country`), a fact of the context (`authority.recognised`), or one of
    `by-or-for` (a party of the ask), `seat-or-use-country`, `seat-or-use-region`; `not-by-or-for` and the like: none
    of the values. values: words; `other` stands for every word that neither set mentions, `one-other` and `another` for
    two different ones; for `on` and for numbers each is a span `FROM..UNTIL` (times in UTC), FROM inclusive, UNTIL
    exclusive, either may be empty.
    """

    attribute: str
    values: tuple[str, ...]
    says: str


@dataclass(frozen=True, slots=True)
class Example:
    """One ask, with its time and context, as `cedar.redecide` takes them."""

    ask: Ask
    on: datetime
    context: Mapping[str, Value]


@dataclass(frozen=True, slots=True)
class Opening:
    """Asks that one set denies and the other allows, wherever no other rule of the latter speaks against them.

    rules: those that made the difference. when: smallest that describes them; empty: every ask. example: None
    where the search was given up before one was found; then the opening is not proven, and counts.
    """

    kind: Kind
    rules: tuple[str, ...]
    when: tuple[Clause, ...]
    says: str
    example: Example | None


@dataclass(frozen=True, slots=True)
class Comparison:
    """What lies between two policy sets.

    openings: NEW allows, OLD denied, smallest first. closings: the reverse. eased: both allow, NEW obliges to less.
    unproven: one sentence for each thing that could not be decided within the bounds; empty where all was. named: of
    each attribute without a short vocabulary, the words that either set names; `other` is any other word.
    """

    old: str
    new: str
    openings: tuple[Opening, ...]
    closings: tuple[Opening, ...]
    eased: tuple[Opening, ...] = ()
    unproven: tuple[str, ...] = ()
    named: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    @property
    def proven(self) -> bool:
        """Whether the lists are whole: nothing was given up."""
        return not self.unproven

    @property
    def loosens(self) -> bool:
        """Whether the change counts as loosening: it opens or eases something, or nobody could prove that not."""
        return bool(self.openings or self.eased or self.unproven)


def to_wire(found: Comparison) -> dict[str, object]:
    """The JSON of `policy diff --json`, and of a change that is announced."""
    return {
        "old": found.old,
        "new": found.new,
        "loosens": found.loosens,
        "proven": found.proven,
        "openings": [one_to_wire(each) for each in found.openings],
        "closings": [one_to_wire(each) for each in found.closings],
        "eased": [one_to_wire(each) for each in found.eased],
        "unproven": list(found.unproven),
        "named": {name: list(words) for name, words in found.named.items()},
    }


def one_to_wire(opening: Opening) -> dict[str, object]:
    """The JSON of one opening."""
    return {
        "says": opening.says,
        "kind": opening.kind,
        "rules": list(opening.rules),
        "when": [{"attribute": each.attribute, "values": list(each.values)} for each in opening.when],
        "example": None if opening.example is None else example(opening.example),
    }


def example(found: Example) -> dict[str, object]:
    """The words, the time and the context of an ask; enough to decide it again."""
    return {"ask": wire.ask_words(found.ask), "on": wire.when(found.on), "context": dict(found.context)}
