"""Disks for tests: each is a real `Disk` that counts, fails, dies or forgets, by the rules of a real one."""

from __future__ import annotations

import errno
import os
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

from countenance.ledger.durable import Disk

if TYPE_CHECKING:
    import random
    from collections.abc import Callable


class Killed(BaseException):
    """The process is dead: nothing of ours may catch this and go on."""


class LightDisk(Disk):
    """Counts the calls, and does not wait for the platter: what is written stays while the machine runs."""

    def __init__(self) -> None:
        self.calls: Counter[str] = Counter()

    def before(self, name: str) -> None:
        """Called before each call that changes something."""
        self.calls[name] += 1

    def open(self, path: Path, flags: int, mode: int) -> int:
        self.before("open")
        return super().open(path, flags, mode)

    def write(self, fd: int, raw: bytes) -> int:
        self.before("write")
        return super().write(fd, raw)

    def fsync(self, fd: int) -> None:  # noqa: ARG002
        self.before("fsync")

    def rename(self, old: Path, new: Path) -> None:
        self.before("rename")
        super().rename(old, new)

    def mkdir(self, path: Path, mode: int) -> None:
        self.before("mkdir")
        super().mkdir(path, mode)

    def unlink(self, path: Path) -> None:
        self.before("unlink")
        super().unlink(path)

    def rmdir(self, path: Path) -> None:
        self.before("rmdir")
        super().rmdir(path)


class FailingDisk(LightDisk):
    """Fails one call with an errno; a write fails half-way. All calls before and after it work."""

    def __init__(self, at: int, code: int = errno.EIO) -> None:
        super().__init__()
        self.at = at
        self.code = code

    @property
    def failed(self) -> bool:
        return self.calls.total() >= self.at

    def before(self, name: str) -> None:
        super().before(name)
        if self.calls.total() == self.at:
            raise OSError(self.code, "made to fail")

    def write(self, fd: int, raw: bytes) -> int:
        if self.calls.total() + 1 == self.at:
            os.write(fd, raw[: len(raw) // 2])
        return super().write(fd, raw)


class ShortDisk(LightDisk):
    """Each write takes only a part of what it is given, and says so: no error, as POSIX allows."""

    def write(self, fd: int, raw: bytes) -> int:
        return super().write(fd, raw[: len(raw) // 2 + 1])


class PowerCutDisk(LightDisk):
    """Dies at one call, and knows what a disk must still have after the power went.

    It keeps, for each file, the bytes at its last fsync, and for each folder the names at its last fsync. `after`
    lays out what may be found when the power is back: all that was synced, and of the rest whatever `keep` says.
    """

    def __init__(self, root: Path, at: int) -> None:
        super().__init__()
        self.root = root
        self.at = at
        self.dead = False
        self.now: dict[int, bytes] = {}
        self.synced: dict[int, bytes] = {}
        self.names: dict[Path, int] = {}
        self.synced_names: dict[Path, dict[str, int]] = {}
        self.fds: dict[int, Path] = {}
        self._adopt()

    def _adopt(self) -> None:
        """Whatever is there at the start is on the disk."""
        for folder, folders, files in os.walk(self.root):
            here = Path(folder)
            for name in files:
                number = self._new(here / name)
                self.now[number] = self.synced[number] = (here / name).read_bytes()
            for name in folders:
                self.names[here / name] = -1
            self._sync_names(here)

    def _new(self, path: Path) -> int:
        self.names[path] = number = len(self.now)
        self.now[number] = b""
        return number

    def _sync_names(self, folder: Path) -> None:
        self.synced_names[folder] = {p.name: n for p, n in self.names.items() if p.parent == folder}

    def before(self, name: str) -> None:
        if self.dead:
            raise Killed
        super().before(name)
        if self.calls.total() == self.at:
            self.dead = True
            raise Killed

    def open(self, path: Path, flags: int, mode: int) -> int:
        fd = super().open(path, flags, mode)
        self.fds[fd] = path
        if flags & os.O_CREAT and path not in self.names:
            self._new(path)
        if flags & os.O_TRUNC:
            self.now[self.names[path]] = b""
        return fd

    def write(self, fd: int, raw: bytes) -> int:
        if self.calls.total() + 1 == self.at:
            self.now[self.names[self.fds[fd]]] += raw[: len(raw) // 2]
        done = super().write(fd, raw)
        self.now[self.names[self.fds[fd]]] += raw[:done]
        return done

    def fsync(self, fd: int) -> None:
        super().fsync(fd)
        path = self.fds[fd]
        if path.is_dir():
            self._sync_names(path)
        else:
            self.synced[self.names[path]] = self.now[self.names[path]]

    def rename(self, old: Path, new: Path) -> None:
        super().rename(old, new)
        self.names[new] = self.names.pop(old)

    def mkdir(self, path: Path, mode: int) -> None:
        super().mkdir(path, mode)
        self.names[path] = -1

    def unlink(self, path: Path) -> None:
        super().unlink(path)
        del self.names[path]

    def rmdir(self, path: Path) -> None:
        super().rmdir(path)
        del self.names[path]

    def after(self, target: Path, keep: Callable[[], bool]) -> None:
        """Lay out, under `target`, a state that the disk may be found in. keep: whether an unsynced change stuck."""
        self._lay_out(self.root, target, keep)

    def _lay_out(self, folder: Path, target: Path, keep: Callable[[], bool]) -> None:
        target.mkdir(parents=True)
        names = dict(self.synced_names.get(folder, {}))
        now = {p.name: n for p, n in self.names.items() if p.parent == folder}
        for name in sorted(names.keys() | now.keys()):
            if names.get(name) != now.get(name) and keep():
                names.pop(name, None)
                names |= {name: now[name]} if name in now else {}
        for name, number in names.items():
            if number < 0:
                self._lay_out(folder / name, target / name, keep)
            else:
                raw = self.now[number] if keep() else self.synced.get(number, b"")
                (target / name).write_bytes(raw)


def nothing() -> bool:
    """Only what was synced is found again."""
    return False


def everything() -> bool:
    """Every change is found again: the process died, the machine did not."""
    return True


def by_chance(rng: random.Random) -> Callable[[], bool]:
    """Each unsynced change is found again or not, by the toss of a coin."""
    return lambda: rng.random() < 0.5
