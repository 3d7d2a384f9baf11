"""The gate: admission, administrative acts, and leaves that come of no ask."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import select

from countenance.domain.decision import NO_ASK, Act, Verdict
from countenance.domain.errors import Conflict, InternalError, LogUnavailable, NotFound, Refused
from countenance.service import gate as at
from countenance.service.gate import Done, Private
from countenance.storage.tables import outbox, server
from tests.policy.asks import law
from tests.service.test_gate import ABOUT, LIST, asked, closed, facts_of, raising
from tests.service.world import ruled

if TYPE_CHECKING:
    from tests.service.world import World


# -- admission ---


def test_each_ask_of_an_application_has_a_leaf_and_a_refused_one_what_lifts_it(world: World) -> None:
    who = world.customer()
    facts = facts_of(world, who, asked(who), "on-record")
    asks = (
        asked(who, "provision"),
        asked(who, "provision", purpose="mass-surveillance", minors="yes"),
        asked(who, "provision", sector="police", country="US"),
    )
    found = world.house.gate.admit(asks, facts, ABOUT)
    assert [each.result for each in found] == [True, False, False]
    assert [each.index for each in found] == [found[0].index + nth for nth in range(3)]
    assert [closed(world.proven(each.receipt))["outcome"] for each in found] == ["allowed", "refused", "refused"]
    assert [each.decision.ask for each in found] == [*asks]
    assert found[2].decision.verdict.lifted_when


def test_an_application_is_decided_under_the_laws_on_record_and_no_others(world: World) -> None:
    who = world.customer()
    facts = facts_of(world, who, asked(who), "on-record")
    police = (asked(who, "provision", sector="police", country="US", region="US-OR"),)
    (stated,) = world.house.gate.admit(police, replace(facts, laws=(law(),)), ABOUT)
    assert [reason.id for reason in stated.decision.verdict.reasons] == ["microsoft-2020.us-police"]
    ruled(world.house, laws=(law(),))
    (recorded,) = world.house.gate.admit(police, facts, ABOUT)
    assert "microsoft-2020.us-police" not in [reason.id for reason in recorded.decision.verdict.reasons]


# -- administration ---


def test_an_act_that_only_reads_has_its_leaf(world: World) -> None:
    settled: list[int] = []
    done = Done("all", "listed", settled=lambda: settled.append(1))
    answered = world.house.gate.administer(LIST, ABOUT, lambda: done)
    assert (answered.result, answered.decision.act, answered.decision.ask) == ("all", LIST, NO_ASK)
    assert answered.decision.on == world.moment
    found = world.proven(answered.receipt)
    assert answered.index == found.index
    opened = found.leaf.open
    assert {name: opened[name] for name in ("kind", "act", "by", "roles", "verdict", "outside-policy", "policy")} == {
        "kind": "administration", "act": "grant-list", "by": "provider", "roles": ["auditor", "operator"],
        "verdict": "allow", "outside-policy": "", "policy": world.house.roles.digest,
    }  # fmt: skip
    assert opened["reasons"] == ["roles.provider-operator", "roles.provider-auditor"]
    assert closed(found)["outcome"] == "listed"
    assert closed(found)["account"] == "acc_f"
    assert settled == [1]


def test_what_an_act_found_it_was_about_is_in_its_leaf_and_who_acted_stays(world: World) -> None:
    about = Private("cus_other", matter="app_other", account="acc_another")
    answered = world.house.gate.administer(LIST, ABOUT, lambda: Done(1, "listed", about=about))
    found = closed(world.proven(answered.receipt))
    assert (found["customer"], found["matter"], found["account"]) == ("cus_other", "app_other", "acc_f")


def test_what_an_act_changes_and_the_debt_of_its_leaf_are_one_transaction(world: World) -> None:
    seen: list[int] = []

    def effect(connection: Any) -> None:
        connection.execute(server.insert(), {"name": "of-an-act", "value": b"1"})
        seen.append(world.house.log.size)

    size = world.house.log.size
    answered = world.house.gate.administer(LIST, ABOUT, lambda: Done("it", "ended", effect=effect))
    assert seen == [size]
    assert answered.index == size
    found = world.proven(answered.receipt)
    assert (closed(found)["outcome"], closed(found)["matter"]) == ("ended", "app_g")
    assert found.leaf.open["act"] == "grant-list"
    with world.house.database.read() as connection:
        assert connection.execute(select(outbox)).all() == []


def test_an_effect_that_fails_leaves_neither_change_nor_debt(world: World) -> None:
    with pytest.raises(Conflict) as ended:
        world.house.gate.administer(LIST, ABOUT, lambda: Done(1, "ended", effect=raising(Conflict("ended before"))))
    found = world.proven(ended.value.receipt)
    assert found.leaf.open["outside-policy"] == "conflict"
    assert closed(found)["outcome"] == "none"
    with world.house.database.read() as connection:
        assert connection.execute(select(outbox)).all() == []


def test_an_act_that_no_role_permits_is_refused_before_its_work(world: World) -> None:
    act = replace(LIST, roles=frozenset({"reviewer"}))
    with pytest.raises(Refused) as refused:
        world.house.gate.administer(act, ABOUT, raising(AssertionError()))
    assert refused.value.message == "refused: no role of this account permits grant-list here"
    assert refused.value.next_step.startswith("Ask somebody whose account has the role")
    assert refused.value.decision.act == act
    found = world.proven(refused.value.receipt)
    assert (found.leaf.open["verdict"], found.leaf.open["reasons"], closed(found)["outcome"]) == ("deny", [], "refused")


def test_a_rule_that_forbids_an_act_is_said(world: World) -> None:
    act = Act("account-register", "provider", frozenset({"operator"}), own=True, gives=frozenset({"approver"}))
    with pytest.raises(Refused) as refused:
        world.house.gate.administer(act, ABOUT, raising(AssertionError()))
    assert "Nobody gives a role" in refused.value.message


def test_an_act_that_comes_to_nothing_names_nothing_that_it_found(world: World) -> None:
    inner = NotFound("there is no such grant")
    with pytest.raises(NotFound) as missing:
        world.house.gate.administer(LIST, Private(account="acc_f"), raising(inner))
    found = world.proven(missing.value.receipt)
    assert found.leaf.open["outside-policy"] == "not-found"
    assert closed(found) == {
        "customer": "", "grant": "", "key": "", "collection": "", "subject": "", "account": "acc_f", "matter": "",
        "outcome": "none",
    }  # fmt: skip


def test_an_error_that_has_a_receipt_of_its_own_keeps_it(world: World) -> None:
    error = Conflict("refused before")
    error.receipt = "the first"
    with pytest.raises(Conflict) as ended:
        world.house.gate.administer(LIST, ABOUT, raising(error))
    assert ended.value.receipt == "the first"


def test_a_defect_of_an_act_is_told_as_one(world: World) -> None:
    defect = ZeroDivisionError()
    with pytest.raises(InternalError) as broken:
        world.house.gate.administer(LIST, ABOUT, raising(defect))
    assert broken.value.__cause__ is defect
    cause = KeyError("inside")
    error = NotFound("missing")
    error.__cause__ = cause
    with pytest.raises(NotFound) as missing:
        world.house.gate.administer(LIST, ABOUT, raising(error))
    assert missing.value.__cause__ is cause


def test_an_act_without_a_log_is_told_so_and_writes_no_leaf(world: World) -> None:
    size = world.house.log.size
    with pytest.raises(LogUnavailable):
        world.house.gate.administer(LIST, ABOUT, raising(LogUnavailable("gone")))
    assert world.house.log.size == size


def test_a_leaf_that_is_no_decision_carries_the_rules_of_the_packs(world: World) -> None:
    index, receipt = world.house.gate.note("start", {}, ABOUT, "started")
    found = world.proven(receipt)
    assert (found.index, found.leaf.open["kind"], found.leaf.open["v"]) == (index, "start", 1)
    assert found.leaf.open["policy"] == world.house.policies.digest
    assert found.leaf.open["time"] == "2026-11-22T10:00:00Z"
    assert closed(found)["outcome"] == "started"


def test_the_words_of_a_deed_by_a_machine_have_neither_roles_nor_reasons() -> None:
    assert at.deed_words("account-end", "machine") == {
        "act": "account-end", "by": "machine", "roles": [], "verdict": "allow", "reasons": [], "outside-policy": "",
    }  # fmt: skip


# -- what to do about a refusal ---

LAND = "washington-rcw-43.386.region-missing"


def verdict(*rules: str) -> Verdict:
    from countenance.domain.decision import Reason

    return Verdict("deny", (), tuple(Reason(rule, "No.", "https://example.org", "T") for rule in rules))


@pytest.mark.parametrize(
    ("rules", "step"),
    [
        (("core.made-up", "core.meter"), at.NEXT_STEPS["core.meter"]),
        (("core.grant-mode",), at.APPLY),
        (("washington-rcw-43.386.notice", "core.minors"), "`countenance policy show washington-rcw-43.386`"),
        ((), "`countenance policy show core`"),
        ((LAND,), at.PLACE),
        ((LAND, "illinois-bipa.region-missing"), at.PLACE),
        ((LAND, "core.grant-mode"), f"{at.APPLY} {at.PLACE_TOO}"),
        ((LAND, "microsoft-2020.us-police"), "`countenance policy show microsoft-2020`. The region of use and seat is"),
        (("core.made-up", "illinois-bipa.region-missing"), at.PLACE_TOO),
        (("illinois-bipa.region-missing", "core.meter"), f"{at.NEXT_STEPS['core.meter']} {at.PLACE_TOO}"),
    ],
)
def test_the_next_step_is_the_first_that_helps_or_the_rule_itself(rules: tuple[str, ...], step: str) -> None:
    assert step in at.next_step(verdict(*rules))


@pytest.mark.parametrize(
    "rule",
    ["no-consent", "unverified-identify", "meter", "grant-purpose", "grant-mode", "grant-place", "grant-ended",
     "grant-unapproved"],
)  # fmt: skip
def test_a_rule_of_core_that_somebody_can_do_something_about_says_what(rule: str) -> None:
    assert "policy show" not in at.next_step(verdict(f"core.{rule}"))
