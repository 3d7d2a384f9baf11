"""`countenance policy change`, `stop` and `resume`: what is under notice, and what people of the provider do about it.

On the machine itself, where no role is asked for; an approval is signed by a registered key all the same. Reading and
`stop` work beside a running server; the rest needs the data folder for itself, or goes over HTTP. Thin: parse, call,
print. Source: docs/policy.md, "Changing a promise".
"""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from countenance.cli import surface
from countenance.domain.errors import BadInput
from countenance.storage import files

if TYPE_CHECKING:
    from countenance.service.changes import Acted
    from countenance.service.notice import Change
    from countenance.service.signed import PersonKey

KEY_LIMIT = 4096  # bytes of a private key file
FILE = click.Path(path_type=Path, dir_okay=False)


@click.group()
def change() -> None:
    """Change the promises in force: publicly, and slowly where it opens a door.

    \b
    Examples:
      countenance policy change propose --on microsoft-2020-strict
      countenance policy change approve chg_0123 --account acc_0123 --key ada.key
      countenance policy change list
    """


@change.command()
@click.option("--on", multiple=True, help="A pack of this installation to switch on, or to take anew; repeatable.")
@click.option("--off", multiple=True, help="A pack to switch off; repeatable.")
@click.option("--pack", "own", multiple=True, type=FILE, help="A file NAME.cedar of your own; repeatable.")
@click.option("--notice-days", type=int, default=0, help="A longer notice than the setting.")
@surface.house_options
def propose(
    on: tuple[str, ...], off: tuple[str, ...], own: tuple[Path, ...], notice_days: int, data: Path | None,
    keys: Path | None, as_json: bool,
) -> None:  # fmt: skip
    """Propose a change. What is stricter holds at once; what opens a door waits for two approvers and its notice.

    \b
    Example:
      countenance policy change propose --off microsoft-2020 --pack ./our-promise.cedar
    """
    from countenance.policy import packs
    from countenance.service import changes
    from countenance.service.wish import Wish

    texts = tuple((path.name.removesuffix(".cedar"), packs.read_file(path).text.encode()) for path in own)
    with surface.opened(surface.settings(data, keys), quiet=as_json) as house:
        done = changes.propose_here(house, Wish(on, off, texts, notice_days))
    _told(done, as_json=as_json)


@change.command()
@click.argument("identifier", metavar="ID")
@click.option("--account", required=True, help="Id of the approver's account.")
@click.option("--key", "key_file", type=FILE, help="The approver's private key file.")
@click.option("--signature", default="", help="In place of --key: base64 of a signature that was made elsewhere.")
@surface.house_options
def approve(
    identifier: str, account: str, key_file: Path | None, signature: str, data: Path | None, keys: Path | None,
    as_json: bool,
) -> None:  # fmt: skip
    """Keep an approver's signature over the change ID. It takes two approvers with different keys.

    \b
    Example:
      countenance policy change approve chg_0123 --account acc_0123 --key ada.key
    """
    from countenance.service import changes, notice

    with surface.opened(surface.settings(data, keys), quiet=as_json) as house:
        found = changes.one(house.database, identifier)
        signed_text = signature_of(key_file, signature, notice.statement(found.id, found.digest))
        done = changes.approve_here(house, identifier, account, signed_text)
    _told(done, as_json=as_json)


@change.command()
@click.argument("identifier", metavar="ID")
@surface.house_options
def withdraw(identifier: str, data: Path | None, keys: Path | None, as_json: bool) -> None:
    """Withdraw the change ID, which is under notice.

    \b
    Example:
      countenance policy change withdraw chg_0123456789abcdef0123456789abcdef
    """
    from countenance.service import changes

    with surface.opened(surface.settings(data, keys), quiet=as_json) as house:
        done = changes.withdraw_here(house, identifier)
    _told(done, as_json=as_json)


@change.command("list")
@surface.house_options
def list_changes(data: Path | None, keys: Path | None, as_json: bool) -> None:
    """Every change, oldest first, and what became of it.

    \b
    Example:
      countenance policy change list --json
    """
    from countenance.service import backup, changes

    with backup.opened(surface.settings(data, keys)) as database:
        found = changes.known(database)
    lines = [f"{each.id}  {each.state:<13} {_waits(each)}" for each in found] or ["no changes"]
    surface.show({"changes": [asdict(each) for each in found]}, as_json=as_json, sentences=lambda: lines)


@change.command()
@click.argument("identifier", metavar="ID")
@surface.house_options
def show(identifier: str, data: Path | None, keys: Path | None, as_json: bool) -> None:
    """Show the change ID: for whom it opens a door, who approved it, and the text that an approver signs.

    \b
    Example:
      countenance policy change show chg_0123456789abcdef0123456789abcdef
    """
    from countenance.service import backup, changes

    with backup.opened(surface.settings(data, keys)) as database:
        found = changes.one(database, identifier)
    surface.show({"change": asdict(found)}, as_json=as_json, sentences=lambda: _lines(found))


@click.command()
@surface.house_options
def stop(data: Path | None, keys: Path | None, as_json: bool) -> None:
    """Emergency stop, at once: everything but a person's own data is refused. Two people and a notice lift it.

    It works beside a running server, which obeys within a second.

    \b
    Example:
      countenance policy stop
    """
    from countenance.service import backup, changes
    from countenance.service.founding import wall_clock

    with backup.opened(surface.settings(data, keys)) as database:
        done = changes.stop_beside(database, wall_clock())
    lines = [click.style("STOPPED", fg="red", bold=True), *_lines(done)]
    surface.show({"change": asdict(done)}, as_json=as_json, sentences=lambda: lines)


@click.command()
@surface.house_options
def resume(data: Path | None, keys: Path | None, as_json: bool) -> None:
    """Propose to lift an emergency stop. That opens doors: it waits for two approvers and its notice.

    \b
    Example:
      countenance policy resume
    """
    from countenance.service import changes

    with surface.opened(surface.settings(data, keys), quiet=as_json) as house:
        done = changes.resume_here(house)
    _told(done, as_json=as_json)


def signature_of(key_file: Path | None, signature: str, text: bytes) -> bytes:
    """A signature over a text: by the key in the file, or as it was made elsewhere. Raises BadInput."""
    from countenance.service import signed

    if (key_file is None) == (not signature):
        raise click.UsageError("give either --key or --signature")
    return signed.signature_of(signature) if key_file is None else _key(key_file).sign(text)


def _key(path: Path) -> PersonKey:
    from countenance.service import signed

    raw = files.read_private(path, KEY_LIMIT, what="the private key", missing=BadInput)
    return signed.PersonKey.parse(raw.decode("ascii", "replace"))


def _told(done: Acted, *, as_json: bool) -> None:
    body: dict[str, Any] = {"change": asdict(done.change), "receipt": done.receipt}
    surface.show(body, as_json=as_json, sentences=lambda: [*_lines(done.change), *surface.receipt_lines(done.receipt)])


def _waits(found: Change) -> str:
    if found.state != "under-notice":
        return found.since or ""
    approvals = len(found.keys)
    return f"not before {found.not_before or 'its notice begins'}, {approvals} of 2 approvals"


def _lines(found: Change) -> list[str]:
    """A change for a person."""
    opens = [f"  opens   {says}" for says in found.why] or ["  opens   no door"]
    by = [f"  signed  {each.key}{'' if each.counts else ' (the account has ended)'}" for each in found.approvals]
    return [
        f"{click.style(found.id, bold=True)}  {found.state}  {_waits(found)}",
        f"  from    {found.before}", f"  to      {found.after}", *opens, *by,
        f"  sign    countenance-policy-approval@v1, {found.id}, {found.digest}: each on a line",
    ]  # fmt: skip
