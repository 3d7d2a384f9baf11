"""One bounded queue before the networks: as many workers as cores, each network on one core, small batches.

Every picture that a network sees comes through here, so the machine is never oversubscribed, however many
requests wait. A lone picture for which a core is free runs in its caller's own thread, in place of a worker:
handing it over would cost more than it brings. Else a worker takes the oldest job; where more alike wait than
there are free cores, it takes a small batch of them. When the queue is full the answer is Overloaded at once, not
a longer queue. It knows nothing about faces.
"""

from __future__ import annotations

import threading
from collections import deque
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from countenance.domain.errors import Overloaded, Unavailable

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

Answers = "list[NDArray[np.float32]]"

WAITING = 256
"""Pictures that may wait; at some 20 ms each on two cores, under three seconds of work."""
BATCH = 4
"""Pictures of one batch. Measured: on a processor a larger one saves nothing per face (docs/models.md)."""


@dataclass(slots=True, eq=False)
class _Job:
    """One picture (1, H, W, 3) uint8 for one network, and where its answers go."""

    run: Callable[[NDArray[np.uint8]], list[NDArray[np.float32]]]
    picture: NDArray[np.uint8]
    together: bool
    answers: Future[list[NDArray[np.float32]]] = field(default_factory=Future)


class Desk:
    """Workers and their queue. Thread-safe; `close` lets what was accepted finish and accepts no more."""

    def __init__(self, workers: int, *, waiting: int = WAITING, batch: int = BATCH) -> None:
        self._jobs: deque[_Job] = deque()
        self._changed = threading.Condition()
        self._waiting, self._batch = waiting, batch
        self.overloads = 0  # asks that were turned away
        self._busy = 0  # cores in use, by workers and by callers
        self._closed = False
        self._workers = [threading.Thread(target=self._work, name=f"vision-{i}", daemon=True) for i in range(workers)]
        for worker in self._workers:
            worker.start()

    def ask(
        self,
        run: Callable[[NDArray[np.uint8]], list[NDArray[np.float32]]],
        pictures: Sequence[NDArray[np.uint8]],
        *,
        together: bool = False,
    ) -> list[list[NDArray[np.float32]]]:
        """Run each picture (1, H, W, 3) and wait; the answers come in the same order.

        together: whether the network takes several pictures of one size at once.
        Raises Overloaded where the queue can't take them all, Unavailable where the desk is closed, and what
        the network raises.
        """
        jobs = [_Job(run, picture, together) for picture in pictures]
        with self._changed:
            if self._closed:
                raise Unavailable("The engine is closed.")
            alone = len(jobs) == 1 and not self._jobs and self._busy < len(self._workers)
            if alone:
                self._busy += 1
            elif len(self._jobs) + len(jobs) > self._waiting:
                self.overloads += 1
                raise Overloaded("Too many photographs are waiting.")
            else:
                self._jobs.extend(jobs)
                self._changed.notify(len(jobs))
        if alone:
            return [self._run_here(jobs[0])]
        return [job.answers.result() for job in jobs]

    def close(self) -> None:
        with self._changed:
            self._closed = True
            self._changed.notify_all()
            while self._busy or self._jobs:
                self._changed.wait()
        for worker in self._workers:
            worker.join()

    def _run_here(self, job: _Job) -> list[NDArray[np.float32]]:
        try:
            return job.run(job.picture)
        finally:
            self._done()

    def _work(self) -> None:
        while batch := self._next():
            _answer(batch)
            self._done()

    def _done(self) -> None:
        """A core is free again: for who waits for one, and for `close`."""
        with self._changed:
            self._busy -= 1
            if self._jobs or self._closed:
                self._changed.notify_all()

    def _next(self) -> list[_Job]:
        """The oldest job and, where more wait than cores are free, others like it; empty: closed."""
        with self._changed:
            while not self._jobs or self._busy == len(self._workers):
                if self._closed and not self._jobs:
                    return []
                self._changed.wait()
            free = len(self._workers) - self._busy
            self._busy += 1
            share = min(self._batch, -(-len(self._jobs) // free))
            batch = [self._jobs.popleft()]
            while self._jobs and len(batch) < share and _alike(self._jobs[0], batch[0]):
                batch.append(self._jobs.popleft())
            return batch


def _alike(one: _Job, other: _Job) -> bool:
    return one.together and one.run == other.run and one.picture.shape == other.picture.shape


def _answer(batch: list[_Job]) -> None:
    """Run a batch; each job gets its own rows of the answers, or the error."""
    try:
        pictures = batch[0].picture if len(batch) == 1 else np.concatenate([job.picture for job in batch])
        answers = batch[0].run(pictures)
    except BaseException as error:  # a waiting caller must hear of whatever happened here
        for job in batch:
            job.answers.set_exception(error)
        return
    for i, job in enumerate(batch):
        job.answers.set_result([answer[i : i + 1] for answer in answers])
