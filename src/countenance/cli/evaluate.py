"""`countenance evaluate`.

How well the engine does on labelled photographs; rates over many people, never scores.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from countenance.cli import surface

if TYPE_CHECKING:
    from collections.abc import Callable

    from countenance.fairness import Rate
    from countenance.service.designs import GroupRates, Rates
    from countenance.service.evaluate import Report

_FILE = click.Path(path_type=Path, exists=True, dir_okay=False)
_NO_FIGURE = "no figure"


@click.command()
@click.option(
    "--images",
    type=click.Path(path_type=Path, file_okay=False),
    required=True,
    help="The folder of photographs; file names in the CSV are below it.",
)
@click.option("--pairs", type=_FILE, help="CSV: file_a,file_b,mated[,fold].")
@click.option("--labels", type=_FILE, help="CSV: file,subject and a column per grouping (gender, ethnicity, ...).")
@surface.use_options
@surface.key_option
@surface.house_options
def evaluate(
    images: Path, pairs: Path | None, labels: Path | None, key_file: Path | None, data: Path | None,
    keys: Path | None, as_json: bool, **said: Any,
) -> None:  # fmt: skip
    """Rates with 95 % intervals on your own photographs: FTA, FMR, FNMR, FAR, FRR, by folds and by group.

    Each photograph is embedded once and nothing of it is kept. A rate that your photographs cannot carry is
    given as "no figure".

    \b
    Examples:
      countenance evaluate --images faces --labels faces/labels.csv --purpose independent-testing
      countenance evaluate --images lfw --pairs pairs.csv --purpose independent-testing --json
    """
    if (pairs is None) == (labels is None):
        raise click.UsageError("Give either --pairs or --labels.")
    from countenance.service import shown
    from countenance.service.evaluate import evaluate_for
    from countenance.service.trials import read_labels, read_pairs

    use = surface.use_of(said)
    trials = read_pairs(pairs, images) if pairs is not None else read_labels(labels or images, images)
    with surface.opened(surface.settings(data, keys), quiet=as_json) as house:
        who = surface.principal(house, key_file)
        answer = evaluate_for(house, who, trials, use, _progress(quiet=as_json))
        body = shown.answer(answer, **wire(answer.result))
        lines = [*table(answer.result), *surface.receipt_lines(answer.receipt)]
        surface.show(body, as_json=as_json, sentences=lambda: lines)


def _progress(*, quiet: bool) -> Callable[[int, int], None]:
    def show(done: int, of: int) -> None:
        shown = done % 10 == 0 or done == of
        if shown and not quiet and sys.stderr.isatty():
            filled = 30 * done // of
            click.echo(f"\r[{'#' * filled:<30}] {done:,} of {of:,} photographs", err=True, nl=done == of)

    return show


# -- JSON ----------------------------------------------------------------------------------------------------


def wire(report: Report) -> dict[str, Any]:
    """The report as JSON. A rate is {errors, trials, rate, low, high}; null is "no figure"."""
    operating, folds = report.operating, report.folds
    return {
        "photographs": report.photographs,
        "people": report.people,
        "comparisons": {"mated": report.mated, "non_mated": report.non_mated},
        "failures": dict(report.failures),
        "several_faces": report.several_faces,
        "fta": _rate(report.fta),
        "operating": None if operating is None else {
            "calibration": operating.record, "promised_fmr": operating.promised_fmr, **_rates(operating.rates),
        },
        "fnmr_at_fmr": [{"fmr": fmr, "fnmr": _rate(found)} for fmr, found in report.fnmr_at],
        "folds": None if folds is None else {
            "accuracy": _short(folds.mean), "deviation": _short(folds.deviation),
            "each": [_short(one) for one in folds.accuracies],
        },
        "groups": [_group(group) for group in report.groups],
        "ungrouped": dict(report.ungrouped),
    }  # fmt: skip


def _group(group: GroupRates) -> dict[str, Any]:
    return {
        "column": group.column, "word": group.word, "people": group.people, "photographs": group.photographs,
        "carries": group.carries, "fta": _rate(group.fta), **_rates(group.rates),
    }  # fmt: skip


def _rates(rates: Rates) -> dict[str, Any]:
    return {name: _rate(getattr(rates, name)) for name in ("fmr", "fnmr", "far", "frr")}


def _rate(rate: Rate | None) -> dict[str, Any] | None:
    if rate is None or rate.value is None:
        return None
    return {
        "errors": rate.errors, "trials": rate.trials, "rate": _short(rate.value),
        "low": _short(rate.interval.low), "high": _short(rate.interval.high),
    }  # fmt: skip


def _short(value: float) -> float:
    return float(f"{value:.6g}")


# -- a table for people --------------------------------------------------------------------------------------


def table(report: Report) -> list[str]:
    """The report in lines."""
    people = "" if report.people is None else f" of {report.people:,} people"
    failed = ", ".join(f"{count:,} {code}" for code, count in report.failures.items()) or "none"
    lines = [
        f"{report.photographs:,} photographs{people}; {report.mated:,} mated and {report.non_mated:,} non-mated pairs",
        f"photographs without a usable face: {failed}; with several faces (largest used): {report.several_faces:,}",
        _line("FTA", report.fta),
    ]
    if report.operating is not None:
        lines += ["", f"At the threshold that promises a false match rate of {report.operating.promised_fmr:g}"]
        lines += [_line(name.upper(), getattr(report.operating.rates, name)) for name in ("fmr", "fnmr", "far", "frr")]
    lines += ["", "FNMR at a false match rate of"]
    lines += [_line(f"{fmr:g}", rate) for fmr, rate in report.fnmr_at]
    if report.folds is not None:
        lines += ["", f"accuracy over {len(report.folds.accuracies)} folds: "
                  f"{report.folds.mean:.2%} ± {report.folds.deviation:.2%}"]  # fmt: skip
    return [*lines, *_groups(report)]


def _groups(report: Report) -> list[str]:
    lines = ["", "By group, among its own people"] if report.groups else []
    for group in report.groups:
        small = "" if group.carries else "  (too few people to carry the promised rate)"
        lines.append(f"{group.column} {group.word}: {group.people:,} people{small}")
        lines += [_line("FMR", group.rates.fmr), _line("FNMR", group.rates.fnmr)]
    for column, count in report.ungrouped.items():
        lines.append(f"{column}: {count:,} further words, each with too few people for a figure")
    return lines


def _line(name: str, rate: Rate | None) -> str:
    if rate is None or rate.value is None:
        return f"  {name:<8} {_NO_FIGURE}"
    interval = f"{rate.interval.low:.3%} to {rate.interval.high:.3%}"
    return f"  {name:<8} {rate.value:>9.4%}   95 %: {interval}   ({rate.errors:,} of {rate.trials:,})"
