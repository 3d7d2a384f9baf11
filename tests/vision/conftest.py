"""One engine for all tests of this room: loading it takes longer than any test."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from countenance.vision import models
from countenance.vision.engine import Engine

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture(scope="session")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A models folder in which the shipped models are prepared."""
    folder = tmp_path_factory.mktemp("models")
    models.prepare(models.shipped(), folder)
    return folder


@pytest.fixture(scope="session")
def engine(cache: Path) -> Iterator[Engine]:
    with Engine.load(models.shipped(), cache, threads=2) as loaded:
        yield loaded
