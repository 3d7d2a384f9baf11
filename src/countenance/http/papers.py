"""The shapes of what is filed under a statute, and of reports that anybody reads, to the last field.

Closed like those of shapes.py; nothing here decides or stores. The facts of a paper depend on its kind, and are read by
statute/reading.py, which names what is wrong. Source: docs/washington.md.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field

from countenance.http.matters import Next, Of  # noqa: TC001  (pydantic reads the annotations)
from countenance.http.shapes import Answer, Moment, Receipt, Shape

Kind = Literal[
    "notice", "draft", "meeting", "comment", "issue", "publication", "operational-test", "change", "operators",
    "training", "reviewer", "independent-test", "mitigation", "authority", "extension", "ruling", "ending",
    "warrant-application", "disclosure", "disclosed", "exemption",
]  # fmt: skip
Facts = Annotated[
    dict[str, Any],
    Field(
        description="The fields of this kind: docs/washington.md.", max_length=20,
        examples=[{"authority": "The Legislature", "service": "Benefits desk", "purposes": ["benefits-eligibility"],
                   "filed": "2026-11-22"}],
    ),
]  # fmt: skip
Digest = Annotated[str, Field(description="Of the paper's document: `sha256:` and 64 hex digits.")]
Day = Annotated[str, Field(description="A day in UTC; empty: not yet.", examples=[""])]
Link = Annotated[str, Field(max_length=100, description="The id of the paper that it continues; empty: none.")]


class NewFiling(Shape):
    """A paper to file. about: the paper that it continues."""

    kind: Annotated[Kind, Field(examples=["notice"])]
    about: Annotated[str, Field(max_length=100, examples=[""])] = ""
    facts: Facts


class NewMitigation(Shape):
    """A step of the provider's answer to an independent test."""

    step: Annotated[Literal["plan", "implemented", "retested"], Field(examples=["plan"])]
    text: Annotated[str, Field(min_length=1, max_length=8000, examples=["The threshold is raised for every group."])]


class NewComment(Shape):
    """What somebody says of a draft. Nobody's name is asked for."""

    text: Annotated[str, Field(min_length=1, max_length=8000, examples=["Who looks at a wrong match?"])]


class Filed(Answer):
    """A paper that was filed. document: the text of its digest; filed_receipt: of the leaf that has the digest."""

    filing: str
    kind: Kind
    digest: Digest
    document: str
    filed_receipt: Receipt


class ListedFiling(Shape):
    """A paper, without the fields named in `sealed`."""

    id: str
    customer: Of
    kind: Kind
    about: Link
    created: Moment
    facts: dict[str, Any]
    sealed: list[str]
    digest: Digest
    public: bool


class Filings(Answer):
    filings: list[ListedFiling]
    next: Next


class ShownFiling(Answer):
    """A paper, whole."""

    id: str
    kind: Kind
    about: Link
    created: Moment
    facts: dict[str, Any]
    digest: Digest
    document: str


class Line(Shape):
    """One thing that has to be in order. evidence: T, S, P, R or O, as docs/washington.md has them."""

    fact: str
    holds: bool
    says: str
    item: str
    evidence: str
    source: str
    safer: str


class Due(Shape):
    """Something that waits. due: the last day, or the end."""

    filing: str
    kind: Kind
    state: str
    due: str


class Stands(Answer):
    """How an agency stands for one use."""

    lines: list[Line]
    due: list[Due]
    exempt: str
    in_order: bool


class Written(Answer):
    """A text that the server wrote; it is filed by nobody."""

    text: str


class Report(Shape):
    """An accountability report as it stands. id: its notice's."""

    id: str
    agency: str
    service: str
    authority: str
    purposes: list[str]
    state: Literal["notice", "draft", "final"]
    opened: Day
    comments_until: Day
    comments: int
    meetings: int
    published: Day
    usable_from: Day
    lapses: Day
    digest: Digest


class Reports(Shape):
    reports: list[Report]
    next: Annotated[str | None, Field(description="Give it as `after` for what follows; null at the end.")]


class Document(Shape):
    """A public paper of a report's round."""

    filing: str
    kind: Kind
    filed: Moment
    digest: Digest


class WholeReport(Shape):
    """A report with its text, word for word, and every public paper of its round."""

    report: Report
    text: str
    documents: list[Document]


class Commented(Shape):
    """A comment that was taken. receipt: of its leaf, which has the digest and nothing of what was said."""

    comment: str
    digest: Digest
    document: str
    receipt: Receipt
