"""The clocks of the chapter at their edges, and each thing that can be missing, from papers alone."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from countenance.statute import standing
from countenance.statute.papers import TOPICS
from countenance.statute.standing import Asked, Called
from tests.statute.filed import MODEL, PURPOSE, USE, Papers, asked, in_order

if TYPE_CHECKING:
    from collections.abc import Callable

    from countenance.statute.book import Book, Mitigating

PUBLISHED = date(2027, 2, 1)
USABLE = date(2027, 5, 2)  # 90 days later


def missing(made: Papers, of: Asked) -> set[str]:
    """The facts that do not hold, without their first word."""
    checks = standing.checks(standing.paperwork(made.book, of), of.use, of.day)
    return {one.fact.removeprefix("paperwork.") for one in checks if not one.holds}


def test_with_everything_in_order_nothing_is_missing() -> None:
    assert missing(in_order(), asked(USABLE)) == set()


REMOVED: dict[str, tuple[Callable[[Papers], None], set[str]]] = {
    "notice-0": (lambda made: made.without("notice-0"), {
        "notice_of_intent", "report.published_90_days", "report.updated_within_2_years", "report.three_meetings",
        "report.covers_purpose", "report.all_sections", "report.names_model", "report.addresses_errors"}),
    "meeting-3": (lambda made: made.without("meeting-3"), {"report.three_meetings"}),
    "publication-5": (lambda made: made.without("publication-5"), {
        "report.published_90_days", "report.updated_within_2_years", "report.covers_purpose", "report.all_sections",
        "report.names_model", "report.addresses_errors"}),
    "operational-test-6": (lambda made: made.without("operational-test-6"), {"operational_test"}),
    "training-7": (lambda made: made.without("training-7"), {"training_valid", "one_reviewer"}),
    "operators-8": (lambda made: made.without("operators-8"), {"training_valid"}),
    "reviewer-9": (lambda made: made.without("reviewer-9"), {"one_reviewer"}),
}  # fmt: skip


@pytest.mark.parametrize("name", REMOVED)
def test_a_paper_that_is_missing_is_named(name: str) -> None:
    remove, facts = REMOVED[name]
    made = in_order()
    remove(made)
    assert missing(made, asked(USABLE)) == facts


@pytest.mark.parametrize(
    ("day", "facts"),
    [
        (USABLE - timedelta(days=1), {"report.published_90_days"}),
        (USABLE, set()),
        (date(2027, 12, 31), set()),
        (date(2028, 1, 1), {"training_valid", "one_reviewer"}),  # on the day on which it ends it holds no more
        (date(2029, 1, 31), {"training_valid", "one_reviewer"}),
        (date(2029, 2, 1), {"training_valid", "one_reviewer", "report.updated_within_2_years"}),
    ],
)
def test_days_count_to_their_edge(day: date, facts: set[str]) -> None:
    assert missing(in_order(), asked(day)) == facts


def test_two_years_from_the_29th_of_february_end_on_the_1st_of_march() -> None:
    assert standing.two_years_after(date(2028, 2, 29)) == date(2030, 3, 1)


@pytest.mark.parametrize(
    "use",
    [replace(USE, model="sha256:" + "c" * 64), replace(USE, threshold="sha256:" + "c" * 64),
     replace(USE, place="public-accommodation"), replace(USE, camera="fixed")],
)  # fmt: skip
def test_a_test_is_of_one_model_threshold_place_and_camera(use: Any) -> None:
    facts = missing(in_order(), asked(USABLE, use=use))
    assert facts == {"operational_test"} | ({"report.names_model"} if use.model != MODEL else set())


def test_another_purpose_needs_a_round_of_its_own() -> None:
    use = replace(USE, purpose="credit")
    facts = missing(in_order(), asked(USABLE, use=use))
    assert facts == {"notice_of_intent", "report.covers_purpose", "operational_test"}
    made = in_order()
    notice = made.add("notice", "2027-04-01", purposes=["credit"])
    assert missing(made, asked(USABLE)) == set()  # a round that is under way does not disturb the one that is done
    made.add("draft", "2027-04-01", notice, purposes=["credit"])
    assert "report.covers_purpose" in missing(made, asked(USABLE, use=use))


@pytest.mark.parametrize(("on", "holds"), [("2026-12-31", True), ("2027-01-01", False), ("2027-03-01", False)])
def test_a_test_is_newer_than_a_change_of_camera(on: str, holds: bool) -> None:  # noqa: FBT001
    made = in_order()
    made.add("change", "2027-04-01", on=on)
    assert (missing(made, asked(USABLE)) == set()) is holds


def test_a_new_model_makes_the_report_stale_and_the_90_days_count_anew() -> None:
    made, other = in_order(), "sha256:" + "c" * 64
    use = replace(USE, model=other)
    made.add("draft", "2027-06-01", "notice-0", other)
    made.add("publication", "2027-06-01", "notice-0", other)
    made.add("operational-test", "2027-06-01", "", other)
    assert missing(made, asked(date(2027, 8, 29), use=use)) == {"report.published_90_days"}
    assert missing(made, asked(date(2027, 8, 30), use=use)) == set()
    assert "report.names_model" in missing(made, asked(date(2027, 8, 30)))  # the old model's report is gone


def test_an_update_for_the_same_model_keeps_the_90_days_and_moves_the_two_years() -> None:
    made = in_order()
    made.add("draft", "2028-12-01", "notice-0")
    made.add("publication", "2028-12-01", "notice-0")
    assert not {"report.published_90_days", "report.updated_within_2_years"} & missing(made, asked(date(2030, 11, 30)))
    assert "report.updated_within_2_years" in missing(made, asked(date(2030, 12, 1)))


@pytest.mark.parametrize(
    ("changed", "counts"),
    [({"place": "Yakima", "held": "2027-01-20"}, 4), ({"place": " yakima "}, 3), ({"place": "Pasco"}, 4),
     ({"place": "Pasco", "held": "2026-12-31"}, 3)],
)  # fmt: skip
def test_a_meeting_counts_once_a_day_and_place_and_from_the_draft_on(changed: dict[str, str], counts: int) -> None:
    made = in_order()
    made.add("meeting", "2027-01-20", "notice-0", **changed)
    assert made.book.rounds[0].held == counts


# -- people ---------------------------------------------------------------------------------------------------


def test_everybody_who_uses_a_key_has_to_be_trained() -> None:
    made = in_order()
    made.add("operators", accounts=["acc_1", "acc_2"])
    assert missing(made, asked(USABLE)) == {"training_valid"}
    made.add("training", account="acc_2", topics=[*TOPICS[:2]])
    assert missing(made, asked(USABLE)) == {"training_valid"}
    made.add("training", account="acc_2", topics=[*TOPICS[2:]], expires="2027-05-03")
    assert missing(made, asked(USABLE)) == set()
    assert missing(made, asked(USABLE + timedelta(days=1))) == {"training_valid"}
    made.add("operators", accounts=[])
    assert missing(made, asked(USABLE)) == {"training_valid"}


def test_an_account_that_ended_is_no_operator_and_no_reviewer() -> None:
    gone = replace(asked(USABLE), ended=frozenset({"acc_1"}))
    assert missing(in_order(), gone) == {"training_valid", "one_reviewer"}
    assert missing(in_order(), replace(asked(USABLE), key="key_2")) == {"training_valid"}


def test_a_reviewer_may_alter_the_decision() -> None:
    made = in_order()
    made.add("reviewer", alters=False)
    assert missing(made, asked(USABLE)) == {"one_reviewer"}


def test_a_training_counts_from_the_day_on_which_it_was_completed() -> None:
    made = in_order()
    made.without("training-7")
    made.add("training", completed="2027-05-03", expires="2028-01-01")
    assert "training_valid" in missing(made, asked(USABLE))
    assert "training_valid" not in missing(made, asked(USABLE + timedelta(days=1)))


# -- error rates, mitigation, exemptions ----------------------------------------------------------------------


@pytest.mark.parametrize(("ppm", "asks"), [(9_999, False), (10_000, True), (10_001, True)])
def test_at_one_percent_a_group_needs_its_remedy(ppm: int, asks: bool) -> None:  # noqa: FBT001
    made = in_order()
    made.add("independent-test", rates={"elders": ppm}, material=False)
    assert ("report.addresses_errors" in missing(made, asked(USABLE))) is asks
    assert "report.addresses_errors" in missing(in_order(), replace(asked(USABLE), remedied=frozenset({"elders"})))
    assert missing(in_order(), replace(asked(USABLE), remedied=frozenset({"all"}))) == set()


def _mitigating(*steps: str) -> tuple[Book, Mitigating]:
    made = in_order()
    test = made.add("independent-test", "2027-03-01", received="2027-03-01")
    for step in steps:
        made.add("mitigation", "2027-03-02", test, step=step)
    (one,) = made.book.mitigations()
    return made.book, one


@pytest.mark.parametrize(
    ("steps", "state", "late"),
    [((), "open", True), (("plan",), "plan", True), (("plan", "implemented"), "implemented", False),
     (("plan", "implemented", "retested"), "retested", False)],
)  # fmt: skip
def test_a_plan_is_implemented_within_90_days(steps: tuple[str, ...], state: str, late: bool) -> None:  # noqa: FBT001
    _, one = _mitigating(*steps)
    assert (one.state, one.due) == (state, date(2027, 5, 30))
    assert not one.overdue(date(2027, 5, 30))
    assert one.overdue(date(2027, 5, 31)) is late


def test_what_waits_for_mitigation_is_read_by_the_rules_until_it_is_implemented() -> None:
    for steps, due in (((), date(2027, 5, 30)), (("plan", "implemented"), None)):
        book, _ = _mitigating(*steps)
        assert standing.paperwork(book, asked(USABLE)).mitigation_due == due


def test_an_exemption_counts_for_its_purposes_once_it_was_reported() -> None:
    made = Papers()
    made.add("exemption", reported="2027-01-05")
    assert made.book.exempt(PURPOSE, date(2027, 1, 4)) is None
    assert made.book.exempt("credit", USABLE) is None
    found = standing.paperwork(made.book, asked(date(2027, 1, 5)))
    assert (found.federal_reported, found.federal_purposes) == (date(2027, 1, 5), frozenset({PURPOSE}))


@pytest.mark.parametrize(
    ("filed", "told", "day", "state"),
    [("2027-01-01", None, "2027-08-02", "due"), ("2027-01-01", None, "2027-08-03", "late"),
     ("2027-01-01", "2027-05-01", "2027-09-01", "told"), ("2027-08-20", None, "2027-08-20", "due"),
     ("2027-08-20", None, "2027-08-21", "late")],
)  # fmt: skip
def test_a_defendant_is_told_30_days_before_trial_or_at_once(
    filed: str, told: str | None, day: str, state: str
) -> None:
    made = Papers()
    paper = made.add("disclosure", filed, trial="2027-09-01")
    if told:
        made.add("disclosed", told, paper, on=told)
    (one,) = made.book.disclosures()
    assert one.state(date.fromisoformat(day)) == state


# -- authorities ----------------------------------------------------------------------------------------------


def called(made: Papers, authority: str, **changed: str) -> Called:
    filing = made.book.named(authority, "authority")
    assert filing is not None
    whole = {"purpose": PURPOSE, "mode": "real-time", "collection": "col_1", **changed}
    return Called(filing, made.book, **whole)


def moment(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("at", "runs"),
    [("2027-05-01T07:59:59", False), ("2027-05-01T08:00:00", True), ("2027-07-01T07:59:59", True),
     ("2027-07-01T08:00:00", False)],
)  # fmt: skip
def test_a_warrant_runs_from_its_start_to_its_end(at: str, runs: bool) -> None:  # noqa: FBT001
    made = Papers()
    one = called(made, made.add("authority"))
    fact = one.fact(moment(at))
    assert fact is not None
    assert (one.outside(moment(at)) == "") is runs
    assert (fact.start <= moment(at).date() < fact.until) is runs
    assert fact.names_person


def test_exigency_ends_48_hours_after_it_began() -> None:
    made = Papers()
    filed = made.add("authority", kind="exigency", until=None, circumstances="A child in the river.", person="")
    one = called(made, filed)
    assert one.outside(moment("2027-05-03T07:59:59")) == ""
    assert one.outside(moment("2027-05-03T08:00:00")) == "this authority ended at 2027-05-03T08:00:00Z"
    late = one.fact(moment("2027-05-03T08:00:00"))
    assert late is not None
    assert not late.start <= date(2027, 5, 3) < late.until
    assert not late.names_person


def test_an_extension_moves_the_end_and_an_ending_ends_it() -> None:
    made = Papers()
    warrant = made.add("authority")
    made.add("extension", "2027-06-30", warrant)
    assert made.book.until(made.filings[0]) == moment("2027-08-01T08:00:00")
    made.add("ending", "2027-06-30", warrant)
    assert made.book.until(made.filings[0]) == moment("2027-06-30T12:00:00")


@pytest.mark.parametrize(
    ("changed", "says", "fact"),
    [({"purpose": "credit"}, "is for benefits-eligibility", True), ({"mode": "ongoing"}, "for the mode", False),
     ({"collection": "col_2"}, "another collection", False), ({}, "", True)],
)  # fmt: skip
def test_a_call_outside_its_authority_is_named(changed: dict[str, str], says: str, fact: bool) -> None:  # noqa: FBT001
    made = Papers()
    one = called(made, made.add("authority", collections=["col_1"]), **changed)
    now = moment("2027-06-01T12:00:00")
    assert says in one.outside(now)
    assert bool(says) is bool(one.outside(now))
    assert (one.fact(now) is not None) is fact


def test_what_a_judge_said_is_read_by_its_first_time() -> None:
    made = Papers()
    warrant = made.add("authority")
    for at in ("2027-05-01T10:00:00Z", "2027-05-01T09:00:00Z"):
        made.add("ruling", "2027-05-02", warrant, at=at)
    fact = called(made, warrant).fact(moment("2027-06-01T12:00:00"))
    assert fact is not None
    assert (fact.requested_at, fact.granted_at) == (moment("2027-05-01T09:00:00"), None)
