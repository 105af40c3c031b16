"""When to stop asking a server that fails."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta


@dataclass(slots=True)
class Breaker:
    """Fails fast for `pause` after `limit` failures in a row; then lets one caller try at a time.

    Times are seconds of one monotonic clock, given by the caller. Invariants: `failures` counts since the last success;
    nobody is let through before `closed_until`; while `failures >= limit`, at most one caller is inside.
    """

    limit: int = 3  # one failure is bad luck, three in a row are a dead server
    pause: timedelta = timedelta(
        seconds=10
    )  # a restarted server is found again soon; a dead one costs one try per 10 s
    failures: int = 0
    closed_until: float = 0.0
    trying: bool = False

    def enter(self, now: float) -> float:
        """0.0: go and ask, then report `succeeded`, `failed` or `gave_up`. Else the seconds to stay away."""
        if now < self.closed_until:
            return self.closed_until - now
        if self.failures < self.limit:
            return 0.0
        if self.trying:
            return self.pause.total_seconds()
        self.trying = True
        return 0.0

    def succeeded(self) -> None:
        self.failures, self.closed_until, self.trying = 0, 0.0, False

    def failed(self, now: float, *, wait: float = 0.0) -> None:
        """`wait`: seconds the server itself asked for; they hold from the first failure on."""
        self.failures += 1
        self.trying = False
        pause = self.pause.total_seconds() if self.failures >= self.limit else 0.0
        self.closed_until = max(self.closed_until, now + max(pause, wait))

    def gave_up(self) -> None:
        """The caller left early: that says nothing about the server."""
        self.trying = False
