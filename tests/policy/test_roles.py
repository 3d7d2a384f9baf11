"""Who may administer what: every act under every role, written out, and the rules that speak against."""

from __future__ import annotations

import re

import pytest

from countenance.domain.decision import Act
from countenance.domain.errors import BadRecord
from countenance.ledger import vocabulary
from countenance.policy import roles

ACTS = sorted(vocabulary.ACTS)
READS = {"account-list", "application-list", "application-show", "grant-list", "key-list", "schedule-list"}
CHECKED = {"facts-show", "verification-list", "demand-list"}
RUNS = {"account-register", "account-end", "grant-end", "key-issue", "key-revoke", "application-refuse"}
ENTERS = {
    "facts-change", "verification-record", "verification-withdraw", "challenge-make", "challenge-look", "demand-record",
}  # fmt: skip
OWN_READS = {
    "account-list", "grant-list", "key-list", "decision-list", "schedule-list", "statute-list", "statute-show",
    "statute-write",
}  # fmt: skip
LOOKS = {"lock-list", "lock-look"}
SPEAKS = {"law-object"}
PROMISES = SPEAKS | {"policy-list", "policy-show", "policy-propose", "policy-withdraw", "policy-stop", "policy-resume",
                     "law-propose", "law-record", "law-repeal"}  # fmt: skip
MAY = {
    ("provider", "operator"): READS | RUNS | PROMISES | CHECKED | ENTERS | LOOKS
    | {"statute-list", "statute-mitigate", "figures-show"},
    ("provider", "approver"): {"application-list", "application-show", "application-approve", "application-refuse",
                               "grant-list", "schedule-list", "policy-approve", "law-sign", "demand-answer",
                               "figures-show"} | PROMISES | CHECKED | LOOKS,
    ("provider", "auditor"): READS | SPEAKS | CHECKED
    | {"statute-list", "policy-list", "policy-show", "figures-show", "lock-list"},
    ("provider", "reviewer"): SPEAKS,
    ("provider", "assessor"): SPEAKS | {"law-sign"},
    ("customer", "operator"): OWN_READS | CHECKED | {"facts-change", "statute-file", "application-make"}
    | (RUNS - {"application-refuse"})
    | SPEAKS,
    ("customer", "approver"): SPEAKS,
    ("customer", "auditor"): OWN_READS | CHECKED | SPEAKS,
    ("customer", "reviewer"): SPEAKS,
    ("customer", "assessor"): SPEAKS,
}  # fmt: skip
OPERATOR = frozenset({"operator"})


def allows(act: Act) -> bool:
    return roles.load().decide(act).allowed


@pytest.mark.parametrize(("by", "role"), MAY)
def test_each_role_may_do_what_is_written_here_and_no_more(by: str, role: str) -> None:
    own = {act for act in ACTS if allows(Act(act, by, frozenset({role}), own=True))}
    assert own == MAY[by, role]
    others = {act for act in ACTS if allows(Act(act, by, frozenset({role}), own=False))}
    assert others == (MAY[by, role] if by == "provider" else SPEAKS)


def test_no_role_no_side_and_no_word_of_another_kind_may_do_anything() -> None:
    for act in sorted({*ACTS} - SPEAKS):
        for by, held in (("provider", ()), ("customer", ()), ("", OPERATOR), ("machine", OPERATOR), ("key", OPERATOR)):
            assert not allows(Act(act, by, frozenset(held), own=True))
    assert not allows(Act("account-become", "provider", vocabulary.ROLES, own=True))
    assert not allows(Act("", "provider", vocabulary.ROLES, own=True))


def test_nobody_gives_a_role_that_they_do_not_hold_in_their_own_organisation() -> None:
    for by in ("provider", "customer"):
        assert allows(Act("account-register", by, OPERATOR, own=True, gives=OPERATOR))
        said = roles.load().decide(Act("account-register", by, OPERATOR, own=True, gives=frozenset({"auditor"})))
        assert [reason.id for reason in said.reasons] == ["roles.own-roles"]
    both = frozenset({"operator", "approver"})
    assert allows(Act("account-register", "provider", both, own=True, gives=both))
    assert allows(Act("account-register", "provider", OPERATOR, own=False, gives=frozenset({"auditor", "operator"})))


def test_nobody_of_a_customer_approves() -> None:
    both = frozenset({"operator", "approver"})
    for act in (
        Act("account-register", "provider", both, own=False, gives=frozenset({"approver"})),
        Act("account-register", "customer", both, own=True, gives=frozenset({"approver"})),
    ):
        assert [reason.id for reason in roles.load().decide(act).reasons] == ["roles.provider-apart"]


def test_anybody_may_end_their_own_account() -> None:
    for by in ("provider", "customer"):
        reviewer = frozenset({"reviewer"})
        assert allows(Act("account-end", by, reviewer, own=True, itself=True))
        assert not allows(Act("account-end", by, reviewer, own=True))


def test_a_deny_without_a_rule_says_that_no_role_permits_it() -> None:
    said = roles.load().decide(Act("grant-end", "provider", frozenset({"auditor"})))
    assert (said.answer, said.reasons) == ("deny", ())
    assert said.errors == ("no role of this account permits grant-end here",)


def test_the_words_of_the_leaf_are_those_of_the_schema() -> None:
    schema = roles._text("roles.cedarschema")  # noqa: SLF001
    block = schema.split("action\n")[1].split("appliesTo")[0]
    assert set(re.findall(r'"([a-z-]+)"', block)) == vocabulary.ACTS
    assert len(vocabulary.ACTS) == len(re.findall(r'"([a-z-]+)"', block))


SCHEMA = """entity Person = { by: String, roles: Set<String> }; entity Matter = { own: Bool, itself: Bool,
gives: Set<String> }; action "key-list" appliesTo { principal: Person, resource: Matter };"""
RULE = '@id("roles.a") @says("A rule.") permit (principal, action, resource);'


@pytest.mark.parametrize(
    "text",
    ["permit (", RULE.replace("resource);", "resource) when { principal.name == 1 };"), RULE + RULE,
     RULE.replace('@says("A rule.")', ""), RULE.replace("roles.a", "core.a"), RULE.replace("rule.", "rule"),
     RULE.replace("@id", '@source("x") @id'), 'permit (principal == ?principal, action, resource);'],
)  # fmt: skip
def test_rules_that_break_their_schema_or_say_nothing_are_refused(text: str) -> None:
    with pytest.raises(BadRecord):
        roles.of(text, SCHEMA)
    assert roles.of(RULE, SCHEMA).decide(Act("key-list", "provider", frozenset())).allowed


def test_the_digest_changes_with_rules_and_schema() -> None:
    one, other = roles.of(RULE, SCHEMA), roles.of(RULE + " ", SCHEMA)
    assert len({one.digest, other.digest, roles.of(RULE, SCHEMA + " ").digest, roles.load().digest}) == 4


def test_an_assessor_is_from_outside_and_has_no_other_role() -> None:
    gives = frozenset({"assessor"})
    assert allows(Act("account-register", "provider", OPERATOR, own=True, gives=gives))
    for act in (
        Act("account-register", "provider", OPERATOR | gives, own=True, gives=OPERATOR | gives),
        Act("account-register", "provider", OPERATOR, own=False, gives=gives),
        Act("account-register", "customer", OPERATOR, own=True, gives=gives),
    ):
        assert "roles.assessor-apart" in [reason.id for reason in roles.load().decide(act).reasons]
