"""The accountability report: what it lacks, its draft from what the server knows, and the text that is published.

The server writes what it has measured and holds; where only the agency can know, the draft has a placeholder in double
square brackets, and a report that still has one lacks that item. The figures at the end of a published text are the
server's own, and no agency can leave them out. Source: docs/washington.md, "The report".
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from countenance.statute.book import COMMENT, MEETINGS, ONE_PERCENT, Round
from countenance.statute.items import ITEMS
from countenance.statute.papers import SECTIONS

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping
    from datetime import date

    from countenance.statute.book import Filing, Mitigating
    from countenance.statute.papers import Draft

SCHEMA = "countenance-accountability-report@v1"
OPEN = "[["
"""Begins a placeholder of a draft: what the agency has still to write."""


@dataclass(frozen=True, slots=True)
class Rate:
    """An error rate of one group. kind: `false match` or `false non-match`; the interval is of 95 %, per million."""

    group: str
    kind: str
    errors: int
    trials: int
    low_ppm: int
    high_ppm: int

    @property
    def above(self) -> bool:
        """At or above one percent, by the upper bound: the safer reading of item WA-020-2f."""
        return self.high_ppm >= ONE_PERCENT


@dataclass(frozen=True, slots=True)
class Known:
    """What the server knows of itself. model, threshold: digests; parts: a sentence for each network.

    measured: on which people, a sentence for each data set. independent: rates of independent tests that were filed,
    by group, in parts per million.
    """

    software: str
    model: str
    threshold: str
    parts: tuple[str, ...]
    evaluated_on: str
    promised_ppm: int
    measured: tuple[str, ...]
    rates: tuple[Rate, ...]
    independent: tuple[tuple[str, int], ...] = ()

    @property
    def remedied(self) -> tuple[str, ...]:
        """Groups for which an error rate has to be addressed."""
        own = (rate.group for rate in self.rates if rate.above)
        return tuple(dict.fromkeys([*own, *(group for group, ppm in self.independent if ppm >= ONE_PERCENT)]))


@dataclass(frozen=True, slots=True)
class Gap:
    """What a report lacks. item: of statute.items."""

    item: str
    says: str


def gaps(of: Round, known: Known, overdue: Iterable[Mitigating], day: date) -> tuple[Gap, ...]:
    """Everything that keeps a round from its final report on a day; none: it may be published."""
    if of.draft is None or of.opened is None:
        return (Gap("WA-020-1", "there is no draft"),)
    report: Draft = of.draft.paper
    found = [*_unwritten(report), *_unremedied(report, known)]
    if of.draft.model != known.model:
        found.append(Gap("WA-020-version", "the draft was made for another model than the one in use: file it anew"))
    if day < of.opened + COMMENT:
        found.append(Gap("WA-020-3-period", f"the comment period ends on {of.opened + COMMENT}"))
    if of.held < MEETINGS:
        found.append(Gap("WA-020-3", f"{of.held} of {MEETINGS} community consultation meetings are on record"))
    if of.untaken:
        found.append(Gap("WA-020-3-issues", f"{len(of.untaken)} comment(s) are taken up by no issue"))
    if late := [one.test.id for one in overdue]:
        found.append(Gap("WA-050-2", f"the provider's mitigation is overdue: {', '.join(late[:3])}"))
    return tuple(found)


def _unwritten(report: Draft) -> list[Gap]:
    texts = {letter: report.sections.get(letter, "").strip() for letter in SECTIONS}
    found = [Gap(f"WA-020-2{letter}", f"section {letter} is not written") for letter, text in texts.items() if not text]
    return found + [
        Gap(f"WA-020-2{letter}", f"section {letter} has a placeholder that nobody filled in")
        for letter, text in texts.items() if OPEN in text
    ]  # fmt: skip


def addresses(report: Draft, groups: Collection[str]) -> bool:
    """Whether a report says how the error rate of each of these groups is addressed."""
    return all(report.remedies.get(group, "").strip() for group in groups)


def _unremedied(report: Draft, known: Known) -> list[Gap]:
    missing = [group for group in known.remedied if not addresses(report, (group,))]
    says = "section f has no remedy for an error rate at or above one percent of"
    return [Gap("WA-020-2f", f"{says} {', '.join(missing)}")] if missing else []


def sections(report: Draft | None) -> frozenset[str]:
    """The letters of the sections that are whole."""
    if report is None:
        return frozenset()
    return frozenset(letter for letter in SECTIONS if report.sections.get(letter, "").strip()
                     and OPEN not in report.sections[letter])  # fmt: skip


def draft(known: Known, purposes: Iterable[str]) -> dict[str, str]:
    """Sections a to h from what the server knows, with a placeholder for what only the agency can say."""
    return {
        "a": _lines(
            f"Software: {known.software}. Model: {known.model}.", *known.parts,
            "It detects faces, compares two (1:1) and searches a gallery (1:N); it gives no emotion, age, gender or "
            "race, follows nobody, and shows no score.",
            _here("what else the service could do if it were used otherwise, and its limits in your use"),
        ),
        "b": _lines(
            "Input: still photographs, JPEG or PNG, which are not kept. Kept: one sealed template for each reference, "
            "the basis on record, and a log entry for each ask that names nobody.",
            "Each answer is a match or none with an upper bound of the false match rate, and a receipt.",
            _here("how photographs come about, who takes them, and what else is likely to be generated"),
        ),
        "c": _lines(
            f"Purposes: {', '.join(sorted(purposes))}.",
            _here("the proposed use, the decisions it makes or supports, whether they are final, the benefits and the "
                  "research that shows them"),
        ),
        "d": _lines(
            "Retention: a template until the basis ends, is withdrawn, or the person is erased, which is certified. "
            "Storage is sealed with a key of the agency's own. Every call is bound to a grant, and is in a public log.",
            _here("(i) how, when and by whom it is deployed, and who else operates it"),
            _here("(ii) how collection is kept to what is needed"),
            _here("(iii) how records are kept right, for how long, and how they are deleted"),
            _here("(iv) what is required before each use"),
            _here("(v) who has access, with whom results are shared and how they are bound"),
            _here("(vi) what happens after a breach"),
            _here("(vii) how everybody is trained before use"),
        ),
        "e": _lines(
            "The server counts an operational test for one model, threshold and camera, none after a change of them.",
            _here("how the service is tested, how often, and by whom"),
        ),
        "f": _lines(
            f"Measured on {known.evaluated_on}; a match keeps a false match rate of {_percent(known.promised_ppm)} for "
            "every group that was measured and can carry it. The rates by group are at the end of this report.",
            *known.measured, *(_here(f"how the error rate of {group} is addressed (also under `remedies`)")
                               for group in known.remedied),
            _here("the impact on protected subpopulations"),
        ),
        "g": _here("the impact on civil rights and liberties, and each step against it and against unauthorised use"),
        "h": _here("how those affected and the community are heard, and how they are answered"),
    }  # fmt: skip


def text(agency: str, of: Round, known: Known, publication: Filing | None = None) -> str:
    """The text of a draft, or of the final report where `publication` is given: what its digest is over, as UTF-8."""
    assert of.draft is not None
    report: Draft = of.draft.paper
    notice = of.notice.paper
    head = [
        SCHEMA, f"agency: {agency}", f"service: {notice.service}",
        f"notice: {of.notice.id} filed {notice.filed} with {notice.authority}",
        f"purposes: {', '.join(report.purposes)}",
        f"model: {known.model}", f"draft: {of.draft.id} of {of.draft.day}",
    ]  # fmt: skip
    if publication is not None:
        head.append(f"final: submitted to the legislative authority {publication.paper.submitted}")
        head.append(f"posted: {publication.paper.posted}")
    body = [
        f"## {letter}. {ITEMS[f'WA-020-2{letter}'].says}\n\n{report.sections.get(letter, '')}" for letter in SECTIONS
    ]
    return "\n\n".join(["\n".join(head), *body, _figures(known, report.remedies), _heard(of), _unsure()]) + "\n"


def digest(whole: str) -> str:
    """`sha256:` of a text's UTF-8: the address under which it is published, and what its leaf says."""
    return "sha256:" + hashlib.sha256(whole.encode()).hexdigest()


def _figures(known: Known, remedies: Mapping[str, str]) -> str:
    rows = [f"- {rate.group}, {rate.kind}: {rate.errors} of {rate.trials}, at most {_percent(rate.high_ppm)}"
            + (" (at or above one percent)" if rate.above else "") for rate in known.rates]  # fmt: skip
    rows += [f"- {group}, by an independent test: {_percent(ppm)}" for group, ppm in known.independent]
    fixed = [f"- {group}: {text}" for group, text in sorted(remedies.items())]
    return "\n".join(
        ["## Error rates by group, measured by the server", "", *rows, "", "How they are addressed:", *fixed]
    )


def _heard(of: Round) -> str:
    meetings = [f"- {one.paper.held}, {one.paper.place}, {one.paper.attended} people: {one.paper.summary}"
                for one in of.meetings]  # fmt: skip
    issues = [f"- {one.paper.raised}\n  Answer: {one.paper.answer}" for one in of.issues]
    return "\n".join(["## What was heard", "", f"Comments: {len(of.comments)}", "", *meetings, "", *issues])


def _unsure() -> str:
    rows = [f"- {item.id} [{item.evidence}] {item.says}" for item in ITEMS.values()
            if item.id.startswith("WA-020") and item.evidence != "T"]  # fmt: skip
    return "\n".join(["## Rules of this report that were not read in the statute itself", "", *rows])


def _percent(ppm: int) -> str:
    return f"{ppm / 10_000:g} %"


def _here(what: str) -> str:
    return f"{OPEN}the agency: {what}]]"


def _lines(*parts: str) -> str:
    return "\n".join(parts)
