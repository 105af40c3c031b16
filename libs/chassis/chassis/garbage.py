"""Python's search for objects that hold each other, in looks so short that no request notices."""

from __future__ import annotations

import asyncio
import gc

_LOOK = 0.25  # seconds: a few thousand objects came since and stay
_WHOLE = 3_600.0  # seconds: what a look found in use and has ended since is some megabytes by then
# A backlog of records makes objects by the ten thousand, which hold no cycles and go by themselves: whoever counts
# objects would look at them again and again.
_MANY, _NEVER = 50_000, 1_000_000_000


def begin() -> None:
    """What the start made is never looked at again, and what was looked at once only by a whole search."""
    gc.freeze()
    gc.set_threshold(_MANY, _NEVER, _NEVER)


async def regularly(look: float = _LOOK, whole: float = _WHOLE) -> None:
    """For ever. A request that finds its products in no cache leaves a hundred objects there.

    Python alone would look when some ten thousand more came than went, at all of them at once, and now and then
    at those too that were there before, for a multiple of that.
    """
    loop = asyncio.get_running_loop()
    since = loop.time()
    while True:
        await asyncio.sleep(look)
        if loop.time() - since < whole:
            gc.collect(0)
        else:
            gc.collect()
            since = loop.time()
