"""The options by which a verifier is told whom it knows: vkeys of a log and of witnesses, never from the log itself."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from countenance.domain.errors import BadRecord
from countenance.ledger.cosignature import WitnessKey
from countenance.ledger.note import Verifier

F = TypeVar("F", bound=Callable[..., Any])
K = TypeVar("K", Verifier, WitnessKey)

KEY_LIMIT = 4096
"""Bytes of a key file read at most."""


def of_log(ctx: click.Context, param: click.Parameter, values: tuple[str, ...]) -> tuple[Verifier, ...]:
    """A log's public keys, each from a vkey or from a file that holds one."""
    return tuple(_read_vkey(ctx, param, value, Verifier.from_vkey) for value in values)


def of_witnesses(ctx: click.Context, param: click.Parameter, values: tuple[str, ...]) -> tuple[WitnessKey, ...]:
    return tuple(_read_vkey(ctx, param, value, WitnessKey.from_vkey) for value in values)


def _read_vkey(ctx: click.Context, param: click.Parameter, value: str, parse: Callable[[str], K]) -> K:
    try:
        return parse(key_file(Path(value)) if Path(value).is_file() else value)
    except (BadRecord, OSError, ValueError):
        says = "it is neither a verifier key (name+1a2b3c4d+base64) of its kind nor a file with one"
        raise click.BadParameter(says, ctx, param) from None


def log_options(command: F) -> F:
    """--key, --announced: the keys of a log."""
    file = click.Path(path_type=Path, exists=True, dir_okay=False)
    for option in (
        click.option("--announced", multiple=True, type=file, metavar="FILE",
                     help="An announcement of the log's next key (keys/1, ...), in their order; repeatable."),
        click.option("--key", "--vkey", "pinned", required=True, multiple=True, callback=of_log, metavar="VKEY",
                     help="The log's vkey, or a file with it (log.vkey); repeatable for one that had several."),
    ):  # fmt: skip
        command = option(command)
    return command


def options(command: F) -> F:
    """--key, --announced, --witness: whom a verifier knows, and never from the log itself."""
    witness = click.option("--witness", "witnesses", multiple=True, callback=of_witnesses, metavar="VKEY",
                           help="A witness's vkey, or a file with it: did it cosign? Repeatable.")  # fmt: skip
    return log_options(witness(command))


def known(pinned: tuple[Verifier, ...], announced: tuple[Path, ...]) -> tuple[Verifier, ...]:
    """The pinned keys and what follows from them. Raises Unverified."""
    from countenance.ledger import keychain

    return keychain.learned(pinned, [path.read_bytes()[: keychain.MAX_ANNOUNCEMENT + 1] for path in announced])


def key_file(path: Path) -> str:
    """The text of a small file, without its last newline. Raises OSError, UnicodeDecodeError."""
    with path.open("rb") as source:
        return source.read(KEY_LIMIT).decode("utf-8").removesuffix("\n")


def plain(text: str) -> str:
    """Text that cannot steer a terminal."""
    return "".join(c if c.isprintable() else f"\\u{ord(c):04x}" for c in text)
