"""Where a person belongs."""

from __future__ import annotations

import pytest
from aiokafka.partitioner import murmur2

from needs.domain.placement import partition_of


@pytest.mark.parametrize("key", ["", "a", "ab", "abc", "ann", "anon:42", "用户-7", "x" * 128, *map(str, range(200))])
def test_a_key_belongs_where_kafka_clients_put_it(key: str) -> None:
    assert partition_of(key, 12) == (murmur2(key.encode()) & 0x7FFFFFFF) % 12
