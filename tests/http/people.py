"""People for the tests of HTTP: each with a key of their own, who sign what they send, or something near it."""

from __future__ import annotations

import json
import secrets
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from countenance.service import accounts, signed

if TYPE_CHECKING:
    from collections.abc import Mapping

    import httpx

    from tests.http.conftest import Client, Doors
    from tests.service.world import World

ROLES = "operator", "approver", "auditor"


@dataclass
class Hand:
    """A person with an account, and the house that they write to."""

    world: World
    client: Client
    account: str
    key: signed.PersonKey = field(repr=False)

    def headers(
        self, method: str, target: str, body: bytes | None = None, *, ago: int = 0, nonce: str = "", account: str = ""
    ) -> dict[str, str]:
        """What signs a call. ago: seconds before the house's now."""
        created = int(self.world.moment.timestamp()) - ago
        nonce = nonce or secrets.token_urlsafe(signed.NONCE_BYTES)
        whole = account or self.account
        return self.key.headers(whole, method, target.encode(), body, created=created, nonce=nonce)

    def send(
        self, method: str, target: str, document: Mapping[str, Any] | None = None, **signing: Any
    ) -> httpx.Response:
        """A call under /v1/administration, signed as it should be unless `signing` says otherwise."""
        target = f"/v1/administration{target}"
        body = None if document is None else json.dumps(document).encode()
        headers = self.headers(method, target, body, **signing)
        if body is not None:
            headers["Content-Type"] = "application/json"
        return self.client.request(method, target, content=body, headers=headers)

    def get(self, target: str) -> httpx.Response:
        return self.send("GET", target)

    def post(self, target: str, document: Mapping[str, Any] | None = None) -> httpx.Response:
        return self.send("POST", target, document)

    def delete(self, target: str) -> httpx.Response:
        return self.send("DELETE", target)


def new_key() -> signed.PersonKey:
    return signed.PersonKey(secrets.token_bytes(32))


def hand(doors: Doors, *roles: str, customer: str = "", name: str = "Ada Person") -> Hand:
    """A person registered on the machine itself."""
    key = new_key()
    new = accounts.NewAccount(name, frozenset(roles or ROLES), key.public, customer)
    made = accounts.register_here(doors.world.house, new)
    return Hand(doors.world, doors.client, made.id, key)


def newcomer(**changed: Any) -> dict[str, Any]:
    """A document that registers somebody new."""
    return {"name": "Bo Person", "roles": ["operator"], "public_key": new_key().public, **changed}
