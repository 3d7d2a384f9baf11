"""What agencies published, as anybody reads it: no key and no receipt, and a text is believed by its digest.

A report names its digest, and so does the leaf of its paper in the log; the text is held against it here. Reading
leaves no leaf. Source: docs/washington.md, "What is published"; docs/client.md.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from countenance.client import readers
from countenance.client.answers import Page
from countenance.client.sent import part
from countenance.client.talk import Call, Pages
from countenance.client.witness import unverified

if TYPE_CHECKING:
    from datetime import datetime

    from countenance.client.proven import Reply
    from countenance.client.reading import Fields


@dataclass(frozen=True, slots=True)
class Report:
    """A report as it stands. state: notice, draft or final. Days are ISO dates, empty: not yet. digest: of its text."""

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
    """A public paper of a report's round, and the digest of its text."""

    filing: str
    kind: str
    filed: datetime
    digest: str


@dataclass(frozen=True, slots=True)
class WholeReport:
    """A report with its text, word for word, and every public paper of its round, oldest first."""

    report: Report
    text: str
    documents: tuple[Document, ...]


def reports(*, limit: int = 100) -> Pages[Report]:
    """Every accountability report, from its notice of intent on, oldest first."""

    def page(reply: Reply) -> Page[Report]:
        after = "" if reply.fields.null("next") else reply.fields.text("next")
        return Page(reply.fields.many("reports", _report), after)

    def at(after: str) -> Call[Page[Report]]:
        query = {"limit": str(limit), **({"after": after} if after else {})}
        return Call("GET", "v1/reports", page, query=query, keyed=False)

    return Pages(at)


def report(identifier: str) -> Call[WholeReport]:
    """One report, whole. Raises NotFound; Unverified where the text is not that of its digest."""

    def read(reply: Reply) -> WholeReport:
        body = reply.fields
        found, text = _report(body.inside("report")), body.text("text")
        if f"sha256:{hashlib.sha256(text.encode()).hexdigest()}" != found.digest:
            raise unverified("the text of the report is not that of its digest")
        return WholeReport(found, text, body.many("documents", _document))

    return Call("GET", f"v1/reports/{part(identifier)}", read, keyed=False)


def _report(body: Fields) -> Report:
    identifier, agency, service, authority = (body.text(name) for name in ("id", "agency", "service", "authority"))
    state, opened, until = (body.text(name) for name in ("state", "opened", "comments_until"))
    published, usable, lapses, digest = (body.text(name) for name in ("published", "usable_from", "lapses", "digest"))
    return Report(
        identifier, agency, service, authority, body.texts("purposes"), state, opened, until, body.count("comments"),
        body.count("meetings"), published, usable, lapses, digest,
    )  # fmt: skip


def _document(body: Fields) -> Document:
    return Document(body.text("filing"), body.text("kind"), readers.moment(body, "filed"), body.text("digest"))
