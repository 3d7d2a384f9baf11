"""`countenance policy`: read the promises and laws that decide, and check one's own.

It shows and checks; what switches packs on or off is in change.py. Contract: docs/policy.md, "On the command line".
"""

from __future__ import annotations

import json
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from countenance.cli import compare
from countenance.cli.change import change, resume, stop
from countenance.cli.coming import schedule
from countenance.domain.errors import BadInput
from countenance.policy import cedar, packs

if TYPE_CHECKING:
    from countenance.policy.packs import PackFile, Rule

_STATUS = {
    "on": "on in a fresh install",
    "optional": "off in a fresh install",
    "draft": "a draft, off in a fresh install",
}
_JSON = click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")


@click.group()
def policy() -> None:
    """The promises and laws that decide, as packs of rules.

    \b
    Examples:
      countenance policy packs
      countenance policy show microsoft-2020
      countenance policy check ./my-packs
      countenance policy diff ./packs-in-force ./packs-proposed
      countenance policy compare microsoft-2020 amazon-2020 --on 2020-06-12
      countenance policy schedule --days 400
    """


policy.add_command(compare.diff_sets)
policy.add_command(compare.compare_packs)
policy.add_command(schedule)
policy.add_command(change)
policy.add_command(stop)
policy.add_command(resume)


@policy.command("packs")
@_JSON
def list_packs(*, as_json: bool) -> None:
    """List the packs of this installation.

    \b
    Example:
      countenance policy packs --json
    """
    today = datetime.now(UTC).date()
    found = [packs.read(name) for name in packs.shipped()]
    if as_json:
        click.echo(json.dumps([_pack(file, today) for file in found], ensure_ascii=False))
        return
    for file in found:
        on = _STATUS[file.header.status]
        click.echo(f"{click.style(file.name, bold=True)}  {file.header.title}")
        click.echo(f"  {_in_force(file)}; {on}; {_freshness(file, today)}")


@policy.command()
@click.argument("name")
@click.option("--dir", "folder", type=click.Path(path_type=Path, file_okay=False), help="Also look in this folder.")
@_JSON
def show(name: str, folder: Path | None, *, as_json: bool) -> None:
    """Show the pack NAME: who promised what, where it can be read, and each rule as one sentence.

    \b
    Example:
      countenance policy show core
    """
    try:
        file = packs.read(name, folder)
        rules = cedar.assemble([file]).rules
    except BadInput as error:
        raise click.UsageError(error.message) from None
    today = datetime.now(UTC).date()
    if as_json:
        whole = {**_pack(file, today), "rules": [_rule(rule) for rule in rules.values()], "text": file.text}
        click.echo(json.dumps(whole, ensure_ascii=False))
        return
    click.echo("\n".join([*_about(file, today), *(line for rule in rules.values() for line in _lines(rule))]))


@policy.command()
@click.argument("folder", metavar="DIR", type=click.Path(path_type=Path, file_okay=False, exists=True))
@_JSON
def check(folder: Path, *, as_json: bool) -> None:
    """Check every pack in DIR against format and schema. Exit code 0: all hold; 1: one does not.

    \b
    Example:
      countenance policy check ./my-packs
    """
    try:
        names = packs.names_in(folder)
    except BadInput as error:
        raise click.UsageError(error.message) from None
    if not names:
        raise click.UsageError(f"there is no pack in {folder}: a pack is a file called NAME.cedar")
    found = [_checked(folder / f"{name}.cedar", name) for name in names]
    if as_json:
        click.echo(json.dumps(found, ensure_ascii=False))
    else:
        click.echo("\n".join(_verdict(each) for each in found))
    click.get_current_context().exit(0 if all(each["ok"] for each in found) else 1)


def _checked(path: Path, name: str) -> dict[str, Any]:
    try:
        file = packs.read_file(path)
        rules = cedar.assemble([file]).rules
    except BadInput as error:
        return {"name": name, "ok": False, "error": error.message}
    return {"name": name, "ok": True, "digest": file.digest, "rules": len(rules)}


def _verdict(found: dict[str, Any]) -> str:
    if found["ok"]:
        return f"{click.style('holds', fg='green')}  {found['name']}  {found['rules']} rules  {found['digest']}"
    return f"{click.style('broken', fg='red')} {found['error']}"


def _pack(file: PackFile, today: date) -> dict[str, Any]:
    header = file.header
    return {
        "name": file.name,
        "title": header.title,
        "promised_by": header.promised_by,
        "in_force": {
            "from": _text(header.begins),
            "until": _text(header.ends),
        },
        "status": header.status,
        "sources": list(header.sources),
        "gaps": list(header.gaps),
        "checked_on": header.checked_on.isoformat(),
        "stale_after": header.stale_after.isoformat(),
        "stale": file.stale(today),
        "secondary": sorted(header.secondary),
        "fresh_install": header.status == "on",
        "digest": file.digest,
    }


def _rule(rule: Rule) -> dict[str, Any]:
    reason = rule.reason
    return {
        "id": reason.id,
        "effect": rule.effect,
        "says": reason.says,
        "source": reason.source,
        "evidence": reason.evidence,
        "duties": list(rule.duties),
    }


def _about(file: PackFile, today: date) -> list[str]:
    header = file.header
    return [
        click.style(header.title, bold=True),
        f"  promised by {header.promised_by}",
        *(f"  {url}" for url in header.sources),
        f"  {_in_force(file)}; {_STATUS[header.status]}",
        f"  {_freshness(file, today)}",
        f"  {file.digest}",
        *(f"  not known: {gap}" for gap in header.gaps),
    ]


def _text(day: date | None) -> str | None:
    return None if day is None else day.isoformat()


def _in_force(file: PackFile) -> str:
    begins, ends = file.header.begins, file.header.ends
    if begins is None:
        return "always in force"
    return f"in force from {begins}" + (f" until {ends}, that day not included" if ends else "")


def _freshness(file: PackFile, today: date) -> str:
    header = file.header
    state = "needs counsel: it allows nothing any more" if file.stale(today) else f"good until {header.stale_after}"
    return f"checked on {header.checked_on}, {state}"


def _lines(rule: Rule) -> list[str]:
    reason = rule.reason
    colour = "green" if rule.effect == "permit" else "red"
    return [
        "",
        f"  {click.style(rule.effect, fg=colour)} {click.style(reason.id, bold=True)}",
        f"    {reason.says}",
        f"    {reason.source}",
        f"    evidence: {packs.EVIDENCE[reason.evidence]}",
        *(f"    duty: {duty}" for duty in rule.duties),
    ]
