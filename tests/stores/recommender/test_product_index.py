"""One suite for every product index."""

from __future__ import annotations

import asyncio
import shutil
import uuid
from collections.abc import AsyncIterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from disks import fill, small_disk
from qdrant_client import AsyncQdrantClient

from recommender.domain.product import Key, Position, Product
from recommender.domain.shop import Allowed, Entry
from recommender.domain.words import Bag
from recommender.stores.payload import collection
from recommender.stores.qdrant_edge import EdgeProductIndex
from recommender.stores.qdrant_server import ServerProductIndex, SpaceMismatch, connect

pytestmark = [  # what the engine inside the client says of calls that mean nothing to it
    pytest.mark.filterwarnings("ignore:Payload indexes have no effect:UserWarning"),
    pytest.mark.filterwarnings("ignore:Local mode performs exact:UserWarning"),
]
DIM, SPACE = 4, "test@1"
ALL = Allowed(out_of_stock=True)


def entry(
    product_id: str, axis: int, words: dict[int, float], offset: int = 0, tenant: str = "shop", **more: Any
) -> Entry:
    product = Product(Key(tenant, product_id), {"en": product_id}, **more)
    bag = Bag(np.array(sorted(words), dtype=np.uint32), np.array([words[w] for w in sorted(words)], dtype=np.float32))
    return Entry(product, np.eye(DIM, dtype=np.float32)[axis], bag, Position("log", 0, offset))


@pytest.fixture(scope="session")
def empty_shard(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Made once, because a new shard takes two seconds."""
    folder = tmp_path_factory.mktemp("shard")
    asyncio.run(EdgeProductIndex(folder, space=SPACE, dim=DIM).close())
    return folder


@pytest.fixture(params=["edge", "client", "server"])
def engine(request: pytest.FixtureRequest) -> str:
    """`edge`, `client`, or the address of a server."""
    return str(request.getfixturevalue("qdrant_url") if request.param == "server" else request.param)


@pytest.fixture
async def index(engine: str, tmp_path: Path, empty_shard: Path) -> AsyncIterator[Any]:
    """qdrant-edge; the server's store over the engine inside its client; and over a server where there is one."""
    made: Any
    client: AsyncQdrantClient | None = None
    space = SPACE
    if engine == "edge":
        shutil.copytree(empty_shard, tmp_path, dirs_exist_ok=True)
        made = EdgeProductIndex(tmp_path, space=SPACE, dim=DIM)
    else:
        space = f"{SPACE}-{uuid.uuid4().hex}"
        client = AsyncQdrantClient(":memory:") if engine == "client" else connect(engine)
        made = ServerProductIndex(client, space=space, dim=DIM, quantised_from=3)
        await made.open()
    await made.upsert(
        [
            entry("a", 0, {1: 1.0, 2: 0.5}, category="x/y", brand="B", currency="EUR", amount=Decimal("9.50")),
            entry("b", 1, {2: 1.0}, category="x", brand="C", currency="EUR", amount=Decimal(20)),
            entry("c", 1, {3: 1.0}, category="xy", in_stock=False),
            entry("other", 0, {1: 1.0}, tenant="elsewhere"),
        ]
    )
    yield made
    if client is not None:
        await client.delete_collection(collection(space))
    await made.close()


async def found(index: Any, axis: int, allowed: Allowed = ALL) -> list[str]:
    hits = await index.nearest("shop", np.eye(DIM, dtype=np.float32)[axis], 10, allowed)
    return [hit.product_id for hit in hits]


async def test_the_nearest_comes_first_with_its_cosine(index: Any) -> None:
    hits = await index.nearest("shop", np.array([0.8, 0.6, 0, 0], dtype=np.float32), 2, ALL)
    assert hits[0].product_id == "a"
    assert hits[0].score == pytest.approx(0.8, abs=1e-5)
    assert len(hits) == 2


async def test_shops_are_apart(index: Any) -> None:
    assert "other" not in await found(index, 0)


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
async def test_a_filter_means_the_same_on_every_engine(index: Any, allowed: Allowed, expected: set[str]) -> None:
    assert set(await found(index, 0, allowed)) == expected


async def test_a_rare_word_weighs_more(index: Any) -> None:
    hits = await index.by_words("shop", {2: 1.0, 1: 1.0}, 10, ALL)
    assert [hit.product_id for hit in hits] == ["a", "b"]
    assert await index.by_words("shop", {99: 1.0}, 10, ALL) == []
    assert await index.by_words("shop", {}, 10, ALL) == []


async def test_a_write_replaces_what_was_there_and_repeats_do_nothing(index: Any) -> None:
    for _ in range(2):
        await index.upsert([entry("a", 2, {7: 1.0}, offset=5)])
    assert (await found(index, 2))[0] == "a"
    stored = {each.key: each for each in await index.stored()}
    assert len(stored) == 4
    assert stored[Key("shop", "a")].position == "log/0/5"
    assert stored[Key("shop", "a")].vector.tolist() == [0, 0, 1, 0]


async def test_what_is_deleted_is_gone_and_unknown_ones_are_no_error(index: Any) -> None:
    await index.delete([Key("shop", "a"), Key("shop", "never")])
    await index.delete([])
    assert "a" not in await found(index, 0)


async def test_a_product_without_words_the_encoder_knows_is_kept(index: Any) -> None:
    blank = entry("blank", 0, {9: 1.0})
    await index.upsert([Entry(blank.product, np.zeros(DIM, dtype=np.float32), blank.words, blank.position)])
    assert [hit.product_id for hit in await index.by_words("shop", {9: 1.0}, 10, ALL)] == ["blank"]


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


async def test_many_products_are_written_and_deleted_in_bounded_requests(index: Any) -> None:
    many = [entry(f"m{n}", 3, {n: 1.0}) for n in range(450)]
    await index.upsert(many)
    assert len(await index.stored()) == 454
    await index.delete([each.product.key for each in many])
    assert len(await index.stored()) == 4


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


async def test_an_edge_shard_is_found_again_after_a_restart(tmp_path: Path) -> None:
    first = EdgeProductIndex(tmp_path, space=SPACE, dim=DIM)
    await first.upsert([entry("a", 0, {1: 1.0})])
    await first.close()
    again = EdgeProductIndex(tmp_path, space=SPACE, dim=DIM)
    assert await found(again, 0) == ["a"]
    await again.close()


async def test_another_space_begins_empty(tmp_path: Path) -> None:
    first = EdgeProductIndex(tmp_path, space=SPACE, dim=DIM)
    await first.upsert([entry("a", 0, {1: 1.0})])
    await first.close()
    other = EdgeProductIndex(tmp_path, space="test@2", dim=DIM)
    assert await other.stored() == []
    await other.close()


async def test_a_full_disk_is_told_before_the_engine_dies_of_it(tmp_path: Path, empty_shard: Path) -> None:
    """It writes into mapped files: without this the process ends with SIGBUS."""
    with small_disk(tmp_path / "disk", 500) as folder:
        shutil.copytree(empty_shard, folder, dirs_exist_ok=True)
        index = EdgeProductIndex(folder, space=SPACE, dim=DIM)
        await index.upsert([entry("a", 0, {1: 1.0})])
        fill(folder / "filler")
        for write in (index.upsert([entry("b", 0, {1: 1.0})]), index.delete([Key("shop", "a")])):
            with pytest.raises(OSError, match="left on the disk"):
                await write
        assert await found(index, 0) == ["a"]
        (folder / "filler").unlink()
        await index.upsert([entry("b", 0, {1: 1.0})])
        assert sorted(await found(index, 0)) == ["a", "b"]
        await index.close()
