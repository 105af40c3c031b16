"""Templates in Redis."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec
from redis.asyncio import Redis

from content.domain.gaps import Template
from content.stores.away import memory
from content.stores.together import Together
from content.usecases.ports import Span

_TENANTS = "template:#tenants"
_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(Template).decode

# KEYS: all, version, read. ARGV: source, life of the log, next offset, then per change: offset, template id, template
# (empty: gone).
_APPLY = """
local held, from = redis.call('HGET', KEYS[3], ARGV[1]), 0
if held then
  local log, offset = string.match(held, '^(.*) (%d+)$')
  if log == ARGV[2] then from = tonumber(offset) end
end
if from >= tonumber(ARGV[3]) then return 0 end
for place = 4, #ARGV, 3 do
  if tonumber(ARGV[place]) >= from then
    if ARGV[place + 2] == '' then redis.call('HDEL', KEYS[1], ARGV[place + 1])
    else redis.call('HSET', KEYS[1], ARGV[place + 1], ARGV[place + 2]) end
  end
end
redis.call('HSET', KEYS[3], ARGV[1], ARGV[2] .. ' ' .. ARGV[3])
return redis.call('INCR', KEYS[2])
"""


class RedisTemplates:
    """Keys: `template:{t/<tenant>}:all` is template id → template, `…:version` counts the writes, `…:read` holds for
    each `<topic>:<partition>` the life of the log and the next offset of what the templates contain.

    Invariants: all three change in one step, so that a replica which lost a partition meanwhile puts no older template
    over a newer one; what is held in memory is used only while its version is Redis' own.
    """

    def __init__(self, redis: Redis, together: Together | None = None) -> None:
        """`together`: shared with the stores that are read at the same time."""
        self._redis, self._apply = redis, redis.register_script(_APPLY)
        self._together = together or Together(redis)
        self._held: dict[str, tuple[Any, list[Template]]] = {}  # tenant → version, templates by id

    async def apply(self, span: Span, changes: Sequence[tuple[int, Template | str]]) -> None:
        tenants = {change.tenant for _, change in changes if isinstance(change, Template)}
        with memory():
            if tenants:
                await self._redis.sadd(_TENANTS, *tenants)  # before: a tenant without templates does no harm
            if any(isinstance(change, str) for _, change in changes):
                members: set[Any] = await self._redis.smembers(_TENANTS)
                tenants |= {member.decode() for member in members}
            for tenant in sorted(tenants):
                await self._apply_to(tenant, span, changes)

    async def _apply_to(self, tenant: str, span: Span, changes: Sequence[tuple[int, Template | str]]) -> None:
        arguments: list[str | int | bytes] = [f"{span.topic}:{span.partition}", span.log, span.next_offset]
        for offset, change in changes:
            if isinstance(change, str):
                arguments += (offset, change, "")
            elif change.tenant == tenant:
                arguments += (offset, change.template_id, _encode(change))
        await self._apply(keys=[_key(tenant, part) for part in ("all", "version", "read")], args=arguments)

    async def of_channel(self, tenant: str, channel: str) -> list[Template]:
        with memory():
            version: Any = await self._together.ask("GET", _key(tenant, "version"))
            held = self._held.get(tenant)
            if held is None or held[0] != version:
                async with self._redis.pipeline(transaction=True) as pipe:
                    pipe.get(_key(tenant, "version"))
                    pipe.hvals(_key(tenant, "all"))
                    version, blobs = await pipe.execute()
                templates = sorted((_decode(blob) for blob in blobs), key=lambda template: template.template_id)
                held = self._held[tenant] = (version, templates)
        return [template for template in held[1] if template.channel == channel]


def _key(tenant: str, part: str) -> str:
    return f"template:{{t/{tenant}}}:{part}"
