"""Identifiers and time: random, typed by prefix, never derived from a person; UTC everywhere."""

from __future__ import annotations

import re
import secrets
from datetime import UTC, datetime

PREFIXES = {
    "customer": "cus", "application": "app", "grant": "gra", "key": "key", "collection": "col",
    "subject": "sub", "reference": "ref", "consent": "con", "erasure": "era", "request": "req",
    "backup": "bak", "link": "lnk",
    "account": "acc", "filing": "fil", "change": "chg", "objection": "obj", "verification": "ver", "challenge": "cha",
    "demand": "dem", "disclosure": "dis",
    "lock": "lck",
}  # fmt: skip
_ID = re.compile(r"\A[a-z]{3}_[0-9a-f]{32}\Z")


def new(kind: str) -> str:
    """A fresh id such as `sub_` + 32 hex digits (128 random bits). `kind` is a key of PREFIXES."""
    return f"{PREFIXES[kind]}_{secrets.token_hex(16)}"


def is_id(text: str, kind: str) -> bool:
    """Whether `text` has the form of an id of this kind (says nothing about whether it exists)."""
    return _ID.match(text) is not None and text.startswith(PREFIXES[kind] + "_")


def utc(moment: datetime) -> str:
    """RFC 3339 in UTC with seconds, `2026-11-22T22:40:05Z`. `moment` must be aware."""
    if moment.tzinfo is None:
        raise ValueError("a naive datetime has no place here")
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
