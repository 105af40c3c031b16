"""Versions of a shop's coefficients: published to the log, and remembered so that an earlier one can come back."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from hashlib import blake2b
from pathlib import Path

from google.protobuf import json_format

from attune.events.v1.ranker_pb2 import RankerRecord
from attune.recommender.v1.recommender_pb2 import GetPolicyRequest
from attune_cli.contract import topic_of
from attune_cli.failures import Refused
from attune_cli.log import reading, writing
from attune_cli.services import Services
from attune_evaluate.learning.gate import Verdict

SHIPPED = "shipped"
_MOST = 100.0  # that the contract takes
_PATIENCE, _LOOK = 10.0, 0.05  # seconds


def record_of(
    tenant: str, weights: Mapping[str, float], verdict: Verdict, previous: str, now: datetime
) -> RankerRecord:
    """A new version, named by its time and its content."""
    kept = {name: min(round(weight, 6), _MOST) for name, weight in weights.items()}
    content = blake2b(repr(sorted(kept.items())).encode(), digest_size=3).hexdigest()
    record = RankerRecord(
        tenant=tenant,
        version=f"{now.astimezone(UTC):%Y%m%dT%H%M%S}-{content}",
        weights=kept,
        examples=verdict.choices,
        ndcg_before=verdict.before,
        ndcg_after=verdict.after,
        previous="" if previous == SHIPPED else previous,
    )
    record.created_at.FromDatetime(now.astimezone(UTC))
    return record


class Versions:
    """Of one shop. The log keeps the last one for sure, the file beside the platform's data all that passed here."""

    def __init__(self, services: Services, tenant: str) -> None:
        self._services, self._tenant = services, tenant
        self._file = (services.endpoints.data or Path(".attune")) / "rankers.jsonl"

    async def in_force(self) -> RankerRecord:
        """Every coefficient that ranks now; `version` is `shipped` while none were learned."""
        with self._services.recommender() as stub:
            return (await stub.GetPolicy(GetPolicyRequest(tenant=self._tenant))).ranker

    async def known(self) -> dict[str, RankerRecord]:
        """By version, oldest first."""
        found = [*self._of_file(), *await self._of_log()]
        found.sort(key=lambda record: record.created_at.ToMilliseconds())
        return {record.version: record for record in found if record.tenant == self._tenant}

    async def publish(self, record: RankerRecord | None) -> None:
        """Make a version, or with None the shipped coefficients, the one in force; returns when it is."""
        if record is not None:
            self._remember(record)
        async with writing(self._services.endpoints.require("kafka")) as producer:
            await producer.send_many(topic_of(RankerRecord), [(self._tenant, record)])
        wanted, until = SHIPPED if record is None else record.version, time.monotonic() + _PATIENCE
        while (await self.in_force()).version != wanted:
            if time.monotonic() > until:
                raise Refused(f"{wanted} was sent, and does not rank after {_PATIENCE:.0f} s: look at `attune status`")
            await asyncio.sleep(_LOOK)

    def _remember(self, record: RankerRecord) -> None:
        if any(each.version == record.version and each.tenant == record.tenant for each in self._of_file()):
            return
        self._file.parent.mkdir(parents=True, exist_ok=True)
        line = json_format.MessageToJson(record, preserving_proto_field_name=True, indent=None)
        with self._file.open("a", encoding="utf-8") as file:
            file.write(line + "\n")

    def _of_file(self) -> list[RankerRecord]:
        if not self._file.exists():
            return []
        lines = self._file.read_text(encoding="utf-8").splitlines()
        return [json_format.Parse(line, RankerRecord(), ignore_unknown_fields=True) for line in lines if line]

    async def _of_log(self) -> list[RankerRecord]:
        async with reading(self._services.endpoints.require("kafka")) as log:
            partitions = await log.partitions([topic_of(RankerRecord)])
            return [_message(each.value) async for each in log.records(partitions) if each.value]


def _message(value: bytes) -> RankerRecord:
    """As this command writes them: Protobuf; a record of another producer may be JSON."""
    if value.startswith(b"{"):
        return json_format.Parse(value, RankerRecord(), ignore_unknown_fields=True)
    return RankerRecord.FromString(value)
