"""From facts to the flat booleans and numbers that the rules read; the only bridge between the two.

`derive` looks at records (grant, authority, laws, paperwork, consent, meter, model) and says of each what a
rule may ask. What comes out goes into the public leaf, so it holds no date, no count, no name and no id of
a customer; an exception by name appears only as its id. This module never decides. Source: docs/policy.md,
schema.cedarschema.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from types import MappingProxyType
from typing import TYPE_CHECKING

from countenance.domain.decision import MEASURES, Activity, Ask, Authority, Facts, Law, Paperwork
from countenance.domain.errors import BadInput, BadRecord
from countenance.policy import words

if TYPE_CHECKING:
    from collections.abc import Mapping

Value = bool | int | str
Values = tuple[Value, ...]

SHAPE: dict[str, type] = {
    "verified": bool,
    "exception": str,
    "probe_basis": str,
    **{f"grant.{name}": bool for name in ("present", "purpose", "mode", "place", "current", "approved")},
    "consent.on_record": bool,
    "consent.basis": str,
    "consent.written_release": bool,
    "authority.kind": str,
    "authority.names_person": bool,
    "authority.current": bool,
    "authority.covers_purpose": bool,
    "authority.recognised": bool,
    "authority.region_missing": bool,
    "authority.locality_missing": bool,
    "authority.authorised_in_time": bool,
    "laws.national.US.grounded_in_human_rights": bool,
    "laws.national.use.grounded_in_human_rights": bool,
    "paperwork.notice_of_intent": bool,
    "paperwork.report.published_90_days": bool,
    "paperwork.report.updated_within_2_years": bool,
    "paperwork.report.three_meetings": bool,
    "paperwork.report.covers_purpose": bool,
    "paperwork.report.all_sections": bool,
    "paperwork.report.names_model": bool,
    "paperwork.report.addresses_errors": bool,
    "paperwork.operational_test": bool,
    "paperwork.training_valid": bool,
    "paperwork.one_reviewer": bool,
    "paperwork.two_reviewers": bool,
    "paperwork.public_policy": bool,
    "paperwork.rights_assessment": bool,
    "paperwork.eu_registration": bool,
    "paperwork.federal_exemption": bool,
    "paperwork.mitigation_overdue": bool,
    "paperwork.nist_evaluation": bool,
    "paperwork.complete": bool,
    "activity.tripped": bool,
    "activity.one_to_many": bool,
    **{f"activity.{name}": bool for name in MEASURES},
    "model.evaluated": bool,
    "model.current": bool,
    "model.worst_fmr_ppm": int,
    "model.worst_fnmr_ppm": int,
    "model.fmr_max_geomean_milli": int,
    "model.fnmr_max_geomean_milli": int,
    "model.groups": int,
    "model.provenance": str,
}
_NAMES = tuple(SHAPE)
_KEPT_CONTEXTS = 1024
"""Contexts kept as text, about 2 kB each."""
EXCEPTIONS = {
    "Thorn": "thorn",
    "International Centre for Missing and Exploited Children": "icmec",
    "Marinus Analytics": "marinus-analytics",
}
SECTIONS = frozenset("abcdefgh")
NOTICE_PERIOD = timedelta(days=90)
"""From publication of an accountability report to use, 90 days: RCW 43.386.020, read in secondary sources."""
URGENT = timedelta(hours=24)
"""Use at once, before a judge has decided, from its beginning to the request: AI Act, Article 5(3)."""
URGENT_AFTERWARDS = timedelta(hours=48)
"""The same for recognition on recordings: AI Act, Article 26(10)."""
_LIVE = frozenset({"near-real-time", "real-time", "ongoing", "persistent"})


def derive(ask: Ask, facts: Facts) -> Values:
    """The context of `ask` on the day `facts.on`: one value for every name of SHAPE, in that order."""
    now = utc(facts.on)
    day = now.date()
    authority, model, grant, paper = facts.authority, facts.model, facts.grant, facts.paperwork
    return (
        facts.verified,
        EXCEPTIONS.get(facts.organisation, "") if facts.verified else "",
        facts.probe_basis,
        *(grant.present, grant.purpose, grant.mode, grant.place, grant.current, grant.approved),
        facts.consent == "on-record" or (facts.consent == "demonstration" == ask.purpose),
        facts.consent,
        facts.written_release,
        *(_NO_AUTHORITY if authority is None else _authority(ask, authority, facts.laws, now)),
        *(_grounded(ask, facts.laws, day) if facts.laws else (False, False)),
        *(_NOTHING_FILED if paper == _NO_PAPERWORK else _paperwork(ask, paper, model.version, day)),
        facts.activity.tripped,
        facts.activity.one_to_many,
        *_reached(facts.activity),
        *(model.evaluated, model.current, model.worst_fmr_ppm, model.worst_fnmr_ppm),
        *(model.fmr_max_geomean_milli, model.fnmr_max_geomean_milli, model.groups, model.provenance),
    )


def _reached(activity: Activity) -> tuple[bool, ...]:
    """One boolean for each of MEASURES."""
    return (
        activity.crowd, activity.nobody, activity.following, activity.camera, activity.places, activity.trawling,
    )  # fmt: skip


def claimed(facts: Facts) -> str:
    """Id of the exception by name that an unverified customer would have once it is verified; "" if none."""
    return "" if facts.verified else EXCEPTIONS.get(facts.organisation, "")


def named(values: Values) -> dict[str, Value]:
    """The context as answers and leaves carry it: each value under its name."""
    return dict(zip(_NAMES, values, strict=True))


def checked(context: Mapping[str, object]) -> Values:
    """The values of `context` in the order of SHAPE; BadRecord names what is missing, strange or ill-typed."""
    if strange := sorted(set(context) - set(SHAPE)):
        raise BadRecord(f"context: {strange[0]!r} is not a fact that the rules read")
    found: list[Value] = []
    for name, kind in SHAPE.items():
        value = context.get(name)
        if not isinstance(value, bool | int | str) or type(value) is not kind:
            raise BadRecord(f"context: {name!r} must be a {kind.__name__}")
        found.append(value)
    return tuple(found)


@dataclass(frozen=True, slots=True)
class Written:
    """A context as Cedar reads it: JSON text but for the opening with the time, and its unknown words.

    context: as answers and leaves carry it, read-only.
    """

    text: str
    errors: tuple[str, ...]
    context: Mapping[str, Value]

    def at(self, on: datetime) -> str:
        """The whole text. on: in UTC."""
        return _OPENING % on.isoformat()[:19] + self.text


@lru_cache(maxsize=_KEPT_CONTEXTS)
def written(values: Values, names: frozenset[str] | None = None) -> Written:
    """The context in Cedar's form; few contexts differ, so each is written once and kept. names: only these facts."""
    tree: dict[str, object] = {}
    for name, value in zip(_NAMES, values, strict=True):
        if names is not None and name not in names:
            continue
        *path, leaf = name.split(".")
        node = tree
        for part in path:
            node = node.setdefault(part, {})  # type: ignore[assignment]
        node[leaf] = value
    said = named(values)
    errors = [words.unknown_in(flag, str(said[name]), known) for flag, name, known in _WORDS if said[name] not in known]
    text = json.dumps(tree).removeprefix("{") if tree else "}"
    return Written(text, tuple(errors), MappingProxyType(said))


def utc(moment: datetime) -> datetime:
    """`moment` in UTC; a time without a zone is refused, for nobody could say which day it falls on."""
    if moment.tzinfo is None:
        raise BadInput(
            "the time of an ask needs its zone",
            next_step="Give a date, or a time such as 2020-06-12T09:00:00Z.",
        )
    return moment if moment.tzinfo is UTC else moment.astimezone(UTC)


def in_force(law: Law, day: date) -> bool:
    """Whether `law` is in force on `day`: `from` inclusive, `until` exclusive."""
    return law.start <= day and (law.until is None or day < law.until)


def grounded_in_human_rights(law: Law) -> bool:
    """All eleven criteria answered yes, signed under two different keys, one of them from outside."""
    if any(law.assessment.get(criterion) != "yes" for criterion in words.CRITERIA):
        return False
    return len({s.key.rstrip("=") for s in law.signed}) >= 2 and any(s.outside for s in law.signed)


def _grounded(ask: Ask, laws: tuple[Law, ...], day: date) -> tuple[bool, bool]:
    """Whether such laws cover (in the US, the police parties; in the country of use, all law enforcement)."""
    parties = words.parties(ask)

    def covered(country: str, actors: frozenset[str]) -> bool:
        held: frozenset[str] = frozenset()
        for law in laws:
            if law.level == "national" and law.jurisdiction == country and in_force(law, day):
                held |= law.covers if grounded_in_human_rights(law) else frozenset()
        return bool(actors) and actors <= held

    return covered("US", parties & _POLICE), covered(ask.country, parties & _LAW_ENFORCEMENT)


def _authority(ask: Ask, authority: Authority, laws: tuple[Law, ...], now: datetime) -> tuple[Value, ...]:
    day = now.date()
    law = next((law for law in laws if law.id == authority.recognised_by), None)
    holds = law is not None and _recognises(law, ask, authority.kind, day)
    here = law is not None and law.jurisdiction != ask.country
    return (
        authority.kind,
        authority.names_person,
        authority.start <= day < authority.until,
        authority.purpose == ask.purpose,
        holds and _lies_in(ask, law),
        here and law is not None and law.level == "state" and not ask.region,
        here and law is not None and law.level == "city" and not ask.locality,
        _authorised(ask, authority, now),
    )


def _authorised(ask: Ask, authority: Authority, now: datetime) -> bool:
    """Granted by `now` and not refused, or within the hours that urgency has; those run from the day it begins."""
    began = datetime(authority.start.year, authority.start.month, authority.start.day, tzinfo=UTC)
    requested, granted, refused = authority.requested_at, authority.granted_at, authority.refused_at
    if began > now or (refused is not None and refused <= now):
        return False
    if granted is not None and granted <= now:
        return True
    if authority.kind != "exigency" and (requested, granted, refused) == (None, None, None):
        return True
    until = began + (URGENT if ask.mode in _LIVE else URGENT_AFTERWARDS)
    return now <= until if requested is None or requested > now else requested <= until


def _recognises(law: Law, ask: Ask, kind: str, day: date) -> bool:
    """Whether `law`, wherever it holds, is in force, covers the actor and recognises such an authority."""
    actors = (words.parties(ask) & _LAW_ENFORCEMENT) or {ask.sector}
    return in_force(law, day) and kind in law.recognises and actors <= law.covers


def _lies_in(ask: Ask, law: Law | None) -> bool:
    if law is None:
        return False
    where = {"national": ask.country, "state": ask.region, "city": ask.locality}[law.level]
    return where != "" and law.jurisdiction == where


def _paperwork(ask: Ask, paper: Paperwork, model_version: str, day: date) -> tuple[bool, ...]:
    filed = _agency(ask, paper, model_version, day)
    overdue = paper.mitigation_due is not None and paper.mitigation_due < day
    return (
        *filed,
        paper.reviewers >= 2,
        _by(paper.public_policy, day),
        _by(paper.rights_assessment, day),
        _by(paper.eu_registered, day),
        _by(paper.federal_reported, day) and ask.purpose in paper.federal_purposes,
        overdue,
        _by(paper.nist_evaluated, day),
        all(filed) and not overdue,
    )


def _agency(ask: Ask, paper: Paperwork, model_version: str, day: date) -> tuple[bool, ...]:
    """What an agency files before it uses face recognition: RCW 43.386.020 to .060, in the order of SHAPE."""
    published, updated = paper.report_published, paper.report_updated
    return (
        _by(paper.notice_of_intent, day),
        published is not None and published + NOTICE_PERIOD <= day,
        updated is not None and updated <= day < _years_after(updated, 2),
        paper.meetings >= 3,
        ask.purpose in paper.report_purposes,
        paper.report_sections >= SECTIONS,
        paper.report_model_version != "" and paper.report_model_version == model_version,
        paper.report_addresses_errors,
        _by(paper.operational_test_passed, day),
        paper.training_valid_until is not None and day < paper.training_valid_until,
        paper.reviewers >= 1,
    )


def _by(filed: date | None, day: date) -> bool:
    return filed is not None and filed <= day


def _years_after(start: date, years: int) -> date:
    """The same day `years` later; 29 February becomes 1 March."""
    try:
        return start.replace(year=start.year + years)
    except ValueError:
        return date(start.year + years, 3, 1)


_OPENING = '{"on": {"__extn": {"fn": "datetime", "arg": "%sZ"}}, '
_POLICE = frozenset(words.POLICE)
_LAW_ENFORCEMENT = frozenset(words.LAW_ENFORCEMENT)
_NO_AUTHORITY: tuple[Value, ...] = ("none", False, False, False, False, False, False, False)
_NO_PAPERWORK = Paperwork()
_NOTHING_FILED = (False,) * 19
_WORDS = (
    ("consent", "consent.basis", words.CONSENTS),
    ("probe-basis", "probe_basis", words.PROBE_BASES),
    ("authority", "authority.kind", (*words.AUTHORITY_KINDS, "none")),
)
