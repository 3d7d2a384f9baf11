"""Files of the state folder, written whole or not at all and readable by their owner only.

A write goes to a temporary file in the same folder, is fsynced, renamed over its name, and the folder is
fsynced: after a crash the name holds the old bytes or the new ones, never a mixture (POSIX `rename(2)`,
`fsync(2)`). It never follows a symbolic link when it writes, never shows a path in an error, and never lets
an `OSError` out: a full disk is `DiskFull`, anything else is the operator's to mend.
"""

from __future__ import annotations

import errno
import os
import secrets
import stat
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from countenance.domain.errors import BadInput, Conflict, CountenanceError, DiskFull, Misconfigured

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path
    from typing import BinaryIO

FILE_MODE = 0o600
FOLDER_MODE = 0o700
PUBLIC_FILE_MODE = 0o644
PUBLIC_FOLDER_MODE = 0o755
_FULL = frozenset({errno.ENOSPC, errno.EDQUOT})


class Disk:
    """The system calls of a write. A test hands in a subclass that fails one of them."""

    def create(self, path: Path) -> int:
        return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, FILE_MODE)

    def write(self, descriptor: int, content: memoryview) -> int:
        return os.write(descriptor, content)

    def fsync(self, descriptor: int) -> None:
        os.fsync(descriptor)

    def replace(self, source: Path, target: Path) -> None:
        os.replace(source, target)  # noqa: PTH105  the one call that this room is about

    def link(self, source: Path, target: Path) -> None:
        """Give `source` a second name; fails where `target` exists, which `replace` would not."""
        os.link(source, target, follow_symlinks=False)


DISK = Disk()


def disk_error(error: OSError, what: str) -> CountenanceError:
    """The error of ours for one of the system's. `what` is a noun that is safe to show: `the master key`."""
    if error.errno in _FULL:
        return DiskFull(f"The disk is full: {what} was not written.")
    return Misconfigured(
        f"The system refused access to {what} ({errno.errorcode.get(error.errno or 0, 'unknown')}).",
        next_step="Check the owner, the modes and the health of the disk of the data and keys folders.",
    )


@contextmanager
def disk_errors(what: str) -> Iterator[None]:
    """Raise `DiskFull` or `Misconfigured` in place of any `OSError` of the block."""
    try:
        yield
    except OSError as error:
        raise disk_error(error, what) from error


def make_private_folder(path: Path) -> None:
    """Make `path` (and its parents) with mode 0700; an existing folder of ours is closed to others.

    Raises DiskFull, or Misconfigured where it cannot be made, is no folder, or belongs to another user.
    """
    with disk_errors("the folder"):
        path.mkdir(mode=FOLDER_MODE, parents=True, exist_ok=True)
        if path.stat().st_uid != os.geteuid():
            raise Misconfigured("The folder belongs to another user of this machine.")
        if stat.S_IMODE(path.stat().st_mode) & 0o077:
            path.chmod(FOLDER_MODE)


def write_private(path: Path, content: bytes | Iterable[bytes], *, what: str = "the file", disk: Disk = DISK) -> None:
    """Put `content`, whole or piece by piece, at `path` atomically and durably, mode 0600, replacing what was there.

    Raises DiskFull or Misconfigured; then `path` holds the old bytes or all of the new ones, and no temporary
    file is left.
    """
    pieces = (content,) if isinstance(content, bytes) else content
    with disk_errors(what), _written_beside(path, pieces, disk) as temporary:
        # The point of no return: from here the name holds the new bytes.
        disk.replace(temporary, path)


def write_public(path: Path, content: bytes, *, what: str = "a published file", disk: Disk = DISK) -> None:
    """As `write_private`, but for every reader: mode 0644, its missing folders 0755. Raises as `write_private`."""
    with disk_errors(what):
        _make_public_folder(path.parent, disk)
        with _written_beside(path, (content,), disk) as temporary:
            temporary.chmod(PUBLIC_FILE_MODE)
            disk.replace(temporary, path)


def _make_public_folder(path: Path, disk: Disk) -> None:
    """Each missing folder, durable in its parent before the next one is made in it."""
    if path.is_dir():
        return
    _make_public_folder(path.parent, disk)
    path.mkdir(mode=PUBLIC_FOLDER_MODE, exist_ok=True)
    _fsync_folder(path.parent, disk)


def create_private(path: Path, content: bytes, *, what: str = "the file", disk: Disk = DISK) -> None:
    """As `write_private`, but raises Conflict where `path` exists: a key is never overwritten."""
    with disk_errors(what), _written_beside(path, (content,), disk) as temporary:
        try:
            disk.link(temporary, path)
        except FileExistsError as error:
            raise Conflict(f"There is a file for {what} already; it was left as it is.") from error


@contextmanager
def _written_beside(path: Path, pieces: Iterable[bytes], disk: Disk) -> Iterator[Path]:
    """A durable temporary file with these pieces in the folder of `path`; on leaving, the folder is fsynced."""
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(8)}.tmp")
    try:
        _write_durably(temporary, pieces, disk)
        yield temporary
    finally:
        with suppress(FileNotFoundError):
            temporary.unlink()
    _fsync_folder(path.parent, disk)


def _write_durably(path: Path, pieces: Iterable[bytes], disk: Disk) -> None:
    descriptor = disk.create(path)
    try:
        for piece in pieces:
            rest = memoryview(piece)
            while rest:
                rest = rest[disk.write(descriptor, rest) :]
        disk.fsync(descriptor)
    finally:
        os.close(descriptor)


def _fsync_folder(folder: Path, disk: Disk) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        disk.fsync(descriptor)
    finally:
        os.close(descriptor)


def remove(path: Path, *, what: str = "the file", disk: Disk = DISK) -> None:
    """Remove `path` durably; nothing happens where it is missing. Raises DiskFull or Misconfigured."""
    with disk_errors(what):
        path.unlink(missing_ok=True)
        _fsync_folder(path.parent, disk)


def move(source: Path, target: Path, *, what: str = "the file", disk: Disk = DISK) -> None:
    """Give a durable file of ours another name in this file system, replacing what was there. Raises as `remove`."""
    with disk_errors(what):
        disk.replace(source, target)
        _fsync_folder(target.parent, disk)


def remove_folder(path: Path, *, what: str = "the folder", disk: Disk = DISK) -> None:
    """Remove a folder of plain files durably; nothing happens where it is missing. Raises as `remove`."""
    if not path.is_dir():
        return
    with disk_errors(what):
        for each in sorted(path.iterdir()):
            each.unlink()
        path.rmdir()
        _fsync_folder(path.parent, disk)


def open_for_life(path: Path, *, what: str = "the file") -> int:
    """A descriptor for reading the file at `path`, made empty where it is missing and closed to others.

    The caller closes it. Raises DiskFull or Misconfigured.
    """
    flags = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK
    with disk_errors(what):
        descriptor = os.open(path, flags, FILE_MODE)
        try:
            status = os.fstat(descriptor)
            _check(status, what, private=False)
            if stat.S_IMODE(status.st_mode) & 0o077:
                os.fchmod(descriptor, FILE_MODE)
        except BaseException:
            os.close(descriptor)
            raise
    return descriptor


def read_bounded(
    path: Path, limit: int, *, what: str = "the file", missing: type[CountenanceError] = Misconfigured
) -> bytes:
    """The bytes of the regular file at `path`, at most `limit` of them.

    Raises `missing` where there is no such file, BadInput where it is longer, Misconfigured otherwise.
    """
    return _read(path, limit, what, missing, private=False)


def read_private(
    path: Path, limit: int, *, what: str = "the file", missing: type[CountenanceError] = Misconfigured
) -> bytes:
    """As `read_bounded`, but refuses a file that is another user's or that others may read or write."""
    return _read(path, limit, what, missing, private=True)


@contextmanager
def reading(
    path: Path, *, what: str = "the file", missing: type[CountenanceError] = Misconfigured
) -> Iterator[BinaryIO]:
    """The regular file at `path`, open for reading, for what is too long to be read at once. Raises as the others."""
    with disk_errors(what):
        try:
            descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
        except FileNotFoundError as error:
            raise missing(f"There is no file for {what}.") from error
        with os.fdopen(descriptor, "rb") as file:
            _check(os.fstat(descriptor), what, private=False)
            yield file


def _read(path: Path, limit: int, what: str, missing: type[CountenanceError], *, private: bool) -> bytes:
    with disk_errors(what):
        try:
            descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
        except FileNotFoundError as error:
            raise missing(f"There is no file for {what}.") from error
        with os.fdopen(descriptor, "rb") as file:
            _check(os.fstat(descriptor), what, private=private)
            content = file.read(limit + 1)
    if len(content) > limit:
        raise BadInput(f"The file for {what} is longer than {limit} bytes.")
    return content


def _check(status: os.stat_result, what: str, *, private: bool) -> None:
    if not stat.S_ISREG(status.st_mode):
        raise Misconfigured(f"What lies at the place of {what} is not a regular file.")
    if private and (status.st_uid != os.geteuid() or stat.S_IMODE(status.st_mode) & 0o077):
        raise Misconfigured(
            f"Others on this machine could read or change {what}.",
            next_step="Make yourself its owner and close it to others (chmod 600); ask whether it leaked.",
        )
