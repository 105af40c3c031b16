"""Log files of children: never large, and quoted when a start fails."""

from __future__ import annotations

import asyncio
import os
import shutil
from contextlib import suppress
from datetime import timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

LIMIT = 10_000_000  # bytes
_LOOK = timedelta(seconds=5)  # what is written within it comes on top of the limit
_TAIL_BYTES = 8_000


def shorten(path: Path, limit: int = LIMIT) -> None:
    """Begin a file anew that grew beyond `limit`; what it held is kept as `.1` in place of what that held.

    The process that writes it must have opened it for appending. Lines written during the copy are lost.
    """
    if path.exists() and path.stat().st_size > limit:
        shutil.copyfile(path, path.with_name(path.name + ".1"))
        os.truncate(path, 0)


async def keep_short(paths: Sequence[Path]) -> None:
    """For ever; a full disk is no reason to end, the next look tries again."""
    while True:
        await asyncio.sleep(_LOOK.total_seconds())
        for path in paths:
            with suppress(OSError):
                await asyncio.to_thread(shorten, path)


def tail(path: Path, lines: int = 15) -> str:
    """The end of it; empty when there is none."""
    try:
        with path.open("rb") as log:
            log.seek(max(0, path.stat().st_size - _TAIL_BYTES))
            text = log.read().decode(errors="replace")
    except OSError:
        return ""
    return "\n".join(text.splitlines()[-lines:])
