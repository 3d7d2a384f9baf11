"""A person's hand: the account, and the private key that signs what is sent. It is in no `repr` and no error.

A signature is of one method, path, query, body and moment, with a nonce of its own: a call that is sent again is signed
again. Sources: docs/accounts.md; service/signed.py, which the server reads with.
"""

from __future__ import annotations

import re
import secrets
import time
from typing import TYPE_CHECKING

from countenance.domain.errors import BadInput
from countenance.service import signed

if TYPE_CHECKING:
    from collections.abc import Callable

_ACCOUNT = re.compile(r"acc_[0-9a-f]{32}")


class Hand:
    """account: its id. key: the text of the private key file. wall: Unix seconds. Raises BadInput."""

    __slots__ = ("_key", "_wall", "account")

    def __init__(self, account: str, key: str, wall: Callable[[], float] = time.time) -> None:
        if not _ACCOUNT.fullmatch(account):
            raise BadInput("an account is named by its id", next_step="Give what `account register` said: `acc_…`.")
        self.account = account
        self._key = signed.PersonKey.parse(key)
        self._wall = wall

    def headers(self, method: str, target: bytes, body: bytes | None) -> dict[str, str]:
        """What signs this very call. target: path and query, as they are sent."""
        nonce = secrets.token_urlsafe(signed.NONCE_BYTES)
        return self._key.headers(self.account, method, target, body, created=int(self._wall()), nonce=nonce)

    def sign(self, text: str | bytes) -> str:
        """A signature over a text, base64."""
        return signed.base64_of(self._key.sign(text.encode() if isinstance(text, str) else text))
