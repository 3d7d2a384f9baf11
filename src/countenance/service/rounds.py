"""A thread that looks round at a steady pace while something is entered, and is at rest between two looks.

What it looks for, and what it makes of an error, is for who builds on it; an error that is let out ends the thread.
"""

from __future__ import annotations

import threading
from abc import ABC, abstractmethod
from typing import Self


class Rounds(ABC):
    """A context manager. The first look comes after one pace; leaving waits for the look under way. Used once."""

    def __init__(self, name: str, pace: float) -> None:
        """name: of the thread; pace: seconds between two looks."""
        self._pace = pace
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ending.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._ending.wait(self._pace) and self._once():
            pass

    @abstractmethod
    def _once(self) -> bool:
        """One look; whether another is to come."""
