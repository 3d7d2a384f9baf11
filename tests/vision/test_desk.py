"""The queue before the networks: order, bounds, batches, errors and closing."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
import pytest

from countenance.domain.errors import Overloaded, Unavailable
from countenance.vision.desk import Desk

if TYPE_CHECKING:
    from numpy.typing import NDArray

SOON = 20.0
"""Seconds after which a test that waits has failed."""


@dataclass(slots=True)
class Echo:
    """A network that answers a picture's first byte, when the door is open; notes its batches and its crowd."""

    door: threading.Event = field(default_factory=threading.Event)
    entered: threading.Semaphore = field(default_factory=lambda: threading.Semaphore(0))
    batches: list[int] = field(default_factory=list)
    inside: int = 0
    crowd: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)

    def run(self, pictures: NDArray[np.uint8]) -> list[NDArray[np.float32]]:
        with self.lock:
            self.inside += 1
            self.crowd = max(self.crowd, self.inside)
            self.batches.append(len(pictures))
        self.entered.release()
        assert self.door.wait(SOON)
        with self.lock:
            self.inside -= 1
        return [pictures[:, 0, 0, :1].astype(np.float32)]


def squares(count: int) -> list[NDArray[np.uint8]]:
    return [np.full((1, 4, 4, 3), i, np.uint8) for i in range(count)]


def broken(_: NDArray[np.uint8]) -> list[NDArray[np.float32]]:
    raise Unavailable("no memory")


def values(answers: list[list[NDArray[np.float32]]]) -> list[float]:
    return [float(answer[0][0, 0]) for answer in answers]


def test_answers_come_in_the_order_asked_whatever_the_batches() -> None:
    echo, desk = Echo(), Desk(3)
    echo.door.set()
    assert values(desk.ask(echo.run, squares(50), together=True)) == list(range(50))
    desk.close()


def test_what_waits_behind_busy_workers_goes_in_batches_and_no_more_run_than_workers() -> None:
    echo, desk = Echo(), Desk(2, batch=4)
    with ThreadPoolExecutor(1) as caller:
        answers = caller.submit(desk.ask, echo.run, squares(20), together=True)
        assert echo.entered.acquire(timeout=SOON)
        assert echo.entered.acquire(timeout=SOON)
        echo.door.set()
        assert values(answers.result(SOON)) == list(range(20))
    desk.close()
    assert max(echo.batches) > 1
    assert max(echo.batches) <= 4
    assert echo.crowd == 2


def test_a_network_that_takes_one_picture_gets_one() -> None:
    echo, desk = Echo(), Desk(1)
    echo.door.set()
    desk.ask(echo.run, squares(9))
    desk.close()
    assert echo.batches == [1] * 9


def test_two_squares_and_two_workers_are_shared_not_batched() -> None:
    """Enrolment embeds a face and its mirror image: both cores should have one."""
    echo, desk = Echo(), Desk(2)
    with ThreadPoolExecutor(1) as caller:
        answers = caller.submit(desk.ask, echo.run, squares(2), together=True)
        assert echo.entered.acquire(timeout=SOON)
        assert echo.entered.acquire(timeout=SOON)
        echo.door.set()
        answers.result(SOON)
    desk.close()
    assert echo.batches == [1, 1]


def test_a_full_queue_refuses_at_once_and_takes_nothing_of_the_ask() -> None:
    echo, desk = Echo(), Desk(1, waiting=4)
    with ThreadPoolExecutor(2) as callers:
        first = callers.submit(desk.ask, echo.run, squares(1))
        assert echo.entered.acquire(timeout=SOON)
        assert desk.overloads == 0
        with pytest.raises(Overloaded) as refused:
            desk.ask(echo.run, squares(5))
        second = callers.submit(desk.ask, echo.run, squares(4))
        assert refused.value.retry
        assert desk.overloads == 1
        echo.door.set()
        assert len(first.result(SOON)) == 1
        assert values(second.result(SOON)) == [0, 1, 2, 3]
    desk.close()


def test_an_error_reaches_everyone_in_the_batch_and_the_worker_lives() -> None:
    echo, desk = Echo(), Desk(1)
    echo.door.set()
    for _ in range(3):
        with pytest.raises(Unavailable, match="no memory"):
            desk.ask(broken, squares(3), together=True)
    assert values(desk.ask(echo.run, squares(2))) == [0, 1]
    desk.close()


def test_closing_finishes_what_was_accepted_and_accepts_no_more() -> None:
    echo, desk = Echo(), Desk(1)
    with ThreadPoolExecutor(2) as callers:
        accepted = callers.submit(desk.ask, echo.run, squares(5))
        assert echo.entered.acquire(timeout=SOON)
        closing = callers.submit(desk.close)
        echo.door.set()
        closing.result(SOON)
        assert values(accepted.result(SOON)) == list(range(5))
    with pytest.raises(Unavailable):
        desk.ask(echo.run, squares(1))
    desk.close()


def test_a_lone_picture_with_a_free_core_runs_in_its_callers_thread() -> None:
    seen: list[str] = []

    def note(pictures: NDArray[np.uint8]) -> list[NDArray[np.float32]]:
        seen.append(threading.current_thread().name)
        return [pictures[:, 0, 0, :1].astype(np.float32)]

    desk = Desk(1)
    desk.ask(note, squares(1))
    desk.ask(note, squares(2))
    desk.close()
    assert seen == [threading.current_thread().name, "vision-0", "vision-0"]


def test_lone_callers_and_workers_together_use_no_more_cores_than_there_are() -> None:
    echo, desk = Echo(), Desk(2)
    with ThreadPoolExecutor(12) as callers:
        asked = [callers.submit(desk.ask, echo.run, squares(1 + i % 3), together=True) for i in range(60)]
        assert echo.entered.acquire(timeout=SOON)
        echo.door.set()
        for i, answers in enumerate(asked):
            assert values(answers.result(SOON)) == list(range(1 + i % 3))
    desk.close()
    assert echo.crowd <= 2


def test_an_error_of_a_lone_picture_gives_its_core_back() -> None:
    echo, desk = Echo(), Desk(1)
    echo.door.set()
    with pytest.raises(Unavailable, match="no memory"):
        desk.ask(broken, squares(1))
    assert values(desk.ask(echo.run, squares(3))) == [0, 1, 2]
    desk.close()


def test_closing_waits_for_a_lone_caller() -> None:
    echo, desk = Echo(), Desk(1)
    with ThreadPoolExecutor(2) as callers:
        lone = callers.submit(desk.ask, echo.run, squares(1))
        assert echo.entered.acquire(timeout=SOON)
        closing = callers.submit(desk.close)
        assert not closing.done()
        echo.door.set()
        closing.result(SOON)
        assert lone.done() or values(lone.result(SOON)) == [0]
