"""The figures of docs/accuracy.md: `python -m benchmarks.accuracy [--faces DIR] [--write] [--json]`.

It embeds the photographs again, makes the calibration record anew and holds it against the one in the package:
each threshold must be the same to two thousandths of the cosine (models run a little differently on other
processors), each count of pairs exactly. `--write` writes the tables of the page from the record in the package and
needs no photographs.
"""

from __future__ import annotations

import argparse
import re
import tempfile
import tomllib
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.calibrate import FACES, SETS, Described, embedded
from benchmarks.rows import Row, report, skipped
from countenance.service.calibrate import calibrate
from countenance.vision import models
from countenance.vision.calibration import MILLION, Calibration, Count, DataSet, Group
from countenance.vision.engine import Engine

if TYPE_CHECKING:
    from collections.abc import Sequence

PAGE = Path(__file__).resolve().parent.parent / "docs" / "accuracy.md"
TOLERANCE = 2  # thousandths of the cosine


def tables(record: Calibration) -> dict[str, str]:
    """The generated parts of the page, by the name of their marker."""
    return {"record": _record(record), "steps": _steps(record), "groups": _groups(record)}


def written(page: str, record: Calibration) -> str:
    """The page with its generated parts made anew."""
    for name, table in tables(record).items():
        part = re.compile(rf"(<!-- {name} -->\n).*?(<!-- /{name} -->)", re.DOTALL)
        page = part.sub(lambda found, table=table: f"{found[1]}{table}\n{found[2]}", page)  # type: ignore[misc]
    return page


def _record(record: Calibration) -> str:
    head = f"Record `{record.digest}`, made on {record.made_on} with model `{record.model_digest}`."
    return "\n".join([head, "", *(_set(held) for held in record.sets)])


def _set(held: DataSet) -> str:
    return (
        f"- `{held.name}`: {held.title}. {held.photographs:,} photographs of {held.people:,} people, "
        f"{held.not_found:,} without a found face. Source: {held.source}. Licence: {held.licence}. "
        f"Good for: {held.good_for}. Not good for: {held.not_good_for}. Groups of fewer than five people, given "
        f"no figure: {', '.join(held.unmeasured) or 'none'}."
    )


def _steps(record: Calibration) -> str:
    lines = ["| rate | decided by | groups that carry it | groups too small |", "| --- | --- | --- | --- |"]
    for step in record.steps:
        names = ", ".join(step.carried_by) if step.rate_ppm <= record.verify_ppm else str(len(step.carried_by))
        lines.append(f"| 1 in {MILLION // step.rate_ppm:,} | {step.decided_by} | {names} | {len(step.too_small)} |")
    return "\n".join(lines)


def _groups(record: Calibration) -> str:
    lines = [
        "| group | people | pairs of people | carries | false matches | FMR, 95 % | false non-matches | FNMR, 95 % |",
        "| --- | --- | --- | --- | --- | --- | --- | --- |",
    ]
    lines += [_group(group) for group in record.groups]
    return "\n".join(lines)


def _group(group: Group) -> str:
    carries = f"1 in {MILLION // group.carries_ppm:,}" if group.carries_ppm else "no rate"
    cells = [group.name, f"{group.people:,}", f"{group.pairs:,}", carries, *_count(group.false_match)]
    return "| " + " | ".join([*cells, *(_count(group.false_non_match) if group.false_non_match else ("-", "-"))]) + " |"


def _count(count: Count) -> tuple[str, str]:
    return f"{count.errors:,} of {count.trials:,}", f"{count.low_ppm / 1e4:.4f} to {count.high_ppm / 1e4:.4f} %"


def rows(shipped: Calibration, again: Calibration) -> list[Row]:
    """Every step and group of the record, measured again."""
    found = [Row("listed rates", len(again.steps), "", f"{len(shipped.steps)}", len(again.steps) == len(shipped.steps))]
    for old, new in zip(shipped.steps, again.steps, strict=False):
        off = abs(new.threshold_milli - old.threshold_milli)
        goal = f"at most {TOLERANCE} off"
        found.append(Row(f"threshold of 1 in {MILLION // old.rate_ppm:,}", off, "thousandths", goal, off <= TOLERANCE))
    pairs = {group.name: group.pairs for group in again.groups}
    for group in shipped.groups:
        seen = pairs.get(group.name, 0)
        found.append(Row(f"pairs of {group.name}", seen, "", f"{group.pairs}", seen == group.pairs))
    return found


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description="Reproduce the figures of docs/accuracy.md.")
    parser.add_argument("--faces", type=Path, default=FACES, help="the folder that holds the sets")
    parser.add_argument("--write", action="store_true", help="write the page's tables from the record in the package")
    parser.add_argument("--json", action="store_true")
    asked = parser.parse_args(arguments)
    shipped = Calibration.shipped()
    if asked.write:
        PAGE.write_text(written(PAGE.read_text(encoding="utf-8"), shipped), encoding="utf-8")
        return 0
    if not asked.faces.is_dir():
        return report([skipped("all sets")], asked.json)
    sets = tomllib.loads(SETS.read_text(encoding="utf-8"))
    manifest = models.shipped()
    with tempfile.TemporaryDirectory() as cache, Engine.load(manifest, Path(cache)) as engine:
        measured = [embedded(engine, Described.read(asked.faces, words)) for words in sets["set"]]
    made_on = date.fromisoformat(shipped.made_on)
    again = calibrate(measured, model=manifest.name, model_digest=manifest.digest, made_on=made_on, why=shipped.why)
    return report(rows(shipped, again), asked.json)


if __name__ == "__main__":
    raise SystemExit(main())
