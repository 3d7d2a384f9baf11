"""The ask, the facts it is decided on, and the decision. Words and defaults: docs/policy.md.

An `Ask` is what is requested; `Facts` are what could change and so lift a refusal; a `Verdict` is what the
policy said; a `Decision` is ask, facts and verdict on one day. None of them names a person.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping
    from datetime import date, datetime

Answer = Literal["allow", "deny"]


@dataclass(frozen=True, slots=True)
class Ask:
    """What is requested, in the words of docs/policy.md. Empty string: not given."""

    action: str
    sector: str
    country: str
    purpose: str
    acts_for: frozenset[str] = frozenset()
    requested_by: frozenset[str] = frozenset()
    region: str = ""
    locality: str = ""
    seat_country: str = ""
    seat_region: str = ""
    mode: str = "one-off"
    place: str = "private"
    camera: str = "none"
    probe: str = "photograph"
    capture: str = "attended"
    minors: str = "no"
    legal_effect: str = "no"


@dataclass(frozen=True, slots=True)
class Act:
    """An administrative act of a person with an account. name: a word of policy/roles.cedarschema.

    by: `provider` or `customer`, whose person it is; roles: of the account. own: it concerns the person's own
    organisation; itself: the person's own account. gives: roles that an account would get by it.
    """

    name: str
    by: str
    roles: frozenset[str]
    own: bool = False
    itself: bool = False
    gives: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class GrantFacts:
    """What the key's grant covers, of this very ask."""

    present: bool = True
    purpose: bool = True
    mode: bool = True
    place: bool = True
    current: bool = True
    approved: bool = True


@dataclass(frozen=True, slots=True)
class Authority:
    """A warrant, court order, exigency or judicial authorisation, and the law that recognises it.

    requested_at, granted_at, refused_at: aware times, where use began before a judge had decided; a document that
    says none of them is itself the authorisation, granted when it begins.
    """

    kind: str
    issuer: str
    names_person: bool
    purpose: str
    start: date
    until: date
    recognised_by: str
    requested_at: datetime | None = None
    granted_at: datetime | None = None
    refused_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Signature:
    """A person's Ed25519 signature over a law's assessment. key, signature: base64."""

    name: str
    outside: bool
    key: str
    signature: str


@dataclass(frozen=True, slots=True)
class Law:
    """A record of the registry of laws; never edited, only superseded. `until` None: open.

    supersedes: the id of the record that it replaces from its first day on; empty: none.
    """

    id: str
    title: str
    jurisdiction: str
    level: str
    covers: frozenset[str]
    start: date
    until: date | None
    sources: tuple[str, ...]
    recognises: frozenset[str]
    assessment: dict[str, str] = field(default_factory=dict)
    signed: tuple[Signature, ...] = ()
    supersedes: str = ""


@dataclass(frozen=True, slots=True)
class Paperwork:
    """What is on file for a use; dates in UTC. Empty: nothing.

    report_addresses_errors: the report says how error rates above one percent are dealt with. public_policy: since
    when a written policy on use and retention is public. rights_assessment: AI Act, Article 27; eu_registered:
    Article 49. federal_reported: when a use under a federal mandate, for these purposes, was reported to a
    legislative authority. mitigation_due: the last day in time for a vendor's mitigation plan that is not carried
    out yet; None: none is open. nist_evaluated: when NIST evaluated the version of the model in use.
    """

    notice_of_intent: date | None = None
    report_published: date | None = None
    report_updated: date | None = None
    meetings: int = 0
    report_purposes: frozenset[str] = frozenset()
    report_sections: frozenset[str] = frozenset()
    report_model_version: str = ""
    report_addresses_errors: bool = False
    operational_test_passed: date | None = None
    training_valid_until: date | None = None
    reviewers: int = 0
    public_policy: date | None = None
    rights_assessment: date | None = None
    eu_registered: date | None = None
    federal_reported: date | None = None
    federal_purposes: frozenset[str] = frozenset()
    mitigation_due: date | None = None
    nist_evaluated: date | None = None


@dataclass(frozen=True, slots=True)
class Activity:
    """The meter against mass surveillance, as the rules read it: booleans, never counts.

    tripped: one of the six measures after it was reached, or has been and nobody has looked yet: the key is locked. The
    measures: docs/activity.md. whole: what was reached is the customer's, over all its keys; no rule reads it.
    """

    tripped: bool = False
    one_to_many: bool = False
    crowd: bool = False
    nobody: bool = False
    following: bool = False
    camera: bool = False
    places: bool = False
    trawling: bool = False
    whole: bool = False

    @property
    def reached(self) -> tuple[str, ...]:
        """The measures that were reached, by name."""
        return tuple(name for name in MEASURES if getattr(self, name))


MEASURES = ("crowd", "nobody", "following", "camera", "places", "trawling")
"""What the meter looks for, each a boolean of `Activity`."""


def activity_of(reached: Collection[str], *, whole: bool = False, one_to_many: bool = False) -> Activity:
    """What the rules read where these measures were reached; none: it is quiet."""
    said = {name: name in reached for name in MEASURES}
    return Activity(tripped=bool(reached), one_to_many=one_to_many, whole=whole, **said)


@dataclass(frozen=True, slots=True)
class ModelFacts:
    """The evaluation of the model in use. Rates are parts per million, ratios are thousandths.

    version: how reports on file name this model; empty: no report can name it.
    """

    evaluated: bool
    current: bool
    worst_fmr_ppm: int
    worst_fnmr_ppm: int
    fmr_max_geomean_milli: int
    fnmr_max_geomean_milli: int
    groups: int
    provenance: str
    version: str = ""


@dataclass(frozen=True, slots=True)
class Facts:
    """What could change. `on` is an aware UTC time; `consent` is the basis for the enrolled.

    written_release: each basis that counts here is a release in writing, given after notice of purpose and term.
    rests_on: of each fact of the customer whether it is declared or verified; the rules read `verified` alone.
    """

    on: datetime
    model: ModelFacts
    verified: bool = True
    organisation: str = ""
    grant: GrantFacts = GrantFacts()
    authority: Authority | None = None
    laws: tuple[Law, ...] = ()
    paperwork: Paperwork = Paperwork()
    consent: str = "on-record"
    written_release: bool = False
    probe_basis: str = "notice"
    activity: Activity = Activity()
    rests_on: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Reason:
    """One rule that decided: its stable id, one plain sentence, a source and how sure the source is."""

    id: str
    says: str
    source: str
    evidence: str


@dataclass(frozen=True, slots=True)
class Lift:
    """Facts that together turn this deny into an allow, as data and as one sentence."""

    all: tuple[tuple[str, object], ...]
    says: str


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the policy said, and all that is needed to say why."""

    answer: Answer
    packs: tuple[tuple[str, str], ...]
    reasons: tuple[Reason, ...]
    lifted_when: tuple[Lift, ...] = ()
    duties: tuple[str, ...] = ()
    errors: tuple[str, ...] = ()
    context: Mapping[str, bool | int | str] = field(default_factory=dict)

    @property
    def allowed(self) -> bool:
        return self.answer == "allow" and not self.errors


@dataclass(frozen=True, slots=True)
class Decision:
    """Ask, day and verdict: what a receipt proves and what a refusal carries.

    act: the administrative act that was decided, where it was one; `ask` is then NO_ASK. rests_on: as in `Facts`.
    """

    ask: Ask
    on: datetime
    verdict: Verdict
    act: Act | None = None
    rests_on: tuple[tuple[str, str], ...] = ()


NO_ASK = Ask(action="", sector="", country="", purpose="")
"""Stands where nothing is asked of the packs."""
