"""`countenance witness`: a small witness for another provider's log, with a folder and a key of its own. Thin."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import click

from countenance import config
from countenance.cli import surface
from countenance.domain.errors import BadInput, BadRecord
from countenance.ledger.note import Verifier

if TYPE_CHECKING:
    from collections.abc import Callable

    F = TypeVar("F", bound=Callable[..., object])

PORT = 8441


def _folders(command: F) -> F:
    """--data, --keys and --json of a witness, which are never a house's."""
    path = click.Path(path_type=Path, file_okay=False)
    for option in (
        click.option("--json", "as_json", is_flag=True, help="Print one JSON document instead of sentences."),
        click.option("--keys", type=path, help="Folder of the witness's master key, outside its folder."),
        click.option("--data", type=path, help="The witness's own folder: its key, the logs, what it cosigned."),
    ):
        command = option(command)
    return command


@click.group()
def witness() -> None:
    """Witness another provider's log: cosign each checkpoint that follows from the last (docs/witness.md).

    \b
    Examples:
      countenance witness init witness.example.org/w1
      countenance witness add-log faces.example.com/log+1a2b3c4d+AbCd...
      countenance witness serve --port 8441
    """


@witness.command()
@click.argument("name")
@_folders
def init(name: str, data: Path | None, keys: Path | None, as_json: bool) -> None:
    """Make a witness called NAME, and its key. The name is like an address without a scheme, and stays.

    \b
    Example:
      countenance witness init witness.example.org/w1 --data /var/lib/witness --keys /etc/witness
    """
    from countenance.service import witness as rooms

    made = rooms.begin(_where(data, keys), name).verifier
    surface.show({"name": made.name, "vkey": made.vkey}, as_json=as_json, sentences=lambda: [
        f"{made.name} is made; tell the log's operator its vkey:", f"  {made.vkey}",
    ])  # fmt: skip


@witness.command(name="add-log")
@click.argument("vkey")
@_folders
def add_log(vkey: str, data: Path | None, keys: Path | None, as_json: bool) -> None:
    """Witness the log with this VKEY, a text or a file. A log's next key is added the same way, as one more.

    \b
    Example:
      countenance witness add-log faces.example.com/log+1a2b3c4d+AbCd...
    """
    from countenance.ledger import memory
    from countenance.service import witness as rooms

    found = memory.add_log(rooms.folder(_where(data, keys)), _verifier(vkey))
    body = {"log": found[0].name, "keys": [key.vkey for key in found]}
    says = f"{found[0].name} is witnessed under {len(found)} key(s), from the next checkpoint on"
    surface.show(body, as_json=as_json, sentences=lambda: [says])


@witness.command()
@_folders
def key(data: Path | None, keys: Path | None, as_json: bool) -> None:
    """Show the witness's public key, and which logs it witnesses.

    \b
    Example:
      countenance witness key --json
    """
    from countenance.ledger import memory
    from countenance.service import witness as rooms

    where = _where(data, keys)
    own, found = rooms.signer(where).verifier, memory.logs(where.data)
    body = {"name": own.name, "vkey": own.vkey, "logs": [one.vkey for one in found]}
    surface.show(body, as_json=as_json, sentences=lambda: [own.vkey, *(f"  witnesses {one.vkey}" for one in found)])


@witness.command()
@click.option("--host", default="127.0.0.1", help="IP address to listen on; others reach it through TLS or a proxy.")
@click.option("--port", type=click.IntRange(0, 65535), default=PORT, show_default=True, help="0 takes any free one.")
@_folders
def serve(host: str, port: int, data: Path | None, keys: Path | None, as_json: bool) -> None:
    """Answer add-checkpoint until a signal. TLS, proxy and bounds come from the server's settings (docs/settings.md).

    \b
    Example:
      countenance witness serve --port 8441
    """
    from countenance.http import server
    from countenance.http import witness as doors
    from countenance.service import witness as rooms

    serving = config.checked_serving(replace(config.serving_from_environment(), host=host, port=port))
    memory, log = rooms.opened(_where(data, keys)), server.Lines()

    def ready(address: str) -> None:
        log({"event": "listening", "address": address})
        if not as_json:
            click.secho(f"witnessing on {address}; Ctrl-C ends it", err=True)

    server.listen(lambda: doors.compose(memory, serving, log), memory, serving, ready=ready, log=log)


def _where(data: Path | None, keys: Path | None) -> config.Settings:
    found = config.witness_from_environment()
    return config.checked(replace(found, data=data or found.data, keys=keys or found.keys))


def _verifier(given: str) -> Verifier:
    """A log's key from a vkey or a file that holds one. Raises BadInput."""
    from countenance.storage import files

    try:
        if Path(given).is_file():
            given = files.read_bounded(Path(given), surface.KEY_LIMIT, what="the vkey").decode("utf-8", "replace")
        return Verifier.from_vkey(given.removesuffix("\n"))
    except BadRecord as error:
        raise BadInput(f"this is not a log's key: {error.message}") from None
