"""An appeal speaks to people by what they did and by how they responded."""

from __future__ import annotations

from decimal import Decimal

from content.domain.appeals import Response, affinity
from content.domain.customer import Customer, PriceBand
from content.domain.product import Product

THRIFTY = Customer(known=True, prices=PriceBand("EUR", Decimal(60), Decimal(90)))
LAVISH = Customer(known=True, prices=PriceBand("EUR", Decimal(10), Decimal(20)))


def test_price_speaks_to_who_usually_looks_at_dearer_things(kettle: Product) -> None:
    assert affinity("price", THRIFTY, kettle, {}) > affinity("price", LAVISH, kettle, {})
    assert affinity("quality", THRIFTY, kettle, {}) < affinity("quality", LAVISH, kettle, {})


def test_reminding_suits_who_has_seen_the_product_and_news_who_has_not(kettle: Product) -> None:
    seen = Customer(known=True, seen=frozenset({"kettle"}))
    unseen = Customer(known=True, categories={"kitchen": 0.8})
    assert affinity("remind", seen, kettle, {}) > affinity("new", seen, kettle, {})
    assert affinity("remind", unseen, kettle, {}) < affinity("new", unseen, kettle, {})


def test_someone_unknown_likes_every_appeal_alike(kettle: Product) -> None:
    assert len({affinity(appeal, Customer(), kettle, {}) for appeal in ("price", "new", "remind", "gift", "")}) == 1


def test_own_clicks_raise_an_appeal_and_silence_lowers_it(kettle: Product) -> None:
    responses = {"gift": Response(shown=10, clicked=6), "use": Response(shown=10)}
    before = affinity("gift", Customer(), kettle, {})
    assert affinity("gift", Customer(), kettle, responses) > before > affinity("use", Customer(), kettle, responses)
    assert affinity("use", Customer(), kettle, responses) > 0
