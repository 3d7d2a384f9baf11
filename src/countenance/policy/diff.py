"""For whom a change of the policy opens a door: every ask that NEW allows and OLD denied, found and described.

An ask is opened exactly where NEW allows it and one of these holds: a forbid of OLD that NEW does not have
applies (or failed), no permit of OLD applies, or OLD was stale that day. So each changed rule is taken by itself,
in the few attributes that it reads, and then `search` looks for one ask of that kind which all of NEW allows, over
every class of every attribute. What has no such ask is no opening, and that is a proof. What has one is put to
Cedar under both sets before it is reported; where Cedar says otherwise, or a bound is hit, the change is not
proven harmless and counts as loosening.

Pure: reads two policy sets, no clock, no files. Source: docs/policy.md, "What a change opens"; ADR 0064.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from typing import TYPE_CHECKING

from countenance.policy import cedar, spoken, terms, witness
from countenance.policy.classes import cut
from countenance.policy.conditions import Conditions, Meaning
from countenance.policy.cover import cover
from countenance.policy.diagram import NONE, TooLarge
from countenance.policy.opening import Comparison, Opening
from countenance.policy.search import Search

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from countenance.policy.diagram import Box
    from countenance.policy.opening import Example, Kind
    from countenance.policy.search import Choice
    from countenance.policy.terms import Term

STEPS = 400_000
"""Most groups of conditions looked into for one direction of one comparison, some ten seconds."""
_ALWAYS = ("action", "purpose", "on")
"""Attributes that an opening names wherever it is narrower in them than NEW is anyway."""


def openings(old: cedar.PolicySet, new: cedar.PolicySet, on: datetime | None = None) -> Comparison:
    """What NEW allows and OLD denied, the reverse, and what NEW allows under lesser duties.

    on: compare on that moment alone, in UTC; None: on every day there is.
    """
    try:
        there, back = Direction(old, new, on), Direction(new, old, on)
    except (TooLarge, RecursionError):
        return Comparison(old.digest, new.digest, (), (), (), ("The rules are too many or too deep to be followed.",))
    opened, closed, eased = there.openings(), back.openings(), there.eased()
    unproven = tuple(dict.fromkeys((*there.unproven, *back.unproven)))
    return Comparison(old.digest, new.digest, opened, closed, eased, unproven, there.named())


@dataclass(frozen=True, slots=True)
class Found:
    """What may differ: why, by which rules, and the asks that it touches."""

    kind: Kind
    rules: tuple[str, ...]
    node: int


@dataclass(frozen=True, slots=True)
class Side:
    """One policy set over the common classes. stale: the first moment at which it allows nothing any more."""

    policies: cedar.PolicySet
    permits: dict[str, Meaning]
    forbids: dict[str, Meaning]
    stale: datetime


class Direction:
    """The way from one set to the other, and what opens on it."""

    def __init__(self, old: cedar.PolicySet, new: cedar.PolicySet, on: datetime | None) -> None:
        read = [_terms(each) for each in (old, new)]
        edges = [_stale(old), _stale(new), *([] if on is None else [on, on + timedelta(seconds=1)])]
        self._attributes = cut([term for side in read for term in side.values()], edges)
        self._conditions = Conditions(self._attributes)
        self._diagrams = self._conditions.diagrams
        self._search = Search(self._diagrams, STEPS)
        self._old, self._new = (self._side(*each) for each in zip((old, new), read, strict=True))
        self._on = [] if on is None else [self._span(on, on + timedelta(seconds=1))]
        self._given: tuple[int, ...] = ()
        self._feasible: dict[int, frozenset[int]] = {}
        self.unproven: list[str] = []

    def openings(self) -> tuple[Opening, ...]:
        """What NEW allows and OLD denied, smallest first."""
        self._assume(self.allowed(self._new))
        return self._described((*self._forbids(), *self._permits(), *self._staleness()))

    def eased(self) -> tuple[Opening, ...]:
        """What both allow, and NEW under fewer duties."""
        self._assume((*self.allowed(self._new), *self.allowed(self._old)))
        return self._described(self._duties())

    def named(self) -> dict[str, tuple[str, ...]]:
        """The words that the rules name of each attribute that also has others."""
        return spoken.named(self._attributes)

    def allowed(self, side: Side) -> tuple[int, ...]:
        """What must all hold of an ask that `side` allows."""
        diagrams = self._diagrams
        rules = (*side.permits.values(), *side.forbids.values())
        return (
            *self._conditions.ties(),
            *self._on,
            self._span(None, side.stale),
            diagrams.any_of([each.holds for each in side.permits.values()]),
            *(diagrams.no(each.holds) for each in side.forbids.values()),
            *(diagrams.no(each.fails) for each in rules),
        )

    def _side(self, policies: cedar.PolicySet, read: dict[str, Term]) -> Side:
        meant = {name: self._conditions.of(term) for name, term in read.items()}
        parted: dict[str, dict[str, Meaning]] = {"permit": {}, "forbid": {}}
        for name, meaning in meant.items():
            parted[policies.rules[name].effect][name] = meaning
        return Side(policies, parted["permit"], parted["forbid"], _stale(policies))

    def _span(self, since: datetime | None, until: datetime) -> int:
        level = self._conditions.level["on"]
        classes = self._attributes[level].classes
        within = [
            at
            for at, each in enumerate(classes)
            if isinstance(each.value, datetime) and (since is None or since <= each.value) and each.value < until
        ]
        return self._diagrams.one_of(level, frozenset(within))

    def _forbids(self) -> Iterator[Found]:
        """Forbids of OLD that NEW lacks, each without what its successor, or one that reads no more, still denies."""
        diagrams = self._diagrams
        new = {name: diagrams.either(each.holds, each.fails) for name, each in self._new.forbids.items()}
        for name, meaning in self._old.forbids.items():
            denied = diagrams.either(meaning.holds, meaning.fails)
            if denied in new.values():
                continue
            for other, node in new.items():
                if other == name or not diagrams.reads(node) & ~diagrams.reads(denied):
                    denied = diagrams.less(denied, node)
            yield Found("forbid", (name,), denied)

    def _permits(self) -> Iterator[Found]:
        """Permits of NEW where no permit of OLD applied, and those of OLD that failed."""
        diagrams = self._diagrams
        for name, meaning in self._new.permits.items():
            fresh = meaning.holds
            for each in self._old.permits.values():
                fresh = diagrams.less(fresh, each.holds)
            yield Found("permit", (name,), fresh)
        for name, meaning in self._old.permits.items():
            yield Found("unread", (name,), meaning.fails)

    def _staleness(self) -> Iterator[Found]:
        if self._old.stale < self._new.stale:
            first = self._old.policies.good_until
            rules = tuple(f"{each.name}.stale" for each in self._old.policies.files if each.header.stale_after == first)
            yield Found("stale", rules, self._diagrams.no(self._span(None, self._old.stale)))

    def _duties(self) -> Iterator[Found]:
        """Asks on which a permit of OLD put a duty, and none of NEW does."""
        for duty in sorted({duty for rule in self._old.policies.rules.values() for duty in rule.duties}):
            bound, still = _bound(self._old, duty), _bound(self._new, duty)
            nodes = [self._diagrams.any_of([each.holds for each in side.values()]) for side in (bound, still)]
            yield Found("duty", tuple(bound), self._diagrams.less(*nodes))

    def _assume(self, given: Sequence[int]) -> None:
        self._given, self._feasible = tuple(given), {}

    def _described(self, found: Iterable[Found]) -> tuple[Opening, ...]:
        opened = [opening for each in found if each.node != NONE for opening in self._opening(each)]
        return tuple(sorted(opened, key=_size))

    def _opening(self, found: Found) -> list[Opening]:
        """The openings of one change; one that is not proven where a bound was hit."""
        try:
            met = [(box, self._find(box)) for box in cover(self._diagrams, found.node)]
            return self._spoken(found, [(self._narrowed(box, some), some) for box, some in met if some is not None])
        except TooLarge:
            self.unproven.append(f"{' and '.join(found.rules)}: the search was given up before it was through.")
            return [Opening(found.kind, found.rules, (), "every ask, for all that could be proven.", None)]

    def _find(self, box: Box) -> Choice | None:
        return self._search.find((*self._given, self._diagrams.box(box)))

    def _narrowed(self, box: Box, choice: Choice) -> Box:
        """`box` by the classes that NEW can allow in it, without attributes in which NEW is no wider anyway."""
        seen, found = [choice], dict(box)
        for level in sorted({*box, *(self._conditions.level[name] for name in _ALWAYS)}):
            found[level] = self._possible(box, level, seen)
            if found[level] == self._everywhere(level):
                del found[level]
        return found

    def _everywhere(self, level: int) -> frozenset[int]:
        if level not in self._feasible:
            self._feasible[level] = self._possible({}, level, [])
        return self._feasible[level]

    def _possible(self, box: Box, level: int, seen: list[Choice]) -> frozenset[int]:
        """The classes at `level` of the asks in `box` that can be; what was found on the way is added to `seen`."""
        met = set()
        for at in sorted(box.get(level, range(self._diagrams.sizes[level]))):
            if not any(choice.get(level, at) == at for choice in seen):
                choice = self._find({**box, level: frozenset({at})})
                if choice is None:
                    continue
                seen.append(choice)
            met.add(at)
        return frozenset(met)

    def _spoken(self, found: Found, boxes: Sequence[tuple[Box, Choice]]) -> list[Opening]:
        said = [(spoken.clauses(self._attributes, box), self._example(found, choice)) for box, choice in boxes]
        return [self._one(found, words, example) for words, example in spoken.merged(said)]

    def _one(self, found: Found, words: spoken.Words, example: Example | None) -> Opening:
        clauses = spoken.spoken(words, self._words())
        if example is None:
            self.unproven.append(f"{' and '.join(found.rules)}: Cedar does not confirm what was found; read the rule.")
        kind = found.kind if example is not None else "unread"
        return Opening(kind, found.rules, clauses, f"{spoken.sentence(clauses)}.", example)

    def _example(self, found: Found, choice: Choice) -> Example | None:
        """An ask of this kind, if Cedar itself says of it what was found."""
        example = witness.example(self._attributes, choice)
        old, new = (
            cedar.redecide(side.policies, example.ask, example.on, example.context) for side in (self._old, self._new)
        )
        expected = old.allowed and set(new.duties) < set(old.duties) if found.kind == "duty" else not old.allowed
        return example if expected and new.allowed else None

    def _words(self) -> dict[str, tuple[str, ...]]:
        """The values that NEW allows anything for, by the names of clauses."""
        names: dict[str, tuple[str, ...]] = {}
        for level, classes in self._feasible.items():
            for key, values in spoken.clauses(self._attributes, {level: classes}).items():
                names[key[0]] = values
        return names


def _terms(policies: cedar.PolicySet) -> dict[str, Term]:
    return {name: terms.rule(form) for name, form in cedar.forms(policies).items()}


def _stale(policies: cedar.PolicySet) -> datetime:
    """The first moment at which a pack of the set is stale."""
    return datetime.combine(policies.good_until + timedelta(days=1), time(), UTC)


def _bound(side: Side, duty: str) -> dict[str, Meaning]:
    """The permits that oblige to `duty`."""
    return {name: each for name, each in side.permits.items() if duty in side.policies.rules[name].duties}


def _size(opening: Opening) -> tuple[int, int, str, tuple[str, ...]]:
    return len(opening.when), sum(len(each.values) for each in opening.when), opening.says, opening.rules
