"""Promises side by side on one day: who is strictest, whose allows lie within whose, and which ask tells two apart.

Each promise decides together with `core`, as `decide --pack` has it. Two promises are compared by what lies between
them (diff.py), so "contained" is a proof over every class of every attribute, and each difference has an ask that
Cedar itself decided both ways. It writes no page (sheet.py does). Source: docs/policy.md, "Promises side by side".
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations
from typing import TYPE_CHECKING

from countenance.policy import cedar, diff, opening

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from countenance.domain.decision import Reason, Verdict
    from countenance.policy.opening import Example, Opening
    from countenance.policy.packs import PackFile

STRICT = {"within": "contains", "contains": "within"}
"""A relation seen from the other side; the others look the same from both."""


@dataclass(frozen=True, slots=True)
class Between:
    """Two promises. relation: of the allows of one to those of the other: `equal`, `within`, `contains` or `crosses`.

    only_one, only_other: what that one allows and the other denies. proven: False where a bound was hit; then the
    relation is only what was seen.
    """

    one: str
    other: str
    only_one: tuple[Opening, ...]
    only_other: tuple[Opening, ...]
    proven: bool

    @property
    def relation(self) -> str:
        names = {(False, False): "equal", (False, True): "within", (True, False): "contains", (True, True): "crosses"}
        return names[bool(self.only_one), bool(self.only_other)]


@dataclass(frozen=True, slots=True)
class Row:
    """Asks that some promise allows and another denies, with one of them and what each promise says of it."""

    says: str
    example: Example
    verdicts: Mapping[str, Verdict]


@dataclass(frozen=True, slots=True)
class Comparison:
    """Promises on one day. strictest: those whose allows lie within everybody's; none may."""

    on: datetime
    packs: tuple[PackFile, ...]
    between: tuple[Between, ...]
    rows: tuple[Row, ...]
    strictest: tuple[str, ...]

    @property
    def proven(self) -> bool:
        return all(each.proven for each in self.between)

    def relation(self, one: str, other: str) -> str:
        """As `Between` has it, whichever way round the two were compared."""
        for each in self.between:
            if (each.one, each.other) == (one, other):
                return each.relation
            if (each.one, each.other) == (other, one):
                return STRICT.get(each.relation, each.relation)
        return "equal"


def compare(core: PackFile, packs: Sequence[PackFile], on: datetime) -> Comparison:
    """The promises `packs`, two at least, each with `core`, on the moment `on` (UTC)."""
    sets = {file.name: cedar.assemble([core] if file.name == core.name else [core, file]) for file in packs}
    between = tuple(_between(sets, one, other, on) for one, other in combinations(sets, 2))
    found = Comparison(on, tuple(packs), between, _rows(sets, between), ())
    strictest = tuple(
        name for name in sets if all(found.relation(name, other) in ("equal", "within") for other in sets)
    )
    return Comparison(on, found.packs, between, found.rows, strictest if found.proven else ())


def sentences(found: Comparison) -> tuple[str, ...]:
    """What a reader may quote: one sentence for each pair, and who is strictest."""
    said = [_sentence(each) for each in found.between]
    if len(found.strictest) == 1:
        said.insert(0, f"{found.strictest[0]} is the strictest: whatever it allows, each of the others allows too.")
    elif found.strictest:
        said.insert(0, f"{' and '.join(found.strictest)} are equally strict, and nobody is stricter.")
    else:
        said.insert(0, "None is the strictest: each allows something that another denies.")
    return tuple(said)


def to_wire(found: Comparison) -> dict[str, object]:
    """The JSON of `policy compare --json`."""
    return {
        "on": found.on.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "packs": [{"name": file.name, "title": file.header.title, "digest": file.digest} for file in found.packs],
        "strictest": list(found.strictest),
        "proven": found.proven,
        "says": list(sentences(found)),
        "between": [_pair(each) for each in found.between],
        "asks": [_row(each) for each in found.rows],
    }


def _between(sets: Mapping[str, cedar.PolicySet], one: str, other: str, on: datetime) -> Between:
    found = diff.openings(sets[other], sets[one], on)
    return Between(one, other, found.openings, found.closings, found.proven)


def _rows(sets: Mapping[str, cedar.PolicySet], between: Sequence[Between]) -> tuple[Row, ...]:
    """One row for each ask that tells two promises apart, the simplest first."""
    rows: dict[str, Row] = {}
    told = [each for pair in between for each in (*pair.only_one, *pair.only_other)]
    for each in sorted(told, key=lambda one: (len(one.when), one.says)):
        if each.example is not None and each.says not in rows:
            rows[each.says] = Row(each.says, each.example, _verdicts(sets, each.example))
    return tuple(rows.values())


def _verdicts(sets: Mapping[str, cedar.PolicySet], ask: Example) -> dict[str, Verdict]:
    return {name: cedar.redecide(policies, ask.ask, ask.on, ask.context) for name, policies in sets.items()}


def _sentence(pair: Between) -> str:
    one, other = pair.one, pair.other
    if not pair.proven:
        return f"Of {one} and {other} it could not be proven how they lie to each other."
    return {
        "equal": f"{one} and {other} allow the same asks.",
        "within": f"Whatever {one} allows, {other} allows too, and more.",
        "contains": f"Whatever {other} allows, {one} allows too, and more.",
        "crosses": f"{one} and {other} cross: each allows asks that the other denies.",
    }[pair.relation]


def _pair(pair: Between) -> dict[str, object]:
    return {
        "one": pair.one,
        "other": pair.other,
        "relation": pair.relation,
        "proven": pair.proven,
        "only_one": [opening.one_to_wire(each) for each in pair.only_one],
        "only_other": [opening.one_to_wire(each) for each in pair.only_other],
    }


def _row(row: Row) -> dict[str, object]:
    answers = {
        name: {"decision": said.answer, "reasons": [_reason(each) for each in said.reasons]}
        for name, said in row.verdicts.items()
    }
    return {"says": row.says, "example": opening.example(row.example), "answers": answers}


def _reason(reason: Reason) -> dict[str, str]:
    return {"id": reason.id, "says": reason.says, "source": reason.source, "evidence": reason.evidence}
