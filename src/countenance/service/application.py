"""What a customer says about itself and wants: the application, and the facts kept of an admitted customer.

Facts are declared, or verified by a named person by a stated method until a date. An application asks for every
combination of its purposes, modes and places; each combination is one ask, and all must be allowed.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from datetime import date
from itertools import product
from typing import TYPE_CHECKING, Any

from countenance.domain.decision import Ask
from countenance.domain.errors import BadInput
from countenance.service import standing

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from datetime import datetime

    from countenance.service.standing import Standing

METHODS = (*standing.BY_HAND, "own-machine")
MOST_ASKS = 32  # combinations of purposes, modes and places in one application
TEXT_LIMIT = 200  # characters of a name, contact or piece of evidence


@dataclass(frozen=True, slots=True)
class Verification:
    """Who checked a customer's facts, how, on what evidence, and until when that holds (exclusive)."""

    method: str
    evidence: str
    by: str
    until: date


@dataclass(frozen=True, slots=True)
class Application:
    """A customer's request to be admitted. Words as in docs/policy.md."""

    name: str
    sector: str
    country: str
    purposes: frozenset[str]
    contact: str
    attested_by: str
    acts_for: frozenset[str] = frozenset()
    region: str = ""
    locality: str = ""
    seat_country: str = ""
    seat_region: str = ""
    modes: frozenset[str] = frozenset({"one-off"})
    places: frozenset[str] = frozenset({"private"})
    camera: str = "none"
    capture: str = "attended"
    minors: str = "no"
    legal_effect: str = "no"
    verification: Verification | None = None

    def asks(self) -> Iterator[Ask]:
        """One `provision` ask for each combination, in a fixed order."""
        for purpose, mode, place in product(*map(sorted, (self.purposes, self.modes, self.places))):
            yield Ask(action="provision", purpose=purpose, mode=mode, place=place, **_facts(self))


@dataclass(frozen=True, slots=True)
class Customer:
    """An admitted organisation, as the gate reads it."""

    id: str
    sealed_key: bytes
    name: str
    facts: Mapping[str, Any]
    standing: Standing = field(default_factory=dict)

    def ask(self, action: str, **call: Any) -> Ask:
        """An ask of this customer: its own facts, and what this call says of itself."""
        return Ask(action=action, **{**_facts_of_row(self.facts), **call})

    def verified(self, now: datetime) -> bool:
        return standing.verified(self.standing, now)

    def rests_on(self, now: datetime) -> dict[str, str]:
        """By fact: `declared`, or `verified` by a record in force."""
        return standing.rests_on(self.standing, now)


def check(application: Application) -> None:
    """Raise BadInput for what no policy could read; words are the policy's to judge."""
    for name in ("name", "contact", "attested_by"):
        text = getattr(application, name)
        if not text.strip() or len(text) > TEXT_LIMIT or not text.isprintable():
            raise BadInput(f"an application needs a {name.replace('_', ' ')} of 1 to {TEXT_LIMIT} characters")
    combinations = len(application.purposes) * len(application.modes) * len(application.places)
    if not 1 <= combinations <= MOST_ASKS:
        raise BadInput(f"an application covers 1 to {MOST_ASKS} combinations of purpose, mode and place")
    if application.verification is not None and application.verification.method not in METHODS:
        raise BadInput(f"facts are verified by one of {', '.join(METHODS)}")


def as_checked(application: Application) -> Standing:
    """What of an application was checked before it was made, on the machine itself."""
    kept = application.verification
    return {} if kept is None else standing.all_of(kept.method, kept.until)


def facts_row(application: Application) -> dict[str, Any]:
    """The application's facts as plain JSON for SQL."""
    row = {name: _plain(value) for name, value in asdict(application).items()}
    if application.verification is not None:
        row["verification"] = {**row["verification"], "until": application.verification.until.isoformat()}
    return row


def application_of(row: Mapping[str, Any]) -> Application:
    """The application whose facts were kept as `facts_row` gives them."""
    sets = {name: frozenset(row[name]) for name in ("purposes", "modes", "places", "acts_for")}
    return Application(**{**row, **sets, "verification": _verification(row["verification"])})


def customer_of(identifier: str, row: Mapping[str, Any], sealed_key: bytes, checked: Standing) -> Customer:
    """A customer from its SQL row. checked: what of it somebody verified."""
    return Customer(identifier, sealed_key, row["name"], row, checked)


def _verification(kept: Mapping[str, Any] | None) -> Verification | None:
    return Verification(**{**kept, "until": date.fromisoformat(kept["until"])}) if kept else None


_FACTS = (
    "sector", "country", "region", "locality", "seat_country", "seat_region", "camera", "capture", "minors",
    "legal_effect",
)  # fmt: skip


def _facts(application: Application) -> dict[str, Any]:
    return {"acts_for": application.acts_for, **{name: getattr(application, name) for name in _FACTS}}


def _facts_of_row(row: Mapping[str, Any]) -> dict[str, Any]:
    return {"acts_for": frozenset(row["acts_for"]), **{name: row[name] for name in _FACTS}}


def _plain(value: Any) -> Any:
    return sorted(value) if isinstance(value, frozenset) else value
