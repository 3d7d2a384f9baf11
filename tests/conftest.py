"""What every test may ask for: whether this is the long run, and the shared photographs and vectors.

With COUNTENANCE_NO_SKIP=1 a skipped test fails: where everything a test needs is there, none may look away.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import settings

if TYPE_CHECKING:
    from collections.abc import Generator

ROOT = Path(__file__).resolve().parent.parent
SHARED = ROOT.parent / "shared"
LONG = os.environ.get("COUNTENANCE_LONG") == "1"
NO_SKIP = os.environ.get("COUNTENANCE_NO_SKIP") == "1"

# No deadline: on shared cores a slow example says nothing about the code.
settings.register_profile("share", deadline=None, max_examples=60)
settings.register_profile("long", deadline=None, max_examples=2_000)
settings.load_profile("long" if LONG else "share")


@pytest.fixture(scope="session")
def long_run() -> bool:
    """Whether counts are whole (COUNTENANCE_LONG=1) or a seeded share."""
    return LONG


@pytest.fixture(scope="session")
def shared() -> Path:
    """`../shared`, which a fresh clone does not have: the test is skipped by name there."""
    if not SHARED.is_dir():
        pytest.skip("needs ../shared beside the repository")
    return SHARED


def _refuse_skip(report: pytest.TestReport | pytest.CollectReport) -> None:
    if NO_SKIP and report.outcome == "skipped" and not hasattr(report, "wasxfail"):
        report.outcome = "failed"
        report.longrepr = f"skipped where no skip is allowed (COUNTENANCE_NO_SKIP=1): {report.longrepr}"


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    _refuse_skip(report)
    return report


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report() -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    report = yield
    _refuse_skip(report)
    return report
