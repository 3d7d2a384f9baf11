"""What can be filed under chapter 43.386 RCW, to the last field, and read strictly.

A paper is what somebody says and stands for; the server adds when it came, from whom, and which model was in use. It is
never edited: a later paper may continue it. A field that is marked as sealed names or describes a person, and is in no
list and no leaf. Words outside their vocabulary, unknown fields and dates that do not exist are refused by name.
Source: docs/washington.md, "What is filed".
"""

from __future__ import annotations

import re
import typing
from dataclasses import MISSING, dataclass, field, fields
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any

from countenance.domain.errors import BadInput, UnknownWord

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

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
_DAY = re.compile(r"\A[0-9]{4}-[0-9]{2}-[0-9]{2}\Z")
_MOMENT = re.compile(r"\A[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z\Z")
_WORD = re.compile(r"\A[a-z0-9]+(?:[-+][a-z0-9]+)*\Z")


def _line(*, empty: bool = False, sealed: bool = False, most: int = LINE) -> Any:
    return field(default="" if empty else MISSING, metadata={"most": most, "empty": empty, "sealed": sealed})


def _text(*, empty: bool = False, sealed: bool = False) -> Any:
    return _line(empty=empty, sealed=sealed, most=TEXT)


def _one(*known: str) -> Any:
    return field(metadata={"known": known})


def _several(of: str = "", *known: str, empty: bool = False, sealed: bool = False) -> Any:
    default = () if empty else MISSING
    return field(default=default, metadata={"of": of, "known": known, "empty": empty, "sealed": sealed})


def _past() -> Any:
    return field(metadata={"past": True})


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """A notice of intent. authority: the legislative authority it was filed with; filed: the day. service: its name."""

    authority: str = _line()
    service: str = _line()
    purposes: tuple[str, ...] = _several("purpose")
    filed: date = _past()


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

    held: date = _past()
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
    """The newest draft as the final report. posted: where the agency posts it; submitted: to the legislative authority."""

    posted: str = _line()
    submitted: date = _past()


@dataclass(frozen=True, slots=True, kw_only=True)
class OperationalTest:
    """A test in operational conditions that was passed. guidance: all of the developer's guidance was followed."""

    context: str = _text()
    passed: date = _past()
    purposes: tuple[str, ...] = _several("purpose")
    places: tuple[str, ...] = _several("place")
    cameras: tuple[str, ...] = _several("camera")
    guidance: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """A camera or a setting that was changed: an operational test has to be newer."""

    what: str = _one("camera", "setting")
    on: date = _past()


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
    completed: date = _past()
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
    received: date = _past()
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
class Ending:
    """The end of an authority before its time."""

    reason: str = _text(sealed=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class WarrantApplication:
    """An application for a warrant for surveillance or its extension, and what became of it: for the January reports.

    ended: the day on which it expired, or was denied. days: the period authorised. persons: one line each of those named
    in it, the words for gender, race, age and location joined by a bar.
    """

    sought: str = _one("warrant", "extension")
    outcome: str = _one("granted", "modified", "denied")
    applied: date = _past()
    ended: date = _past()
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

    on: date = _past()
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
    reported: date = _past()


PAPERS: dict[str, type[Paper]] = {
    "notice": Notice, "draft": Draft, "meeting": Meeting, "comment": Comment, "issue": Issue,
    "publication": Publication, "operational-test": OperationalTest, "change": Change, "operators": Operators,
    "training": Training, "reviewer": Reviewer, "independent-test": IndependentTest, "mitigation": Mitigation,
    "authority": AuthorityPaper, "extension": Extension, "ending": Ending, "warrant-application": WarrantApplication,
    "disclosure": Disclosure, "disclosed": Disclosed, "exemption": Exemption,
}  # fmt: skip
ABOUT = {
    "draft": "notice", "meeting": "notice", "comment": "notice", "issue": "notice", "publication": "notice",
    "mitigation": "independent-test", "extension": "authority", "ending": "authority", "disclosed": "disclosure",
}  # fmt: skip
"""Which papers continue an earlier one, and of what kind that is. The others begin something."""
PUBLIC = frozenset({"notice", "draft", "meeting", "issue", "publication", "exemption"})
"""Papers that anybody may read. The digests of the others are over a salt as well, so that they say nothing."""


def read(kind: str, facts: Mapping[str, object], vocabulary: Mapping[str, Collection[str]], now: datetime) -> Paper:
    """The paper of this kind. vocabulary: the words of an ask, by their name. Raises BadInput, UnknownWord."""
    if kind not in PAPERS:
        raise UnknownWord("this is no kind of paper", next_step=f"Known are: {', '.join(sorted(PAPERS))}.")
    made = PAPERS[kind]
    known = {one.name: one for one in fields(made)}
    for name in facts:
        if name not in known:
            raise BadInput(f"{_shown(name)} is no field of a {kind}", next_step=f"Its fields: {', '.join(known)}.")
    hints = typing.get_type_hints(made)
    found = {}
    for name, one in known.items():
        if name in facts:
            found[name] = _value(f"{kind}.{name}", hints[name], facts[name], one.metadata, vocabulary, now)
        elif one.default is MISSING and one.default_factory is MISSING:
            raise BadInput(f"{kind}.{name} is missing")
    paper = made(**found)
    _coherent(paper, now)
    return paper


def plain(paper: Paper) -> dict[str, Any]:
    """A paper as JSON; `read` takes it back."""
    found = {}
    for one in fields(paper):
        value = getattr(paper, one.name)
        if isinstance(value, datetime):
            value = _utc(value)
        elif isinstance(value, date):
            value = value.isoformat()
        if value is not None:
            found[one.name] = list(value) if isinstance(value, tuple) else value
    return found


def sealed(kind: str) -> frozenset[str]:
    """The fields of a kind that are sealed at rest."""
    return frozenset(one.name for one in fields(PAPERS[kind]) if one.metadata.get("sealed"))


def kept(kind: str, facts: Mapping[str, Any], given: Collection[str] = ()) -> Paper:
    """A paper as it was kept, whatever became of the vocabulary since. given: fields that were sealed and are not here.

    Such a text reads SEALED, and such a list is empty.
    """
    made, found = PAPERS[kind], {}
    hints = typing.get_type_hints(made)
    for one in fields(made):
        empty = SEALED if one.name in given and hints[one.name] is str else _EMPTY.get(hints[one.name])
        value = facts.get(one.name, empty)
        if isinstance(value, str) and hints[one.name] is date:
            value = date.fromisoformat(value)
        elif isinstance(value, str) and hints[one.name] in (datetime, datetime | None):
            value = datetime.fromisoformat(value)
        found[one.name] = tuple(value) if isinstance(value, list) else value
    return made(**found)


def ends(paper: AuthorityPaper) -> datetime:
    """When an authority ends if nothing extends it."""
    return paper.until or paper.start + EXIGENCY


_EMPTY: dict[Any, Any] = {str: "", tuple[str, ...]: (), dict[str, str]: {}, dict[str, int]: {}}


def _value(
    at: str, hint: Any, value: object, said: Mapping[str, Any], vocabulary: Mapping[str, Collection[str]], now: datetime
) -> Any:
    if hint is str:
        return _a_word(at, value, said, vocabulary)
    if hint is bool or hint is int:
        return _plain_value(at, hint, value)
    if hint is date:
        return _a_day(at, value, said, now)
    if hint in (datetime, datetime | None):
        return _a_moment(at, value)
    if hint == tuple[str, ...]:
        return _a_list(at, value, said, vocabulary)
    return _a_table(at, hint, value, said)


def _a_word(at: str, value: object, said: Mapping[str, Any], vocabulary: Mapping[str, Collection[str]]) -> str:
    most = said.get("most", LINE)
    if not isinstance(value, str) or len(value) > most or not (said.get("empty") or value.strip()):
        raise BadInput(f"{at} is a text of 1 to {most} characters")
    if not all(each.isprintable() or each == "\n" for each in value):
        raise BadInput(f"{at} has a character that cannot be shown")
    _known(at, value, said, vocabulary)
    return value


def _plain_value(at: str, hint: type, value: object) -> bool | int:
    if type(value) is not hint or (hint is int and not 0 <= int(value) <= 1_000_000):  # type: ignore[call-overload]
        raise BadInput(f"{at} is {'true or false' if hint is bool else 'a whole number from 0 to 1,000,000'}")
    return typing.cast("bool | int", value)


def _a_day(at: str, value: object, said: Mapping[str, Any], now: datetime) -> date:
    try:
        if not isinstance(value, str) or not _DAY.match(value):
            raise ValueError
        day = date.fromisoformat(value)
    except ValueError:
        raise BadInput(f"{at} is a day that exists, such as 2026-11-22") from None
    if said.get("past") and day > now.date():
        raise BadInput(f"{at} lies in the future")
    return day


def _a_moment(at: str, value: object) -> datetime:
    try:
        if not isinstance(value, str) or not _MOMENT.match(value):
            raise ValueError
        return datetime.fromisoformat(value).astimezone(UTC)
    except ValueError:
        raise BadInput(f"{at} is a time in UTC, such as 2026-11-22T10:30:00Z") from None


def _a_list(
    at: str, value: object, said: Mapping[str, Any], vocabulary: Mapping[str, Collection[str]]
) -> tuple[str, ...]:
    if not isinstance(value, list) or len(value) > MOST or not (value or said.get("empty")):
        raise BadInput(f"{at} is a list of 1 to {MOST} texts")
    found = tuple(_a_word(at, each, {"of": said.get("of"), "known": said.get("known")}, vocabulary) for each in value)
    if len(set(found)) != len(found) and not said.get("sealed"):
        raise BadInput(f"{at} names one twice")
    return found


def _a_table(at: str, hint: Any, value: object, said: Mapping[str, Any]) -> dict[str, Any]:
    inner = typing.get_args(hint)[1]
    if not isinstance(value, dict) or len(value) > MOST:
        raise BadInput(f"{at} is an object of at most {MOST} entries")
    keys = said.get("keys")
    for name in value:
        if not isinstance(name, str) or not 0 < len(name) <= LINE or (keys and name not in keys):
            raise BadInput(f"{at} has no entry {_shown(name)}")
    if inner is int:
        return {name: _plain_value(f"{at}.{name}", int, each) for name, each in value.items()}
    whole = {"most": said.get("most", LINE), "empty": True}
    return {name: _a_word(f"{at}.{name}", each, whole, {}) for name, each in value.items()}


def _known(at: str, value: str, said: Mapping[str, Any], vocabulary: Mapping[str, Collection[str]]) -> None:
    known = said.get("known") or (vocabulary[said["of"]] if said.get("of") else ())
    if known and value not in known:
        raise UnknownWord(f"{at}: {_shown(value)} is not a known word", next_step=f"Known: {', '.join(sorted(known))}.")


def _coherent(paper: Paper, now: datetime) -> None:
    """What no single field can say."""
    if isinstance(paper, AuthorityPaper):
        _coherent_authority(paper, now)
    elif isinstance(paper, Training) and not paper.completed < paper.expires <= paper.completed + TRAINING:
        raise BadInput("training.expires is after it was completed, and a year later at most (item WA-060-term)")
    elif isinstance(paper, WarrantApplication):
        if paper.ended < paper.applied:
            raise BadInput("warrant-application.ended is not before it was applied for")
        for person in paper.persons:
            parts = person.split("|")
            if len(parts) != len(DEMOGRAPHICS) or not all(_WORD.match(part) for part in parts):
                raise BadInput(f"warrant-application.persons: one line each, {'|'.join(DEMOGRAPHICS)}, in lower case")
    elif isinstance(paper, Disclosure) and not all(each.isascii() and each.isdigit() for each in paper.decisions):
        raise BadInput("disclosure.decisions are indexes of leaves")
    elif isinstance(paper, Publication) and not paper.posted.startswith("https://"):
        raise BadInput("publication.posted is an https address")


def _coherent_authority(paper: AuthorityPaper, now: datetime) -> None:
    if paper.start > now:
        raise BadInput("authority.start lies in the future: file it when it has begun")
    if paper.kind == "exigency":
        if paper.until is not None:
            raise BadInput("authority.until: exigency ends 48 hours after it began, by itself (item WA-080-1-exigency)")
        if not paper.circumstances.strip():
            raise BadInput("authority.circumstances: exigency states the facts that make it one")
    elif paper.until is None or paper.until <= paper.start:
        raise BadInput("authority.until is missing, or not after its start")
    if paper.kind == "court-order" and paper.purpose not in ORDER_PURPOSES:
        raise BadInput(
            "authority.purpose: a court order is for the sole purpose of locating or identifying a missing person, or "
            "identifying a deceased one (item WA-080-1)"
        )


def _utc(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _shown(text: object) -> str:
    return text if isinstance(text, str) and text.isprintable() and len(text) <= 40 else "this"
