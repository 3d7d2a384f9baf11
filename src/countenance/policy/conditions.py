"""The conditions of two policy sets as diagrams over common classes: when a rule applies, and when it fails.

Cedar reads `&&`, `||` and `if` from the left and only as far as it must; so does the reading here, and what may
fail (see terms.py) is kept apart from what is true. What follows from it all (who allows what) is diff.py's.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import partial
from itertools import product
from operator import contains, eq
from typing import TYPE_CHECKING

from countenance.policy import words
from countenance.policy.classes import TIES, plain, sides
from countenance.policy.diagram import ALL, NONE, Diagrams
from countenance.policy.terms import SETS, Below, Choose, Const, Like, Not, OneOf, Opaque, Relation, Same

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from countenance.policy.classes import Attribute
    from countenance.policy.diagram import Box
    from countenance.policy.terms import Literal, Term


@dataclass(frozen=True, slots=True)
class Meaning:
    """holds: the asks for which a condition is true; fails: those for which Cedar reports an error instead."""

    holds: int
    fails: int = NONE


class Conditions:
    """Terms as diagrams. attributes: in the order of the levels."""

    def __init__(self, attributes: Sequence[Attribute]) -> None:
        self.attributes = tuple(attributes)
        self.diagrams = Diagrams([len(each.classes) for each in attributes])
        self.level = {each.name: at for at, each in enumerate(attributes)}

    def of(self, term: Term) -> Meaning:
        """What `term` means; its atoms are among those that the attributes were cut by."""
        if isinstance(term, Not):
            part = self.of(term.part)
            return Meaning(self.diagrams.no(self.diagrams.either(part.holds, part.fails)), part.fails)
        if isinstance(term, Choose):
            return self._choose(term)
        atom = plain(term)
        if isinstance(atom, Opaque):
            values = self.attributes[self.level[f"?{atom.text}"]]
            held, failed = (self._where(values.name, partial(eq, word)) for word in ("true", "error"))
            return Meaning(held, failed)
        return Meaning(self._atom(atom))

    def ties(self) -> list[int]:
        """The asks and facts that there can be, as conditions of which each must hold."""
        found = [self._table(tie.names, tie.holds) for tie in TIES]
        for region, country in (("region", "country"), ("seat_region", "seat_country")):
            if region in self.level:
                found.append(self._table((region, country), _lies_in))
        return [*found, *map(self._party, sorted({n.split(":")[1] for n in self.level if n.startswith("parties:")}))]

    def box(self, values: Mapping[str, frozenset[str]]) -> Box:
        """The asks whose attributes have one of these words."""
        at = {self.level[name]: self.attributes[self.level[name]] for name in values}
        return {level: each.which(partial(contains, values[each.name])) for level, each in at.items()}

    def _choose(self, term: Choose) -> Meaning:
        diagrams, test = self.diagrams, self.of(term.test)
        if test == Meaning(NONE):
            return self.of(term.other)
        then, other = self.of(term.then), self.of(term.other)
        otherwise = diagrams.no(diagrams.either(test.holds, test.fails))

        def chosen(one: int, two: int) -> int:
            return diagrams.either(diagrams.both(test.holds, one), diagrams.both(otherwise, two))

        fails = NONE if NONE == test.fails == then.fails == other.fails else chosen(then.fails, other.fails)
        return Meaning(chosen(then.holds, other.holds), diagrams.either(test.fails, fails))

    def _atom(self, atom: Term) -> int:
        if isinstance(atom, Const):
            return ALL if atom.value else NONE
        if isinstance(atom, OneOf):
            return self._where(atom.attribute, atom.values.__contains__)
        if isinstance(atom, Below):
            limit, equal = atom.limit, atom.equal
            return self._where(atom.attribute, lambda value: value < limit or (equal and value == limit))  # type: ignore[operator]
        if isinstance(atom, Like):
            form = re.compile(atom.pattern, re.DOTALL)
            return self._where(atom.attribute, lambda value: form.fullmatch(str(value)) is not None)
        if isinstance(atom, Same):
            return self._table((atom.one, atom.other), lambda one, other: one == other)
        if isinstance(atom, Relation):
            return self._relation(atom)
        raise TypeError(type(atom))

    def _where(self, name: str, test: Callable[[Literal], bool]) -> int:
        level = self.level[name]
        return self.diagrams.one_of(level, self.attributes[level].which(test))

    def _table(self, names: tuple[str, ...], holds: Callable[..., bool]) -> int:
        """The asks for which `holds` is true of the values of these attributes."""
        levels = [self.level[name] for name in names]
        found = []
        for choice in product(*(range(self.diagrams.sizes[level]) for level in levels)):
            at = dict(zip(levels, choice, strict=True))
            if not holds(*(self.attributes[level].classes[each].value for level, each in at.items())):
                found.append(self.diagrams.no(self.diagrams.box({level: frozenset({i}) for level, i in at.items()})))
        return self.diagrams.all_of(found)

    def _relation(self, relation: Relation) -> int:
        pairs = [(self._member(relation.left, w), self._member(relation.right, w)) for w in sorted(sides(relation))]
        if relation.how == "any":
            return self.diagrams.any_of([self.diagrams.both(left, right) for left, right in pairs])
        return self.diagrams.no(self.diagrams.any_of([self.diagrams.less(right, left) for left, right in pairs]))

    def _member(self, side: str | frozenset[str], word: str) -> int:
        if isinstance(side, frozenset):
            return ALL if word in side else NONE
        return self._where(f"{side}:{word}", bool) if word in words.SECTORS else NONE

    def _party(self, word: str) -> int:
        """A word is a party exactly where it is the sector, acted for, or who requested."""
        own = self._where("sector", lambda value: value == word)
        party = self._where(f"parties:{word}", bool)
        others = [self._where(f"{name}:{word}", bool) for name in SETS[1:] if f"{name}:{word}" in self.level]
        whole = self.diagrams.any_of([own, *others])
        found = self.diagrams.either(self.diagrams.no(whole), party)
        if len(others) < len(SETS) - 1:
            return found  # a set that no rule reads may hold the word or not
        return self.diagrams.both(found, self.diagrams.either(whole, self.diagrams.no(party)))


def _lies_in(region: str, country: str) -> bool:
    return region == "" or region[:2] == country
