"""A shop's past: from files, or from the log and the recommender that serve it now."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from pathlib import Path

from aiokafka import ConsumerRecord

from attune.events.v1.clickstream_pb2 import ClickstreamEvent
from attune.events.v1.product_pb2 import Product
from attune.recommender.v1.recommender_pb2 import GetProductsRequest
from attune_cli.contract import topic_of
from attune_cli.log import reading
from attune_cli.output import remark
from attune_cli.services import Services
from attune_evaluate.dataset import Act, Dataset
from attune_evaluate.readers.own import act, acts, products
from chassis.kafka import Record, Rejected, proto_decoder

_AT_ONCE = 200  # products that the recommender is asked for
_DEFAULT = "default"


async def past(services: Services | None, tenant: str, events: Sequence[Path], catalog: Path | None) -> Dataset:
    """What happened in one shop, in the order of time, and the products it happened to."""
    done = [each for file in events for each in acts(file, tenant)]
    if not events:
        assert services is not None  # noqa: S101 - who gives no files is connected
        done = await _of_log(services, tenant)
    named = {each.product for each in done}
    stocked = products(catalog) if catalog is not None else await _of_recommender(services, tenant, named)
    return Dataset(tenant, stocked, sorted(done, key=lambda each: each.at))


async def _of_log(services: Services, tenant: str) -> list[Act]:
    decode, topic = proto_decoder(ClickstreamEvent), topic_of(ClickstreamEvent)
    found: list[Act] = []
    async with reading(services.endpoints.require("kafka")) as log:
        partitions = await log.partitions([topic])
        if any((await log.begins(partitions)).values()):
            remark(
                f"the log has forgotten its oldest records of {topic}: with --events older ones are learned from too"
            )
        async for record in log.records(partitions):
            try:
                event = decode(_plain(record))
            except Rejected:  # it lies among the dead letters already
                continue
            if (event.tenant or _DEFAULT) == tenant and event.product_id:
                found.append(act(event))
    return found


def _plain(record: ConsumerRecord) -> Record:
    headers = {name: value.decode("utf-8", "replace") for name, value in record.headers}
    key = None if record.key is None else record.key.decode("utf-8", "replace")
    return Record(record.offset, key, record.value or b"", headers, record.timestamp)


async def _of_recommender(services: Services | None, tenant: str, named: Collection[str]) -> list[Product]:
    found: list[Product] = []
    if services is None:
        return found
    ids = sorted(named)
    for start in range(0, len(ids), _AT_ONCE):
        request = GetProductsRequest(tenant=tenant, product_ids=ids[start : start + _AT_ONCE])
        with services.recommender() as stub:
            found += (await stub.GetProducts(request)).products
    return found
