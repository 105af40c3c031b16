"""Redis' own errors → MemoryAway."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from redis.exceptions import BusyLoadingError, ConnectionError, ReadOnlyError, TimeoutError  # noqa: A004 - their names

from content.usecases.ports import MemoryAway

_AWAY = (ConnectionError, TimeoutError, BusyLoadingError, ReadOnlyError)


@contextmanager
def memory() -> Iterator[None]:
    """Around every command: an outage is told as MemoryAway, a fault of ours goes through."""
    try:
        yield
    except _AWAY as error:
        raise MemoryAway(f"{type(error).__name__}: {error}") from error
