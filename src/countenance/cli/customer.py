"""`countenance customer`: apply on behalf of a customer, and end keys. Run by the provider on the server.

What a customer's facts are and rest on is in facts.py, as commands of the same group.
"""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from countenance.cli import facts, surface

if TYPE_CHECKING:
    from countenance.service.admit import Admitted
    from countenance.service.application import Application, Verification
    from countenance.service.attestation import Attestation


@click.group()
def customer() -> None:
    """Admit customers, or refuse them, by the gate.

    \b
    Examples:
      countenance customer apply --name "Harbour Gym" --sector commercial --country DE \\
        --purpose access-control --contact "A. Person" --attested-by "A. Person"
      countenance customer check cus_0123 --method document-seen --fact name --by "B. Person" \\
        --evidence "extract of the register" --until 2027-11-01
      countenance customer revoke --key gym.key
    """


for command in facts.COMMANDS:
    customer.add_command(command)


@customer.command()
@click.option("--name", required=True, help="The organisation's name.")
@click.option("--sector", required=True, help="A sector of docs/policy.md.")
@click.option("--country", required=True, help="Where faces are used: ISO 3166-1 alpha-2.")
@click.option("--region", default="", help="ISO 3166-2, where a rule needs it.")
@click.option("--locality", default="", help="A city as the packs spell it.")
@click.option("--seat-country", default="", help="Where the customer sits; as the use when left out.")
@click.option("--seat-region", default="", help="The region of the seat.")
@click.option("--acts-for", multiple=True, help="A sector it works for or resells to; repeatable.")
@click.option("--purpose", "purposes", multiple=True, required=True, help="Repeatable.")
@click.option("--mode", "modes", multiple=True, default=("one-off",), show_default=True, help="How; repeatable.")
@click.option("--place", "places", multiple=True, default=("private",), show_default=True, help="Repeatable.")
@click.option("--camera", default="none", show_default=True, help="none, fixed or mobile.")
@click.option("--capture", default="attended", show_default=True, help="How probes are taken.")
@click.option("--minors", default="no", show_default=True, help="May people under 18 be among them?")
@click.option("--legal-effect", default="no", show_default=True, help="Do such decisions rest on it?")
@click.option("--contact", required=True, help="A person to reach.")
@click.option("--attested-by", required=True, help="The named person who attests these facts.")
@click.option("--verified-by", default="", help="Who of the provider checked the facts.")
@click.option("--method", default="document-seen", show_default=True, help="How they were checked.")
@click.option("--evidence", default="", help="On what evidence.")
@click.option("--verified-until", type=click.DateTime(["%Y-%m-%d"]), help="Until when the check holds.")
@click.option("--until", type=click.DateTime(["%Y-%m-%d"]), help="End of the grant; a year at most.")
@click.option("--customer", "known", default="", help="Id of an agency that was registered to file its paperwork.")
@click.option(
    "--sign-with",
    type=click.Path(path_type=Path, dir_okay=False),
    help="The attesting person's private key file: they sign. Without it their name is typed, and called that.",
)
@click.option("--key-out", type=click.Path(path_type=Path, dir_okay=False), help="Write the key to this file (0600).")
@surface.house_options
def apply(
    data: Path | None, keys: Path | None, as_json: bool, key_out: Path | None, until: datetime | None, known: str,
    sign_with: Path | None, **facts: Any,
) -> None:  # fmt: skip
    """Decide an application; on an allow, make the customer, its grant and its first key.

    \b
    Example (refused since 2020-06-11, by a promise):
      countenance customer apply --name "Springfield PD" --sector police --country US \\
        --purpose criminal-investigation --contact "Chief" --attested-by "Chief"
    """
    from countenance.service import admit

    application = _application(facts)
    with surface.opened(surface.settings(data, keys), quiet=as_json) as house:
        attested = _attested(application, sign_with, house.now())
        end = until.replace(tzinfo=UTC) if until else None
        made = admit.apply(house, application, until=end, customer=known, attested=attested)
        if key_out is not None:
            from countenance.storage import files

            files.create_private(key_out, made.key.encode() + b"\n", what="the key file")
    body = {**_wire(made, show_key=key_out is None), "attestation": {"signed": sign_with is not None}}
    surface.show(body, as_json=as_json, sentences=lambda: _lines(made, key_out))


@customer.command()
@surface.key_option
@surface.house_options
def revoke(key_file: Path | None, data: Path | None, keys: Path | None, as_json: bool) -> None:
    """End the key in --key; it fails from the next call on.

    \b
    Example:
      countenance customer revoke --key gym.key
    """
    from countenance.service import admit

    with surface.opened(surface.settings(data, keys), quiet=as_json) as house:
        who = surface.principal(house, key_file)
        receipt = admit.revoke(house, who)
    lines = [f"revoked {who.key}", *surface.receipt_lines(receipt)]
    surface.show({"revoked": who.key, "receipt": receipt}, as_json=as_json, sentences=lambda: lines)


def _attested(application: Application, key_file: Path | None, now: datetime) -> Attestation | None:
    """Signed with the key in the file; None: a typed name."""
    from countenance.domain import ids
    from countenance.service import attestation, signed
    from countenance.service.application import facts_row
    from countenance.storage import files

    if key_file is None:
        return None
    text = files.read_private(key_file, surface.KEY_LIMIT, what="the private key").decode("ascii", "replace")
    return attestation.sign(facts_row(application), ids.utc(now), signed.PersonKey.parse(text))


def _application(facts: dict[str, Any]) -> Application:
    from countenance.service.application import Application

    verification = _verification(facts)
    for name in ("acts_for", "purposes", "modes", "places"):
        facts[name] = frozenset(facts[name])
    return Application(**facts, verification=verification)


def _verification(facts: dict[str, Any]) -> Verification | None:
    from countenance.service.application import Verification

    by, method, evidence, until = (facts.pop(k) for k in ("verified_by", "method", "evidence", "verified_until"))
    if not by:
        return None
    if not evidence or until is None:
        raise click.UsageError("--verified-by needs --evidence and --verified-until")
    return Verification(method, evidence, by, until.date())


def _wire(made: Admitted, *, show_key: bool) -> dict[str, Any]:
    from countenance.service import shown

    body: dict[str, Any] = {"customer": made.customer, "grant": made.grant, "until": made.until}
    body["decisions"] = [shown.decision(answer.decision) for answer in made.answers]
    body["receipts"] = [answer.receipt for answer in made.answers]
    return {**body, "key": made.key} if show_key else body


def _lines(made: Admitted, key_out: Path | None) -> list[str]:
    key = "  the key is in the file you named" if key_out else f"  key     {made.key}  (shown once)"
    receipts = [f"  receipt {answer.receipt}" for answer in made.answers]
    return [f"admitted until {made.until[:10]}", f"  grant   {made.grant}", key, *receipts]
