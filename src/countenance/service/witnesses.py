"""Asking witnesses to cosign what was published, beside the house and never in the way of an answer.

    1. read       the published checkpoint, which the log has signed
    2. ask        each witness that has not cosigned it, all at once: the proof from what it saw last to this one
    3. collect    its cosignature, checked against its key
    4. publish    once as many as the quorum have cosigned this one: `checkpoint.cosigned`, whole or not at all

A receipt waits for none of it. A witness that is not reached is asked again later and later, and nothing else stops.
But a witness that has seen more leaves than there are here, or others, has seen another history: then signing stops at
once, it is remembered (newer.py), and the next start refuses too. That power goes with being configured as a witness.
At a start it is asked before the first leaf is written. Sources: C2SP tlog-witness at v1.0.0; docs/witness.md.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Literal

from countenance.domain.errors import BadRecord, CountenanceError, LogRolledBack, Misconfigured, Unverified
from countenance.ledger import checkpoint, cosignature, durable, newer, note, publish
from countenance.ledger.published import Tree
from countenance.ledger.witness import SIZE_MEDIA, Submission
from countenance.service.rounds import Rounds

if TYPE_CHECKING:
    from collections.abc import Callable

    from countenance.config import Settings
    from countenance.ledger.checkpoint import Checkpoint
    from countenance.ledger.cosignature import Cosignature, WitnessKey
    from countenance.ledger.signers import Signers

    Post = Callable[[str, bytes], "Told"]

LOG = logging.getLogger("countenance.witnesses")

Outcome = Literal["cosigned", "behind", "declined", "unreached", "invalid", "newer"]
OUTCOMES: tuple[Outcome, ...] = ("cosigned", "behind", "declined", "unreached", "invalid", "newer")
"""What asking a witness came to; the labels of its metric."""

START_SECONDS = 5.0
"""For which a start waits for witnesses at most: a silent one keeps no house from opening."""

REFRESH = 3600.0
"""Seconds after which a log that does not grow is cosigned again, so that its witnesses are seen to be there."""

LONGEST_WAIT = 300.0
"""Seconds at most before a witness that failed is asked again."""

TRIES = 3
"""Submissions in one go at most: one to learn what the witness saw last, one from there, one for a race."""


@dataclass(frozen=True, slots=True)
class Told:
    """What a witness answered. media: its content type."""

    status: int
    media: str
    body: bytes


@dataclass(frozen=True, slots=True)
class Witnessed:
    """The newest checkpoint that the quorum cosigned. by: names; at: the oldest of their times, RFC 3339; note: it."""

    head: Checkpoint
    by: tuple[str, ...]
    at: str
    note: bytes


@dataclass(slots=True)
class _Peer:
    """A witness, and how it stands with it. seen: the size it cosigned last, so far as known; due: when to ask."""

    address: str
    key: WitnessKey
    seen: int = 0
    failures: int = 0
    due: float = 0.0


@dataclass(frozen=True, slots=True)
class _Round:
    """The checkpoint that is being cosigned."""

    signed: bytes
    text: str
    head: Checkpoint
    tree: Tree


@dataclass(slots=True)
class _Held:
    """Cosignatures of one text, by vkey, with the moment each came."""

    text: str = ""
    lines: dict[str, tuple[Cosignature, float]] = field(default_factory=dict)


class Witnesses(Rounds):
    """The witnesses of one log. A context manager: while it is entered a thread asks them. Thread-safe.

    size: durable leaves of the log now. post: sends a body to an address; None: nobody is asked.
    Raises Misconfigured for a vkey that is none.
    """

    def __init__(
        self, where: Settings, signers: Signers, size: Callable[[], int], post: Post | None,
        disk: durable.Disk | None = None,
    ) -> None:  # fmt: skip
        super().__init__("witnesses", where.witness_seconds)
        self._where = where
        self._signers = signers
        self._size = size
        self._post = post
        self._disk = disk or durable.Disk()
        self._peers = tuple(_Peer(f"{address.rstrip('/')}/add-checkpoint", _key(vkey))
                            for address, vkey in where.witnesses)  # fmt: skip
        if len(set(self.names)) < len(self._peers):
            raise Misconfigured("two witnesses have one name", next_step="Name each witness once.")
        self.quorum = where.quorum or len(self._peers) // 2 + 1
        self._lock = threading.Lock()
        self._at_a_time = threading.Lock()
        self._held = _Held()
        self._counts: Counter[tuple[str, Outcome]] = Counter()
        self._witnessed = self._published()

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(peer.key.name for peer in self._peers)

    @property
    def witnessed(self) -> Witnessed | None:
        """None: unwitnessed."""
        return self._witnessed

    def counts(self) -> dict[tuple[str, Outcome], int]:
        """How often asking each witness came to what."""
        with self._lock:
            return dict(self._counts)

    def begin(self) -> None:
        """Ask before the first leaf, for a short time. Raises LogRolledBack where a witness saw another history."""
        if self._peers and self._post is not None:
            first = threading.Thread(target=self.look, name="witnesses-first", daemon=True)
            first.start()
            first.join(START_SECONDS)
        self._signers.check()

    def _once(self) -> bool:
        if not self._peers or self._post is None:
            return False
        self.look()
        return True

    def look(self) -> None:
        """Steps 1 to 4 once. It raises nothing: what goes wrong is counted, logged and tried again."""
        with self._at_a_time:
            try:
                found = self._round()
                if found.head.size:
                    self._ask_all(found)
                    self._collect(found)
            except CountenanceError as error:
                LOG.warning("witnesses could not be asked: %s", error.message)

    def _round(self) -> _Round:
        with durable.disk_errors():
            signed = (self._where.ledger / publish.CHECKPOINT).read_bytes()
        head, text = checkpoint.open_checkpoint(signed, self._signers.verifiers), note.parse(signed).text
        with self._lock:
            if text != self._held.text:
                self._held = _Held(text)
        return _Round(signed, text, head, Tree(self._where.ledger, head.size))

    def _ask_all(self, found: _Round) -> None:
        now = time.monotonic()
        due = [peer for peer in self._peers if peer.due <= now and not self._has(peer, now)]
        threads = [threading.Thread(target=self._ask, args=(peer, found), daemon=True) for peer in due]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    def _has(self, peer: _Peer, now: float) -> bool:
        with self._lock:
            line = self._held.lines.get(peer.key.vkey)
        return line is not None and now - line[1] < REFRESH

    def _ask(self, peer: _Peer, found: _Round) -> None:
        """One witness: count what it came to, and say when to ask again."""
        try:
            outcome = self._cosigned(peer, found)
        except Unverified as error:
            LOG.warning("witness %s: %s", peer.key.name, error.message)
            outcome = "invalid"
        except CountenanceError:
            outcome = "unreached"
        good = outcome in ("cosigned", "behind")
        peer.failures = 0 if good else peer.failures + 1
        pause = min(LONGEST_WAIT, self._where.witness_seconds * 2.0 ** min(peer.failures, 12))
        peer.due = time.monotonic() + (0.0 if good else pause)
        with self._lock:
            self._counts[peer.key.name, outcome] += 1

    def _cosigned(self, peer: _Peer, found: _Round) -> Outcome:
        """Submit, from where the witness says it is. Raises Unavailable, BadRecord, Unverified."""
        assert self._post is not None
        for _ in range(TRIES):
            old = min(peer.seen, found.head.size)
            told = self._post(peer.address, Submission(old, found.tree.consistency(old), found.signed).encode())
            if told.status == 200:
                self._keep(peer, cosignature.answered(told.body, found.text, peer.key), found)
                return "cosigned"
            size = _size(told)
            if size is None:
                return self._declined(peer, told, old)
            peer.seen = size
            if size > self._size():
                return self._newer(newer.Claim(size, b"", f"the witness {peer.key.name}"))
            if size > found.head.size:
                return "behind"
        return "declined"

    def _declined(self, peer: _Peer, told: Told, old: int) -> Outcome:
        """Without a size, 409 means another root of this size, and 422 that no proof leads here from what it saw."""
        if told.status == 409 or (told.status == 422 and old):
            return self._newer(newer.Claim(newer.FORK, b"", f"the witness {peer.key.name}"))
        LOG.warning("witness %s declines, with status %d", peer.key.name, told.status)
        return "declined"

    def _newer(self, claim: newer.Claim) -> Outcome:
        """Stop signing, at once and until the log holds what the witness saw."""
        self._signers.stop(LogRolledBack(claim.says))
        LOG.critical("SIGNING HAS STOPPED: %s", claim.says)
        try:
            newer.keep(self._where.log_state, claim, self._disk)
        except CountenanceError as error:
            LOG.critical("the next start will not know of it: %s", error.message)
        return "newer"

    def _keep(self, peer: _Peer, line: Cosignature, found: _Round) -> None:
        peer.seen = found.head.size
        with self._lock:
            if self._held.text == found.text:
                self._held.lines[peer.key.vkey] = line, time.monotonic()

    def _collect(self, found: _Round) -> None:
        """Step 4, where something came that is not published yet."""
        with self._lock:
            lines = [self._held.lines[peer.key.vkey][0] for peer in self._peers if peer.key.vkey in self._held.lines]
        if len(lines) < self.quorum:
            return
        cosigned = cosignature.attached(found.signed, lines)
        if self._witnessed is None or self._witnessed.note != cosigned:
            with durable.disk_errors():
                durable.put(self._disk, self._where.ledger / publish.COSIGNED, cosigned, mode=durable.PUBLIC_FILE)
            self._witnessed = _witnessed(cosigned, found.head, lines)

    def _published(self) -> Witnessed | None:
        """What an earlier run left, if enough of today's witnesses cosigned it."""
        try:
            raw = (self._where.ledger / publish.COSIGNED).read_bytes()
            head = checkpoint.open_checkpoint(raw, self._signers.verifiers)
            lines = cosignature.cosignatures(raw, [peer.key for peer in self._peers])
        except (OSError, BadRecord, Unverified):
            return None  # `newer.require` has read it before and says what is wrong; without it: unwitnessed
        return _witnessed(raw, head, lines) if lines and len(lines) >= self.quorum else None


def _witnessed(raw: bytes, head: Checkpoint, lines: list[Cosignature] | tuple[Cosignature, ...]) -> Witnessed:
    oldest = datetime.fromtimestamp(min(one.time for one in lines), UTC)
    return Witnessed(head, tuple(one.name for one in lines), f"{oldest:%Y-%m-%dT%H:%M:%SZ}", raw)


def _size(told: Told) -> int | None:
    """The size in an answer of 409, or None where it tells none. Raises BadRecord for one that is none."""
    if told.status != 409 or told.media.partition(";")[0].strip().lower() != SIZE_MEDIA:
        return None
    try:
        line = told.body.decode("ascii")
    except UnicodeDecodeError:
        raise BadRecord("the witness's size is not plain ASCII") from None
    if not line.endswith("\n"):
        raise BadRecord("the witness's size does not end in a newline")
    return checkpoint.number(line.removesuffix("\n"))


def _key(vkey: str) -> WitnessKey:
    try:
        return cosignature.WitnessKey.from_vkey(vkey)
    except BadRecord as error:
        raise Misconfigured(
            f"the key of a witness is none: {error.message}", next_step="See COUNTENANCE_WITNESSES in docs/settings.md."
        ) from None
