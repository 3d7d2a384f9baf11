"""Secrets that this server makes, shows once and keeps as a hash: of keys, of claims, of links to a person's page.

A secret has 256 random bits, so that SHA-256 without a salt keeps it. Nothing here makes, stores or shows one.
"""

from __future__ import annotations

import hashlib
import hmac

_NONE = bytes(32)


def hashed(secret: str) -> bytes:
    """What is kept of a secret: 32 bytes."""
    return hashlib.sha256(secret.encode("ascii")).digest()


def opens(secret: str, stored: bytes | None) -> bool:
    """Whether this is the secret whose hash is stored, in the same time where none is (None)."""
    return hmac.compare_digest(hashed(secret), stored or _NONE) and stored is not None
