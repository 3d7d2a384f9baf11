"""`countenance`: the group of all commands, each loaded when it is asked for, and how errors end.

Exit codes: 0 done; 1 it could not be done (the error has a code and a next step); 2 usage; 3 the policy refused.
"""

from __future__ import annotations

import importlib
import json
import sys
from typing import TYPE_CHECKING, Any

import click

from countenance import __version__
from countenance.domain.errors import CountenanceError, Refused

if TYPE_CHECKING:
    from collections.abc import Sequence

COMMANDS = (
    "demo", "init", "customer", "demand", "account", "collection", "subject", "consent", "decide", "policy", "law",
    "face", "evaluate", "ledger", "witness", "serve", "doctor", "backup", "statute",
)  # fmt: skip
REFUSED = 3  # exit code where the gate said no


class Rooms(click.Group):
    """A group whose commands are modules of this package, imported when they are called."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        if cmd_name not in COMMANDS:
            return None
        command = getattr(importlib.import_module(f"countenance.cli.{cmd_name}"), cmd_name)
        assert isinstance(command, click.Command)
        return command


@click.group(cls=Rooms, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="countenance")
def root() -> None:
    """Face recognition that keeps its promises: every answer asks a policy, and leaves a proof.

    \b
    Examples:
      countenance demo
      countenance init --for-myself --purpose identity-verification --country DE
      countenance decide --action provision --sector police --country US --purpose criminal-investigation
      countenance ledger verify receipt.json --key log.vkey
    """


def main(arguments: Sequence[str] | None = None) -> None:
    """Run a command line and exit with its code; no traceback is ever shown."""
    as_json = "--json" in (sys.argv[1:] if arguments is None else arguments)
    try:
        code = root.main(args=arguments, prog_name="countenance", standalone_mode=False)
        sys.exit(code if isinstance(code, int) else 0)
    except click.exceptions.Exit as ended:
        sys.exit(ended.exit_code)
    except click.Abort:
        click.echo("stopped", err=True)
        sys.exit(1)
    except click.ClickException as wrong:
        wrong.show()
        sys.exit(wrong.exit_code)
    except CountenanceError as error:
        sys.exit(_tell(error, as_json=as_json))
    except BrokenPipeError:
        sys.stderr.close()
        sys.exit(1)


def _tell(error: CountenanceError, *, as_json: bool) -> int:
    if as_json:
        click.echo(json.dumps(_wire(error), ensure_ascii=False))
    else:
        _say(error)
    return REFUSED if isinstance(error, Refused) else 1


def _wire(error: CountenanceError) -> dict[str, Any]:
    from countenance.service import shown

    body: dict[str, Any] = {"error": error.code, "message": error.message, "next_step": error.next_step}
    if isinstance(error, Refused):
        body["decision"] = shown.decision(error.decision)
    if error.receipt:
        body["receipt"] = error.receipt
    return body


def _say(error: CountenanceError) -> None:
    click.secho(f"{error.message} [{error.code}]", fg="red", err=True)
    if isinstance(error, Refused):
        verdict = error.decision.verdict
        for reason in verdict.reasons:
            click.echo(f"  rule    {reason.id}\n  source  {reason.source}", err=True)
        says = [lift.says for lift in verdict.lifted_when] or ["nothing lifts it"]
        for sentence in says:
            click.echo(f"  lifted  {sentence}", err=True)
    click.echo(f"  next    {error.next_step}", err=True)
    if error.receipt:
        click.echo(f"  receipt {error.receipt}", err=True)


if __name__ == "__main__":
    main()
