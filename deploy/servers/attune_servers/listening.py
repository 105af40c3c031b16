"""The first thing a server does: it listens. Clients that come earlier fill logs with their complaints."""

from __future__ import annotations

import asyncio

_POLL_SECONDS = 0.05


async def until_listening(port: int) -> None:
    """Wait for ever for somebody who accepts connections on that port of 127.0.0.1: the caller sets the limit."""
    while True:
        try:
            _, writer = await asyncio.open_connection("127.0.0.1", port)
        except OSError:
            await asyncio.sleep(_POLL_SECONDS)
        else:
            writer.close()
            return
