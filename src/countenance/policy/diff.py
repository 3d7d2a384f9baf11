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

from countenance.domain.errors import InternalError
from countenance.policy import cedar, spoken, terms, witness
from countenance.policy.classes import HOUR, cut, whole_hour
from countenance.policy.conditions import Conditions, Meaning
from countenance.policy.cover import cover, span
from countenance.policy.diagram import NONE, _TooLarge
from countenance.policy.opening import Comparison, Opening
from countenance.policy.search import Search

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from countenance.policy.diagram import Box
    from countenance.policy.opening import Example, Kind
    from countenance.policy.search import Choice
    from countenance.policy.terms import Term

    Member = tuple[Box, Choice]
    """A box, and one ask in it that NEW allows."""

STEPS = 400_000
"""Most groups of conditions looked into for one direction of one comparison, some ten seconds."""
TOO_MANY = "The rules are too many or too deep to be followed."
FEW = 12
"""Boxes that a reader can take in at once."""
_ALWAYS = ("action", "purpose", "on")
"""Attributes that an opening names wherever it is narrower in them than what either set allows at all."""


def openings(old: cedar.PolicySet, new: cedar.PolicySet, on: datetime | None = None, steps: int = STEPS) -> Comparison:
    """What NEW allows and OLD denied, the reverse, and what NEW allows under lesser duties.

    on: compare in the hour of that moment alone, in UTC; None: on every day there is. steps: the bound on the search,
    each way.
    """
    try:
        there, back = Direction(old, new, on, steps), Direction(new, old, on, steps)
        opened, closed, eased = there.openings(), back.openings(), there.eased()
    except (_TooLarge, RecursionError):
        return Comparison(old.digest, new.digest, (), (), (), (TOO_MANY,))
    unproven = tuple(dict.fromkeys((*there.unproven, *back.unproven)))
    return Comparison(old.digest, new.digest, opened, closed, eased, unproven, there.named())


def allowed(policies: cedar.PolicySet, **words: frozenset[str]) -> Example | None:
    """An ask that `policies` allows, whose attributes (`purpose`) have one of these words; None: proven that none is.

    Raises InternalError where the bound was hit, and where Cedar does not confirm the ask that was found.
    """
    try:
        asked = [terms.OneOf(name, frozenset[terms.Literal]({word})) for name, known in words.items() for word in known]
        side = Direction(policies, policies, None, STEPS, asked)
        found = side.example_of(words)
    except (_TooLarge, RecursionError):
        raise InternalError("the search was given up before it was through") from None
    if found is not None and not cedar.redecide(policies, found.ask, found.on, found.context).allowed:
        raise InternalError("Cedar does not confirm what was found")
    return found


@dataclass(frozen=True, slots=True)
class Found:
    """What may differ: why, by which rules, the asks that it touches, and what else must hold of them."""

    kind: Kind
    rules: tuple[str, ...]
    node: int
    besides: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Side:
    """One policy set over the common classes. stale: the first moment at which it allows nothing any more."""

    policies: cedar.PolicySet
    permits: dict[str, Meaning]
    forbids: dict[str, Meaning]
    stale: datetime


class Direction:
    """The way from one set to the other, and what opens on it."""

    def __init__(
        self, old: cedar.PolicySet, new: cedar.PolicySet, on: datetime | None, steps: int, also: Sequence[Term] = ()
    ) -> None:
        """also: terms by which the attributes are cut further."""
        on = None if on is None else whole_hour(on)
        read = [_terms(each) for each in (old, new)]
        edges = [_stale(old), _stale(new), *([] if on is None else [on, on + HOUR])]
        told = [term for side in read for term in side.values()]
        self._attributes = cut([*told, *also], edges)
        self._conditions = Conditions(self._attributes)
        self._diagrams = self._conditions.diagrams
        self._search = Search(self._diagrams, steps)
        self._old, self._new = (self._side(*each) for each in zip((old, new), read, strict=True))
        before = {self._denied(each) for each in self._old.forbids.values()}
        after = {name: self._denied(each) for name, each in self._new.forbids.items()}
        self._fresh = {name: node for name, node in after.items() if node not in before}
        self._on = [] if on is None else [self._span(on, on + HOUR)]
        self._before = self.allowed(self._old)
        self._given = self.allowed(self._new)
        self._besides: tuple[int, ...] = ()
        self._feasible: dict[int, frozenset[int]] = {}
        self.unproven: list[str] = []

    def openings(self) -> tuple[Opening, ...]:
        """What NEW allows and OLD denied, smallest first."""
        self._given, self._feasible = self.allowed(self._new), {}
        return self._described((*self._forbids(), *self._permits(), *self._staleness()))

    def eased(self) -> tuple[Opening, ...]:
        """What both allow, and NEW under fewer duties."""
        self._given, self._feasible = (*self.allowed(self._new), *self.allowed(self._old)), {}
        return self._described(self._duties())

    def example_of(self, words: Mapping[str, frozenset[str]]) -> Example | None:
        """An ask of these words that NEW allows, if there is one. Raises _TooLarge."""
        choice = self._find(self._conditions.box(words))
        return None if choice is None else witness.example(self._attributes, choice)

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

    def _denied(self, forbid: Meaning) -> int:
        return self._diagrams.either(forbid.holds, forbid.fails)

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
        """Forbids of OLD that NEW lacks, each without what its successor still denies."""
        diagrams = self._diagrams
        new = {name: self._denied(each) for name, each in self._new.forbids.items()}
        for name, meaning in self._old.forbids.items():
            denied = self._denied(meaning)
            if denied in new.values():
                continue
            yield Found("forbid", (name,), diagrams.less(denied, new.get(name, NONE)))

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
        """Permits of OLD with a duty that no permit of NEW puts on the same ask."""
        for duty in sorted({duty for rule in self._old.policies.rules.values() for duty in rule.duties}):
            bound, still = _bound(self._old, duty), _bound(self._new, duty)
            for name, meaning in bound.items():
                if meaning not in still.values():
                    free = tuple(self._diagrams.no(each.holds) for each in still.values())
                    yield Found("duty", (name,), meaning.holds, free)

    def _described(self, found: Iterable[Found]) -> tuple[Opening, ...]:
        opened: list[Opening] = []
        try:
            for each in found:
                opened += self._opening(each) if each.node != NONE else []
        except _TooLarge:
            self.unproven.append(TOO_MANY)
        return tuple(sorted(opened, key=_size))

    def _opening(self, found: Found) -> list[Opening]:
        """The openings of one change; one that is not proven where a bound was hit."""
        self._besides = found.besides
        try:
            if self._search.find((*self._given, *self._besides, found.node)) is None:
                return []
            met = [(box, self._plainest(box)) for box in self._boxes(found)]
            return self._spoken(found, [(box, some) for box, some in met if some is not None])
        except _TooLarge:
            self.unproven.append(f"{' and '.join(found.rules)}: the search was given up before it was through.")
            return [Opening(found.kind, found.rules, (), "every ask, for all that could be proven.", None)]

    def _boxes(self, found: Found) -> list[Box]:
        """What differs as boxes; without what the new rules of NEW deny of it, where that is still said in few."""
        node, fine = found.node, found.node
        for fresh in self._fresh.values():
            fine = self._diagrams.less(fine, fresh)
        try:
            wide = cover(self._diagrams, node)
        except _TooLarge:
            self.unproven.append(f"{' and '.join(found.rules)}: what opens is said more widely than it is.")
            return [span(self._diagrams, node)]
        try:
            return cover(self._diagrams, fine, max(FEW, len(wide)))
        except _TooLarge:
            return wide

    def _find(self, box: Box) -> Choice | None:
        return self._search.find((*self._given, *self._besides, self._diagrams.box(box)))

    def _plainest(self, box: Box) -> Choice | None:
        """The first ask of a box; one by a party that the box names rather than for it."""
        for name, level in self._conditions.level.items():
            stem, _, word = name.partition(":")
            if stem == "parties" and self._attributes[level].which(bool) == box.get(level):
                own = {**self._conditions.box({"sector": frozenset({word})}), **box}
                if (found := self._find(own)) is not None:
                    return found
        return self._find(box)

    def _narrowed(self, group: Sequence[Member]) -> list[Member]:
        """Boxes that are said in one, by the classes that NEW can allow in them.

        Without attributes in which neither set is any wider; what tells the boxes apart stays as it is.
        """
        boxes = [dict(box) for box, _ in group]
        apart = {level for box in boxes for level in box if any(box[level] != other.get(level) for other in boxes)}
        always = {self._conditions.level[name] for name in _ALWAYS}
        for level in sorted(({*boxes[0]} | always) - apart):
            possible = self._possible(
                self._given + self._besides, [box for box, _ in group], level, [c for _, c in group]
            )
            for box in boxes:
                box[level] = possible
                if possible == self._everywhere(level):
                    del box[level]
        return [(box, choice) for box, (_, choice) in zip(boxes, group, strict=True)]

    def _everywhere(self, level: int) -> frozenset[int]:
        """The classes at `level` of the asks that either set allows."""
        if level not in self._feasible:
            now, before = (self._possible(given, [{}], level, []) for given in (self._given, self._before))
            self._feasible[level] = now | before
        return self._feasible[level]

    def _possible(
        self, given: tuple[int, ...], boxes: Sequence[Box], level: int, seen: Sequence[Choice]
    ) -> frozenset[int]:
        """The classes at `level` of the asks in any of `boxes` for which `given` holds. seen: some of these asks."""
        wanted = boxes[0].get(level, range(self._diagrams.sizes[level]))
        met = {at for at in wanted if any(choice.get(level, at) == at for choice in seen)}
        for at in wanted:
            tries = [self._diagrams.box({**box, level: frozenset({at})}) for box in boxes] if at not in met else []
            if any(self._search.find((*given, each)) is not None for each in tries):
                met.add(at)
        return frozenset(met)

    def _spoken(self, found: Found, boxes: Sequence[Member]) -> list[Opening]:
        """Boxes that can be said in one are narrowed together, which may let more of them be said in one."""
        groups = spoken.merged((self._clauses(box), [(box, some)]) for box, some in boxes)
        narrow = [each for _, group in groups for each in self._narrowed(group)]
        said = spoken.merged((self._clauses(box), [(box, some)]) for box, some in narrow)
        return [self._one(found, words, self._example(found, group[0][1])) for words, group in said]

    def _clauses(self, box: Box) -> spoken.Words:
        return spoken.clauses(self._attributes, box)

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
        """The values that either set allows anything for, by the names of clauses."""
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
