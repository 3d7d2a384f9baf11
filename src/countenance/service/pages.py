"""Where a list goes on: a token that says it to this server alone.

It is sealed to the customer, or to a person with an account, and to the list, so it can't be read, changed, or used
for another list; it keeps no state here. It never holds more than the place of the last entry of a page.
"""

from __future__ import annotations

import base64
import binascii
from typing import TYPE_CHECKING

from countenance.domain.errors import BadInput, StorageDamaged
from countenance.service.people import customer_key

if TYPE_CHECKING:
    from collections.abc import Callable

    from countenance.service.app import House
    from countenance.service.auth import Principal

LONGEST = 512  # characters of a token


def token(house: House, who: Principal, of: str, last: str) -> str | None:
    """The token for what follows `last` in the list called `of`; None where nothing does."""
    if not last:
        return None
    return base64.urlsafe_b64encode(customer_key(house, who).seal(last.encode(), _place(of))).decode().rstrip("=")


def after(house: House, who: Principal, of: str, token: str) -> str:
    """The last id that was shown; empty for the first page. Raises BadInput for a token that is not of this list."""
    return _opened(token, lambda sealed: customer_key(house, who).open(sealed, _place(of)))


def mark(house: House, account: str, of: str, last: str) -> str | None:
    """The token of a list for a person with an account, sealed to both; None where nothing follows."""
    if not last:
        return None
    sealed = house.vault.seal(last.encode(), label=f"page\n{account}\n{of}")
    return base64.urlsafe_b64encode(sealed).decode().rstrip("=")


def after_mark(house: House, account: str, of: str, token: str) -> str:
    """What `mark` sealed; empty for the first page. Raises BadInput for a token that is not of this list."""
    return _opened(token, lambda sealed: house.vault.open(sealed, label=f"page\n{account}\n{of}"))


def _place(of: str) -> bytes:
    return f"page\n{of}".encode()


def _opened(token: str, unseal: Callable[[bytes], bytes]) -> str:
    if not token:
        return ""
    try:
        sealed = base64.b64decode(token.encode("ascii") + b"=" * (-len(token) % 4), altchars=b"-_", validate=True)
        if len(token) <= LONGEST:
            return unseal(sealed).decode()
    except (UnicodeEncodeError, binascii.Error, StorageDamaged):
        pass
    raise BadInput(
        "`after` is not from this list", next_step="Give `next` of the page before as it came, or leave it out."
    )
