"""Who plays in the story: people to enrol, each with a second photograph, and strangers with one.

Photographs are bytes with a caption and a credit; nothing here decodes them. A folder of an operator's own is
read by the names of its files, `<person>_<n>.jpg`, and by nothing else.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING

from countenance.domain.errors import BadInput

if TYPE_CHECKING:
    from pathlib import Path

PHOTO_LIMIT = 5 * 1024 * 1024  # bytes; the decoder's own limit, checked again there
MOST_PEOPLE = 20  # people of a folder that play; a story has a length
_FILE = re.compile(r"\A(?P<person>[\w-]{1,60})_(?P<n>[0-9]{1,3})\.(?:jpg|jpeg|png)\Z", re.ASCII)
_NEXT = "Name the files <person>_<n>.jpg: two people or more with _1 and _2, and one with _1 alone."


@dataclass(frozen=True, slots=True)
class Photo:
    """A photograph of a person. caption: what it is; credit: author and licence as far as they are stated."""

    raw: bytes
    caption: str
    credit: str
    source: str = ""


@dataclass(frozen=True, slots=True)
class Person:
    """name: as shown; photos: the first is the reference, the second the probe."""

    name: str
    photos: tuple[Photo, ...]


@dataclass(frozen=True, slots=True)
class Cast:
    """enrolled: at least two people with two photographs each; strangers: at least one. notes: said aloud."""

    enrolled: tuple[Person, ...]
    strangers: tuple[Person, ...]
    notes: tuple[str, ...]

    @property
    def people(self) -> tuple[Person, ...]:
        return self.enrolled + self.strangers


def from_folder(folder: Path) -> Cast:
    """The cast of an operator's own folder. Raises BadInput where it cannot carry the story."""
    try:
        names = sorted(path.name for path in folder.iterdir() if path.is_file())
    except OSError as error:
        raise BadInput(f"the folder cannot be read: {os.strerror(error.errno or 0)}", next_step=_NEXT) from error
    taken = [(found["person"], int(found["n"]), found[0]) for found in map(_FILE.match, names) if found]
    people = [
        _person(folder, person, [name for _, _, name in files])
        for person, files in groupby(sorted(taken), key=lambda each: each[0])
    ]
    return checked(_roles(people[:MOST_PEOPLE]))


def checked(cast: Cast) -> Cast:
    """The same cast, or BadInput where there are too few to tell the story."""
    if len(cast.enrolled) < 2 or not cast.strangers:
        raise BadInput("the story needs two people with two photographs each, and a stranger with one", next_step=_NEXT)
    return cast


def _roles(people: list[Person]) -> Cast:
    pairs = tuple(person for person in people if len(person.photos) >= 2)
    singles = tuple(person for person in people if len(person.photos) == 1)
    return Cast(pairs, singles, ("The photographs are yours: whether the people in them agreed, only you know.",))


def _person(folder: Path, name: str, files: list[str]) -> Person:
    shown = name.replace("_", " ").replace("-", " ")
    photos = tuple(Photo(_read(folder / file), shown, "from your own folder") for file in files[:2])
    return Person(shown, photos)


def _read(path: Path) -> bytes:
    try:
        with path.open("rb") as source:
            return source.read(PHOTO_LIMIT + 1)
    except OSError as error:
        raise BadInput(f"a photograph cannot be read: {os.strerror(error.errno or 0)}", next_step=_NEXT) from error
