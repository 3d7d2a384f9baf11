"""What the house shows everybody of itself: sums over its leaves, and what stands now beside them.

Whatever a leaf says is counted from the leaves (ledger/sums.py) and shown with the first and the newest of them; what
no leaf says is either shown from the house's own books, and called that, or said to be missing. Nothing is suppressed
that the leaves have: they are public for ever, and who hides a small number of a public list hides nothing. Of demands
it is otherwise: how one was answered is in no leaf, and a customer who was not told of one would learn of it here. So
outcomes are told of those demands alone of which the customer was. It names nobody. Source:
docs/transparency-page.md.
"""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from sqlalchemy import func, select

from countenance.ledger import beside, sums
from countenance.policy import packs
from countenance.service import difference, public
from countenance.storage.admission import demands

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from countenance.ledger.sums import Cell, Event, Sums
    from countenance.service.app import House

NO_LEAF_SAYS = (
    "How a demand for a customer's records was answered: the leaves say that one was recorded and that one was "
    "answered, and what the policy said. Outcomes are the provider's own books.",
    "The report of an evaluation: leaves carry the digest of the model and the figures that the rules read.",
    "Incidents: no kind of leaf is for them. Shown is what in the leaves can be a trace of one.",
    "Calls that carried no key: they leave no leaf.",
    "Whether what a customer declared is true, and whether every call was answered by this program.",
)
"""What is not on the page, and can't be."""

SMALL = (
    "No number is held back because it is small: each is a count of leaves that are public, one word at a time, and "
    "anybody can count them again. Leaves name nobody and have no finer time than the hour."
)
TRACES = {"stop": ("policy-change", ("stopped", "resumed")), "restore": ("backup", ("restored",))}
DEFECT = "internal-error"
RECORDED, ANSWERED = "demand-record", "demand-answer"


def told(house: House, log: Mapping[str, Any]) -> dict[str, Any]:
    """The whole document. log: that of GET /v1/log. Raises LogUnavailable, LogDamaged."""
    found = house.counting.look()
    return {
        "log": {"counted": found.size, "until": found.time, **{name: log[name] for name in (
            "origin", "vkey", "size", "state", "witnesses", "quorum", "witnessed")}},
        "leaves": _words(found, "kind"),
        "decisions": asdict(found.decisions), "declared_alone": _share(found.decisions),
        **{name.replace("-", "_"): _words(found, name) for name in (
            "action", "sector", "purpose", "country", "refused-by", "ended-by", "for-law-enforcement")},
        "demands": _demands(house, found),
        "promises": _promises(house, found), "laws": _laws(house, found),
        "evaluations": [_evaluation(word, cell) for word, cell in _largest(found.tables["evaluation"])],
        "incidents": {
            **{name: [_event(event) for event in found.events[kind] if event.words["step"] in steps]
               for name, (kind, steps) in TRACES.items()},
            "defects": asdict(found.tables["ended-by"].get(DEFECT, sums.Cell())),
        },
        "backups": _events(found, "backup"), "log_keys": _events(found, "log-key"),
        "announced": _events(found, "schedule"),
        "no_leaf_says": list(NO_LEAF_SAYS), "small_numbers": SMALL,
    }  # fmt: skip


def _demands(house: House, found: Sums) -> dict[str, Any]:
    """From the leaves: recorded, answered. From the books: outcomes of those that the customer was told of."""
    its = demands.c
    kind = (its.sector, its.instrument, its.state)
    newest = func.max(its.leaf_index)
    query = select(*kind, func.count(), newest).where(its.told.is_(True), its.state != "open").group_by(*kind)
    with house.database.read() as connection:
        rows = connection.execute(query.order_by(*kind)).all()
    acts = found.tables["act"]
    return {
        "recorded": asdict(acts.get(RECORDED, sums.Cell())), "answered": asdict(acts.get(ANSWERED, sums.Cell())),
        "told": [{"sector": row[0], "instrument": row[1], "outcome": row[2], "demands": row[3], "newest": row[4]}
                 for row in rows],
    }  # fmt: skip


def _promises(house: House, found: Sums) -> dict[str, Any]:
    shown = public.policies(house)
    waiting = [{**each, **_difference(house, each), "file": beside.of_change(each["document"])}
               for each in shown["under_notice"]]  # fmt: skip
    decided = found.tables["policy"]
    return {
        **{name: shown[name] for name in ("in_force", "digest", "since", "stopped")},
        "history": [{**each, **_texts(house, each["digest"])} for each in shown["history"]],
        "under_notice": waiting, "decided": _words(found, "policy"), "changes": _events(found, "policy-change"),
        "folder": beside.of_set(shown["digest"]), "decided_by_this_set": asdict(decided.get(
            shown["digest"], sums.Cell())),
    }  # fmt: skip


def _texts(house: House, digest: str) -> dict[str, Any]:
    """The packs of a set that was in force, and where their text lies."""
    folder = beside.of_set(digest)
    public_folder = house.settings.ledger / folder
    return {"folder": folder, "packs": [*packs.names_in(public_folder)] if public_folder.is_dir() else []}


def _difference(house: House, change: Mapping[str, Any]) -> dict[str, Any]:
    found = difference.between(house.settings.ledger, change["before"], change["after"])
    return {"difference": None if found is None else asdict(found)}


def _laws(house: House, found: Sums) -> dict[str, Any]:
    shown = public.laws(house)
    names = ("id", "title", "jurisdiction", "level", "state", "record", "not_before", "recorded", "ended")
    return {
        "in_force": shown["in_force"], "digest": shown["digest"], "changes": _events(found, "law"),
        "records": [{**{name: law[name] for name in names}, "file": beside.of_laws(law["record"]),
                     "signatures": len(law["signatures"]), "objections": len(law["objections"])}
                    for law in shown["laws"]],
    }  # fmt: skip


def _words(found: Sums, table: str) -> list[dict[str, Any]]:
    """The rows of a table, the most leaves first."""
    return [{"word": word, **asdict(cell)} for word, cell in _largest(found.tables[table])]


def _largest(cells: Mapping[str, Cell]) -> Iterable[tuple[str, Cell]]:
    return sorted(cells.items(), key=lambda item: (-item[1].leaves, item[0]))


def _share(cell: Cell) -> float | None:
    """Of the decisions of which it is known: how many rested on what the customer declared, and nobody checked."""
    known = cell.declared + cell.checked
    return cell.declared / known if known else None


def _evaluation(word: str, cell: Cell) -> dict[str, Any]:
    if word == sums.OTHER:
        return {"model": "", "facts": {}, **asdict(cell)}
    facts = json.loads(word)
    return {"model": facts.pop("model"), "facts": facts, **asdict(cell)}


def _events(found: Sums, kind: str) -> list[dict[str, Any]]:
    """The newest first."""
    return [_event(event) for event in reversed(found.events[kind])]


def _event(event: Event) -> dict[str, Any]:
    return {"index": event.index, "time": event.time, "words": dict(event.words)}
