"""What is remembered of knowledge, on every engine present."""

from __future__ import annotations

import asyncio
import shutil
import subprocess
import sys
import textwrap
import uuid
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from disks import fill, small_disk
from qdrant_client import AsyncQdrantClient

from qa.domain.knowledge import Entry, LogPosition
from qa.domain.products import Product
from qa.stores import server
from qa.stores.edge import EdgeKnowledge
from qa.stores.points import SpaceMismatch
from qa.stores.server import ServerKnowledge, connect
from qa.usecases.ports import Changes, Gone, Span

pytestmark = pytest.mark.filterwarnings("ignore:Payload indexes have no effect:UserWarning")  # in the client's engine
DIM, SPACE = 4, "toy@1"
SPAN = Span("life", "attune.knowledge.v1", 0, 7)
ENTRY = Entry(
    tenant="shop", entry_id="e", family="f", language="zh", question="多久？", answer="三天。", variants=("要多久？",),
    topic="t", source="页面", valid_from=1.5, product_ids=("p",), position=LogPosition("life", 0, 6),
)  # fmt: skip
ROWS = np.eye(3, DIM, dtype=np.float32)
PRODUCT = Product("shop", "p", {"en": "Cup"}, {"care": {"en": "hand wash"}}, LogPosition("life", 1, 2))


LATER = Span("life", "attune.knowledge.v1", 0, 8)


def gone(said_id: str, offset: int, *tenants: str) -> Gone:
    return Gone(said_id, LogPosition("life", 0, offset), frozenset(tenants))


@pytest.fixture
def clock() -> list[float]:
    """Seconds since 1970, to be moved."""
    return [1_700_000_000.0]


@pytest.fixture(scope="session")
def empty_shard(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Made once, because a new shard takes a second."""
    folder = tmp_path_factory.mktemp("knowledge")
    asyncio.run(EdgeKnowledge(folder, dim=DIM, space=SPACE).close())
    return folder


@pytest.fixture(params=["edge", "client", "server"])
def engine(request: pytest.FixtureRequest) -> str:
    """`edge`, `client`, or the address of a server."""
    return str(request.getfixturevalue("qdrant_url") if request.param == "server" else request.param)


@pytest.fixture
async def index(
    engine: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    clock: list[float],
    empty_shard: Path,
) -> AsyncIterator[EdgeKnowledge | ServerKnowledge]:
    """qdrant-edge; the server's store over the engine inside its client; and over a server where there is one."""
    made: EdgeKnowledge | ServerKnowledge
    if engine == "edge":
        shutil.copytree(empty_shard, tmp_path, dirs_exist_ok=True)
        made = EdgeKnowledge(tmp_path, dim=DIM, space=SPACE, clock=lambda: clock[0])
    else:
        monkeypatch.setattr(server, "COLLECTION", f"knowledge-{uuid.uuid4().hex}")
        client = AsyncQdrantClient(":memory:") if engine == "client" else connect(engine)
        made = ServerKnowledge(client, dim=DIM, space=SPACE, clock=lambda: clock[0])
    yield made
    if isinstance(made, ServerKnowledge):
        await client.delete_collection(server.COLLECTION)
    await made.close()


async def test_an_index_begins_empty(index: Any) -> None:
    held = await index.read()
    assert (held.entries, held.products, held.applied) == ([], [], {})


async def test_an_entry_comes_back_as_it_was_with_its_vectors(index: Any) -> None:
    await index.read()
    await index.write(Changes(entries=[(ENTRY, ROWS)]), SPAN)
    [(entry, rows)] = (await index.read()).entries
    assert entry == ENTRY
    np.testing.assert_allclose(rows, ROWS)


async def test_a_text_without_a_known_word_keeps_its_zero_vector(index: Any) -> None:
    await index.read()
    rows = ROWS.copy()
    rows[1] = 0
    await index.write(Changes(entries=[(ENTRY, rows)]), SPAN)
    np.testing.assert_allclose((await index.read()).entries[0][1], rows)


async def test_a_product_comes_back_as_it_was(index: Any) -> None:
    await index.read()
    await index.write(Changes(products=[PRODUCT]), SPAN)
    assert (await index.read()).products == [PRODUCT]


async def test_the_offset_is_kept_per_partition_with_the_life_of_its_log(index: Any) -> None:
    await index.read()
    await index.write(Changes(), SPAN)
    await index.write(Changes(), Span("life", SPAN.topic, 1, 3))
    await index.write(Changes(), Span("next life", SPAN.topic, 0, 1))
    assert (await index.read()).applied == {(SPAN.topic, 0): ("next life", 1), (SPAN.topic, 1): ("life", 3)}


async def test_what_is_gone_does_not_come_back(index: Any) -> None:
    await index.read()
    await index.write(Changes(entries=[(ENTRY, ROWS)], products=[PRODUCT]), SPAN)
    await index.write(Changes(gone=[gone("e", 7)], gone_products=[gone("p", 7)]), LATER)
    held = await index.read()
    assert (held.entries, held.products) == ([], [])


async def test_a_tombstone_means_the_id_in_every_shop(index: Any) -> None:
    await index.read()
    other = Entry("other", "e", "f", "en", "Why?", "So.", position=LogPosition("life", 0, 5))
    stays = Entry("other", "e2", "f", "en", "Why?", "So.", position=LogPosition("life", 0, 5))
    await index.write(Changes(entries=[(ENTRY, ROWS), (other, ROWS[:2]), (stays, ROWS[:2])]), SPAN)
    await index.write(Changes(gone=[gone("e", 7)]), LATER)
    assert [entry.entry_id for entry, _ in (await index.read()).entries] == ["e2"]


async def test_a_writer_that_was_held_up_overwrites_nothing_newer(index: Any) -> None:
    await index.read()
    newer = replace(ENTRY, answer="四天。", position=LogPosition("life", 0, 9))
    await index.write(Changes(entries=[(newer, ROWS)], products=[PRODUCT]), Span("life", SPAN.topic, 0, 10))
    older = replace(PRODUCT, titles={"en": "Old cup"}, position=LogPosition("life", 1, 1))
    await index.write(Changes(entries=[(ENTRY, ROWS)], products=[older]), SPAN)
    await index.write(Changes(gone=[gone("e", 8)]), Span("life", SPAN.topic, 0, 9))
    held = await index.read()
    assert ([entry for entry, _ in held.entries], held.products) == ([newer], [PRODUCT])
    assert held.applied == {(SPAN.topic, 0): ("life", 10)}


async def test_a_writer_that_was_held_up_brings_back_nothing_that_is_gone(index: Any) -> None:
    await index.read()
    never_written = replace(ENTRY, tenant="other")
    await index.write(Changes(entries=[(ENTRY, ROWS)]), SPAN)
    await index.write(Changes(gone=[gone("e", 8, "other")]), Span("life", SPAN.topic, 0, 9))
    await index.write(Changes(entries=[(ENTRY, ROWS), (never_written, ROWS)]), SPAN)
    assert (await index.read()).entries == []
    again = replace(ENTRY, position=LogPosition("life", 0, 12))
    await index.write(Changes(entries=[(again, ROWS)]), Span("life", SPAN.topic, 0, 13))
    assert [entry for entry, _ in (await index.read()).entries] == [again]


async def test_another_life_of_the_log_begins_at_nothing_and_is_believed(index: Any) -> None:
    await index.read()
    await index.write(Changes(entries=[(ENTRY, ROWS)]), SPAN)
    anew = replace(ENTRY, answer="四天。", position=LogPosition("next life", 0, 0))
    await index.write(Changes(entries=[(anew, ROWS)]), Span("next life", SPAN.topic, 0, 1))
    assert [entry for entry, _ in (await index.read()).entries] == [anew]
    assert await index.applied("next life", SPAN.topic, 0) == 1
    assert await index.applied("life", SPAN.topic, 0) is None
    assert await index.applied("next life", SPAN.topic, 3) is None


async def test_a_mark_of_what_is_gone_stays_for_a_day(index: Any, clock: list[float]) -> None:
    await index.read()
    await index.write(Changes(entries=[(ENTRY, ROWS)]), SPAN)
    await index.write(Changes(gone=[gone("e", 7)]), LATER)
    clock[0] += 86_401.0
    await index.read()
    await index.write(Changes(entries=[(ENTRY, ROWS)]), LATER)
    assert len((await index.read()).entries) == 1


async def test_two_shops_may_use_the_same_entry_id(index: Any) -> None:
    await index.read()
    other = Entry("other", "e", "f", "en", "Why?", "So.")
    await index.write(Changes(entries=[(ENTRY, ROWS), (other, ROWS[:2])]), SPAN)
    assert sorted(entry.tenant for entry, _ in (await index.read()).entries) == ["other", "shop"]


async def test_a_repeat_changes_nothing(index: Any) -> None:
    await index.read()
    for _ in range(2):
        await index.write(Changes(entries=[(ENTRY, ROWS)], products=[PRODUCT]), SPAN)
    held = await index.read()
    assert (len(held.entries), len(held.products), len(held.applied)) == (1, 1, 1)


async def test_many_entries_are_all_read(index: Any) -> None:
    await index.read()
    many = [(Entry("shop", f"e{n}", f"e{n}", "en", "Why?", "So."), ROWS[:2]) for n in range(1_234)]
    await index.write(Changes(entries=many), SPAN)
    assert len({entry.entry_id for entry, _ in (await index.read()).entries}) == 1_234


async def test_an_encoder_of_another_size_is_refused_with_a_remedy(tmp_path: Path) -> None:
    edge = EdgeKnowledge(tmp_path, dim=DIM, space=SPACE)
    await edge.close()
    with pytest.raises(SpaceMismatch, match="4 dimensions, the encoder makes 8"):
        EdgeKnowledge(tmp_path, dim=8, space="other@1")
    client = AsyncQdrantClient(":memory:")
    await ServerKnowledge(client, dim=DIM, space=SPACE).read()
    with pytest.raises(SpaceMismatch, match="use the encoder it was made with"):
        await ServerKnowledge(client, dim=8, space="other@1").read()
    await client.close()


async def test_a_replica_that_comes_second_finds_the_collection_made() -> None:
    client = AsyncQdrantClient(":memory:")
    for replica in [ServerKnowledge(client, dim=DIM, space=SPACE) for _ in range(2)]:
        assert (await replica.read()).entries == []
    await client.close()


async def test_vectors_of_another_space_are_left_out(tmp_path: Path) -> None:
    before = EdgeKnowledge(tmp_path, dim=DIM, space=SPACE)
    await before.write(Changes(entries=[(ENTRY, ROWS)]), SPAN)
    await before.close()
    after = EdgeKnowledge(tmp_path, dim=DIM, space="toy@2")
    assert (await after.read()).entries == [(ENTRY, None)]
    await after.close()


def test_what_was_written_survives_a_process_that_dies(tmp_path: Path) -> None:
    code = """
        import asyncio, os, sys
        from pathlib import Path
        from qa.stores.edge import EdgeKnowledge
        from qa.usecases.ports import Changes, Gone, Span
        index = EdgeKnowledge(Path(sys.argv[1]), dim=4, space="toy@1")
        if sys.argv[2] == "write":
            asyncio.run(index.write(Changes(), Span("life", "topic", 0, 7)))
            os._exit(1)
        print(asyncio.run(index.read()).applied)
    """
    command = [sys.executable, "-c", textwrap.dedent(code), str(tmp_path)]
    subprocess.run([*command, "write"], check=False)
    read = subprocess.run([*command, "read"], check=True, capture_output=True, text=True)
    assert read.stdout.strip() == "{('topic', 0): ('life', 7)}"


async def test_a_full_disk_is_told_before_the_engine_dies_of_it(tmp_path: Path, empty_shard: Path) -> None:
    """It writes into mapped files: without this the process ends with SIGBUS."""
    with small_disk(tmp_path / "disk", 500) as folder:
        shutil.copytree(empty_shard, folder, dirs_exist_ok=True)
        index = EdgeKnowledge(folder, dim=DIM, space=SPACE)
        fill(folder / "filler")
        with pytest.raises(OSError, match="left on the disk"):
            await index.write(Changes(entries=[(ENTRY, ROWS)]), SPAN)
        assert (await index.read()).applied == {}
        (folder / "filler").unlink()
        await index.write(Changes(entries=[(ENTRY, ROWS)]), SPAN)
        assert [entry for entry, _ in (await index.read()).entries] == [ENTRY]
        await index.close()
