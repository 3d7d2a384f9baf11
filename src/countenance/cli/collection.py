"""`countenance collection`: galleries, each of one customer for one purpose."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING

import click

from countenance.cli import surface

if TYPE_CHECKING:
    from pathlib import Path


@click.group()
def collection() -> None:
    """Make and list collections.

    \b
    Examples:
      countenance collection create staff --purpose access-control --key gym.key
      countenance collection list --key gym.key --json
    """


@collection.command()
@click.argument("name")
@click.option("--purpose", required=True, help="One purpose of the grant.")
@click.option("--keep-days", type=click.IntRange(1, 3650), help="Who was not met for so many days is erased.")
@surface.key_option
@surface.house_options
def create(
    name: str, purpose: str, keep_days: int | None, key_file: Path | None, data: Path | None, keys: Path | None,
    as_json: bool,
) -> None:  # fmt: skip
    """Make a collection called NAME.

    \b
    Example:
      countenance collection create staff --purpose access-control --key gym.key
    """
    from countenance.service import people

    with surface.opened(surface.settings(data, keys), quiet=as_json) as house:
        who = surface.principal(house, key_file)
        made = people.create_collection(house, who, name, purpose, keep_days=keep_days)
    surface.show(asdict(made), as_json=as_json, sentences=lambda: [f"{made.name}: {made.purpose}  {made.id}"])


@collection.command(name="list")
@surface.key_option
@surface.house_options
def list_all(key_file: Path | None, data: Path | None, keys: Path | None, as_json: bool) -> None:
    """List the collections of the key's customer.

    \b
    Example:
      countenance collection list --json
    """
    from countenance.service import people

    with surface.opened(surface.settings(data, keys), quiet=as_json) as house:
        mine = people.list_collections(house, surface.principal(house, key_file))
    lines = [f"{one.name}: {one.purpose}  {one.id}" for one in mine] or ["no collections"]
    surface.show({"collections": [asdict(one) for one in mine]}, as_json=as_json, sentences=lambda: lines)
