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

    def prepare(self) -> list[str]:
        """Raises ServerUnavailableError: no redis-server, or one that is too old for the data."""
        server = present.redis_server()
        try:
            embedded.check(server, self.folder)
        except embedded.RedisUnavailableError as error:
            raise present.ServerUnavailableError(str(error)) from error
        self.folder.mkdir(parents=True, exist_ok=True)
        return embedded.command(server, self.port)

    async def answers(self) -> str:
        """Wait until the append-only file is loaded: the version."""
        await until_listening(self.port)
        while True:
            try:
                async with client.Redis(host="127.0.0.1", port=self.port) as connection:
                    await connection.ping()
                    return str((await connection.info("server"))["redis_version"])
            except (RedisError, OSError):
                await asyncio.sleep(_POLL_SECONDS)
