"""The deadline of the request being answered, for everything that is done for it."""

from __future__ import annotations

import time
from contextvars import ContextVar

_deadline: ContextVar[float | None] = ContextVar("deadline", default=None)


def remaining(default: float = 5.0) -> float:
    """Seconds left for the current request, never negative; `default` outside of one."""
    at = _deadline.get()
    return default if at is None else max(0.0, at - time.monotonic())


def answering() -> bool:
    """Whether what runs now is done for a request that this process answers."""
    return _deadline.get() is not None


def start(seconds: float) -> None:
    """Begin to count for the request of the current task."""
    _deadline.set(time.monotonic() + seconds)
