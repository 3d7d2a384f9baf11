"""`countenance serve`: open the house and answer over HTTP until a signal. Thin: settings, house, server."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import click

from countenance import config
from countenance.cli import surface
from countenance.cli.ledger import UNWITNESSED

if TYPE_CHECKING:
    from pathlib import Path


@click.command()
@click.option("--host", default="", help="IP address to listen on; 127.0.0.1, unless COUNTENANCE_HOST says otherwise.")
@click.option("--port", type=click.IntRange(0, 65535), default=None, help="Port; 8440 by default, 0 for any free one.")
@surface.house_options
def serve(host: str, port: int | None, data: Path | None, keys: Path | None, as_json: bool) -> None:
    """Answer over HTTP, on this machine alone unless TLS or a proxy is declared (docs/operate.md).

    Ctrl-C or SIGTERM ends it: answers under way finish, the last checkpoint is published. It prints one JSON document
    a line for each request, without keys, names or addresses.

    \b
    Examples:
      countenance serve
      countenance serve --port 9000 --data /var/lib/countenance --keys /etc/countenance
      COUNTENANCE_TLS_CERTIFICATE=chain.pem COUNTENANCE_TLS_KEY=key.pem countenance serve --host 192.0.2.7
    """
    where, serving = surface.settings(data, keys), _serving(host, port)
    with surface.opened(where, quiet=as_json) as house:
        from countenance.http import server

        log = server.Lines()

        def ready(address: str) -> None:
            found = house.witnesses.witnessed
            origin = house.log.verifier.name
            log({"event": "listening", "address": address, "origin": origin, "witnessed": found is not None})
            if not as_json:
                said = f"witnessed by {', '.join(found.by)}" if found else UNWITNESSED
                click.secho(f"log: {origin}, {said}", dim=True, err=True)
                click.secho(f"listening on {address}; Ctrl-C ends it", err=True)

        server.serve(house, serving, ready=ready, log=log)


def _serving(host: str, port: int | None) -> config.Serving:
    """The environment's, with the options laid over it."""
    found = config.serving_from_environment()
    chosen = replace(found, host=host or found.host, port=found.port if port is None else port)
    return config.checked_serving(chosen)
