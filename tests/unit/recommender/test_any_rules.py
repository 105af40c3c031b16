"""Rules hold whatever they are, and whatever the shop is: worked out once more, product by product."""

from __future__ import annotations

import random
from collections import Counter
from datetime import timedelta
from decimal import Decimal
from typing import Any

import numpy as np
import pytest

from recommender.domain import rules as r
from recommender.domain.arrange import arrange
from recommender.domain.bag import EMPTY
from recommender.domain.context import Context
from recommender.domain.product import Key, Position, Product
from recommender.domain.rulebook import RuleBook
from recommender.domain.ruling import Ruling
from recommender.domain.score import Scores
from recommender.domain.shop import Entry, Shop

NOW = 1_767_225_600_000  # 2026 begins
DAY = 86_400_000


def random_shop(rng: random.Random) -> Shop:
    shop = Shop("default", 8)
    for place in range(rng.randrange(1, 60)):
        shop.settle(place, f"p{place}")
        vector = np.array([rng.gauss(0, 1) for _ in range(8)], dtype=np.float32)
        product = Product(
            Key("default", f"p{place}"),
            {"en": f"p{place}"},
            category=rng.choice(["a", "a/b", "a/c", "d", ""]),
            brand=rng.choice(["x", "y", "z", ""]),
            currency="EUR",
            amount=Decimal(rng.randrange(100)),
            released=rng.choice([0, NOW - rng.randrange(60) * DAY]),
        )
        shop.put(Entry(product, vector / np.linalg.norm(vector), EMPTY, Position("log", 0, place)))
    return shop


def random_match(rng: random.Random) -> r.Match:
    given: dict[str, Any] = {}
    if rng.random() < 0.3:
        given["product_ids"] = frozenset(f"p{rng.randrange(60)}" for _ in range(rng.randrange(1, 20)))
    if rng.random() < 0.3:
        given["categories"] = frozenset(rng.sample(["a", "a/b", "d", "nowhere"], rng.randrange(1, 3)))
    if rng.random() < 0.3:
        given["brands"] = frozenset(rng.sample(["x", "y", "z"], rng.randrange(1, 3)))
    if rng.random() < 0.3:
        given |= {"currency": "EUR", "most": Decimal(rng.randrange(100))}
    if rng.random() < 0.2:
        given["newer_than"] = timedelta(days=rng.randrange(1, 60))
    return r.Match(**given)


def random_rule(rng: random.Random, rule_id: str) -> r.Rule:
    effect = rng.choice([
        r.Exclude(), r.IncludeOnly(), r.Pin(rng.randrange(1, 8)), r.Bury(), r.Boost(rng.uniform(-2, 2)),
        r.BrandCap(rng.randrange(1, 4)), r.Diversity(rng.random()), r.AdultsOnly(18),
        r.FreshQuota(rng.uniform(0.05, 1), timedelta(days=rng.randrange(1, 60))),
    ])  # fmt: skip
    return r.Rule("default", rule_id, effect, random_match(rng))


def concerns(rule: r.Rule, shop: Shop, place: int) -> bool:
    """Worked out product by product, from the words of the contract."""
    product, match = shop.at(place), rule.match
    return (
        (not match.product_ids or product.key.product_id in match.product_ids)
        and (not match.brands or product.brand in match.brands)
        and (not match.categories or any(f"{product.category}/".startswith(f"{each}/") for each in match.categories))
        and (match.most is None or (product.amount is not None and product.amount <= match.most))
        and (match.newer_than is None or is_new(product, match.newer_than))
    )


def is_new(product: Product, age: timedelta) -> bool:
    return product.released > 0 and NOW - product.released <= age // timedelta(milliseconds=1)


@pytest.mark.parametrize("seed", range(400))
def test_no_reply_ever_breaks_a_rule(seed: int) -> None:
    rng = random.Random(seed)
    shop = random_shop(rng)
    rules = [random_rule(rng, f"r{index}") for index in range(rng.randrange(8))]
    book = RuleBook(shop, rules)
    book.catch_up()
    ruling = Ruling(shop, book, NOW, Context.HOME, r.Customer())
    everywhere = shop.all()
    base = np.array([rng.uniform(0, 3) for _ in everywhere])
    boosts = ruling.boosts(everywhere)
    columns = [("base", base, 1.0)] + ([] if boosts is None else [("rule.boost", boosts, 1.0)])
    scores, k = Scores(everywhere.tolist(), columns), rng.randrange(1, 21)
    chosen = scores.places[arrange(shop, scores, k, ruling, diverse=bool(seed % 2))].tolist()

    def told(kind: type, place: int) -> list[r.Rule]:
        return [rule for rule in rules if isinstance(rule.effect, kind) and concerns(rule, shop, place)]

    allowed = [
        place for place in everywhere.tolist()
        if not told(r.Exclude, place) and not told(r.AdultsOnly, place)
        and all(concerns(rule, shop, place) for rule in rules if isinstance(rule.effect, r.IncludeOnly))
    ]  # fmt: skip
    assert set(chosen) <= set(allowed)
    assert len(set(chosen)) == len(chosen) <= k
    for rule in rules:
        mine = [place for place in chosen if concerns(rule, shop, place)]
        if isinstance(rule.effect, r.BrandCap):
            counts = Counter(shop.at(place).brand for place in mine if shop.at(place).brand)
            assert max(counts.values(), default=0) <= rule.effect.most
        if isinstance(rule.effect, r.Boost):
            for place in mine:
                scored = scores.at(scores.places.tolist().index(place))
                assert scored.value == sum(term.contribution for term in scored.terms)
    pinned = {place for place in chosen if any(rule.effect.position <= k for rule in told(r.Pin, place))}  # type: ignore[union-attr]
    buried = [bool(told(r.Bury, place)) for place in chosen if place not in pinned]
    assert buried == sorted(buried)
    capped = any(isinstance(rule.effect, r.BrandCap) for rule in rules)
    if not capped:
        assert len(chosen) == min(k, len(allowed))
        quotas = [rule for rule in rules if isinstance(rule.effect, r.FreshQuota)]
        if len(quotas) == 1 and not pinned and not any(isinstance(rule.effect, r.Bury) for rule in rules):
            (quota,) = quotas
            effect = quota.effect
            assert isinstance(effect, r.FreshQuota)
            new = [p for p in allowed if concerns(quota, shop, p) and is_new(shop.at(p), effect.age)]
            there = sum(place in new for place in chosen)
            assert there >= min(len(new), int(effect.share * k))
        pins = [rule for rule in rules if isinstance(rule.effect, r.Pin)]
        if len(pins) == 1 and pinned:
            (pin,) = pins
            assert isinstance(pin.effect, r.Pin)
            first = min(chosen.index(place) for place in pinned)
            assert first == min(pin.effect.position - 1, len(chosen) - len(pinned))


def test_a_shop_that_changes_has_the_flags_it_would_have_had_from_the_start() -> None:
    rng = random.Random(7)
    shop = random_shop(rng)
    rules = [random_rule(rng, f"r{index}") for index in range(10)]
    book = RuleBook(shop, rules)
    for turn in range(200):
        place = rng.randrange(len(shop.ids))
        if rng.random() < 0.3:
            shop.remove(shop.ids[place], Position("log", 0, 1000 + turn))
        else:
            product = Product(Key("default", shop.ids[place]), {"en": "x"}, category=rng.choice(["a/b", "d"]),
                              brand=rng.choice(["x", "y"]), released=NOW)  # fmt: skip
            shop.put(Entry(product, np.zeros(8, dtype=np.float32), EMPTY, Position("log", 0, 1000 + turn)))
        book.catch_up()
    fresh = RuleBook(shop, rules)
    fresh.catch_up()
    rows, places = range(len(rules)), np.arange(len(shop.ids))
    assert (book.concerns(rows, places, NOW) == fresh.concerns(rows, places, NOW)).all()
