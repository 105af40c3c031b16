"""A server that ends is started again: for platforms, not for tests that kill one on purpose."""

from __future__ import annotations

import asyncio
from functools import partial
from typing import TYPE_CHECKING

from attune_embedded import logs, supervision
from attune_embedded.supervision import Notice

if TYPE_CHECKING:
    from collections.abc import Callable

    from attune_servers.servers import Servers


async def keep(servers: Servers, report: Callable[[Notice], None]) -> None:
    """For ever, each on its own, whatever makes a start fail. Log files are kept short. Cancel it before `stop`."""
    async with asyncio.TaskGroup() as group:
        for name in servers.names:
            revive = partial(_revive, servers, name, report)
            group.create_task(supervision.keep(servers.process(name), revive, report))
        group.create_task(logs.keep_short([servers.log(name) for name in servers.names]))


async def _revive(servers: Servers, name: str, report: Callable[[Notice], None]) -> None:
    await servers.start_again(name)
    report(Notice(name, "ready", servers.versions[name]))
