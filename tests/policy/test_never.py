"""The never-purposes: denied in every class of every attribute, under any packs, grants, laws, papers and approvals."""

from __future__ import annotations

import os
from itertools import combinations

import pytest

from countenance.policy import cedar, diff, packs, words

SHIPPED = packs.shipped()
LONG = bool(os.environ.get("COUNTENANCE_LONG"))
PAIRS = list(combinations(SHIPPED, 2)) if LONG else []
NEVER = frozenset(words.NEVER_PURPOSES)


@pytest.mark.parametrize("names", [(), *((name,) for name in SHIPPED), *PAIRS, SHIPPED])
def test_never_is_never_under_packs_alone_in_pairs_and_together(names: tuple[str, ...]) -> None:
    """Every class of grant, law, authority, paper and meter is looked at: none lets one of these through."""
    assert diff.allowed(cedar.load(names), purpose=NEVER) is None


def test_core_forbids_never_by_itself_so_that_no_further_pack_matters() -> None:
    """A pack adds rules and takes none away. `core` is in each set, and denies these whatever the permits say."""
    file = packs.read("core")
    permit = file.text + (
        '\n@id("core.everything")\n@says("All is permitted.")\n@source("https://example.org")\n@evidence("T")\n'
        "permit (principal, action, resource);\n"
    )
    lax = cedar.assemble([packs.parse(permit.encode(), "core")])
    assert diff.allowed(lax, purpose=NEVER) is None
    found = diff.allowed(lax, purpose=frozenset(words.ORDINARY_PURPOSES))
    assert found is not None
    assert cedar.redecide(lax, found.ask, found.on, found.context).allowed
    assert "core" in dict(cedar.load(()).packs)


def test_without_its_forbid_a_never_purpose_would_be_found() -> None:
    """The proof can fail: a set that permits all and forbids nothing of the kind has such an ask."""
    text = packs.read("core").text.replace('resource.purpose == "mass-surveillance"', 'resource.purpose == "never"')
    lax = cedar.assemble(
        [packs.parse(text.replace('"independent-testing"\n', '"mass-surveillance"\n').encode(), "core")]
    )
    found = diff.allowed(lax, purpose=NEVER)
    assert found is not None
    assert found.ask.purpose == "mass-surveillance"
