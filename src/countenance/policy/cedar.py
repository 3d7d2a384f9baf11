"""The gate's judge: packs are loaded strictly, and an ask is decided on its facts. The only importer of cedarpy.

An allow needs Cedar's Allow and no error in its diagnostics, for Cedar skips a rule whose evaluation fails.
An ask with an unknown word is denied before Cedar is asked; a pack past its `stale_after` turns every allow
into a deny. `decide` derives the context from the facts and then does what `redecide` does; so a stranger who
holds only the open part of a leaf (the words of the ask, the hour, the context) can repeat the decision.

Requests carry no schema: the schema proves every rule against its types at load, the context is built by
one function from typed facts, and a value of a wrong type would fail in evaluation, which is a deny.
Source: the Cedar policy language (docs.cedarpolicy.com); cedarpy 4.12.
"""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass, replace
from functools import lru_cache
from operator import attrgetter
from typing import TYPE_CHECKING, Any

import cedarpy

from countenance.domain.decision import Ask, Facts, Reason, Verdict
from countenance.domain.errors import BadRecord
from countenance.policy import context as facts_read
from countenance.policy import entities as shaped
from countenance.policy import lifts as lifting
from countenance.policy import packs, places, residual, words
from countenance.policy.constant import written_out
from countenance.policy.folded import folded

if TYPE_CHECKING:
    from collections.abc import ItemsView, Mapping, Sequence
    from datetime import date, datetime
    from pathlib import Path

    from countenance.domain.decision import Lift
    from countenance.policy.context import Value, Values
    from countenance.policy.packs import PackFile, Rule

_CUSTOMER = {"type": "Customer", "id": "customer"}
_USE = {"type": "Use", "id": "use"}
_PREPARED_ASKS = 4096
"""Asks whose entities are kept parsed; about 4 kB each."""
_OFTEN = 100
"""Asks on the same facts from which on they are written out into the rules, which takes as long as some 100 gain."""
_MOST_WRITTEN = 64
"""Sets with facts written out that are kept, about 1 MB each."""
_VERDICTS = 1024
"""Verdicts that are kept; about 2 kB each."""
_LIFTED = 1024
"""Denials for which it is kept what would lift them; some 2 kB each."""


@dataclass(frozen=True, slots=True, eq=False)
class PolicySet:
    """Packs that decide together, parsed once; itself the key of what is kept about it.

    rules: every rule by its id, in the order of the packs. good_until: the last day before one of them is stale.
    """

    digest: str
    packs: tuple[tuple[str, str], ...]
    files: tuple[PackFile, ...]
    rules: Mapping[str, Rule]
    good_until: date
    handle: cedarpy.PolicySet


def load(names: Sequence[str] | None = None, extra: Path | None = None) -> PolicySet:
    """The packs called `names` and `core`; None: those of a fresh install.

    extra: a folder of the operator's own packs. Raises UnknownWord for a pack that there is not; BadRecord
    for one that is not Cedar, reads what the schema lacks, or leaves out a header field or an annotation.
    """
    chosen = packs.fresh_install() if names is None else tuple(dict.fromkeys(("core", *names)))
    return assemble([packs.read(name, extra) for name in chosen])


def assemble(files: Sequence[PackFile]) -> PolicySet:
    """A policy set of these packs, each checked on its own; BadRecord names pack and rule at fault."""
    return of(files, packs.schema())


def of(files: Sequence[PackFile], schema: str) -> PolicySet:
    """As `assemble`, under the text of a schema that need not be this installation's."""
    rules: dict[str, Rule] = {}
    for file in files:
        rules |= packs.rules(file, _checked(file.text, file.name, _schema_of(schema)), len(rules))
    return PolicySet(
        digest=packs.set_digest(files, schema),
        packs=tuple((file.name, file.digest) for file in files),
        files=tuple(files),
        rules=rules,
        good_until=min(file.header.stale_after for file in files),
        handle=cedarpy.PolicySet.from_str("\n".join(file.text for file in files)),
    )


def check(file: PackFile) -> list[tuple[str, Mapping[str, str]]]:
    """(effect, annotations) of each rule of `file`, in order; BadRecord where it breaks the schema."""
    return _checked(file.text, file.name, _schema())


def forms(policies: PolicySet) -> dict[str, dict[str, Any]]:
    """Each rule of the set in Cedar's JSON form, by its id; for reading (terms.py), never for deciding."""
    found = [json.loads(cedarpy.policies_to_json_str(file.text))["staticPolicies"] for file in policies.files]
    return {form["annotations"]["id"]: form for each in found for form in each.values()}


@lru_cache(maxsize=4)
def permits(policies: PolicySet) -> PolicySet:
    """The permits alone, never stale: for what they oblige to, whatever else refuses; never for an answer."""
    kept = {name: form for name, form in forms(policies).items() if form["effect"] == "permit"}
    text = cedarpy.policies_from_json_str(json.dumps({"templates": {}, "staticPolicies": kept, "templateLinks": []}))
    return replace(policies, good_until=policies.good_until.max, handle=cedarpy.PolicySet.from_str(text))


def _checked(text: str, name: str, schema: cedarpy.Schema) -> list[tuple[str, Mapping[str, str]]]:
    try:
        parsed = json.loads(cedarpy.policies_to_json_str(text))
    except ValueError as error:
        raise BadRecord(f"{name}.cedar: line {_unread(text)}: is not Cedar: {error}") from None
    if parsed["templates"]:
        raise BadRecord(f"{name}.cedar: a pack holds rules, no templates")
    numbered = sorted(parsed["staticPolicies"].items(), key=lambda item: int(item[0].removeprefix("policy")))
    ordered = [rule for _, rule in numbered]
    for place, rule in enumerate(ordered):
        if odd := residual.no_part_of_a_pack(rule):
            raise BadRecord(f"{name}.cedar: line {places.line_of(text, place)}: {odd}")
    found = cedarpy.validate_policies(text, schema)
    if not found.validation_passed:
        first = found.errors[0]
        line = places.line_of(text, int(first.policy_id.removeprefix("policy")))
        raise BadRecord(f"{name}.cedar: line {line}: {first.error}")
    return [(rule["effect"], rule.get("annotations", {})) for rule in ordered]


def _unread(text: str) -> int:
    """The line of the first rule that is not Cedar."""
    for piece in places.pieces(text):
        try:
            cedarpy.policies_to_json_str(piece.text)
        except ValueError:
            return piece.line
    return 1


class Rulebook:
    """Rules under a schema of their own, proven against it once. marks: (effect, annotations) of each, in order."""

    def __init__(self, name: str, text: str, schema: str) -> None:
        """Raises BadRecord for what is not Cedar, or reads what the schema lacks."""
        self._schema = cedarpy.Schema.from_str(schema)
        self.marks = _checked(text, name, self._schema)
        self._handle = cedarpy.PolicySet.from_str(text)

    def ask(
        self, request: Mapping[str, object], entities: Sequence[Mapping[str, object]]
    ) -> tuple[bool, tuple[str, ...], tuple[str, ...]]:
        """Whether Cedar said Allow and reported no error; the ids of the rules that decided; the errors."""
        known = cedarpy.Entities.from_json_str(json.dumps(list(entities)), self._schema)
        found = cedarpy.is_authorized(dict(request), self._handle, known)
        errors = tuple(found.diagnostics.errors)
        spoke = tuple(found.diagnostics.id_annotations_by_reason.values())
        return found.decision is cedarpy.Decision.Allow and not errors, spoke, errors


def decide(policies: PolicySet, ask: Ask, facts: Facts, *, lifts: bool = False) -> Verdict:
    """What the packs say of `ask` on `facts`. An unknown word is not an error but a deny that names it.

    lifts: also search for what would lift a deny (lifts.py), which takes some tens of re-decisions.
    Raises BadInput where `facts.on` has no time zone.
    """
    prepared = prepare(ask)
    if prepared.errors:
        return Verdict("deny", policies.packs, (), errors=prepared.errors)
    named = facts_read.claimed(facts) if lifts else None
    return _judge(policies, prepared, facts_read.utc(facts.on), facts_read.derive(ask, facts), named)


def redecide(
    policies: PolicySet, ask: Ask, on: datetime, context: Mapping[str, object], *, lifts: bool = False
) -> Verdict:
    """The same decision from the open part of a leaf. BadRecord where `context` is not one of `decide`."""
    prepared = prepare(ask)
    if prepared.errors:
        return Verdict("deny", policies.packs, (), errors=prepared.errors)
    named = "" if lifts else None  # a leaf holds no name that could be verified
    return _judge(policies, prepared, facts_read.utc(on), facts_read.checked(context), named)


def _judge(policies: PolicySet, prepared: Prepared, on: datetime, values: Values, named: str | None) -> Verdict:
    # A rule changes its mind on the hour (`_checked`): that, which the leaf has too, stands for each moment in it.
    hour = on.replace(minute=0, second=0, microsecond=0)
    verdict = _remembered(policies, prepared, hour, values)
    if named is None or verdict.allowed or verdict.errors:
        return verdict
    return replace(verdict, lifted_when=_lifts(policies, prepared.ask, hour, values, named))


@lru_cache(maxsize=_VERDICTS)
def _remembered(policies: PolicySet, prepared: Prepared, hour: datetime, values: Values) -> Verdict:
    """The verdict, which these four alone decide: kept, for most asks of an hour are like one before."""
    return _evaluate(policies, prepared, hour, values)


@lru_cache(maxsize=_LIFTED)
def _lifts(policies: PolicySet, ask: Ask, on: datetime, values: Values, named: str) -> tuple[Lift, ...]:
    """What would lift the deny of this ask; kept, since finding it out takes as long as some tens of decisions."""
    prepared = prepare(ask)
    opens, fewer, names = _open(policies, prepared)

    def again(then: datetime, changed: dict[str, Value]) -> Verdict:
        # What fewer rules deny, all deny; what they allow, or lack a fact for, all are asked.
        values = tuple(changed.values())
        verdict = _evaluate(fewer, prepared, then, values, names)
        return _evaluate(policies, prepared, then, values) if verdict.allowed or verdict.errors else verdict

    denied = _remembered(policies, prepared, on, values)
    return lifting.find(ask, on, denied, facts_read.named(values), opens, again, named)


def _evaluate(
    policies: PolicySet, prepared: Prepared, on: datetime, values: Values, names: frozenset[str] | None = None
) -> Verdict:
    written = facts_read.written(values, names)
    context = written.context
    if written.errors:
        return Verdict("deny", policies.packs, (), errors=written.errors, context=context)
    request = {**prepared.request, "context": written.at(on)}
    return _said(policies, cedarpy.is_authorized(request, policies.handle, prepared.entities), on, context)


def _said(policies: PolicySet, found: cedarpy.AuthzResult, on: datetime, context: Mapping[str, Value]) -> Verdict:
    """The verdict in what Cedar found: an allow needs its Allow and no error of any rule."""
    said = found.diagnostics
    errors, rules = tuple(said.errors), [policies.rules[each] for each in said.id_annotations_by_reason.values()]
    allowed = found.decision is cedarpy.Decision.Allow and not errors
    if allowed and on.date() > policies.good_until:
        return Verdict("deny", policies.packs, _stale(policies, on), context=context)
    if not rules and not errors:
        errors = ("no rule permits this ask",)
    rules.sort(key=_place)
    duties = _duties(rules) if allowed else ()
    reasons = tuple([rule.reason for rule in rules])
    return Verdict("allow" if allowed else "deny", policies.packs, reasons, (), duties, errors, context)


class Many:
    """Decides many asks, without what would lift them: the verdicts of `decide`, in less time.

    Customers and uses are parsed together; facts that come again and again are written out into the rules. One thread.
    """

    def __init__(self, policies: PolicySet) -> None:
        self._policies = policies
        self._forms = json.loads(cedarpy.policies_to_json_str("\n".join(file.text for file in policies.files)))
        self._met: Counter[tuple[datetime, Values]] = Counter()
        self._written: dict[tuple[datetime, Values], cedarpy.PolicySet] = {}

    def decide(self, asked: Sequence[tuple[Ask, Facts]]) -> list[Verdict]:
        """A verdict for each, in order. Raises BadInput where the time of one has no zone."""
        prepared = prepare_all([ask for ask, _ in asked])
        known = [
            (facts_read.utc(facts.on), facts_read.derive(ask, facts)) if not ready.errors else None
            for ready, (ask, facts) in zip(prepared, asked, strict=True)
        ]
        self._met.update(each for each in known if each is not None)
        return [self._one(ready, each) for ready, each in zip(prepared, known, strict=True)]

    def _one(self, prepared: Prepared, known: tuple[datetime, Values] | None) -> Verdict:
        if known is None:
            return Verdict("deny", self._policies.packs, (), errors=prepared.errors)
        on, values = known
        said = facts_read.written(values)
        handle = None if said.errors else self._handle(on, values)
        if handle is not None:
            found = cedarpy.is_authorized({**prepared.request, "context": "{}"}, handle, prepared.entities)
            if not found.diagnostics.errors:
                return _said(self._policies, found, on, said.context)
        return _evaluate(self._policies, prepared, on, values)  # which names an error by the rule as it stands

    def _handle(self, on: datetime, values: Values) -> cedarpy.PolicySet | None:
        """The rules with these facts written out, where so many asks have them that it is worth the while."""
        key = (on, values)
        if key in self._written or self._met[key] < _OFTEN or len(self._written) >= _MOST_WRITTEN:
            return self._written.get(key)
        context = json.loads(facts_read.written(values).at(on))
        forms = {name: {**rule, "conditions": written_out(rule["conditions"], context)} for name, rule in self._rules()}
        rules = {name: rule for name, form in forms.items() if (rule := folded(form)) is not None}
        text = cedarpy.policies_from_json_str(json.dumps({**self._forms, "staticPolicies": rules}))
        self._written[key] = cedarpy.PolicySet.from_str(text)
        return self._written[key]

    def _rules(self) -> ItemsView[str, dict[str, object]]:
        rules: dict[str, dict[str, object]] = self._forms["staticPolicies"]
        return rules.items()


def _duties(permits: Sequence[Rule]) -> tuple[str, ...]:
    """What these permits oblige to, each duty once."""
    if len(permits) == 1:
        return permits[0].duties
    return tuple(dict.fromkeys(duty for rule in permits for duty in rule.duties))


_place = attrgetter("place")


def _stale(policies: PolicySet, on: datetime) -> tuple[Reason, ...]:
    """Why an allow is none: the reading of these packs is too old to rely on."""
    return tuple(
        Reason(
            f"{file.name}.stale",
            f"{file.name} was last checked on {file.header.checked_on}: it needs counsel before it allows more.",
            file.header.sources[0],
            "T",
        )
        for file in policies.files
        if file.stale(on.date())
    )


@dataclass(frozen=True, slots=True, eq=False)
class Prepared:
    """An ask ready for Cedar, or the sentences that name its unknown words; itself the key of what is kept about it."""

    ask: Ask
    errors: tuple[str, ...]
    request: Mapping[str, object]
    entities: cedarpy.Entities


@lru_cache(maxsize=_PREPARED_ASKS)
def prepare(ask: Ask) -> Prepared:
    """The entities and the request of an ask, parsed once and kept; its context is still missing."""
    found = shaped.attributes(ask)
    uids = {"Customer": _CUSTOMER, "Use": _USE}
    listed = [{"uid": uid, "attrs": found[kind], "parents": []} for kind, uid in uids.items()]
    entities = cedarpy.Entities.from_json_str(json.dumps(listed), _schema())
    return Prepared(ask, words.unknown(ask), _request(ask), entities)


def prepare_all(asks: Sequence[Ask]) -> list[Prepared]:
    """The same of many asks, for one use: each customer and each use among them is parsed once."""
    uids: dict[str, dict[str, str]] = {}
    listed: list[dict[str, object]] = []
    placed: list[tuple[Ask, dict[str, dict[str, str]]]] = []
    for ask in asks:
        of: dict[str, dict[str, str]] = {}
        for kind, attributes in shaped.attributes(ask).items():
            text = kind + json.dumps(attributes)
            if text not in uids:
                uids[text] = {"type": kind, "id": str(len(uids))}
                listed.append({"uid": uids[text], "attrs": attributes, "parents": []})
            of[kind] = uids[text]
        placed.append((ask, of))
    entities = cedarpy.Entities.from_json_str(json.dumps(listed), _schema())
    named = ((ask, {"principal": of["Customer"], "resource": of["Use"]}) for ask, of in placed)
    return [Prepared(ask, words.unknown(ask), {**_request(ask), **uids}, entities) for ask, uids in named]


def _request(ask: Ask) -> dict[str, object]:
    return {"principal": _CUSTOMER, "action": {"type": "Action", "id": ask.action}, "resource": _USE}


def _open(policies: PolicySet, prepared: Prepared) -> tuple[dict[str, lifting.Open], PolicySet, frozenset[str]]:
    """What each forbid leaves open once the ask is known; the set as it then is; the facts that it reads.

    That is partial evaluation with the context left out: a proposal, on which no allow rests.
    """
    request = {
        "principal": 'Customer::"customer"',
        "action": f'Action::"{prepared.ask.action}"',
        "resource": 'Use::"use"',
    }
    partial = cedarpy.is_authorized_partial(request, policies.handle, prepared.entities)
    known = {each["annotations"]["id"]: each for each in partial.residuals.values()}
    asked = {name: folded({**each, "conditions": residual.as_rule(each["conditions"])}) for name, each in known.items()}
    rules = {name: {**rule, "annotations": {"id": name}} for name, rule in asked.items() if rule is not None}
    read = {name: residual.read(rule["conditions"]) for name, rule in rules.items()}
    text = cedarpy.policies_from_json_str(json.dumps({"templates": {}, "staticPolicies": rules, "templateLinks": []}))
    opens = {name: each for name, each in read.items() if known[name]["effect"] == "forbid"}
    names = frozenset(name for each in read.values() for name in each.names)
    return opens, replace(policies, handle=cedarpy.PolicySet.from_str(text)), names


@lru_cache(maxsize=1)
def _schema() -> cedarpy.Schema:
    return cedarpy.Schema.from_str(packs.schema())


@lru_cache(maxsize=4)
def _schema_of(text: str) -> cedarpy.Schema:
    try:
        return cedarpy.Schema.from_str(text)
    except ValueError as error:
        raise BadRecord(f"schema.cedarschema: {error}") from None
