"""References in SQL: their templates sealed, each to the one place where it belongs.

A template is sealed under its customer's key with associated data that names customer, collection, subject,
reference and model; moved to another row, or altered, it does not open. In the clear it exists in the index's
memory only: `load` opens each into a buffer that is overwritten before the next is filled. An error names a
reference by its id and shows nothing else.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from sqlalchemy import delete, func, insert, select

from countenance.domain.errors import BadInput, StorageDamaged
from countenance.storage.tables import customers, templates
from countenance.storage.vault import OVERHEAD

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from numpy.typing import NDArray
    from sqlalchemy import Connection, Row, Select

    from countenance.gallery.index import Index
    from countenance.storage.db import Database
    from countenance.storage.vault import Seal, Vault

    _Row = Row[str, str, str, str, str, bytes]
    _Query = Select[str, str, str, str, str, bytes]

BATCH = 2048  # references opened at a time: 1 MiB of 128-d templates
_NUMBER = np.dtype("<f4")  # a template at rest: little-endian float32, one after another
# What `delete` returns of each sealed template, in bytes: version, nonce and a little more. Without its nonce
# the rest of a sealed template can't be opened by anybody, so this is what must be gone.
_TRACE = 32


class Place(NamedTuple):
    """Where a sealed template belongs: everything that its seal binds."""

    reference: str
    subject: str
    collection: str
    customer: str
    model_digest: str

    def bound(self) -> bytes:
        """The associated data. Five fields and their separators: no two places have the same."""
        return _bound(self)


@dataclass(frozen=True, slots=True, eq=False)
class Batch:
    """References of one collection. templates: (n, D) float32, unit; overwritten when the loop goes on."""

    collection: str
    subjects: Sequence[str]
    references: Sequence[str]
    templates: NDArray[np.float32]


@dataclass(frozen=True, slots=True, eq=False)
class Held:
    """One reference, opened for the person whose it is. template: (D,) float32, unit. created: RFC 3339 UTC."""

    reference: str
    created: str
    model_digest: str
    template: NDArray[np.float32] = field(repr=False)


class Faces:
    """The sealed references of every customer."""

    def __init__(self, database: Database, vault: Vault) -> None:
        self._database = database
        self._vault = vault

    def put(
        self, connection: Connection, seal: Seal, place: Place, template: NDArray[np.float32], created: str
    ) -> None:
        """Seal one template, (D,) float32, and store it in the transaction of `connection`.

        seal: the template key of the place's customer. created: RFC 3339, UTC. Raises BadInput for another shape
        or type, Conflict where the reference exists or the subject does not.
        """
        self.put_many(connection, seal, ((place, template),), created)

    def put_many(
        self, connection: Connection, seal: Seal, faces: Iterable[tuple[Place, NDArray[np.float32]]], created: str
    ) -> None:
        """As `put`, for many references of one customer in one statement."""
        connection.execute(insert(templates), [_sealed_row(seal, *face, created) for face in faces])

    def load(
        self,
        index: Index,
        *,
        model_digest: str | None = None,
        progress: Callable[[int, int], None] | None = None,
    ) -> int:
        """Put every reference, or those of one model, into the index; how many there were. As `batches`."""
        loaded = 0
        for batch in self.batches(model_digest=model_digest, progress=progress):
            index.add_many(batch.collection, batch.subjects, batch.references, batch.templates)
            loaded += len(batch.references)
        return loaded

    def batches(
        self, *, model_digest: str | None = None, progress: Callable[[int, int], None] | None = None
    ) -> Iterator[Batch]:
        """Every reference, or those of one model, unsealed in batches of one collection: one snapshot of SQL.

        progress(done, of) is told after each batch. Raises StorageDamaged, which names the reference, where a
        sealed template was altered or is not in its place; and as `Database.read`.
        """
        with self._database.read() as connection:
            total = self.count(connection, model_digest=model_digest)
            seals = self._seals(connection)
            done = 0
            for page in connection.execute(_chosen(model_digest)).yield_per(BATCH).partitions():
                for alike in _sorted(page):
                    yield from _unsealed(alike, seals)
                done += len(page)
                if progress is not None:
                    progress(done, total)

    def held(self, seal: Seal, subject: str) -> tuple[Held, ...]:
        """A subject's references in the clear, oldest first: for the export of a person's own data and nothing else.

        seal: the template key of the subject's customer. Raises StorageDamaged, which names the reference.
        """
        its = templates.c
        query = select(
            its.id, its.subject_id, its.collection_id, its.customer_id, its.model_digest, its.sealed, its.created
        ).where(its.subject_id == subject)
        with self._database.read() as connection:
            rows = connection.execute(query.order_by(its.created, its.id)).all()
        found = []
        for row in rows:
            clear = seal.open(row.sealed, _bound(row[:5]))
            if clear is None:
                raise _damaged(row.id)
            found.append(Held(row.id, row.created, row.model_digest, np.frombuffer(clear, _NUMBER)))
        return tuple(found)

    def delete(self, connection: Connection, subject: str, reference: str | None = None) -> tuple[bytes, ...]:
        """Delete a subject's references, or one of them.

        Returns a trace of each sealed template, to be handed to `Database.scrub` after the commit.
        """
        mine = templates.c.subject_id == subject
        if reference is not None:
            mine &= templates.c.id == reference
        traces = [
            bytes(sealed[:_TRACE]) for sealed in connection.execute(select(templates.c.sealed).where(mine)).scalars()
        ]
        connection.execute(delete(templates).where(mine))
        return tuple(traces)

    def count(self, connection: Connection, *, subject: str | None = None, model_digest: str | None = None) -> int:
        """How many references there are: all, a subject's, or those of one model."""
        query = select(func.count()).select_from(templates)
        if subject is not None:
            query = query.where(templates.c.subject_id == subject)
        if model_digest is not None:
            query = query.where(templates.c.model_digest == model_digest)
        return int(connection.execute(query).scalar_one())

    def _seals(self, connection: Connection) -> dict[str, Seal]:
        """The template keys by customer, of those that have a key still."""
        query = select(customers.c.id, customers.c.sealed_key).where(customers.c.sealed_key.is_not(None))
        return {
            row.id: self._vault.open_customer_key(row.id, row.sealed_key).templates for row in connection.execute(query)
        }


def _bound(place: Iterable[str]) -> bytes:
    return "\n".join(("template", *place)).encode()


def _sealed_row(seal: Seal, place: Place, template: NDArray[np.float32], created: str) -> dict[str, object]:
    if template.ndim != 1 or template.dtype != np.float32 or not len(template):
        raise BadInput("A template is a vector of float32.")
    return {
        "id": place.reference,
        "subject_id": place.subject,
        "collection_id": place.collection,
        "customer_id": place.customer,
        "model_digest": place.model_digest,
        "sealed": seal.seal(template.astype(_NUMBER).tobytes(), place.bound()),
        "created": created,
    }


def _chosen(model_digest: str | None) -> _Query:
    its = templates.c
    query: _Query = select(its.id, its.subject_id, its.collection_id, its.customer_id, its.model_digest, its.sealed)
    return query if model_digest is None else query.where(its.model_digest == model_digest)


def _sorted(page: Sequence[_Row]) -> Iterable[list[_Row]]:
    """The rows of a page by collection and by the length of what is sealed; cheaper here than in SQL."""
    kinds: dict[tuple[str, int], list[_Row]] = {}
    for row in page:
        kinds.setdefault((row[2], len(row[5])), []).append(row)
    return kinds.values()


def _unsealed(rows: Sequence[_Row], seals: dict[str, Seal]) -> Iterator[Batch]:
    """One batch of rows of one collection whose sealed templates have one length; overwritten afterwards."""
    size = len(rows[0][5]) - OVERHEAD
    if size <= 0 or size % _NUMBER.itemsize:
        raise _damaged(rows[0][0])
    room = np.zeros((len(rows), size), np.uint8)
    try:
        for row, place in zip(rows, room, strict=True):
            seal = seals.get(row[3])
            if seal is None or not seal.open_into(row[5], _bound(row[:5]), place.data):
                raise _damaged(row[0])
        clear = room.view(_NUMBER).astype(np.float32, copy=False)
        yield Batch(rows[0][2], [row[1] for row in rows], [row[0] for row in rows], clear)
    finally:
        room.fill(0)


def _damaged(reference: str) -> StorageDamaged:
    return StorageDamaged(f"The sealed template of reference {reference} was altered or is not in its place.")
