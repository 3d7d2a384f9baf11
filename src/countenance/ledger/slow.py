"""Was a promise changed as slowly as it should be? Leaves of changes and laws, held against each other in order.

What loosens comes into force with the approvals of two different keys, each in a leaf of its own before it, and after
the notice that its first leaf states, which is 30 days at least. A law is recorded with the signatures of two different
keys, one of them from outside the provider, after its period of objection. A key stands in leaves as a digest that is
another one in each change: two can be told apart, and nobody can be followed from one change to the next. It can't see
whose keys they are. Source: docs/ledger.md.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from countenance.domain.errors import Unverified

if TYPE_CHECKING:
    from collections.abc import Mapping

    from countenance.ledger.leaf import Json, Leaf

KINDS = frozenset({"policy-change", "law"})
"""The kinds of leaves that `Slow` looks at."""
LEAST_DAYS = 30
"""Days of notice, and of objection, at least."""
SIGNATURES = 2
OUTSIDE = 1


@dataclass(slots=True)
class _Proposed:
    """What the first leaf of a change or a law said, and the keys that spoke for it since."""

    said: Mapping[str, Json]
    keys: set[str] = field(default_factory=set)
    withdrawn: bool = False


@dataclass(slots=True)
class Slow:
    """The leaves so far. `take` raises Unverified for the first that should not be there.

    Where it does not begin at the first leaf of the log, what was proposed before is not known, and is not asked for.
    """

    whole: bool = True
    changes: dict[str, _Proposed] = field(default_factory=dict)
    laws: dict[str, _Proposed] = field(default_factory=dict)
    current: str = ""

    def take(self, found: Leaf) -> None:
        """One leaf more."""
        if found.kind == "policy-change":
            self._change(found.open)
        elif found.kind == "law":
            self._law(found.open)

    def _change(self, said: Mapping[str, Json]) -> None:
        name, step = str(said["change"]), said["step"]
        if step == "proposed":
            self.changes.setdefault(name, _Proposed(said))
        elif step == "approved":
            self._approved(self.changes, name, said)
        elif step != "withdrawn":
            self._in_force(name, said)
        elif name in self.changes:
            self.changes[name].withdrawn = True

    def _in_force(self, name: str, said: Mapping[str, Json]) -> None:
        if self.current and said["before"] != self.current:
            raise Unverified("a policy set came into force in place of one that was not in force")
        self.current = str(said["after"])
        if said["loosens"] is not True:
            return
        first = self._first(self.changes, name, "a promise was loosened")
        if first is None:
            return
        if any(first.said[key] != said[key] for key in ("before", "after", "loosens", "notice")):
            raise Unverified("a change came into force as another than was proposed")
        if first.withdrawn:
            raise Unverified("a change came into force that was withdrawn")
        _check(first, said, "a promise was loosened")

    def _law(self, said: Mapping[str, Json]) -> None:
        name, step = str(said["record"]), said["step"]
        if step == "proposed":
            self.laws.setdefault(name, _Proposed(said))
        elif step == "signed":
            self._approved(self.laws, name, said)
        elif step == "recorded" and (first := self._first(self.laws, name, "a law was recorded")) is not None:
            _check(first, said, "a law was recorded")
            if len(set(_texts(said["outside"])) & set(_texts(said["keys"]))) < OUTSIDE:
                raise Unverified("a law was recorded without a signature from outside the provider")

    def _approved(self, known: dict[str, _Proposed], name: str, said: Mapping[str, Json]) -> None:
        first = self._first(known, name, "something was signed")
        if first is not None:
            first.keys |= set(_texts(said["keys"]))

    def _first(self, known: dict[str, _Proposed], name: str, what: str) -> _Proposed | None:
        if name not in known and self.whole:
            raise Unverified(f"{what} that was never proposed")
        return known.get(name)


def _check(first: _Proposed, said: Mapping[str, Json], what: str) -> None:
    """Two keys that spoke before, and the time."""
    keys = set(_texts(said["keys"]))
    if len(keys) < SIGNATURES or not keys <= first.keys:
        raise Unverified(f"{what} without the signatures of two different keys")
    days = int(str(first.said["notice"]))
    passed = datetime.fromisoformat(str(said["time"])) - datetime.fromisoformat(str(first.said["time"]))
    if days < LEAST_DAYS or passed < timedelta(days=days):
        raise Unverified(f"{what} before its time")


def _texts(value: Json) -> list[str]:
    assert isinstance(value, list)
    return [str(each) for each in value]
