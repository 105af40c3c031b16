"""One suite for every product index."""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from qdrant_client import AsyncQdrantClient
from searched import ALL, DIM, SPACE, Searched, entry

from recommender.domain.allowed import Allowed
from recommender.domain.product import Key, Position
from recommender.domain.shop import Entry
from recommender.stores.payload import collection
from recommender.stores.qdrant_edge import EdgeProductIndex
from recommender.stores.qdrant_server import ServerProductIndex, SpaceMismatch, connect

pytestmark = [  # what the engine inside the client says of calls that mean nothing to it
    pytest.mark.filterwarnings("ignore:Payload indexes have no effect:UserWarning"),
    pytest.mark.filterwarnings("ignore:Local mode performs exact:UserWarning"),
]


@pytest.fixture(params=["small", "edge", "client", "server"])
def engine(request: pytest.FixtureRequest) -> str:
    """`small`: a shop without an index, `edge`, `client`, or the address of a server."""
    return str(request.getfixturevalue("qdrant_url") if request.param == "server" else request.param)


@pytest.fixture
async def index(engine: str, tmp_path: Path) -> AsyncIterator[Searched]:
    """qdrant-edge; the server's store over the engine inside its client; and over a server where there is one."""
    made: Any
    client: AsyncQdrantClient | None = None
    space = SPACE
    if engine in {"small", "edge"}:
        made = EdgeProductIndex(tmp_path, space=SPACE, dim=DIM, flat=1 if engine == "edge" else 1_000)
    else:
        space = f"{SPACE}-{uuid.uuid4().hex}"
        client = AsyncQdrantClient(":memory:") if engine == "client" else connect(engine)
        made = ServerProductIndex(client, space=space, dim=DIM, quantised_from=3)
        await made.open()
    searched = Searched(made)
    await made.serve(searched.world.look, [])
    await searched.upsert(
        [
            entry("a", 0, {1: 1.0, 2: 0.5}, category="x/y", brand="B", currency="EUR", amount=Decimal("9.50")),
            entry("b", 1, {2: 1.0}, category="x", brand="C", currency="EUR", amount=Decimal(20)),
            entry("c", 1, {3: 1.0}, category="xy", in_stock=False),
            entry("other", 0, {1: 1.0}, tenant="elsewhere"),
        ]
    )
    if engine == "edge":
        await made.built()
    yield searched
    if client is not None:
        await client.delete_collection(collection(space))
    await made.close()


async def test_the_nearest_comes_first_with_its_cosine(index: Searched) -> None:
    hits = await index.nearest(np.array([0.8, 0.6, 0, 0], dtype=np.float32), 2)
    assert hits[0] == ("a", pytest.approx(0.8, abs=1e-4))
    assert len(hits) == 2


async def test_shops_are_apart(index: Searched) -> None:
    assert "other" not in await index.found(0)


@pytest.mark.parametrize(
    ("allowed", "expected"),
    [
        (ALL, {"a", "b", "c"}),
        (Allowed(), {"a", "b"}),
        (Allowed(categories=frozenset({"x"}), out_of_stock=True), {"a", "b"}),
        (Allowed(categories=frozenset({"x/y"})), {"a"}),
        (Allowed(brands=frozenset({"C"})), {"b"}),
        (Allowed(currency="EUR", most=9.5), {"a"}),
        (Allowed(currency="USD", most=100.0), set()),
    ],
)
async def test_a_filter_means_the_same_on_every_engine(index: Searched, allowed: Allowed, expected: set[str]) -> None:
    assert set(await index.found(0, allowed)) == expected


async def test_a_rare_word_weighs_more(index: Searched) -> None:
    assert [name for name, _ in await index.by_words({2: 1.0, 1: 1.0}, 10)] == ["a", "b"]
    assert await index.by_words({99: 1.0}, 10) == []
    assert await index.by_words({}, 10) == []


async def test_a_write_replaces_what_was_there_and_repeats_do_nothing(index: Searched) -> None:
    for _ in range(2):
        await index.upsert([entry("a", 2, {7: 1.0}, offset=5)])
    assert (await index.found(2))[0] == "a"
    assert len(await index.found(2)) == 3
    if stored := {each.key: each for each in await index.index.stored()}:  # of an index that others share
        assert len(stored) == 4
        assert stored[Key("shop", "a")].position == "log/0/5"
        assert stored[Key("shop", "a")].vector.tolist() == [0, 0, 1, 0]


async def test_what_is_deleted_is_gone_and_unknown_ones_are_no_error(index: Searched) -> None:
    await index.delete(Key("shop", "a"), Key("shop", "never"))
    await index.delete()
    assert "a" not in await index.found(0)


async def test_a_product_without_words_the_encoder_knows_is_kept(index: Searched) -> None:
    blank = entry("blank", 0, {9: 1.0})
    await index.upsert([Entry(blank.product, np.zeros(DIM, dtype=np.float32), blank.words, blank.position)])
    assert [name for name, _ in await index.by_words({9: 1.0}, 10)] == ["blank"]


async def test_a_replica_that_was_held_up_overwrites_nothing_newer() -> None:
    client = AsyncQdrantClient(":memory:")
    held_up, owner = (ServerProductIndex(client, space=SPACE, dim=DIM) for _ in range(2))
    for replica in (held_up, owner):
        await replica.open()
    await owner.upsert([entry("a", 1, {1: 1.0}, offset=9)])
    await held_up.upsert([entry("a", 2, {1: 1.0}, offset=8), entry("b", 2, {1: 1.0}, offset=8)])
    stored = {each.key.product_id: each for each in await owner.stored()}
    assert {name: each.position for name, each in stored.items()} == {"a": "log/0/9", "b": "log/0/8"}
    assert stored["a"].vector.tolist() == [0, 1, 0, 0]
    await owner.close()


async def test_another_life_of_the_log_is_believed_whatever_its_offsets() -> None:
    index = ServerProductIndex(AsyncQdrantClient(":memory:"), space=SPACE, dim=DIM)
    await index.open()
    await index.upsert([entry("a", 1, {1: 1.0}, offset=9)])
    anew = entry("a", 2, {1: 1.0})
    await index.upsert([Entry(anew.product, anew.vector, anew.words, Position("next", 0, 0))])
    assert [each.position for each in await index.stored()] == ["next/0/0"]
    await index.close()


async def test_many_products_are_written_and_deleted_in_bounded_requests(index: Searched) -> None:
    many = [entry(f"m{n}", 3, {n: 1.0}) for n in range(450)]
    await index.upsert(many)
    assert set(await index.found(3, limit=450)) == {each.product.key.product_id for each in many}
    await index.delete(*(each.product.key for each in many))
    assert set(await index.found(3, limit=450)) == {"a", "b", "c"}


async def test_an_encoder_of_another_size_is_refused_with_a_remedy() -> None:
    client = AsyncQdrantClient(":memory:")
    await ServerProductIndex(client, space=SPACE, dim=DIM).open()
    with pytest.raises(SpaceMismatch, match="4 dimensions, the encoder makes 8; give the encoder a new name"):
        await ServerProductIndex(client, space=SPACE, dim=8).open()
    await client.close()


@pytest.mark.parametrize(
    ("url", "rest", "grpc"),
    [("http://qdrant:6333", "http://qdrant:6333", 6334), ("http://localhost:32768?grpc_port=32775", "", 32775)],
)
async def test_the_server_is_spoken_to_by_grpc(url: str, rest: str, grpc: int) -> None:
    client = connect(url)
    assert client.init_options["prefer_grpc"]
    assert client.init_options["grpc_port"] == grpc
    assert client.init_options["url"].startswith(rest)
    await client.close()
