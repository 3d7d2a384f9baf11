"""One ask that satisfies many conditions at once, or the proof that there is none.

The conditions (each a diagram: one permits, no rule forbids, facts that cannot be together are not) are walked
side by side, attribute by attribute, in place of their product, which would be huge: as soon as one is
impossible the branch ends, conditions that share no attribute are searched apart, and what was found of a
group of conditions is kept. So every class of every attribute is covered, and none is visited that no
condition tells from its neighbour. A bound on the steps ends a search that takes too long: _TooLarge, never a
guess.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from countenance.policy.diagram import ALL, NONE, _TooLarge

if TYPE_CHECKING:
    from collections.abc import Iterable

    from countenance.policy.diagram import Diagrams

Choice = dict[int, int]
"""Level to class, for the attributes that matter; any class will do for the others."""
_Group = frozenset[int]


class Search:
    """Searches over one family of diagrams; what one has found, the next need not find again."""

    def __init__(self, diagrams: Diagrams, steps: int) -> None:
        """steps: groups of conditions that may be looked into, over all searches; about 20 microseconds each."""
        self._diagrams = diagrams
        self._left = steps
        self._found: dict[_Group, Choice | None] = {}

    def find(self, conditions: Iterable[int]) -> Choice | None:
        """The first ask, in the order of levels and classes, that satisfies all; None: there is none."""
        group = frozenset(conditions) - {ALL}
        if NONE in group:
            return None
        whole: Choice = {}
        for part in self._apart(group):
            found = self._within(part)
            if found is None:
                return None
            whole |= found
        return whole

    def _within(self, group: _Group) -> Choice | None:
        """The same, of conditions that hang together."""
        if group not in self._found:
            if self._left <= 0:
                raise _TooLarge
            self._left -= 1
            self._found[group] = self._branch(group)
        return self._found[group]

    def _branch(self, group: _Group) -> Choice | None:
        diagrams = self._diagrams
        level = min(map(diagrams.level, group))
        here = [diagrams.branches(each) for each in group if diagrams.level(each) == level]
        rest = frozenset(each for each in group if diagrams.level(each) != level)
        tried: set[tuple[int, ...]] = set()
        for at, below in enumerate(zip(*here, strict=True)):
            if NONE not in below and below not in tried:
                tried.add(below)
                found = self.find(rest.union(below))
                if found is not None:
                    return {level: at, **found}
        return None

    def _apart(self, group: _Group) -> list[_Group]:
        """The group in parts that share no attribute, the known ones first, then the smallest."""
        reads = {each: self._diagrams.reads(each) for each in group}
        once = several = 0
        for bits in reads.values():
            several |= once & bits
            once |= bits
        alone = [frozenset({each}) for each, bits in reads.items() if not bits & several]
        parts: list[tuple[int, set[int]]] = []
        for each, bits in reads.items():
            if bits & several:
                parts = _joined(parts, each, bits)
        found = [frozenset(members) for _, members in parts]
        found.sort(key=lambda part: (part not in self._found, len(part), min(part)))
        return found + alone


def _joined(parts: list[tuple[int, set[int]]], node: int, reads: int) -> list[tuple[int, set[int]]]:
    """The parts, of which those that read what `node` reads are one with it."""
    members, distant = {node}, []
    for other, others in parts:
        if other & reads:
            reads |= other
            members |= others
        else:
            distant.append((other, others))
    return [*distant, (reads, members)]
