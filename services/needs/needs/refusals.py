"""Why a record that could be read is refused, in words that say what to do."""

from __future__ import annotations

from datetime import timedelta

from chassis.kafka import Rejected
from needs.instants import EPOCH


def no_value() -> Rejected:
    """An event cannot be taken back by a tombstone."""
    return Rejected("no-value", field="value", remedy="send the event as the value")


def unknown(tenant: str, product_id: str) -> Rejected:
    """The product is not there, and did not come."""
    remedy = f"load the product of the shop {tenant} into attune.catalog.v1, then send the event again"
    return Rejected("unknown-product", field="product_id", value=product_id, remedy=remedy)


def misplaced(key: str, right: int) -> Rejected:
    """The record lies in another partition than the one its key belongs to."""
    remedy = (
        f"its key belongs to {right}: produce with the murmur2 partitioner (librdkafka: partitioner=murmur2_random)"
    )
    return Rejected("wrong-partition", field="partition", value=key, remedy=remedy)


def future(at: int) -> Rejected:
    """`at` in milliseconds since 1970 is further ahead than clocks differ."""
    time = (EPOCH + timedelta(milliseconds=at)).isoformat()
    remedy = "send when it happened; this is more than a day ahead, so look at the clock of the producer"
    return Rejected("future", field="occurred_at", value=time, remedy=remedy)
