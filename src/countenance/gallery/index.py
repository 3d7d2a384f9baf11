"""The index: every collection's templates in memory, for comparison and for exact search.

It is derived from SQL, never trusted, and rebuilt at each start. Collections are isolated: a call names one
and touches no other. What is removed is overwritten and out of reach before `remove_subject` returns. The
caller says who may be a candidate; there is no way to ask for everybody. The index never decides, logs or
stores, and gives no template out. Thread-safe: a search sees one state of its collection, before or after
any change.
"""

from __future__ import annotations

import math
from threading import Lock
from typing import TYPE_CHECKING

import numpy as np

from countenance.domain.errors import BadInput, Conflict
from countenance.gallery.lock import SharedLock
from countenance.gallery.rows import Mask, Rows
from countenance.gallery.search import Best, Found, Hit, compare, search

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from countenance.gallery.rows import Floats

__all__ = ["Best", "Found", "Hit", "Index"]

TOP_MAX = 100  # candidates of one search
UNIT_TOLERANCE = 1e-4  # how far a template's L2 norm may be from 1


class _Gallery:
    """One collection with its locks. `masks`: two readers must not both build a mask."""

    __slots__ = ("lock", "masks", "rows")

    def __init__(self, dimension: int) -> None:
        self.lock = SharedLock()
        self.masks = Lock()
        self.rows = Rows(dimension)

    def mask(self, allowed: frozenset[str]) -> Mask:
        with self.masks:
            return self.rows.mask(allowed)


class Index:
    """All collections of a house. dimension: numbers in a template."""

    def __init__(self, dimension: int) -> None:
        if dimension < 1:
            raise BadInput("A template has one number at least.")
        self.dimension = dimension
        self._galleries: dict[str, _Gallery] = {}
        self._lock = Lock()

    def add(self, collection: str, subject: str, reference: str, template: NDArray[np.float32]) -> None:
        """Add one reference. template: (D,) float32, unit L2; copied.

        Raises BadInput for a template of another shape or type, not finite or not unit, or an empty id;
        Conflict where the subject has a reference of this id.
        """
        self.add_many(collection, (subject,), (reference,), self._checked(template, (self.dimension,))[None])

    def add_many(
        self, collection: str, subjects: Sequence[str], references: Sequence[str], templates: NDArray[np.float32]
    ) -> None:
        """Add many references at once, all or none. templates: (n, D) float32, each unit L2; copied. As
        `add`."""
        checked = self._checked(templates, (len(references), self.dimension))
        if len(subjects) != len(references) or not all(subjects) or not all(references):
            raise BadInput("A reference needs its id and its subject's.")
        if len(set(zip(subjects, references, strict=True))) != len(references):
            raise Conflict("A reference was given twice.")
        gallery = self._gallery(collection)
        with gallery.lock.alone():
            rows = gallery.rows
            for subject, reference in zip(subjects, references, strict=True):
                mine = rows.of(subject)
                if mine and any(rows.references[row] == reference for row in mine):
                    raise Conflict("The subject has a reference of this id already.")
            rows.add(subjects, references, checked)

    def remove_subject(self, collection: str, subject: str) -> int:
        """Overwrite and forget all references of a subject; how many there were.

        Waits for the searches that run. When it returns, no search will find the subject.
        """
        return self._remove(collection, subject, None)

    def remove_reference(self, collection: str, subject: str, reference: str) -> int:
        """As `remove_subject`, for one reference; 1, or 0 where it was not there."""
        return self._remove(collection, subject, reference)

    def __len__(self) -> int:
        """References of all collections; it waits for nobody, so a change under way counts or not."""
        with self._lock:
            galleries = tuple(self._galleries.values())
        return sum(len(gallery.rows) for gallery in galleries)

    def count(self, collection: str, subject: str | None = None) -> int:
        """How many references a collection has, or one subject in it."""
        gallery = self._galleries.get(collection)
        if gallery is None:
            return 0
        with gallery.lock.shared():
            return len(gallery.rows) if subject is None else len(gallery.rows.of(subject))

    def score(self, collection: str, subject: str, probe: NDArray[np.float32]) -> Best | None:
        """The best score of a probe over the subject's references, or None where it has none here.

        A score is a cosine, and never shown outside the house. Raises BadInput as `search`.
        """
        checked = self._checked(probe, (self.dimension,))
        gallery = self._galleries.get(collection)
        if gallery is None:
            return None
        with gallery.lock.shared():
            return compare(gallery.rows, subject, checked)

    def search(
        self,
        collection: str,
        probe: NDArray[np.float32],
        *,
        allowed: frozenset[str],
        threshold: float,
        top: int = 5,
    ) -> Found:
        """The best `top` subjects among `allowed` whose best reference has a cosine of `threshold` or more.

        probe: (D,) float32, unit L2. Subjects and order are those of a naive loop in float64, ties by id;
        scores are within 1e-6 of it. Give the same frozenset object again while the candidates are the
        same: its mask is kept, so a search does not cost time for each candidate. A collection without
        references has no match. Raises BadInput for a probe of another shape or type, not finite or not
        unit, a threshold that is not a number, or `top` outside 1 to 100.
        """
        checked = self._checked(probe, (self.dimension,))
        return self._search(collection, checked[None], allowed, threshold, top)[0]

    def search_many(
        self,
        collection: str,
        probes: NDArray[np.float32],
        *,
        allowed: frozenset[str],
        threshold: float,
        top: int = 5,
    ) -> tuple[Found, ...]:
        """As `search` for each row of probes (Q, D), all against one state of the collection, and faster."""
        return self._search(collection, self._checked(probes, (None, self.dimension)), allowed, threshold, top)

    def _search(
        self, collection: str, probes: Floats, allowed: frozenset[str], threshold: float, top: int
    ) -> tuple[Found, ...]:
        if math.isnan(threshold) or not 1 <= top <= TOP_MAX:
            raise BadInput(f"A search needs a threshold and asks for 1 to {TOP_MAX} candidates.")
        gallery = self._galleries.get(collection)
        if gallery is None:
            return (Found(),) * len(probes)
        with gallery.lock.shared():
            return search(gallery.rows, probes, gallery.mask(allowed), threshold, top)

    def _remove(self, collection: str, subject: str, reference: str | None) -> int:
        gallery = self._galleries.get(collection)
        if gallery is None:
            return 0
        with gallery.lock.alone():
            return gallery.rows.remove(subject, reference)

    def _gallery(self, collection: str) -> _Gallery:
        if not collection:
            raise BadInput("A collection needs its id.")
        with self._lock:
            if collection not in self._galleries:
                self._galleries[collection] = _Gallery(self.dimension)
            return self._galleries[collection]

    def _checked(self, templates: NDArray[np.float32], shape: tuple[int | None, ...]) -> Floats:
        """The same array, contiguous, after it was found to be unit templates of this index."""
        if templates.dtype != np.float32:
            raise BadInput("A template is an array of float32.")
        if templates.ndim != len(shape) or any(
            want is not None and have != want for have, want in zip(templates.shape, shape, strict=True)
        ):
            raise BadInput(f"A template of this index has {self.dimension} numbers.")
        norms = np.sqrt(np.einsum("...d,...d->...", templates, templates))
        if not bool(np.all(np.abs(norms - 1) <= UNIT_TOLERANCE)):  # false for NaN too
            raise BadInput("A template must be finite and of length 1.")
        return np.ascontiguousarray(templates)
