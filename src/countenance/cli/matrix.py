"""`countenance decide --matrix`: a table of asks, answered row by row, on every core that this process may use.

All rows are read before one is answered, so a bad one leaves no half output. A long table is answered in parts by
processes of their own, each of which reads its part anew; the parts are printed in order. Nothing is decided here.
Contract: docs/policy.md, "On the command line".
"""

from __future__ import annotations

import csv
import json
import os
import signal
import sys
from collections import deque
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import chain, islice
from multiprocessing import get_context
from typing import TYPE_CHECKING

import click

from countenance.domain.errors import BadInput, InternalError
from countenance.policy import whatif, wire
from countenance.service import decide as service

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
    from concurrent.futures import Future
    from datetime import datetime
    from pathlib import Path

    from countenance.domain.decision import Verdict

    Row = dict[str, tuple[str, ...]]
    Said = Mapping[str, Sequence[str]]

MOST = 50_000_000  # bytes of a matrix; about 300,000 rows
PART = 500  # rows that are answered together
LONG = 2_000  # rows from which on a process for each core is worth its start, of some half a second
AHEAD = 4  # parts for each process that wait to be printed at most
TOLD = 10_000  # rows from which on a terminal is told how far it is


@dataclass(frozen=True, slots=True)
class Matrix:
    """What is beside the rows. said: flags that are defaults for every row; now: the aware time to assume."""

    said: Said
    now: datetime
    lifted: bool
    as_json: bool

    def lines(self, rows: Sequence[Row]) -> list[str]:
        """A line for each row, in order. Raises BadInput for one that cannot be read."""
        read = service.Questions(self.now).read
        questions = [read({**self.said, **row}) for row in rows]
        if self.lifted:
            verdicts = [service.verdict(question, lifts=True) for question in questions]
        else:
            verdicts = service.verdicts(questions)
        return [self._line(question, verdict) for question, verdict in zip(questions, verdicts, strict=True)]

    def _line(self, question: whatif.WhatIf, verdict: Verdict) -> str:
        if not self.as_json:
            return f"{verdict.answer:6}{', '.join([each.id for each in verdict.reasons] or verdict.errors)}"
        body = wire.answer(verdict, question.facts.on, question.assumed)
        if not self.lifted:
            del body["lifted_when"]
        return json.dumps(body, ensure_ascii=False)


def answer(path: Path, matrix: Matrix) -> None:
    """Answer every row of the file, in order. Raises BadInput, before any is answered, where one cannot be read."""
    text = _text(path)
    processes = min(cores(), 1 + text.count("\n") // PART) if text.count("\n") >= LONG else 1
    with _answering(matrix, processes) as answered:
        rows = _read(path.name, text, matrix)  # while the processes start
        done = 0
        for lines in answered(rows[start : start + PART] for start in range(0, len(rows), PART)):
            click.echo("\n".join(lines))
            done += len(lines)
            _tell(done, len(rows))


def cores() -> int:
    """How many cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _read(name: str, text: str, matrix: Matrix) -> list[Row]:
    """Every row, once each is known to be a question."""
    check, rows = service.Questions(matrix.now).check, []
    for number, row in _rows(name, text):
        try:
            check({**matrix.said, **row})
        except BadInput as error:
            raise BadInput(f"line {number}: {error.message}") from None
        rows.append(row)
    return rows


@contextmanager
def _answering(matrix: Matrix, processes: int) -> Iterator[Callable[[Iterable[list[Row]]], Iterator[list[str]]]]:
    """What gives the lines of each part, in order: here, or in processes that start now."""
    if processes == 1:
        yield lambda parts: map(matrix.lines, parts)
        return
    pool = ProcessPoolExecutor(processes, get_context("spawn"), _begin, (matrix,))
    try:
        begun = [pool.submit(_part, []) for _ in range(processes)]
        yield lambda parts: islice(
            _in_order(chain(begun, (pool.submit(_part, part) for part in parts)), processes * AHEAD), processes, None
        )
    except BrokenProcessPool:
        step = "See whether the machine has memory to spare, or part the matrix."
        raise InternalError("a process that answers rows has died", next_step=step) from None
    finally:
        pool.shutdown(cancel_futures=True)


def _in_order(begun: Iterator[Future[list[str]]], ahead: int) -> Iterator[list[str]]:
    """The result of each, in the order in which they were begun, with no more than so many under way."""
    waiting = deque(islice(begun, ahead))
    while waiting:
        yield waiting.popleft().result()
        waiting.extend(islice(begun, 1))


_MATRIX: list[Matrix] = []
"""Of a process that answers parts: what is beside its rows."""


def _begin(matrix: Matrix) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C ends the process that prints, and it ends these
    _MATRIX[:] = [matrix]


def _part(rows: list[Row]) -> list[str]:
    return _MATRIX[0].lines(rows)


def _tell(done: int, of: int) -> None:
    if of >= TOLD and sys.stderr.isatty():
        click.echo(f"\ranswered {done:,} of {of:,}", err=True, nl=done == of)


def _rows(name: str, text: str) -> Iterator[tuple[int, Row]]:
    """(line number, values by flag) of each row; BadInput names an unknown column or a bad row."""
    lines = csv.reader(text.splitlines(), strict=True)
    try:
        columns = next(lines, [])
        _check_columns(name, columns)
        for cells in lines:
            if not cells:
                continue
            if len(cells) != len(columns):
                raise BadInput(f"{name}: line {lines.line_num}: {len(cells)} cells for {len(columns)} columns")
            yield lines.line_num, dict(_values(zip(columns, cells, strict=True)))
    except csv.Error as error:
        raise BadInput(f"{name}: line {lines.line_num}: is not CSV: {error}") from None


def _text(path: Path) -> str:
    try:
        with path.open("rb") as source:
            raw = source.read(MOST + 1)
    except OSError as error:
        raise BadInput(f"{path.name}: cannot be read ({error.strerror})") from None
    if len(raw) > MOST:
        raise BadInput(f"{path.name}: is longer than {MOST} bytes; part it")
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise BadInput(f"{path.name}: is not UTF-8") from None


def _check_columns(name: str, columns: Sequence[str]) -> None:
    for column in columns:
        if column not in whatif.FLAGS:
            raise BadInput(f"{name}: {column!r} is not a column; known are {', '.join(whatif.FLAGS)}")
    if not columns or len(set(columns)) != len(columns):
        raise BadInput(f"{name}: the first line must name each column once")


def _values(cells: Iterable[tuple[str, str]]) -> Iterator[tuple[str, tuple[str, ...]]]:
    """The values of each cell; an empty one is an absent flag."""
    for flag, cell in cells:
        parts = cell.split(";") if flag in whatif.SETS else [cell]
        if values := tuple([part for part in parts if part]):
            yield flag, values
