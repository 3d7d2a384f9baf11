"""A question to the policy without a server behind it: what `countenance decide` assumes where nothing was
said.

The defaults here exist for such questions alone, and each one taken is listed. A real call has none of
them: its facts come from the grant and the server's own records, and what is missing is refused. Nothing is
decided here. Source: docs/policy.md, "The ask".
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from countenance.domain.decision import (
    MEASURES,
    Activity,
    Ask,
    Authority,
    Facts,
    GrantFacts,
    Law,
    ModelFacts,
    Paperwork,
    activity_of,
)
from countenance.domain.errors import BadInput, BadRecord
from countenance.policy import laws, wire, words

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    Said = Mapping[str, Sequence[str]]

REQUIRED = ("action", "sector", "country", "purpose")
SETS = ("acts-for", "requested-by", "law", "pack")
FLAGS = (
    "action", "sector", "acts-for", "requested-by", "country", "region", "locality", "seat-country",
    "seat-region", "purpose", "mode", "place", "camera", "probe", "capture", "minors", "legal-effect",
    "organisation", "verified", "grant", "authority", "law", "paperwork", "consent", "probe-basis", "activity",
    "model", "on", "pack",
)  # fmt: skip
GRANTS = {
    "covers": GrantFacts(),
    "none": GrantFacts(present=False),
    "other-purpose": GrantFacts(purpose=False),
    "other-mode": GrantFacts(mode=False),
    "other-place": GrantFacts(place=False),
    "ended": GrantFacts(current=False),
    "unapproved": GrantFacts(approved=False),
}
ACTIVITIES = {
    "quiet": Activity(),
    "tripped": Activity(tripped=True),
    "one-to-many": Activity(one_to_many=True),
    **{name: activity_of({name}) for name in MEASURES},
}
_UNEQUAL = 1_000_000  # thousandths of Max/GeoMean: a thousand times apart, above any limit
MODELS: dict[str, Callable[[ModelFacts], ModelFacts]] = {
    "shipped": lambda model: replace(model, current=True),
    "unevaluated": lambda model: replace(model, evaluated=False),
    "stale": lambda model: replace(model, current=False),
    "unequal": lambda model: replace(model, fmr_max_geomean_milli=_UNEQUAL, fnmr_max_geomean_milli=_UNEQUAL),
}
_ASSUMED_WORDS = {
    "mode": "one-off", "place": "private", "camera": "none", "probe": "photograph", "capture": "attended",
    "legal-effect": "no",
}  # fmt: skip
WRITTEN = "written-release"
"""A consent on record that is a release in writing."""
_CHOICES: dict[str, tuple[str, ...]] = {
    "verified": words.YES_NO,
    "grant": tuple(GRANTS),
    "consent": (*words.CONSENTS, WRITTEN),
    "probe-basis": ("notice", *(word for word in words.PROBE_BASES if word != "notice")),
    "activity": tuple(ACTIVITIES),
    "model": tuple(MODELS),
}
"""Words of the facts; the first of each is what is assumed."""
_OF_FACTS = (*_CHOICES, "organisation", "authority", "law", "paperwork", "on")
"""The flags that say facts; all others are words of the ask, or packs."""
_DAY = re.compile(r"\A[0-9]{4}-[0-9]{2}-[0-9]{2}\Z")
_CLOCK = r"[0-9]{2}:[0-9]{2}:[0-9]{2}(?:\.[0-9]{1,6})?"
_TIME = re.compile(rf"\A[0-9]{{4}}-[0-9]{{2}}-[0-9]{{2}}[Tt]{_CLOCK}(?:[Zz]|[+-][0-9]{{2}}:[0-9]{{2}})\Z")


@dataclass(frozen=True, slots=True)
class WhatIf:
    """The ask, its facts, what was assumed of either, and a sentence for each unknown word in the facts."""

    ask: Ask
    facts: Facts
    packs: tuple[str, ...] | None
    assumed: tuple[str, ...]
    errors: tuple[str, ...]


def read(said: Said, *, now: datetime, model: ModelFacts, registry: tuple[Law, ...] = ()) -> WhatIf:
    """What was asked. said: values by flag, without dashes; a flag that is missing was left out.

    now: the aware time to assume. model: the shipped model's evaluation. registry: the laws on record. Raises BadInput
    for a flag that is required, given twice or not a time, and BadRecord for a file that cannot be used.
    """
    return Reader(now, model, registry).read(said)


class Reader:
    """Reads many questions of one moment; each file that they name, and each set of facts, is read once."""

    def __init__(self, now: datetime, model: ModelFacts, registry: tuple[Law, ...] = ()) -> None:
        self._now, self._model, self._registry = now, model, registry
        self._known: dict[tuple[object, ...], _Known] = {}

    def read(self, said: Said) -> WhatIf:
        """As `read`."""
        _check_flags(said)
        assumed: list[str] = []
        ask = _ask(said, assumed)
        known = self._facts_of(said)
        packs = tuple(said["pack"]) if said.get("pack") else None
        return WhatIf(ask, known.facts, packs, (*assumed, *known.assumed), known.errors)

    def check(self, said: Said) -> None:
        """Raise what `read` would raise, for less."""
        _check_flags(said)
        for flag, values in said.items():
            if len(values) > 1 and flag not in SETS:
                _one(said, flag)
        self._facts_of(said)

    def _facts_of(self, said: Said) -> _Known:
        key = tuple([tuple(said.get(flag) or ()) for flag in _OF_FACTS])
        known = self._known.get(key)
        if known is None:
            known = self._known[key] = self._facts(said)
        return known

    def _facts(self, said: Said) -> _Known:
        assumed: list[str] = []
        choices = {flag: _one(said, flag) or _assume(assumed, flag, known[0]) for flag, known in _CHOICES.items()}
        errors = [
            words.unknown_in(flag, word, _CHOICES[flag]) for flag, word in choices.items() if word not in _CHOICES[flag]
        ]
        facts = Facts(
            on=_on(said, assumed, self._now),
            model=MODELS.get(choices["model"], MODELS["unevaluated"])(self._model),
            verified=choices["verified"] == "yes",
            organisation=_one(said, "organisation"),
            grant=GRANTS.get(choices["grant"], GRANTS["none"]),
            authority=_authority(said, assumed),
            laws=_laws(said, assumed, self._registry),
            paperwork=_paperwork(said, assumed),
            consent="on-record" if choices["consent"] == WRITTEN else choices["consent"],
            written_release=choices["consent"] == WRITTEN,
            probe_basis=choices["probe-basis"],
            activity=ACTIVITIES.get(choices["activity"], ACTIVITIES["tripped"]),
        )
        return _Known(facts, tuple(assumed), tuple(errors))


@dataclass(frozen=True, slots=True)
class _Known:
    """Facts as they were said or assumed, and a sentence for each unknown word."""

    facts: Facts
    assumed: tuple[str, ...]
    errors: tuple[str, ...]


def moment(text: str, name: str = "on") -> datetime:
    """A date (UTC) or an RFC 3339 time, aware and in UTC; BadInput, which says whose it is, otherwise."""
    try:
        if _DAY.match(text):
            return datetime.fromisoformat(text).replace(tzinfo=UTC)
        if _TIME.match(text):
            return datetime.fromisoformat(text.upper()).astimezone(UTC)
    except (ValueError, OverflowError):
        pass
    raise BadInput(f"{name}: {text!r} is neither a date such as 2020-06-12 nor a time such as 2020-06-12T09:00:00Z")


def _check_flags(said: Said) -> None:
    for flag in said:
        if flag not in FLAGS:
            raise BadInput(f"{flag!r} is not a flag; known are {', '.join(FLAGS)}")
    for flag in REQUIRED:
        if not _one(said, flag):
            raise BadInput(f"--{flag} is missing")


def _ask(said: Said, assumed: list[str]) -> Ask:
    purpose = _one(said, "purpose")
    given = {flag: _one(said, flag) or _assume(assumed, flag, word) for flag, word in _ASSUMED_WORDS.items()}
    minors = _one(said, "minors") or _assume(assumed, "minors", words.default_minors(purpose))
    seat_country, seat_region = _seat(said, assumed)
    return Ask(
        action=_one(said, "action"),
        sector=_one(said, "sector"),
        country=_one(said, "country"),
        purpose=purpose,
        acts_for=frozenset(said.get("acts-for") or _nobody(assumed, "acts-for")),
        requested_by=frozenset(said.get("requested-by") or _nobody(assumed, "requested-by")),
        region=_one(said, "region"),
        locality=_one(said, "locality"),
        seat_country=seat_country,
        seat_region=seat_region,
        minors=minors,
        **{flag.replace("-", "_"): word for flag, word in given.items()},
    )


def _seat(said: Said, assumed: list[str]) -> tuple[str, str]:
    """Where the customer sits: as the use, unless said; a seat in another country has no region to assume."""
    country = _one(said, "seat-country") or _assume(assumed, "seat-country", _one(said, "country"))
    region = _one(said, "seat-region")
    if not region and country == _one(said, "country") and _one(said, "region"):
        region = _assume(assumed, "seat-region", _one(said, "region"))
    return country, region


def _on(said: Said, assumed: list[str], now: datetime) -> datetime:
    if text := _one(said, "on"):
        return moment(text)
    on = now.astimezone(UTC).replace(microsecond=0)
    _assume(assumed, "on", wire.when(on))
    return on


def _laws(said: Said, assumed: list[str], registry: tuple[Law, ...]) -> tuple[Law, ...]:
    """The records named, as what-ifs, and them alone; the registry's where none is named."""
    files = said.get("law") or ()
    if not files:
        _assume(assumed, "laws", "registry")
        return registry
    found = tuple(laws.read_law(Path(file)) for file in files)
    if len({law.id for law in found}) < len(found):
        raise BadRecord("law: two records have the same id")
    assumed += [f"law={file}" for file in files]
    return found


def _authority(said: Said, assumed: list[str]) -> Authority | None:
    if file := _one(said, "authority"):
        _assume(assumed, "authority", file)
        return laws.read_authority(Path(file))
    _assume(assumed, "authority", "none")
    return None


def _paperwork(said: Said, assumed: list[str]) -> Paperwork:
    if file := _one(said, "paperwork"):
        _assume(assumed, "paperwork", file)
        return laws.read_paperwork(Path(file))
    _assume(assumed, "paperwork", "nothing")
    return Paperwork()


def _one(said: Said, flag: str) -> str:
    """The value of a flag that is given once; empty where it was left out."""
    values = said.get(flag) or ("",)
    if len(values) > 1:
        raise BadInput(f"--{flag} is given {len(values)} times; it takes one value")
    return values[0]


def _nobody(assumed: list[str], flag: str) -> tuple[str, ...]:
    _assume(assumed, flag, "none")
    return ()


def _assume(assumed: list[str], flag: str, word: str) -> str:
    assumed.append(f"{flag}={word}")
    return word
