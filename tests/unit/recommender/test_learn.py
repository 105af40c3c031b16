from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from attune.events.v1 import clickstream_pb2 as clicks
from attune.events.v1.product_pb2 import Product as ProductMessage
from chassis.kafka import Decoded, Rewound, Slice, Source
from recommender.decoding import Click
from recommender.domain.history import Done
from recommender.domain.product import Key
from recommender.domain.score import Mode
from recommender.handlers import routes
from recommender.usecases.learn import Behavior, Forgotten
from recommender.usecases.relations import Person, Span
from recommender.usecases.resume import Resume

ANN = Person("default", "ann")
BUY = Done.WANTED | Done.BOUGHT


def ids(made: Any) -> list[str]:
    return [offer.product.key.product_id for offer in made.offers]


async def test_a_product_is_told_with_its_vector_and_found_at_once(bare: Any, catalogue: Any, asked: Any) -> None:
    await bare.load(*catalogue)
    assert {entry.product.key.product_id for entry in bare.told.entries} >= {"kettle", "sock"}
    assert ids(await bare.search.by_text("default", "", "camping tent", asked(1))) == ["tent"]


async def test_a_product_that_is_gone_is_told_and_found_no_more(shop: Any, asked: Any) -> None:
    await shop.gone("tent", 100)
    assert shop.told.gone == [Key("default", "tent")]
    assert "tent" not in ids(await shop.search.by_text("default", "", "camping tent", asked()))


async def test_an_older_record_does_not_undo_a_newer_one(shop: Any, catalogue: Any) -> None:
    new = {**catalogue[0], "brand": "New"}
    await shop.load(new, offset=100)
    await shop.load(catalogue[0], offset=50)
    assert shop.world.product(Key("default", "kettle")).brand == "New"


async def test_a_record_of_a_new_life_of_the_log_counts_whatever_its_offset(shop: Any, catalogue: Any) -> None:
    await shop.load({**catalogue[0], "brand": "New"}, log="another", offset=0)
    assert shop.world.product(Key("default", "kettle")).brand == "New"


async def test_the_same_slice_again_changes_nothing(shop: Any) -> None:
    await shop.do("ann", "kettle", "pot", done=BUY, offset=0)
    graph, trend = shop.world.shop("default").graph, shop.world.shop("default").trend
    before = graph.transitions.between(0, 1), graph.together.between(0, 1), trend.counts.sum()
    await shop.do("ann", "kettle", "pot", done=BUY, offset=0)
    assert (graph.transitions.between(0, 1), graph.together.between(0, 1), trend.counts.sum()) == before


async def test_an_offset_moves_with_the_last_behaviour_and_past_what_follows_it(shop: Any) -> None:
    span = Span("log", "attune.clickstream.v1", 0, 10)
    behaviors = [Behavior(offset, ANN, "kettle", Done.SEEN, 1_767_225_600_000, 1.0, offset) for offset in range(8)]
    await shop.behavior(span, behaviors)
    assert await shop.relations.next_offset(span.log, span.topic, 0) == 10
    behaviors = [behavior._replace(offset=behavior.offset + 10, event=behavior.offset + 10) for behavior in behaviors]
    await shop.behavior(replace(span, next_offset=18), behaviors)
    assert await shop.relations.next_offset(span.log, span.topic, 0) == 18
    assert (await shop.relations.history(ANN)).turns == 16


async def test_a_slice_of_another_life_of_the_log_is_new(shop: Any) -> None:
    await shop.do("ann", "kettle", offset=0)
    await shop.do("ann", "pot", offset=0, log="another")
    assert set((await shop.relations.history(ANN)).items) == {0, 1}


async def test_an_overlapping_slice_adds_only_what_is_new(shop: Any) -> None:
    await shop.do("ann", "kettle", "pot", offset=0)
    await shop.do("ann", "pot", "cup", offset=1)
    assert (await shop.relations.history(ANN)).turns == 3


async def test_an_event_that_its_producer_sends_again_counts_once(shop: Any) -> None:
    await shop.do("ann", "kettle", "pot", events=[7, 8])
    trend = shop.world.shop("default").trend.counts.copy()
    await shop.do("ann", "pot", "kettle", "cup", events=[8, 7, 9])
    assert (await shop.relations.history(ANN)).turns == 3
    assert shop.world.shop("default").trend.counts[:2].tolist() == trend[:2].tolist()


async def test_two_people_may_have_events_of_one_name(shop: Any) -> None:
    await shop.do("ann", "kettle", events=[7])
    await shop.do("bob", "kettle", events=[7])
    assert (await shop.relations.history(Person("default", "bob"))).turns == 1


async def test_after_a_restart_the_same_is_answered(shop: Any, asked: Any, tmp_path: Path, reopen: Any) -> None:
    await shop.do("bob", "kettle", "pot", "cup", done=BUY)
    await shop.do("ann", "kettle")
    before = await shop.recommend(ANN, asked(), Mode.CONDITIONED)
    await shop.close()
    again = reopen(tmp_path)
    assert await again.restore() == 9
    after = await again.recommend(ANN, asked(), Mode.CONDITIONED)
    assert [(o.product, o.score) for o in after.offers] == [(o.product, o.score) for o in before.offers]
    shop.index, shop.relations = again.index, again.relations  # what the fixture closes


async def test_an_index_that_lags_behind_the_records_is_mended_at_the_start(
    shop: Any, asked: Any, tmp_path: Path, reopen: Any
) -> None:
    await shop.index.delete([Key("default", "tent")])
    await shop.close()
    again = reopen(tmp_path)
    await again.restore()
    assert ids(await again.search.by_text("default", "", "camping tent", asked(1))) == ["tent"]
    shop.index, shop.relations = again.index, again.relations


async def test_a_log_that_knows_no_product_is_told_all_of_them_once(shop: Any) -> None:
    resume = Resume(shop.world, shop.relations, shop.told, shop.follow)
    shop.told.entries.clear()
    source = type("Source", (), {"log": "another", "topic": "attune.catalog.v1", "partition": 0})()
    assert await resume.offsets([source]) == {source: 0}
    await resume.publish_anew()
    await resume.publish_anew()
    assert len(shop.told.entries) == 9


async def test_who_is_forgotten_leaves_nothing_and_older_events_bring_nothing_back(shop: Any) -> None:
    await shop.do("ann", "kettle", "pot", done=BUY, at=1000)
    graph = shop.world.shop("default").graph
    assert await shop.forget(ANN, 5000) == Forgotten(histories=1, edges=2)
    assert await shop.forget(ANN, 5000) == Forgotten(0, 0)
    assert graph.transitions.between(0, 1) == graph.together.between(0, 1) == 0
    await shop.do("ann", "cup", at=4000)
    assert not (await shop.relations.history(ANN)).items
    await shop.do("ann", "cup", at=6000)
    assert len((await shop.relations.history(ANN)).items) == 1


async def test_an_erasure_that_comes_twice_is_applied_once(shop: Any) -> None:
    await shop.do("ann", "kettle", at=1000)
    await shop.forget.requests(Span("log", "attune.erasures.v1", 0, 1), [(0, ANN, 2000)])
    await shop.do("ann", "pot", at=3000)
    await shop.forget.requests(Span("log", "attune.erasures.v1", 0, 1), [(0, ANN, 2000)])
    assert len((await shop.relations.history(ANN)).items) == 1


async def test_a_wish_that_a_call_granted_before_its_record_came_removes_nothing_of_what_was_done_since(
    shop: Any,
) -> None:
    await shop.do("ann", "kettle", at=1000)
    await shop.forget(ANN, 2001)
    await shop.do("ann", "pot", at=3000)
    await shop.forget.requests(Span("log", "attune.erasures.v1", 0, 1), [(0, ANN, 2000)])
    assert len((await shop.relations.history(ANN)).items) == 1


async def test_shops_do_not_see_each_other(shop: Any, catalogue: Any, asked: Any) -> None:
    await shop.load({**catalogue[0], "tenant": "other", "title": {"en": "Other kettle"}}, offset=200)
    found = await shop.search.by_text("other", "", "tea kettle", asked())
    assert [offer.product.title["en"] for offer in found.offers] == ["Other kettle"]
    assert "Other kettle" not in {
        o.product.title["en"] for o in (await shop.search.by_text("default", "", "other kettle", asked())).offers
    }


@pytest.mark.parametrize("topic", ["attune.catalog.v1", "attune.clickstream.v1", "attune.erasures.v1"])
async def test_a_store_that_came_back_with_less_is_given_the_rest_again(bare: Any, topic: str) -> None:
    made = routes(bare.catalog, bare.behavior, bare.forget, bare.follow, bare.decisions.now)
    route = next(route for route in made if route.topic == topic)
    source = Source("log", topic, 0)
    await route.handle(Slice(source, [], 5))
    with pytest.raises(Rewound) as back:
        await route.handle(Slice(source, [], 12, begins=9))
    assert back.value.next_offset == 5
    await route.handle(Slice(source, [], 9, begins=5))
    await route.handle(Slice(source, [], 12, begins=9))


async def test_what_came_back_is_refused_and_who_signs_in_has_done_nothing(shop: Any) -> None:
    done = [
        ("kettle", clicks.BEHAVIOR_KIND_PURCHASE),
        ("tent", clicks.BEHAVIOR_KIND_PURCHASE),
        ("kettle", clicks.BEHAVIOR_KIND_RETURN),
        ("", clicks.BEHAVIOR_KIND_IDENTIFY),
    ]
    items = [Decoded(i, "ann", Click(ANN, product, kind, 1_000 + i, None, i)) for i, (product, kind) in enumerate(done)]
    topic = "attune.clickstream.v1"
    made = routes(shop.catalog, shop.behavior, shop.forget, shop.follow, shop.decisions.now)
    (route,) = [each for each in made if each.topic == topic]
    await route.handle(Slice(Source("log", topic, 0), items, len(items)))
    history, places = await shop.relations.history(ANN), shop.world.look("default").places
    assert history.items[places["kettle"]].done & Done.REFUSED
    assert history.recent(5) == [places["tent"]]


async def test_what_does_not_say_since_when_it_is_on_sale_is_so_in_no_case_only_later(bare: Any) -> None:
    now, later = 1_767_225_600_000, 1_772_323_200_000
    (route, *_) = routes(bare.catalog, bare.behavior, bare.forget, bare.follow, lambda: now)

    async def read(offset: int, message: ProductMessage, at: int) -> int:
        await route.handle(Slice(Source("log", route.topic, 0), [Decoded(offset, "p", message, at)], offset + 1))
        released: int = bare.world.product(Key("default", "p")).released
        return released

    stated = ProductMessage(product_id="p", title={"en": "Lamp"})
    stated.released_at.FromMilliseconds(later)
    assert await read(0, stated, now) == later
    assert await read(1, ProductMessage(product_id="p", title={"en": "Lamp"}), now - 5) == now - 5
    ahead = ProductMessage(product_id="q", title={"en": "Lamp"})
    await route.handle(Slice(Source("log", route.topic, 0), [Decoded(2, "q", ahead, later)], 3))
    assert bare.world.product(Key("default", "q")).released == now
    untimed = ProductMessage(product_id="p", title={"en": "Lamp"})
    assert await read(3, untimed, 0) == now - 5  # nobody told when the record was written: the first one's time stays
