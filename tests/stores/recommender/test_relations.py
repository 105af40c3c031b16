"""One suite for every store of relations; today one engine."""

from __future__ import annotations

import sqlite3
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from recommender.domain.history import Done, History
from recommender.domain.product import Key, Position
from recommender.stores import history_blob
from recommender.stores.sqlite import SqliteRelations
from recommender.usecases.relations import Learnt, Person, Span, StoredProduct

ANN, BOB = Person("shop", "ann"), Person("shop", "bob")
TOPIC = "attune.clickstream.v1"


def span(next_offset: int, log: str = "log") -> Span:
    return Span(log, TOPIC, 0, next_offset)


def history(*places: int) -> History:
    made = History()
    for turn, place in enumerate(places):
        made.add(place, Done.WANTED if place % 2 else Done.SEEN, 1_700_000_000_000 + turn)
    return made


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[SqliteRelations]:
    made = SqliteRelations(tmp_path / "deep" / "graph.db")
    yield made
    await made.close()


async def test_someone_unknown_has_an_empty_history(store: SqliteRelations) -> None:
    assert await store.history(ANN) == History()
    assert (await store.read(span(0), [ANN])).histories == {ANN: History()}


async def test_a_history_comes_back_as_it_was(store: SqliteRelations) -> None:
    await store.write(span(3), Learnt(histories={ANN: history(1, 4, 3, 1)}))
    assert await store.history(ANN) == history(1, 4, 3, 1)
    assert await store.history(BOB) == History()
    assert (await store.everything()).histories == [(ANN, history(1, 4, 3, 1))]


async def test_an_offset_stands_with_its_effect_and_never_goes_back(store: SqliteRelations) -> None:
    await store.write(span(7), Learnt())
    await store.write(span(3), Learnt())
    assert await store.next_offset("log", TOPIC, 0) == 7
    assert (await store.read(span(0), [])).applied == 7


async def test_each_life_of_the_log_has_its_own_offsets(store: SqliteRelations) -> None:
    await store.write(span(7), Learnt())
    assert await store.next_offset("another", TOPIC, 0) == 0


async def test_a_write_that_fails_leaves_nothing(store: SqliteRelations) -> None:
    await store.write(span(1), Learnt())
    with pytest.raises(sqlite3.IntegrityError, match="NOT NULL"):
        await store.write(span(9), Learnt(histories={ANN: history(1)}, forget={BOB: None}))  # type: ignore[dict-item]
    assert await store.history(ANN) == History()
    assert await store.next_offset("log", TOPIC, 0) == 1


async def test_trends_add_up(store: SqliteRelations) -> None:
    for _ in range(2):
        await store.write(None, Learnt(trend={("shop", 3): 0.5}))
    assert (await store.everything()).trends == [("shop", 3, 1.0)]


async def test_a_place_without_a_record_does_not_undo_the_record(store: SqliteRelations) -> None:
    known = StoredProduct(Key("shop", "p"), 0, Position("log", 1, 5), b"record")
    await store.write(None, Learnt(products=[known]))
    await store.write(None, Learnt(products=[StoredProduct(Key("shop", "p"), 0, None, None)]))
    gone = StoredProduct(Key("shop", "q"), 1, Position("log", 1, 6), None)
    await store.write(None, Learnt(products=[gone]))
    assert (await store.everything()).products == [known, gone]


async def test_who_is_forgotten_is_removed_and_known_again_without_a_name(
    store: SqliteRelations,
) -> None:
    await store.write(span(1), Learnt(histories={ANN: history(1), BOB: history(2)}))
    assert (await store.write(None, Learnt(forget={ANN: 500}))).removed == {ANN: history(1)}
    assert not (await store.write(None, Learnt(forget={ANN: 400}))).removed
    page = await store.read(span(1), [ANN, BOB])
    assert (page.histories[ANN], page.forgotten) == (History(), {ANN: 500})
    assert page.histories[BOB] == history(2)
    names = [row[0] for row in store._db.execute("select person from forgotten")]
    assert all(b"ann" not in name for name in names)


async def test_everything_is_there_after_a_restart(tmp_path: Path) -> None:
    first = SqliteRelations(tmp_path / "graph.db")
    await first.write(span(4), Learnt(histories={ANN: history(5)}))
    await first.begin_life("log")
    await first.close()
    again = SqliteRelations(tmp_path / "graph.db")
    assert (await again.life(), await again.history(ANN)) == ("log", history(5))
    assert await again.next_offset("log", TOPIC, 0) == 4
    await again.close()


def test_bytes_of_a_later_release_are_refused_with_what_to_do() -> None:
    blob = bytearray(history_blob.dump(history(1)))
    blob[0] = 9
    with pytest.raises(history_blob.ForeignForm, match="form 9"):
        history_blob.load(bytes(blob))
