"""What an agency's people file and read under a statute: what is sent, what its receipt has to state. It sends nothing.

A paper that was filed is believed once two receipts hold: of the act, and of the leaf with the digest of its document,
which is computed here anew. Source: docs/washington.md; docs/client.md.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from countenance.client import acts, readers
from countenance.client.answers import Answer
from countenance.client.sent import JSON, json_body, part
from countenance.client.talk import Call, Pages
from countenance.client.witness import unverified

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from countenance.client.proven import Reply
    from countenance.client.reading import Fields

UNDER = f"{acts.UNDER}/statute"


@dataclass(frozen=True, slots=True)
class Filed(Answer):
    """A paper that was filed. document: the text of its digest; filed_receipt: of the leaf that has the digest."""

    id: str
    kind: str
    digest: str
    document: str
    filed_receipt: str


@dataclass(frozen=True, slots=True)
class Filing:
    """A paper in a list, without the fields that are sealed."""

    id: str
    customer: str
    kind: str
    about: str
    created: datetime
    facts: Mapping[str, Any]
    sealed: tuple[str, ...]
    digest: str
    public: bool


@dataclass(frozen=True, slots=True)
class ShownFiling(Answer):
    """A paper, whole, with the text that its digest is over."""

    id: str
    kind: str
    about: str
    created: datetime
    facts: Mapping[str, Any]
    digest: str
    document: str


@dataclass(frozen=True, slots=True)
class Line:
    """One thing that has to be in order. evidence: how sure the rule is, as docs/washington.md has it."""

    fact: str
    holds: bool
    says: str
    item: str
    evidence: str
    source: str
    safer: str


@dataclass(frozen=True, slots=True)
class Due:
    """Something that waits: the mitigation of a test, a disclosure, the end of an authority."""

    filing: str
    kind: str
    state: str
    due: str


@dataclass(frozen=True, slots=True)
class Stands(Answer):
    """How an agency stands for one use. exempt: the ground of an exemption, or empty."""

    lines: tuple[Line, ...]
    due: tuple[Due, ...]
    exempt: str
    in_order: bool


@dataclass(frozen=True, slots=True)
class Written(Answer):
    """A text that the server wrote, and nobody filed."""

    text: str


def file_paper(kind: str, facts: Mapping[str, object], about: str = "") -> Call[Filed]:
    """File a paper for your own agency. Raises Refused, NotFound, BadInput, Incomplete, Conflict."""
    body = json_body({"kind": kind, "about": about, "facts": dict(facts)})
    return Call("POST", f"{UNDER}/filings", _filed(kind), headers=JSON, content=body, act="statute-file")


def mitigate(test: str, step: str, text: str) -> Call[Filed]:
    """The provider's next step on an independent test. Raises Refused, NotFound, BadInput, Conflict."""
    body = json_body({"step": step, "text": text})
    path = f"{UNDER}/filings/{part(test)}/mitigation"
    return Call("POST", path, _filed("mitigation"), headers=JSON, content=body, act="statute-mitigate")


def papers(customer: str = "", *, kind: str = "", limit: int = 100) -> Pages[Filing]:
    """The papers of an agency, oldest first: a customer's by its id, your own where it is empty. Raises Refused, ..."""
    return acts.pages("filings", "statute-list", _filing, limit, under=UNDER, customer=customer, kind=kind)


def paper(filing: str) -> Call[ShownFiling]:
    """A paper of your own agency, whole. Raises Refused, NotFound; Unverified where the text is not its digest's."""

    def read(reply: Reply) -> ShownFiling:
        body = reply.fields
        proven = reply.administered("shown", matter=filing)
        found, kind, about, digest, document = (
            body.text(name) for name in ("id", "kind", "about", "digest", "document")
        )
        _check(document, digest)
        if found != filing:
            raise unverified("it is about another than was asked for")
        facts, created = body.inside("facts").of, readers.moment(body, "created")
        return ShownFiling(*proven, found, kind, about, created, facts, digest, document)

    return Call("GET", f"{UNDER}/filings/{part(filing)}", read, act="statute-show")


def standing(purpose: str, key: str = "", *, place: str = "private", camera: str = "none") -> Call[Stands]:
    """How your agency stands for a use under a key, by its id. Raises Refused, UnknownWord."""

    def read(reply: Reply) -> Stands:
        body = reply.fields
        lines, due = body.many("lines", _line), body.many("due", _due)
        proven = reply.administered("shown")
        return Stands(*proven, lines, due, body.text("exempt"), body.truth("in_order"))

    query = {name: word for name, word in (("purpose", purpose), ("key", key), ("place", place), ("camera", camera))
             if word}  # fmt: skip
    return Call("GET", f"{UNDER}/standing", read, query=query, act="statute-show")


def draft_report(purposes: Sequence[str]) -> Call[Written]:
    """A draft of the accountability report, as the facts of a `draft` paper. Raises Refused, UnknownWord."""
    return _written("draft", purposes=",".join(purposes))


def disclosure(filing: str) -> Call[Written]:
    """What a defendant is told, from a `disclosure` paper. Raises Refused, NotFound."""
    return _written(f"filings/{part(filing)}/disclosure")


def january(year: int, to: str) -> Call[Written]:
    """A January report about the year before, to `judge` or `legislature`. Raises Refused, BadInput."""
    return _written("january", year=str(year), to=to)


def _written(path: str, **query: str) -> Call[Written]:
    def read(reply: Reply) -> Written:
        return Written(*reply.administered("written"), reply.fields.text("text"))

    return Call("GET", f"{UNDER}/{path}", read, query=query, act="statute-write")


def _filed(kind: str) -> Any:
    def read(reply: Reply) -> Filed:
        body = reply.fields
        found, digest, document = (body.text(name) for name in ("filing", "digest", "document"))
        _check(document, digest)
        proven = reply.administered("filed", matter=found)
        line = reply.filed({"filed": kind, "document": digest}, matter=found)
        if body.text("kind") != kind:
            raise unverified("it is another kind of paper than was filed")
        return Filed(*proven, found, kind, digest, document, line)

    return read


def _check(document: str, digest: str) -> None:
    if "sha256:" + hashlib.sha256(document.encode()).hexdigest() != digest:
        raise unverified("its document is not the one of its digest")


def _filing(body: Fields) -> Filing:
    found, customer, kind, about, digest = (body.text(name) for name in ("id", "customer", "kind", "about", "digest"))
    facts, created = body.inside("facts").of, readers.moment(body, "created")
    return Filing(found, customer, kind, about, created, facts, body.texts("sealed"), digest, body.truth("public"))


def _line(body: Fields) -> Line:
    says, item, evidence, source, safer = (body.text(name) for name in ("says", "item", "evidence", "source", "safer"))
    return Line(body.text("fact"), body.truth("holds"), says, item, evidence, source, safer)


def _due(body: Fields) -> Due:
    return Due(*(body.text(name) for name in ("filing", "kind", "state", "due")))
