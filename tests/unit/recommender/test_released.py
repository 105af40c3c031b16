"""Since when a product is on sale, and what that keeps from being offered."""

from __future__ import annotations

from typing import Any

from recommender.domain.product import Key
from recommender.domain.score import Mode
from recommender.usecases.relations import Person

ANN = Person("default", "ann")


def ids(made: Any) -> list[str]:
    return [offer.product.key.product_id for offer in made.offers]


async def test_what_will_be_on_sale_only_later_waits_until_then(bare: Any, asked: Any) -> None:
    await bare.load({"product_id": "moon", "title": {"en": "Moon lamp"}, "released_at": "2026-03-01T00:00:00Z"})
    released = 1_772_323_200_000
    bare.now = released - 1
    early = await bare.recommend(ANN, asked(), Mode.CONDITIONED)
    assert not early.offers
    assert early.shortage == "everything will be on sale only later"
    assert ids(await bare.recommend(ANN, asked(out_of_stock=True), Mode.CONDITIONED)) == ["moon"]
    assert not (await bare.search.by_text("default", "", "lamp", asked())).offers
    assert (await bare.explain(ANN, "moon", "en", Mode.CONDITIONED)).excluded == "on sale only later"
    bare.now = released
    assert ids(await bare.recommend(ANN, asked(), Mode.CONDITIONED)) == ["moon"]
    assert ids(await bare.search.by_text("default", "", "lamp", asked())) == ["moon"]
    assert not (await bare.explain(ANN, "moon", "en", Mode.CONDITIONED)).excluded


async def test_similar_products_that_will_be_on_sale_only_later_are_left_out(shop: Any, asked: Any) -> None:
    later = {"title": {"en": "Steel tea kettle for the moon"}, "released_at": "2026-03-01T00:00:00Z"}
    await shop.load({"product_id": "moon", "category": "kitchen/kettles", **later})
    assert "moon" not in ids(await shop.similar(Key("default", "kettle"), asked()))
    shop.now = 1_772_323_200_000
    assert "moon" in ids(await shop.similar(Key("default", "kettle"), asked()))


async def test_many_that_will_be_on_sale_only_later_displace_nobody(bare: Any, asked: Any) -> None:
    later = (
        {"product_id": f"d-{n}", "title": {"en": "Dress"}, "released_at": "2026-03-01T00:00:00Z"} for n in range(450)
    )
    await bare.load(*later)
    new = {"title": {"en": "Summer linen dress with a belt"}, "released_at": "2025-12-30T00:00:00Z"}
    await bare.load(*({"product_id": f"new-{n}", **new} for n in range(5)))
    found = {f"new-{n}" for n in range(5)}
    assert set(ids(await bare.search.by_text("default", "", "dress", asked(10)))) == found
    made = await bare.recommend(ANN, asked(10), Mode.CONDITIONED)
    assert set(ids(made)) == found
    assert all("fresh" in offer.sources for offer in made.offers)
