"""Packs and schema: what ships is whole and annotated, and what is not is refused when it is loaded."""

from __future__ import annotations

from dataclasses import fields, replace
from datetime import date
from typing import TYPE_CHECKING, Any

import pytest

from countenance.domain.decision import Ask
from countenance.domain.errors import BadRecord, UnknownWord
from countenance.policy import cedar, entities, packs, wire, words
from countenance.policy.context import SHAPE
from tests.policy.asks import ASK, FACTS, ask, decided

if TYPE_CHECKING:
    from pathlib import Path

SOUND = packs.read("microsoft-2020").text


def broken(old: str, new: str) -> packs.PackFile:
    assert old in SOUND
    return packs.parse(SOUND.replace(old, new).encode(), "microsoft-2020")


LAWS_ON = ("eu-ai-act", "gdpr-9", "illinois-bipa", "microsoft-2020", "washington-rcw-43.386")
DRAFTS = {
    "texas-cubi", "portland-34.10", "virginia-2022", "colorado-24-18", "massachusetts-2020", "maine-2021",
    "vermont-2020", "san-francisco-2019",
}  # fmt: skip


def test_a_fresh_install_has_a_promise_and_four_laws_and_no_draft() -> None:
    assert {"core", "microsoft-2020", "microsoft-2020-strict", "amazon-2020", "ibm-2020"} <= set(packs.shipped())
    of = {name: packs.read(name).header.status for name in packs.shipped()}
    assert [name for name, _ in cedar.load().packs] == ["core", *LAWS_ON] == [n for n in of if of[n] == "on"]
    assert {name for name, status in of.items() if status == "draft"} == DRAFTS
    assert [name for name, _ in cedar.load(["microsoft-2020-strict"]).packs] == ["core", "microsoft-2020-strict"]


def test_every_rule_is_annotated_and_every_source_is_https() -> None:
    whole = cedar.load(packs.shipped())
    assert len({rule.place for rule in whole.rules.values()}) == len(whole.rules)
    for name, rule in whole.rules.items():
        assert name.startswith(tuple(f"{pack}." for pack, _ in whole.packs))
        assert rule.reason.says.endswith(".")
        assert rule.reason.source.startswith("https://")
        assert rule.reason.evidence in packs.EVIDENCE
    assert all(url.startswith("https://") for file in whole.files for url in file.header.sources)


def test_the_digest_of_a_set_names_its_packs_and_not_their_order() -> None:
    one, other = packs.read("core"), packs.read("microsoft-2020")
    assert cedar.assemble([one, other]).digest == cedar.assemble([other, one]).digest
    assert cedar.assemble([one]).digest != cedar.assemble([one, other]).digest
    assert cedar.load(["microsoft-2020"]).digest == cedar.assemble([one, other]).digest


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("context.laws.national.US.grounded_in_human_rights", "context.laws.national.US.grounded"),
        ("resource.country", "resource.land"),
        ('Action::"export"', 'Action::"exprot"'),
        ("context.on >= datetime", "context.on >= "),
        ("forbid (principal, action, resource)", "forbid (principal == ?principal, action, resource)"),
        ('@id("microsoft-2020.us-police")', '@id("core.us-police")'),
        ('@id("microsoft-2020.us-police")', ""),
        ('@source("https://', '@source("http://'),
        ('@evidence("T")', '@evidence("X")'),
        ('@evidence("T")', '@evidence("S")'),
        ('@evidence("T")', '@evidence("T") @duties("applause")'),
        ('@evidence("T")', '@evidence("T") @note("x")'),
        ("governs it.", "governs it"),
        ("// title:", "// heading:"),
        ("// checked_on: 2026-11-22", "// checked_on: 2026-11-31"),
        ("// checked_on: 2026-11-22", "// checked_on: 20261122"),
        ("// stale_after: 2027-11-22", "// stale_after: 2026-11-22"),
        ("// secondary: none", "// secondary: microsoft-2020.us-police"),
        ("// secondary: none\n", ""),
        ("// pack: microsoft-2020", "// pack: microsoft-2021"),
        ("// source: https://", "// source: ftp://"),
    ],
)
def test_a_pack_that_is_not_sound_does_not_load(old: str, new: str) -> None:
    with pytest.raises(BadRecord, match=r"^microsoft-2020"):
        cedar.assemble([packs.read("core"), broken(old, new)])


@pytest.mark.parametrize(
    ("new", "says"),
    [
        ('datetime("2020-06-11T00:30:00Z")', "2020-06-11T00:30:00Z"),
        ('datetime("2020-06-11T00:00:01Z")', "2020-06-11T00:00:01Z"),
        ('datetime("2020-06-11").offset(duration("1m"))', "offset"),
    ],
)
def test_a_rule_cannot_tell_two_moments_of_one_hour_apart(new: str, says: str) -> None:
    """A leaf names the hour alone, and a verdict is kept for it: both are only true where no rule looks closer."""
    with pytest.raises(BadRecord, match=f"whole hours, .* not with {says}"):
        cedar.assemble([packs.read("core"), broken('datetime("2020-06-11")', new)])
    cedar.assemble([broken('datetime("2020-06-11")', 'datetime("2020-06-11T04:00:00Z")')])


def test_an_unknown_pack_is_named_with_the_known_ones() -> None:
    with pytest.raises(UnknownWord, match=r"known are core, .*microsoft-2020, "):
        cedar.load(["amazon"])


def test_an_operators_own_pack_decides(tmp_path: Path) -> None:
    text = SOUND.replace("microsoft-2020", "own").replace('["police", "sheriff"]', '["military"]')
    (tmp_path / "own.cedar").write_text(text, encoding="utf-8")
    own = cedar.load(["own"], extra=tmp_path)
    assert not cedar.decide(own, ask(sector="military", country="US"), FACTS).allowed
    assert cedar.decide(own, ask(sector="police", country="US"), FACTS).allowed


def test_the_schema_has_every_attribute() -> None:
    """A rule that reads every fact and every word of an ask passes strict validation."""
    use = [name for name in Ask.__slots__ if name in entities.attributes(ASK)["Use"]]
    customer = ["sector", "acts_for", "requested_by", "parties", "seat_country", "seat_region"]
    assert {*use, *customer, "action"} == {field.name for field in fields(Ask)} | {"parties"}
    reads = [f"context.{name} == context.{name}" for name in SHAPE] + ['context.on == datetime("2020-06-11")']
    reads += [f"resource.{name} == resource.{name}" for name in use]
    reads += [f"principal.{name} == principal.{name}" for name in customer]
    actions = ", ".join(f'Action::"{each}"' for each in words.ACTIONS)
    rule = f"forbid (principal, action in [{actions}], resource) when {{ {' && '.join(reads)} }};"
    cedar.check(packs.PackFile(packs.read("core").header, rule, ""))


def test_the_words_of_an_ask_round_trip() -> None:
    full = ask(acts_for=frozenset({"police", "military"}), region="DE-BE", locality="Berlin", seat_region="DE-BE")
    for each in (ASK, full):
        assert wire.ask_of(wire.ask_words(each)) == each
    for spoilt in (
        {**wire.ask_words(full), "acts-for": ["police", "military"]},
        {**wire.ask_words(full), "sector": 1},
        {**wire.ask_words(full), "colour": "red"},
        {},
    ):
        with pytest.raises(BadRecord, match=r"^ask"):
            wire.ask_of(spoilt)


@pytest.mark.parametrize("flag", sorted(words.VOCABULARY))
def test_every_known_word_passes_and_an_unknown_one_is_denied_by_name(flag: str) -> None:
    name, many = flag.replace("-", "_"), flag in ("acts-for", "requested-by")
    for word in words.VOCABULARY[flag]:
        assert words.unknown(ask(**{name: frozenset({word}) if many else word})) == ()
    verdict = decided("core", ask(**{name: frozenset({"nonsense"}) if many else "nonsense"}))
    assert (verdict.answer, verdict.allowed, verdict.reasons) == ("deny", False, ())
    assert all("nonsense" in error and words.VOCABULARY[flag][0] in error for error in verdict.errors)


@pytest.mark.parametrize(
    "said",
    [
        {"country": "us"},
        {"country": "UK"},
        {"region": "BE"},
        {"region": "FR-75"},
        {"seat_region": "US-WA"},
        {"locality": "<b>"},
        {"seat_country": "XX"},
    ],
)
def test_a_place_that_is_none_is_denied(said: dict[str, Any]) -> None:
    assert len(decided("core", replace(ASK, **said)).errors) == 1


def test_the_context_is_flat_and_says_nothing_of_dates_or_names() -> None:
    context = decided("core", ASK).context
    assert list(context) == list(SHAPE)
    assert all(type(value) is SHAPE[name] for name, value in context.items())


@pytest.mark.parametrize("spoil", ["missing", "strange", "typed"])
def test_a_context_that_no_decision_made_is_refused(spoil: str) -> None:
    context: dict[str, object] = dict(decided("core", ASK).context)
    if spoil == "missing":
        del context["verified"]
    elif spoil == "strange":
        context["customer"] = "x"
    else:
        context["verified"] = 1
    with pytest.raises(BadRecord, match=r"^context"):
        cedar.redecide(cedar.load(), ASK, FACTS.on, context)


def test_a_pack_is_stale_only_after_its_day() -> None:
    core = packs.read("core")
    assert not core.stale(core.header.stale_after)
    assert core.stale(date.fromordinal(core.header.stale_after.toordinal() + 1))
