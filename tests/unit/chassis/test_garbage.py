"""How a process looks for objects that hold each other."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Iterator
from contextlib import suppress
from weakref import ref

import pytest

from chassis import garbage


class Thing:
    """May hold another one."""

    other: Thing | None = None


@pytest.fixture(autouse=True)
def _as_before() -> Iterator[None]:
    thresholds = gc.get_threshold()
    garbage.begin()
    yield
    gc.set_threshold(*thresholds)
    gc.unfreeze()


def cycle() -> ref[Thing]:
    """Two that hold each other and that nobody else holds."""
    one, two = Thing(), Thing()
    one.other, two.other = two, one
    return ref(one)


async def looked(look: float, whole: float) -> None:
    """A few looks."""
    with suppress(TimeoutError):
        async with asyncio.timeout(50 * look):
            await garbage.regularly(look, whole)


async def test_what_a_request_leaves_is_gone_after_a_look() -> None:
    left = cycle()
    assert left() is not None
    await looked(0.001, 60.0)
    assert left() is None


async def test_what_ended_after_a_look_is_gone_after_a_whole_search() -> None:
    held = Thing()
    held.other, left = held, ref(held)
    await looked(0.001, 60.0)
    del held
    await looked(0.001, 60.0)
    assert left() is not None
    await looked(0.001, 0.0)
    assert left() is None


async def test_what_the_start_made_is_looked_at_no_more() -> None:
    left = cycle()
    garbage.begin()
    await looked(0.001, 0.0)
    assert left() is not None
