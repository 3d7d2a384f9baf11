"""The monitor: one look at a log from outside, its new leaves decoded, decided again and counted, its alarms raised.

A look advances only where everything that it saw is under the log's signature; else it raises an alarm and keeps what
it knew. What is asked of the outside is a source (ledger/source.py), so a folder and a server are followed by the same
lines. It writes no file and reads no clock: who calls keeps the state and says what time it is.
What it can't see: that what the provider asserted is true, that no call was left out, and what was shown to others.
Source: docs/transparency.md.
"""

from __future__ import annotations

from collections import Counter
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from countenance.domain.errors import BadRecord, Unavailable, Unverified
from countenance.ledger import follow, keychain, leaf, source
from countenance.ledger.checkpoint import Checkpoint, open_checkpoint
from countenance.ledger.cosignature import cosignatures
from countenance.ledger.follow import Alarm, Peaks
from countenance.ledger.merkle import EMPTY
from countenance.ledger.proof import verify_receipt
from countenance.ledger.recall import Recall
from countenance.ledger.slow import KINDS as SLOW_KINDS
from countenance.ledger.slow import Slow
from countenance.service.again import AGREES, Again, Found

if TYPE_CHECKING:
    from collections.abc import Sequence

    from countenance.ledger.cosignature import WitnessKey
    from countenance.ledger.leaf import Json, Leaf
    from countenance.ledger.note import Verifier
    from countenance.ledger.proof import Receipt
    from countenance.ledger.source import Source

MOST_ALARMS = 1000
"""Alarms that are kept; the rest are counted."""
MOST_SLOW = 100_000
"""Leaves of changes and laws that are kept, to be held against later ones."""
BACK = timedelta(hours=1)
"""How far the hour of a leaf may lie before that of an earlier one: leaves of one moment may change places."""
TEXTS = ("set-missing", "set-differs", "document")
SHARES = ("action", "sector", "purpose", "country")


@dataclass(slots=True)
class Seen:
    """What a monitor remembers of a log: the state, which whoever runs it keeps.

    note: the newest checkpoint, signed, empty at first; peaks: of its tree; time: of the newest leaf; moved: POSIX
    seconds of when the log was last seen to grow; counts: leaves, by what they say (`shares` reads them); slow: leaves
    of changes and laws, whole; alarms: every one so far, unless there were too many; raised: how many.
    """

    note: bytes = b""
    peaks: Peaks = field(default_factory=Peaks)
    time: str = ""
    moved: int = 0
    counts: Counter[str] = field(default_factory=Counter)
    slow: list[bytes] = field(default_factory=list)
    alarms: list[Alarm] = field(default_factory=list)
    raised: int = 0

    def alarm(self, found: Alarm) -> None:
        """Keep an alarm, once; it stays until the state is put away."""
        if found not in self.alarms:
            self.raised += 1
            if len(self.alarms) < MOST_ALARMS:
                self.alarms.append(found)


@dataclass(frozen=True, slots=True)
class Look:
    """One look. size: of the log, as far as it holds; new: leaves of this look.

    witnesses: of those given, who cosigned; quiet: seconds since the log was seen to grow; reached: did it answer?
    """

    size: int
    new: int = 0
    witnesses: tuple[str, ...] = ()
    quiet: int = 0
    reached: bool = True


@dataclass(frozen=True, slots=True, eq=False)
class _Said:
    """What is counted of a leaf, the same for all that differ in their commitment alone."""

    time: str
    counted: tuple[str, ...]
    found: Found
    slow: Leaf | None


class Monitor:
    """Looks at one log. known: its public keys, from whoever is trusted, never from the log."""

    def __init__(
        self, given: Source, known: Sequence[Verifier], witnesses: Sequence[WitnessKey] = (), stop: int = 0
    ) -> None:
        """stop: seconds without a new leaf that raise an alarm; 0: none do."""
        self._source = given
        self._pinned = known
        self._witnesses = witnesses
        self._stop = stop

    def look(self, seen: Seen, now: int) -> Look:
        """One look at `now`, in POSIX seconds; `seen` is changed. Raises BadRecord where `seen` does not hold."""
        seen.moved = seen.moved or now
        start = seen.peaks.size
        look = self._looked(seen, now)
        quiet = max(0, now - seen.moved)
        if self._stop and quiet > self._stop:
            since = datetime.fromtimestamp(seen.moved, UTC)
            seen.alarm(Alarm("stop", f"the log has not grown since {since:%Y-%m-%d %H:%M} UTC"))
        return Look(look.size, seen.peaks.size - start, look.witnesses, quiet, look.reached)

    def hold(self, seen: Seen, receipt: Receipt) -> None:
        """Whether a receipt that somebody holds is of the history that was seen; an alarm where it is not."""
        with (
            suppress(Unavailable),  # `look` says that the log was not reached
            follow.listening(seen.alarm, "receipt", "a receipt that was given does not hold: "),
        ):
            known = keychain.learned(self._pinned, source.announcements(self._source))
            found = verify_receipt(receipt, known).checkpoint
            head = open_checkpoint(seen.note, known) if seen.note else Checkpoint(found.origin, 0, EMPTY)
            follow.hold(self._source, found, head)

    def _looked(self, seen: Seen, now: int) -> Look:
        try:
            with follow.listening(seen.alarm, "forged"):
                return self._through(seen, now)
        except Unavailable:
            return Look(seen.peaks.size, reached=False)
        return Look(seen.peaks.size)

    def _through(self, seen: Seen, now: int) -> Look:
        """A look in which everything holds."""
        known = keychain.learned(self._pinned, source.announcements(self._source))
        raw, head = follow.newest(self._source, known)
        before = open_checkpoint(seen.note, known) if seen.note else None
        if before is not None:
            self._same(seen, before)
            follow.compare(before, head)
        if before is None or head.size > before.size:
            self._take(seen, raw, head, now)
        cosigned = follow.cosigned(self._source, known, head)
        names = [each.name for each in cosignatures(cosigned, self._witnesses)] if cosigned else []
        return Look(head.size, witnesses=tuple(names))

    def _same(self, seen: Seen, before: Checkpoint) -> None:
        if (seen.peaks.size, seen.peaks.root()) != (before.size, before.root):
            raise BadRecord("the peaks in the state are not those of the checkpoint in it")

    def _take(self, seen: Seen, raw: bytes, head: Checkpoint, now: int) -> None:
        """The new leaves: all of them count, or none."""
        start, peaks = seen.peaks.size, seen.peaks.copy()
        reading = Reading(Again(self._source), seen)
        for index, entry in follow.leaves(self._source, start, head.size):
            peaks.push(entry)
            reading.take(index, entry)
        follow.settle(self._source, peaks, head, start)
        seen.note, seen.peaks, seen.time = raw, peaks, reading.time
        seen.moved = now if head.size > start else seen.moved
        seen.counts += reading.counts()
        seen.slow = reading.slow
        for found in reading.alarms:
            seen.alarm(found)


class Reading:
    """Leaves in their order, decided again and held against each other."""

    def __init__(self, again: Again, seen: Seen) -> None:
        self._again = again
        self._recall = Recall(self._say)
        self._said: Counter[_Said] = Counter()
        self._odd: set[str] = set()
        self._broken = 0
        self.time = seen.time
        self.alarms: list[Alarm] = []
        self.slow = list(seen.slow)
        self._changes = Slow()
        for entry in self.slow:
            self._changed(leaf.parse(entry), -1)

    def take(self, index: int, entry: bytes) -> None:
        """One leaf more. Raises Unavailable."""
        try:
            said = self._recall(entry)
        except BadRecord as error:
            self._broken += 1
            self._raise("no-leaf", error.message, index)
            return
        self._said[said] += 1
        if said.time != self.time:
            self._hour(said.time, index)
        if said.found is not AGREES:
            self._differs(said.found, index)
        if said.slow is not None:
            self._changed(said.slow, index)
            if len(self.slow) < MOST_SLOW:
                self.slow.append(entry)

    def counts(self) -> Counter[str]:
        """How many leaves there are of each thing that they say."""
        found = Counter({"no-leaf": self._broken} if self._broken else {})
        for said, times in self._said.items():
            for word in said.counted:
                found[word] += times
        return found

    def _say(self, found: Leaf) -> _Said:
        again = self._again(found) if found.kind == "decision" else AGREES
        slow = found if found.kind in SLOW_KINDS else None
        return _Said(str(found.open["time"]), tuple(_counted(found.open, again)), again, slow)

    def _hour(self, time: str, index: int) -> None:
        if self.time and datetime.fromisoformat(time) < datetime.fromisoformat(self.time) - BACK:
            self._raise("time-back", f"its hour is {time}, and an earlier leaf has {self.time}", index)
        self.time = max(self.time, time)

    def _differs(self, found: Found, index: int) -> None:
        """One alarm for each leaf that differs, and one for each text that is not there."""
        if found.kind in TEXTS:
            if found.says in self._odd:
                return
            self._odd.add(found.says)
        self._raise(found.kind, found.says, index)

    def _changed(self, found: Leaf, index: int) -> None:
        """A change of a promise or a law. index: -1 for one of an earlier look, which has had its alarm."""
        try:
            self._changes.take(found)
        except Unverified as error:
            self._raise("change", error.message, index)
        if index >= 0 and found.kind == "policy-change":
            self._published(found, index)
            if found.open["step"] == "stopped":
                self._raise("emergency-stop", "the house was stopped: everything but exports is refused", index)
            if found.open["step"] == "in-force" and not found.open["loosens"]:
                self._weigh(str(found.open["before"]), str(found.open["after"]), index)

    def _published(self, found: Leaf, index: int) -> None:
        """The texts that a change names: its document and both of its sets."""
        named = [str(found.open[key]) for key in ("before", "after") if found.open[key]]
        for said in (self._again.document(str(found.open["change"])), *map(self._again.policies, named)):
            if isinstance(said, Found) and said is not AGREES:
                self._differs(said, index)

    def _weigh(self, before: str, after: str, index: int) -> None:
        """A change that came into force as one that opens nothing."""
        opens = self._again.opens(before, after) if before else AGREES
        if opens is not AGREES:
            self._differs(opens, index)

    def _raise(self, kind: str, says: str, index: int) -> None:
        if index >= 0 and len(self.alarms) <= MOST_ALARMS:
            self.alarms.append(Alarm(kind, says, index))


def _counted(opened: dict[str, Json], again: Found) -> list[str]:
    """What a leaf adds to, one word for each count."""
    kind = str(opened["kind"])
    found = [f"kind {kind}"]
    if kind != "decision":
        return found
    ask, context, verdict, reasons = opened["ask"], opened["context"], opened["verdict"], opened["reasons"]
    assert isinstance(ask, dict)
    assert isinstance(context, dict)
    assert isinstance(reasons, list)
    found += [f"{name} {ask[name]} {verdict}" for name in SHARES]
    found += [f"reason {reason} {verdict}" for reason in reasons]
    found.append(f"verdict all {verdict}")
    if context.get("verified") is not True:
        found.append(f"declared all {verdict}")
    if opened["outside-policy"]:
        found.append(f"outside-policy {opened['outside-policy']} {verdict}")
    agrees = "agrees" if again is AGREES else again.kind
    found.append(f"again {agrees} {verdict}")
    return found


def shares(counts: Counter[str]) -> dict[str, dict[str, dict[str, int]]]:
    """The counts of decisions as tables: what of, its word, the verdict."""
    tables: dict[str, dict[str, dict[str, int]]] = {}
    for name, number in sorted(counts.items()):
        parts = name.split(" ")
        if len(parts) == 3:
            tables.setdefault(parts[0], {}).setdefault(parts[1], {})[parts[2]] = number
    return tables
