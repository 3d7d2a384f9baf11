"""What a change of the policy set asks for, and which packs that comes to. It weighs nothing and changes nothing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from countenance.domain.errors import BadInput, UnknownWord
from countenance.policy import packs

if TYPE_CHECKING:
    from countenance.service.sets import Held

MOST_PACKS = 64  # of one set


@dataclass(frozen=True, slots=True)
class Wish:
    """What is to be changed. on, off: names of packs; texts: by name, the bytes of a pack of the operator's own.

    A pack that is on already and named in `on` is taken anew from this installation. notice_days: where more is wished
    than the setting.
    """

    on: tuple[str, ...] = ()
    off: tuple[str, ...] = ()
    texts: tuple[tuple[str, bytes], ...] = ()
    notice_days: int = 0


def files_of(before: Held, wish: Wish) -> list[packs.PackFile]:
    """The packs of the new set: those of the old one, then the new ones in the order of their names."""
    held = {file.name: file for file in before.policies.files}
    named = [*wish.on, *wish.off, *(name for name, _ in wish.texts)]
    if len(set(named)) != len(named) or packs.STOP in named:
        raise BadInput(f"each pack is named once, and `{packs.STOP}` by the commands that stop and resume alone")
    for name in wish.off:
        if name == "core" or name not in held:
            raise UnknownWord(
                f"{name!r} is not on, or can't be off", next_step="See GET /v1/policies for those in force."
            )
        del held[name]
    for name in wish.on:
        held[name] = packs.read(name)
    for name, text in wish.texts:
        held[name] = packs.parse(text, name)
    if len(held) > MOST_PACKS:
        raise BadInput(f"a set has at most {MOST_PACKS} packs")
    return sorted(held.values(), key=lambda file: (file.name != "core", file.name))
