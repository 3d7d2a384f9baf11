"""Where a change is too large to be described, that is said, and it counts as opening something."""

from __future__ import annotations

import pytest

from countenance.policy import cedar, diff
from tests.ledger.world import LONG


@pytest.mark.timeout(600)
@pytest.mark.parametrize("packs", [["microsoft-2020"], *([None] if LONG else [])])
def test_giving_up_promises_is_never_proven_to_open_nothing(packs: list[str] | None) -> None:
    """None: all that ships, the laws too, whose duties together are more than can be described; a minute."""
    found = diff.openings(cedar.load(packs), cedar.load(["core"]))
    assert found.loosens
    assert not found.proven or found.openings
