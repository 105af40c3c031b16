"""Redis' own errors → MemoryAway."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from redis.exceptions import (
    ClusterDownError,
    ConnectionError,  # noqa: A004 - their name
    OutOfMemoryError,
    ReadOnlyError,
    ResponseError,
    TimeoutError,  # noqa: A004 - their name
    TryAgainError,
)

from content.usecases.ports import MemoryAway

_AWAY = (ConnectionError, TimeoutError, ReadOnlyError, OutOfMemoryError, ClusterDownError, TryAgainError)
_REFUSALS = ("MISCONF", "NOREPLICAS", "BUSY", "UNBLOCKED", "READONLY", "OOM")  # have no class of their own everywhere


@contextmanager
def memory() -> Iterator[None]:
    """Around every command: an outage, and a Redis that takes no writes now (full, a replica, a disk that refuses),
    are told as MemoryAway; a fault of ours goes through.
    """
    try:
        yield
    except _AWAY as error:
        raise MemoryAway(f"{type(error).__name__}: {error}") from error
    except ResponseError as error:
        if not any(word in str(error) for word in _REFUSALS):
            raise
        raise MemoryAway(str(error)) from error
