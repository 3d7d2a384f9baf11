"""An opening as clauses and as one plain sentence: "by or for police, with a seat or a use in the United States,
from 2021-06-10 on".

A box of classes comes in, words go out. Boxes that differ only in the party, or in seat against use, become one
clause. Nothing is decided here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from countenance.policy.classes import OTHER, OTHERS
from countenance.policy.context import SHAPE
from countenance.policy.lifts import FACTS
from countenance.policy.opening import Clause
from countenance.policy.terms import SETS
from countenance.policy.words import EEA

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from countenance.policy.classes import Attribute, Class

T = TypeVar("T")
Words = dict[tuple[str, str], tuple[str, ...]]
"""(attribute, which of several clauses of it) to its values; two clauses of one attribute must both hold."""
_PARTY = {"parties": "by-or-for", "acts_for": "acts-for", "requested_by": "requested-by"}
_NAMES = {"US": "the United States", "GB": "the United Kingdom"}
_ELSEWHERE = {OTHER: "any other place", OTHERS[0]: "some other place", OTHERS[1]: "yet another place"}
_WHO = {
    "by-or-for": "by or for {}",
    "not-by-or-for": "neither by nor for {}",
    "acts-for": "acting for {}",
    "not-acts-for": "not acting for {}",
    "requested-by": "asked by {}",
    "not-requested-by": "not asked by {}",
    "sector": "by {}",
}
_WHERE = {
    "country": "used in {}",
    "region": "used in {}",
    "locality": "used in {}",
    "seat-country": "with a seat in {}",
    "seat-region": "with a seat in {}",
    "seat-or-use-country": "with a seat or a use in {}",
    "seat-or-use-region": "with a seat or a use in {}",
    "no-seat-or-use-country": "with neither seat nor use in {}",
    "no-seat-or-use-region": "with neither seat nor use in {}",
}
_WHAT = {"action": "to {}", "purpose": "for {}"}
_ORDER = (*_WHO, *_WHERE, *_WHAT, "mode", "place", "camera", "probe", "capture", "minors", "legal-effect", "on")
_BAD = {
    "activity.tripped": "the meter against mass surveillance has tripped",
    "activity.one_to_many": "the key compares one person with many in turn",
    "activity.crowd": "the key searches a crowd",
    "activity.nobody": "the key searches for weeks and finds hardly anybody",
    "activity.following": "the key follows one person",
    "activity.camera": "the key searches at the beat of a camera",
    "activity.places": "the key looks for one person in place after place",
    "activity.trawling": "the key compares one person with one after the other",
}
"""Facts whose bad side is said by itself."""
_LAW = "laws.national."


def clauses(attributes: Sequence[Attribute], box: Mapping[int, frozenset[int]]) -> Words:
    """The words of a box."""
    found: Words = {}
    for level, classes in sorted(box.items()):
        attribute = attributes[level]
        stem, _, word = attribute.name.partition(":")
        if stem in SETS:
            held = attribute.classes[min(classes)].value is True
            name = _PARTY[stem] if held else f"not-{_PARTY[stem]}"
            which = word if held else ""
            found[name, which] = (*found.get((name, which), ()), word)
        else:
            found[_flag(attribute.name), ""] = _values([attribute.classes[at] for at in sorted(classes)])
    return _elsewhere(found, named(attributes))


def _elsewhere(found: Words, names: Mapping[str, tuple[str, ...]]) -> Words:
    """A seat that is not there and a use that is not: neither."""
    for stem in ("country", "region"):
        pair = [(each, "") for each in (stem, f"seat-{stem}")]
        missing = [tuple(w for w in names.get(key[0], ()) if w not in found.get(key, (w,))) for key in pair]
        if all(key in found for key in pair) and missing[0] == missing[1] != ():
            rest = {key: values for key, values in found.items() if key not in pair}
            return {**rest, (f"no-seat-or-use-{stem}", ""): missing[0]} if _others(found, pair) else found
    return found


def _others(found: Words, keys: Sequence[tuple[str, str]]) -> bool:
    """Whether each of these clauses holds for every word that is not named."""
    return all({OTHER} <= set(found[key]) or set(OTHERS) <= set(found[key]) for key in keys)


def merged(boxes: Iterable[tuple[Words, list[T]]]) -> list[tuple[Words, list[T]]]:
    """The same asks in fewer boxes: parties and places that are alternatives become one clause.

    What comes with a box stays with it; of two that become one, what came with both.
    """
    left = list(boxes)
    while (pair := _pair([words for words, _ in left])) is not None:
        one, other, whole = pair
        left[one] = (whole, left[one][1] + left[other][1])
        del left[other]
    return left


def spoken(words: Words, feasible: Mapping[str, tuple[str, ...]]) -> tuple[Clause, ...]:
    """The clauses, each with its phrase, in the order of a sentence. feasible: the values there are, by attribute."""
    ordered = sorted(words, key=lambda key: (_ORDER.index(key[0]) if key[0] in _ORDER else len(_ORDER), key))
    return tuple(Clause(key[0], words[key], _phrase(key[0], words[key], feasible.get(key[0], ()))) for key in ordered)


def sentence(found: Sequence[Clause]) -> str:
    """One sentence without its full stop; "every ask" where nothing narrows it."""
    return ", ".join(each.says for each in found) if found else "every ask"


def named(attributes: Sequence[Attribute]) -> dict[str, tuple[str, ...]]:
    """The words that were named of each attribute that has a class of OTHER words."""
    found: dict[str, tuple[str, ...]] = {}
    for each in attributes:
        words = [word for part in each.classes for word in part.words]
        if any(map(_is_other, words)):
            found[_flag(each.name)] = tuple(word for word in words if not _is_other(word))
    return found


def _is_other(word: str) -> bool:
    """`other` and its kin, and `US-other` of regions."""
    return word in (OTHER, *OTHERS) or word[2:].removeprefix("-") in (OTHER, *OTHERS)


def _flag(name: str) -> str:
    return name if name in SHAPE or name.startswith("?") else name.replace("_", "-")


def _values(classes: Sequence[Class]) -> tuple[str, ...]:
    """The words of some classes; spans that touch become one."""
    if all(each.since is None and each.until is None for each in classes):
        return tuple(word for each in classes for word in each.words)
    runs: list[tuple[str, str]] = []
    for each in sorted(classes, key=lambda span: (span.since is not None, span.since)):
        since, until = each.words[0].split("..")
        if runs and runs[-1][1] == since:
            runs[-1] = (runs[-1][0], until)
        else:
            runs.append((since, until))
    return tuple("..".join(run) for run in runs)


def _pair(boxes: Sequence[Words]) -> tuple[int, int, Words] | None:
    """Two boxes that are one when said with other clauses, by their places, and that one."""
    for at, one in enumerate(boxes):
        for place, other in enumerate(boxes[at + 1 :], at + 1):
            whole = _joined_parties(one, other) or _joined_places(one, other) or _joined_values(one, other)
            if whole is not None:
                return at, place, whole
    return None


def _joined_parties(one: Words, other: Words) -> Words | None:
    """By or for police; by or for a sheriff."""
    (first, rest), (second, others) = [_split(each, "by-or-for") for each in (one, other)]
    if rest != others or len(first) != 1 or len(second) != 1:
        return None
    both = tuple(dict.fromkeys((*first[0], *second[0])))
    return {**rest, ("by-or-for", "+".join(both)): both}


def _joined_places(one: Words, other: Words) -> Words | None:
    """A seat there; a use there."""
    for stem in ("country", "region"):
        for use, seat in ((one, other), (other, one)):
            (here, rest), (there, others) = _split(use, stem), _split(seat, f"seat-{stem}")
            if rest == others and here == there and len(here) == 1 and not any(map(_is_other, here[0])):
                return {**rest, (f"seat-or-use-{stem}", ""): here[0]}
    return None


def _joined_values(one: Words, other: Words) -> Words | None:
    """The same but for the values of one attribute."""
    odd = [key for key in one if one[key] != other.get(key)]
    if one.keys() != other.keys() or len(odd) != 1 or odd[0][0].startswith("not-") or odd[0][0] == "on":
        return None
    if odd[0][0].startswith("seat-or-use"):
        return None
    return {**one, odd[0]: tuple(dict.fromkeys((*one[odd[0]], *other[odd[0]])))}


def _split(words: Words, attribute: str) -> tuple[list[tuple[str, ...]], Words]:
    """The values of each clause of `attribute`, and the other clauses."""
    mine = [values for key, values in words.items() if key[0] == attribute]
    return mine, {key: values for key, values in words.items() if key[0] != attribute}


def _phrase(attribute: str, values: tuple[str, ...], feasible: tuple[str, ...]) -> str:
    if attribute == "sector":
        return f"by {_but(values, feasible, 'everybody')}"
    if attribute in _WHO:
        return _WHO[attribute].format(_or(values))
    if attribute in _WHERE:
        return _where(attribute, values, feasible)
    if attribute in _WHAT:
        return _WHAT[attribute].format(_but(values, feasible, f"every {attribute}"))
    if attribute == "on":
        end = feasible[-1].split("..")[1] if feasible else ""
        return _or([_when(each, end) for each in values])
    return _fact(attribute, values)


def _where(attribute: str, values: tuple[str, ...], feasible: tuple[str, ...]) -> str:
    named = [each for each in feasible if each not in values and each]
    if OTHER in values and named and not any(map(_is_other, named)):
        return _WHERE[attribute].format(f"a place that is not {_or([_place(each) for each in named])}")
    if set(values) >= EEA:
        values = ("the European Economic Area", *(each for each in values if each not in EEA))
    return _WHERE[attribute].format(_or([_place(each) for each in values]))


def _place(word: str) -> str:
    if word == "":
        return "a place that is not named"
    if word in _ELSEWHERE:
        return _ELSEWHERE[word]
    if _is_other(word):
        return f"another region of {_place(word.split('-')[0])}"
    return _NAMES.get(word, word)


def _but(values: tuple[str, ...], feasible: tuple[str, ...], every: str) -> str:
    """The words, or all but a few of those there are, whichever is shorter to say."""
    missing = [each for each in feasible if each not in values]
    if missing and len(missing) * 2 < len(values) and set(values) <= set(feasible):
        return f"{every} but {_and(missing)}"
    return _or(values) if missing or not feasible else every


def _when(span: str, end: str) -> str:
    """end: the time up to which anything is allowed at all, which goes without saying."""
    since, until = span.split("..")
    if since and until not in ("", end):
        return f"from {since} until before {until}"
    return f"from {since} on" if since else f"before {until}"


def _fact(attribute: str, values: tuple[str, ...]) -> str:
    if attribute.startswith("?"):
        return f"where an expression that is not followed is {_or(values)}: {attribute[1:]}"
    if SHAPE.get(attribute) is int:
        spans = [each.split("..") for each in values]
        return f"where {attribute} is {_or([_number(since, until) for since, until in spans])}"
    if attribute == "exception":
        named = [each for each in values if each]
        ways = [f"the exception for {_or(named)} applies"] if named else []
        return f"where {_or(['no exception by name applies'] * (len(named) < len(values)) + ways)}"
    if attribute not in FACTS:
        return f"{attribute.replace('_', '-')}: {_or([each or 'nothing' for each in values])}"
    good = "true" if FACTS[attribute].good else "false"
    says = f"{FACTS[attribute].of} {FACTS[attribute].says}".strip()
    if attribute.startswith(_LAW):
        country = attribute.removeprefix(_LAW).split(".")[0]
        law = f"national law of {_NAMES.get(country, 'the country of use')} grounded in human rights is in force"
        return f"while a {law}" if values == (good,) else f"as long as no {law}"
    if values == (good,):
        return f"where {says}"
    return f"where {_BAD[attribute]}" if attribute in _BAD else f"though it is not so that {says}"


def _number(since: str, until: str) -> str:
    last = str(int(until) - 1) if until else ""
    if since == last:
        return since
    return f"from {since} to {last}" if since and last else f"at least {since}" if since else f"at most {last}"


def _or(words: Sequence[str]) -> str:
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} or {words[-1]}"


def _and(words: Sequence[str]) -> str:
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"
