"""What keeps a report from being published, each by its item; its draft; and the text that its digest is over."""

from __future__ import annotations

import hashlib
from datetime import date
from typing import TYPE_CHECKING, Any

import pytest

from countenance.statute import report
from countenance.statute.items import EVIDENCE, ITEMS
from countenance.statute.report import Known, Rate
from tests.statute.filed import DAY, MODEL, PURPOSE, SECTIONS, THRESHOLD, Papers

if TYPE_CHECKING:
    from collections.abc import Callable

KNOWN = Known(
    software="Countenance 1", model=MODEL, threshold=THRESHOLD, parts=("Embedder: one.",), evaluated_on="2026-11-01",
    promised_ppm=1_000, measured=("A set: 100 people.",),
    rates=(Rate("all", "false match", 1, 10_000, 0, 1_000),
           Rate("elders", "false non-match", 90, 10_000, 8_000, 10_000)),
)  # fmt: skip
ENDS = date(2027, 1, 31)  # 30 days after the draft
REMEDIES = {"elders": "A second photograph."}


def ready(without: str = "", **changed: Any) -> Papers:
    """A round that may be published."""
    made = Papers()
    notice = made.add("notice")
    if without != "draft":
        made.add("draft", DAY, notice, **{"remedies": REMEDIES, **changed})
    for place in ("Olympia", "Spokane", "Yakima"):
        if place != without:
            made.add("meeting", DAY, notice, place=place)
    return made


def gaps(made: Papers, day: date = ENDS, known: Known = KNOWN) -> list[str]:
    return [gap.item for gap in report.gaps(made.book.rounds[0], known, (), day)]


def test_a_round_that_is_whole_has_no_gap() -> None:
    assert gaps(ready()) == []


@pytest.mark.parametrize("letter", SECTIONS)
def test_a_section_that_is_missing_or_unfinished_is_named(letter: str) -> None:
    rest = {name: text for name, text in SECTIONS.items() if name != letter}
    for sections in (rest, {**rest, letter: "  "}, {**rest, letter: "We [[the agency: say how]] do it."}):
        assert gaps(ready(sections=sections)) == [f"WA-020-2{letter}"]


CASES: dict[str, tuple[Callable[[], list[str]], list[str]]] = {
    "no draft": (lambda: gaps(ready("draft")), ["WA-020-1"]),
    "two meetings": (lambda: gaps(ready("Yakima")), ["WA-020-3"]),
    "a day too early": (lambda: gaps(ready(), date(2027, 1, 30)), ["WA-020-3-period"]),
    "no remedy": (lambda: gaps(ready(remedies={})), ["WA-020-2f"]),
    "a blank remedy": (lambda: gaps(ready(remedies={"elders": " "})), ["WA-020-2f"]),
    "another model": (
        lambda: gaps(ready(), known=Known(**{**_fields(KNOWN), "model": THRESHOLD})), ["WA-020-version"]),
    "an independent rate": (
        lambda: gaps(ready(), known=_independent(10_000)), ["WA-020-2f"]),
    "an independent rate below": (
        lambda: gaps(ready(), known=_independent(9_999)), []),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_a_gap_is_named_by_its_item(case: str) -> None:
    found, expected = CASES[case]
    assert found() == expected


def test_a_comment_is_taken_up_before_the_report_is_final() -> None:
    made = ready()
    comment = made.add("comment", DAY, "notice-0")
    assert gaps(made) == ["WA-020-3-issues"]
    made.add("issue", DAY, "notice-0", comments=[comment])
    assert gaps(made) == []


def test_overdue_mitigation_keeps_a_report_from_being_published() -> None:
    made = ready()
    made.add("independent-test", DAY, received="2026-10-01")
    late = [one for one in made.book.mitigations() if one.overdue(ENDS)]
    assert [gap.item for gap in report.gaps(made.book.rounds[0], KNOWN, late, ENDS)] == ["WA-050-2"]


def test_a_draft_says_what_the_server_knows_and_leaves_the_rest_to_the_agency() -> None:
    written = report.draft(KNOWN, [PURPOSE])
    assert set(written) == set(SECTIONS)
    assert all(report.OPEN in text for text in written.values())
    assert MODEL in written["a"]
    assert PURPOSE in written["c"]
    assert "0.1 %" in written["f"]
    assert "elders" in written["f"]
    assert all(f"({roman})" in written["d"] for roman in ("i", "ii", "iii", "iv", "v", "vi", "vii"))
    assert gaps(ready(sections=written)) == [f"WA-020-2{letter}" for letter in SECTIONS]


def test_the_text_has_the_servers_figures_whatever_the_agency_wrote() -> None:
    made = ready()
    made.add("publication", "2027-02-01", "notice-0")
    one = made.book.rounds[0]
    text = report.text("Department of Benefits", one, KNOWN, one.final)
    for part in ("agency: Department of Benefits", "elders, false non-match: 90 of 10000, at most 1 %", "(at or above",
                 "A second photograph.", "Olympia, 20 people", "posted: https://", MODEL, "WA-020-2e [R]"):  # fmt: skip
        assert part in text
    assert report.digest(text) == "sha256:" + hashlib.sha256(text.encode()).hexdigest()
    assert text == report.text("Department of Benefits", one, KNOWN, one.final)


def test_every_item_says_how_sure_it_is() -> None:
    for item in ITEMS.values():
        assert item.evidence in EVIDENCE
        assert item.source.startswith("https://")
        assert item.says.endswith(".")
        assert item.evidence in ("T", "S") or item.safer


def _fields(known: Known) -> dict[str, Any]:
    return {name: getattr(known, name) for name in known.__slots__}


def _independent(ppm: int) -> Known:
    return Known(**{**_fields(KNOWN), "independent": (("veterans", ppm),)})
