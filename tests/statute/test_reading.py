"""Papers read strictly: each good one comes back as it was, each bad field is named, and nothing is guessed."""

from __future__ import annotations

import json
from dataclasses import fields
from typing import Any, get_args

import pytest

from countenance.domain.errors import BadInput, UnknownWord
from countenance.http.papers import Kind
from countenance.ledger.vocabulary import FILINGS, WORDS
from countenance.statute import reading
from countenance.statute.papers import ABOUT, EXIGENCY, PAPERS, PUBLIC, SEALED, AuthorityPaper, ends
from tests.statute.filed import FACTS, NOW, paper

BAD: dict[str, tuple[str, dict[str, Any], str]] = {
    "a day that does not exist": ("notice", {"filed": "2027-02-30"}, "notice.filed"),
    "a day in other digits": ("notice", {"filed": "\u0662\u0660\u0662\u0667-01-01"}, "notice.filed"),
    "a day to come": ("notice", {"filed": "2027-06-02"}, "notice.filed lies in the future"),
    "no text": ("notice", {"authority": " "}, "notice.authority"),
    "a text too long": ("notice", {"authority": "x" * 201}, "notice.authority"),
    "an escape": ("notice", {"authority": "\x1b[2J"}, "notice.authority"),
    "a purpose that nobody knows": ("notice", {"purposes": ["spying"]}, "notice.purposes"),
    "no purpose": ("notice", {"purposes": []}, "notice.purposes"),
    "a purpose twice": ("notice", {"purposes": ["credit", "credit"]}, "names one twice"),
    "a text for a list": ("notice", {"purposes": "credit"}, "notice.purposes"),
    "a section i": ("draft", {"sections": {"i": "More."}}, "draft.sections has no entry i"),
    "a number for a section": ("draft", {"sections": {"a": 1}}, "draft.sections.a"),
    "a truth for a number": ("meeting", {"attended": True}, "meeting.attended"),
    "a negative number": ("meeting", {"attended": -1}, "meeting.attended"),
    "a number for a truth": ("reviewer", {"alters": 1}, "reviewer.alters"),
    "plain http": ("publication", {"posted": "http://agency.example"}, "publication.posted"),
    "a topic that nobody knows": ("training", {"topics": ["marksmanship"]}, "training.topics"),
    "a training for ever": ("training", {"expires": "2028-01-03"}, "training.expires"),
    "a training that had ended": ("training", {"expires": "2027-01-01"}, "training.expires"),
    "an authority to come": ("authority", {"start": "2027-06-01T12:00:01Z"}, "authority.start"),
    "an authority without end": ("authority", {"until": "2027-05-01T08:00:00Z"}, "authority.until"),
    "a moment without its zone": ("authority", {"start": "2027-05-01T08:00:00"}, "authority.start"),
    "exigency with an end of its own": ("authority", {"kind": "exigency", "circumstances": "Fire."}, "authority.until"),
    "an order for another purpose": ("authority", {"kind": "court-order"}, "authority.purpose: a court order"),
    "a kind of authority that nobody knows": ("authority", {"kind": "hunch"}, "hunch is not a known word"),
    "a ruling to come": ("ruling", {"at": "2027-06-01T12:00:01Z"}, "ruling.at"),
    "denied before it was asked for": ("warrant-application", {"ended": "2026-12-31"}, "warrant-application.ended"),
    "a name among demographics": ("warrant-application", {"persons": ["Jane Doe"]}, "warrant-application.persons"),
    "an index that is none": ("disclosure", {"decisions": ["seven"]}, "disclosure.decisions"),
    "a ground that nobody knows": ("exemption", {"ground": "hurry"}, "exemption.ground"),
}  # fmt: skip


@pytest.mark.parametrize("kind", PAPERS)
def test_a_good_paper_comes_back_as_it_was(kind: str) -> None:
    made = paper(kind)
    plain = reading.plain(made)
    assert json.loads(json.dumps(plain)) == plain
    assert reading.read(kind, plain, WORDS, NOW) == made == reading.kept(kind, plain)


@pytest.mark.parametrize("kind", PAPERS)
def test_what_is_sealed_is_not_in_what_is_kept_openly(kind: str) -> None:
    hidden = reading.sealed(kind)
    openly = {name: value for name, value in reading.plain(paper(kind)).items() if name not in hidden}
    kept = reading.kept(kind, openly, hidden)
    assert all(getattr(kept, name) in (SEALED, ()) for name in hidden)


@pytest.mark.parametrize("kind", PAPERS)
def test_a_missing_field_and_one_too_many_are_named(kind: str) -> None:
    needed = [
        name for name in FACTS[kind] if name not in ("accounts", "comments", "remedies", "rates", "person", "persons")
    ]
    for name in needed:
        less = {other: value for other, value in FACTS[kind].items() if other != name}
        if name != "until":
            with pytest.raises(BadInput, match=f"{kind}.{name} is missing"):
                reading.read(kind, less, WORDS, NOW)
    with pytest.raises(BadInput, match="nonsense is no field"):
        reading.read(kind, {**FACTS[kind], "nonsense": 1}, WORDS, NOW)


@pytest.mark.parametrize("case", BAD)
def test_a_bad_field_is_named(case: str) -> None:
    kind, changed, says = BAD[case]
    with pytest.raises((BadInput, UnknownWord)) as refused:
        paper(kind, **changed)
    assert says in refused.value.message


def test_exigency_needs_its_facts_and_ends_by_itself() -> None:
    facts = {name: value for name, value in FACTS["authority"].items() if name != "until"} | {"kind": "exigency"}
    with pytest.raises(BadInput, match="states the facts"):
        reading.read("authority", facts, WORDS, NOW)
    made = reading.read("authority", {**facts, "circumstances": "A child in the river."}, WORDS, NOW)
    assert isinstance(made, AuthorityPaper)
    assert ends(made) == made.start + EXIGENCY


def test_an_unknown_kind_is_refused() -> None:
    with pytest.raises(UnknownWord):
        reading.read("wish", {}, WORDS, NOW)


def test_the_words_are_the_same_everywhere() -> None:
    assert set(PAPERS) == FILINGS == set(get_args(Kind)) == set(FACTS)
    assert set(ABOUT) | set(ABOUT.values()) | PUBLIC <= set(PAPERS)
    assert not any(one.metadata.get("sealed") for kind in PUBLIC for one in fields(PAPERS[kind]))
