"""The lock: readers together, a writer alone, and nobody starved."""

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


def test_a_reader_that_waited_goes_before_the_next_writer() -> None:
    """Two threads that enrolled without a pause once kept three searches waiting for ever."""
    lock = SharedLock()
    order: list[str] = []
    writing, release = threading.Event(), threading.Event()

    def first() -> None:
        with lock.alone():
            writing.set()
            release.wait(20)
            order.append("first writer")

    def read() -> None:
        with lock.shared():
            order.append("reader")

    def second() -> None:
        with lock.alone():
            order.append("second writer")

    threads = [threading.Thread(target=target) for target in (first, second, read)]
    threads[0].start()
    assert writing.wait(20)
    for thread in threads[1:]:
        thread.start()
    while not (lock.waiting and lock.queued):
        pass
    release.set()
    for thread in threads:
        thread.join(20)
    assert order == ["first writer", "reader", "second writer"]


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
