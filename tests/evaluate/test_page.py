"""docs/accuracy.md says what the record in the package says."""

from __future__ import annotations

from pathlib import Path

from benchmarks.accuracy import PAGE, tables, written
from countenance.vision.calibration import Calibration


def test_the_tables_of_the_page_are_those_of_the_record() -> None:
    page, record = PAGE.read_text(encoding="utf-8"), Calibration.shipped()
    assert page == written(page, record)
    for table in tables(record).values():
        assert table in page


def test_the_sentences_of_the_page_fit_the_record() -> None:
    page, record = Path(PAGE).read_text(encoding="utf-8"), Calibration.shipped()
    assert record.verify_ppm == 2_000
    assert "at most 1 in 500" in page
    promised = {name for step in record.steps if step.rate_ppm == record.verify_ppm for name in step.carried_by}
    assert {"congress/gender=F", "congress/gender=M", "congress/everyone", "london/everyone"} <= promised
