"""What the texts of two sets show: whether one may be looser, or oblige to less, than the other."""

from __future__ import annotations

import pytest

from countenance.policy import cedar, packs, weigh
from countenance.service import weighed

FORBID = '@id("own.no") @says("No.") @source("https://example.org") @evidence("T")\nforbid (principal, action, resource)\nwhen { resource.purpose == "credit" };\n'  # fmt: skip  # noqa: E501
OBLIGES = '@id("own.notice") @says("Tell them.") @source("https://example.org") @evidence("T") @duties("notice")\npermit (principal, action, resource)\nwhen { resource.purpose == "access-control" };\n'  # fmt: skip  # noqa: E501
SILENT = OBLIGES.replace(' @duties("notice")', "")


def own(*rules: str) -> cedar.PolicySet:
    header = (
        "// pack: own\n// title: T\n// promised_by: P\n// in_force: always\n// status: optional\n"
        "// source: https://example.org\n// checked_on: 2026-01-01\n// stale_after: 2026-12-31\n// secondary: none\n\n"
    )
    return cedar.assemble([packs.read("core"), packs.parse((header + "".join(rules)).encode(), "own")])


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ((FORBID, OBLIGES), (OBLIGES,), "own.no is gone or says something else"),
        ((FORBID,), (FORBID.replace("credit", "housing"),), "own.no is gone or says something else"),
        ((FORBID,), (FORBID, SILENT), "own.notice permits what was not permitted by it"),
        ((FORBID, OBLIGES), (FORBID, SILENT), "own.notice permits what was not permitted by it"),
        ((FORBID, OBLIGES), (FORBID,), "own.notice is gone, and what it obliged to"),
    ],
)
def test_a_rule_by_which_more_may_be_allowed_or_less_be_owed_is_named(
    old: tuple[str, ...], new: tuple[str, ...], says: str
) -> None:
    assert weigh.reasons(own(*old), own(*new)) == (says,)


def test_what_is_written_otherwise_or_only_stricter_is_no_looser() -> None:
    first = own(FORBID, OBLIGES, SILENT.replace("own.notice", "own.more"))
    again = FORBID.replace("\nwhen", "  when // as before\n").replace("No.", "Not for credit.")
    assert not weigh.may_loosen(first, own(again, OBLIGES, FORBID.replace("own.no", "own.also")))


def test_a_permit_that_only_obliged_is_not_dropped_without_notice() -> None:
    """Core permits the same asks, so nothing more is allowed without it: but the duty to tell people is gone."""
    found = weighed.weigh(own(FORBID, OBLIGES), own(FORBID))
    assert found.loosens
    assert found.why
