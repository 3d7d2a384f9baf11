"""The classes of each attribute: words, numbers and times that no rule at hand can tell apart.

Each attribute of the ask and each fact of the context is cut by the constants that the rules compare it with;
a date is cut at its edge, to the hour, which is how finely a time is given to Cedar. One value stands for
each class, the most ordinary class comes first. `TIES` says which facts cannot be together, because one
function (context.derive) writes them; everything else is taken to be possible. Nothing is decided here.
"""

from __future__ import annotations

import re
from collections import defaultdict
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from countenance.policy import words
from countenance.policy.context import EXCEPTIONS, SHAPE
from countenance.policy.lifts import FACTS
from countenance.policy.terms import SETS, USE, Below, Like, Literal, OneOf, Opaque, Relation, Same, atoms

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from countenance.policy.terms import Term

OTHER = "other"
"""How an answer calls the words that no rule mentions."""
OTHERS = ("one-other", "another")
"""The same where two attributes are compared with each other: two different words that no rule mentions."""
OPAQUE = ("false", "true", "error")
"""What an expression that is not followed may come to."""
CLOSED: dict[str, tuple[str, ...]] = {
    **{name.replace("-", "_"): known for name, known in words.VOCABULARY.items() if name.replace("-", "_") not in SETS},
    "sector": words.SECTORS,
    "legal_effect": tuple(reversed(words.YES_NO)),
    "country": words.COUNTRIES,
    "seat_country": words.COUNTRIES,
    "consent.basis": words.CONSENTS,
    "probe_basis": ("notice", *(word for word in words.PROBE_BASES if word != "notice")),
    "authority.kind": ("none", *words.AUTHORITY_KINDS),
}
"""Attributes with a vocabulary: another word is denied before Cedar is asked. The ordinary word first."""
_REGIONS = {"region": "country", "seat_region": "seat_country"}
_PREFERRED = ("DE", "FR", "GB", "IN", "BR", "commercial", "individual", "nonprofit")
_COMPARABLE = ({"country", "seat_country"}, {"region", "seat_region"})
"""Attributes that may be compared with each other and are followed; of other pairs nothing is taken for known."""
HOUR = timedelta(hours=1)
"""How finely a time is given to Cedar: cedar.py decides each hour as its first moment."""
_EPOCH = datetime(2000, 1, 1, tzinfo=UTC)
_ORDER = (
    *("on", "action", "purpose", "sector", "party", "country", "region", "seat_country", "seat_region"),
    *USE,
    *SHAPE,
)
"""The order in which attributes are looked at: what most rules read, and what other attributes hang on, first."""
_COUNTRYWIDE = re.compile(r"\A[A-Z]{2}\\-\.\*\Z")
"""`US-*`, as a regular expression."""


@dataclass(frozen=True, slots=True)
class Class:
    """Values that no rule tells apart. value: stands for them. words: those that answers name, or OTHER.

    since, until: of a number or a time, the least value and the first one beyond; None: open.
    """

    value: Literal
    words: tuple[str, ...]
    since: int | datetime | None = None
    until: int | datetime | None = None


@dataclass(frozen=True, slots=True)
class Attribute:
    """One attribute and its classes. name: as in `terms`, or `parties:police` for a word's place in a set."""

    name: str
    classes: tuple[Class, ...]

    def which(self, test: Callable[[Literal], bool]) -> frozenset[int]:
        """The classes whose value passes."""
        return frozenset(at for at, each in enumerate(self.classes) if test(each.value))


@dataclass(frozen=True, slots=True)
class Tie:
    """Facts that go together, because `derive` writes them so. holds: takes their values in this order."""

    names: tuple[str, ...]
    holds: Callable[..., bool]


_AUTHORITY = tuple(name for name in SHAPE if name.startswith("authority.") and name != "authority.kind")
TIES = (
    *(Tie(("authority.kind", name), lambda kind, held: kind != "none" or not held) for name in _AUTHORITY),
    *(
        Tie(("authority.recognised", name), lambda recognised, missing: not (recognised and missing))
        for name in ("authority.region_missing", "authority.locality_missing")
    ),
    Tie(("authority.region_missing", "authority.locality_missing"), lambda one, other: not (one and other)),
    Tie(("authority.region_missing", "region"), lambda missing, region: not missing or region == ""),
    Tie(("authority.locality_missing", "locality"), lambda missing, locality: not missing or locality == ""),
    Tie(("paperwork.two_reviewers", "paperwork.one_reviewer"), lambda two, one: one or not two),
    Tie(
        ("consent.basis", "consent.on_record", "purpose"),
        lambda basis, held, purpose: held == (basis == "on-record" or basis == "demonstration" == purpose),
    ),
    Tie(("verified", "exception"), lambda verified, exception: verified or exception == ""),
)
_TIED = (
    OneOf("authority.kind", frozenset({"none"})),
    OneOf("purpose", frozenset({"demonstration"})),
    *(OneOf("consent.basis", frozenset({basis})) for basis in words.CONSENTS),
)
"""The constants in TIES, by which their attributes are cut; the empty word always is a class of its own."""


def cut(terms: Iterable[Term], edges: Iterable[datetime]) -> tuple[Attribute, ...]:
    """The attributes that these rules, and the ties of their facts, read. edges: further times to cut at."""
    read = {plain(atom) for term in terms for atom in atoms(term)}
    read |= {Below("on", edge, False) for edge in edges}  # noqa: FBT003
    read |= set(_TIED)
    read |= {OneOf(name, frozenset()) for name in _needed(_names(read))}
    members = _members(read)
    party = frozenset(word for _, word in members)
    whole = _Cut(read, party)
    single = [Attribute(name, whole.classes(name)) for name in sorted(_names(read) - set(SETS), key=_place)]
    yes_no = (Class(False, ("no",)), Class(True, ("yes",)))  # noqa: FBT003
    member = [Attribute(f"{name}:{word}", yes_no) for name, word in members]
    opaque = tuple(Class(each, (each,)) for each in OPAQUE)
    unread = [Attribute(f"?{atom.text}", opaque) for atom in read if isinstance(atom, Opaque)]
    return tuple(sorted((*single, *member, *unread), key=_order))


def _order(attribute: Attribute) -> tuple[int, str, str]:
    """All about one party side by side, so that what ties its places in the sets is settled before the next."""
    name, _, word = attribute.name.partition(":")
    return _place(attribute.name), word, name


def _needed(names: set[str]) -> set[str]:
    """Attributes that make no sense, or no ask, without these."""
    found = {"action", "on", "country", *(name for tie in TIES for name in tie.names)}
    return (
        found
        | ({"seat_country"} & {_REGIONS.get(each) for each in names})
        | ({"sector"} if names & set(SETS) else set())
    )


def _names(read: Iterable[Term]) -> set[str]:
    found: set[str] = set()
    for atom in read:
        if isinstance(atom, OneOf | Below | Like):
            found.add(atom.attribute)
        elif isinstance(atom, Same):
            found |= {atom.one, atom.other}
        elif isinstance(atom, Relation):
            found |= {side for side in (atom.left, atom.right) if isinstance(side, str)}
    return found


def _place(name: str) -> int:
    stem = "party" if name.split(":")[0] in SETS else name
    return _ORDER.index(stem) if stem in _ORDER else len(_ORDER)


def _members(read: Iterable[Term]) -> set[tuple[str, str]]:
    """The sets, and of each the sectors whose place in it matters."""
    relations = [atom for atom in read if isinstance(atom, Relation)]
    return {(name, word) for each in relations for name in _names([each]) for word in sides(each) & set(words.SECTORS)}


def sides(relation: Relation) -> frozenset[str]:
    """The words on which a relation hangs: all sectors where an attribute stands on the side that counts."""
    written = [side for side in (relation.left, relation.right) if isinstance(side, frozenset)]
    if relation.how == "any" and written:
        return frozenset.intersection(*written)
    return relation.right if isinstance(relation.right, frozenset) else frozenset(words.SECTORS)


class _Cut:
    """Cuts each attribute by what is read."""

    def __init__(self, read: Iterable[Term], party: frozenset[str]) -> None:
        self._sets: dict[str, list[frozenset[Literal]]] = defaultdict(list)
        self._limits: dict[str, set[int | datetime]] = defaultdict(set)
        self._forms: dict[str, set[str]] = defaultdict(set)
        self._kin: dict[str, set[str]] = defaultdict(set)
        for atom in read:
            self._take(atom)
        self._sets["sector"] += [frozenset({word}) for word in party]
        self._party = party
        self._places()
        for name in tuple(self._kin):
            self._single_out(name)

    def classes(self, name: str) -> tuple[Class, ...]:
        if name == "on" or SHAPE.get(name) is int:
            return self._spans(name)
        if SHAPE.get(name) is bool:
            usual = ordinary(name)
            return tuple(Class(value, ("true" if value else "false",)) for value in (usual, not usual))
        return self._words(name)

    def _take(self, atom: Term) -> None:
        if isinstance(atom, OneOf):
            self._sets[atom.attribute].append(atom.values)
            self._limits[atom.attribute] |= {v for value in atom.values for v in _around(value)}
        elif isinstance(atom, Below):
            self._limits[atom.attribute].add(_first_beyond(atom))
        elif isinstance(atom, Like):
            self._forms[atom.attribute].add(atom.pattern)
        elif isinstance(atom, Same):
            self._kin[atom.one].add(atom.other)
            self._kin[atom.other].add(atom.one)

    def _places(self) -> None:
        """A region, or the form of one, singles out its country."""
        for region, country in _REGIONS.items():
            named = {str(value)[:2] for values in self._sets[region] for value in values if words.is_region(str(value))}
            named |= {pattern[:2] for pattern in self._forms[region]}
            self._sets[country] += [frozenset({word}) for word in named]

    def _single_out(self, name: str) -> None:
        """Attributes that are compared with each other are cut by the same words."""
        family, new = {name}, {name}
        while new:
            new = {other for each in new for other in self._kin[each]} - family
            family |= new
        shared = {value for each in family for values in self._sets[each] for value in values}
        for each in family:
            self._kin[each] = family - {each}
            self._sets[each] += [frozenset({value}) for value in shared]

    def _spans(self, name: str) -> tuple[Class, ...]:
        edges = sorted(self._limits[name])
        bounds = list(zip([None, *edges], [*edges, None], strict=True))
        spans = [Class(_inside(since, until, name), (_span(since, until),), since, until) for since, until in bounds]
        return tuple(reversed(spans) if name == "on" else spans)

    def _words(self, name: str) -> tuple[Class, ...]:
        named = {str(value) for values in self._sets[name] for value in values}
        alike: dict[tuple[object, ...], list[str]] = defaultdict(list)
        for word in self._candidates(name, named):
            alike[self._signature(name, word)].append(word)
        found = [each for group in alike.values() for each in self._of(name, group, named)]
        return tuple(sorted(found, key=lambda each: name == "sector" and each.value in self._party))

    def _signature(self, name: str, word: str) -> tuple[object, ...]:
        return (
            *(word in values for values in self._sets[name]),
            *(re.fullmatch(form, word, re.DOTALL) is not None for form in sorted(self._forms[name])),
            word == "",
            *((word[:2],) if name in _REGIONS else ()),
        )

    def _of(self, name: str, group: list[str], named: set[str]) -> list[Class]:
        """The class of words that look alike; several where attributes are compared, so that they may differ."""
        forms = self._signature(name, group[0])[len(self._sets[name]) : -1]
        listed = name in CLOSED and name not in ("country", "seat_country")
        if listed or named & set(group) or group == [""] or (name in CLOSED and any(forms)):
            return [Class(w, (w,)) for w in group] if self._kin[name] else [Class(group[0], tuple(group))]
        prefix = f"{group[0][:2]}-" if name in _REGIONS else ""
        called = OTHERS if self._kin[name] else (OTHER,)
        return [Class(word, (prefix + each,)) for word, each in zip(group, called, strict=False)]

    def _candidates(self, name: str, named: set[str]) -> list[str]:
        if name in CLOSED:
            known = CLOSED[name]
            return [
                *(word for word in _PREFERRED if word in known),
                *(word for word in known if word not in _PREFERRED),
            ]
        if name in _REGIONS:
            countries = [str(each.value) for each in self._words(_REGIONS[name])]
            invented = [f"{country}-{suffix}" for country in countries for suffix in ("Z9Z", "Z8Z")]
            return ["", *sorted(filter(words.is_region, named)), *(each for each in invented if each not in named)]
        invented = [*EXCEPTIONS.values()] if name == "exception" else ["Elsewhere", "Nowhere", "Anywhere"]
        if name == "locality":
            named = set(filter(words.is_locality, named))
        return ["", *sorted(named - {""}), *(each for each in invented if each not in named)]


def ordinary(name: str) -> bool:
    """What a fact is in an ordinary ask: in order; but there is no national law grounded in human rights."""
    return name in FACTS and FACTS[name].good and not name.startswith("laws.")


def plain(atom: Term) -> Term:
    """`atom`, or an Opaque of it where the classes of its attributes could not tell when it holds."""
    if isinstance(atom, Like) and not _tells(atom):
        return Opaque(repr(atom))
    if isinstance(atom, Same) and {atom.one, atom.other} not in _COMPARABLE:
        return Opaque(repr(atom))
    return atom


def _tells(like: Like) -> bool:
    """Of vocabularies every word is looked at, of regions only the country's part."""
    return like.attribute in CLOSED or (like.attribute in _REGIONS and _COUNTRYWIDE.match(like.pattern) is not None)


def _around(value: Literal) -> tuple[int | datetime, ...]:
    if isinstance(value, datetime):
        return (value, value + HOUR) if value == whole_hour(value) else ()
    return (value, value + 1) if isinstance(value, int) and not isinstance(value, bool) else ()


def _first_beyond(atom: Below) -> int | datetime:
    """The least value that is not below the limit; of times, in whole hours."""
    limit = atom.limit
    if isinstance(limit, datetime):
        begun = whole_hour(limit)
        return begun + HOUR if atom.equal or begun < limit else begun
    return limit + 1 if atom.equal else limit


def whole_hour(moment: datetime) -> datetime:
    """The first moment of its hour."""
    return moment.replace(minute=0, second=0, microsecond=0)


def _inside(since: int | datetime | None, until: int | datetime | None, name: str) -> Literal:
    if since is not None:
        return since
    if isinstance(until, datetime):
        return until - timedelta(days=1)
    return _EPOCH if name == "on" else 0 if until is None or until > 0 else until - 1


def _span(since: int | datetime | None, until: int | datetime | None) -> str:
    return f"{_bound(since)}..{_bound(until)}"


def _bound(value: int | datetime | None) -> str:
    if isinstance(value, datetime):
        return value.strftime("%Y-%m-%dT%H:%M:%SZ").removesuffix("T00:00:00Z")
    return "" if value is None else str(value)
