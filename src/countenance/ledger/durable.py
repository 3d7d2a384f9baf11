"""Files that are there after a power cut, or not at all: the only place of this room with fsync and rename.

`Disk` is the handful of system calls that change something. The log gets it handed in, so that a test can
fail or kill each single call. Nothing here retries: after a failed fsync the kernel may have dropped the
pages and call them clean, so whoever gets an error must stop and start again from what can be read back.
Source: Rebello et al., "Can Applications Recover from fsync Failures?", USENIX ATC 2020; fsync(2),
rename(2).
"""

from __future__ import annotations

import errno
import fcntl
import os
from contextlib import contextmanager
from typing import TYPE_CHECKING

from countenance.domain.errors import DiskFull, LogLocked, LogUnavailable

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

PUBLIC_FILE, PUBLIC_FOLDER = 0o644, 0o755
PRIVATE_FILE, PRIVATE_FOLDER = 0o600, 0o700
"""Modes (umask applies): the published folder is for every reader, the log's state for its owner only."""

_FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})


class Disk:
    """The calls that change a disk. Each may raise OSError; a test's disk fails or dies where it is told to."""

    def open(self, path: Path, flags: int, mode: int) -> int:
        return os.open(path, flags | os.O_CLOEXEC, mode)

    def write(self, fd: int, raw: bytes) -> int:
        return os.write(fd, raw)

    def fsync(self, fd: int) -> None:
        os.fsync(fd)

    def close(self, fd: int) -> None:
        os.close(fd)

    def rename(self, old: Path, new: Path) -> None:
        os.replace(old, new)  # noqa: PTH105

    def mkdir(self, path: Path, mode: int) -> None:
        os.mkdir(path, mode)  # noqa: PTH102 - the system call itself, with no second look

    def unlink(self, path: Path) -> None:
        os.unlink(path)  # noqa: PTH108

    def rmdir(self, path: Path) -> None:
        os.rmdir(path)  # noqa: PTH106


@contextmanager
def disk_errors() -> Iterator[None]:
    """Turn OSError into DiskFull or LogUnavailable, without the path that it names."""
    try:
        yield
    except OSError as error:
        if error.errno in _FULL:
            raise DiskFull("the disk of the log is full") from error
        reason = os.strerror(error.errno) if error.errno else "unknown error"
        raise LogUnavailable(f"the log's files cannot be written or read: {reason}") from error


def write_all(disk: Disk, fd: int, raw: bytes) -> None:
    """Write every byte; a short write goes on where it stopped."""
    rest = memoryview(raw)
    while rest:
        rest = rest[disk.write(fd, bytes(rest)) :]


def put(disk: Disk, path: Path, raw: bytes, *, mode: int) -> None:
    """Put a whole file in place: write beside it, fsync, rename over it, fsync the folder."""
    draft = path.with_name(f".{path.name}.new")
    fd = disk.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode)
    try:
        write_all(disk, fd, raw)
        disk.fsync(fd)
    finally:
        disk.close(fd)
    disk.rename(draft, path)
    sync_folder(disk, path.parent)


def sync_folder(disk: Disk, folder: Path) -> None:
    """Make the names in a folder durable."""
    fd = disk.open(folder, os.O_RDONLY | os.O_DIRECTORY, 0)
    try:
        disk.fsync(fd)
    finally:
        disk.close(fd)


def make_folder(disk: Disk, folder: Path, *, mode: int) -> None:
    """Make a folder and its missing parents, each durable in its own parent before the next one."""
    if folder.is_dir():
        return
    make_folder(disk, folder.parent, mode=mode)
    disk.mkdir(folder, mode)
    sync_folder(disk, folder.parent)


def remove(disk: Disk, path: Path) -> None:
    """Remove a file, durably."""
    disk.unlink(path)
    sync_folder(disk, path.parent)


def remove_folder(disk: Disk, folder: Path) -> None:
    """Remove a folder of plain files, if it is there."""
    if not folder.is_dir():
        return
    for path in sorted(folder.iterdir()):
        disk.unlink(path)
    disk.rmdir(folder)
    sync_folder(disk, folder.parent)


def lock(path: Path) -> int:
    """Take the one lock of a folder; it is held until the returned descriptor is closed or the process ends.

    Raises LogLocked at once if anybody else holds it.
    """
    fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, PRIVATE_FILE)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(fd)
        raise LogLocked("another process has this log open") from None
    except BaseException:
        os.close(fd)
        raise
    return fd


def locked(path: Path) -> bool:
    """Whether anybody holds the lock of a folder. Asks with a shared lock, let go at once; it makes no file."""
    fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        fcntl.flock(fd, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(fd)
    return False
