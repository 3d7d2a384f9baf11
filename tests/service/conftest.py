"""One fresh world a test."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.service.world import World, new_world

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    made = new_world(tmp_path)
    yield made
    made.house.close()
