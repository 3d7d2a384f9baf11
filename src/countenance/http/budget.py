"""What callers without a key may ask that costs the log a leaf: so much an address, and so much all of them together.

A token bucket for each address, in bounded memory: where there is no room for another, a newcomer waits, and no bucket
that is not full again is forgotten. It is kept by this process alone and forgotten when it ends. IPv6 is counted by
/64, which is what one subscriber has. Source: RFC 6585, section 4.
"""

from __future__ import annotations

import ipaddress
import math
import threading
import time
from collections import OrderedDict
from dataclasses import dataclass
from typing import TYPE_CHECKING

from countenance.domain.errors import TooOften

if TYPE_CHECKING:
    from collections.abc import Callable

    Clock = Callable[[], float]

ADDRESSES = 4096  # that are remembered at a time


@dataclass(frozen=True, slots=True)
class Rate:
    """burst: at once; every: seconds until one more."""

    burst: int
    every: float


EACH = Rate(burst=10, every=60.0)
ALL = Rate(burst=60, every=2.0)


@dataclass(slots=True)
class _Bucket:
    left: float
    seen: float

    def waits(self, rate: Rate, now: float) -> float:
        """Fill up for the time that went by; seconds until there is one, 0 where there is."""
        self.left = min(rate.burst, self.left + (now - self.seen) / rate.every)
        self.seen = now
        return 0.0 if self.left >= 1 else (1 - self.left) * rate.every


class Budget:
    """Thread-safe. clock: monotonic seconds."""

    def __init__(
        self, each: Rate = EACH, together: Rate = ALL, *, most: int = ADDRESSES, clock: Clock = time.monotonic
    ) -> None:
        self._each, self._together, self._most, self._clock = each, together, most, clock
        self._of: OrderedDict[str, _Bucket] = OrderedDict()
        self._all = _Bucket(together.burst, clock())
        self._lock = threading.Lock()

    def take(self, address: str) -> None:
        """Take one for this address. Raises TooOften with the seconds to wait, and then takes none."""
        with self._lock:
            now = self._clock()
            bucket = self._bucket(_subscriber(address), now)
            wait = max(bucket.waits(self._each, now), self._all.waits(self._together, now))
            if wait:
                raise _too_often(wait)
            bucket.left -= 1
            self._all.left -= 1

    def _bucket(self, subscriber: str, now: float) -> _Bucket:
        """The bucket of a subscriber, now the newest; made where it is new and there is room."""
        found = self._of.pop(subscriber, None)
        if found is None:
            self._make_room(now)
            found = _Bucket(self._each.burst, now)
        self._of[subscriber] = found
        return found

    def _make_room(self, now: float) -> None:
        if len(self._of) < self._most:
            return
        oldest, bucket = next(iter(self._of.items()))
        missing = self._each.burst - bucket.left - (now - bucket.seen) / self._each.every
        if missing > 0:
            raise _too_often(missing * self._each.every)
        del self._of[oldest]


def _too_often(wait: float) -> TooOften:
    error = TooOften("this is asked too often")
    error.wait = max(1, math.ceil(wait))
    return error


def _subscriber(address: str) -> str:
    """An IPv4 address, or the /64 of an IPv6 one; one bucket for all that is neither."""
    try:
        found = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return ""
    if isinstance(found, ipaddress.IPv6Address):
        mapped = found.ipv4_mapped
        return str(mapped) if mapped else str(ipaddress.IPv6Network((int(found) >> 64 << 64, 64)))
    return str(found)
