"""The shapes of what the house shows everybody of itself: sums over leaves, and what stands beside them.

Every count has the indices of the first and the newest leaf that it counts. Closed like those of shapes.py; nothing
here is decided or counted. Source: docs/transparency-page.md.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field

from countenance.http.public import UnderNotice, WasInForce, Witnessed
from countenance.http.shapes import Digest, Index, Moment, Pack, Rate, Shape

Hour = Annotated[str, Field(description="RFC 3339, UTC, cut to the hour; empty where there is none.")]
File = Annotated[str, Field(description="Below `/ledger/`.")]
Name = Annotated[str, Field(min_length=1)]


class Cell(Shape):
    """leaves: how many. Of decisions also: `refused` by the policy; allowed, but `without_result`; whether what the
    customer is was `checked` by somebody, or `declared` alone. first, newest: of these leaves; 0 where there is none.
    """

    leaves: int
    refused: int
    without_result: int
    checked: int
    declared: int
    first: Index
    newest: Index


class Row(Cell):
    word: Name


class Event(Shape):
    """One leaf. words: what it says besides the keys of every leaf, as docs/ledger.md has it."""

    index: Index
    time: Hour
    words: dict[str, Any]


class CountedLog(Shape):
    """The log, and how far its leaves are counted here. counted: leaves; until: the hour of the newest of them."""

    counted: int
    until: Hour
    origin: str
    vkey: str
    size: int
    state: Literal["unwitnessed", "witnessed"]
    witnesses: list[str]
    quorum: int
    witnessed: Witnessed | None


class Outcome(Shape):
    """From the provider's books: answered demands of one kind. newest: the leaf of the newest answer's decision."""

    sector: Name
    instrument: Name
    outcome: Literal["met", "refused"]
    demands: int
    newest: Index


class Demanded(Shape):
    """recorded, answered: from the leaves. told: outcomes of those of which the customer was told, from the books."""

    recorded: Cell
    answered: Cell
    told: list[Outcome]


class Difference(Shape):
    """Packs that a change adds, takes away or changes. lines: of the changed texts, unified; more: they were cut."""

    added: list[str]
    removed: list[str]
    changed: list[str]
    lines: list[str]
    more: bool


class Waiting(UnderNotice):
    """difference: null while the texts are not public yet."""

    file: File
    difference: Difference | None


class WasPosted(WasInForce):
    """packs: names; empty where the set's text is not public yet. folder: where they lie, each as `<name>.cedar`."""

    packs: list[str]
    folder: File


class Promises(Shape):
    """The set in force, those before it, and what waits. decided: by the digest of a set, what it decided."""

    in_force: list[Pack]
    digest: Digest
    since: Moment
    stopped: bool
    folder: File
    decided_by_this_set: Cell
    history: list[WasPosted]
    under_notice: list[Waiting]
    decided: list[Row]
    changes: list[Event]


class Record(Shape):
    """A record of the registry of laws. signatures, objections: how many."""

    id: str
    title: str
    jurisdiction: str
    level: str
    state: str
    record: Digest
    not_before: str
    recorded: str
    ended: str
    file: File
    signatures: int
    objections: int


class Registry(Shape):
    in_force: list[str]
    digest: str
    records: list[Record]
    changes: list[Event]


class Evaluation(Cell):
    """What decisions say of the model that was in use: its digest, and the figures that the rules read."""

    model: str
    facts: dict[str, Any]


class Traces(Shape):
    """What in the leaves can be a trace of an incident: emergency stops, restores, and answers that a defect ended."""

    stop: list[Event]
    restore: list[Event]
    defects: Cell


class Transparency(Shape):
    """Sums over the leaves of the log, and what stands beside them. declared_alone: null: no figure."""

    log: CountedLog
    leaves: list[Row]
    decisions: Cell
    declared_alone: Rate | None
    action: list[Row]
    sector: list[Row]
    purpose: list[Row]
    country: list[Row]
    refused_by: list[Row]
    ended_by: list[Row]
    for_law_enforcement: list[Row]
    demands: Demanded
    promises: Promises
    laws: Registry
    evaluations: list[Evaluation]
    incidents: Traces
    backups: list[Event]
    log_keys: list[Event]
    announced: list[Event]
    no_leaf_says: list[str]
    small_numbers: str
