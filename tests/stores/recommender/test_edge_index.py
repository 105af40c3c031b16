"""The embedded index over restarts, kills and buildings: what its shop holds is found, and nothing else."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest
from disks import fill, small_disk
from searched import DIM, SPACE, Searched, entry

from recommender.domain.product import Key, Position
from recommender.domain.shop import Entry
from recommender.stores import edge_shop
from recommender.stores.edge_process import EdgeProcess, IndexGone
from recommender.stores.payload import collection
from recommender.stores.qdrant_edge import EdgeProductIndex


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
        await asyncio.sleep(0)  # now the building has begun
    await searched.index.built()
    assert generation(tmp_path) == ["3"]
    await searched.index.close()


async def test_a_new_index_has_answered_since_it_was_told_what_came_meanwhile(
    tmp_path: Path, shelved: list[Entry], monkeypatch: pytest.MonkeyPatch
) -> None:
    said: dict[EdgeProcess, list[str]] = {}

    def heard(name: str) -> None:
        does = getattr(EdgeProcess, name)

        async def speak(process: EdgeProcess, *given: Any) -> Any:
            answer = await does(process, *given)
            said.setdefault(process, []).append(name)
            return answer

        monkeypatch.setattr(EdgeProcess, name, speak)

    heard("put")
    heard("near")
    searched = await edge(tmp_path, shelved)
    for first in (0, 2):
        await searched.upsert([entry(f"m{n}", 3, {1: 1.0}, offset=10 + n) for n in range(first, first + 2)])
        await asyncio.sleep(0)  # now the building has begun
    await searched.index.built()
    assert ["near", "put", "near"] in said.values()  # read its files, told what came, and answered since
    await searched.index.close()


async def test_a_shop_that_grows_fast_is_built_again_when_it_has_come_to_rest(
    tmp_path: Path, shelved: list[Entry], monkeypatch: pytest.MonkeyPatch
) -> None:
    looks = asyncio.Queue[asyncio.Event]()

    async def rest() -> None:
        await looks.put(over := asyncio.Event())
        await over.wait()

    monkeypatch.setattr(edge_shop, "_rest", rest)
    monkeypatch.setattr(edge_shop, "_FEWEST", 0)
    searched = await edge(tmp_path, shelved, unsorted=0)
    await searched.upsert([entry("d", 3, {1: 1.0}, offset=10)])
    first = await looks.get()
    await searched.upsert([entry("e", 3, {1: 1.0}, offset=11)])
    first.set()
    second = await looks.get()
    assert generation(tmp_path) == ["1"]
    second.set()
    await searched.index.built()
    assert generation(tmp_path) == ["2"]
    await searched.index.close()


async def test_a_shop_that_has_doubled_is_built_again_at_once(
    tmp_path: Path, shelved: list[Entry], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(edge_shop, "_rest", asyncio.Event().wait)
    monkeypatch.setattr(edge_shop, "_FEWEST", 0)
    searched = await edge(tmp_path, shelved, unsorted=0)
    await searched.upsert([entry(f"m{number}", 3, {1: 1.0}, offset=10 + number) for number in range(4)])
    await searched.index.built()
    assert generation(tmp_path) == ["2"]
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


async def test_a_process_that_answers_what_cannot_be_read_is_ended_and_keeps_nobody_waiting(tmp_path: Path) -> None:
    process = await EdgeProcess.start(tmp_path / "index", DIM)
    asked = [asyncio.create_task(process.near(np.zeros(DIM, dtype=np.float32), 1, None)) for _ in range(2)]
    await asyncio.sleep(0)
    process.pipe_data_received(1, b"\x03\0\0\0bad")
    for each in asked:
        with pytest.raises(IndexGone):
            await each
    with pytest.raises(IndexGone):
        await process.near(np.zeros(DIM, dtype=np.float32), 1, None)
    await process.close()
