"""`countenance init`: found a house, and for a lone operator settle in at once."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from countenance.cli import surface

if TYPE_CHECKING:
    from pathlib import Path

    from countenance.service.myself import Alone


@click.command()
@click.option("--origin", default="localhost/countenance", show_default=True, help="The log's public name.")
@click.option("--for-myself", is_flag=True, help="You are the only user: get a grant, a collection and a key too.")
@click.option(
    "--purpose", "purposes", multiple=True, default=("identity-verification",), show_default=True,
    help="With --for-myself: what for; repeatable, the first is the collection's.",
)  # fmt: skip
@click.option("--country", default="", help="With --for-myself: where, ISO 3166-1 such as DE.")
@click.option("--region", default="", help="With --for-myself: ISO 3166-2 such as US-WA, where a rule needs it.")
@surface.house_options
def init(
    origin: str, for_myself: bool, purposes: tuple[str, ...], country: str, region: str,
    data: Path | None, keys: Path | None, as_json: bool,
) -> None:  # fmt: skip
    """Make a house: its folder of state, its master key outside it, and its log.

    \b
    Examples:
      countenance init --origin faces.example.com/log --data /srv/countenance --keys /etc/countenance
      countenance init --for-myself --purpose identity-verification --country DE
    """
    from countenance.service import founding, myself

    if for_myself and not country:
        raise click.UsageError("--for-myself needs --country, since rules depend on where faces are used")
    where = surface.settings(data, keys)
    founding.found(where, origin)
    body: dict[str, object] = {"origin": origin, "vkey": where.log_vkey.read_text().strip()}
    lines = [f"founded {origin}", f"  log key {body['vkey']}", "  keep the keys folder apart from the data folder"]
    if for_myself:
        with surface.opened(where, quiet=as_json) as house:
            alone = myself.settle_in(house, purposes, country, region)
        body.update(_wire(alone))
        lines += _lines(alone)
    surface.show(body, as_json=as_json, sentences=lambda: lines)


def _wire(alone: Alone) -> dict[str, object]:
    return {
        "customer": alone.admitted.customer, "grant": alone.admitted.grant, "until": alone.admitted.until,
        "collection": alone.collection.name, "receipts": [answer.receipt for answer in alone.admitted.answers],
        "cannot_promise": list(alone.cannot_promise),
    }  # fmt: skip


def _lines(alone: Alone) -> list[str]:
    return [
        f"admitted for {alone.collection.purpose} until {alone.admitted.until[:10]}",
        f"  your collection is called {alone.collection.name}",
        "  your key is in the keys folder; commands find it there",
        "What one person alone can't promise:",
        *(f"  - {sentence}" for sentence in alone.cannot_promise),
        "Next: countenance consent give me --adult --until 2027-11-22",
    ]
