"""Where a change is too large to be described, that is said, and it counts as opening something."""

from __future__ import annotations

from countenance.policy import cedar, diff


def test_giving_up_every_law_at_once_is_not_proven_to_open_nothing() -> None:
    found = diff.openings(cedar.load(), cedar.load(["core"]))
    assert found.loosens
    assert not found.proven or found.openings
