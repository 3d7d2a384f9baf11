"""Sets of asks as decision diagrams: what a condition means, in one form whatever way it was written.

An ask is a choice of one class for each attribute; a diagram says yes or no to each such choice. Diagrams are
reduced and shared, so two conditions mean the same exactly where their numbers are equal, and a condition that
reads three attributes has nodes for three. Nothing here knows what an attribute is. Source: Bryant, Graph-Based
Algorithms for Boolean Function Manipulation (1986), with as many branches as an attribute has classes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

NONE, ALL = 0, 1
"""The diagram of no ask, and of every ask."""
Box = dict[int, frozenset[int]]
"""Level to the classes it may have; a level that is missing may have any."""


class _TooLarge(Exception):
    """A bound was hit; whoever asked must say that nothing was proven. It never leaves this room."""


class Diagrams:
    """All diagrams over attributes in one order. sizes: how many classes each level (attribute) has."""

    def __init__(self, sizes: Sequence[int], most: int = 400_000) -> None:
        """most: nodes that may be made, some 200 bytes each; _TooLarge beyond."""
        self.sizes = tuple(sizes)
        self._most = most
        self._nodes: list[tuple[int, tuple[int, ...]]] = [(len(sizes), ()), (len(sizes), ())]
        self._known: dict[tuple[int, tuple[int, ...]], int] = {}
        self._both: dict[tuple[int, int], int] = {}
        self._not: dict[int, int] = {NONE: ALL, ALL: NONE}
        self._reads: dict[int, int] = {NONE: 0, ALL: 0}

    def level(self, node: int) -> int:
        """The first attribute that `node` looks at; past the last one for NONE and ALL."""
        return self._nodes[node][0]

    def branches(self, node: int) -> tuple[int, ...]:
        """What is left of `node` for each class of its first attribute."""
        return self._nodes[node][1]

    def one_of(self, level: int, classes: frozenset[int]) -> int:
        """The asks whose attribute at `level` has one of these classes."""
        return self._node(level, tuple(ALL if each in classes else NONE for each in range(self.sizes[level])))

    def box(self, box: Box) -> int:
        """The asks in `box`."""
        return self.all_of([self.one_of(level, classes) for level, classes in box.items()])

    def both(self, one: int, other: int) -> int:
        """The asks that are in both."""
        if one == other or other == ALL:
            return one
        if NONE in (one, other):
            return NONE
        if one == ALL:
            return other
        pair = (one, other) if one < other else (other, one)
        if pair not in self._both:
            level = min(self.level(one), self.level(other))
            sides = zip(self._at(one, level), self._at(other, level), strict=True)
            self._both[pair] = self._node(level, tuple([self.both(a, b) for a, b in sides]))
        return self._both[pair]

    def no(self, node: int) -> int:
        """The asks that are not in `node`."""
        if node not in self._not:
            level, branches = self._nodes[node]
            self._not[node] = turned = self._node(level, tuple([self.no(each) for each in branches]))
            self._not[turned] = node
        return self._not[node]

    def either(self, one: int, other: int) -> int:
        """The asks that are in one at least."""
        return self.no(self.both(self.no(one), self.no(other)))

    def all_of(self, nodes: Sequence[int]) -> int:
        """The asks that are in every one."""
        whole = ALL
        for node in nodes:
            whole = self.both(whole, node)
        return whole

    def any_of(self, nodes: Sequence[int]) -> int:
        """The asks that are in one at least."""
        return self.no(self.all_of([self.no(node) for node in nodes]))

    def less(self, one: int, other: int) -> int:
        """The asks that are in `one` and not in `other`."""
        return self.both(one, self.no(other))

    def reads(self, node: int) -> int:
        """The levels that `node` looks at, as bits."""
        if node not in self._reads:
            level, branches = self._nodes[node]
            found = 1 << level
            for each in branches:
                found |= self.reads(each)
            self._reads[node] = found
        return self._reads[node]

    def levels(self, node: int) -> list[int]:
        """The levels that `node` looks at, in order."""
        bits = self.reads(node)
        return [level for level in range(len(self.sizes)) if bits >> level & 1]

    def holds(self, node: int, choice: Sequence[int]) -> bool:
        """Whether the ask with these classes, one for each level, is in `node`."""
        while node > ALL:
            level, branches = self._nodes[node]
            node = branches[choice[level]]
        return node == ALL

    def boxes(self, node: int) -> Iterator[Box]:
        """Disjoint boxes that together are `node`."""
        if node == ALL:
            yield {}
        elif node != NONE:
            level, branches = self._nodes[node]
            for below in dict.fromkeys(branches):
                classes = frozenset(at for at, each in enumerate(branches) if each == below)
                for rest in self.boxes(below):
                    yield {level: classes, **rest}

    def room(self, box: Box, level: int, node: int) -> frozenset[int]:
        """The classes at `level` with which each ask of `box` is in `node`; makes no node."""
        whole: dict[int, bool] = {NONE: False, ALL: True}
        tops = self._reached(box, level, node)
        below = [self._nodes[each][1] for each in tops if self.level(each) == level]
        if not all(self._within(box, each, whole) for each in tops if self.level(each) > level):
            return frozenset()
        return frozenset(
            at for at in range(self.sizes[level]) if all(self._within(box, each[at], whole) for each in below)
        )

    def _reached(self, box: Box, level: int, node: int) -> set[int]:
        """Where asks of `box` are when all attributes before `level` were looked at."""
        left, seen, found = [node], {node}, set()
        while left:
            each = left.pop()
            if self.level(each) >= level:
                found.add(each)
            else:
                new = set(self._met(box, each)) - seen
                seen |= new
                left += new
        return found

    def _within(self, box: Box, node: int, whole: dict[int, bool]) -> bool:
        if node not in whole:
            whole[node] = all(self._within(box, each, whole) for each in self._met(box, node))
        return whole[node]

    def _met(self, box: Box, node: int) -> Sequence[int]:
        """The branches of `node` that asks of `box` take."""
        level, branches = self._nodes[node]
        return [branches[at] for at in box[level]] if level in box else branches

    def _at(self, node: int, level: int) -> tuple[int, ...]:
        first, branches = self._nodes[node]
        return branches if first == level else (node,) * self.sizes[level]

    def _node(self, level: int, branches: tuple[int, ...]) -> int:
        if branches.count(branches[0]) == len(branches):
            return branches[0]
        key = (level, branches)
        if key not in self._known:
            if len(self._nodes) >= self._most:
                raise _TooLarge
            self._known[key] = len(self._nodes)
            self._nodes.append(key)
        return self._known[key]
