"""The days on which a set of rules may change its mind, with everything else left as it is.

A rule turns on the days that stand in it, a pack on the day after `stale_after`, a law on its first day and on the day
it ends. These are proposals read off the text: whether an answer changes on such a day is for the whole policy to say
(service/schedule.py asks it for the day before and for the day). Nothing is decided here, and no clock is read.
Source: the Cedar JSON policy format (docs.cedarpolicy.com, "JSON policy format") and its
`datetime`.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from typing import TYPE_CHECKING

from countenance.policy import cedar

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from countenance.domain.decision import Law
    from countenance.policy.cedar import PolicySet

CAUSES = ("rule", "pack", "law", "model")
"""What can turn for everybody: a rule's own date, a pack that needs counsel, a law, the evaluation of the model."""


@dataclass(frozen=True, slots=True, order=True)
class Turn:
    """A day (UTC), what turns on it or at an hour of it, and which: the id of a rule, of a pack or of a law."""

    day: date
    cause: str
    name: str


def turns(policies: PolicySet, laws: Iterable[Law] = ()) -> tuple[Turn, ...]:
    """Every day on which a rule, a pack or a law may turn, in order."""
    return tuple(sorted({*_of_set(policies), *_of_laws(laws)}))


def between(found: Iterable[Turn], first: date, last: date) -> tuple[Turn, ...]:
    """Those of them from `first` to `last`, both included."""
    return tuple(turn for turn in found if first <= turn.day <= last)


def spoken(turn: Turn, policies: PolicySet, laws: Iterable[Law] = ()) -> tuple[str, str]:
    """What turns on that day, as a sentence, and where that can be read ("" where nowhere)."""
    if turn.cause == "rule":
        reason = policies.rules[turn.name].reason
        return reason.says, reason.source
    if turn.cause == "pack":
        header = next(file.header for file in policies.files if file.name == turn.name)
        return (
            f"{turn.name} was last checked on {header.checked_on} and allows nothing from this day on.",
            header.sources[0],
        )
    if turn.cause == "law":
        law = next(law for law in laws if law.id == turn.name)
        verb = "comes into force" if law.start == turn.day else "ends"
        return f"{law.title} {verb}.", law.sources[0]
    return "The evaluation of the model in use is out of date from this day on.", ""


@lru_cache(maxsize=64)
def _of_set(policies: PolicySet) -> frozenset[Turn]:
    rules = {Turn(day, "rule", name) for name, form in cedar.forms(policies).items() for day in days(form)}
    packs = {Turn(file.header.stale_after + timedelta(days=1), "pack", file.name) for file in policies.files}
    return frozenset(rules | packs)


def _of_laws(laws: Iterable[Law]) -> Iterator[Turn]:
    for law in laws:
        yield Turn(law.start, "law", law.id)
        if law.until is not None:
            yield Turn(law.until, "law", law.id)


def days(form: object) -> frozenset[date]:
    """The days that stand in a rule, in UTC. form: its conditions in Cedar's JSON. No rule computes with times."""
    moments = (datetime.fromisoformat(text) for node in _nodes(form) if (text := _argument(node)) is not None)
    return frozenset(moment.astimezone(UTC).date() if moment.tzinfo else moment.date() for moment in moments)


def _nodes(tree: object) -> Iterator[dict[str, object]]:
    """Every object of a tree of Cedar's JSON."""
    if isinstance(tree, dict):
        yield tree
    for each in tree.values() if isinstance(tree, dict) else tree if isinstance(tree, list) else ():
        yield from _nodes(each)


def _argument(node: dict[str, object]) -> str | None:
    """The text of `datetime("2021-06-10")`; None for anything else."""
    call = node.get("datetime")
    value = call[0].get("Value") if isinstance(call, list) and len(call) == 1 and isinstance(call[0], dict) else None
    return value if isinstance(value, str) else None
