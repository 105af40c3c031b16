"""The table of products, which holds a whole catalogue in columns."""

from __future__ import annotations

from dataclasses import fields
from typing import Any

import numpy as np
import pytest

from needs.domain.products import LogPosition, Product, ProductTable

TEA = Product(
    tenant="shop",
    product_id="tea",
    vector=np.array([0.6, 0.8], dtype=np.float32),
    words=(("tea", 0.6), ("茶", 0.8)),
    category="drinks",
    brand="Lu",
    currency="CNY",
    amount="19.90",
    attributes={"colour": "green", **{f"name{i}": f"a=b{i}" for i in range(9)}},
    position=LogPosition("life", 3, 2**40),
)


def told(product: Product) -> dict[str, Any]:
    values = {field.name: getattr(product, field.name) for field in fields(product)}
    return values | {"vector": None if product.vector is None else product.vector.tolist()}


@pytest.fixture
def products() -> ProductTable:
    return ProductTable(2)


def test_a_product_is_told_as_it_was_put(products: ProductTable) -> None:
    products.put(TEA)
    found = products.get("shop", "tea")
    assert found is not None
    assert told(found) == told(TEA)


def test_a_newer_state_replaces_all_of_the_older_one(products: ProductTable) -> None:
    products.put(TEA)
    bare = Product("shop", "tea", None, position=LogPosition("another life"))
    products.put(bare)
    found = products.get("shop", "tea")
    assert found is not None
    assert (told(found), len(products)) == (told(bare), 1)
    assert not products.vectors[products.places(products.names_of(["shop"], ["tea"]))].any()


def test_a_catalogue_that_grows_keeps_its_places_and_names(products: ProductTable) -> None:
    many = [Product(f"shop{i % 3}", f"p{i}", np.eye(2, dtype=np.float32)[i % 2], brand=f"b{i}") for i in range(3_000)]
    for product in many:
        products.put(product)
    names = products.names_of([product.tenant for product in many], [product.product_id for product in many])
    places = products.places(names)
    assert places.tolist() == list(range(1, 3_001))
    assert [products.facet(key) for key in products.brands[places].tolist()] == [product.brand for product in many]
    assert products.vectors[places].tolist() == [
        product.vector.tolist() for product in many if product.vector is not None
    ]


def test_what_nobody_put_is_unknown(products: ProductTable) -> None:
    products.put(TEA)
    assert products.names_of(["shop", "other"], ["coffee", "tea"]).tolist() == [0, 0]
    assert (products.get("other", "tea"), products.name_of("shop", "coffee"), products.at(0)) == (None, None, None)
