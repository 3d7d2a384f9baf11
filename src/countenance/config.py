"""Where this house keeps its state and its keys, and the bounds it runs under.

Nothing here is read from inside the data folder: the master key must not lie in it, and a setting that weakens
a promise would have to be a policy change. Source of the defaults: docs/settings.md, one row a field.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from countenance.domain.errors import Misconfigured

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, slots=True)
class Settings:
    """Every setting of a house.

    data: the one folder of state. keys: the folder of the master key and of keys kept for a lone operator.
    manifest: an operator's own model manifest, or None for the shipped models.
    threads: processor threads for inference, 0 for every core this process may use.
    """

    data: Path
    keys: Path
    manifest: Path | None = None
    threads: int = 0

    @property
    def ledger(self) -> Path:
        """The public folder: `checkpoint` and `tile/`, nothing secret, servable as it is."""
        return self.data / "ledger"

    @property
    def log_state(self) -> Path:
        return self.data / "log-state"

    @property
    def log_vkey(self) -> Path:
        return self.data / "log.vkey"

    @property
    def database(self) -> Path:
        return self.data / "countenance.db"

    @property
    def models(self) -> Path:
        """Prepared models: derived from the packages' files, safe to delete."""
        return self.data / "models"

    @property
    def master_key(self) -> Path:
        return self.keys / "master.key"

    @property
    def own_key(self) -> Path:
        """Where `init --for-myself` leaves the key of the lone operator."""
        return self.keys / "me.key"


def from_environment(env: Mapping[str, str] | None = None) -> Settings:
    """Settings from COUNTENANCE_DATA, _KEYS, _MANIFEST and _THREADS, each with its default."""
    env = os.environ if env is None else env
    home = Path(env.get("HOME") or Path.home())
    data = env.get("COUNTENANCE_DATA") or Path(env.get("XDG_DATA_HOME") or home / ".local/share") / "countenance"
    keys = env.get("COUNTENANCE_KEYS") or Path(env.get("XDG_CONFIG_HOME") or home / ".config") / "countenance"
    manifest = env.get("COUNTENANCE_MANIFEST")
    settings = Settings(Path(data), Path(keys), Path(manifest) if manifest else None, _threads(env))
    return checked(settings)


def checked(settings: Settings) -> Settings:
    """The settings with absolute paths; refuses a key folder inside the data folder."""
    data, keys = settings.data.absolute(), settings.keys.absolute()
    if keys.resolve().is_relative_to(data.resolve()):
        raise Misconfigured(
            "the master key must not lie in the data folder",
            next_step="Name a folder outside it with --keys or COUNTENANCE_KEYS.",
        )
    return replace(settings, data=data, keys=keys)


def _threads(env: Mapping[str, str]) -> int:
    text = env.get("COUNTENANCE_THREADS") or "0"
    if not (text.isascii() and text.isdigit()) or int(text) > 1024:
        raise Misconfigured(
            "COUNTENANCE_THREADS is not a whole number from 0 to 1024",
            next_step="Leave it out to use every core, or set it to a number such as 2.",
        )
    return int(text)
