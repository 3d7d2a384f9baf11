"""How what is sent is written: a JSON body, a moment, a name as one part of a path. It refuses and never guesses."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING
from urllib.parse import quote

from countenance.domain import ids
from countenance.domain.errors import BadInput

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

JSON = {"Content-Type": "application/json"}


def json_body(body: Mapping[str, object]) -> bytes:
    try:
        return json.dumps(body, ensure_ascii=False, allow_nan=False).encode()
    except (TypeError, ValueError):
        raise BadInput("what was given is no text, or cannot be written as UTF-8") from None


def moment(at: datetime) -> str:
    if at.tzinfo is None:
        raise BadInput("a time here says its zone", next_step="Give an aware datetime, such as datetime.now(UTC).")
    return ids.utc(at)


def part(name: str) -> str:
    """A name as one part of a path. A dot or a slash of its own would name another address, so those go by their id."""
    if not name or name in (".", "..") or "/" in name or "\\" in name or not name.isprintable():
        raise BadInput("this name cannot stand in an address", next_step="Give the id that the server gave it.")
    try:
        return quote(name, safe="")
    except UnicodeEncodeError:
        raise BadInput("this name cannot be written as UTF-8") from None
