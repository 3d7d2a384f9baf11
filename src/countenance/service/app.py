"""The house, open: every room wired once, from the settings alone.

It holds the lock on the data folder, the unsealed templates in memory and the log ready to append. Opening does
what a restart owes people first: owed leaves are written and unfinished erasures completed before any request.
"""

from __future__ import annotations

import resource
from contextlib import ExitStack
from threading import Lock
from typing import TYPE_CHECKING, Self

from sqlalchemy import bindparam, exists, insert, or_, select

from countenance.activity.meter import Meter
from countenance.consent import Candidates
from countenance.gallery.faces import Faces
from countenance.gallery.index import Index
from countenance.ledger import newer
from countenance.ledger.log import Log
from countenance.policy import roles
from countenance.service import documents, erase, founding, inforce, kept, locks, owed, retention, rotation
from countenance.service.counting import Counting
from countenance.service.founding import wall_clock
from countenance.service.gate import Gate, Private
from countenance.service.likeness import threshold
from countenance.service.onfile import OnFile
from countenance.service.repeat import Repeats
from countenance.service.witnesses import Witnesses
from countenance.storage import db
from countenance.storage.fixed import Fixed
from countenance.storage.tables import closed_parts, subjects
from countenance.storage.vault import Vault
from countenance.vision import models
from countenance.vision.calibration import Calibration, model_facts
from countenance.vision.engine import Engine

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import datetime

    from countenance.config import Settings
    from countenance.domain.decision import Law, ModelFacts
    from countenance.policy.cedar import PolicySet
    from countenance.service.checks import Look
    from countenance.service.witnesses import Post

    Clock = Callable[[], datetime]
    Progress = Callable[[int, int], None]
    Vision = Callable[[Settings], tuple[Engine, Calibration]]

_OF = bindparam("subject_id", type_=closed_parts.c.subject_id.type)
_KEEP = Fixed(
    insert(closed_parts)
    .prefix_with("OR REPLACE")
    .from_select(
        _ROW := ["leaf_index", "customer_id", "subject_id", "nonce", "closed"],
        select(*[bindparam(name, type_=closed_parts.c[name].type) for name in _ROW]).where(
            or_(_OF.is_(None), exists().where(subjects.c.id == _OF))
        ),
    )
)
"""Unless the person has left: an ask that was under way while they were erased leaves nothing about them behind."""


def load_vision(settings: Settings) -> tuple[Engine, Calibration]:
    """The engine of the settings' models, and the calibration record made with it."""
    manifest = models.chosen(settings.manifest)
    calibration = Calibration.of(manifest, settings.manifest.parent if settings.manifest else None)
    return Engine.load(manifest, settings.models, threads=settings.threads), calibration


class House:
    """One open house; a context manager, thread-safe once open. `open` makes one."""

    look: Look | None = None
    """What reads the file of a domain; None: this house asks none."""

    def __init__(self, settings: Settings, clock: Clock) -> None:
        """Not for callers: see `open`. What may fail for want of the operator comes first, the costly last."""
        self.settings = settings
        self.now = clock
        self.roles = roles.load()
        self.vault = Vault.read(settings.master_key)
        self._stack = ExitStack()
        self.erasing = Lock()

    @classmethod
    def open(
        cls,
        settings: Settings,
        *,
        clock: Clock = wall_clock,
        progress: Progress | None = None,
        vision: Vision = load_vision,
        post: Post | None = None,
        look: Look | None = None,
    ) -> Self:
        """Open the house in `settings.data`. progress(done, of): references unsealed so far.

        post: how the witnesses of the settings are reached; look: how a domain is. Without them nobody is asked.

        Raises NotInitialised, MissingMasterKey, WrongMasterKey, LogLocked, ClockWentBack, ModelMissing, ...
        """
        founding.require(settings)
        forbid_core_dumps()
        house = cls(settings, clock)
        house.look = look
        try:
            house._wire(vision, post)
            house._settle(progress)
        except BaseException:
            house.close()
            raise
        return house

    def close(self) -> None:
        """Finish what is under way, publish the last checkpoint, let go of the folder."""
        self._stack.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def policies(self) -> PolicySet:
        """The policy set that decides at this moment."""
        return self.in_force.at(self.now()).policies

    @property
    def laws(self) -> tuple[Law, ...]:
        """The laws of the registry that are in force at this moment."""
        return self.in_force.at(self.now()).laws

    def model_facts(self, now: datetime) -> ModelFacts:
        """What the policy reads of the model in use."""
        return model_facts(self.calibration, self.engine.manifest.provenance, now.date())

    def _wire(self, vision: Vision, post: Post | None) -> None:
        """Database, log (which takes the lock on the folder), engine, and what lives between them."""
        self.database = self._stack.enter_context(db.open(self.settings.database, create=False))
        self.vault.check(self.database)
        self.signers = rotation.signers(self.settings, self.vault, self.now)
        folders = self.settings.ledger, self.settings.log_state
        log = Log.open(*folders, self.signers, clock=self.now, before_commit=self._keep_closed)
        self.log = self._stack.enter_context(log)
        newer.require(*folders, self.signers.verifiers)
        self.witnesses = Witnesses(self.settings, self.signers, lambda: self.log.size, post)
        self.witnesses.begin()
        self.counting = self._stack.enter_context(Counting(self.settings, self.signers))
        self.engine, self.calibration = vision(self.settings)
        self._stack.enter_context(self.engine)
        self.gate = Gate(self)
        self.on_file = OnFile(self)
        self.repeats = Repeats()
        self.debts = owed.Debts()
        self.candidates = Candidates(self.database)
        self.faces = Faces(self.database, self.vault)
        self.index = Index(self.engine.dimension)
        self.meter = Meter(self.database, self.settings.metering, self._same_person(), self.engine.dimension)
        self.locks = locks.Locks(self)
        self.in_force = inforce.InForce(self)

    def _settle(self, progress: Progress | None) -> None:
        """What a start owes: the leaves, the open erasures, whose time is over; then the gallery is unsealed."""
        self.meter.sweep(self.now())
        self.locks.load()
        kept.sweep(self.database, self.now())
        owed.pay(self)
        rotation.advance(self)
        self.in_force.renew()
        erase.complete(self)
        documents.complete(self)
        retention.sweep(self)
        loaded = self.faces.load(self.index, model_digest=self.engine.model_digest, progress=progress)
        with self.database.read() as connection:
            self.of_other_models = self.faces.count(connection) - loaded
        self._stack.enter_context(owed.Payer(self))
        self._stack.enter_context(self.witnesses)
        self._stack.enter_context(inforce.Watch(self))
        self._stack.enter_context(retention.Sweeper(self))
        self._stack.enter_context(locks.Sweeper(self))

    def _same_person(self) -> float:
        return threshold(self.calibration, self.calibration.verify_rate)

    def _keep_closed(self, batch: Sequence[tuple[int, bytes, object]]) -> None:
        """Before a batch becomes durable, its nonces, closed parts and what the meter counted: in one transaction."""
        rows = [_closed_row(index, private) for index, _, private in batch]
        with self.meter.drained() as counted:
            self.database.put_all([(_KEEP, rows), *counted])


def forbid_core_dumps() -> None:
    """A crash must not write clear templates to the disk."""
    _, hard = resource.getrlimit(resource.RLIMIT_CORE)
    resource.setrlimit(resource.RLIMIT_CORE, (0, hard))


def _closed_row(index: int, private: object) -> dict[str, object]:
    assert isinstance(private, tuple)
    about, nonce, closed = private
    assert isinstance(about, Private)
    return {
        "leaf_index": index, "customer_id": about.customer or None, "subject_id": about.subject or None,
        "nonce": nonce, "closed": closed,
    }  # fmt: skip
