from __future__ import annotations

import json
from typing import Any

import pytest

from attune.events.v1.clickstream_pb2 import ClickstreamEvent
from attune.events.v1.product_pb2 import Product
from chassis.kafka import Record, Rejected, proto_decoder
from recommender.decoding import click_decoder, erasure_decoder
from recommender.handlers import product_of, product_of_record

CLICK = {
    "event_id": "e1",
    "user_id": "ann",
    "occurred_at": "2026-01-31T12:00:00.250+01:00",
    "kind": "add_to_cart",
    "product_id": "kettle",
}
DECODE = click_decoder()


def record(value: bytes, key: str | None = "ann", **headers: str) -> Record:
    return Record(7, key, value, headers, 0)


def of(**changes: Any) -> Record:
    return record(json.dumps({k: v for k, v in {**CLICK, **changes}.items() if v is not None}).encode())


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"kind": "BEHAVIOR_KIND_VIEW"},
        {"kind": "rate", "rating": 4.5},
        {"kind": "review", "text": "very dry", "tenant": "shop"},
        {"unknown": [1]},
        {"event_id": "é", "surface": "home"},
    ],
)
def test_the_short_way_reads_what_the_contract_reads(changes: dict[str, Any]) -> None:
    given = of(**changes)
    exact = proto_decoder(ClickstreamEvent)(given)
    short = DECODE(given)
    protobuf = record(exact.SerializeToString(), **{"content-type": "application/x-protobuf"})
    assert short == DECODE(protobuf)
    assert (short.product_id, short.kind, short.at) == ("kettle", exact.kind, exact.occurred_at.ToMilliseconds())


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"kind": "stare"}, "kind"),
        ({"kind": "rate"}, ""),
        ({"kind": "review"}, ""),
        ({"product_id": None}, ""),
        ({"product_id": "a\nb"}, "product_id"),
        ({"product_id": "x" * 200}, "product_id"),
        ({"rating": 9}, "rating"),
        ({"tenant": "Not A Shop"}, "tenant"),
        ({"occurred_at": None}, "occurred_at"),
    ],
)
def test_what_the_short_way_cannot_judge_is_refused_in_the_contract_s_words(
    changes: dict[str, Any], field: str
) -> None:
    with pytest.raises(Rejected) as refused:
        DECODE(of(**changes))
    with pytest.raises(Rejected) as exactly:
        proto_decoder(ClickstreamEvent)(of(**changes))
    assert str(refused.value) == str(exactly.value)
    assert field in refused.value.field


def test_a_click_about_a_text_alone_is_read_and_names_no_product() -> None:
    content = {"composition_id": "c", "experiment_id": "e", "variant_id": "v", "propensity": 0.5}
    assert not DECODE(of(product_id=None, content=content)).product_id


def test_a_record_under_another_key_is_refused() -> None:
    given = of()
    with pytest.raises(Rejected, match="wrong-key"):
        DECODE(record(given.value or b"", key="bob"))


@pytest.mark.parametrize("years", [-1, 0, 10])
def test_nothing_happens_after_kafka_has_it(years: int) -> None:
    """A clock that is ahead makes no product popular for years, brings nobody back and keeps nobody away."""
    written = 1_769_860_800_000
    told = {"occurred_at": f"{2026 + years}-01-31T12:00:00Z", "requested_at": f"{2026 + years}-01-31T12:00:00Z"}
    value = json.dumps({**CLICK, **told}).encode()
    for at in (
        DECODE(Record(0, "ann", value, {}, written)).at,
        erasure_decoder()(Record(0, "ann", value, {}, written)).requested_at.ToMilliseconds(),
    ):
        assert at == written if years >= 0 else at < written


def test_texts_of_a_product_stand_in_the_order_of_their_languages_in_every_process() -> None:
    texts = {"zh": "壶", "en": "kettle", "und": "K", "de": "Kessel", "fr": "bouilloire"}
    message = Product(product_id="kettle", title=texts, category_name=texts, attributes=[{"name": "a", "value": texts}])
    product = product_of(message)
    for each in (product.title, product.category_name, product.attributes[0][1]):
        assert list(each.items()) == sorted(texts.items())
    assert product_of_record(product.record) == product
