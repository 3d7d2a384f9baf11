"""The gallery as anybody would write it first: a dictionary and a loop in float64. What the index must equal."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Template = NDArray[np.float32]


def unit(numbers: NDArray[np.floating]) -> Template:
    return (numbers / np.linalg.norm(numbers)).astype(np.float32)


def cosine(one: Template, other: Template) -> float:
    return float((one.astype(np.float64) * other.astype(np.float64)).sum())


class Naive:
    """{collection: {subject: {reference: template}}}."""

    def __init__(self) -> None:
        self.galleries: dict[str, dict[str, dict[str, Template]]] = {}

    def add(self, collection: str, subject: str, reference: str, template: Template) -> None:
        self.galleries.setdefault(collection, {}).setdefault(subject, {})[reference] = template.copy()

    def remove(self, collection: str, subject: str) -> int:
        return len(self.galleries.get(collection, {}).pop(subject, {}))

    def search(
        self, collection: str, probe: Template, allowed: frozenset[str], threshold: float, top: int
    ) -> tuple[list[tuple[str, str, float]], float | None]:
        """(subject, reference, score) best first, and the margin."""
        best = sorted(
            min((-cosine(template, probe), subject, reference) for reference, template in references.items())
            for subject, references in self.galleries.get(collection, {}).items()
            if subject in allowed
        )
        hits = [(subject, reference, -score) for score, subject, reference in best[:top] if -score >= threshold]
        return hits, (best[1][0] - best[0][0] if hits and len(best) > 1 else None)
