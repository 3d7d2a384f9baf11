"""The house, open: every room wired once, from the settings alone.

It holds the lock on the data folder, the unsealed templates in memory and the log ready to append. Opening does
what a restart owes people first: unfinished erasures are completed and owed leaves written before any request.
"""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from typing import TYPE_CHECKING, Self

from sqlalchemy import insert

from countenance.activity import Meter
from countenance.consent import Candidates
from countenance.domain import ids
from countenance.gallery.faces import Faces
from countenance.gallery.index import Index
from countenance.ledger.log import Log
from countenance.policy import cedar, laws
from countenance.service import build, founding
from countenance.service.gate import Gate, Private
from countenance.storage import db
from countenance.storage.tables import closed_parts
from countenance.storage.vault import Vault
from countenance.vision import models
from countenance.vision.calibration import Calibration, model_facts
from countenance.vision.engine import Engine

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from countenance.config import Settings
    from countenance.domain.decision import Law, ModelFacts

Clock = "Callable[[], datetime]"


def wall_clock() -> datetime:
    """Now, in UTC."""
    return datetime.now(UTC)


@dataclass
class House:
    """One open house. Use as a context manager; thread-safe once open."""

    settings: Settings
    now: Callable[[], datetime]
    database: db.Database
    vault: Vault
    engine: Engine
    calibration: Calibration
    laws: tuple[Law, ...]
    policies: cedar.PolicySet
    _stack: ExitStack

    @classmethod
    def open(
        cls,
        settings: Settings,
        *,
        clock: Callable[[], datetime] = wall_clock,
        progress: Callable[[int, int], None] | None = None,
    ) -> Self:
        """Open the house in `settings.data`. progress(done, of): references unsealed so far."""
        founding.require(settings)
        with ExitStack() as stack:
            vault = Vault.read(settings.master_key)
            database = stack.enter_context(db.open(settings.database, create=False))
            vault.check(database)
            manifest = models.Manifest.read(settings.manifest) if settings.manifest else models.shipped()
            engine = stack.enter_context(Engine.load(manifest, settings.models, threads=settings.threads))
            calibration = Calibration.of(manifest, engine.model_digest)
            house = cls(settings, clock, database, vault, engine, calibration, (), cedar.load(), stack.pop_all())
        try:
            house._settle(progress)
        except BaseException:
            house.close()
            raise
        return house

    def close(self) -> None:
        self._stack.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @cached_property
    def gate(self) -> Gate:
        return Gate(self)

    @cached_property
    def candidates(self) -> Candidates:
        return Candidates(self.database)

    @cached_property
    def faces(self) -> Faces:
        return Faces(self.database, self.vault)

    @cached_property
    def index(self) -> Index:
        return Index(self.engine.dimension)

    @cached_property
    def meter(self) -> Meter:
        return Meter(self.database, self.calibration.threshold(), lambda: ids.new("request"))

    @cached_property
    def log(self) -> Log:
        signer = founding.signer(self.settings, self.vault, "log")
        log = Log.open(
            self.settings.ledger, self.settings.log_state, signer, clock=self.now, before_commit=self._keep_closed
        )
        return self._stack.enter_context(log)

    @cached_property
    def digests(self) -> dict[str, str]:
        """What decided, as the leaf names it: policy set, law registry, model manifest, running code."""
        return {
            "policy": self.policies.digest,
            "laws": laws.registry_digest(self.laws),
            "model": self.engine.model_digest,
            "wheel": build.digest(),
        }

    def model_facts(self, now: datetime) -> ModelFacts:
        return model_facts(self.calibration, self.engine.manifest.provenance, now.date())

    def _settle(self, progress: Callable[[int, int], None] | None) -> None:
        """What a start owes: the lock, the owed leaves, the open erasures, then the index."""
        from countenance.service import erase, owed

        _ = self.log
        self.meter.sweep(self.now())
        owed.pay(self)
        erase.complete(self)
        for collection, subject, reference, template in self.faces.load(progress=progress):
            self.index.add(collection, subject, reference, template)

    def _keep_closed(self, batch: Sequence[tuple[int, bytes, object]]) -> None:
        """Before a batch becomes durable: its nonces and closed parts, in one transaction."""
        rows = []
        for index, _, private in batch:
            about, nonce, closed = private  # type: ignore[misc]
            assert isinstance(about, Private)
            row = {"leaf_index": index, "customer_id": about.customer or None, "subject_id": about.subject or None}
            rows.append({**row, "nonce": nonce, "closed": closed})
        with self.database.begin() as connection:
            connection.execute(insert(closed_parts).prefix_with("OR REPLACE"), rows)
