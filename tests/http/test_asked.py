"""`GET` and `POST /v1/decide`: what this server would say, by the packs and laws that are in force here."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Any

import pytest

from tests.policy.asks import law
from tests.policy.test_lifts import own_pack, rule
from tests.service.world import ruled

if TYPE_CHECKING:
    from tests.http.conftest import Doors

ASK = {"action": "identify", "sector": "police", "country": "DE", "purpose": "access-control"}
PARTS = ["decision", "on", "packs", "reasons", "lifted_when", "duties", "assumed", "errors"]


def both(doors: Doors, **changed: Any) -> dict[str, Any]:
    """The one answer of both doors."""
    said = {**ASK, **changed}
    got = doors.client.get("/v1/decide", params=said)
    posted = doors.client.post("/v1/decide", json=said)
    assert (got.status_code, got.json()) == (posted.status_code, posted.json())
    found: dict[str, Any] = got.json()
    return found


def test_the_answer_has_every_part_in_its_order(doors: Doors) -> None:
    found = both(doors)
    assert list(found) == PARTS
    assert found["decision"] == "allow"
    assert {"mode=one-off", "place=private", "laws=registry", "grant=covers"} <= set(found["assumed"])
    assert found["on"] == "2026-11-22T10:30:00Z"
    assert both(doors, on="2020-06-12")["on"] == "2020-06-12"


def test_the_packs_in_force_here_decide_unless_others_are_named(doors: Doors) -> None:
    ruled(doors.world.house, policies=own_pack(rule("police", 'principal.sector == "police"')))
    found = both(doors)
    assert [pack["name"] for pack in found["packs"]] == ["core", "own"]
    assert [reason["id"] for reason in found["reasons"]] == ["own.police"]
    assert both(doors, pack="microsoft-2020")["decision"] == "allow"


def test_the_laws_on_record_here_count(doors: Doors) -> None:
    ask = {"country": "US", "pack": "microsoft-2020"}
    found = both(doors, **ask)
    assert found["lifted_when"][0]["all"] == [{"fact": "laws.national.US.grounded_in_human_rights", "is": True}]
    ruled(doors.world.house, laws=(law(start=date(2026, 1, 1)),))
    assert both(doors, **ask)["decision"] == "allow"
    assert both(doors, **ask, on="2025-12-31")["decision"] == "deny"


def test_an_unknown_word_is_a_deny_that_names_it(doors: Doors) -> None:
    found = both(doors, sector="polic")
    assert (found["decision"], found["reasons"], found["lifted_when"]) == ("deny", [], [])
    assert found["errors"][0].startswith("sector: 'polic'")
    assert both(doors, consent="napkin")["errors"][0].startswith("consent: 'napkin'")


@pytest.mark.parametrize(
    "changed",
    [
        {"on": "2020-02-30"}, {"on": "yesterday"}, {"pack": "nonsense"}, {"law": "x.toml"}, {"authority": "x.toml"},
        {"paperwork": "x.toml"}, {"colour": "red"}, {"action": ""},
    ],
)  # fmt: skip
def test_what_cannot_be_read_is_bad_input(doors: Doors, changed: dict[str, str]) -> None:
    said = {**ASK, **changed}
    for answer in (doors.client.get("/v1/decide", params=said), doors.client.post("/v1/decide", json=said)):
        assert answer.status_code == 400
        assert answer.json()["code"] in ("bad-input", "unknown-word")


def test_a_word_twice_is_bad_input_and_a_set_is_not(doors: Doors) -> None:
    twice = [*ASK.items(), ("mode", "post"), ("mode", "one-off")]
    assert doors.client.get("/v1/decide", params=twice).status_code == 400
    several = [*ASK.items(), ("acts-for", "military"), ("acts-for", "sheriff"), ("country", "US")][1:]
    assert doors.client.get("/v1/decide", params=several).status_code == 400  # no action
    found = both(doors, **{"acts-for": ["military", "sheriff"], "country": "US", "region": "US-OR"})
    assert [reason["id"] for reason in found["reasons"]] == ["microsoft-2020.us-police"]
