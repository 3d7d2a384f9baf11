"""The file of a backup: comes back byte for byte under its key, and any byte that is missing or another is told."""

# ruff: noqa: S311  (seeded, so that a failure comes again)
from __future__ import annotations

import errno
import os
import random
from typing import TYPE_CHECKING

import pytest

from countenance.domain.errors import BadInput, BadRecord, CountenanceError, DiskFull, WrongMasterKey
from countenance.storage import files, sealed
from countenance.storage.vault import Vault

if TYPE_CHECKING:
    from pathlib import Path

VAULT = Vault(bytes(range(32)))
WORDS = {"id": "bak_" + 32 * "0", "made": "2026-11-22T10:30:00Z"}
LENGTHS = {"one": 2 * sealed.PIECE + 17, "two": 100, "three": sealed.PIECE - 117, "four": 1}
PARTS = {name: random.Random(name).randbytes(length) for name, length in LENGTHS.items()}


class FullDisk(files.Disk):
    """Full once this many bytes were written."""

    def __init__(self, room: int) -> None:
        self.room = room

    def write(self, descriptor: int, content: memoryview) -> int:
        if self.room <= 0:
            raise OSError(errno.ENOSPC, "full")
        written = os.write(descriptor, content[: self.room])
        self.room -= written
        return written


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    path = tmp_path_factory.mktemp("whole") / "a.backup"
    sealed.write(path, VAULT, WORDS, PARTS, files.DISK)
    assert path.stat().st_mode & 0o777 == 0o600
    return path.read_bytes()


def put(folder: Path, raw: bytes) -> Path:
    path = folder / "changed.backup"
    path.write_bytes(raw)
    return path


def read_all(path: Path) -> dict[str, bytes]:
    header = sealed.read(path)
    return {name: b"".join(sealed.unsealed(path, VAULT, name)) for name, _ in header.parts}


def rehashed(raw: bytes) -> bytes:
    """With a hash that fits: what somebody would do who changes it on purpose."""
    from hashlib import sha256

    return raw[: -sealed.HASH] + sha256(raw[: -sealed.HASH]).digest()


def test_every_part_comes_back_byte_for_byte(tmp_path: Path, whole: bytes) -> None:
    path = put(tmp_path, whole)
    assert read_all(path) == PARTS
    assert sealed.read(path).words == WORDS


def test_nothing_of_the_parts_is_readable_in_it(whole: bytes) -> None:
    for part in PARTS.values():
        for at in range(0, len(part) - 16, 4096):
            assert part[at : at + 16] not in whole


def test_a_file_cut_off_anywhere_is_told(tmp_path: Path, whole: bytes, *, long_run: bool) -> None:
    step = 4096 if long_run else 32 * 4096
    cuts = [*range(0, len(whole), step), len(whole) - 1, len(whole) - sealed.HASH, 10, len(sealed.MAGIC)]
    for cut in cuts:
        with pytest.raises(BadRecord):
            sealed.read(put(tmp_path, whole[:cut]))
    with pytest.raises(BadRecord):
        sealed.read(put(tmp_path, whole + b"\0"))


def test_a_flipped_bit_anywhere_is_told(tmp_path: Path, whole: bytes, *, long_run: bool) -> None:
    rng = random.Random(2026)
    head = whole.index(b"\n", len(sealed.MAGIC)) + 1
    places = [
        *range(0, head, 1 if long_run else 7),
        *(rng.randrange(len(whole)) for _ in range(900 if long_run else 40)),
    ]
    for place in places:
        changed = bytearray(whole)
        changed[place] ^= 1 << rng.randrange(8)
        with pytest.raises(BadRecord):
            sealed.read(put(tmp_path, bytes(changed)))


def test_a_piece_that_was_altered_moved_or_left_out_on_purpose_does_not_open(tmp_path: Path, whole: bytes) -> None:
    head = whole.index(b"\n", len(sealed.MAGIC)) + 1
    size = sealed.PIECE + 29
    flipped = bytearray(whole)
    flipped[head + size + 100] ^= 1
    swapped = whole[:head] + whole[head + size : head + 2 * size] + whole[head : head + size] + whole[head + 2 * size :]
    for changed in (bytes(flipped), swapped):
        path = put(tmp_path, rehashed(changed))
        sealed.read(path)  # the hash fits: this is what only the seal tells
        with pytest.raises(BadRecord):
            read_all(path)
    with pytest.raises(BadRecord):
        sealed.read(put(tmp_path, rehashed(whole[:head] + whole[head + size :])))


def test_a_word_of_the_header_that_was_changed_on_purpose_does_not_open(tmp_path: Path, whole: bytes) -> None:
    later = rehashed(whole.replace(b"2026-11-22T10:30:00Z", b"2036-11-22T10:30:00Z"))
    path = put(tmp_path, later)
    assert sealed.read(path).words["made"].startswith("2036")
    with pytest.raises(BadRecord):
        read_all(path)


def test_another_master_key_is_told_from_damage(tmp_path: Path, whole: bytes) -> None:
    path = put(tmp_path, whole)
    other = Vault(bytes(32))
    with pytest.raises(WrongMasterKey):
        sealed.check_key(sealed.read(path), other)
    with pytest.raises(WrongMasterKey):
        list(sealed.unsealed(path, other, "one"))


@pytest.mark.parametrize(
    "raw",
    [b"", b"nonsense", b"\0" * 100, sealed.MAGIC, sealed.MAGIC + b"{}\n", sealed.MAGIC + b"[]\n",
     sealed.MAGIC + b'{"key":1,"parts":[["a",1]]}\n', sealed.MAGIC + b'{"key":"","parts":[["a",-1]]}\n',
     sealed.MAGIC + b'{"key":"","parts":[["a",true]]}\n', sealed.MAGIC + b'{"key":"","parts":[["a",1e3]]}\n',
     sealed.MAGIC + b'{"key":"","parts":[["a",1]],"x":1}\n', sealed.MAGIC + b'{"parts":[["a",1]],"key":""}\n',
     sealed.MAGIC + b'{"key":"","key":"","parts":[["a",1]]}\n', sealed.MAGIC + b"{" * 20_000 + b"\n",
     sealed.MAGIC + b'{"key":"","parts":[["a",99999999999999999999]]}\n',
     b"countenance-backup@v2\n" + b'{"key":"","parts":[["a",1]]}\n'],
)  # fmt: skip
def test_what_is_no_backup_is_refused(tmp_path: Path, raw: bytes) -> None:
    with pytest.raises(BadRecord):
        sealed.read(put(tmp_path, raw))


def test_a_missing_file_or_part_is_named(tmp_path: Path, whole: bytes) -> None:
    with pytest.raises(BadInput):
        sealed.read(tmp_path / "nothing")
    with pytest.raises(CountenanceError):
        sealed.read(tmp_path)
    with pytest.raises(BadRecord, match="holds no other"):
        list(sealed.unsealed(put(tmp_path, whole), VAULT, "other"))


@pytest.mark.parametrize("room", [0, 10, 5000, sealed.PIECE, 3 * sealed.PIECE])
def test_a_full_disk_leaves_nothing_behind(tmp_path: Path, room: int) -> None:
    with pytest.raises(DiskFull):
        sealed.write(tmp_path / "a.backup", VAULT, WORDS, PARTS, FullDisk(room))
    assert list(tmp_path.iterdir()) == []
