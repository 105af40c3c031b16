"""What decides about products stands in columns; it decides as the products themselves would."""

from __future__ import annotations

import random
from decimal import Decimal

import numpy as np
import pytest

from recommender.domain.allowed import Allowed
from recommender.domain.bag import Bag
from recommender.domain.columns import Facts
from recommender.domain.product import Key, Position, Product
from recommender.domain.shop import Entry, Shop
from recommender.domain.vectors import Vectors, rounded

DIM = 8
CATEGORIES = ["", "a", "a/b", "a/b/c", "ab", "d/e"]
BRANDS = ["", "B", "C"]


def product(rng: random.Random, number: int) -> Product:
    priced = rng.random() < 0.8
    return Product(
        Key("shop", f"p{number}"),
        {"en": f"Product {number}"},
        category=rng.choice(CATEGORIES),
        brand=rng.choice(BRANDS),
        currency=rng.choice(["EUR", "USD"]) if priced else "",
        amount=Decimal(rng.randrange(1, 5_000)) / 100 if priced else None,
        attributes=(("Color", {"en": rng.choice(["Red", "Blue"]), "zh": rng.choice(["红", "蓝"])}),),
        in_stock=rng.random() < 0.7,
        released=rng.randrange(10**12),
    )


def entry(given: Product, offset: int = 0, axis: int = 0, words: dict[int, float] | None = None) -> Entry:
    held = words or {}
    bag = Bag(np.array([*held], dtype=np.uint32), np.array([*held.values()], dtype=np.float32))
    return Entry(given, np.eye(DIM, dtype=np.float32)[axis], bag, Position("log", 2, offset))


@pytest.fixture
def rng() -> random.Random:
    return random.Random(11)


@pytest.fixture
def shop(rng: random.Random) -> Shop:
    """Of products that came, changed and went."""
    made = Shop("shop", DIM)
    for number in range(400):
        made.settle(number, f"p{number}")
    for step in range(3_000):
        number = rng.randrange(390)
        if rng.random() < 0.2:
            made.remove(f"p{number}", Position("log", 2, step))
        else:
            made.put(entry(product(rng, number), step))
    return made


def allowed(rng: random.Random) -> Allowed:
    return Allowed(
        categories=frozenset(rng.sample(["a", "a/b", "d", "nowhere"], rng.randrange(3))),
        brands=frozenset(rng.sample(["B", "C", "none such"], rng.randrange(3))),
        currency=rng.choice(["EUR", "USD", "CNY"]),
        most=rng.choice([None, 9.99, 25.0]),
        out_of_stock=rng.random() < 0.5,
    )


def _colors(shop: Shop, place: int) -> list[str]:
    return [*dict(shop.at(place).attributes)["Color"].values()]


def test_columns_let_through_what_the_products_themselves_would(shop: Shop, rng: random.Random) -> None:
    places = np.arange(400)
    for _ in range(200):
        asked = allowed(rng)
        found = [place for place in range(400) if shop.has(place) and not asked.why_not(shop, place)]
        assert np.flatnonzero(asked.fits(shop, places)).tolist() == asked.everywhere(shop).tolist() == found


def test_a_product_is_read_as_it_was_put(shop: Shop, rng: random.Random) -> None:
    given = entry(product(rng, 5), 9_000, axis=3, words={7: 0.5, 4_000_000_000: 0.25})
    shop.put(given)
    held = shop.entry(5)
    assert held is not None
    assert (held.product, held.position) == (given.product, given.position)
    assert held.vector.tolist() == given.vector.tolist()
    assert held.words.words.tolist() == [7, 4_000_000_000]
    assert held.words.weights.tolist() == [0.5, 0.25]


def test_what_is_gone_leaves_the_position_of_its_last_record(shop: Shop, rng: random.Random) -> None:
    shop.put(entry(product(rng, 5), 9_000))
    shop.remove("p5", Position("log", 2, 9_001))
    assert not shop.has(5)
    assert shop.entry(5) is None
    assert shop.facts.position(5) == Position("log", 2, 9_001)
    assert shop.facts.position(399) is None


def test_attributes_are_found_in_every_language_and_case(shop: Shop) -> None:
    places = shop.all()
    for value in ("red", "BLUE", "红", "蓝"):
        having = [value.casefold() in {v.casefold() for v in _colors(shop, place)} for place in places.tolist()]
        assert shop.having(places, "COLOR", [value]).tolist() == having
    assert shop.having(places, "color", []).all()
    assert not shop.having(places, "size", []).any()


def test_a_vector_is_kept_to_five_digits() -> None:
    held, rng = Vectors(64), np.random.default_rng(5)
    given = rng.standard_normal((2_000, 64)).astype(np.float32)
    given /= np.linalg.norm(given, axis=1, keepdims=True)
    held.make_room(2_000)
    for place, vector in enumerate(given):
        held.put(place, vector)
    assert np.abs(held.take(range(2_000)) - given).max() < 2e-5
    assert np.abs(held.cosines(range(2_000), given[0]) - given @ given[0]).max() < 1e-4
    again = Vectors(64)
    again.put(0, held.at(7))
    assert again.at(0).tolist() == held.at(7).tolist()


def test_cosines_of_any_number_of_places_are_those_of_each() -> None:
    held, rng = Vectors(8), np.random.default_rng(5)
    held.make_room(10_000)
    for place, vector in enumerate(rng.uniform(-0.3, 0.3, (10_000, 8)).astype(np.float32)):
        held.put(place, vector)
    asked = held.at(3)
    for count in (0, 1, 4_096, 9_999):
        places = rng.permutation(10_000)[:count]
        assert held.cosines(places, asked) == pytest.approx(held.take(places) @ asked, abs=1e-6)


def test_a_vector_that_was_rounded_once_is_kept_bit_for_bit(rng: random.Random) -> None:
    kept = Vectors(8)
    for place in range(100):
        vector = rounded(np.array([rng.uniform(-1, 1) for _ in range(8)], dtype=np.float32))
        kept.put(place, vector)
        assert kept.at(place).tobytes() == vector.tobytes() == rounded(vector).tobytes()


def test_brands_categories_and_currencies_are_counted_as_products_come_change_and_go() -> None:
    facts = Facts()

    def product(brand: str, category: str, currency: str) -> Product:
        return Product(Key("t", "p"), {"en": "P"}, category=category, brand=brand, currency=currency)

    facts.put(0, product("Ember", "kitchen/pots", "EUR"), Position("log", 0, 0))
    facts.put(1, product("Lark", "kitchen/cups", "EUR"), Position("log", 0, 1))
    facts.put(2, product("Lark", "garden", "USD"), Position("log", 0, 2))
    assert (facts.of_brands(["Lark"]), facts.in_categories(["kitchen"]), facts.sold_in()) == (2, 2, ["EUR", "USD"])
    facts.put(0, product("Lark", "garden", "USD"), Position("log", 0, 3))
    assert (facts.of_brands(["Ember", "Lark"]), facts.in_categories(["kitchen"])) == (3, 1)
    assert facts.sold_in() == ["USD", "EUR"]
    facts.remove(1, Position("log", 0, 4))
    assert not facts.has_category("kitchen")
    assert facts.sold_in() == ["USD"]
