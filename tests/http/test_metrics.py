"""What monitoring reads: bounded labels, and the house's own counts."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from prometheus_client.parser import text_string_to_metric_families

from countenance.domain.errors import Refused
from countenance.http.metrics import CONTENT_TYPE, Metrics
from countenance.service import detect, enrol
from countenance.service.use import Use
from tests.service.world import World, new_world, photo

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    made = new_world(tmp_path)
    yield made
    made.house.close()


def samples(metrics: Metrics) -> dict[tuple[str, str], float]:
    """Value by name and labels, read back by the parser of the format."""
    families = text_string_to_metric_families(metrics.text().decode())
    return {
        (sample.name, " ".join(f"{k}={v}" for k, v in sorted(sample.labels.items()))): sample.value
        for family in families
        for sample in family.samples
        if not sample.name.endswith("_created")
    }


def test_requests_are_counted_by_route_method_and_class_of_status() -> None:
    metrics = Metrics()
    for status in (200, 201, 404):
        metrics.begin()
        metrics.end("/v1/me", "GET", status, 0.02)
    metrics.begin()
    found = samples(metrics)
    assert found["countenance_requests_total", "method=GET route=/v1/me status=2xx"] == 2
    assert found["countenance_requests_total", "method=GET route=/v1/me status=4xx"] == 1
    assert found["countenance_request_seconds_count", "method=GET route=/v1/me"] == 3
    assert found["countenance_request_seconds_bucket", "le=0.025 method=GET route=/v1/me"] == 3
    assert found["countenance_request_seconds_bucket", "le=0.01 method=GET route=/v1/me"] == 0
    assert found["countenance_requests_in_flight", ""] == 1


def test_two_servers_in_one_process_do_not_mix() -> None:
    one, other = Metrics(), Metrics()
    one.begin()
    assert [samples(each)["countenance_requests_in_flight", ""] for each in (one, other)] == [1, 0]


def test_the_house_says_what_it_decided_and_holds(world: World) -> None:
    who = world.customer()
    inside = world.collection(who)
    world.consents(who, inside, "ada")
    metrics = Metrics(world.house)
    before = samples(metrics)
    enrol.enrol(world.house, who, inside, "ada", photo(1), Use())
    with pytest.raises(Refused):
        detect.detect(world.house, who, photo(1), Use(purpose="marketing"))
    world.engine.overloads = 3
    after = samples(metrics)

    def grown(name: str, labels: str = "") -> float:
        return after[name, labels] - before[name, labels]

    assert grown("countenance_decisions_total", "answer=allow") == 1
    assert grown("countenance_decisions_total", "answer=deny") == 1
    assert grown("countenance_leaves") == 2
    assert grown("countenance_references") == 1
    assert grown("countenance_engine_overloads_total") == 3
    assert after["countenance_leaves", ""] == world.house.log.size
    assert after["countenance_checkpoint_overdue_seconds", ""] >= 0


def test_the_format_is_the_one_its_header_says() -> None:
    assert "version=0.0.4" in CONTENT_TYPE
    assert Metrics().text().startswith(b"# HELP countenance_")
