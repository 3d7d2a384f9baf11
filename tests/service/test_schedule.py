"""What is coming: each day on which an answer changes, announced 30 days ahead, once, and for whom."""

from __future__ import annotations

import json
import time
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import func, select, update

from countenance.policy import cedar, packs
from countenance.service import auth, schedule
from countenance.service.onfile import NOTHING
from countenance.storage.admission import verifications
from countenance.storage.tables import announcements, grants
from tests.policy.asks import law
from tests.policy.test_lifts import own_pack, rule
from tests.service.world import ruled

if TYPE_CHECKING:
    from tests.service.world import World

END = date(2027, 11, 22)  # of the model's evaluation, of the grants and of the verifications of this world
COMES = date(2026, 12, 24)


def announcing(world: World) -> list[dict[str, Any]]:
    lines: list[Any] = []
    days = schedule.announce(world.house, lines.append)
    assert days == len(lines)
    return lines


FOR_POLICE = 'principal.sector == "police"'
BEGINS = f'context.on >= datetime("2026-12-24") && {FOR_POLICE}'


def turning(world: World, condition: str = BEGINS) -> None:
    """A house in whose policy such a rule is in force, which begins within the month."""
    ruled(world.house, policies=own_pack(rule("comes", condition)))


def police(world: World, **changed: Any) -> Any:
    return world.customer(sector="police", country="DE", name="Harbour Police", **changed)


def leaves(world: World) -> list[dict[str, Any]]:
    """The open parts of all leaves of the schedule, in order."""
    from countenance.ledger import leaf

    log = world.house.log
    found = [leaf.parse(log.prove(index).extra or b"").open for index in range(log.size)]
    return [opened for opened in found if opened["kind"] == "schedule"]


def test_a_rule_that_begins_is_announced_for_those_it_concerns(world: World) -> None:
    police(world)
    gym = world.customer()
    world.later(days=5)
    turning(world)
    (line,) = announcing(world)
    assert (line["event"], line["day"], line["grants"], line["because"]) == ("schedule", "2026-12-24", 1, ["own.comes"])
    assert line["becomes"] == ["deny"]
    assert line["public"] is True
    assert "Harbour" not in json.dumps(line)
    (said,) = schedule.announced(world.house).values()
    assert said == {
        "day": "2026-12-24", "because": ["own.comes"], "becomes": ["deny"], "sectors": ["police"],
        "countries": ["DE"], "purposes": ["access-control"],
    }  # fmt: skip
    found = {each.grant for each in schedule.coming(world.house, COMES, COMES)}
    assert found
    assert gym.grant.id not in found


def test_what_was_announced_is_what_the_gate_then_says(world: World) -> None:
    """Each change, asked again when its day has come: the answer is the one that was announced; the day before, not."""
    police(world)
    turning(world)
    (each,) = schedule.coming(world.house, COMES, COMES)
    assert {change.action for change in each.changes} == set(schedule.ACTIONS)
    (who,) = [who for who in auth.granted(world.house.database, world.moment) if who.grant.id == each.grant]
    for change in each.changes:
        ask = who.customer.ask(change.action, purpose=change.purpose, mode=change.mode, place=change.place)
        for day, answer in ((COMES - timedelta(days=1), change.was), (COMES, change.becomes)):
            world.moment = datetime.combine(day, world.moment.timetz())
            said = cedar.decide(
                world.house.policies,
                ask,
                world.house.gate.facts(world.house.in_force.held, who, ask, "on-record", NOTHING),
            )
            assert said.answer == answer


@pytest.mark.parametrize(("day", "announced"), [(22, 0), (23, 0), (24, 1)])
def test_it_is_announced_thirty_days_ahead_and_not_before(world: World, day: int, announced: int) -> None:
    police(world)
    turning(world)
    world.moment = world.moment.replace(day=day)
    assert len(announcing(world)) == announced


def test_a_day_is_announced_once_even_after_a_restart(world: World) -> None:
    police(world)
    world.later(days=5)
    turning(world)
    assert len(announcing(world)) == 1
    size = world.house.log.size
    assert announcing(world) == []
    world.restart()
    turning(world)
    world.later(days=1)
    assert announcing(world) == []
    assert world.house.log.size == size


def test_a_day_is_announced_again_where_it_concerns_somebody_new(world: World) -> None:
    police(world)
    world.later(days=5)
    turning(world)
    announcing(world)
    world.customer(sector="police", country="FR", name="Harbour Patrol")
    assert [line["grants"] for line in announcing(world)] == [1]
    (said,) = schedule.announced(world.house).values()
    assert said["countries"] == ["DE", "FR"]


def test_what_comes_no_more_is_announced_as_nothing(world: World) -> None:
    who = police(world)
    world.later(days=5)
    turning(world)
    announcing(world)
    with world.house.database.begin() as connection:
        connection.execute(update(grants).where(grants.c.id == who.grant.id).values(until="2026-11-25T00:00:00Z"))
    (line,) = announcing(world)
    assert (line["day"], line["grants"], line["public"]) == ("2026-12-24", 0, False)
    assert schedule.announced(world.house) == {}
    assert announcing(world) == []


def test_what_ends_with_a_customer_alone_is_told_to_nobody_else(world: World) -> None:
    """A grant's end within the month: a row and a line, no leaf, for a leaf would join two leaves of one customer."""
    who = world.customer()
    soon = world.moment + timedelta(days=9, hours=3)
    with world.house.database.begin() as connection:
        connection.execute(update(grants).values(until=soon.isoformat().replace("+00:00", "Z")))
    size = world.house.log.size
    (line,) = announcing(world)
    assert (line["day"], line["public"], line["because"]) == ("2026-12-01", False, ["core.grant-ended"])
    assert world.house.log.size == size
    assert schedule.announced(world.house) == {}
    (each,) = schedule.coming(world.house, soon.date(), soon.date())
    assert (each.customer, each.grant, each.day) == (who.customer.id, who.grant.id, soon.date())


def test_the_end_of_a_verification_takes_what_only_the_verified_may(world: World) -> None:
    world.customer()
    with world.house.database.begin() as connection:
        connection.execute(update(verifications).values(until="2026-12-01"))
    (each,) = schedule.coming(world.house, date(2026, 11, 23), date(2026, 12, 20))
    assert each.day == date(2026, 12, 1)
    assert [(change.action, change.because) for change in each.changes] == [("identify", ("core.unverified-identify",))]


def test_a_day_of_ones_own_and_a_day_of_everybodys_are_kept_apart(world: World) -> None:
    """On one day a customer's grant ends and a rule begins: the leaf says of the rule alone."""
    police(world)
    turning(world)
    world.later(days=5)
    with world.house.database.begin() as connection:
        connection.execute(update(grants).values(until="2026-12-24T10:00:00Z"))
    (line,) = announcing(world)
    assert line["because"] == ["core.grant-ended", "own.comes"]
    (said,) = schedule.announced(world.house).values()
    assert said["because"] == ["own.comes"]


def test_the_end_of_the_models_evaluation_and_of_packs_is_everybodys(world: World) -> None:
    world.customer()
    world.moment = world.moment.replace(year=2027, month=11, day=1)
    (line,) = announcing(world)
    (said,) = schedule.announced(world.house).values()
    assert said["day"] == line["day"] == END.isoformat()
    assert said["because"] == ["core.model-stale"]
    causes = {turn.cause for turn in schedule.turns(world.house)}
    assert causes == {"rule", "pack", "model"}


def test_a_law_that_comes_into_force_opens_and_its_end_closes(world: World) -> None:
    police(world)
    open_by_law = f"{FOR_POLICE} && !context.laws.national.use.grounded_in_human_rights"
    turning(world, open_by_law)
    ruled(world.house, laws=(law(jurisdiction="DE", start=date(2026, 11, 25), until=date(2026, 12, 5)),))
    found = [(each.day, each.changes[0].was, each.changes[0].becomes) for each in _within(world)]
    assert found == [(date(2026, 11, 25), "deny", "allow"), (date(2026, 12, 5), "allow", "deny")]
    assert {line["public"] for line in announcing(world)} == {True}
    assert [turn.day for turn in schedule.turns(world.house) if turn.cause == "law"] == [each[0] for each in found]


def _within(world: World) -> list[schedule.Coming]:
    today = world.moment.date()
    return [*schedule.coming(world.house, today, today + schedule.AHEAD)]


def test_the_leaf_names_nobody_and_the_debt_of_a_leaf_is_in_the_rows_transaction(world: World) -> None:
    who = police(world)
    world.later(days=5)
    turning(world)
    announcing(world)
    (opened,) = leaves(world)
    assert {name: opened[name] for name in ("day", "because", "sectors")} == {
        "day": "2026-12-24", "because": ["own.comes"], "sectors": ["police"],
    }  # fmt: skip
    for secret in ("Harbour", who.customer.id, who.grant.id, who.grant.id[4:]):
        assert secret not in json.dumps(opened)
    with world.house.database.read() as connection:
        assert connection.execute(select(func.count()).select_from(announcements)).scalar_one() == 2


def test_a_round_that_is_cut_short_announces_nothing(world: World) -> None:
    police(world)
    world.later(days=5)
    turning(world)
    assert schedule.announce(world.house, lambda _: None, lambda: False) == 0
    assert len(announcing(world)) == 1


def test_while_it_is_served_each_new_day_is_looked_at(world: World) -> None:
    police(world)
    turning(world)
    lines: list[Any] = []
    with schedule.Announcer(world.house, lines.append, pace=0.01):
        time.sleep(0.2)
        assert lines == []
        world.later(days=2)
        until = time.monotonic() + 20
        while not lines and time.monotonic() < until:
            time.sleep(0.01)
    assert [line["day"] for line in lines] == ["2026-12-24"]


def test_a_round_that_fails_is_said_and_made_again(world: World, caplog: pytest.LogCaptureFixture) -> None:
    police(world)
    world.later(days=5)
    turning(world)
    lines: list[Any] = []

    def broken(line: Any) -> None:
        lines.append(line)
        raise OSError("no log today")

    with schedule.Announcer(world.house, broken, pace=0.01):
        until = time.monotonic() + 20
        while not caplog.records and time.monotonic() < until:
            time.sleep(0.01)
    assert caplog.records[0].name == "countenance.schedule"
    assert len(lines) == 1  # the day is announced: its rows and its leaf were there before the line


def test_with_every_shipped_pack_nothing_in_the_schedule_fails(world: World) -> None:
    police(world, purposes=frozenset({"missing-persons"}))
    world.customer(country="US", region="US-WA")
    ruled(world.house, policies=cedar.load(packs.shipped()))
    for each in schedule.coming(world.house, date(2026, 11, 22), date(2027, 12, 1)):
        assert all(change.was != change.becomes for change in each.changes)
        assert all(rule in world.house.policies.rules or rule.endswith(".stale")
                   for change in each.changes for rule in change.because)  # fmt: skip
