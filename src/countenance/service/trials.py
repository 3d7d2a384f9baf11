"""The CSV files of an evaluation: which photographs, and who is in them or which pairs are mated.

`pairs`: columns file_a, file_b, mated (1/0, yes/no, true/false), and fold if wanted. `labels`: columns file
and subject; every other column is a group (gender, ethnicity, ...), an empty cell or NA means not known.
UTF-8, comma, one header line. Nothing is guessed: an unknown column of `pairs`, a line with too many or too
few cells, a pair or file named twice, or a file outside the folder ends the evaluation before any photograph
is opened.

Messages name lines, never what stands in them: file names and subjects are often people's names.
"""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from countenance.domain.errors import BadInput, BadRecord, NotFound

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

MAX_BYTES = 64 << 20  # of one CSV file: about a million lines
_MATED = {"1": True, "yes": True, "true": True, "0": False, "no": False, "false": False}
_UNKNOWN = frozenset({"", "NA"})
_PAIRS, _FOLD = ("file_a", "file_b", "mated"), "fold"
_LABELS = ("file", "subject")


@dataclass(frozen=True, slots=True)
class Pairs:
    """Listed comparisons.

    Numbers of two `files`, whether one person is in both, and the fold of each (or none).
    """

    files: tuple[Path, ...]
    first: tuple[int, ...]
    second: tuple[int, ...]
    mated: tuple[bool, ...]
    folds: tuple[str, ...] | None


@dataclass(frozen=True, slots=True)
class Labels:
    """Who is in each of `files`.

    A number per person from 0, and per group column the word of each file (or None).
    """

    files: tuple[Path, ...]
    person: tuple[int, ...]
    groups: Mapping[str, tuple[str | None, ...]]


def read_pairs(csv_file: Path, images: Path) -> Pairs:
    """The pairs of this CSV. Raises BadRecord for the CSV, BadInput or NotFound for folder and files."""
    header, rows = _table(csv_file)
    _check_columns(header, _PAIRS, (_FOLD,))
    folder, numbers = _Folder(images), _Numbers()
    place = {name: header.index(name) for name in header}
    first, second, mated, folds, seen = [], [], [], [], set()
    for line, row in rows:
        one, two = (numbers.of(folder.file(row[place[name]], line)) for name in _PAIRS[:2])
        if one == two:
            raise BadRecord(f"Line {line} compares a file with itself.")
        if (min(one, two), max(one, two)) in seen:
            raise BadRecord(f"Line {line} names a pair that an earlier line names.")
        seen.add((min(one, two), max(one, two)))
        first.append(one)
        second.append(two)
        mated.append(_mated(row[place["mated"]], line))
        folds.append(_fold(row[place[_FOLD]], line) if _FOLD in place else "")
    if _FOLD in place and len(set(folds)) < 2:
        raise BadRecord("One fold alone has no other folds to take its threshold from.")
    held = tuple(folds) if _FOLD in place else None
    return Pairs(numbers.files(), tuple(first), tuple(second), tuple(mated), held)


def read_labels(csv_file: Path, images: Path) -> Labels:
    """The labels of this CSV. Raises BadRecord for the CSV, BadInput or NotFound for folder and files."""
    header, rows = _table(csv_file)
    _check_columns(header, _LABELS, None)
    folder, numbers = _Folder(images), _Numbers()
    people: dict[str, int] = {}
    place = {name: header.index(name) for name in header}
    columns: dict[str, list[str | None]] = {name: [] for name in header if name not in _LABELS}
    person: list[int] = []
    for line, row in rows:
        if numbers.of(folder.file(row[place["file"]], line)) != len(person):
            raise BadRecord(f"Line {line} names a file that an earlier line names.")
        subject = row[place["subject"]]
        if subject in _UNKNOWN:
            raise BadRecord(f"Line {line} has no subject.")
        person.append(people.setdefault(subject, len(people)))
        for name, words in columns.items():
            words.append(None if row[place[name]] in _UNKNOWN else row[place[name]])
    return Labels(numbers.files(), tuple(person), {name: tuple(words) for name, words in columns.items()})


# -- the table -----------------------------------------------------------------------------------------------


def _table(csv_file: Path) -> tuple[list[str], Iterator[tuple[int, list[str]]]]:
    """Header and numbered lines of a CSV file. Raises BadRecord."""
    try:
        with csv_file.open("rb") as file:
            raw = file.read(MAX_BYTES + 1)
    except OSError:
        raise BadRecord("The CSV file cannot be opened.", next_step="Check the file's name and rights.") from None
    if len(raw) > MAX_BYTES:
        raise BadRecord("The CSV file is larger than 64 MiB.", next_step="Split the evaluation.")
    try:
        text = raw.decode("utf-8-sig")
        rows = list(csv.reader(io.StringIO(text, newline=""), strict=True))
    except (UnicodeDecodeError, csv.Error):
        raise BadRecord("The CSV file is not well-formed CSV in UTF-8.") from None
    if "\0" in text or len(rows) < 2:
        raise BadRecord("The CSV file needs a header and at least one line of text under it.")
    return rows[0], _numbered(rows)


def _numbered(rows: Sequence[list[str]]) -> Iterator[tuple[int, list[str]]]:
    for line, row in enumerate(rows[1:], start=2):
        if len(row) != len(rows[0]):
            raise BadRecord(f"Line {line} has {len(row)} cells, the header {len(rows[0])}.")
        yield line, row


def _check_columns(header: Sequence[str], needed: Sequence[str], optional: Sequence[str] | None) -> None:
    """Raises BadRecord. `optional` None: any further column is a group."""
    for name in header:
        if not name or header.count(name) > 1:
            raise BadRecord("The header has an empty column name, or one twice.")
        if optional is not None and name not in (*needed, *optional):
            near = get_close_matches(name.lower(), [*needed, *optional], n=1, cutoff=0.5)
            hint = f"; did you mean '{near[0]}'?" if near else f": there are {', '.join([*needed, *optional])}."
            raise BadRecord(f"The header has an unknown column '{name[:40]}'{hint}")
    for name in needed:
        if name not in header:
            near = get_close_matches(name, [n.lower() for n in header], n=1, cutoff=0.5)
            raise BadRecord(f"The header has no column '{name}'" + (f" (but '{near[0]}')." if near else "."))


def _mated(word: str, line: int) -> bool:
    mated = _MATED.get(word.lower()) if word.isascii() else None
    if mated is None:
        raise BadRecord(f"Line {line}: 'mated' is neither 1 nor 0 (nor yes, no, true, false).")
    return mated


def _fold(word: str, line: int) -> str:
    if not word or len(word) > 64:
        raise BadRecord(f"Line {line}: 'fold' is empty or longer than 64 characters.")
    return word


# -- the folder ----------------------------------------------------------------------------------------------


class _Numbers:
    """Files numbered in the order of their first mention."""

    def __init__(self) -> None:
        self._known: dict[Path, int] = {}

    def of(self, file: Path) -> int:
        return self._known.setdefault(file, len(self._known))

    def files(self) -> tuple[Path, ...]:
        return tuple(self._known)


class _Folder:
    """The folder of photographs: a file is in it by name and, links followed, in fact."""

    def __init__(self, images: Path) -> None:
        try:
            self._root = images.resolve(strict=True)
        except (OSError, RuntimeError):
            raise NotFound("The folder of photographs does not exist.", next_step="Check --images.") from None
        if not self._root.is_dir():
            raise BadInput("The photographs are not given as a folder.", next_step="Check --images.")
        self._found: dict[str, Path] = {}

    def file(self, name: str, line: int) -> Path:
        """The file of that name below the folder. Raises BadRecord: outside it, or NotFound: not there."""
        if name not in self._found:
            self._found[name] = self._find(name, line)
        return self._found[name]

    def _find(self, name: str, line: int) -> Path:
        path = PurePosixPath(name)
        if not name or path.is_absolute() or ".." in path.parts or "\\" in name:
            raise BadRecord(f"Line {line} names a file outside the folder of photographs.")
        try:
            found = (self._root / path).resolve(strict=True)
        except (OSError, RuntimeError, ValueError):
            raise NotFound(f"Line {line} names a file that is not in the folder.") from None
        if not found.is_relative_to(self._root):
            raise BadRecord(f"Line {line} names a file outside the folder of photographs.")
        if not found.is_file():
            raise BadRecord(f"Line {line} names something that is not a file.")
        return found
