"""The lock: readers together, a writer alone, and no writer starved."""

from __future__ import annotations

import threading

from countenance.gallery.lock import SharedLock


def test_readers_share() -> None:
    lock = SharedLock()
    together = threading.Barrier(3, timeout=20)

    def read() -> None:
        with lock.shared():
            together.wait()

    threads = [threading.Thread(target=read) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not together.broken


def test_a_waiting_writer_goes_before_later_readers() -> None:
    lock = SharedLock()
    order: list[str] = []
    reading, release = threading.Event(), threading.Event()

    def first() -> None:
        with lock.shared():
            reading.set()
            release.wait(20)
            order.append("first reader")

    def write() -> None:
        with lock.alone():
            order.append("writer")

    def second() -> None:
        with lock.shared():
            order.append("second reader")

    threads = [threading.Thread(target=target) for target in (first, write, second)]
    threads[0].start()
    assert reading.wait(20)
    threads[1].start()
    while lock.waiting == 0:
        pass
    threads[2].start()
    release.set()
    for thread in threads:
        thread.join(20)
    assert order == ["first reader", "writer", "second reader"]


def test_an_error_inside_releases_the_lock() -> None:
    lock = SharedLock()
    for held in (lock.shared, lock.alone):
        try:
            with held():
                raise KeyError
        except KeyError:
            pass
    with lock.alone():
        assert lock.waiting == 0
