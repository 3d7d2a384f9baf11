"""From counts to the measures that rules read: what is a crowd, a camera, somebody who is followed.

Pure: numbers of a scope in, names of measures out. Which of them is mass surveillance, `core` says; from which number
on one is reached, the settings say. Where the law forbids to remember anybody's face, the counts alone are read, at
half of each limit. Source: docs/activity.md, which says why each number.
"""

from __future__ import annotations

from itertools import pairwise
from statistics import fmean, pstdev
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from countenance.activity.scopes import Counts, Scope
    from countenance.config import Metering

STEADY = 0.25
"""Standard deviation of the gaps between searches over their mean, below which they have a beat; of chance it is 1."""
SLOWEST = 60.0
"""Seconds between two beats of a camera at most."""


def reached(scope: Scope, limits: Metering, now: float, *, faces: bool, capped: bool) -> frozenset[str]:
    """The measures that this scope's counts have reached at `now`, in seconds.

    faces: sketches may be made, else the limits are half. capped: it is one key, whose people are bounded in all.
    """
    return frozenset(_reached(scope, _Limits(limits, faces=faces), now, capped=capped))


class _Limits:
    """The settings, or half of each that is a count."""

    def __init__(self, limits: Metering, *, faces: bool) -> None:
        self._limits, self._half = limits, not faces

    def most(self, name: str) -> float:
        whole: int = getattr(self._limits, name)
        return whole / 2 if self._half and not name.endswith(("_share", "_days")) else whole

    def shares(self, part: float, whole: float, name: str) -> bool:
        return part > 0 and part * 100 >= whole * int(getattr(self._limits, name))


def _reached(scope: Scope, limits: _Limits, now: float, *, capped: bool) -> Iterator[str]:
    hour, day = scope.within_an_hour(now), scope.within_a_day(now)
    if _crowd(hour, day, limits) or (capped and _many(hour, day, limits)):
        yield "crowd"
    if _strange(hour, limits, "camera_strangers", "camera_share") and beats(scope.beats):
        yield "camera"
    if day.failed >= limits.most("failed_day") and limits.shares(day.failed, day.compared, "failed_share"):
        yield "trawling"
    if scope.followed.days >= limits.most("followed_days"):
        yield "following"
    month, active = scope.within_a_month(now)
    enough = active >= limits.most("nobody_days") and month.searches >= limits.most("nobody_searches")
    if enough and limits.shares(month.unmatched, month.searches, "nobody_share"):
        yield "nobody"


def _crowd(hour: Counts, day: Counts, limits: _Limits) -> bool:
    spans = ((hour, "strangers_hour"), (day, "strangers_day"))
    return any(_strange(counts, limits, name, "stranger_share") for counts, name in spans)


def _many(hour: Counts, day: Counts, limits: _Limits) -> bool:
    return hour.people > limits.most("people_hour") or day.people > limits.most("people_day")


def _strange(counts: Counts, limits: _Limits, most: str, share: str) -> bool:
    """So many whom nobody knows, and such a share of the searches."""
    return counts.strangers >= limits.most(most) and limits.shares(counts.unmatched, counts.searches, share)


def beats(moments: Sequence[float]) -> bool:
    """Whether these moments, in seconds, follow a beat: a full record of them, evenly apart, and no minute between."""
    if len(moments) < getattr(moments, "maxlen", 0) or len(moments) < 3:
        return False
    gaps = [later - earlier for earlier, later in pairwise(moments)]
    mean = fmean(gaps)
    return 0 < mean <= SLOWEST and pstdev(gaps) <= STEADY * mean
