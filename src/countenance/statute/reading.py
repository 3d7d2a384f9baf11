"""Papers read strictly from what was sent, written plainly, and read again as they were kept.

Unknown fields, words outside their vocabulary, days that do not exist and texts without an end are refused by name;
what no single field can say (an exigency with an end of its own) is looked at last. It stores nothing.
Source: docs/washington.md, "What is filed".
"""

from __future__ import annotations

import re
import typing
from dataclasses import MISSING, fields
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Any

from countenance.domain.errors import BadInput, UnknownWord
from countenance.statute.papers import (
    DEMOGRAPHICS,
    LINE,
    MOST,
    ORDER_PURPOSES,
    PAPERS,
    SEALED,
    TRAINING,
    AuthorityPaper,
    Disclosure,
    Publication,
    Ruling,
    Training,
    WarrantApplication,
)

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from _typeshed import DataclassInstance as Paper

_DAY = re.compile(r"\A[0-9]{4}-[0-9]{2}-[0-9]{2}\Z")
_MOMENT = re.compile(r"\A[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z\Z")
_WORD = re.compile(r"\A[a-z0-9]+(?:[-+][a-z0-9]+)*\Z")


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
        _coherent_application(paper)
    elif isinstance(paper, Disclosure) and not all(each.isascii() and each.isdigit() for each in paper.decisions):
        raise BadInput("disclosure.decisions are indexes of leaves")
    elif isinstance(paper, Ruling) and paper.at > now:
        raise BadInput("ruling.at lies in the future")
    elif isinstance(paper, Publication) and not paper.posted.startswith("https://"):
        raise BadInput("publication.posted is an https address")


def _coherent_application(paper: WarrantApplication) -> None:
    if paper.ended < paper.applied:
        raise BadInput("warrant-application.ended is not before it was applied for")
    for person in paper.persons:
        parts = person.split("|")
        if len(parts) != len(DEMOGRAPHICS) or not all(_WORD.match(part) for part in parts):
            raise BadInput(f"warrant-application.persons: one line each, {'|'.join(DEMOGRAPHICS)}, in lower case")


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
