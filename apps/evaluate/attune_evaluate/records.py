"""Products and acts → records of the log and messages of the contract."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime

import msgspec

from attune.events.v1.product_pb2 import Product
from attune_evaluate.dataset import Act
from chassis.kafka import Record

_PROTOBUF = {"content-type": "application/x-protobuf"}
_LONG_AGO = int(datetime(2000, 1, 1, tzinfo=UTC).timestamp() * 1000)


def products(given: Sequence[Product], tenant: str, offsets: Iterator[int]) -> list[Record]:
    """Of `attune.catalog.v1`."""
    return [Record(next(offsets), each.product_id, owned(each, tenant).SerializeToString(), _PROTOBUF, 0)
            for each in given]  # fmt: skip


def clicks(acts: Sequence[Act], tenant: str, offsets: Iterator[int]) -> list[Record]:
    """Of `attune.clickstream.v1`, as JSON, which is read fastest."""
    encode = msgspec.json.Encoder().encode
    found = []
    for act in acts:
        offset = next(offsets)
        form: dict[str, object] = {
            "event_id": f"{tenant}-{offset}",
            "tenant": tenant,
            "user_id": act.user,
            "occurred_at": datetime.fromtimestamp(act.at / 1000, UTC).isoformat(timespec="milliseconds")[:-6] + "Z",
            "kind": act.kind,
            "product_id": act.product,
        }
        if act.rating is not None:
            form["rating"] = act.rating
        found.append(Record(offset, act.user, encode(form), {}, act.at))
    return found


def owned(product: Product, tenant: str) -> Product:
    """The product as one of a tenant's, on sale for long unless it says since when.

    Otherwise a platform takes it for new from its record on: of a catalogue that was sent just now it would offer some
    to everybody as what nobody could have met yet.
    """
    copy = Product()
    copy.CopyFrom(product)
    copy.tenant = tenant
    if not copy.HasField("released_at"):
        copy.released_at.FromMilliseconds(_LONG_AGO)
    return copy
