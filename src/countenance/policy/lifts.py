"""What would lift a refusal: a search over facts, in which every answer was re-decided before it is given.

Partial evaluation proposes (`Open`: what each rule leaves open about the context), this search combines,
and the full policy disposes: a set of facts is reported only after the ask, re-decided with those facts
set, was allowed, and only if no smaller part of it suffices. Nothing here evaluates a rule by itself.

The search is a hitting-set tree (Reiter, A Theory of Diagnosis from First Principles, 1987): to lift a
refusal at least one fact that each deciding rule reads must change. Where a rule has one such fact, that one
must change, and all of these change together, as do all facts of a rule that ends only when each of them holds;
only where every rule has several ways does it branch, over one such rule at a time. What contains another set
that was found is dropped at the end.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime

from countenance.domain.decision import Ask, Lift, Verdict
from countenance.policy.context import Value
from countenance.policy.words import AUTHORITY_KINDS, LAW_ENFORCEMENT, parties

MAX_FACTS = 32
"""Largest set reported, in facts: more than the most that the shipped rules can ask for together."""
MAX_TRIALS = 512
"""Most re-decisions for one refusal, about 0.1 s; what was found by then is reported, each proven minimal."""

Change = tuple[str, Value]
Redecide = Callable[[datetime, dict[str, Value]], Verdict]


@dataclass(frozen=True, slots=True)
class Open:
    """What one rule leaves open about the context.

    names: facts it reads; limits: (fact, largest number it accepts); days: dates before which it holds;
    words: (fact, word it compares it with); together: it ends only when each of the facts that it reads holds.
    """

    names: frozenset[str]
    limits: frozenset[tuple[str, int]]
    days: frozenset[date]
    words: frozenset[tuple[str, str]] = frozenset()
    together: bool = False


@dataclass(frozen=True, slots=True)
class AtMost:
    """The value of a fact that must not be larger than `limit`, in the fact's own unit."""

    limit: int


@dataclass(frozen=True, slots=True)
class Fact:
    """A fact that may change: how a sentence says it, the value that helps, and what the sentence is of."""

    says: str
    good: bool = True
    of: str = ""


def _of(room: str, of: str, **says: str) -> dict[str, Fact]:
    """Facts of one thing, which one clause says together."""
    return {f"{room}.{name}": Fact(each, of=of) for name, each in says.items()}


FACTS: dict[str, Fact] = {
    "verified": Fact("the customer's facts are verified"),
    "grant.present": Fact("the key has a grant"),
    **_of(
        "grant",
        "the key's grant",
        purpose="covers this purpose",
        mode="covers this mode",
        place="covers this place",
        current="is in force at that time",
        approved="is approved for this use case",
    ),
    "consent.on_record": Fact("a basis that holds for this purpose is on record for the people enrolled"),
    "consent.written_release": Fact("each person enrolled gave a release in writing after notice of purpose and term"),
    **_of(
        "authority",
        "there is an authority that",
        current="is in force at that time",
        covers_purpose="was issued for this purpose",
        names_person="names the person sought",
        recognised="is recognised by a law in force there that covers the actor",
        authorised_in_time="was granted, or requested within the hours that urgency has",
    ),
    "laws.national.US.grounded_in_human_rights": Fact("a law grounded in human rights is in force"),
    "laws.national.use.grounded_in_human_rights": Fact("a law grounded in human rights is in force"),
    "paperwork.notice_of_intent": Fact("a notice of intent is filed"),
    **_of(
        "paperwork.report",
        "there is an accountability report that",
        published_90_days="has been public for 90 days",
        updated_within_2_years="was updated within two years",
        three_meetings="was discussed in three public meetings",
        covers_purpose="covers this purpose",
        all_sections="has all its sections",
        names_model="names the version of the model in use",
        addresses_errors="says how error rates above one percent are dealt with",
    ),
    "paperwork.operational_test": Fact("a test in operational conditions was passed"),
    "paperwork.training_valid": Fact("the training of those who use it is valid"),
    "paperwork.one_reviewer": Fact("a trained reviewer is on file"),
    "paperwork.two_reviewers": Fact("two trained reviewers are on file"),
    "paperwork.public_policy": Fact("a written policy on use and retention is public"),
    "paperwork.rights_assessment": Fact("an assessment of the impact on fundamental rights is on file"),
    "paperwork.eu_registration": Fact("the use is registered in the database of the European Union"),
    "paperwork.mitigation_overdue": Fact("no plan of the vendor against unfair differences is overdue", good=False),
    "paperwork.nist_evaluation": Fact("NIST has evaluated the version of the model in use"),
    "paperwork.complete": Fact("everything that RCW 43.386 asks an agency for is in order"),
    "activity.tripped": Fact("two people of the provider have looked and let the key go on", good=False),
    "activity.one_to_many": Fact("the key no longer compares one person with many in turn", good=False),
    "activity.crowd": Fact("the key no longer searches a crowd", good=False),
    "activity.nobody": Fact("the key's searches find people", good=False),
    "activity.following": Fact("the key no longer follows one person", good=False),
    "activity.camera": Fact("the key no longer searches at the beat of a camera", good=False),
    "activity.places": Fact("the key no longer looks for one person in place after place", good=False),
    "activity.trawling": Fact("the key no longer compares one person with one after the other", good=False),
    "model.evaluated": Fact("the model in use is evaluated by group"),
    "model.current": Fact("the evaluation of the model in use is up to date"),
}
"""Every boolean of the context that can change while the ask stays the same."""

_HELP_BY_HOLDING = frozenset(name for name, fact in FACTS.items() if fact.good)

LIMITS: dict[str, str] = {
    "model.worst_fmr_ppm": "the false match rate of the worst group is at most {limit} in a million",
    "model.worst_fnmr_ppm": "the false non-match rate of the worst group is at most {limit} in a million",
    "model.fmr_max_geomean_milli": "the worst group's false match rate is at most {ratio} times the mean",
    "model.fnmr_max_geomean_milli": "the worst group's false non-match rate is at most {ratio} times the mean",
}
"""Every number of the context that helps by being small."""

WORDS: dict[tuple[str, str], Fact] = {
    **{
        ("authority.kind", kind): Fact(f"is a {kind.replace('-', ' ')}", of="there is an authority that")
        for kind in AUTHORITY_KINDS
    },
    ("consent.basis", "on-record"): Fact("the basis of the people enrolled is their own consent"),
    ("probe_basis", "consent"): Fact("the person in the probe consents"),
    ("probe_basis", "legal-duty"): Fact("a law demands that the person in the probe is looked for"),
    ("probe_basis", "notice"): Fact("the person in the probe is told"),
}
"""Every word of the context that may replace another one."""

_AGENCY = (
    "notice_of_intent", "report.published_90_days", "report.updated_within_2_years", "report.three_meetings",
    "report.covers_purpose", "report.all_sections", "report.names_model", "report.addresses_errors",
    "operational_test", "training_valid", "one_reviewer", "mitigation_overdue",
)  # fmt: skip
_TOGETHER: dict[str, tuple[Change, ...]] = {
    "consent.on_record": (("consent.basis", "on-record"),),
    "authority.recognised": (("authority.region_missing", False), ("authority.locality_missing", False)),
    "paperwork.two_reviewers": (("paperwork.one_reviewer", True),),
    "paperwork.complete": tuple((name, FACTS[name].good) for name in (f"paperwork.{part}" for part in _AGENCY)),
}
"""What holds with a fact: a recognised authority leaves no question open about where its law holds; a complete file
has each of its parts; who has two reviewers has one; a basis that is put on record is a consent."""
_LAW = "laws.national."


def find(
    ask: Ask,
    on: datetime,
    denied: Verdict,
    context: Mapping[str, Value],
    opens: Mapping[str, Open],
    redecide: Redecide,
    named: str = "",
) -> tuple[Lift, ...]:
    """The minimal sets of facts that turn `denied` into an allow, smallest first, within the bounds above.

    opens: what each rule leaves open, by rule id; a deciding rule that is not there cannot be lifted.
    named: id of the exception by name that the customer would have once it is verified; "": none.
    """
    if named:
        opens, redecide = _by_name(opens), _once_verified(redecide, named)
    found: list[frozenset[Change]] = []
    queue = deque([(frozenset[Change](), denied)])
    seen: set[frozenset[Change]] = set()
    while queue:
        changes, verdict = queue.popleft()
        for step in _branches(ask, verdict, *apply(ask, on, context, changes), opens):
            wider = _with(changes, step)
            if wider in seen or any(lift <= wider for lift in found) or len(seen) >= MAX_TRIALS:
                continue
            seen.add(wider)
            again = redecide(*apply(ask, on, context, wider))
            if again.allowed:
                found.append(wider)
            elif len(wider) < MAX_FACTS and not again.errors:
                queue.append((wider, again))
    return tuple(_lift(ask, each) for each in sorted(found, key=len) if not any(other < each for other in found))


def _with(changes: frozenset[Change], step: frozenset[Change]) -> frozenset[Change]:
    """`changes` and then `step`, without what the rest brings with it."""
    named = {name for name, _ in step}
    wider = frozenset(each for each in changes if each[0] not in named) | step
    return wider - {brought for name, _ in wider for brought in _TOGETHER.get(name, ())}


def _by_name(opens: Mapping[str, Open]) -> dict[str, Open]:
    """What rules leave open to whom they would except by name: a rule that reads the name reads if it is verified."""
    verified = frozenset({"verified"})
    return {
        rule: replace(each, names=each.names | verified) if "exception" in each.names else each
        for rule, each in opens.items()
    }


def _once_verified(redecide: Redecide, named: str) -> Redecide:
    """The same re-decision, in which a customer who is verified has its exception."""

    def again(on: datetime, context: dict[str, Value]) -> Verdict:
        return redecide(on, {**context, "exception": named} if context["verified"] is True else context)

    return again


def apply(
    ask: Ask, on: datetime, context: Mapping[str, Value], changes: Iterable[Change]
) -> tuple[datetime, dict[str, Value]]:
    """The time and the context with `changes` made, in the order of `context`."""
    changed = dict(context)
    for name, value in changes:
        if name == "on":
            on = datetime.fromisoformat(str(value)).replace(tzinfo=UTC)
        for each in _read_as(name, ask):
            changed[each] = value
        changed.update(_TOGETHER.get(name, ()))
    return on, changed


def _branches(
    ask: Ask, verdict: Verdict, on: datetime, context: Mapping[str, Value], opens: Mapping[str, Open]
) -> tuple[frozenset[Change], ...]:
    """The steps of which one must be made, because each other one leaves the same rule deciding."""
    deciding = [opens[reason.id] for reason in verdict.reasons if reason.id in opens]
    if not deciding or len(deciding) < len(verdict.reasons):
        return ()
    limits = _least(limit for rule in deciding for limit in rule.limits)
    end = max((day for rule in deciding for day in rule.days), default=date.min)
    steps = [_steps(rule, tuple(_ways(ask, rule, on, context, limits, end))) for rule in deciding]
    least = min(steps, key=len)
    if len(least) == 1:
        return (frozenset().union(*(step[0] for step in steps if len(step) == 1)),)
    return least


def _steps(rule: Open, ways: tuple[Change, ...]) -> tuple[frozenset[Change], ...]:
    """Of these ways each that could do, or all of them at once where the rule ends with nothing less."""
    if ways and rule.together and rule.names <= _HELP_BY_HOLDING:
        return (frozenset(ways),)
    return tuple(frozenset({way}) for way in ways)


def _ways(
    ask: Ask, rule: Open, on: datetime, context: Mapping[str, Value], limits: Mapping[str, int], end: date
) -> Iterator[Change]:
    for name in sorted(rule.names):
        if name in FACTS and context[name] is not FACTS[name].good:
            yield _public(name, ask), FACTS[name].good
    for name in sorted({name for name, _ in rule.limits}):
        if name in LIMITS and int(context[name]) > limits[name]:
            yield name, limits[name]
    for name, word in sorted(rule.words):
        if (name, word) in WORDS and context[name] != word:
            yield name, word
    if any(day > on.date() for day in rule.days):
        yield "on", end.isoformat()


def _least(limits: Iterable[tuple[str, int]]) -> dict[str, int]:
    """The strictest limit of each fact: one number must satisfy every rule that reads it."""
    least: dict[str, int] = {}
    for name, limit in limits:
        least[name] = min(limit, least.get(name, limit))
    return least


def _public(name: str, ask: Ask) -> str:
    """How answers call a fact: the law of the country of use carries that country's code."""
    return name.replace(f"{_LAW}use.", f"{_LAW}{ask.country}.")


def _read_as(name: str, ask: Ask) -> Iterator[str]:
    """The names in the context that a fact stands for; `on` is not one of them."""
    if name.startswith(f"{_LAW}US."):
        yield name
    if name.startswith(f"{_LAW}{ask.country}."):
        yield name.replace(f"{_LAW}{ask.country}.", f"{_LAW}use.")
    if name != "on" and not name.startswith(_LAW):
        yield name


def _lift(ask: Ask, changes: frozenset[Change]) -> Lift:
    ordered = sorted(changes, key=lambda change: change[0])
    clauses = _clauses(ask, ordered)
    says = f"when {clauses[0]}" if len(clauses) == 1 else f"when all of this holds: {'; '.join(clauses)}"
    return Lift(tuple((name, _shown(name, value)) for name, value in ordered), says)


def _shown(name: str, value: Value) -> object:
    return AtMost(value) if name in LIMITS and isinstance(value, int) else value


def _clauses(ask: Ask, changes: Sequence[Change]) -> list[str]:
    """One clause for each thing that must change, however many facts of it."""
    spoken: dict[tuple[str, str], list[str]] = {}
    for name, value in changes:
        fact = _spoken(ask, name, value)
        spoken.setdefault((fact.of, "" if fact.of else fact.says), []).append(fact.says)
    return [f"{of} {_joined(says)}".strip() for (of, _), says in spoken.items()]


def _spoken(ask: Ask, name: str, value: Value) -> Fact:
    if name == "on":
        return Fact(f"it is {value} or later")
    if (name, value) in WORDS:
        return WORDS[name, str(value)]
    if name in LIMITS:
        return Fact(LIMITS[name].format(limit=value, ratio=f"{int(value) / 1000:g}"))
    if name.startswith(_LAW):
        return Fact(_law_clause(ask, name.removeprefix(_LAW).split(".")[0]))
    return FACTS[name]


def _law_clause(ask: Ask, country: str) -> str:
    where = "the United States" if country == "US" else f"the country {country}"
    actors = sorted(parties(ask) & frozenset(LAW_ENFORCEMENT))
    return (
        f"a national law of {where} that meets all eleven criteria of being grounded in human rights, covers "
        f"{_joined(actors)} and is attested by two people, one of them from outside the provider, is in force"
    )


def _joined(parts: Sequence[str]) -> str:
    return parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} and {parts[-1]}"
