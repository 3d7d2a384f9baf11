"""A long matrix: answered by a process for each core, in order, and the same as row by row."""

from __future__ import annotations

import json
import os
import random
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner

from countenance.cli import matrix
from countenance.cli.decide import decide
from countenance.cli.matrix import LONG, Matrix
from countenance.domain.errors import InternalError
from countenance.policy import words

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

BESIDE = ("--json", "--pack", "microsoft-2020", "--on", "2026-11-22")
ON = datetime(2026, 11, 22, 12, tzinfo=UTC)


def table(path: Path, rows: int) -> Path:
    """A CSV of asks at random, with an unknown word here and there."""
    rng = random.Random(7)  # noqa: S311
    lines = ["action,sector,country,purpose,mode,acts-for,on"]
    for _ in range(rows):
        sector = rng.choice([*words.SECTORS, "polic"])
        cells = [rng.choice(words.ACTIONS), sector, rng.choice(["US", "DE"]), rng.choice(words.PURPOSES)]
        cells += [rng.choice(["", *words.MODES]), rng.choice(["", "police;military"]), rng.choice(["", "2020-06-10"])]
        lines.append(",".join(cells))
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def test_a_long_matrix_is_answered_in_order_as_if_row_by_row(tmp_path: Path) -> None:
    path = table(tmp_path / "asks.csv", LONG + 700)
    done = CliRunner().invoke(
        decide, ["--matrix", str(path), "--json", "--pack", "microsoft-2020", "--on", "2026-11-22"]
    )
    assert done.exit_code == 0
    lines = done.stdout.splitlines()
    assert len(lines) == LONG + 700
    asked = path.read_text(encoding="utf-8").splitlines()
    for place in random.Random(8).sample(range(len(lines)), 40):  # noqa: S311
        short = tmp_path / "one.csv"
        short.write_text(f"{asked[0]}\n{asked[place + 1]}\n", encoding="utf-8")
        alone = CliRunner().invoke(decide, ["--matrix", str(short), *BESIDE])
        assert json.loads(alone.stdout) == json.loads(lines[place])


def test_a_bad_row_at_the_end_of_a_long_matrix_is_usage_before_any_answer(tmp_path: Path) -> None:
    path = table(tmp_path / "asks.csv", LONG)
    path.write_text(path.read_text(encoding="utf-8") + "verify,police,US,housing,,,2020-02-30\n", encoding="utf-8")
    done = CliRunner().invoke(decide, ["--matrix", str(path), "--json"])
    assert (done.exit_code, done.stdout) == (2, "")
    assert f"line {LONG + 2}: on: '2020-02-30'" in done.stderr


class Dying(Matrix):
    """A matrix whose processes die of their first row."""

    def lines(self, rows: Sequence[matrix.Row]) -> list[str]:
        if rows:
            os._exit(9)
        return []


def test_a_process_that_dies_is_an_error_with_a_next_step(tmp_path: Path) -> None:
    if matrix.cores() == 1:
        pytest.skip("on one core all rows are answered in this process")
    with pytest.raises(InternalError, match="has died"):
        matrix.answer(table(tmp_path / "asks.csv", LONG), Dying({}, ON, False, True))  # noqa: FBT003


@pytest.mark.parametrize("said", [{"mode": ("post", "one-off")}, {"on": ("2020-01-01", "2020-01-02")}])
def test_a_default_that_is_given_twice_is_usage(tmp_path: Path, said: dict[str, tuple[str, ...]]) -> None:
    (tmp_path / "asks.csv").write_text("action,sector,country,purpose\nverify,police,US,housing\n")
    ((flag, words_of),) = said.items()
    twice = [part for word in words_of for part in (f"--{flag}", word)]
    done = CliRunner().invoke(decide, ["--matrix", str(tmp_path / "asks.csv"), *twice])
    assert done.exit_code == 2
    assert f"--{flag} is given 2 times" in done.stderr


def test_no_more_processes_than_cores() -> None:
    assert 1 <= matrix.cores() <= (os.cpu_count() or 1)
