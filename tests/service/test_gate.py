"""The gate, piece by piece: what its leaves say, open and closed, in which order things last, and how it ends."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import select

from countenance.domain.decision import Act, Activity, Ask
from countenance.domain.errors import InternalError, LogUnavailable, NoFace, NotFound, Refused
from countenance.policy import cedar
from countenance.service import gate as at
from countenance.service.gate import Done, Permit, Private
from countenance.service.onfile import NOTHING
from countenance.storage.tables import server
from tests.policy.asks import law
from tests.service.world import ruled

if TYPE_CHECKING:
    from datetime import datetime

    from countenance.domain.decision import Facts
    from countenance.ledger.proof import VerifiedReceipt
    from countenance.service.auth import Principal
    from tests.service.world import World

ABOUT = Private("cus_a", "gra_b", "key_c", "col_d", "sub_e", "acc_f", "app_g")
LIST = Act("grant-list", "provider", frozenset({"operator", "auditor"}))


def asked(who: Principal, action: str = "detect", **changed: Any) -> Ask:
    return replace(who.customer.ask(action, purpose="access-control", mode="one-off", place="private"), **changed)


def closed(found: VerifiedReceipt) -> dict[str, str]:
    assert found.closed is not None
    return {name: word for name, word in found.closed.items() if name not in ("time", "request")}


def raising(error: Exception) -> Any:
    def work(*_: object) -> Any:
        raise error

    return work


def facts_of(world: World, who: Principal, ask: Ask, consent: str, then: datetime | None = None) -> Facts:
    """What the rules read of a customer that filed no papers."""
    return world.house.gate.facts(world.house.in_force.held, who, ask, consent, NOTHING, then)


# -- an ask ---


def test_an_allowed_ask_has_its_leaf_open_and_closed(world: World) -> None:
    who = world.customer()
    size = world.house.log.size
    answered = world.house.gate.run(who, asked(who), lambda _: Done("result", "seen"), about=ABOUT)
    assert (answered.result, answered.index, world.house.log.size) == ("result", size, size + 1)
    assert (answered.decision.ask, answered.decision.on, answered.decision.act) == (asked(who), world.moment, None)
    assert answered.decision.rests_on == tuple(who.customer.rests_on(world.moment).items()) != ()
    found = world.proven(answered.receipt)
    assert found.index == size
    opened = found.leaf.open
    assert {name: opened[name] for name in ("v", "kind", "time", "verdict", "reasons", "outside-policy")} == {
        "v": 1, "kind": "decision", "time": "2026-11-22T10:00:00Z", "verdict": "allow",
        "reasons": ["core.known-purpose"], "outside-policy": "",
    }  # fmt: skip
    assert {name: opened[name] for name in world.house.in_force.held.digests} == world.house.in_force.held.digests
    assert opened["context"] == dict(answered.decision.verdict.context)
    assert closed(found) == {
        "customer": "cus_a", "grant": "gra_b", "key": "key_c", "collection": "col_d", "subject": "sub_e",
        "account": "acc_f", "matter": "app_g", "outcome": "seen",
    }  # fmt: skip
    assert found.closed is not None
    assert found.closed["time"] == "2026-11-22T10:30:00Z"
    assert found.closed["request"].startswith("req_")


def test_the_work_may_name_the_subject_that_it_found(world: World) -> None:
    who = world.customer()
    named = world.house.gate.run(who, asked(who), lambda _: Done(1, "seen", subject="sub_found"), about=ABOUT)
    assert closed(world.proven(named.receipt))["subject"] == "sub_found"


def test_a_refused_ask_reaches_no_work_and_says_what_lifts_it(world: World) -> None:
    who = world.customer()
    with pytest.raises(Refused) as refused:
        world.house.gate.run(who, asked(who, purpose="marketing"), raising(AssertionError()), about=ABOUT)
    error = refused.value
    assert error.message == "refused: The purpose lies outside the grant."
    assert error.decision.verdict.lifted_when[0].all == (("grant.purpose", True),)
    assert error.next_step == at.APPLY
    found = world.proven(error.receipt)
    assert (found.leaf.open["verdict"], found.leaf.open["reasons"]) == ("deny", ["core.grant-purpose"])
    assert closed(found)["outcome"] == "refused"


def test_a_refusal_for_an_unknown_word_says_the_word(world: World) -> None:
    who = world.customer()
    with pytest.raises(Refused) as refused:
        world.house.gate.run(who, asked(who, mode="dancing"), raising(AssertionError()), about=ABOUT)
    assert refused.value.message.startswith("refused: mode: 'dancing' is not")


def test_a_problem_gets_its_leaf_and_is_raised_though_the_ask_is_allowed(world: World) -> None:
    who, problem = world.customer(), NotFound("no such subject")
    with pytest.raises(NotFound) as missing:
        world.house.gate.run(who, asked(who), raising(AssertionError()), about=ABOUT, problem=problem)
    assert missing.value is problem
    found = world.proven(problem.receipt)
    assert (found.leaf.open["verdict"], found.leaf.open["outside-policy"]) == ("allow", "not-found")
    assert closed(found)["outcome"] == "none"


def test_work_that_comes_to_nothing_gets_its_leaf_and_its_cause(world: World) -> None:
    who, cause = world.customer(), ValueError("inside")
    error = NoFace("no face")
    error.__cause__ = cause
    with pytest.raises(NoFace) as ended:
        world.house.gate.run(who, asked(who), raising(error), about=ABOUT)
    assert ended.value.__cause__ is cause
    assert world.proven(ended.value.receipt).leaf.open["outside-policy"] == "no-face"


def test_a_defect_is_told_as_one_and_keeps_its_cause(world: World) -> None:
    who, defect = world.customer(), ZeroDivisionError()
    with pytest.raises(InternalError) as broken:
        world.house.gate.run(who, asked(who), raising(defect), about=ABOUT)
    assert broken.value.__cause__ is defect
    assert world.proven(broken.value.receipt).leaf.open["outside-policy"] == "internal-error"


def test_a_log_that_is_gone_is_told_as_it_is_and_no_leaf_is_tried(world: World) -> None:
    who, size = world.customer(), world.house.log.size
    with pytest.raises(LogUnavailable):
        world.house.gate.run(who, asked(who), raising(LogUnavailable("gone")), about=ABOUT)
    assert world.house.log.size == size


def test_rows_are_written_after_the_leaf_and_memory_after_the_rows(world: World) -> None:
    who, order = world.customer(), list[Any]()
    size = world.house.log.size

    def effect(connection: Any) -> None:
        order.append(("effect", world.house.log.size))
        connection.execute(server.insert(), {"name": "of-a-test", "value": b"1"})

    def keep(_: Any, answered: Any) -> None:
        order.append(("keep", answered.result, answered.index))

    done = Done("it", "enrolled", effect=effect, keep=keep, settled=lambda: order.append(("settled",)))
    world.house.gate.run(who, asked(who), lambda _: done, about=ABOUT)
    assert order == [("effect", size + 1), ("keep", "it", size), ("settled",)]
    with world.house.database.read() as connection:
        assert connection.execute(select(server.c.value).where(server.c.name == "of-a-test")).scalar_one() == b"1"


def test_keeping_belongs_to_an_effect(world: World) -> None:
    who = world.customer()
    world.house.gate.run(who, asked(who), lambda _: Done(1, "seen", keep=raising(AssertionError())), about=ABOUT)
    world.house.gate.run(who, asked(who), lambda _: Done(1, "seen", effect=lambda _: None), about=ABOUT)


def test_decisions_are_counted_once_their_leaf_is_there(world: World) -> None:
    who, gate = world.customer(), world.house.gate
    before = gate.decided.counts()
    gate.run(who, asked(who), lambda _: Done(1, "seen"), about=ABOUT)
    assert gate.decided.counts() == {**before, "allow": before["allow"] + 1}
    with pytest.raises(Refused):
        gate.run(who, asked(who, mode="post"), raising(AssertionError()), about=ABOUT)
    assert gate.decided.counts() == {**before, "allow": before["allow"] + 1, "deny": before.get("deny", 0) + 1}


# -- what the rules read ---


def test_the_facts_are_the_grants_the_customers_and_the_houses(world: World) -> None:
    who = world.customer()
    ruled(world.house, laws=(law(),))
    facts = facts_of(world, who, asked(who), "demonstration")
    assert (facts.on, facts.verified, facts.organisation) == (world.moment, True, "Harbour Gym")
    assert (facts.consent, facts.laws, facts.model) == (
        "demonstration", world.house.laws, world.house.model_facts(world.moment),
    )  # fmt: skip
    assert (facts.grant.purpose, facts.grant.current, facts.grant.approved) == (True, True, True)
    outside = facts_of(world, who, asked(who, purpose="credit"), "none")
    assert (outside.grant.purpose, outside.consent) == (False, "none")


def test_a_name_counts_only_while_it_is_verified_and_another_time_is_another_answer(world: World) -> None:
    who = world.customer(name="Thorn")
    facts = facts_of(world, who, asked(who), "on-record")
    assert (facts.verified, facts.organisation, exception(who, facts)) == (True, "Thorn", "thorn")
    later = world.moment + timedelta(days=400)
    facts = facts_of(world, who, asked(who), "on-record", later)
    assert (facts.on, facts.verified, facts.grant.current, exception(who, facts)) == (later, False, False, "")
    assert facts.model.current is False


def exception(who: Principal, facts: Facts) -> object:
    """What the rules read of a name."""
    return cedar.decide(cedar.load(), asked(who), facts).context["exception"]


def test_the_basis_and_the_release_of_a_call_reach_the_rules(world: World) -> None:
    who = world.customer()
    with pytest.raises(Refused) as refused:
        world.house.gate.run(who, asked(who, "verify"), raising(AssertionError()), about=ABOUT, consent="none")
    assert "core.no-consent" in [reason.id for reason in refused.value.decision.verdict.reasons]
    allowed = world.house.gate.run(who, asked(who, "verify"), lambda _: Done(1, "seen"), about=ABOUT)
    assert allowed.decision.verdict.context["consent.on_record"] is True
    assert allowed.decision.verdict.context["consent.written_release"] is False
    written = world.house.gate.run(who, asked(who), lambda _: Done(1, "seen"), about=ABOUT, written=True)
    assert written.decision.verdict.context["consent.written_release"] is True


# -- the meter in the middle of the work ---


def permit_of(world: World, who: Principal, action: str) -> Permit:
    ask = asked(who, action)
    facts: Facts = facts_of(world, who, ask, "on-record")
    return Permit(world.house.in_force.held, ask, facts, cedar.decide(world.house.policies, ask, facts))


def test_a_quiet_meter_changes_nothing(world: World) -> None:
    permit = permit_of(world, world.customer(), "verify")
    before = (permit.ask, permit.facts, permit.verdict)
    permit.observe(Activity())
    assert (permit.ask, permit.facts, permit.verdict) == before


@pytest.mark.parametrize("seen", [Activity(one_to_many=True), Activity(tripped=True), Activity()])
def test_what_it_was_decided_with_is_not_decided_again(world: World, seen: Activity) -> None:
    permit = permit_of(world, world.customer(), "verify")
    permit.facts = replace(permit.facts, activity=seen)
    before = (permit.ask, permit.facts, permit.verdict)
    permit.observe(seen)
    assert (permit.ask, permit.facts, permit.verdict) == before


@pytest.mark.parametrize(("action", "judged"), [("verify", "identify"), ("detect", "detect"), ("enrol", "enrol")])
def test_one_to_many_is_judged_as_identification_where_it_was_a_verification(
    world: World, action: str, judged: str
) -> None:
    permit = permit_of(world, world.customer(), action)
    permit.observe(Activity(one_to_many=True))
    assert permit.ask.action == judged
    assert permit.facts.activity == Activity(one_to_many=True)
    assert permit.verdict.context["activity.one_to_many"] is True


def test_a_meter_that_trips_ends_the_work_with_a_refusal(world: World) -> None:
    who = world.customer()

    def work(permit: Permit) -> Done[int]:
        permit.observe(Activity(tripped=True))
        raise AssertionError

    with pytest.raises(Refused) as refused:
        world.house.gate.run(who, asked(who, "verify"), work, about=ABOUT)
    error = refused.value
    assert [reason.id for reason in error.decision.verdict.reasons] == ["core.meter"]
    assert error.__cause__ is None
    assert error.__suppress_context__
    found = world.proven(error.receipt)
    assert found.leaf.open["ask"]["action"] == "verify"  # type: ignore[index,call-overload]
    assert found.leaf.open["context"]["activity.tripped"] is True  # type: ignore[index,call-overload]
    assert closed(found)["outcome"] == "refused"
    assert error.next_step == at.NEXT_STEPS["core.meter"]
    assert world.house.locks.standing(who, "verify") == Activity(tripped=True)
