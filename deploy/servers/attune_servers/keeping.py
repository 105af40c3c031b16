"""A server that ends is started again: for platforms, not for tests that kill one on purpose."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from attune_embedded import logs
from attune_embedded.child import StartError
from attune_embedded.supervision import Notice, cause, pause

if TYPE_CHECKING:
    from collections.abc import Callable

    from attune_servers.servers import Servers


async def keep(servers: Servers, report: Callable[[Notice], None]) -> None:
    """For ever, each on its own; the pauses before a start again grow with each death. Log files are kept short."""
    async with asyncio.TaskGroup() as group:
        for name in servers.names:
            group.create_task(_keep(servers, name, report))
        group.create_task(logs.keep_short([servers.log(name) for name in servers.names]))


async def _keep(servers: Servers, name: str, report: Callable[[Notice], None]) -> None:
    deaths = 0
    while True:
        code = await servers.ended(name)
        deaths += 1
        rest = pause(deaths).total_seconds()
        report(Notice(name, "ended", f"{cause(code)}; starts again in {rest:g} s"))
        await asyncio.sleep(rest)
        try:
            await servers.start_again(name)
        except StartError as error:
            report(Notice(name, "failed", str(error)))
        else:
            report(Notice(name, "ready", servers.versions[name]))
