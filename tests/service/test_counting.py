"""The sums of a house: kept up in small steps, put down and taken up again, and never believed against the leaves."""

from __future__ import annotations

import logging
import time
from typing import TYPE_CHECKING

import pytest

from countenance.domain.errors import LogDamaged
from countenance.ledger import sums
from countenance.service import counting
from countenance.service.counting import Counter, Counting
from countenance.service.gate import Private
from tests.http.conftest import admit_customer
from tests.ledger.disks import LightDisk

if TYPE_CHECKING:
    from pathlib import Path

    from tests.service.world import World


def grow(world: World, leaves: int) -> None:
    for _ in range(leaves):
        world.house.gate.note("start", {}, Private(), "started")
    world.house.log.publish()


def again(world: World, most: int = counting.MOST_AT_ONCE) -> Counting:
    return Counting(world.settings, world.house.signers, LightDisk(), most)


def kept(world: World) -> Path:
    return world.settings.log_state / counting.NAME


def test_what_is_counted_step_by_step_is_what_a_stranger_counts(world: World) -> None:
    for leaves in (1, 3, 250, 7):
        grow(world, leaves)
        admit_customer(world)
        world.house.log.publish()
        found = world.house.counting.look()
        assert found == sums.recounted(world.settings.ledger, world.house.log.size)


def test_one_look_counts_a_bounded_number_of_leaves(world: World) -> None:
    grow(world, 1100)
    held = again(world, 512)
    seen: list[int] = []
    while not seen or seen[-1] < world.house.log.size:
        seen.append(held.look().size)
    assert seen == [512, 1024, 1100]
    assert held.look() == sums.recounted(world.settings.ledger, 1100)


def test_what_was_shown_is_changed_by_nothing_that_comes_later(world: World) -> None:
    grow(world, 5)
    first = world.house.counting.look()
    grow(world, 5)
    assert (world.house.counting.look().size, first.size) == (10, 5)
    assert first == sums.recounted(world.settings.ledger, 5)


def test_a_house_that_opens_again_goes_on_where_it_was(world: World, caplog: pytest.LogCaptureFixture) -> None:
    grow(world, 300)
    before = world.house.counting.look()
    assert not kept(world).exists()
    world.house.close()
    assert kept(world).stat().st_mode & 0o077 == 0
    world.open()
    held = again(world)
    (world.settings.ledger / "tile/entries/000").unlink()  # which nobody reads again
    assert held.look() == before
    assert not caplog.records


def test_what_is_put_down_half_way_is_taken_up_there(world: World) -> None:
    """The log was never published with just so many leaves."""
    grow(world, 1100)
    with again(world, 512) as held:
        assert held.look().size == 512
    found, _ = sums.Sums.parse(kept(world).read_bytes())
    assert found == sums.recounted(world.settings.ledger, 512)
    assert again(world, 512).look().size == 1024


@pytest.mark.parametrize("raw", [b"", b"nonsense", b"{}", b"[]"])
def test_kept_sums_that_are_none_are_counted_anew(world: World, raw: bytes, caplog: pytest.LogCaptureFixture) -> None:
    grow(world, 3)
    kept(world).write_bytes(raw)
    assert again(world).look() == sums.recounted(world.settings.ledger, 3)
    assert "counted anew" in caplog.text


def test_kept_sums_of_another_history_or_a_longer_one_are_counted_anew(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    """As after a restore from the published copy of an older day, or of another house."""
    grow(world, 3)
    made = sums.recounted(world.settings.ledger, 3)
    ahead = sums.recounted(world.settings.ledger, 3)
    ahead.size = 50
    for wrong, root in ((made, bytes(32)), (ahead, bytes(32))):
        kept(world).write_bytes(wrong.encode(root))
        assert again(world).look() == made
    assert caplog.text.count("counted anew") == 2


def test_a_disk_that_keeps_nothing_costs_time_and_nothing_else(world: World, caplog: pytest.LogCaptureFixture) -> None:
    grow(world, 3)
    with again(world) as held:
        held.look()
        kept(world).with_name(f".{counting.NAME}.new").mkdir()
    assert "not written down" in caplog.text
    assert again(world).look() == sums.recounted(world.settings.ledger, 3)


def test_a_leaf_that_cannot_be_read_is_said_and_not_skipped(world: World, caplog: pytest.LogCaptureFixture) -> None:
    grow(world, 3)
    held = again(world)
    bundle = world.settings.ledger / "tile/entries/000.p/3"
    whole = bundle.read_bytes()
    bundle.write_bytes(whole[:-1])
    with pytest.raises(LogDamaged):
        held.look()
    with caplog.at_level(logging.WARNING):
        Counter(held)._once()  # noqa: SLF001  (one look of the thread)
    assert "could not be counted" in caplog.text
    bundle.write_bytes(whole)
    assert held.look() == sums.recounted(world.settings.ledger, 3)


def test_the_thread_counts_while_nobody_asks(world: World) -> None:
    held = again(world)
    with Counter(held, 0.01):
        grow(world, 20)
        while held._sums.size < 20:  # noqa: SLF001  (a look of ours would count)
            time.sleep(0.01)
    assert held.look().size == 20
