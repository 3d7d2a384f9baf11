"""`countenance account`: people with accounts, registered and ended on the machine itself.

Whoever can read the master key is where trust begins, so no role is asked for here; each act leaves its leaf all the
same. Over HTTP the same is done with a signature: docs/accounts.md.
"""

from __future__ import annotations

import secrets
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from countenance.cli import surface
from countenance.storage import files

if TYPE_CHECKING:
    from countenance.service.accounts import Person

KEY_LIMIT = 4096  # bytes of a key file


@click.group()
def account() -> None:
    """People who administer: each has a key of their own, and roles.

    \b
    Examples:
      countenance account keygen ada.key > ada.pub
      countenance account register "Ada Person" --role operator --role approver --key ada.pub
      countenance account list
    """


@account.command()
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document instead of the key alone.")
def keygen(file: Path, as_json: bool) -> None:
    """Make a private key in FILE, readable by you alone, and print its public key. An existing file is left as it is.

    \b
    Example:
      countenance account keygen ada.key > ada.pub
    """
    from countenance.service import signed

    seed = secrets.token_bytes(32)
    files.create_private(file, signed.private_key_text(seed).encode(), what="the private key")
    public = signed.PersonKey(seed).public
    surface.show({"public_key": public}, as_json=as_json, sentences=lambda: [public])


@account.command()
@click.argument("name")
@click.option("--role", "roles", multiple=True, required=True, help="As in docs/accounts.md; repeatable.")
@click.option(
    "--key", "key_file", required=True, type=click.Path(path_type=Path, dir_okay=False),
    help="File with the public key, as `keygen` prints it.",
)  # fmt: skip
@click.option("--customer", default="", help="Id of the customer whose person it is; the provider's when left out.")
@surface.house_options
def register(
    name: str, roles: tuple[str, ...], key_file: Path, customer: str, data: Path | None, keys: Path | None,
    as_json: bool,
) -> None:  # fmt: skip
    """Register a person under NAME, which is sealed and stands in no log.

    \b
    Examples:
      countenance account register "Ada Person" --role operator --role approver --key ada.pub
      countenance account register "Bo Person" --role operator --key bo.pub --customer cus_0123
    """
    from countenance.service import accounts

    public = files.read_bounded(key_file, KEY_LIMIT, what="the public key").decode("ascii", "replace")
    new = accounts.NewAccount(name, frozenset(roles), public.strip(), customer)
    with surface.opened(surface.settings(data, keys), quiet=as_json) as house:
        made = accounts.register_here(house, new)
    lines = [f"registered {made.id}", *surface.receipt_lines(made.receipt)]
    surface.show(asdict(made), as_json=as_json, sentences=lambda: lines)


@account.command("list")
@surface.house_options
def list_accounts(data: Path | None, keys: Path | None, as_json: bool) -> None:
    """Every account, the provider's and the customers', oldest first, the ended ones too.

    \b
    Example:
      countenance account list
    """
    from countenance.service import accounts

    with surface.opened(surface.settings(data, keys), quiet=as_json) as house:
        found = accounts.everybody(house)
    body = {"accounts": [asdict(one) for one in found]}
    surface.show(body, as_json=as_json, sentences=lambda: [_line(one) for one in found] or ["no accounts"])


@account.command()
@click.argument("identifier", metavar="ID")
@surface.house_options
def end(identifier: str, data: Path | None, keys: Path | None, as_json: bool) -> None:
    """End the account ID; its signatures count no more from the next call on.

    \b
    Example:
      countenance account end acc_0123456789abcdef0123456789abcdef
    """
    from countenance.service import accounts

    with surface.opened(surface.settings(data, keys), quiet=as_json) as house:
        receipt = accounts.end_here(house, identifier)
    lines = [f"ended {identifier}", *surface.receipt_lines(receipt)]
    surface.show({"ended": identifier, "receipt": receipt}, as_json=as_json, sentences=lambda: lines)


def _line(one: Person) -> str:
    state = f"ended {one.ended[:10]}" if one.ended else "in force"
    return f"{one.id}  {state:<16}  {one.customer or 'provider'}  {', '.join(one.roles)}  {one.name}"
