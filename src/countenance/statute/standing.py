"""What is on record for one use: as the rules read it, and as a list that says what is missing and since when.

Both come from the same lines, so that what the list calls missing is what the policy refuses for. It decides nothing.
Source: docs/washington.md, "What has to be in order".
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from countenance.domain.decision import Authority, Paperwork
from countenance.statute import book as books
from countenance.statute import report
from countenance.statute.book import MEETINGS, USE_AFTER, Book, Filing, Use

if TYPE_CHECKING:
    from datetime import date

    from countenance.statute.papers import AuthorityPaper

NOTHING = Paperwork()


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that has to be in order. fact: as the rules call it; item: of statute.items."""

    fact: str
    item: str
    holds: bool
    says: str


@dataclass(frozen=True, slots=True)
class Asked:
    """For what the papers are read. key: of the call; ended: accounts that are in force no more; remedied: groups whose
    measured error rate a report has to address.
    """

    use: Use
    key: str
    ended: frozenset[str]
    remedied: frozenset[str]
    day: date


def paperwork(book: Book, asked: Asked) -> Paperwork:
    """What is on record for a use under a key on a day."""
    use, day, ended = asked.use, asked.day, asked.ended
    of = books.chosen(book, use, day)
    final = of.final if of is not None else None
    published = of.published if of is not None else None
    told = of.report if of is not None else None
    exempt = book.exempt(use.purpose, day)
    return Paperwork(
        notice_of_intent=books.notice_for(book, use.purpose),
        report_published=published,
        report_updated=final.day if final is not None else None,
        meetings=of.held if of is not None else 0,
        report_purposes=frozenset(told.purposes) if told is not None else frozenset(),
        report_sections=report.sections(told),
        report_model_version=final.model if final is not None else "",
        report_addresses_errors=told is not None and report.addresses(told, asked.remedied | book.found_unequal()),
        operational_test_passed=book.tested(use),
        training_valid_until=book.key_trained(asked.key, ended, day),
        reviewers=book.reviewers(ended, day),
        federal_reported=exempt.reported if exempt is not None else None,
        federal_purposes=frozenset(exempt.purposes) if exempt is not None else frozenset(),
        mitigation_due=min((one.due for one in book.mitigations() if one.waits), default=None),
    )


def checks(paper: Paperwork, use: Use, day: date) -> tuple[Check, ...]:
    """Everything that has to be in order for a use, whether it holds, and what to say of it."""
    published, updated = paper.report_published, paper.report_updated
    usable = published + USE_AFTER if published is not None else None
    lapses = two_years_after(updated) if updated is not None else None
    test, training = paper.operational_test_passed, paper.training_valid_until
    missing = sorted(frozenset("abcdefgh") - paper.report_sections)
    return (
        Check("paperwork.notice_of_intent", "WA-020-1", paper.notice_of_intent is not None,
              f"notice of intent for {use.purpose}: {paper.notice_of_intent or 'none'}"),
        Check("paperwork.report.published_90_days", "WA-020-4", usable is not None and usable <= day,
              f"final report published {published or 'never'}" + (f", for use from {usable}" if usable else "")),
        Check("paperwork.report.updated_within_2_years", "WA-020-5", lapses is not None and day < lapses,
              f"report updated {updated or 'never'}" + (f", lapses {lapses}" if lapses else "")),
        Check("paperwork.report.three_meetings", "WA-020-3", paper.meetings >= MEETINGS,
              f"{paper.meetings} of {MEETINGS} community consultation meetings"),
        Check("paperwork.report.covers_purpose", "WA-020-7", use.purpose in paper.report_purposes,
              f"the report covers {', '.join(sorted(paper.report_purposes)) or 'no purpose'}"),
        Check("paperwork.report.all_sections", "WA-020-2a", not missing,
              f"sections missing: {', '.join(missing)}" if missing else "sections a to h are written"),
        Check("paperwork.report.names_model", "WA-020-version",
              use.model != "" and paper.report_model_version == use.model,
              "the report names the model in use" if paper.report_model_version == use.model
              else "the report names another model than the one in use, or none"),
        Check("paperwork.report.addresses_errors", "WA-020-2f", paper.report_addresses_errors,
              "each error rate at or above one percent is addressed" if paper.report_addresses_errors
              else "an error rate at or above one percent is not addressed"),
        Check("paperwork.operational_test", "WA-040", test is not None,
              f"operational test of this context, model, threshold and camera: {test or 'none'}"),
        Check("paperwork.training_valid", "WA-060", training is not None,
              f"everybody who uses this key is trained until {training}" if training
              else "nobody is named who uses this key, or one of them is not trained"),
        Check("paperwork.one_reviewer", "WA-030", paper.reviewers >= 1,
              f"{paper.reviewers} trained reviewer(s) who may alter a decision"),
        Check("paperwork.mitigation_overdue", "WA-050-2", paper.mitigation_due is None or day <= paper.mitigation_due,
              f"the provider has until {paper.mitigation_due} to mitigate" if paper.mitigation_due
              else "no mitigation waits"),
    )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Called:
    """An authority that a call names. collection: where it searches; empty: none."""

    filing: Filing
    book: Book
    purpose: str
    mode: str
    collection: str

    @property
    def until(self) -> datetime:
        return self.book.until(self.filing)

    def outside(self, now: datetime) -> str:
        """Why the call lies outside the authority; empty: it lies within."""
        paper: AuthorityPaper = self.filing.paper
        if not paper.start <= now < self.until:
            return f"this authority ended at {self.until:%Y-%m-%dT%H:%M:%SZ}"
        if self.purpose != paper.purpose:
            return f"this authority is for {paper.purpose}"
        if self.mode not in paper.modes:
            return f"this authority is for the mode {', '.join(paper.modes)}"
        if paper.collections and self.collection not in paper.collections:
            return "this authority is for another collection"
        return ""

    def fact(self, now: datetime) -> Authority | None:
        """The authority as the rules read it, in days; None where mode or collection lie outside it.

        One that has ended by the hour has ended by the day.
        """
        paper: AuthorityPaper = self.filing.paper
        outside = self.mode not in paper.modes or (paper.collections and self.collection not in paper.collections)
        if outside:
            return None
        day = now.astimezone(UTC).date()
        runs = paper.start <= now < self.until
        return Authority(
            kind=paper.kind,
            issuer=paper.issuer,
            names_person=bool(paper.person.strip()),
            purpose=paper.purpose,
            start=paper.start.date(),
            until=max(self.until.date(), day + timedelta(days=1)) if runs else min(self.until.date(), day),
            recognised_by=paper.recognised_by,
            requested_at=self.book.ruled(self.filing, "requested"),
            granted_at=self.book.ruled(self.filing, "granted"),
            refused_at=self.book.ruled(self.filing, "refused"),
        )


def two_years_after(start: date) -> date:
    """The same day two years later; 29 February becomes 1 March."""
    try:
        return start.replace(year=start.year + 2)
    except ValueError:
        return start.replace(year=start.year + 2, month=3, day=1)
