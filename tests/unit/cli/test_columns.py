from __future__ import annotations

from typing import Any

import pytest

from attune.events.v1.clickstream_pb2 import ClickstreamEvent
from attune.events.v1.knowledge_pb2 import KnowledgeEntry
from attune.events.v1.product_pb2 import Product
from attune_cli import columns
from attune_cli.failures import BadInput
from chassis.kafka.decode import checked, from_mapping


def _product(cells: dict[str, Any], *maps: str, constants: tuple[str, ...] = (), language: str = "en") -> Product:
    how = columns.parse(Product, maps, constants, [], language)
    return checked(from_mapping(Product, how.apply(cells, typed=False)))


def test_columns_fill_fields_maps_and_messages() -> None:
    cells = {"sku": " k1 ", "name": "Kettle", "名": "水壶", "gbp": "19.90", "area": "kitchen", "sort": "kettles"}
    made = _product(
        cells, "product_id=sku", "title=name", "title.zh=名", "price.amount=gbp", "category={area}/{sort}",
        constants=("price.currency=GBP", "availability=in_stock"),
    )  # fmt: skip
    assert made.product_id == "k1"
    assert dict(made.title) == {"en": "Kettle", "zh": "水壶"}
    assert (made.price.amount, made.price.currency) == ("19.90", "GBP")
    assert made.category == "kitchen/kettles"
    assert made.availability == 1


def test_columns_fill_lists_of_attributes_relations_and_images() -> None:
    cells = {"id": "k1", "name": "Kettle", "style": "retro", "stoff": "Stahl", "goes": "k2|k3", "image": "k1.jpg"}
    made = _product(
        cells, "product_id=id", "title=name", "attributes.style=style", "attributes.material.de=stoff",
        "relations.goes_with=goes", "images=image",
    )  # fmt: skip
    assert [(each.name, dict(each.value)) for each in made.attributes] == [
        ("style", {"und": "retro"}),
        ("material", {"de": "Stahl"}),
    ]
    assert [(each.kind, each.product_id) for each in made.relations] == [("goes_with", "k2"), ("goes_with", "k3")]
    assert [each.uri for each in made.images] == ["k1.jpg"]


def test_texts_of_a_list_stand_in_one_cell() -> None:
    how = columns.parse(KnowledgeEntry, ["variants=also"], [], [], "en")
    assert how.apply({"also": "how to return | send back"}, typed=False) == {"variants": ["how to return", "send back"]}


def test_cells_are_read_by_the_types_of_the_contract() -> None:
    maps = ["user_id=customer:int", "quantity=pieces", "occurred_at=when", "product_id=item:lower", "rating=stars"]
    how = columns.parse(ClickstreamEvent, maps, ["kind=purchase"], [], "und")
    cells = {"customer": "17850.0", "pieces": "6.0", "when": "2010-12-01 08:26:00", "item": "A85", "stars": "4.5"}
    form = how.apply(cells, typed=False)
    assert form == {"user_id": "17850", "quantity": 6, "occurred_at": "2010-12-01T08:26:00Z", "product_id": "a85",
                    "rating": 4.5, "kind": "purchase"}  # fmt: skip
    event = checked(from_mapping(ClickstreamEvent, {**form, "event_id": "1"}))
    assert event.occurred_at.ToJsonString() == "2010-12-01T08:26:00Z"


def test_empty_cells_leave_a_field_out() -> None:
    how = columns.parse(Product, ["brand=maker", "category={area}/{sort}"], [], [], "en")
    assert how.apply({"maker": " ", "area": "kitchen", "sort": ""}, typed=False) == {}


def test_without_a_map_columns_are_named_like_fields() -> None:
    how = columns.parse(Product, [], ["price.currency=EUR"], [], "en")
    how.check(["product_id", "title.zh", "price.amount"], "p.csv")
    form = how.apply({"product_id": "k1", "title.zh": "水壶", "price.amount": "5"}, typed=False)
    assert form == {"price": {"currency": "EUR", "amount": "5"}, "product_id": "k1", "title": {"zh": "水壶"}}


def test_where_keeps_rows_whose_whole_cell_matches() -> None:
    how = columns.parse(Product, [], [], [r"invoice=\d+", "customer=.+"], "en")
    assert how.keeps({"invoice": "536365", "customer": "1"})
    assert not how.keeps({"invoice": "C536365", "customer": "1"})
    assert not how.keeps({"invoice": "536365", "customer": ""})
    assert not how.keeps({"invoice": "536365"})


@pytest.mark.parametrize(
    ("maps", "constants", "where", "told"),
    [
        (["colour=c"], [], [], "'colour' is no field of Product"),
        (["price.sum=c"], [], [], "'sum' is no field of Money"),
        (["price=c"], [], [], "is no field of Money"),
        (["brand.x=c"], [], [], "brand of Product has no fields"),
        (["brand"], [], [], "write --map FIELD=COLUMN"),
        ([], ["brand"], [], "write --set FIELD=VALUE"),
        ([], [], ["a=("], "not a regular expression"),
    ],
)  # fmt: skip
def test_options_that_mean_nothing_are_refused(
    maps: list[str], constants: list[str], where: list[str], told: str
) -> None:
    with pytest.raises(BadInput, match=told):
        columns.parse(Product, maps, constants, where, "en")


def test_a_header_without_a_mapped_column_is_refused_with_its_columns() -> None:
    how = columns.parse(Product, ["product_id=sku"], [], [], "en")
    with pytest.raises(BadInput, match=r"p\.csv: product_id: there is no column 'sku': the columns are id, name"):
        how.check(["id", "name"], "p.csv")
