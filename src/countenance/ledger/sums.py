"""Sums over leaves: how many there are of each kind and word, one leaf after the other, in bounded memory.

The leaves are the truth and these sums are made from them alone, so that whoever has the published folder gets the same
(`recounted`). Each cell has how many leaves it counts and the indices of the first and the newest of them. No cell is
for two words at once: what a combination of words has in common can be looked up in the leaves, and is not made easier
here. It stores nothing and asks nobody. Source: docs/transparency-page.md.
"""

from __future__ import annotations

import json
from collections import deque
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

from countenance.domain.errors import BadRecord
from countenance.domain.strict import json_object
from countenance.ledger import adopt, leaf

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from countenance.ledger.leaf import Json

SCHEMA = "countenance-sums@v1"

MOST = 2000
"""Words of one table at most; leaves with yet other words are counted together under OTHER."""

OTHER = "(other)"
"""No word of a leaf looks like this."""

NEWEST = 100
"""Leaves of one kind that are listed one by one: the newest."""

LISTED = ("policy-change", "law", "backup", "log-key", "schedule")
"""Kinds whose leaves are listed with their own words."""

LAW_ENFORCEMENT = frozenset({
    "police", "sheriff", "federal-law-enforcement", "border-control", "corrections", "prosecution", "intelligence",
})  # fmt: skip
"""The sectors of docs/policy.md that are; a test holds them to the policy's."""

TABLES = (
    "kind", "action", "sector", "purpose", "country", "for-law-enforcement", "refused-by", "ended-by", "policy",
    "evaluation", "act", "step",
)  # fmt: skip
"""What is counted: leaves by kind; decisions by each word; refusals by rule; what ended an allowed ask; acts; steps."""

_MODEL = "model."


@dataclass(slots=True)
class Cell:
    """leaves: how many. Of decisions: refused by the policy; allowed, but `without_result`; by what is known of the
    customer's facts: `checked` by somebody, or `declared` alone. first, newest: indices of leaves.
    """

    leaves: int = 0
    refused: int = 0
    without_result: int = 0
    checked: int = 0
    declared: int = 0
    first: int = 0
    newest: int = 0


@dataclass(frozen=True, slots=True)
class Event:
    """One leaf of a kind that is listed. words: what it says besides the keys of every leaf."""

    index: int
    kind: str
    time: str
    words: Mapping[str, Json]


@dataclass(slots=True)
class Sums:
    """The sums over the first `size` leaves. time: the hour of the newest of them, empty where there is none."""

    size: int = 0
    time: str = ""
    decisions: Cell = field(default_factory=Cell)
    tables: dict[str, dict[str, Cell]] = field(default_factory=lambda: {name: {} for name in TABLES})
    events: dict[str, deque[Event]] = field(
        default_factory=lambda: {kind: deque(maxlen=NEWEST) for kind in LISTED}
    )  # fmt: skip

    def add(self, opened: Mapping[str, Any]) -> None:
        """Count the next leaf. opened: its open part, which fits the schema."""
        kind = str(opened["kind"])
        one = _one(opened) if kind == "decision" else Cell(1)
        self._count("kind", kind, one)
        if kind == "decision":
            self._add(self.decisions, one)
            self._decision(opened, one)
        elif kind == "administration" and opened["verdict"] == "allow" and not opened["outside-policy"]:
            self._count("act", str(opened["act"]), one)
        if "step" in opened:
            self._count("step", f"{kind} {opened['step']}", one)
        if kind in self.events:
            words = {name: opened[name] for name in opened if name not in leaf.ALWAYS}
            self.events[kind].append(Event(self.size, kind, str(opened["time"]), words))
        self.size, self.time = self.size + 1, str(opened["time"])

    def _decision(self, opened: Mapping[str, Any], one: Cell) -> None:
        ask = opened["ask"]
        for word in ("action", "sector", "purpose", "country"):
            self._count(word, ask[word], one)
        if LAW_ENFORCEMENT & {ask["sector"], *ask["acts-for"], *ask["requested-by"]}:
            self._count("for-law-enforcement", ask["action"], one)
        for reason in opened["reasons"] if one.refused else ():
            self._count("refused-by", reason, one)
        if opened["outside-policy"]:
            self._count("ended-by", opened["outside-policy"], one)
        self._count("policy", opened["policy"], one)
        facts = {name: fact for name, fact in opened["context"].items() if name.startswith(_MODEL)}
        if facts:
            self._count("evaluation", json.dumps({"model": opened["model"], **facts}, sort_keys=True), one)

    def _count(self, table: str, word: str, one: Cell) -> None:
        cells = self.tables[table]
        known = word if word in cells or len(cells) < MOST else OTHER
        self._add(cells.setdefault(known, Cell()), one)

    def _add(self, cell: Cell, one: Cell) -> None:
        if not cell.leaves:
            cell.first = self.size
        cell.leaves += 1
        cell.refused += one.refused
        cell.without_result += one.without_result
        cell.checked += one.checked
        cell.declared += one.declared
        cell.newest = self.size

    def copy(self) -> Sums:
        """The same sums, which what is added here does not change."""
        made = Sums(self.size, self.time, Cell(*_numbers(self.decisions)))
        for name, cells in self.tables.items():
            made.tables[name] = {word: Cell(*_numbers(cell)) for word, cell in cells.items()}
        for kind, events in self.events.items():
            made.events[kind].extend(events)
        return made

    def encode(self, root: bytes) -> bytes:
        """As it is kept. root: of the tree of these leaves, by which another history is told."""
        return json.dumps(
            {
                "schema": SCHEMA, "size": self.size, "root": root.hex(), "time": self.time,
                "decisions": _numbers(self.decisions),
                "tables": {name: {word: _numbers(cell) for word, cell in cells.items()}
                           for name, cells in self.tables.items()},
                "events": {kind: [asdict(event) for event in events] for kind, events in self.events.items()},
            },
            separators=(",", ":"), ensure_ascii=False,
        ).encode()  # fmt: skip

    @classmethod
    def parse(cls, raw: bytes) -> tuple[Sums, bytes]:
        """What `encode` wrote: the sums and the root. Raises BadRecord for anything else."""
        found = json_object(raw, lambda says: BadRecord(f"the kept sums: this {says}"))
        try:
            if found["schema"] != SCHEMA or set(found["tables"]) != set(TABLES) or set(found["events"]) != set(LISTED):
                raise BadRecord("the kept sums are of another version")
            made = cls(_whole(found["size"]), str(found["time"]), _cell(found["decisions"]))
            for name, cells in found["tables"].items():
                made.tables[name] = {word: _cell(cell) for word, cell in cells.items()}
            for kind, events in found["events"].items():
                made.events[kind].extend(Event(**event) for event in events)
            return made, bytes.fromhex(found["root"])
        except (KeyError, TypeError, ValueError, AttributeError):
            raise BadRecord("the kept sums are not of the form that was written") from None


def recounted(public: Path, size: int) -> Sums:
    """The sums over the first `size` leaves of a published folder, each leaf held against its schema.

    Raises LogDamaged, BadRecord.
    """
    made = Sums()
    for _, entry in adopt.leaves(public, 0, size):
        made.add(leaf.parse(entry).open)
    return made


def counted(made: Sums, entries: Iterable[bytes]) -> None:
    """Add leaves of a log of one's own, which took none that does not fit the schema."""
    for entry in entries:
        made.add(json.loads(entry))


def _one(opened: Mapping[str, Any]) -> Cell:
    """What one decision adds to each of its cells."""
    denied = opened["verdict"] == "deny"
    facts = opened["context"]
    return Cell(
        1, int(denied), int(not denied and opened["outside-policy"] != ""), int(facts.get("verified") is True),
        int(facts.get("verified") is False),
    )  # fmt: skip


def _numbers(cell: Cell) -> list[int]:
    return [
        cell.leaves, cell.refused, cell.without_result, cell.checked, cell.declared, cell.first, cell.newest,
    ]  # fmt: skip


def _cell(numbers: list[Any]) -> Cell:
    if len(numbers) != 7:
        raise BadRecord("the kept sums have a cell with other numbers")
    return Cell(*map(_whole, numbers))


def _whole(number: Any) -> int:
    if type(number) is not int or number < 0:
        raise BadRecord("the kept sums have a number that is none")
    return number
