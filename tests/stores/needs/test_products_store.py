"""Products are there again after a restart."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import numpy as np
import pytest
from redis.asyncio import Redis

from needs.domain.products import LogPosition, Product
from needs.stores.products_redis import RedisProducts
from needs.usecases import MemoryAway


@pytest.fixture
async def redis(redis_url: str) -> AsyncIterator[Redis]:
    client = Redis.from_url(redis_url, socket_timeout=5)
    yield client
    await client.aclose()


def product(tenant: str, number: int, **known: Any) -> Product:
    vector = np.eye(4, dtype=np.float32)[number % 4]
    return Product(tenant, f"p{number}", vector, position=LogPosition("life", 1, number), **known)


async def loaded(products: RedisProducts, tenant: str) -> dict[str, Product]:
    return {found.product_id: found async for found in products.load() if found.tenant == tenant}


async def test_what_was_saved_is_loaded(redis: Redis, tenant: str) -> None:
    products = RedisProducts(redis, dim=4, space="test@1")
    known = {
        "words": (("tea", 0.6), ("茶", 0.8)),
        "category": "tea",
        "brand": "Lu",
        "currency": "CNY",
        "amount": "19.90",
        "attributes": {"colour": "green"},
    }
    await products.save([product(tenant, 1, **known)])
    found = (await loaded(products, tenant))["p1"]
    assert {name: getattr(found, name) for name in known} == known
    assert (found.vector.tolist(), found.position) == ([0, 1, 0, 0], LogPosition("life", 1, 1))


async def test_many_products_of_several_shops_are_loaded(redis: Redis, tenant: str) -> None:
    products = RedisProducts(redis, dim=4, space="test@1")
    await products.save([product(shop, i) for i in range(1_200) for shop in (tenant, f"{tenant}b")])
    assert len(await loaded(products, tenant)) == 1_200
    assert len(await loaded(products, f"{tenant}b")) == 1_200


async def test_a_vector_of_another_space_is_left_out_and_the_log_is_believed(redis: Redis, tenant: str) -> None:
    await RedisProducts(redis, dim=4, space="old@1").save([product(tenant, 1, category="tea")])
    found = (await loaded(RedisProducts(redis, dim=4, space="new@1"), tenant))["p1"]
    assert (found.vector, found.category) == (None, "tea")
    assert LogPosition("life", 1, 0).follows(found.position)


async def test_a_store_that_is_away_says_so(tenant: str) -> None:
    nowhere = Redis.from_url("redis://127.0.0.1:1/0", socket_timeout=0.5)
    products = RedisProducts(nowhere, dim=4, space="test@1")
    with pytest.raises(MemoryAway):
        await loaded(products, tenant)
    with pytest.raises(MemoryAway):
        await products.save([product(tenant, 1)])
    await nowhere.aclose()
