"""What is in force: the policy set and the laws, as of a moment, behind one attribute that is swapped whole.

A decision reads `at(now)` once and finishes under what it got. Another picture comes about by an act of this process
(`renew`), by one of another process (`Watch` looks twice a second), or by the time alone: a set whose notice is over
comes into force at the first look at or after its moment, its leaf before its first decision. It proposes and approves
nothing. Source: docs/policy.md, "Changing a promise".
"""

from __future__ import annotations

import logging
import threading
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from sqlalchemy import insert

from countenance.domain import ids
from countenance.domain.errors import CountenanceError, LogUnavailable
from countenance.policy import cedar, packs
from countenance.policy.laws import registry_digest
from countenance.service import build, notice, owed, records, sets
from countenance.service.gate import Private
from countenance.service.rounds import Rounds
from countenance.storage.promises import policy_changes, policy_events

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sqlalchemy import Connection

    from countenance.domain.decision import Law
    from countenance.policy.cedar import PolicySet
    from countenance.service.app import House

PACE = 0.5
"""Seconds between two looks for what other processes changed."""
LOG = logging.getLogger("countenance.service")


@dataclass(frozen=True, slots=True)
class Rules:
    """What decides. digests: as every leaf carries them; until: from then on the time alone may have changed it."""

    policies: PolicySet
    laws: tuple[Law, ...]
    digests: Mapping[str, str]
    stopped: bool
    until: datetime


class InForce:
    """The rules of one house. Thread-safe."""

    def __init__(self, house: House) -> None:
        """Read what is in force; the first set of a new house is that of a fresh install. Raises StorageDamaged."""
        self._house = house
        self._lock = threading.Lock()
        with house.database.begin() as connection:
            found_first(connection, house.now())
        self._digests = {"model": house.engine.model_digest, "wheel": build.digest()}
        self._seen = -1
        self.held = self._read(datetime.min.replace(tzinfo=UTC))

    def at(self, now: datetime) -> Rules:
        """The rules of this moment. Raises LogUnavailable where one that came into force can't be said in the log."""
        held = self.held
        return held if now < held.until else self.renew()

    def renew(self) -> Rules:
        """Look again, and bring into force what is due. Raises as `at`."""
        with self._lock:
            now = self._house.now()
            while self._published() and notice.take_effect(self._house, now):
                pass
            held = self._read(now)
            if held.stopped and not self.held.stopped:
                LOG.warning("EMERGENCY STOP: nothing is answered but a person's own data, until two people lift it")
            elif self.held.stopped and not held.stopped:
                LOG.warning("the emergency stop was lifted")
            self.held = held
            return held

    def look(self) -> None:
        """Renew where another process wrote something, or the time has come."""
        with self._house.database.read() as connection:
            newest = sets.newest(connection)
        if newest != self._seen or self._house.now() >= self.held.until:
            for kind in (notice.KIND, records.KIND, "administration"):
                owed.pay(self._house, kind)
            self.renew()

    def _read(self, now: datetime) -> Rules:
        with self._house.database.read() as connection:
            seen = sets.newest(connection)
            current = sets.in_force(connection)
            assert current is not None
            policies = self._policies(connection, current.after)
            laws, changes = records.in_force(connection, now)
            until = min(notice.next_due(connection, now), changes)
        self._seen = seen
        digests = {"policy": policies.digest, "laws": registry_digest(laws), **self._digests}
        return Rules(policies, laws, digests, _stops(policies), until)

    def _policies(self, connection: Connection, digest: str) -> PolicySet:
        """The set that is held, where it is this one: what is kept about it is kept by identity."""
        held: Rules | None = getattr(self, "held", None)
        if held is not None and held.policies.digest == digest:
            return held.policies
        return sets.load(connection, digest).policies

    def _published(self) -> bool:
        """Put beside the ledger what belongs there. Where that fails nothing gets looser, what is stricter holds."""
        try:
            notice.publish(self._house)
            records.publish(self._house)
        except CountenanceError as error:
            LOG.error("what is in force could not be published beside the ledger: %s", error.code)
            return False
        return True


class Watch(Rounds):
    """While it is entered, what other processes change is seen within a second: a thread, at rest between two looks."""

    def __init__(self, house: House, pace: float = PACE) -> None:
        super().__init__("rules-watch", pace)
        self._house = house

    def _once(self) -> bool:
        try:
            self._house.in_force.look()
        except LogUnavailable:
            return True  # every append and /readyz say so; what is due stays due
        except CountenanceError:
            LOG.exception("what is in force could not be read again; what was in force goes on")
        return True


def found_first(connection: Connection, now: datetime) -> None:
    """The set of a fresh install, where there is none yet; and the same packs again where the schema is another."""
    current = sets.in_force(connection)
    if current is None:
        held = sets.made([packs.read(name) for name in packs.fresh_install()])
        _begin(connection, "", held, now)
        return
    held = sets.load(connection, current.after)
    if held.schema != packs.schema():
        again = sets.renewed(held)
        change = _begin(connection, current.after, again, now)
        words = notice.words(change, "in-force", ())
        owed.owe(connection, notice.KIND, words, Private(matter=change["id"]), "in-force", now)


def _begin(connection: Connection, before: str, held: sets.Held, now: datetime) -> dict[str, Any]:
    """A set that is in force from now on, by nobody's wish."""
    sets.keep(connection, held, now)
    row = notice.change_row(ids.new("change"), before, held.policies.digest, now, loosens=False, notice_days=0, why=())
    connection.execute(insert(policy_changes), row)
    event = {"change_id": row["id"], "step": "in-force", "by": "", "created": ids.utc(now)}
    connection.execute(insert(policy_events), event)
    return row


def _stops(policies: PolicySet) -> bool:
    return any(file.name == packs.STOP for file in policies.files)


def current_digests(connection: Connection, now: datetime) -> dict[str, str]:
    """The digests of the set and the laws in force, for who has no house open; of a fresh install in a new one."""
    current = sets.in_force(connection)
    laws, _ = records.in_force(connection, now)
    return {
        "policy": cedar.load().digest if current is None else current.after, "laws": registry_digest(laws),
    }  # fmt: skip
