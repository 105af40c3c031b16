"""Waiting for what another process does."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

import grpc

T = TypeVar("T")
_LOOK = 0.02  # seconds between two looks


def until(look: Callable[[], T], what: str, seconds: float = 30.0) -> T:
    """The first true value of `look`; TimeoutError, which says `what` was waited for, after `seconds`."""
    end = time.monotonic() + seconds
    while True:
        found = look()
        if found:
            return found
        if time.monotonic() > end:
            raise TimeoutError(f"waited {seconds:g} s for {what}")
        time.sleep(_LOOK)


def patiently(ask: Callable[[], bool], what: str, seconds: float = 60.0) -> float:
    """Ask until the answer is true, over calls that fail because a server is away; how many seconds that took."""
    started, why = time.monotonic(), "it answers `stale`"
    while time.monotonic() - started < seconds:
        try:
            if ask():
                return time.monotonic() - started
        except grpc.RpcError as error:
            why = f"{error.code()}: {error.details()}"
            time.sleep(_LOOK)
    raise AssertionError(f"{what} is not where it must be after {seconds:g} s: {why}")
