"""Products in Redis: what was learned of them is there again after a restart, even when the log keeps nothing."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from typing import cast

import msgspec
import numpy as np
from redis.asyncio import Redis

from needs.domain.identity import DEFAULT_TENANT
from needs.domain.products import LogPosition, Product
from needs.stores.connection import outages

_TENANTS = "need:{products}:#tenants"
_AT_ONCE = 500  # products per command: half a megabyte


class _Stored(msgspec.Struct, array_like=True):
    space: str
    vector: bytes | None  # float32, little-endian
    words: list[tuple[str, float]]
    category: str
    brand: str
    currency: str
    amount: str
    attributes: dict[str, str]
    position: tuple[str, int, int]


class RedisProducts:
    """One hash per tenant, `need:{products}:t/<tenant>`: product id → what is known of it."""

    def __init__(self, redis: Redis, *, dim: int, space: str) -> None:
        self._redis, self._dim, self._space = redis, dim, space
        self._encode = msgspec.msgpack.Encoder().encode
        self._decode = msgspec.msgpack.Decoder(_Stored).decode

    async def save(self, products: Sequence[Product]) -> None:
        """Write these; the last of several states of one product stays. Raises MemoryAway, like `load`."""
        by_tenant: dict[str, dict[str, bytes]] = {}
        for product in products:
            by_tenant.setdefault(product.tenant, {})[product.product_id] = self._encode(self._stored(product))
        with outages():
            for tenant, blobs in by_tenant.items():
                await self._redis.sadd(_TENANTS, tenant)
                items = list(blobs.items())
                for start in range(0, len(items), _AT_ONCE):
                    await self._redis.hset(_key(tenant), mapping=dict(items[start : start + _AT_ONCE]))

    async def load(self) -> AsyncIterator[Product]:
        """Everything that was saved. A vector of another space is left out, and then the log is believed instead."""
        with outages():
            tenants = sorted(tenant.decode() for tenant in cast("set[bytes]", await self._redis.smembers(_TENANTS)))
            for tenant in tenants:
                async for product_id, blob in self._redis.hscan_iter(_key(tenant), count=_AT_ONCE):
                    yield self._product(tenant, product_id.decode(), self._decode(blob))

    def _stored(self, product: Product) -> _Stored:
        return _Stored(
            self._space,
            None if product.vector is None else product.vector.astype("<f4").tobytes(),
            list(product.words),
            product.category,
            product.brand,
            product.currency,
            product.amount,
            dict(product.attributes),
            (product.position.log, product.position.partition, product.position.offset),
        )

    def _product(self, tenant: str, product_id: str, stored: _Stored) -> Product:
        ours = stored.space == self._space and stored.vector is not None and len(stored.vector) == 4 * self._dim
        return Product(
            tenant=tenant,
            product_id=product_id,
            vector=np.frombuffer(stored.vector, "<f4") if ours and stored.vector is not None else None,
            words=tuple(stored.words),
            category=stored.category,
            brand=stored.brand,
            currency=stored.currency,
            amount=stored.amount,
            attributes=stored.attributes,
            position=LogPosition(*stored.position) if ours else LogPosition(),
        )


def _key(tenant: str) -> str:
    return f"need:{{products}}:t/{tenant or DEFAULT_TENANT}"
