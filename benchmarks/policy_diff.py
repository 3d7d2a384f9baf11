"""How long it takes to say for whom a change of the policy opens a door, over every class of every attribute.

The changes that happen: one date moved in one pack of the whole set, and one pack taken out of it. Beside them the
largest change that the packs of this installation allow, all of them off but `core`, and what it costs to rule an ask
of four purposes out under all packs. Each is compared both ways. Time is this thread's processor time, on one core;
nothing here waits.

    python -m benchmarks.policy_diff [--json]
"""

from __future__ import annotations

import argparse
import sys
import time
from math import prod
from typing import TYPE_CHECKING

from benchmarks.rows import Row, report
from countenance.policy import cedar, diff, packs, terms, words
from countenance.policy.classes import cut

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from countenance.policy.cedar import PolicySet

GOAL = 5.0
"""Seconds for a change of the whole set: a person who proposes it waits for the answer."""
GOAL_ALL = 60.0
"""Seconds for all packs off at once, which is some hundred openings."""
ROUNDS = 2


def measure() -> Sequence[Row]:
    """Rows for changes of the whole set."""
    whole, core = cedar.load(packs.shipped()), cedar.load(["core"])
    moved = cedar.assemble([_moved(file) for file in whole.files])
    fewer = cedar.load([name for name in packs.shipped() if name != "microsoft-2020"])
    all_off = _least(lambda: diff.openings(whole, core))
    one_pack = _least(lambda: diff.openings(whole, fewer))
    one_date = _least(lambda: diff.openings(whole, moved))
    never = _least(lambda: diff.allowed(whole, purpose=frozenset(words.NEVER_PURPOSES)))
    unproven = len(diff.openings(whole, core).unproven) + len(diff.openings(whole, moved).unproven)
    return [
        Row("all packs, one date moved by a day", one_date, "seconds", f"at most {GOAL:g}", one_date <= GOAL),
        Row("all packs, one of them off", one_pack, "seconds", f"at most {GOAL:g}", one_pack <= GOAL),
        Row("all packs against core alone", all_off, "seconds", f"at most {GOAL_ALL:g}", all_off <= GOAL_ALL),
        Row("the never-purposes ruled out under all packs", never, "seconds", f"at most {GOAL:g}", never <= GOAL),
        Row("openings that were not proven", unproven, "sentences", "none", unproven == 0),
        Row("rules in the whole set", len(whole.rules), "rules"),
        Row("attributes that they read", len(_classes(whole)), "attributes"),
        Row("asks, if each class of each were visited", float(prod(_classes(whole))), "asks"),
    ]


def _moved(file: packs.PackFile) -> packs.PackFile:
    """The pack, its promise of 11 June 2020 a day later where it has one."""
    if file.name != "microsoft-2020":
        return file
    return packs.parse(file.text.replace('datetime("2020-06-11")', 'datetime("2020-06-12")').encode(), file.name)


def _classes(policies: PolicySet) -> list[int]:
    """How many classes each attribute has."""
    return [len(each.classes) for each in cut([terms.rule(form) for form in cedar.forms(policies).values()], [])]


def _least(call: Callable[[], object]) -> float:
    """The least of a few rounds, in seconds of this thread."""
    taken = []
    for _ in range(ROUNDS):
        start = time.thread_time()
        call()
        taken.append(time.thread_time() - start)
    return min(taken)


def main() -> int:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--json", action="store_true", help="one JSON line per row")
    return report(measure(), options.parse_args().json)


if __name__ == "__main__":
    sys.exit(main())
