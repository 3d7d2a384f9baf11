"""What can be filed under chapter 43.386 RCW, to the last field; reading.py reads it.

A paper is what somebody says and stands for; the server adds when it came, from whom, and which model was in use. It is
never edited: a later paper may continue it. A field that is marked as sealed names or describes a person, and is in no
list and no leaf.
Source: docs/washington.md, "What is filed".
"""

from __future__ import annotations

from dataclasses import MISSING, dataclass, field
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from _typeshed import DataclassInstance as Paper

TOPICS = ("capabilities-and-limits", "interpretation", "human-review")
SECTIONS = tuple("abcdefgh")
KINDS_OF_AUTHORITY = ("warrant", "court-order", "exigency", "judicial-authorisation")
ORDER_PURPOSES = frozenset({"missing-persons", "deceased-identification"})
EXIGENCY = timedelta(hours=48)
"""How long exigent circumstances hold. Ours: the chapter names no time (item WA-080-1-exigency)."""
TRAINING = timedelta(days=366)
"""How long a training holds at most. Ours (item WA-060-term)."""
SEALED = "sealed"
"""What a sealed text reads where it was not unsealed."""
LINE, TEXT = 200, 8_000  # characters
MOST = 64  # entries of a list
DEMOGRAPHICS = ("gender", "race", "age", "location")


PAST = {"past": True}
"""Of a day that must not lie in the future."""


def _line(*, empty: bool = False, sealed: bool = False, most: int = LINE) -> Any:
    return field(default="" if empty else MISSING, metadata={"most": most, "empty": empty, "sealed": sealed})


def _text(*, empty: bool = False, sealed: bool = False) -> Any:
    return _line(empty=empty, sealed=sealed, most=TEXT)


def _one(*known: str) -> Any:
    return field(metadata={"known": known})


def _several(of: str = "", *known: str, empty: bool = False, sealed: bool = False) -> Any:
    default = () if empty else MISSING
    return field(default=default, metadata={"of": of, "known": known, "empty": empty, "sealed": sealed})


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """A notice of intent. authority: the legislative authority it was filed with; filed: the day. service: its name."""

    authority: str = _line()
    service: str = _line()
    purposes: tuple[str, ...] = _several("purpose")
    filed: date = field(metadata=PAST)


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """An accountability report open for comment. sections: by letter, a to h. remedies: how an error rate at or above
    one percent is addressed, by the group that it was measured on.
    """

    purposes: tuple[str, ...] = _several("purpose")
    sections: dict[str, str] = field(metadata={"keys": SECTIONS, "most": TEXT})
    remedies: dict[str, str] = field(default_factory=dict, metadata={"most": TEXT})


@dataclass(frozen=True, slots=True, kw_only=True)
class Meeting:
    """A community consultation meeting that was held. attended: how many people, roughly."""

    held: date = field(metadata=PAST)
    place: str = _line()
    attended: int
    summary: str = _text()


@dataclass(frozen=True, slots=True, kw_only=True)
class Comment:
    """What somebody says of a draft: sent to the server without a key, or taken down by the agency."""

    text: str = _text(sealed=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class Issue:
    """An issue that was raised, and what the agency says to it. comments: the ids of those that it takes up."""

    raised: str = _text()
    answer: str = _text()
    comments: tuple[str, ...] = _several(empty=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class Publication:
    """The newest draft as the final report. posted: where the agency posts it; submitted: the day on which it went to
    the legislative authority.
    """

    posted: str = _line()
    submitted: date = field(metadata=PAST)


@dataclass(frozen=True, slots=True, kw_only=True)
class OperationalTest:
    """A test in operational conditions that was passed. guidance: all of the developer's guidance was followed."""

    context: str = _text()
    passed: date = field(metadata=PAST)
    purposes: tuple[str, ...] = _several("purpose")
    places: tuple[str, ...] = _several("place")
    cameras: tuple[str, ...] = _several("camera")
    guidance: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """A camera or a setting that was changed: an operational test has to be newer."""

    what: str = _one("camera", "setting")
    on: date = field(metadata=PAST)


@dataclass(frozen=True, slots=True, kw_only=True)
class Operators:
    """Everybody who uses a key, by their accounts. The newest of a key counts; nobody: it is not to be used."""

    key: str = _line()
    accounts: tuple[str, ...] = _several(empty=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class Training:
    """A person's training, by their account."""

    account: str = _line()
    topics: tuple[str, ...] = _several("", *TOPICS)
    completed: date = field(metadata=PAST)
    expires: date
    trainer: str = _line(sealed=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class Reviewer:
    """A person who reviews decisions with legal effects. alters: has the authority to alter them."""

    account: str = _line()
    alters: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class IndependentTest:
    """Results of an independent test of the service. received: by the provider. material: they show material unfair
    differences. rates: error rates by group, parts per million.
    """

    tester: str = _line()
    received: date = field(metadata=PAST)
    material: bool
    summary: str = _text()
    rates: dict[str, int] = field(default_factory=dict, metadata={})


@dataclass(frozen=True, slots=True, kw_only=True)
class Mitigation:
    """A step of the provider's answer to an independent test."""

    step: str = _one("plan", "implemented", "retested")
    text: str = _text()


@dataclass(frozen=True, slots=True, kw_only=True)
class AuthorityPaper:
    """A warrant, a court order, exigent circumstances or a judicial authorisation.

    modes, collections: what it is for; no collection: any. start, until: RFC 3339 UTC; of exigency `until` is left out,
    and is 48 hours later. person: the person sought; circumstances: the facts of an exigency. recognised_by: the id of
    the law in force that recognises its kind.
    """

    kind: str = _one(*KINDS_OF_AUTHORITY)
    issuer: str = _line()
    purpose: str = field(metadata={"of": "purpose"})
    modes: tuple[str, ...] = _several("mode")
    start: datetime
    until: datetime | None = None
    collections: tuple[str, ...] = _several(empty=True)
    recognised_by: str = _line(empty=True)
    person: str = _text(empty=True, sealed=True)
    circumstances: str = _text(empty=True, sealed=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class Extension:
    """An extension of a warrant or an order, by whoever may grant one."""

    issuer: str = _line()
    until: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Ruling:
    """What became of a use that began before a judge had decided: asked for, granted or refused. by: the judge."""

    step: str = _one("requested", "granted", "refused")
    at: datetime
    by: str = _line()


@dataclass(frozen=True, slots=True, kw_only=True)
class Ending:
    """The end of an authority before its time."""

    reason: str = _text(sealed=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class WarrantApplication:
    """An application for a warrant for surveillance or its extension, and what became of it: for January.

    ended: the day on which it expired, or was denied. days: the period authorised. persons: one line each of those
    named in it, the words for gender, race, age and location joined by a bar.
    """

    sought: str = _one("warrant", "extension")
    outcome: str = _one("granted", "modified", "denied")
    applied: date = field(metadata=PAST)
    ended: date = field(metadata=PAST)
    days: int
    extensions: int
    extension_days: int
    judge: str = _line()
    officer: str = _line()
    agency: str = _line()
    authorised_by: str = _line()
    spaces: str = _text()
    persons: tuple[str, ...] = _several(empty=True, sealed=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class Disclosure:
    """The service was used on a criminal defendant. decisions: indexes of the leaves, as lists of them have it."""

    case: str = _line(sealed=True)
    defendant: str = _line(sealed=True)
    trial: date
    decisions: tuple[str, ...] = _several()


@dataclass(frozen=True, slots=True, kw_only=True)
class Disclosed:
    """The defendant was told. how: to whom, and by what means."""

    on: date = field(metadata=PAST)
    how: str = _text(sealed=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class Exemption:
    """A use to which the chapter does not apply. basis: the regulation, order or mandate. reported: the day on which it
    was reported to `reported_to`, a legislative authority.
    """

    ground: str = _one("federal-mandate", "airport", "licensing")
    basis: str = _line()
    purposes: tuple[str, ...] = _several("purpose")
    reported_to: str = _line()
    reported: date = field(metadata=PAST)


PAPERS: dict[str, type[Paper]] = {
    "notice": Notice, "draft": Draft, "meeting": Meeting, "comment": Comment, "issue": Issue,
    "publication": Publication, "operational-test": OperationalTest, "change": Change, "operators": Operators,
    "training": Training, "reviewer": Reviewer, "independent-test": IndependentTest, "mitigation": Mitigation,
    "authority": AuthorityPaper, "extension": Extension, "ruling": Ruling, "ending": Ending,
    "warrant-application": WarrantApplication,
    "disclosure": Disclosure, "disclosed": Disclosed, "exemption": Exemption,
}  # fmt: skip
ABOUT = {
    "draft": "notice", "meeting": "notice", "comment": "notice", "issue": "notice", "publication": "notice",
    "mitigation": "independent-test", "extension": "authority", "ruling": "authority",
    "ending": "authority", "disclosed": "disclosure",
}  # fmt: skip
"""Which papers continue an earlier one, and of what kind that is. The others begin something."""
PUBLIC = frozenset({"notice", "draft", "meeting", "issue", "publication", "exemption"})
"""Papers that anybody may read. The digests of the others are over a salt as well, so that they say nothing."""


def ends(paper: AuthorityPaper) -> datetime:
    """When an authority ends if nothing extends it."""
    return paper.until or paper.start + EXIGENCY
