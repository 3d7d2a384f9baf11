"""The shapes of what changes a promise or a law: what is asked of people with accounts, what everybody may see.

Closed like those of shapes.py; nothing here decides or stores. Sources: docs/policy.md; docs/laws.md.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field

from countenance.http.shapes import Answer, Digest, Moment, Shape
from countenance.policy.words import CRITERIA

PackName = Annotated[str, Field(min_length=1, max_length=64, examples=["microsoft-2020-strict"])]
PackText = Annotated[str, Field(min_length=1, max_length=60_000)]
Sometime = Annotated[str, Field(description="RFC 3339, UTC; empty as long as it is not known.", examples=[""])]
Signed = Annotated[str, Field(min_length=88, max_length=88, description="Base64.", examples=["A" * 86 + "=="])]


RECORD = "\n".join(
    (
        'id = "us-face-act-2027"', 'title = "A federal act on face recognition"', 'jurisdiction = "US"',
        'level = "national"', 'covers = ["police", "sheriff"]', "from = 2027-01-01", 'until = ""',
        'sources = ["https://example.org/act"]', 'recognises = ["warrant"]',
        "[assessment]", *(f'{each} = "unclear"' for each in CRITERIA),
        "[assessment.sources]", *(f'{each} = "https://example.org/act"' for each in CRITERIA),
    )
)  # fmt: skip
"""A record that can be proposed as it stands, for the description."""


class NewChange(Shape):
    """What is to be changed. on: packs of this installation; packs: texts of the operator's own, by their names.

    notice_days: 0 for as long as the setting says.
    """

    on: Annotated[list[PackName], Field(default_factory=list, max_length=64, examples=[["microsoft-2020-strict"]])]
    off: Annotated[list[PackName], Field(default_factory=list, max_length=64, examples=[[]])]
    packs: Annotated[dict[PackName, PackText], Field(default_factory=dict, max_length=64, examples=[{}])]
    notice_days: Annotated[int, Field(ge=0, le=366)] = 0


class Signature(Shape):
    """signature: your own, over the text that the documentation gives."""

    signature: Signed


class Approval(Shape):
    """An approval as it is kept. counts: the account is still one of an approver."""

    account: str
    key: str
    signature: str
    created: Moment
    counts: bool


class PolicyChange(Shape):
    """A change of the policy set, and what became of it. digest: of its document, which an approval signs."""

    id: str
    created: Moment
    before: Digest
    after: Digest
    loosens: bool
    notice_days: int
    digest: Digest
    why: list[str]
    state: Literal["under-notice", "in-force", "was-in-force", "withdrawn", "overtaken"]
    not_before: Sometime
    since: Sometime
    approvals: list[Approval]


class ShownChange(Answer):
    change: PolicyChange


class Changes(Answer):
    changes: list[PolicyChange]


class NewLaw(Shape):
    """record: the text of a TOML file, as the documentation of laws gives it, without signatures."""

    record: Annotated[str, Field(min_length=1, max_length=60_000, examples=[RECORD])]


class NewObjection(Shape):
    """words: shown to everybody, for good; name nobody."""

    words: Annotated[str, Field(min_length=1, max_length=2000, examples=["It tests no group of people."])]


class LawSignature(Shape):
    """outside: of an assessor, who is from outside the provider."""

    key: str
    outside: bool
    signature: str


class Objection(Shape):
    """by: whose person it was, the provider's or a customer's."""

    created: Moment
    by: Literal["provider", "customer"]
    words: str


class Law(Shape):
    """A record of the registry. record: its digest, which a signature is over. not_before: of its recording."""

    id: str
    title: str
    jurisdiction: str
    level: Literal["national", "state", "city"]
    state: Literal["proposed", "recorded", "repealed", "superseded"]
    created: Moment
    not_before: Sometime
    recorded: Sometime
    ended: Sometime
    supersedes: Annotated[str, Field(description="The id of the record that it replaces.", examples=[""])]
    record: Digest
    signatures: list[LawSignature]
    objections: list[Objection]


class WholeLaw(Law):
    """With its text, as it was proposed."""

    document: dict[str, Any]


class Laws(Shape):
    """Every record; in_force: the ids of those in force now; digest: of these, as every leaf carries it."""

    in_force: list[str]
    digest: Digest
    laws: list[Law]


class ShownLaw(Answer):
    law: Law
