"""Small policy sets made for a test, changes of them, and every ask there is on a short list of values.

The lists are written by hand and know nothing of classes.py: they hold what the generated rules mention, its
neighbours, and words that nobody mentions.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from itertools import product
from typing import TYPE_CHECKING, Any

from countenance.domain.decision import Ask
from countenance.policy import cedar, packs
from countenance.policy.context import derive, named
from tests.policy.asks import ASK, FACTS, ON

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from random import Random

    from countenance.policy.context import Value
    from countenance.policy.opening import Clause, Comparison

DAY = datetime(2021, 6, 10, tzinfo=UTC)
_HEADER = """// pack: {name}
// title: A set made for a test
// promised_by: a test
// in_force: always
// status: optional
// source: https://example.org
// checked_on: 2026-11-22
// stale_after: {stale}
// secondary: none

"""


@dataclass(frozen=True)
class R:
    """A rule of a made set: `forbid` or `permit`, its name, when it applies."""

    effect: str
    name: str
    when: str
    duties: str = ""

    def text(self, pack: str) -> str:
        duties = f'@duties("{self.duties}")\n' if self.duties else ""
        return (
            f'@id("{pack}.{self.name}")\n@says("It is so.")\n@source("https://example.org")\n@evidence("T")\n{duties}'
            f"{self.effect} (principal, action, resource)\nwhen {{ {self.when} }};\n"
        )


def made(*rules: R, name: str = "made", stale: str = "2027-11-22") -> cedar.PolicySet:
    """A set of one pack with these rules."""
    text = _HEADER.format(name=name, stale=stale) + "\n".join(rule.text(name) for rule in rules)
    return cedar.assemble([packs.parse(text.encode(), name)])


@dataclass(frozen=True)
class Point:
    """One ask at one time in one context."""

    ask: Ask
    on: datetime
    context: dict[str, Value]

    def allowed(self, policies: cedar.PolicySet) -> bool:
        return cedar.redecide(policies, self.ask, self.on, self.context).allowed


CONTEXT = {**named(derive(ASK, FACTS)), "grant.present": True}
HOUR = timedelta(hours=1)
VALUES: dict[str, tuple[Any, ...]] = {
    "action": ("provision", "verify", "export"),
    "sector": ("police", "sheriff", "commercial"),
    "acts_for": (frozenset(), frozenset({"police"}), frozenset({"sheriff", "military"})),
    "requested_by": (frozenset(), frozenset({"police"})),
    "country": ("US", "DE", "FR", "NO"),
    "region": ("", "US-WA", "US-OR", "DE-BE"),
    "seat_country": ("US", "DE", "NO"),
    "locality": ("", "Portland, OR", "Oslo"),
    "purpose": ("identity-verification", "missing-persons", "credit"),
    "mode": ("one-off", "real-time"),
    "minors": ("no", "unknown"),
    "on": (DAY - HOUR, DAY, DAY + HOUR, DAY + timedelta(days=1), datetime(2019, 1, 1, tzinfo=UTC), ON),
    "verified": (True, False),
    "exception": ("", "thorn"),
    "authority.recognised": (True, False),
    "authority.kind": ("none", "warrant"),
    "model.groups": (0, 3, 4, 5, 9),
    "consent.basis": ("on-record", "none"),
}
"""What the generated rules read, and short lists of what an ask can be."""
ATOMS: dict[str, tuple[tuple[str, ...], ...]] = {
    'action == Action::"verify"': (("action",),),
    'action in [Action::"verify", Action::"export"]': (("action",),),
    'resource.country == "US"': (("country",),),
    '[resource.country, principal.seat_country].contains("US")': (("country", "seat_country"),),
    "resource.country == principal.seat_country": (("country", "seat_country"),),
    'resource.country like "?S"': (("country",),),
    'resource.region like "US-*"': (("country", "region"),),
    'resource.region == "US-WA"': (("country", "region"),),
    'resource.locality == "Portland, OR"': (("locality",),),
    'principal.sector == "police"': (("sector",),),
    'principal.parties.contains("police")': (("sector", "acts_for"),),
    'principal.parties.containsAny(["police", "sheriff"])': (("sector", "acts_for"),),
    'principal.acts_for.containsAll(["sheriff", "military"])': (("acts_for",),),
    'principal.requested_by == ["police"]': (("requested_by",),),
    "principal.acts_for.isEmpty()": (("acts_for", "sector"),),
    '["missing-persons", "credit"].contains(resource.purpose)': (("purpose",),),
    'resource.purpose != "credit"': (("purpose",),),
    'resource.mode == "real-time"': (("mode",),),
    'resource.minors != "no"': (("minors",),),
    'context.on >= datetime("2021-06-10")': (("on",),),
    'context.on < datetime("2021-06-11")': (("on",),),
    'context.on == datetime("2021-06-10T00:00:00Z")': (("on",),),
    "context.verified": (("verified",),),
    'context.exception == "thorn"': (("exception", "verified"),),
    "context.authority.recognised": (("authority.recognised", "authority.kind"),),
    'context.authority.kind == "warrant"': (("authority.kind",),),
    "context.model.groups > 3": (("model.groups",),),
    "context.model.groups <= 4": (("model.groups",),),
    "5 == context.model.groups": (("model.groups",),),
    'context.consent.basis == "none"': (("consent.basis",),),
}
"""Conditions to build rules of, and the attributes that each reads."""


def condition(random: Random, atoms: Sequence[str], depth: int = 2) -> str:
    """A condition over some of `atoms`."""
    if depth == 0 or random.random() < 0.25:
        return random.choice(atoms)
    one, other, third = (condition(random, atoms, depth - 1) for _ in range(3))
    return random.choice(
        (
            f"({one} && {other})",
            f"({one} || {other})",
            f"!({one})",
            f"(if {third} then {one} else {other})",
            f"({one} && {other})",
        )
    )


def changed(random: Random, rules: Sequence[R], atoms: Sequence[str]) -> list[R]:
    """The same rules but for one edit, of the kinds that people make."""
    found = list(rules)
    at = random.randrange(len(found))
    rule, extra = found[at], condition(random, atoms, 1)
    edits = (
        lambda: found.pop(at),
        lambda: found.append(replace(rule, name=f"{rule.name}-too", when=extra)),
        lambda: found.__setitem__(at, replace(rule, when=f"{rule.when} && !({extra})")),
        lambda: found.__setitem__(at, replace(rule, when=f"{rule.when} || {extra}")),
        lambda: found.__setitem__(at, replace(rule, when=extra)),
        lambda: found.__setitem__(at, replace(rule, effect="permit" if rule.effect == "forbid" else "forbid")),
    )
    random.choice(edits)()
    return found or [R("forbid", "left", "true")]


def points(read: Iterator[str] | Sequence[str]) -> Iterator[Point]:
    """Every ask over the values of these attributes, others as they usually are, that there can be."""
    names = sorted(set(read))
    for choice in product(*(VALUES[name] for name in names)):
        said = dict(zip(names, choice, strict=True))
        on = said.pop("on", ON)
        use = {name: said.pop(name) for name in tuple(said) if name in Ask.__slots__}
        point = Point(_ask(use), on, {**CONTEXT, **said})
        if _can_be(point):
            yield point


def _ask(use: dict[str, Any]) -> Ask:
    found = replace(ASK, **use)
    return found if "seat_country" in use else replace(found, seat_country="DE")


def _can_be(point: Point) -> bool:
    """What `decide` would take, and `derive` could write."""
    ask, context = point.ask, point.context
    if ask.region and not ask.region.startswith(ask.country):
        return False
    context["consent.on_record"] = context["consent.basis"] == "on-record"
    if context["authority.kind"] == "none" and context["authority.recognised"]:
        return False
    return bool(context["verified"]) or context["exception"] == ""


def covers(found: Comparison, when: Sequence[Clause], point: Point) -> bool:
    """Whether an opening with these clauses speaks of `point`: read from what is published, nothing else."""
    orders = (("one-other", "another"), ("another", "one-other"))
    return any(all(_meets(found, clause, point, order) for clause in when) for order in orders)


def _meets(found: Comparison, clause: Clause, point: Point, order: tuple[str, str]) -> bool:
    name, values, ask = clause.attribute, clause.values, point.ask
    parties = ask.acts_for | ask.requested_by | {ask.sector}
    sets = {"by-or-for": parties, "acts-for": ask.acts_for, "requested-by": ask.requested_by}
    if name in sets:
        return bool(sets[name] & set(values))
    if name.removeprefix("not-") in sets:
        return not sets[name.removeprefix("not-")] & set(values)
    if name.startswith("seat-or-use-"):
        stem = name.removeprefix("seat-or-use-")
        return getattr(ask, stem) in values or getattr(ask, f"seat_{stem}") in values
    if name.startswith("no-seat-or-use-"):
        stem = name.removeprefix("no-seat-or-use-")
        return getattr(ask, stem) not in values and getattr(ask, f"seat_{stem}") not in values
    if name == "on":
        return any(_within(span, point.on.strftime("%Y-%m-%dT%H:%M:%SZ")) for span in values)
    if name.startswith("model.") and name != "model.provenance":
        return any(_between(span, int(point.context[name])) for span in values)
    return _is_word(found, name, values, point, order)


def _is_word(found: Comparison, name: str, values: Sequence[str], point: Point, order: tuple[str, str]) -> bool:
    word = point.context[name] if name in point.context else getattr(point.ask, name.replace("-", "_"))
    word = str(word).lower() if isinstance(word, bool) else str(word)
    if word in values:
        return True
    prefix = f"{word[:2]}-" if name.endswith("region") else ""
    first = word == getattr(point.ask, name.removeprefix("seat-"), word)
    return word not in found.named.get(name, (word,)) and bool(
        {f"{prefix}other", f"{prefix}{order[0 if first else 1]}"} & set(values)
    )


def _within(span: str, on: str) -> bool:
    since, until = (side if "T" in side or not side else f"{side}T00:00:00Z" for side in span.split(".."))
    return since <= on and (not until or on < until)


def _between(span: str, number: int) -> bool:
    since, until = span.split("..")
    return (not since or int(since) <= number) and (not until or number < int(until))
