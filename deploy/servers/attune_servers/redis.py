"""Redis with an append-only file that is flushed each second."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING

from redis import asyncio as client
from redis.exceptions import RedisError

from attune_embedded import redis as embedded
from attune_servers import present
from attune_servers.listening import until_listening

if TYPE_CHECKING:
    from pathlib import Path

_POLL_SECONDS = 0.05


@dataclass(frozen=True, slots=True)
class Redis:
    folder: Path  # absolute
    port: int
    name: str = "redis"

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.port}/0"

    def prepare(self) -> list[str]:
        server = present.redis_server()
        embedded.check(server, self.folder)
        self.folder.mkdir(parents=True, exist_ok=True)
        return embedded.command(server, self.port)

    async def answers(self) -> str:
        """Wait until the append-only file is loaded: the version."""
        await until_listening(self.port)
        while True:
            async with client.Redis.from_url(self.url) as connection:
                try:
                    await connection.ping()
                    return str((await connection.info("server"))["redis_version"])
                except RedisError:
                    await asyncio.sleep(_POLL_SECONDS)
