"""Sums over leaves: counted one by one they are what a stranger counts from the folder, and they stay small."""

# ruff: noqa: S311  (seeded, so that a failure comes again)
from __future__ import annotations

import json
import random
from collections import Counter
from typing import TYPE_CHECKING

import pytest

from countenance.domain.errors import BadRecord
from countenance.ledger import leaf, sums
from countenance.ledger.sums import Sums
from countenance.policy import words
from tests.ledger.test_leaf import EXTRAS, opened
from tests.ledger.world import ASK, closed_part, decision, make_log

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

SEED = 11
FACTS: dict[str, leaf.Json] = {"model.evaluated": True, "model.worst_fmr_ppm": 900, "consent.basis": "on-record"}


def made(**changed: leaf.Json) -> bytes:
    return decision(closed_part(), bytes(32), **changed)


def asked(**words_of: leaf.Json) -> dict[str, leaf.Json]:
    return {**leaf.ask_words(ASK), **words_of}


def mixed(count: int) -> Iterator[bytes]:
    """Leaves of every kind, and decisions of many words."""
    draw = random.Random(SEED)
    for _ in range(count):
        if draw.random() < 0.2:
            yield leaf.encode(opened(draw.choice([*EXTRAS])))
            continue
        allowed = draw.random() < 0.6
        yield made(
            ask=asked(action=draw.choice(["verify", "identify", "disclose"]), sector=draw.choice([*words.SECTORS]),
                      country=draw.choice(["DE", "US", "FR"]), purpose=draw.choice(["access-control", "housing"])),
            context={**FACTS, **draw.choice([{"verified": True}, {"verified": False}, {}])},
            verdict="allow" if allowed else "deny", reasons=["core.permit"] if allowed else ["core.meter", "core.mode"],
            **{"outside-policy": draw.choice(["", "", "no-face"]) if allowed else ""},
        )  # fmt: skip


def counted(entries: Sequence[bytes]) -> Sums:
    found = Sums()
    sums.counted(found, entries)
    return found


def test_the_sums_are_those_of_a_count_by_hand() -> None:
    entries = list(mixed(600))
    found = counted(entries)
    opens = [leaf.parse(entry).open for entry in entries]
    decided = [(place, one) for place, one in enumerate(opens) if one["kind"] == "decision"]
    assert (found.size, found.time) == (600, opens[-1]["time"])
    assert {word: cell.leaves for word, cell in found.tables["kind"].items()} == Counter(one["kind"] for one in opens)
    assert found.decisions.leaves == len(decided)
    for table in ("action", "sector", "purpose", "country"):
        for word, cell in found.tables[table].items():
            mine = [(place, one) for place, one in decided if one["ask"][table] == word]  # type: ignore[index,call-overload]
            assert (cell.leaves, cell.first, cell.newest) == (len(mine), mine[0][0], mine[-1][0])
            assert cell.refused == sum(one["verdict"] == "deny" for _, one in mine)
            assert cell.without_result == sum(one["outside-policy"] == "no-face" for _, one in mine)
            facts = [one["context"].get("verified") for _, one in mine]  # type: ignore[union-attr]
            assert (cell.checked, cell.declared) == (facts.count(True), facts.count(False))
    assert found.tables["refused-by"]["core.meter"].leaves == found.decisions.refused
    assert found.tables["ended-by"]["no-face"].leaves == found.decisions.without_result


def test_they_come_back_as_they_were_kept_and_go_on_as_if_never_put_down() -> None:
    entries = list(mixed(300))
    whole, begun = counted(entries), counted(entries[:120])
    again, root = Sums.parse(begun.encode(b"\7" * 32))
    assert (again, root) == (begun, b"\7" * 32)
    sums.counted(again, entries[120:])
    assert again == whole
    assert again.encode(root) == whole.encode(root)


def test_a_copy_stays_as_it_was() -> None:
    entries = list(mixed(200))
    first = counted(entries[:100])
    kept, text = first.copy(), first.encode(b"")
    sums.counted(first, entries[100:])
    assert kept.encode(b"") == text != first.encode(b"")


def test_a_stranger_counts_the_same_from_the_folder(tmp_path: Path) -> None:
    entries = list(mixed(530))
    with make_log(tmp_path) as log:
        for entry in entries:
            log.append(entry)
    assert sums.recounted(tmp_path / "public", 530) == counted(entries)
    assert sums.recounted(tmp_path / "public", 300) == counted(entries[:300])


@pytest.mark.parametrize("changed", [
    {"sector": "police"}, {"acts-for": ["sheriff"]}, {"requested-by": ["commercial", "intelligence"]},
])  # fmt: skip
def test_law_enforcement_is_who_asks_who_is_asked_for_and_at_whose_request(changed: dict[str, leaf.Json]) -> None:
    found = counted([made(ask=asked(**changed)), made(ask=asked(sector="military"))])
    assert found.tables["for-law-enforcement"]["verify"].leaves == 1
    assert frozenset(words.LAW_ENFORCEMENT) == sums.LAW_ENFORCEMENT


def test_an_act_counts_where_it_was_done() -> None:
    act: dict[str, leaf.Json] = {"act": "demand-answer", "verdict": "allow", "reasons": []}
    refused: dict[str, leaf.Json] = {**act, "verdict": "deny", "reasons": ["roles.no"]}
    entries = [leaf.encode(opened("administration", **act)),
               leaf.encode(opened("administration", **refused)),
               leaf.encode(opened("administration", **{**act, "outside-policy": "conflict"}))]  # fmt: skip
    assert {name: cell.leaves for name, cell in counted(entries).tables["act"].items()} == {"demand-answer": 1}


def test_however_many_words_there_are_the_sums_stay_small_and_lose_no_leaf() -> None:
    entries = [made(verdict="deny", reasons=[f"pack.rule-{number}"]) for number in range(sums.MOST + 50)]
    found = counted(entries)
    table = found.tables["refused-by"]
    assert (len(table), table[sums.OTHER].leaves, table[sums.OTHER].first) == (sums.MOST + 1, 50, sums.MOST)
    assert sum(cell.leaves for cell in table.values()) == len(entries)
    for number in range(sums.NEWEST + 20):
        found.add(leaf.parse(leaf.encode(opened("law", notice=number))).open)
    assert [event.words["notice"] for event in found.events["law"]] == list(range(20, sums.NEWEST + 20))


@pytest.mark.parametrize("change", [
    lambda d: d.update(schema="countenance-sums@v0"), lambda d: d.pop("size"), lambda d: d.update(size=-1),
    lambda d: d.update(size=True), lambda d: d.update(root="x"), lambda d: d["tables"].pop("kind"),
    lambda d: d["tables"].update(more={}), lambda d: d["tables"]["kind"].update(decision=[1, 2]),
    lambda d: d["tables"]["kind"].update(decision=None), lambda d: d["events"].update(law=[{"index": 1}]),
    lambda d: d.update(events={}), lambda d: d.update(tables=[]),
])  # fmt: skip
def test_what_was_not_kept_by_us_is_not_taken(change: object) -> None:
    assert callable(change)
    document = json.loads(counted(list(mixed(50))).encode(bytes(32)))
    change(document)
    with pytest.raises(BadRecord):
        Sums.parse(json.dumps(document).encode())
    for raw in (b"", b"[]", b"nonsense", b"\xff"):
        with pytest.raises(BadRecord):
            Sums.parse(raw)
