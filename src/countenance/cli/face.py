"""`countenance face`: detect and compare photographs without enrolling anybody; gate and leaves as everywhere."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from countenance.cli import surface

PHOTO = click.Path(path_type=Path, exists=True, dir_okay=False)


@click.group()
def face() -> None:
    """Find faces, or compare two photographs; nobody is enrolled and nothing is kept.

    \b
    Examples:
      countenance face detect party.jpg --purpose identity-verification
      countenance face compare one.jpg other.jpg --purpose identity-verification --json
    """


@face.command()
@click.argument("photos", type=PHOTO, nargs=-1, required=True)
@surface.use_options
@surface.key_option
@surface.house_options
def detect(
    photos: tuple[Path, ...], key_file: Path | None, data: Path | None, keys: Path | None, as_json: bool,
    **said: Any,
) -> None:  # fmt: skip
    """Where the faces are and how good their picture is, largest first.

    \b
    Example:
      countenance face detect party.jpg --purpose identity-verification
    """
    from countenance.service import shown
    from countenance.service.detect import detect as do

    use = surface.use_of(said)
    with surface.opened(surface.settings(data, keys), quiet=as_json) as house:
        who = surface.principal(house, key_file)
        for photo in photos:
            answer = do(house, who, surface.photo(photo), use)
            body = {"photo": photo.name, **shown.detected(answer)}
            lines = _found(photo, body["faces"])
            surface.show(body, as_json=as_json, sentences=lambda lines=lines: lines)  # type: ignore[misc]


@face.command()
@click.argument("photo", type=PHOTO)
@click.argument("others", type=PHOTO, nargs=-1, required=True)
@surface.use_options
@surface.key_option
@surface.house_options
def compare(
    photo: Path, others: tuple[Path, ...], key_file: Path | None, data: Path | None, keys: Path | None,
    as_json: bool, **said: Any,
) -> None:  # fmt: skip
    """Does each of OTHERS show the person in PHOTO? More than a few in turn count as identification.

    \b
    Example:
      countenance face compare one.jpg other.jpg --purpose identity-verification
    """
    from countenance.cli.subject import likeness_lines
    from countenance.service import shown
    from countenance.service.verify import compare as do

    use = surface.use_of(said)
    with surface.opened(surface.settings(data, keys), quiet=as_json) as house:
        who = surface.principal(house, key_file)
        for other in others:
            answer = do(house, who, surface.photo(photo), surface.photo(other), use)
            body = {"photo": other.name, **shown.compared(answer)}
            lines = [f"{photo.name} and {other.name}:", *likeness_lines(answer, answer.result.likeness)]
            surface.show(body, as_json=as_json, sentences=lambda lines=lines: lines)  # type: ignore[misc]


def _found(photo: Path, faces: list[dict[str, Any]]) -> list[str]:
    lines = [f"{photo.name}: {len(faces)} face(s)"]
    for found in faces:
        box = found["box"]
        poor = [measure["says"] for measure in found["quality"] if not measure["ok"]]
        lines.append(f"  {box['width']:.0f} × {box['height']:.0f} px at {box['x']:.0f}, {box['y']:.0f}"
                     f"{': ' + '; '.join(poor) if poor else ''}")  # fmt: skip
    return lines
