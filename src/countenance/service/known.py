"""What the server knows of itself, for an accountability report: model, versions, measured error rates by group.

It reads manifest and calibration record, and measures nothing. Source: docs/washington.md, "The report".
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from countenance import __version__
from countenance.statute.report import Known, Rate

if TYPE_CHECKING:
    from collections.abc import Iterator

    from countenance.service.app import House
    from countenance.statute.book import Book
    from countenance.vision.calibration import Calibration, Group


def known(house: House, book: Book) -> Known:
    """As of now: the model and the record in use, and what independent tests in an agency's book found."""
    record = house.calibration
    return Known(
        software=f"Countenance {__version__}",
        model=house.engine.model_digest,
        threshold=record.digest,
        parts=tuple(_parts(house)),
        evaluated_on=record.made_on,
        promised_ppm=record.verify_ppm,
        measured=tuple(f"{one.title}: {one.people} people. Good for: {one.good_for}. Not good for: {one.not_good_for}."
                       for one in record.sets),
        rates=tuple(_rates(record)),
        independent=tuple(rate for test in book.of("independent-test") for rate in sorted(test.paper.rates.items())),
    )  # fmt: skip


def _parts(house: House) -> Iterator[str]:
    """A sentence for each network: whose, under what licence, what is known of those who trained it."""
    manifest = house.engine.manifest
    for name, part in (("Detector", manifest.detector.file), ("Embedder", manifest.embedder.file)):
        yield (f"{name}: {part.title} {part.package_version}, {part.source}, licence {part.licence}; trained on: "
               f"{part.provenance}. {part.provenance_note}")  # fmt: skip


def _rates(record: Calibration) -> Iterator[Rate]:
    for group in record.groups:
        yield from _of_group(group)


def _of_group(group: Group) -> Iterator[Rate]:
    kinds = (("false match", group.false_match), ("false non-match", group.false_non_match))
    for kind, count in kinds:
        if count is not None:
            yield Rate(group.name, kind, count.errors, count.trials, count.low_ppm, count.high_ppm)
