"""The keys that a log signs with, and the one place where signing is stopped.

Mostly there is one. While a new key takes over, both sign each checkpoint until a stated time, so that who knows either
can check it; from then on the new one alone does. Before the new key is announced in a leaf under the old one, it signs
nothing. Once stopped, nothing is signed until the house is opened again: a log that somebody holds a newer history of
must not go on. Sources: C2SP signed-note and tlog-checkpoint, "Signatures"; docs/witness.md.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from countenance.ledger import note

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import datetime

    from countenance.domain.errors import CountenanceError
    from countenance.ledger.note import Signer, Verifier


class Signers:
    """One log's keys. Thread-safe. past: keys that signed before; clock: says when the period is over."""

    def __init__(self, current: Signer, clock: Callable[[], datetime], past: Sequence[Verifier] = ()) -> None:
        self._lock = threading.Lock()
        self._clock = clock
        self._current = current
        self._past = tuple(past)
        self._next: tuple[Signer, datetime] | None = None
        self._stopped: CountenanceError | None = None

    @property
    def name(self) -> str:
        return self._current.name

    @property
    def verifier(self) -> Verifier:
        """The key to check a checkpoint with: the one that has signed for longest of those that sign now."""
        return self._signing()[0].verifier

    @property
    def verifiers(self) -> tuple[Verifier, ...]:
        """Every key that has signed or does, oldest first."""
        after = () if self._next is None else (self._next[0].verifier,)
        return (*self._past, self._current.verifier, *after)

    def sign(self, text: str) -> bytes:
        """The note of `text` under the key or keys in force. Raises what it was stopped with, and BadRecord."""
        self.check()
        first, *more = self._signing()
        signed = first.sign(text)
        return signed + "".join(other.line(text).encode() for other in more).encode() if more else signed

    def announced(self, after: Signer, until: datetime) -> None:
        """The next key signs beside the current one from now on, and alone from `until` on."""
        with self._lock:
            if after.verifier not in self.verifiers:
                self._next = after, until

    def succeeded(self) -> None:
        """The period is over: the next key is the current one, for good."""
        with self._lock:
            if self._next is not None:
                self._past = (*self._past, self._current.verifier)
                self._current, self._next = self._next[0], None

    def stop(self, error: CountenanceError) -> None:
        """Sign nothing any more, whoever asks. The first reason stays."""
        with self._lock:
            self._stopped = self._stopped or error

    def check(self) -> None:
        """Raise what signing was stopped with, if it was."""
        if self._stopped is not None:
            raise type(self._stopped)(self._stopped.message, next_step=self._stopped.next_step) from self._stopped

    def _signing(self) -> tuple[Signer, ...]:
        with self._lock:
            if self._next is None:
                return (self._current,)
            after, until = self._next
            return (after,) if self._clock() >= until else (self._current, after)


def keys_of(vkeys: Sequence[str]) -> tuple[Verifier, ...]:
    """Verifiers of vkeys, in this order. Raises BadRecord."""
    return tuple(map(note.Verifier.from_vkey, vkeys))
