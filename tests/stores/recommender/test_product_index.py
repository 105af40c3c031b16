"""One suite for every product index."""

from __future__ import annotations

import shutil
import uuid
from collections.abc import AsyncIterator, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest
from disks import fill, small_disk
from qdrant_client import AsyncQdrantClient

from recommender.domain.product import Key, Position, Product
from recommender.domain.shop import Allowed, Entry, Shop
from recommender.domain.words import Bag
from recommender.stores.payload import collection
from recommender.stores.qdrant_edge import EdgeProductIndex
from recommender.stores.qdrant_server import ServerProductIndex, SpaceMismatch, connect
from recommender.usecases.ports import Found
from recommender.usecases.world import World

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


class Searched:
    """An index with the shops it is of, written as the service writes them: the index first."""

    def __init__(self, index: Any) -> None:
        self.index, self.world = index, World(DIM)

    async def upsert(self, entries: Sequence[Entry]) -> None:
        for each in entries:
            shop = self.world.shop(each.product.key.tenant)
            if each.product.key.product_id not in shop.places:
                shop.settle(len(shop.ids), each.product.key.product_id)
        await self.index.upsert(entries)
        self.world.put(entries)

    async def delete(self, *keys: Key) -> None:
        await self.index.delete(keys)
        known = [key for key in keys if key.product_id in self.shop.places]
        last = {key: self.shop.facts.position(self.shop.places[key.product_id]) for key in known}
        self.world.remove({key: at._replace(offset=at.offset + 1) for key, at in last.items() if at is not None})

    @property
    def shop(self) -> Shop:
        return self.world.shop("shop")

    async def nearest(self, vector: np.ndarray, k: int, allowed: Allowed = ALL) -> list[tuple[str, float]]:
        return self._named(await self.index.nearest(self.shop, vector, k, allowed))

    async def by_words(self, words: dict[int, float], k: int, allowed: Allowed = ALL) -> list[tuple[str, float]]:
        return self._named(await self.index.by_words(self.shop, self.shop.words.sought(words), k, allowed))

    async def found(self, axis: int, allowed: Allowed = ALL, limit: int = 10) -> list[str]:
        return [name for name, _ in await self.nearest(np.eye(DIM, dtype=np.float32)[axis], limit, allowed)]

    def _named(self, found: Found) -> list[tuple[str, float]]:
        return [
            (self.shop.ids[place], score)
            for place, score in zip(found.places.tolist(), found.scores.tolist(), strict=True)
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


async def edge(folder: Path, entries: Sequence[Entry] = (), space: str = SPACE, unsorted: int = 1) -> Searched:
    """An index in a process of its own, over shops that were read again before it."""
    made = Searched(EdgeProductIndex(folder, space=space, dim=DIM, flat=1, unsorted=unsorted))
    for each in entries:
        shop = made.world.shop("shop")
        shop.settle(len(shop.ids), each.product.key.product_id)
        made.world.put([each])
    await made.index.serve(made.world.look, list(made.world.shops))
    return made


def generation(folder: Path, space: str = SPACE) -> list[str]:
    return sorted(each.name for each in (folder / collection(space) / "shop").iterdir())


@pytest.fixture
async def shelved(tmp_path: Path) -> list[Entry]:
    """Three products whose index lies in a folder."""
    entries = [entry(name, axis, {1: 1.0}, offset=axis) for axis, name in enumerate("abc")]
    first = await edge(tmp_path, entries)
    await first.index.built()
    await first.index.close()
    return entries


async def test_an_index_is_taken_up_after_a_restart_and_not_built_again(tmp_path: Path, shelved: list[Entry]) -> None:
    again = await edge(tmp_path, shelved)
    assert (await again.found(1))[0] == "b"
    assert generation(tmp_path) == ["1"]
    await again.index.close()


async def test_an_index_that_lags_behind_its_shop_is_mended_at_the_start(tmp_path: Path, shelved: list[Entry]) -> None:
    now = [entry("a", 3, {1: 1.0}, offset=9), *shelved[1:], entry("d", 0, {1: 1.0}, offset=10)]
    again = await edge(tmp_path, now)
    again.world.remove({Key("shop", "b"): Position("log", 0, 11)})
    await again.index.close()
    later = await edge(tmp_path, [now[0], *now[2:]])
    assert await later.found(3) == ["a", *(await later.found(3))[1:]]
    assert sorted(await later.found(3)) == ["a", "c", "d"]
    await later.index.close()


async def test_what_was_never_finished_is_removed_and_built_again(tmp_path: Path, shelved: list[Entry]) -> None:
    folder = tmp_path / collection(SPACE) / "shop"
    (folder / "1" / "complete").rename(folder / "1" / "half")
    (folder / "2").mkdir()
    again = await edge(tmp_path, shelved)
    await again.index.built()
    assert generation(tmp_path) == ["1"]
    assert (folder / "1" / "complete").exists()
    assert (await again.found(2))[0] == "c"
    await again.index.close()


async def test_writes_during_a_building_are_in_the_new_index(tmp_path: Path, shelved: list[Entry]) -> None:
    searched = await edge(tmp_path, shelved)
    for round_ in range(40):  # more than half of the points each time: building follows building
        many = [entry(f"m{n}", (n + round_) % 3, {1: 1.0}, offset=100 * round_ + n) for n in range(5)]
        await searched.upsert(many)
        if round_ % 2:
            await searched.delete(Key("shop", "m4"))
        assert {name for name in await searched.found(0, limit=20) if name.startswith("m")} >= {"m0", "m1", "m2", "m3"}
    await searched.index.built()
    assert int(generation(tmp_path)[0]) > 1
    assert set(await searched.found(0, limit=20)) == {"a", "b", "c", "m0", "m1", "m2", "m3"}
    nearest = await searched.nearest(np.eye(DIM, dtype=np.float32)[39 % 3], 20)
    assert {name for name, score in nearest if score > 0.9} == {"a", "m0", "m3"}
    await searched.index.close()


async def test_what_was_written_while_an_index_was_built_is_built_in_at_once(
    tmp_path: Path, shelved: list[Entry]
) -> None:
    searched = await edge(tmp_path, shelved)
    for first in (0, 2):
        await searched.upsert([entry(f"m{n}", 3, {1: 1.0}, offset=10 + n) for n in range(first, first + 2)])
    await searched.index.built()
    assert generation(tmp_path) == ["3"]
    await searched.index.close()


async def test_what_an_index_has_unsorted_is_known_after_a_restart(tmp_path: Path, shelved: list[Entry]) -> None:
    late = [entry(f"m{n}", 3, {1: 1.0}, offset=10 + n) for n in range(3)]
    before = await edge(tmp_path, shelved, unsorted=10)
    await before.upsert(late)
    await before.index.close()
    assert generation(tmp_path) == ["1"]
    again = await edge(tmp_path, [*shelved, *late], unsorted=2)
    await again.index.built()
    assert generation(tmp_path) == ["2"]
    await again.index.close()


async def test_a_building_finds_what_its_shop_shows_only_later(tmp_path: Path, shelved: list[Entry]) -> None:
    searched = await edge(tmp_path, shelved)
    await searched.upsert([entry("d", 3, {1: 1.0}, offset=10)])
    last = entry("e", 3, {1: 1.0}, offset=11)
    searched.shop.settle(len(searched.shop.ids), "e")
    await searched.index.upsert([last])
    await searched.index.built()
    assert generation(tmp_path) == ["2"]
    searched.world.put([last])
    assert (await searched.found(3))[:2] == ["d", "e"]
    await searched.index.close()


async def test_a_shop_that_has_grown_keeps_what_was_on_its_way_when_its_index_began(tmp_path: Path) -> None:
    searched = Searched(EdgeProductIndex(tmp_path, space=SPACE, dim=DIM, flat=2))
    await searched.index.serve(searched.world.look, [])
    first, gone = entry("a", 3, {1: 1.0}), entry("b", 2, {1: 1.0}, offset=1)
    await searched.upsert([gone])
    searched.shop.settle(len(searched.shop.ids), "a")
    await searched.index.upsert([first])
    await searched.index.delete([gone.product.key])
    await searched.upsert([entry("c", 0, {1: 1.0}, offset=2)])
    await searched.index.built()
    searched.world.put([first])
    searched.world.remove({gone.product.key: Position("log", 0, 3)})
    assert await searched.found(3) == ["a", "c"]
    await searched.index.close()


async def test_a_process_that_was_killed_is_replaced_and_nobody_gets_an_error(
    tmp_path: Path, shelved: list[Entry]
) -> None:
    searched = await edge(tmp_path, shelved)
    for child in psutil.Process().children():
        if "edge_worker" in " ".join(child.cmdline()):
            child.kill()
            child.wait(10)
    await searched.found(1)
    await searched.upsert([entry("d", 1, {1: 1.0}, offset=5)])
    await searched.index.built()
    assert set(await searched.found(1)) == {"a", "b", "c", "d"}
    await searched.index.close()


async def test_another_space_begins_empty(tmp_path: Path, shelved: list[Entry]) -> None:
    other = await edge(tmp_path, [shelved[0]], space="test@2")
    assert await other.found(0) == ["a"]
    await other.index.close()


async def test_a_full_disk_is_told_before_the_engine_dies_of_it(tmp_path: Path, shelved: list[Entry]) -> None:
    """It writes into mapped files: without this its process ends with SIGBUS."""
    with small_disk(tmp_path / "disk", 500) as folder:
        shutil.copytree(tmp_path / collection(SPACE), folder / collection(SPACE))
        searched = await edge(folder, shelved)
        fill(folder / "filler")
        for write in (searched.upsert([entry("d", 0, {1: 1.0})]), searched.delete(Key("shop", "a"))):
            with pytest.raises(OSError, match="left on the disk"):
                await write
        assert (await searched.found(0))[0] == "a"
        (folder / "filler").unlink()
        await searched.upsert([entry("d", 3, {1: 1.0})])
        assert (await searched.found(3))[0] == "d"
        await searched.index.close()
