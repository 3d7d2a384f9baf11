"""What the commands share: the options that name a house and a key, and how answers are printed."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable
from contextlib import contextmanager, nullcontext
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from countenance import config
from countenance.domain.errors import BadInput, Unauthenticated
from countenance.storage import files

if TYPE_CHECKING:
    from collections.abc import Iterator
    from contextlib import AbstractContextManager

    from countenance.service.app import House
    from countenance.service.auth import Principal
    from countenance.service.checks import Look
    from countenance.service.use import Use
    from countenance.service.witnesses import Post

F = TypeVar("F", bound=Callable[..., Any])
PHOTO_LIMIT = 5 * 1024 * 1024  # bytes; the decoder's own limit, checked again there
KEY_LIMIT = 4096  # bytes of a key file


def house_options(command: F) -> F:
    """--data, --keys and --json."""
    for option in (
        click.option("--json", "as_json", is_flag=True, help="Print one JSON document instead of sentences."),
        click.option("--keys", type=click.Path(path_type=Path, file_okay=False), envvar="COUNTENANCE_KEYS",
                     help="Folder of the master key, outside the data folder."),
        click.option("--data", type=click.Path(path_type=Path, file_okay=False), envvar="COUNTENANCE_DATA",
                     help="The folder of state."),
    ):  # fmt: skip
        command = option(command)
    return command


def key_option(command: F) -> F:
    """--key FILE: who asks."""
    return click.option(
        "--key", "key_file", type=click.Path(path_type=Path, dir_okay=False), envvar="COUNTENANCE_KEY_FILE",
        help="File with the key to ask with; your own after `init --for-myself`.",
    )(command)  # fmt: skip


def use_options(command: F) -> F:
    """What a call says of itself: it may narrow the grant, never widen it."""
    for name in ("purpose", "mode", "place", "camera", "probe", "capture", "minors", "legal-effect"):
        command = click.option(f"--{name}", default="", help=f"The {name} of this very call.")(command)
    command = click.option("--authority", default="", help="Id of a warrant or an order on file: docs/washington.md.")(
        command
    )
    return click.option("--requested-by", multiple=True, help="Who asked for this call: a sector; repeatable.")(command)


def use_of(said: dict[str, Any]) -> Use:
    """Take the options of `use_options` out of a command's arguments."""
    from countenance.service.use import Use

    names = ("purpose", "mode", "place", "camera", "probe", "capture", "minors", "legal_effect", "authority")
    return Use(requested_by=frozenset(said.pop("requested_by")), **{name: said.pop(name) for name in names})


def settings(data: Path | None, keys: Path | None) -> config.Settings:
    """The environment's settings with the options laid over them."""
    found = config.from_environment()
    return config.checked(replace(found, data=data or found.data, keys=keys or found.keys))


@contextmanager
def opened(where: config.Settings, *, quiet: bool) -> Iterator[House]:
    """The house, open; unless quiet, stderr shows whose models these are and how far unsealing is."""
    from countenance.service.app import House

    shown = None if quiet else _unsealing()
    with _post(where) as post, House.open(where, progress=shown, post=post, look=_look(where)) as house:
        if not quiet:
            click.secho("\n".join(_starting(house)), dim=True, err=True)
        yield house


def _post(where: config.Settings) -> AbstractContextManager[Post | None]:
    """How witnesses are reached; no network where none are in the settings."""
    if not where.witnesses:
        return nullcontext()
    from countenance.http.post import Post

    return Post()


def _look(where: config.Settings) -> Look | None:
    """How a domain is asked; no network where the settings do not say so."""
    if not where.domain_checks:
        return None
    from countenance.http.wellknown import WellKnown

    return WellKnown()


def _starting(house: House) -> list[str]:
    """What is said at every start: the models, their licences, where they come from, and who can't be searched."""
    files = (house.engine.manifest.detector.file, house.engine.manifest.embedder.file)
    lines = [f"model: {file.title}; licence {file.licence}; provenance {file.provenance}" for file in files]
    if house.of_other_models:
        lines.append(
            f"{house.of_other_models:,} reference(s) were made with another model and are not searched: enrol these "
            "people again, or go back to that model"
        )
    return lines


def principal(house: House, key_file: Path | None) -> Principal:
    """Who asks: the key in the file, or the lone operator's own."""
    from countenance.service.auth import authenticate

    path = key_file or house.settings.own_key
    if not path.exists():
        raise Unauthenticated("no key was given", next_step="Name a file with your key: --key FILE.")
    text = files.read_private(path, KEY_LIMIT, what="the key file")
    return authenticate(house.database, text.decode("ascii", "replace"))


def photo(path: Path) -> bytes:
    """The bytes of a photograph that the caller named, no more than a photograph may have."""
    try:
        with path.open("rb") as source:
            return source.read(PHOTO_LIMIT + 1)
    except OSError as error:
        raise BadInput(f"the photograph cannot be read: {os.strerror(error.errno or 0)}") from error


def show(body: dict[str, Any], *, as_json: bool, sentences: Callable[[], list[str]]) -> None:
    """Print an answer as JSON, or as sentences."""
    if as_json:
        click.echo(json.dumps(body, ensure_ascii=False))
    else:
        click.echo("\n".join(sentences()))


def rate(value: float | None) -> str:
    """A false match rate in words people use."""
    return "no figure: the calibration data cannot carry one" if value is None else f"at most 1 in {round(1 / value):,}"


def receipt_lines(receipt: str) -> list[str]:
    return [f"  receipt {receipt}"]


def _unsealing() -> Callable[[int, int], None]:
    def show_progress(done: int, of: int) -> None:
        if of >= 10_000 and sys.stderr.isatty():
            click.echo(f"\runsealing references {done:,} of {of:,}", err=True, nl=done == of)

    return show_progress
