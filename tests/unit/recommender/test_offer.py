from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from lm import lexical
from recommender.domain.context import Context
from recommender.domain.errors import ForeignSpace, UnknownProduct, UnusableVector
from recommender.domain.history import Done
from recommender.domain.product import Key
from recommender.domain.score import Mode
from recommender.usecases.ports import Behavior, Fallback
from recommender.usecases.relations import Person, RelationsAway

ANN, NOBODY = Person("default", "ann"), Person("default", "nobody")
BUY = Done.WANTED | Done.BOUGHT


def ids(made: Any) -> list[str]:
    return [offer.product.key.product_id for offer in made.offers]


async def test_terms_add_up_to_the_score_bit_for_bit(shop: Any, asked: Any) -> None:
    await shop.do("bob", "kettle", "pot", "cup", done=BUY)
    await shop.do("ann", "kettle")
    for mode in Mode:
        for offer in (await shop.recommend(ANN, asked(), mode)).offers:
            assert offer.score.value == sum(term.contribution for term in offer.score.terms)
            assert all(term.contribution == term.value * term.weight for term in offer.score.terms)


async def test_what_others_did_next_comes_first(shop: Any, asked: Any) -> None:
    for user in ("bob", "eve"):
        await shop.do(user, "kettle", "shoe")
    await shop.do("ann", "kettle")
    (first, *_) = (await shop.recommend(ANN, asked(), Mode.CONDITIONED)).offers
    assert first.product.key.product_id == "shoe"
    assert first.reason == "People who looked at “Steel tea kettle” went on to this"
    assert "graph" in first.sources


async def test_what_was_dealt_with_is_left_out_unless_asked_for(shop: Any, asked: Any) -> None:
    await shop.do("ann", "kettle", done=BUY)
    assert "kettle" not in ids(await shop.recommend(ANN, asked(20), Mode.CONDITIONED))
    assert "kettle" in ids(await shop.recommend(ANN, asked(20, seen=True), Mode.CONDITIONED))


async def test_what_is_out_of_stock_is_left_out_unless_asked_for(shop: Any, asked: Any) -> None:
    assert "bag" not in ids(await shop.recommend(ANN, asked(20), Mode.CONDITIONED))
    assert "bag" in ids(await shop.recommend(ANN, asked(20, out_of_stock=True), Mode.CONDITIONED))


@pytest.mark.parametrize(
    ("allowed", "expected"),
    [
        ({"categories": frozenset({"kitchen"})}, {"kettle", "pot", "cup"}),
        ({"brands": frozenset({"Swift"})}, {"shoe", "sock"}),
        ({"currency": "EUR", "most": 9.5}, {"cup", "sock"}),
        ({"currency": "USD", "most": 1000.0}, set()),
    ],
)
async def test_a_filter_holds_for_every_source(shop: Any, asked: Any, allowed: Any, expected: set[str]) -> None:
    await shop.do("ann", "mat")
    await shop.do("bob", "mat", *(each for each in ("kettle", "shoe", "tent")))
    assert set(ids(await shop.recommend(ANN, asked(20, **allowed), Mode.CONDITIONED))) == expected
    assert set(ids(await shop.search.by_text("default", "", "tea camping running", asked(20, **allowed)))) <= expected


async def test_someone_unknown_is_offered_what_is_popular_and_it_is_said(shop: Any, asked: Any, need: Any) -> None:
    shop.needs.view = await asyncio.to_thread(need)
    shop.needs.view = replace(shop.needs.view, known=False)
    for user in ("bob", "eve"):
        await shop.do(user, "tent")
    made = await shop.recommend(NOBODY, asked(3), Mode.CONDITIONED)
    assert ids(made)[0] == "tent"
    assert made.offers[0].reason == "Popular right now"
    assert made.fallbacks == [Fallback("need", "trend", "nothing is known of this person yet")]


async def test_without_the_needs_service_our_own_history_serves_and_it_is_said(shop: Any, asked: Any) -> None:
    await shop.do("ann", "kettle")
    made = await shop.recommend(ANN, asked(3), Mode.CONDITIONED)
    assert set(ids(made)) & {"pot", "cup", "leaves"}
    assert made.fallbacks == [Fallback("needs", "history", "nobody listens")]


async def test_what_someone_did_before_signing_in_is_part_of_their_history(shop: Any, asked: Any, need: Any) -> None:
    await shop.do("bob", "kettle", "pot")
    await shop.do("anon:1", "kettle", done=BUY)
    await shop.do("ann", "tent", at=2_000)
    shop.needs.view = await asyncio.to_thread(need)
    alone = await shop.understand(ANN)
    shop.needs.view = replace(shop.needs.view, also_known_as=["anon:1", "anon:never seen"])
    joined = await shop.understand(ANN)
    places = shop.world.look("default").places
    assert set(alone.history.items) == {places["tent"]}
    assert set(joined.history.items) == {places["tent"], places["kettle"]}
    assert joined.history.items[places["kettle"]].done & Done.BOUGHT
    assert joined.wish.seeds == [places["tent"], places["kettle"]]  # newest first
    assert "kettle" not in ids(await shop.recommend(ANN, asked(20), Mode.CONDITIONED))


async def test_a_need_decides_where_the_graph_is_silent(shop: Any, asked: Any, need: Any) -> None:
    shop.needs.view = await asyncio.to_thread(need, "tent for camping")
    made = await shop.recommend(ANN, asked(2), Mode.CONDITIONED)
    assert ids(made)[0] in {"tent", "mat"}
    assert made.fallbacks == []


async def test_a_need_of_another_space_is_not_compared(shop: Any, asked: Any, need: Any) -> None:
    view = await asyncio.to_thread(need, "tent", space="other@1")
    shop.needs.view = view
    made = await shop.recommend(ANN, asked(2), Mode.CONDITIONED)
    assert [fallback.component for fallback in made.fallbacks] == ["needs"]
    assert "other@1" in made.fallbacks[0].reason


async def test_a_link_of_the_catalogue_brings_products_together(shop: Any, asked: Any) -> None:
    await shop.do("ann", "shoe")
    made = await shop.recommend(ANN, asked(1), Mode.CONDITIONED)
    assert ids(made) == ["sock"]
    assert made.offers[0].reason == "Goes with “Trail running shoe”"


async def test_a_product_matches_what_was_said_only_where_it_has_a_word_of_it(shop: Any, asked: Any, need: Any) -> None:
    for said, reason in (
        ("an umbrella", "Close to what you are looking for"), ("a kettle", "Matches “a kettle”")
    ):  # fmt: skip
        shop.needs.view = need(words=dict.fromkeys(lexical.words("kettle"), 1.0), spectrum=[Behavior("", said, 1.0)])
        made = await shop.recommend(ANN, asked(), Mode.CONDITIONED)
        assert (made.offers[0].product.key.product_id, made.offers[0].reason) == ("kettle", reason)
        assert (await shop.explain(ANN, "kettle", "en", Mode.CONDITIONED)).reason == reason


async def test_reasons_are_in_the_language_of_the_person(shop: Any, asked: Any, need: Any) -> None:
    await shop.do("bob", "kettle", "pot")
    await shop.do("ann", "kettle")
    shop.needs.view = await asyncio.to_thread(need, language="zh-CN")
    made = await shop.recommend(ANN, asked(1, language=""), Mode.CONDITIONED)
    assert made.offers[0].reason == "看过“不锈钢水壶”的顾客接着看了这款"


async def test_the_article_s_formula_is_cosine_and_centrality(shop: Any, asked: Any) -> None:
    await shop.do("bob", "tent", "mat")
    made = await shop.recommend(ANN, asked(1), Mode.ARTICLE)
    assert [term.name for term in made.offers[0].score.terms] == ["sim.dense", "rel.centrality"]


async def test_while_relations_are_away_what_was_disliked_is_offered_nothing_like(
    shop: Any, asked: Any, need: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    spectrum = [Behavior("kettle", "", -1.5), Behavior("tent", "", 1.0)]
    shop.needs.view = await asyncio.to_thread(need, "tent", spectrum=spectrum)

    async def away(person: Any) -> None:  # noqa: ARG001 - as it is called
        raise RelationsAway("for a moment")

    monkeypatch.setattr(shop.relations, "history", away)
    made = await shop.recommend(ANN, asked(9), Mode.CONDITIONED)
    assert {fallback.component for fallback in made.fallbacks} >= {"relations"}
    assert not {"kettle", "tent"} & set(ids(made))
    assert not [offer.reason for offer in made.offers if "kettle" in offer.reason.lower()]


@pytest.mark.parametrize(
    ("text", "first"), [("camping tent", "tent"), ("茶壶", "pot"), ("不锈钢水壶", "kettle"), ("running shoes", "shoe")]
)
async def test_search_finds_in_both_languages(shop: Any, asked: Any, text: str, first: str) -> None:
    assert ids(await shop.search.by_text("default", "", text, asked(3)))[0] == first


async def test_search_for_words_nobody_knows_finds_nothing(shop: Any, asked: Any) -> None:
    assert ids(await shop.search.by_text("default", "", "!!! ???", asked())) == []


async def test_a_search_leans_towards_the_person(shop: Any, asked: Any, need: Any) -> None:
    mugs = {"m1": "Blue tea mug", "m2": "Red tea mug"}
    await shop.load(*({"product_id": mug, "title": {"en": name}} for mug, name in mugs.items()), offset=100)
    for words, first, second in (("something red", "m2", "m1"), ("blue", "m1", "m2")):
        shop.needs.view = await asyncio.to_thread(need, words)
        made = await shop.search.by_text("default", "ann", "tea mug", asked(2))
        assert ids(made) == [first, second]
        terms = {term.name: term.contribution for term in made.offers[0].score.terms}
        assert 0 < terms["sim.need"] < terms["sim.words"] + terms["sim.dense"]


async def test_what_a_person_did_is_read_for_a_search_only_where_their_need_is_not_known(
    shop: Any, asked: Any, need: Any
) -> None:
    await shop.do("ann", "leaves")
    plain = (await shop.search.by_text("default", "", "tea", asked(3))).offers
    by_history = await shop.search.by_text("default", "ann", "tea", asked(3))
    assert [each.component for each in by_history.fallbacks] == ["needs"]
    assert [offer.score.value for offer in by_history.offers] != [offer.score.value for offer in plain]
    shop.needs.view = await asyncio.to_thread(need, "camping")
    known = await shop.search.by_text("default", "ann", "tea", asked(3))
    shop.relations.history = None  # would fail, were it called
    again = await shop.search.by_text("default", "ann", "tea", asked(3))
    assert not again.fallbacks
    assert [offer.score for offer in again.offers] == [offer.score for offer in known.offers]


async def test_a_vector_of_another_space_or_size_is_refused(shop: Any, asked: Any, models: Any) -> None:
    with pytest.raises(ForeignSpace, match="other@1"):
        await shop.search.by_vector("default", "", np.ones(4, dtype=np.float32), "other@1", asked())
    with pytest.raises(UnusableVector, match="send"):
        await shop.search.by_vector("default", "", np.ones(4, dtype=np.float32), models.space, asked())
    with pytest.raises(UnusableVector):
        await shop.search.by_vector("default", "", np.zeros(models.dim, dtype=np.float32), models.space, asked())


async def test_a_vector_finds_what_its_words_mean(shop: Any, asked: Any, models: Any) -> None:
    ((vector, _),) = await models.texts(["camping tent"])
    assert ids(await shop.search.by_vector("default", "", 3 * vector, models.space, asked(1))) == ["tent"]


async def test_similar_products_are_alike_and_not_the_product_itself(shop: Any, asked: Any) -> None:
    found = ids(await shop.similar(Key("default", "kettle"), asked(3)))
    assert found[0] in {"pot", "cup"}
    assert "kettle" not in found


async def test_a_product_that_is_not_there_is_refused_with_its_name(shop: Any, asked: Any) -> None:
    with pytest.raises(UnknownProduct, match="nope") as refused:
        await shop.similar(Key("default", "nope"), asked())
    assert (refused.value.field, refused.value.value) == ("product_id", "nope")
    with pytest.raises(UnknownProduct):
        await shop.explain(ANN, "nope", "en", Mode.CONDITIONED)


async def test_paths_add_up_to_the_graph_s_part_of_the_score(shop: Any) -> None:
    await shop.do("bob", "kettle", "cup", "pot", done=BUY)
    await shop.do("ann", "kettle", "cup")
    why = await shop.explain(ANN, "pot", "en", Mode.CONDITIONED)
    rel = sum(term.contribution for term in why.score.terms if term.name.startswith("rel."))
    assert sum(way.step.weight for way in why.paths) == pytest.approx(rel)
    assert {way.step.kind for way in why.paths} >= {"transition", "same_category", "same_brand"}
    assert why.excluded == ""


async def test_an_explanation_says_what_the_person_did_with_the_products_that_speak(shop: Any) -> None:
    await shop.do("ann", "kettle", done=BUY)
    await shop.do("ann", "cup")
    why = await shop.explain(ANN, "pot", "en", Mode.CONDITIONED)
    assert {way.source: way.did for way in why.paths} == {"kettle": "bought", "cup": "seen"}
    assert {each.product_id: each.did for each in why.evidence} == {"kettle": "bought", "cup": "seen"}
    beside = await shop.explain(ANN, "pot", "en", Mode.CONDITIONED, Context.PRODUCT_PAGE, ["kettle"])
    assert {way.source: way.did for way in beside.paths} == {"kettle": "there", "cup": "seen"}


async def test_an_explanation_says_why_a_product_is_not_offered(shop: Any) -> None:
    await shop.do("ann", "kettle", done=BUY)
    await shop.do("ann", "cup", done=Done.REFUSED)
    await shop.do("ann", "pot")
    found = [(await shop.explain(ANN, p, "en", Mode.CONDITIONED)).excluded for p in ("kettle", "cup", "pot", "bag")]
    assert found == ["bought before", "disliked", "seen before", "out of stock"]


async def test_evidence_names_behaviours_and_words(shop: Any, need: Any) -> None:
    spectrum = [Behavior("", "a tent for two", 0.8), Behavior("shoe", "", 1.0)]
    shop.needs.view = await asyncio.to_thread(need, "tent", spectrum=spectrum)
    why = await shop.explain(ANN, "tent", "en", Mode.CONDITIONED)
    assert [(e.text, e.product_id) for e in why.evidence] == [("a tent for two", ""), ("", "shoe")]
    assert why.evidence[0].similarity > 0.5


async def test_offers_are_best_first_and_not_all_of_one_category(shop: Any, asked: Any) -> None:
    await shop.do("bob", "leaves", "kettle", "pot", "cup", "tent", "shoe")
    await shop.do("ann", "leaves")
    made = await shop.recommend(ANN, asked(3), Mode.CONDITIONED)
    values = [offer.score.value for offer in made.offers]
    assert values == sorted(values, reverse=True)
    assert len({offer.product.category for offer in made.offers}) >= 2
