"""The client's witness: no answer counts before its receipt is verified against the pinned key of the log.

It also remembers what it was shown, so that a log can't tell this client two histories, give one leaf for two
answers, or pass an old leaf off as the answer to a new ask: a leaf of this ask has an index from the size of the
newest checkpoint on that was seen before the ask was sent. A later key of the log it learns from a leaf that a known
key signed, and in no other way. It asks nobody and keeps nothing on a disk.
Sources: docs/ledger.md; C2SP tlog-proof and tlog-checkpoint.
"""

from __future__ import annotations

from threading import Lock
from typing import TYPE_CHECKING

from countenance.domain.errors import BadRecord, Unverified
from countenance.ledger import keychain
from countenance.ledger.proof import Receipt, VerifiedReceipt, verify_receipt

if TYPE_CHECKING:
    from collections.abc import Sequence

    from countenance.ledger.checkpoint import Checkpoint
    from countenance.ledger.note import Verifier

REMEMBERED = 65_536
"""Indices kept at most; far more than asks that can be under way at once, and no older one is ever accepted."""

NEXT_STEP = "Do not rely on this answer: keep what you have of it, and ask the operator and other holders of the log."


def unverified(says: str) -> Unverified:
    """The error for an answer whose proof does not hold; `says` is the reason."""
    return Unverified(f"the answer is refused: {says}", next_step=NEXT_STEP)


class Witness:
    """What one client was shown of one log. Thread-safe. certificates: the pinned key of erasures, or None."""

    def __init__(self, log: Verifier, certificates: Verifier | None = None, remembered: int = REMEMBERED) -> None:
        self.log = log
        self.keys: tuple[Verifier, ...] = (log,)
        self.certificates = certificates
        self._lock = Lock()
        self._remembered = remembered
        self._head: Checkpoint | None = None
        self._told: set[int] = set()
        self._oldest = 0

    @property
    def size(self) -> int:
        """Leaves under the newest checkpoint that was seen: no leaf of a later ask has a lower index."""
        return self._head.size if self._head else 0

    def check(self, line: str, since: int) -> VerifiedReceipt:
        """A receipt that holds, is new, and is of the one history. since: `size` before the ask was sent.

        Raises Unverified.
        """
        found = self._verified(line)
        with self._lock:
            self._keep(found, since)
        return found

    def again(self, line: str) -> VerifiedReceipt:
        """A receipt that holds and is of the one history, of a leaf of any age. Raises Unverified."""
        found = self._verified(line)
        with self._lock:
            self._one_history(found.checkpoint)
            self._follow(found.checkpoint)
        return found

    def learn(self, announcements: Sequence[bytes]) -> None:
        """Accept the log's later keys, each announced in a leaf under one that is known. Raises Unverified."""
        try:
            found = keychain.learned(self.keys, announcements)
        except Unverified as error:
            raise unverified(f"a key of the log is not announced as it has to be: {error.message}") from None
        with self._lock:
            self.keys = tuple(dict.fromkeys((*self.keys, *found)))

    def _verified(self, line: str) -> VerifiedReceipt:
        if not line:
            raise unverified("it carries no receipt")
        try:
            return verify_receipt(Receipt.from_line(line), self.keys)
        except (BadRecord, Unverified) as error:
            raise unverified(f"its receipt does not hold: {error.message}") from None

    def _keep(self, found: VerifiedReceipt, since: int) -> None:
        self._one_history(found.checkpoint)
        if found.index in self._told:
            raise unverified("its receipt was given for another answer before")
        if found.index < max(since, self._oldest):
            raise unverified("its receipt is older than the ask")
        self._follow(found.checkpoint)
        self._told.add(found.index)
        if len(self._told) > self._remembered:
            self._forget()

    def _one_history(self, head: Checkpoint) -> None:
        if self._head and head.size == self._head.size and head.root != self._head.root:
            raise unverified("the log has shown two histories of the same size")

    def _follow(self, head: Checkpoint) -> None:
        if self._head is None or head.size > self._head.size:
            self._head = head

    def _forget(self) -> None:
        """Keep the newer half of the indices, and accept none below them any more."""
        kept = sorted(self._told)[len(self._told) // 2 :]
        self._told, self._oldest = set(kept), kept[0]
