"""Private files: whole or not at all, for their owner only, and no error of the system gets out."""

from __future__ import annotations

import errno
import os
import subprocess
from typing import TYPE_CHECKING

import pytest

from countenance.domain.errors import (
    BadInput,
    Conflict,
    CountenanceError,
    DiskFull,
    Misconfigured,
    MissingMasterKey,
)
from countenance.storage import files

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


class BrokenDisk(files.Disk):
    """A disk on which one call fails: with `code`, after half of what it should do."""

    def __init__(self, call: str, code: int) -> None:
        self._call, self._code = call, code

    def _fail(self, call: str) -> None:
        if call == self._call:
            raise OSError(self._code, os.strerror(self._code))

    def create(self, path: Path) -> int:
        self._fail("create")
        return super().create(path)

    def write(self, descriptor: int, content: memoryview) -> int:
        if self._call == "write":
            super().write(descriptor, content[: len(content) // 2])
        self._fail("write")
        return super().write(descriptor, content)

    def fsync(self, descriptor: int) -> None:
        self._fail("fsync")
        super().fsync(descriptor)

    def replace(self, source: Path, target: Path) -> None:
        self._fail("replace")
        super().replace(source, target)


class SlowDisk(files.Disk):
    """A disk that takes one byte a call, as a system may."""

    def write(self, descriptor: int, content: memoryview) -> int:
        return super().write(descriptor, content[:1])


def _mode(path: Path) -> int:
    return path.stat().st_mode & 0o777


def test_a_file_is_written_for_its_owner_only_whatever_the_umask(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        files.write_private(tmp_path / "secret", b"content")
    finally:
        os.umask(before)
    assert (tmp_path / "secret").read_bytes() == b"content"
    assert _mode(tmp_path / "secret") == 0o600


def test_short_writes_are_finished(tmp_path: Path) -> None:
    files.write_private(tmp_path / "secret", b"content", disk=SlowDisk())
    assert (tmp_path / "secret").read_bytes() == b"content"


@pytest.mark.parametrize("call", ["create", "write", "fsync", "replace"])
@pytest.mark.parametrize(
    ("code", "error"), [(errno.ENOSPC, DiskFull), (errno.EDQUOT, DiskFull), (errno.EIO, Misconfigured)]
)
def test_a_failed_call_leaves_the_old_file_and_nothing_else(
    tmp_path: Path, call: str, code: int, error: type[CountenanceError]
) -> None:
    path = tmp_path / "secret"
    files.write_private(path, b"old")
    with pytest.raises(error) as caught:
        files.write_private(path, b"new", what="the key", disk=BrokenDisk(call, code))
    assert type(caught.value) is error
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]
    assert str(tmp_path) not in caught.value.message


@pytest.fixture
def tiny_disk(tmp_path: Path) -> Iterator[Path]:
    """A real disk of 64 KiB."""
    place = tmp_path / "tiny"
    place.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=64k", "none", place], check=False, capture_output=True
    )
    if mounted.returncode:
        pytest.skip("needs the right to mount a tmpfs")
    yield place
    subprocess.run(["umount", place], check=True)


def test_a_disk_that_is_really_full_says_so(tiny_disk: Path) -> None:
    files.write_private(tiny_disk / "secret", b"old")
    with pytest.raises(DiskFull):
        files.write_private(tiny_disk / "secret", bytes(1 << 20))
    assert (tiny_disk / "secret").read_bytes() == b"old"
    assert len(list(tiny_disk.iterdir())) == 1


def test_a_symbolic_link_is_replaced_not_followed(tmp_path: Path) -> None:
    (tmp_path / "target").write_bytes(b"untouched")
    (tmp_path / "secret").symlink_to(tmp_path / "target")
    files.write_private(tmp_path / "secret", b"content")
    assert (tmp_path / "target").read_bytes() == b"untouched"
    assert not (tmp_path / "secret").is_symlink()


def test_what_exists_is_not_created_again(tmp_path: Path) -> None:
    files.create_private(tmp_path / "key", b"first")
    with pytest.raises(Conflict):
        files.create_private(tmp_path / "key", b"second")
    assert (tmp_path / "key").read_bytes() == b"first"
    assert len(list(tmp_path.iterdir())) == 1


def test_a_folder_is_closed_to_others(tmp_path: Path) -> None:
    open_folder = tmp_path / "open"
    open_folder.mkdir()
    open_folder.chmod(0o755)
    files.make_private_folder(open_folder)
    files.make_private_folder(tmp_path / "new" / "deep")
    assert (_mode(open_folder), _mode(tmp_path / "new" / "deep")) == (0o700, 0o700)


def test_a_file_in_the_folders_place_is_refused(tmp_path: Path) -> None:
    (tmp_path / "place").write_bytes(b"")
    with pytest.raises(Misconfigured):
        files.make_private_folder(tmp_path / "place")


def test_reading_has_a_bound(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"12345")
    assert files.read_bounded(tmp_path / "file", 5) == b"12345"
    with pytest.raises(BadInput):
        files.read_bounded(tmp_path / "file", 4)


def test_a_missing_file_is_the_error_that_the_caller_names(tmp_path: Path) -> None:
    with pytest.raises(MissingMasterKey):
        files.read_private(tmp_path / "key", 10, missing=MissingMasterKey)


@pytest.mark.parametrize("mode", [0o604, 0o640, 0o620, 0o602])
def test_a_secret_that_others_can_read_or_write_is_refused(tmp_path: Path, mode: int) -> None:
    (tmp_path / "key").write_bytes(b"secret")
    (tmp_path / "key").chmod(mode)
    assert files.read_bounded(tmp_path / "key", 10) == b"secret"
    with pytest.raises(Misconfigured):
        files.read_private(tmp_path / "key", 10)


def test_a_pipe_in_the_files_place_is_refused_at_once(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe", 0o600)
    with pytest.raises(Misconfigured):
        files.read_private(tmp_path / "pipe", 10)


def test_removing_is_done_once(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    files.remove(tmp_path / "file")
    files.remove(tmp_path / "file")
    assert list(tmp_path.iterdir()) == []
