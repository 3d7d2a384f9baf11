"""Whether a built wheel holds what the program reads at run time: `python -m tests.house.wheel FOLDER`."""

from __future__ import annotations

import sys
import zipfile
from pathlib import Path

from tests.house.sources import files

READ_AT_RUN_TIME = (".cedar", ".cedarschema", ".toml", ".json", ".html", ".css", ".js", ".mako", ".py", ".typed")


def missing(wheel: Path) -> list[str]:
    """Files of the package that the wheel lacks."""
    with zipfile.ZipFile(wheel) as opened:
        packed = set(opened.namelist())
    ours = [name.removeprefix("src/") for name in files() if name.startswith("src/countenance/")]
    return [name for name in ours if name.endswith(READ_AT_RUN_TIME) and name not in packed]


def main(folder: str) -> int:
    """0 where the newest wheel of the folder is whole."""
    wheel = max(Path(folder).glob("*.whl"), key=lambda path: path.stat().st_mtime)
    lacking = missing(wheel)
    print(f"{wheel.name}: whole" if not lacking else f"{wheel.name} lacks {', '.join(lacking)}")
    return 1 if lacking else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
