"""Accountability reports as anybody reads them, and what anybody says of a draft. Reading leaves no leaf.

What is shown is what was published under its digest, word for word. A comment is sealed under the agency's key, leaves
its leaf, and is taken up by the agency in public; how often it may be sent is bounded at the door (http/reports.py).
Source: docs/washington.md, "What is published".
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy import select

from countenance.domain.errors import NotFound
from countenance.service import filings as filing
from countenance.statute.book import COMMENT, USE_AFTER
from countenance.statute.standing import two_years_after
from countenance.storage.tables import customers, filings

if TYPE_CHECKING:
    from datetime import date

    from sqlalchemy import Row

    from countenance.service.app import House
    from countenance.service.filings import Filed
    from countenance.statute.book import Filing, Round

MOST_REPORTS = 1000  # of one page


@dataclass(frozen=True, slots=True)
class Report:
    """A report as it stands. id: its notice's. state: notice, draft or final. Days are ISO dates, empty: not yet.

    comments_until: the end of the comment period; usable_from, lapses: of the final report. digest: of its text.
    """

    id: str
    agency: str
    service: str
    authority: str
    purposes: tuple[str, ...]
    state: str
    opened: str
    comments_until: str
    comments: int
    meetings: int
    published: str
    usable_from: str
    lapses: str
    digest: str


@dataclass(frozen=True, slots=True)
class Document:
    """A public paper. filed: RFC 3339 UTC; digest: of its text."""

    filing: str
    kind: str
    filed: str
    digest: str


@dataclass(frozen=True, slots=True)
class Whole:
    """A report with its text and every public paper of its round, oldest first."""

    report: Report
    text: str
    documents: tuple[Document, ...]


def public(house: House, after: str, limit: int) -> tuple[tuple[Report, ...], str]:
    """Up to `limit` reports by the number of their notice, and the mark to go on from, empty at the end."""
    query = _notices().where(filings.c.number > int(after or 0)).order_by(filings.c.number).limit(limit + 1)
    with house.database.read() as connection:
        rows = connection.execute(query).all()
    return tuple(_report(house, row) for row in rows[:limit]), str(rows[limit - 1].number) if len(rows) > limit else ""


def shown(house: House, report: str) -> Whole:
    """A report, whole. Raises NotFound."""
    row = _notice(house, report)
    of = _round(house, row)
    papers = (of.notice, *of.drafts, *of.meetings, *of.issues, *of.publications)
    listed = sorted(papers, key=lambda one: one.at)
    stands = _report(house, row)
    documents = tuple(Document(one.id, one.kind, _moment(one), one.digest) for one in listed)
    return Whole(stands, text(house, report), documents)


def text(house: House, report: str) -> str:
    """The newest final text of a report, or of its draft, or of its notice. Raises NotFound."""
    of = _round(house, _notice(house, report))
    return document(house, (of.final or of.draft or of.notice).digest)


def document(house: House, digest: str) -> str:
    """A public text by its digest. Raises NotFound."""
    query = select(filings.c.document).where(filings.c.digest == digest, filings.c.document.is_not(None))
    with house.database.read() as connection:
        found = connection.execute(query).scalars().first()
    if found is None:
        raise _missing()
    return str(found)


def comment(house: House, report: str, said: str) -> Filed:
    """Say something of a draft that is open for comment. Raises NotFound, BadInput, Conflict."""
    row = _notice(house, report)
    return filing.comment(house, row.customer_id, row.id, said)


def _report(house: House, row: Row[Any]) -> Report:
    of = _round(house, row)
    notice, published, final = of.notice.paper, of.published, of.final
    told = of.report or (of.draft.paper if of.draft is not None else notice)
    state = "final" if final is not None else "draft" if of.draft is not None else "notice"
    return Report(
        id=row.id, agency=row.agency_facts["name"], service=notice.service, authority=notice.authority,
        purposes=tuple(told.purposes), state=state, opened=_shown(of.opened),
        comments_until=_shown(of.opened + COMMENT if of.opened else None), comments=len(of.comments), meetings=of.held,
        published=_shown(published), usable_from=_shown(published + USE_AFTER if published else None),
        lapses=_shown(two_years_after(final.day) if final is not None else None),
        digest=(final or of.draft or of.notice).digest,
    )  # fmt: skip


def _round(house: House, row: Row[Any]) -> Round:
    return next(one for one in house.on_file.book(row.customer_id).rounds if one.notice.id == row.id)


def _notice(house: House, report: str) -> Row[Any]:
    with house.database.read() as connection:
        row = connection.execute(_notices().where(filings.c.id == report)).one_or_none()
    if row is None:
        raise _missing()
    return row


def _notices() -> Any:
    return (
        select(filings, customers.c.facts.label("agency_facts"))
        .join(customers, customers.c.id == filings.c.customer_id)
        .where(filings.c.kind == "notice")
    )


def _shown(day: date | None) -> str:
    return day.isoformat() if day is not None else ""


def _moment(one: Filing) -> str:
    return f"{one.at:%Y-%m-%dT%H:%M:%SZ}"


def _missing() -> NotFound:
    return NotFound("there is no such report", next_step="List the reports: GET /v1/reports.")
