"""Leaves alone for a while who failed several times."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import timedelta


class Breaker:
    """After `failures` in a row, asks nobody for `pause`; then one call tries again."""

    def __init__(self, failures: int, pause: timedelta, clock: Callable[[], float] = time.monotonic) -> None:
        self._most, self._pause, self._clock = failures, pause.total_seconds(), clock
        self._failures, self._until = 0, 0.0

    def open(self) -> bool:
        """Whether nobody should be asked now."""
        if self._failures < self._most:
            return False
        if self._clock() < self._until:
            return True
        self._until = self._clock() + self._pause  # this one tries; the others wait for what it finds
        return False

    def succeeded(self) -> None:
        """The other side answered."""
        self._failures = 0

    def failed(self) -> None:
        """The other side did not."""
        self._failures += 1
        self._until = self._clock() + self._pause
