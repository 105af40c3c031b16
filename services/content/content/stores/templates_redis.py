"""Templates in Redis."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec
from redis.asyncio import Redis

from content.domain.gaps import Template
from content.stores.away import memory

_TENANTS = "template:#tenants"
_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(Template).decode


class RedisTemplates:
    """Keys: `template:{t/<tenant>}:all` is template id → template, `template:{t/<tenant>}:version` counts the writes.

    Invariants: both change in one transaction; what is held in memory is used only while its version is Redis' own.
    """

    def __init__(self, redis: Redis) -> None:
        self._redis = redis
        self._held: dict[str, tuple[Any, list[Template]]] = {}  # tenant → version, templates by id

    async def put(self, templates: Sequence[Template]) -> None:
        by_tenant: dict[str, dict[Any, Any]] = {}
        for template in templates:
            by_tenant.setdefault(template.tenant, {})[template.template_id] = _encode(template)
        with memory():
            for tenant, blobs in by_tenant.items():
                await self._redis.sadd(_TENANTS, tenant)  # before: a tenant without templates does no harm
                async with self._redis.pipeline(transaction=True) as pipe:
                    pipe.hset(_all(tenant), mapping=blobs)
                    pipe.incr(_version(tenant))
                    await pipe.execute()

    async def remove(self, template_id: str) -> None:
        with memory():
            tenants: set[Any] = await self._redis.smembers(_TENANTS)
            for name in (tenant.decode() for tenant in tenants):
                async with self._redis.pipeline(transaction=True) as pipe:
                    pipe.hdel(_all(name), template_id)
                    pipe.incr(_version(name))
                    await pipe.execute()

    async def of_channel(self, tenant: str, channel: str) -> list[Template]:
        with memory():
            version: Any = await self._redis.get(_version(tenant))
            held = self._held.get(tenant)
            if held is None or held[0] != version:
                async with self._redis.pipeline(transaction=True) as pipe:
                    pipe.get(_version(tenant))
                    pipe.hvals(_all(tenant))
                    version, blobs = await pipe.execute()
                templates = sorted((_decode(blob) for blob in blobs), key=lambda template: template.template_id)
                held = self._held[tenant] = (version, templates)
        return [template for template in held[1] if template.channel == channel]


def _all(tenant: str) -> str:
    return f"template:{{t/{tenant}}}:all"


def _version(tenant: str) -> str:
    return f"template:{{t/{tenant}}}:version"
