"""`countenance doctor`: look a house over. Thin: settings, findings, exit code."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING

import click

from countenance.cli import surface

if TYPE_CHECKING:
    from pathlib import Path

    from countenance.service.doctor import Check


@click.command()
@surface.house_options
@click.pass_context
def doctor(ctx: click.Context, data: Path | None, keys: Path | None, as_json: bool) -> None:
    """Look a house over, also while its server runs: disk, modes, clock, log, database, models, policy.

    It changes nothing. Exit code 0 where all is well, 1 where something is to be done, which it says.

    \b
    Examples:
      countenance doctor
      countenance doctor --data /var/lib/countenance --keys /etc/countenance --json
    """
    from countenance.service.doctor import examine
    from countenance.service.founding import wall_clock

    checks = examine(surface.settings(data, keys), wall_clock())
    well = all(check.ok for check in checks)
    body = {"ok": well, "checks": [asdict(check) for check in checks]}
    surface.show(body, as_json=as_json, sentences=lambda: [line for check in checks for line in _lines(check)])
    ctx.exit(0 if well else 1)


def _lines(check: Check) -> list[str]:
    first = f"{'ok  ' if check.ok else 'ILL '} {check.name:<12} {check.says}"
    return [first, f"     {'':<12} next: {check.next_step}"] if check.next_step else [first]
