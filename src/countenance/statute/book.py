"""The papers of one agency, and what they come to: rounds of a report, tests, training, authorities, clocks.

Everything is worked out anew from the papers and a moment; nothing is kept beside them, so nothing can disagree. A day
is a UTC day. It decides nothing about an ask. Source: docs/washington.md, "The clocks".
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import cached_property
from typing import TYPE_CHECKING, Any, TypeVar

from countenance.statute import papers
from countenance.statute.papers import (
    AuthorityPaper,
    Change,
    Disclosure,
    Draft,
    Exemption,
    IndependentTest,
    Notice,
    OperationalTest,
    Operators,
    Reviewer,
    Training,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    P = TypeVar("P")

USE_AFTER = timedelta(days=90)  # from publication to use: item WA-020-4
COMMENT = timedelta(days=30)  # from the public draft to the final report: item WA-020-3-period
MITIGATE = timedelta(days=90)  # from an independent test's results: item WA-050-2
DISCLOSE = timedelta(days=30)  # before trial: item WA-070-1-term
MEETINGS = 3
ONE_PERCENT = 10_000  # parts per million


@dataclass(frozen=True, slots=True)
class Filing:
    """A paper that was filed. about: the id of the paper that it continues. at: when it came, aware, UTC.

    model, threshold: digests of the model and of the calibration record that were in use then.
    """

    id: str
    kind: str
    about: str
    at: datetime
    paper: Any
    model: str = ""
    threshold: str = ""
    digest: str = ""

    @property
    def day(self) -> date:
        return self.at.date()


@dataclass(frozen=True)
class Round:
    """Everything that hangs on one notice of intent."""

    notice: Filing
    drafts: tuple[Filing, ...]
    meetings: tuple[Filing, ...]
    comments: tuple[Filing, ...]
    issues: tuple[Filing, ...]
    publications: tuple[Filing, ...]

    @property
    def draft(self) -> Filing | None:
        """The newest draft."""
        return self.drafts[-1] if self.drafts else None

    @property
    def opened(self) -> date | None:
        """The day on which the first draft was public, and the comment period began."""
        return self.drafts[0].day if self.drafts else None

    @property
    def held(self) -> int:
        """Meetings that count: from the day of the first draft on, one for each place and day."""
        since = self.opened
        return len({(p.held, p.place.strip().casefold()) for p in (one.paper for one in self.meetings)
                    if since is not None and p.held >= since})  # fmt: skip

    @property
    def untaken(self) -> tuple[str, ...]:
        """Comments that no issue takes up, by id."""
        taken = {name for one in self.issues for name in one.paper.comments}
        return tuple(one.id for one in self.comments if one.id not in taken)

    @property
    def final(self) -> Filing | None:
        """The newest publication."""
        return self.publications[-1] if self.publications else None

    @property
    def report(self) -> Draft | None:
        """What the newest publication published: the newest draft by then."""
        final = self.final
        if final is None:
            return None
        by_then: list[Draft] = [one.paper for one in self.drafts if one.at <= final.at]
        return by_then[-1]

    @property
    def published(self) -> date | None:
        """From when the 90 days count: the first of the publications that name the model of the newest."""
        since = None
        for one in reversed(self.publications):
            if one.model != self.publications[-1].model:
                break
            since = one.day
        return since


@dataclass(frozen=True)
class Book:
    """An agency's papers, oldest first."""

    filings: tuple[Filing, ...]

    def of(self, kind: str, about: str = "") -> tuple[Filing, ...]:
        return tuple(one for one in self.filings if one.kind == kind and (not about or one.about == about))

    def named(self, filing: str, kind: str = "") -> Filing | None:
        found = self._by_id.get(filing)
        return found if found is not None and kind in ("", found.kind) else None

    @cached_property
    def _by_id(self) -> dict[str, Filing]:
        return {one.id: one for one in self.filings}

    @cached_property
    def rounds(self) -> tuple[Round, ...]:
        """By notice, oldest first."""
        kinds = ("draft", "meeting", "comment", "issue", "publication")
        return tuple(Round(notice, *(self.of(kind, notice.id) for kind in kinds)) for notice in self.of("notice"))

    # -- training and tests -------------------------------------------------------------------------------

    def trained(self, account: str, day: date) -> date | None:
        """Until when a person is trained in every topic (exclusive), or None."""
        ends: dict[str, date] = {}
        for paper in self._papers("training", Training):
            if paper.account == account and paper.completed <= day:
                for topic in paper.topics:
                    ends[topic] = max(paper.expires, ends.get(topic, paper.expires))
        until = min(ends.values()) if len(ends) == len(papers.TOPICS) else None
        return until if until is not None and day < until else None

    def operators(self, key: str) -> tuple[str, ...]:
        """The accounts of everybody who uses a key, as the newest paper about it has it."""
        found = [paper.accounts for paper in self._papers("operators", Operators) if paper.key == key]
        return found[-1] if found else ()

    def key_trained(self, key: str, ended: frozenset[str], day: date) -> date | None:
        """Until when everybody who uses a key is trained, or None: nobody is named, or one is not. ended: accounts.

        Before there is a key, which is when an agency asks to be admitted, one person at least has to be trained.
        """
        if not key:
            return self._somebody_trained(ended, day)
        people = self.operators(key)
        ends = [None if who in ended else self.trained(who, day) for who in people]
        known = [end for end in ends if end is not None]
        return min(known) if known and len(known) == len(ends) else None

    def _somebody_trained(self, ended: frozenset[str], day: date) -> date | None:
        people = {paper.account for paper in self._papers("training", Training)} - ended
        return max((end for who in people if (end := self.trained(who, day)) is not None), default=None)

    def reviewers(self, ended: frozenset[str], day: date) -> int:
        """How many people may review: trained, with the authority to alter a decision."""
        newest = {paper.account: paper.alters for paper in self._papers("reviewer", Reviewer)}
        return sum(alters and who not in ended and self.trained(who, day) is not None for who, alters in newest.items())

    def tested(self, use: Use) -> date | None:
        """The newest operational test that holds for a use: of its context, and newer than any change."""
        changed = max((paper.on for paper in self._papers("change", Change)), default=date.min)
        days = [
            one.paper.passed
            for one in self.of("operational-test")
            if _fits(one.paper, use) and one.paper.passed > changed
            and (one.model, one.threshold) == (use.model, use.threshold)
        ]  # fmt: skip
        return max(days, default=None)

    def found_unequal(self) -> frozenset[str]:
        """Groups for which an independent test found an error rate at or above one percent."""
        tests: list[IndependentTest] = [one.paper for one in self.of("independent-test")]
        return frozenset(group for test in tests for group, ppm in test.rates.items() if ppm >= ONE_PERCENT)

    def exempt(self, purpose: str, day: date) -> Exemption | None:
        """The exemption that covers a purpose, once it was reported."""
        for paper in self._papers("exemption", Exemption):
            if purpose in paper.purposes and paper.reported <= day:
                return paper
        return None

    # -- authorities --------------------------------------------------------------------------------------

    def until(self, authority: Filing) -> datetime:
        """When an authority ends, with its extensions and its early end."""
        paper: AuthorityPaper = authority.paper
        end = papers.ends(paper)
        for one in self.of("extension", authority.id):
            end = max(end, one.paper.until)
        return min([end, *(one.at for one in self.of("ending", authority.id))])

    def ruled(self, authority: Filing, step: str) -> datetime | None:
        """The first time at which an authority was `requested`, `granted` or `refused`, where that came later."""
        times: list[datetime] = [one.paper.at for one in self.of("ruling", authority.id) if one.paper.step == step]
        return min(times, default=None)

    # -- what is due --------------------------------------------------------------------------------------

    def mitigations(self) -> Iterator[Mitigating]:
        """What became of each independent test that showed material unfair differences."""
        for test in self.of("independent-test"):
            if test.paper.material:
                steps = self.of("mitigation", test.id)
                yield Mitigating(test, steps[-1].paper.step if steps else "open", steps)

    def disclosures(self) -> Iterator[Disclosing]:
        """Each defendant who has to be told, and whether they were."""
        for one in self.of("disclosure"):
            paper: Disclosure = one.paper
            told: tuple[Filing, ...] = self.of("disclosed", one.id)
            day = min((each.paper.on for each in told), default=None)
            yield Disclosing(one, max(one.day, paper.trial - DISCLOSE), paper.trial, day)

    def _papers(self, kind: str, _: type[P]) -> list[P]:
        return [one.paper for one in self.of(kind)]


@dataclass(frozen=True, slots=True)
class Use:
    """A use, so far as papers are about it. model, threshold: digests of what is in use now."""

    purpose: str
    place: str
    camera: str
    model: str
    threshold: str


@dataclass(frozen=True, slots=True)
class Mitigating:
    """state: open, plan, implemented or retested."""

    test: Filing
    state: str
    steps: tuple[Filing, ...]

    @property
    def due(self) -> date:
        """The last day for the plan to be implemented."""
        return test_day(self.test) + MITIGATE

    @property
    def waits(self) -> bool:
        """Nothing was implemented yet."""
        return self.state in ("open", "plan")

    def overdue(self, day: date) -> bool:
        """Nothing was implemented in time; it stays so until something is."""
        return self.waits and day > self.due


@dataclass(frozen=True, slots=True)
class Disclosing:
    """due: the last day; told: the day on which the defendant was, or None."""

    filing: Filing
    due: date
    trial: date
    told: date | None

    def state(self, day: date) -> str:
        """`told`, `late` (told after it was due, or not told by then), or `due`."""
        if (self.told or day) > self.due:
            return "late"
        return "due" if self.told is None else "told"


def test_day(test: Filing) -> date:
    paper: IndependentTest = test.paper
    return paper.received


def overdue(books: Iterable[Book], day: date) -> tuple[Mitigating, ...]:
    """Independent tests whose mitigation is late, of whichever agency: the service is one."""
    return tuple(one for book in books for one in book.mitigations() if one.overdue(day))


def next_step(state: str) -> str:
    """The step that may follow a state of mitigation; empty: none."""
    return {"open": "plan", "plan": "implemented", "implemented": "retested"}.get(state, "")


def chosen(book: Book, use: Use, day: date) -> Round | None:
    """The round that speaks for a use: of its purpose and model first, then published ones; of equals the newest."""

    def rank(one: Round) -> tuple[bool, bool, bool, bool, int]:
        report, final = one.report, one.final
        covers = use.purpose in (report.purposes if report else one.notice.paper.purposes)
        usable = one.published is not None and one.published + USE_AFTER <= day
        return covers, final is not None, final is not None and final.model == use.model, usable, 0

    best: Round | None = None
    for one in book.rounds:
        if best is None or rank(one) >= rank(best):
            best = one
    return best


def notice_for(book: Book, purpose: str) -> date | None:
    """The first notice of intent that names a purpose."""
    notices: list[Notice] = [one.paper for one in book.of("notice") if purpose in one.paper.purposes]
    return min((notice.filed for notice in notices), default=None)


def _fits(paper: OperationalTest, use: Use) -> bool:
    covers = use.purpose in paper.purposes and use.place in paper.places and use.camera in paper.cameras
    return covers and paper.guidance
