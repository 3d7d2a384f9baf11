"""`countenance policy diff` and `policy compare`: what a change opens, and promises side by side.

They read packs and say what they find; they switch nothing on or off, and propose nothing. Contract:
docs/policy.md, "What a change opens" and "Promises side by side".
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING

import click

from countenance.domain.errors import BadInput
from countenance.policy import cedar, compare, diff, opening, packs, sheet, whatif, wire

if TYPE_CHECKING:
    from collections.abc import Sequence

    from countenance.policy.opening import Opening
    from countenance.policy.packs import PackFile

_DIGEST = re.compile(r"\A(?:sha256:)?([0-9a-f]{64})\Z")
_SCHEMA = "schema.cedarschema"
_FOLDER = click.Path(path_type=Path, file_okay=False, exists=True)
_JSON = click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")


@click.command("diff")
@click.argument("old", metavar="OLD")
@click.argument("new", metavar="NEW")
@click.option("--sets", type=_FOLDER, help="Where published sets lie: a folder for each, called by its digest.")
@_JSON
def diff_sets(old: str, new: str, sets: Path | None, *, as_json: bool) -> None:
    """Say for whom the change from OLD to NEW opens a door.

    OLD and NEW are folders of packs, or digests of sets that lie in --sets (`policy/` beside a ledger). `core` is part
    of each. Every class of every attribute is covered; what could not be proven counts as open. Exit code 0: nothing
    opened; 1: something opened, or it is not proven that nothing did.

    \b
    Examples:
      countenance policy diff ./packs-in-force ./packs-proposed
      countenance policy diff sha256:5f0c… sha256:91ab… --sets ./ledger/policy --json
    """
    try:
        found = diff.openings(_set(old, sets), _set(new, sets))
    except BadInput as error:
        raise click.UsageError(error.message) from None
    click.echo(json.dumps(opening.to_wire(found), ensure_ascii=False) if as_json else "\n".join(_said(found)))
    click.get_current_context().exit(1 if found.loosens else 0)


@click.command("compare")
@click.argument("names", metavar="PACK...", nargs=-1, required=True)
@click.option("--on", "on", required=True, help="The day, or an RFC 3339 time, on which they are compared.")
@click.option("--dir", "folder", type=_FOLDER, help="Also look for packs in this folder.")
@click.option("--html", type=click.Path(path_type=Path, dir_okay=False), help="Write one page that can be quoted.")
@_JSON
def compare_packs(names: tuple[str, ...], on: str, folder: Path | None, html: Path | None, *, as_json: bool) -> None:
    """Put promises side by side: who is strictest, and which asks one denies and another allows.

    Each PACK decides together with `core`. Exit code 0: they were compared; 1: a bound was hit before it was proven.

    \b
    Example:
      countenance policy compare microsoft-2020 amazon-2020 ibm-2020 aclu-2020 --on 2020-06-12 --html promises.html
    """
    try:
        found = compare.compare(packs.read("core"), _chosen(names, folder), whatif.moment(on))
    except BadInput as error:
        raise click.UsageError(error.message) from None
    if html is not None:
        _write(html, sheet.page(found))
    click.echo(json.dumps(compare.to_wire(found), ensure_ascii=False) if as_json else "\n".join(_told(found)))
    click.get_current_context().exit(0 if found.proven else 1)


def _set(text: str, sets: Path | None) -> cedar.PolicySet:
    """The set in a folder, or the published one with this digest. Raises UsageError, BadRecord."""
    if (digest := _DIGEST.match(text)) is not None:
        if sets is None:
            raise click.UsageError(f"{text[:19]}… is a digest: say with --sets where published sets lie")
        return _published(sets / digest[1], f"sha256:{digest[1]}")
    if not Path(text).is_dir():
        raise click.UsageError(f"{text!r} is neither a folder of packs nor the digest of a set")
    files = _files(Path(text))
    with_core = files if any(file.name == "core" for file in files) else [packs.read("core"), *files]
    return cedar.assemble(with_core)


def _published(folder: Path, digest: str) -> cedar.PolicySet:
    """The set in `folder`, if it is the one with this digest."""
    if not folder.is_dir():
        raise click.UsageError(f"there is no set {digest} in {folder.parent}")
    files, schema = _files(folder), folder / _SCHEMA
    try:
        under = schema.read_text("utf-8") if schema.exists() else ""
    except (OSError, UnicodeDecodeError):
        raise click.UsageError(f"{schema} cannot be read") from None
    if packs.set_digest(files, under) != digest:
        raise click.UsageError(f"what lies in {folder} is not the set {digest}: it was altered")
    return cedar.assemble(files)


def _files(folder: Path) -> list[PackFile]:
    names = packs.names_in(folder)
    if not names:
        raise click.UsageError(f"there is no pack in {folder}: a pack is a file called NAME.cedar")
    return [packs.read_file(folder / f"{name}.cedar") for name in names]


def _chosen(names: Sequence[str], folder: Path | None) -> list[PackFile]:
    chosen = tuple(dict.fromkeys(names))
    if len(chosen) < 2:
        raise click.UsageError("name two packs at least, each once")
    return [packs.read(name, folder) for name in chosen]


def _write(path: Path, page: str) -> None:
    try:
        path.write_text(page, encoding="utf-8")
    except OSError as error:
        raise click.UsageError(f"--html: {path} cannot be written ({error.strerror})") from None


def _said(found: opening.Comparison) -> list[str]:
    lines = [f"from {found.old}", f"to   {found.new}", ""]
    lines += _list("opens", "red", found.openings)
    lines += _list("obliges to less", "red", found.eased)
    lines += _list("closes", "green", found.closings)
    lines += [click.style(f"not proven, and so counts as open: {each}", fg="red") for each in found.unproven]
    verdict = "This change loosens." if found.loosens else "This change opens nothing."
    return [*lines, click.style(verdict, bold=True)]


def _list(head: str, colour: str, found: Sequence[Opening]) -> list[str]:
    if not found:
        return []
    return [click.style(f"{head}:", fg=colour, bold=True), *(line for each in found for line in _one(each)), ""]


def _one(found: Opening) -> list[str]:
    return [f"  {found.says}", f"    through {', '.join(found.rules)}", *_example(found)]


def _example(found: Opening) -> list[str]:
    if found.example is None:
        return []
    ask, on = found.example.ask, wire.when(found.example.on)
    return [f"    for example {ask.action} by {ask.sector} in {ask.country}, for {ask.purpose}, on {on}"]


def _told(found: compare.Comparison) -> list[str]:
    lines = [click.style(f"on {wire.when(found.on)}", bold=True), *compare.sentences(found), ""]
    for row in found.rows:
        lines.append(row.says)
        for name, verdict in row.verdicts.items():
            why = f": {', '.join(reason.id for reason in verdict.reasons)}" if not verdict.allowed else ""
            lines.append(f"  {name} {'allows' if verdict.allowed else 'denies'}{why}")
    return lines
